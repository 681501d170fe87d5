//! What must never be seen is never seen: not in output, logs, answers, the database or archives.

use std::path::Path;

use etiqa_simulator::Faults;

use crate::harness::devices::router;
use crate::harness::{Answer, World, until};

const PASSWORD: &str = "canary-password-9Vt2";
const PREVIOUS: &str = "canary-previous-7Kd5";
const ENABLE: &str = "canary-enable-4Hq8";
const USER_PASSWORD: &str = "canary-user-6Lw3";

#[tokio::test]
async fn no_secret_is_ever_seen() {
    let world = World::new().with_env("ETIQA_LOG", "trace");
    let mut seen: Vec<(String, String)> = Vec::new();
    let add = ["credential", "add", "lab", "--username", "backup", "--password-stdin", "--enable-stdin"];
    let output = world.etiqa_with_input(add, &format!("{PREVIOUS}\n{ENABLE}\n")).await.good();
    seen.push(("credential add".into(), output.stdout + &output.stderr));
    let rotate = ["credential", "rotate", "lab", "--password-stdin"];
    let output = world.etiqa_with_input(rotate, &format!("{PASSWORD}\n")).await.good();
    seen.push(("credential rotate".into(), output.stdout + &output.stderr));
    let add = ["user", "add", "ada", "--role", "admin", "--password-stdin"];
    let output = world.etiqa_with_input(add, &format!("{USER_PASSWORD}\n")).await.good();
    seen.push(("user add".into(), output.stdout + &output.stderr));
    let output = world.etiqa(["token", "create", "robot", "--role", "admin"]).await.good();
    let token = output.stdout.trim().to_owned();
    seen.push(("token create's log".into(), output.stderr));
    let spec = |name: &str| router(name).login("backup", PASSWORD).enable_password(ENABLE);
    let _good = world.add_device(spec("good-1").login("backup", PREVIOUS)).await;
    let _bad = world.add_device(spec("bad-1").faults(Faults::reject_commands())).await;
    let _deaf = world.add_device(spec("deaf-1").faults(Faults::wrong_password())).await;
    world.add_backup("All", "full").await;
    world.etiqa(["backup-config", "edit", "All", "--include", "database,logs,media"]).await.good();
    let output = world.etiqa(["run-backups", "--force"]).await.failed();
    assert!(
        output.stdout.contains("1 device, 2 failed"),
        "the login works where it should: {}",
        output.stdout
    );
    seen.push(("run-backups".into(), output.stdout + &output.stderr));
    for command in [
        &["credential", "list", "--json"][..],
        &["device", "list", "--json"],
        &["token", "list"],
        &["user", "list"],
        &["collect", "--all", "--json"],
        &["backup-status", "--json"],
        &["verify", "--all"],
    ] {
        let output = world.etiqa(command).await;
        seen.push((command.join(" "), output.stdout + &output.stderr));
    }

    let server = world.serve().await;
    let mut answers: Vec<(&str, Answer)> = Vec::new();
    let signed_in = server.stranger().sign_in("ada", USER_PASSWORD).await;
    let browser = signed_in.browser(server.address());
    let cookie = signed_in.header("set-cookie").split(['=', ';']).nth(1).unwrap().to_owned();
    answers.push(("sign_in", signed_in));
    answers.push(("a refused sign_in", server.stranger().sign_in("eve", USER_PASSWORD).await));
    let robot = server.with_token(&token);
    robot.post("/backup/config/1/run/").await.with_status(202);
    until("the end of the run", async || {
        let over = "SELECT COUNT(*) FROM backup_run WHERE id = 2 AND status = 'completed'";
        (world.database.number(over).await == 1).then_some(())
    })
    .await;
    for path in [
        "/",
        "/admin/credentials",
        "/admin/credentials?rotate=1",
        "/admin/tokens",
        "/admin/users",
        "/devices/1",
        "/devices/2",
        "/devices/3",
        "/backup/run/1",
        "/backup/run/2",
        "/backup/status/",
    ] {
        answers.push((path, browser.clone().and_header("accept", "text/html").get(path).await));
    }
    for (function, fields) in [
        ("list_credentials", vec![]),
        ("list_tokens", vec![]),
        ("list_users", vec![]),
        ("get_run", vec![("id", "1")]),
        ("get_transcript", vec![("id", "1")]),
        ("get_transcript", vec![("id", "2")]),
        ("get_transcript", vec![("id", "3")]),
        ("get_config", vec![("id", "1")]),
        ("get_config", vec![("id", "x")]),
        ("rotate_credential", vec![("id", "1"), ("secrets[password]", PASSWORD)]),
        ("save_credential", vec![("id", "1"), ("credential[name]", ""), ("credential[password]", PASSWORD)]),
        ("add_user", vec![("name", "x y"), ("role", "none"), ("password", USER_PASSWORD)]),
    ] {
        answers.push((function, browser.call(function, &fields).await));
    }
    seen.extend(answers.into_iter().map(|(name, answer)| (name.to_owned(), answer.text())));
    let (_, log) = server.stop().await;
    assert!(log.contains("TRACE"), "the log is as loud as it gets");
    seen.push(("the server's log".into(), log));

    for secret in [PASSWORD, PREVIOUS, ENABLE, USER_PASSWORD, &token, &cookie] {
        for (place, text) in &seen {
            assert!(!text.contains(secret), "{place} shows {secret}: {}", around(text, secret));
        }
        nothing_below_holds(&world.data(), secret);
    }
}

/// What stands around a text's first occurrence.
fn around(text: &str, found: &str) -> String {
    let at = text.find(found).unwrap_or(0);
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..].lines().next().unwrap_or_default().chars().take(400).collect()
}

/// Reads every file below a folder, and every entry of every archive.
fn nothing_below_holds(folder: &Path, secret: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nothing_below_holds(&path, secret);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(!holds(&bytes, secret), "{} holds {secret}", path.display());
        if path.extension().is_some_and(|extension| extension == "zip") {
            let archive = crate::archive::Archive::open(&path);
            for name in archive.names() {
                assert!(!holds(archive.bytes(&name), secret), "{name} of {} holds {secret}", path.display());
            }
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
