//! OpenSSH that leaves the login to PAM.

use etiqa_engine::collect::{Driver, Hop, Login, Outcome, Target};
use etiqa_model::Secret;
use etiqa_model::class::Class;

use crate::pam_server::{ASKS, PASSWORD, Pam};
use crate::sshd::Sshd;
use crate::support::{run, text};

async fn collect(pam: &Pam, login: Login) -> Outcome {
    run(&pam.sshd.target(), &hello(), &[login]).await
}

fn hello() -> Driver {
    let toml = "title = \"Hello\"\nmode = \"exec\"\n[[command]]\nsend = \"echo hello\"\npart = \"running\"\n";
    Driver::parse("hello", toml).unwrap()
}

fn password(password: &str) -> Login {
    let password = Some(Secret::new(password));
    Login { name: "net".into(), username: "root".into(), password, ..Login::default() }
}

fn right() -> Login {
    password(PASSWORD)
}

#[tokio::test]
async fn a_server_that_asks_by_pam_gets_the_password() {
    // The last one also speaks before it asks, with nothing to answer.
    for rules in [
        "auth required {ask}",
        "auth required {ask}\nauth required {name}",
        "auth optional pam_echo.so Hello %u\nauth required {ask}",
    ] {
        let pam = Pam::start(ASKS, rules).await;
        let outcome = collect(&pam, right()).await;
        assert_eq!(outcome.class, Class::Ok, "{rules}: {}\n{}", outcome.message, pam.sshd.log());
        assert_eq!(text(&outcome, "running"), "hello\n");

        let outcome = collect(&pam, password("battery staple")).await;
        assert_eq!(outcome.class, Class::AuthFailed, "{rules}: {}", outcome.message);
        assert_eq!(outcome.message, "The device refused the credential net (user root).");
        // One wrong answer: more would lock the account.
        let log = pam.sshd.whole_log().await;
        assert_eq!(log.matches("Failed keyboard-interactive").count(), 1, "{log}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_however_many_methods_there_are() {
    let pam = Pam::start(&format!("{ASKS}\nPasswordAuthentication yes"), "auth required {ask}").await;
    assert_eq!(collect(&pam, right()).await.class, Class::Ok);
    let outcome = collect(&pam, password("battery staple")).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}", outcome.message);
    let log = pam.sshd.whole_log().await;
    let failed = ["Failed password", "Failed keyboard-interactive"].map(|what| log.matches(what).count());
    assert_eq!(failed, [1, 0], "{log}");
}

#[tokio::test]
async fn a_second_secret_is_never_made_up() {
    let pam = Pam::start(ASKS, "auth required {ask}\nauth required {ask}").await;
    let outcome = collect(&pam, right()).await;
    assert_eq!(outcome.class, Class::AuthFailed);
    let expected = "The device asks the credential net for more than a password: “Password:”.";
    assert_eq!(outcome.message, expected);
}

#[tokio::test]
async fn a_key_and_then_a_password_are_given_where_both_are_wanted() {
    let lines = format!("{ASKS}\nAuthenticationMethods publickey,keyboard-interactive");
    let pam = Pam::start(&lines, "auth required {ask}").await;
    let both = Login { password: right().password, ..pam.sshd.login() };
    assert_eq!(collect(&pam, both).await.class, Class::Ok);
    assert_eq!(collect(&pam, pam.sshd.login()).await.class, Class::AuthFailed);
    assert_eq!(collect(&pam, right()).await.class, Class::AuthFailed);
    drop(pam);

    let lines = "UsePAM yes\nPasswordAuthentication yes\nAuthenticationMethods publickey,password";
    let pam = Pam::start(lines, "auth required {ask}").await;
    let both = Login { password: right().password, ..pam.sshd.login() };
    assert_eq!(collect(&pam, both).await.class, Class::Ok);
}

#[tokio::test]
async fn a_jump_host_may_ask_by_pam_as_well() {
    let pam = Pam::start(ASKS, "auth required {ask}").await;
    let device = Sshd::start("").await;
    let mut hop = Hop { login: right(), ..pam.sshd.hop("hop") };
    let target = Target { via: vec![hop.clone()], ..device.target() };
    assert_eq!(run(&target, &hello(), &[device.login()]).await.class, Class::Ok);

    hop.login = password("battery staple");
    let target = Target { via: vec![hop], ..device.target() };
    let outcome = run(&target, &hello(), &[device.login()]).await;
    assert_eq!(outcome.class, Class::Unreachable);
    assert_eq!(outcome.message, "Jump host hop: It refused the credential net (user root).");
    // The secret is the jump host's, not one of the device's; it stays out all the same.
    assert!(!outcome.transcript.unwrap().contains("battery"));
}

#[tokio::test]
async fn an_account_that_is_closed_is_refused() {
    let pam = Pam::start(ASKS, "auth required {ask}\naccount required pam_deny.so").await;
    let outcome = collect(&pam, right()).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}\n{}", outcome.message, pam.sshd.log());
}
