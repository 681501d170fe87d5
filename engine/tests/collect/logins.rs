//! Servers with manners of their own about logging in.

use std::sync::Arc;

use etiqa_engine::collect::{Driver, Target};
use etiqa_model::class::Class;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, Config, Handler, Msg, Response, Session, run_stream};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use tokio::net::TcpListener;

use crate::support::{at, login, run, text};

const DRIVER: &str =
    "title = \"One command\"\nmode = \"exec\"\n[[command]]\nsend = \"show\"\npart = \"running\"\n";

/// Takes nothing but keyboard-interactive: a password, then whatever `then_asks`.
#[derive(Clone, Default)]
struct Questions {
    then_asks: Option<&'static str>,
    ends_without_status: bool,
    is_answered: bool,
}

impl Questions {
    fn refusal() -> Auth {
        let methods = MethodSet::from(&[MethodKind::KeyboardInteractive][..]);
        Auth::Reject { proceed_with_methods: Some(methods), partial_success: false }
    }

    fn ask(question: &'static str, echo: bool) -> Auth {
        let prompts = vec![(question.into(), echo)].into();
        Auth::Partial { name: "".into(), instructions: "".into(), prompts }
    }
}

impl Handler for Questions {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, _: &str) -> Result<Auth, russh::Error> {
        Ok(Self::refusal())
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let answer = response.and_then(|mut answers| answers.next());
        Ok(match (answer.as_deref(), self.is_answered, self.then_asks) {
            (None, ..) => Self::ask("Password: ", false),
            (Some(b"admin"), false, Some(question)) => {
                self.is_answered = true;
                Self::ask(question, question == "Name: ")
            }
            (Some(b"admin"), false, None) => Auth::Accept,
            (Some(name), true, Some("Name: ")) if name == user.as_bytes() => Auth::Accept,
            _ => Self::refusal(),
        })
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: russh::server::ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(id)?;
        session.data(id, "hostname r1\n")?;
        if !self.ends_without_status {
            session.exit_status_request(id, 0)?;
        }
        session.eof(id)?;
        session.close(id)
    }
}

async fn server(handler: Questions) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
    let config = Arc::new(Config { keys: vec![key], ..Config::default() });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(session) = run_stream(Arc::clone(&config), stream, handler.clone()).await {
                tokio::spawn(session);
            }
        }
    });
    at("127.0.0.1", port)
}

fn driver() -> Driver {
    Driver::parse("one", DRIVER).unwrap()
}

#[tokio::test]
async fn a_server_that_asks_its_questions_itself_gets_the_password() {
    for then_asks in [None, Some("Name: ")] {
        let target = server(Questions { then_asks, ..Questions::default() }).await;
        let outcome = run(&target, &driver(), &[login("net", "admin")]).await;
        assert_eq!(outcome.class, Class::Ok, "{then_asks:?}: {}", outcome.message);
        assert_eq!(text(&outcome, "running"), "hostname r1\n");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_a_new_one_is_never_set() {
    let target = server(Questions::default()).await;
    let outcome = run(&target, &driver(), &[login("net", "wrong")]).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}", outcome.message);

    let expired =
        Questions { then_asks: Some("Your password expired. New password: "), ..Questions::default() };
    let outcome = run(&server(expired).await, &driver(), &[login("net", "admin")]).await;
    assert_eq!(outcome.class, Class::AuthFailed);
    assert!(outcome.message.contains("New password"), "{}", outcome.message);
}

#[tokio::test]
async fn a_command_without_an_exit_status_is_not_whole() {
    let target = server(Questions { ends_without_status: true, ..Questions::default() }).await;
    let outcome = run(&target, &driver(), &[login("net", "admin")]).await;
    assert_eq!(outcome.class, Class::Incomplete, "{}", outcome.message);
    assert!(outcome.parts.is_empty());
}
