//! Fortinet FortiOS: the configuration file that its web page restores from, by the REST API.
//!
//! `/api/v2/monitor/system/config/backup` (FortiOS REST API reference, monitor, system): by GET, and from 7.6 on by
//! POST. With an API token where the credential has one; else by a session as the web page opens it (`/logincheck`).

use etiqa_model::Secret;
use etiqa_model::class::Class;
use hyper::header::SET_COOKIE;
use hyper::{Method, StatusCode};

use super::talk::Talk;
use super::whole::Form;
use super::{Brought, Flow, Incoming};
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::transport::https::{Ask, Reply};

const BACKUP: &str = "/api/v2/monitor/system/config/backup?scope=global&destination=file";

/// See the module.
#[derive(Default)]
pub(super) struct ConfigFile {
    session: Option<Session>,
}

/// What the web page's login gives.
struct Session {
    cookies: Secret,
    csrf_token: Secret,
}

impl Flow for ConfigFile {
    async fn make(&mut self, talk: &mut Talk<'_>, file: &mut Incoming) -> Step<Brought> {
        if talk.login.api_token.is_none() {
            talk.doing("logging in to the REST API");
            self.session = Some(log_in(talk).await?);
        }
        talk.doing("downloading the configuration file");
        let mut reply = self.ask(talk, Ask::get(BACKUP).patient(talk.longest)).await?;
        if reply.status == StatusCode::METHOD_NOT_ALLOWED {
            reply.text().await?;
            reply = self.ask(talk, Ask::new(Method::POST, BACKUP).patient(talk.longest)).await?;
        }
        if reply.status == StatusCode::FORBIDDEN {
            let said = reply.text().await.unwrap_or_default();
            let failure = reply.refused(&said);
            let message = format!("{} Its profile needs read and write access to System.", failure.message);
            return Err(Failure::new(failure.class, message));
        }
        talk.save(reply.good().await?, file).await?;
        Ok(Brought {
            form: Form::Text { begins: "#config-version=", ends: "end", needs_newline: true },
            extension: "conf",
        })
    }

    async fn clean_up(&mut self, talk: &mut Talk<'_>) -> Result<(), String> {
        if self.session.is_some() {
            // A session ends by itself; nothing of the backup stays on the device.
            let _ = self.ask(talk, Ask::new(Method::POST, "/logout")).await;
            self.session = None;
        }
        Ok(())
    }
}

impl ConfigFile {
    async fn ask(&self, talk: &mut Talk<'_>, ask: Ask<'_>) -> Step<Reply> {
        let ask = match (&talk.login.api_token, &self.session) {
            (Some(token), _) => ask.header("authorization", &format!("Bearer {}", token.reveal())),
            (None, Some(session)) => ask
                .header("cookie", session.cookies.reveal())
                .header("x-csrftoken", session.csrf_token.reveal()),
            (None, None) => ask,
        };
        talk.ask(ask).await
    }
}

/// The answer is a line of JavaScript whose first digit says how it went: 1 is a session.
async fn log_in(talk: &mut Talk<'_>) -> Step<Session> {
    let login = talk.login;
    let Some(password) = &login.password else {
        let message = format!(
            "The REST API needs an API token or a password, and the credential {} has neither.",
            login.name
        );
        return Err(Failure::new(Class::AuthFailed, message));
    };
    let fields = [("username", login.username.as_str()), ("secretkey", password.reveal()), ("ajax", "1")];
    let mut reply = talk.ask(Ask::new(Method::POST, "/logincheck").form(&fields)).await?.good().await?;
    let said = reply.text().await?;
    let cookies: Vec<&str> = reply
        .headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .filter_map(|cookie| cookie.split(';').next())
        .collect();
    let csrf = cookies.iter().find_map(|cookie| {
        let (name, value) = cookie.split_once('=')?;
        name.starts_with("ccsrftoken").then(|| value.trim_matches('"').to_owned())
    });
    match csrf {
        Some(csrf) if said.trim_start().starts_with('1') => {
            let session = Session { cookies: Secret::new(cookies.join("; ")), csrf_token: Secret::new(csrf) };
            talk.evidence.hush.add(&session.cookies);
            talk.evidence.hush.add(&session.csrf_token);
            Ok(session)
        }
        _ => {
            let said = excerpt(&said, 60);
            let message = format!("The device refused the login of the credential {}: “{said}”.", login.name);
            Err(Failure::new(Class::AuthFailed, message))
        }
    }
}
