//! Who may come in, and who may do what. Who may ask which address is in `routes`.

use std::fs;

use etiqa_simulator::{Personality, SimulatedDevice};

use crate::harness::devices::device;
use crate::harness::world::ended;
use crate::harness::{Server, World, until};

fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

#[tokio::test]
async fn a_stranger_gets_nothing_but_the_way_in() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let program = server.stranger().with_own_origin();
    let browser = server.stranger().and_header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

    for path in ["/", "/devices", "/devices/1", "/configs/search", "/admin/users", "/no/such/page"] {
        let turned = browser.get(path).await.with_status(303);
        let way_in = turned.header("location");
        assert!(way_in == "/login" || way_in == format!("/login?next={path}"), "{path}: {way_in}");
        let refused = program.get(path).await.with_status(401);
        assert_eq!(refused.json()["kind"], "sign_in_needed", "{path}");
    }
    for path in ["/api/v1/devices", "/metrics", "/secret.key", "/../etc/passwd"] {
        program.get(path).await.with_status(401);
    }
    for path in ["/login", "/setup", "/healthz", "/readyz", "/healthz/", "/login/"] {
        program.get(path).await.with_status(200);
    }
    server.stop().await;
}

#[tokio::test]
async fn the_first_admin_comes_in_once_with_the_code_of_the_console() {
    let world = World::new();
    let server = world.serve().await;
    let browser = server.stranger().and_header("accept", "text/html").with_own_origin();
    assert_eq!(browser.get("/devices/").await.with_status(303).header("location"), "/setup");
    let page = server.stranger().with_own_origin();
    let set_up = |code: &str, name: &str| {
        let fields =
            [("code", code.to_owned()), ("name", name.to_owned()), ("password", World::password_of("ada"))];
        let page = page.clone();
        async move {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            page.call("set_up", &fields).await
        }
    };

    let refused = set_up("aaaa-bbbb-cccc", "mallory").await.with_status(422);
    assert_eq!(refused.message(), "This is not the code that the program printed last.");
    assert_eq!(refused.header("set-cookie"), "");
    let code = server.setup_code().await;
    let admin = set_up(&code, "ada").await.browser(server.address());
    admin.call("list_users", &[]).await.with_status(200);
    let again = set_up(&code, "mallory").await.with_status(409);
    assert_eq!(again.message(), "There is an admin already; sign in instead.");
    assert_eq!(browser.get("/").await.with_status(303).header("location"), "/login");
    assert_eq!(world.database.texts("SELECT name FROM app_user").await, ["ada"]);
    server.stop().await;

    let server = world.serve().await;
    assert!(!server.said().contains("with the code"), "nobody needs a code any more");
    server.stop().await;
}

#[tokio::test]
async fn signing_in_gives_a_cookie_that_only_this_site_sends() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;

    let answer = server.stranger().sign_in("ADA", &World::password_of("ada")).await;

    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    assert!(cookie.contains("; Path=/") && cookie.contains("; Max-Age="), "{cookie}");
    let browser = answer.browser(server.address());
    let me = browser.call("whoami", &[]).await.with_status(200).json();
    assert_eq!((&me["name"], &me["role"]), (&"ada".into(), &"admin".into()));

    let out = browser.call("sign_out", &[]).await;
    assert!(out.header("set-cookie").starts_with("etiqa_session=;"), "{:?}", out.headers);
    browser.get("/backup/status/").await.with_status(401);
    server.stop().await;
}

#[tokio::test]
async fn nobody_learns_whether_a_name_exists() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let known = server.stranger().sign_in("ada", "not her password").await.with_status(422);
    let unknown = server.stranger().sign_in("eve", "not her password").await.with_status(422);
    assert_eq!(known.bytes, unknown.bytes);
    assert_eq!(known.message(), "User name or password is wrong.");
    assert_eq!((known.header("set-cookie"), unknown.header("set-cookie")), ("", ""));
    server.stop().await;
}

#[tokio::test]
async fn guessing_is_slowed_down_and_others_are_not() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    world.add_user("bob", "viewer").await;
    let server = world.serve().await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(server.stranger().sign_in("ada", "a wrong guess").await.status.as_u16());
    }
    assert_eq!(statuses[..6], [422; 6]);
    assert_eq!(statuses[6], 429);
    // Even the right password has to wait now.
    let waiting = server.stranger().sign_in("ada", &World::password_of("ada")).await.with_status(429);
    assert!(waiting.message().starts_with("Too many tries. Wait "), "{}", waiting.message());
    server.signed_in("bob").await;
    server.stop().await;
}

#[tokio::test]
async fn another_site_cannot_make_a_signed_in_browser_do_anything() {
    let world = World::new();
    world.add_backup("Nightly", "data").await;
    world.add_user("olga", "operator").await;
    let token = world.token("operator").await;
    let server = world.serve().await;
    let own = server.signed_in("olga").await;
    let toggle = "/backup/config/1/toggle/";
    for origin in
        ["https://evil.example", "null", "http://127.0.0.1:1", &format!("http://{}.evil", server.address())]
    {
        let foreign = own.clone().and_header("origin", origin);
        foreign.post(toggle).await.with_status(403);
        foreign.call("run_backup", &[("id", "1")]).await.with_status(403);
        foreign.call("sign_out", &[]).await.with_status(403);
    }
    own.clone().without_header("origin").post(toggle).await.with_status(403);
    assert_eq!(
        own.post(toggle).await.with_status(200).json(),
        serde_json::json!({"id": 1, "enabled": false})
    );
    let program = server.with_token(&token);
    assert_eq!(
        program.post(toggle).await.with_status(200).json(),
        serde_json::json!({"id": 1, "enabled": true})
    );
    assert_eq!(world.database.number("SELECT COUNT(*) FROM backup_run").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_browser_that_was_lured_to_another_name_is_turned_away() {
    let world = World::new().with_env("ETIQA_HOSTS", "backup.example, etiqa.lan");
    let token = world.token("admin").await;
    let server = world.serve().await;
    let named = |host: &str| server.with_token(&token).and_header("host", host);
    for host in ["rebind.evil", "rebind.evil:8000", "127.0.0.1.evil:80"] {
        named(host).get("/backup/status/").await.with_status(403);
        named(host).get("/login").await.with_status(403);
    }
    for host in ["localhost:8000", "127.0.0.1", "[::1]:8000", "backup.example", "ETIQA.LAN:443"] {
        named(host).get("/backup/status/").await.with_status(200);
    }
    server.stop().await;
}

#[tokio::test]
async fn tokens_stop_when_they_expire_or_are_revoked() {
    let world = World::new();
    let revoked = world.token("viewer").await;
    let expired = world.etiqa(["token", "create", "old", "--role", "viewer", "--expires", "1"]).await.good();
    let expired = expired.stdout.trim().to_owned();
    let server = world.serve().await;
    let status = "/backup/status/";
    for token in [&revoked, &expired] {
        server.with_token(token).get(status).await.with_status(200);
    }

    world.database.execute("UPDATE api_token SET expires_at = 1 WHERE name = 'old'").await;
    world.etiqa(["token", "revoke", "viewer-token"]).await.good();

    for token in [revoked.as_str(), &expired, "etiqa_", "", "etiqa_0000", &revoked[..revoked.len() - 1]] {
        server.with_token(token).get(status).await.with_status(401);
    }
    server.stop().await;
}

#[tokio::test]
async fn without_javascript_the_recovery_kit_comes_as_a_file_and_counts_only_then() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let ada = server.signed_in("ada").await.and_header("accept", "text/html");
    let page = ada.get("/admin/recovery-kit").await.with_status(200).text();
    assert!(page.contains("action=\"/admin/recovery-kit/file\""), "the browser posts the form there: {page}");
    let taken = "SELECT COUNT(*) FROM setting WHERE name = 'kit_taken_at'";

    let refused = ada.form("/admin/recovery-kit/file", &[("password", "not hers")]).await.with_status(303);
    assert_eq!(refused.header("location"), "/admin/recovery-kit");
    let page = ada.clone().and_cookies_of(&refused).get("/admin/recovery-kit").await.with_status(200).text();
    assert!(page.contains("This is not your password."), "{page}");
    assert_eq!(world.database.number(taken).await, 0, "nobody has seen it");

    let password = World::password_of("ada");
    let kit = ada.form("/admin/recovery-kit/file", &[("password", &password)]).await.with_status(200);
    assert_eq!(kit.header("content-disposition"), "attachment; filename=\"etiqa-recovery-kit.txt\"");
    assert_eq!(
        (kit.header("content-type"), kit.header("cache-control")),
        ("text/plain; charset=utf-8", "no-store")
    );
    let key = fs::read_to_string(world.data().join("secret.key")).unwrap();
    assert!(kit.text().contains(key.trim()), "the key is in it");
    assert_eq!(world.database.number(taken).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_viewer_reads_configs_without_their_secrets() {
    let world = World::new();
    let (_device, secret) = device_with_a_secret(&world).await;
    let (viewer, operator) = (world.token("viewer").await, world.token("operator").await);
    let server = world.serve().await;

    let whole = server.with_token(&operator).call("get_config", &[("id", "1")]).await.with_status(200);
    assert!(whole.text().contains(secret), "an operator sees what is stored: {}", whole.text());
    let viewer = server.with_token(&viewer);
    let redacted = viewer.call("get_config", &[("id", "1")]).await.with_status(200);
    assert_eq!(redacted.json()["reading"]["masked"], true);
    let seen = [
        redacted,
        viewer.call("get_diff", &[("to", "2")]).await.with_status(200),
        viewer.call("get_config", &[("id", "1"), ("reading[masked]", "false")]).await.with_status(200),
        viewer.call("compare_texts", &both_sides("core-rtr-1")).await.with_status(200),
        viewer.get("/configs/version/1/download?masked=false").await.with_status(200),
        viewer.call("get_overview", &[]).await.with_status(200),
        viewer.call("get_device", &[("id", "1")]).await.with_status(200),
        viewer.get("/devices/1?tab=configs").await.with_status(200),
        viewer.get("/").await.with_status(200),
        viewer.get("/configs/").await.with_status(200),
    ];
    for answer in seen {
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
    server.stop().await;
}

fn both_sides(device: &str) -> [(&'static str, &str); 3] {
    [("old[device]", device), ("old[which]", "1"), ("new[device]", device)]
}

/// A device with two versions of a config that holds a secret.
async fn device_with_a_secret(world: &World) -> (SimulatedDevice, &'static str) {
    let secret = "s3cr3t-community-XyZ";
    world.add_credential().await;
    let device = world.add_device(device(Personality::Ios, "core-rtr-1")).await;
    for contact in ["first", "second"] {
        device.set_config(format!(
            "Building configuration...\n\nCurrent configuration : 300 bytes\n!\nversion 15.2\nhostname core-rtr-1\n!\n\
             snmp-server community {secret} RO\nsnmp-server contact {contact}\nenable secret 5 {secret}\n!\nend\n"
        ));
        world.etiqa(["collect", "core-rtr-1"]).await.good();
    }
    (device, secret)
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let world = World::new();
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let client = server.with_token(&token).and_header("accept", "text/html");
    let mut nonces = Vec::new();
    for path in ["/", "/login", "/devices/", "/backup/status/", "/healthz", "/no/such/page", "/admin/users"] {
        let answer = client.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
        if answer.header("content-type").starts_with("text/html") {
            let nonce = between(policy, "'nonce-", "'").next().unwrap_or_else(|| panic!("{path}: {policy}"));
            let page = answer.text();
            for script in page.split("<script").skip(1) {
                let tag = script.split('>').next().unwrap();
                assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{path}: {tag}");
            }
            assert!(!page.contains(" style=\"") && !page.contains("<style"), "{path} has inline styles");
            assert!(!page.contains(" onclick=") && !page.contains("javascript:"), "{path} has inline script");
            nonces.push(nonce.to_owned());
        }
    }
    assert!(nonces.len() >= 3, "pages were seen");
    let pages = nonces.len();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), pages, "each answer has a nonce of its own");
    server.stop().await;
}

#[tokio::test]
async fn a_scope_is_given_to_users_and_tokens_but_to_no_admin() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let scope = ["--scope", "site:vienna", "--scope", "tag:core"];
    let add = ["user", "add", "bert", "--role", "operator", "--password-stdin"];
    let password = format!("{}\n", World::password_of("bert"));
    world.etiqa_with_input(add.iter().chain(&scope), &password).await.good();
    let make = ["token", "create", "monitoring", "--role", "viewer"];
    let token = world.etiqa(make.iter().chain(&scope)).await.good().stdout.trim().to_owned();
    for list in [["user", "list"], ["token", "list"]] {
        let listed = world.etiqa(list).await.good().stdout;
        assert!(listed.contains("site vienna, tag core"), "{listed}");
    }
    let refused =
        world.etiqa(["token", "create", "x", "--role", "viewer", "--scope", "vienna"]).await.failed();
    insta::assert_snapshot!(refused.sentence(&world), @r#"etiqa: "vienna" is no part of a scope; write site:vienna or tag:core, a line each."#);
    let refused =
        world.etiqa(["token", "create", "x", "--role", "admin", "--scope", "site:a"]).await.failed();
    insta::assert_snapshot!(refused.sentence(&world), @"etiqa: An admin sees all devices: leave the scope empty, or choose another role.");

    let server = world.serve().await;
    let me = server.with_token(&token).call("whoami", &[]).await.with_status(200).json();
    assert_eq!(me["scope"], "site:vienna\ntag:core");
    let ada = server.signed_in("ada").await;
    let page = ada.get("/admin/users").await.with_status(200).text();
    assert!(page.contains("site vienna, tag core") && page.contains("name=\"scope\""), "{page}");
    let user = [("id", "2"), ("role", "admin"), ("scope", "site:vienna")];
    let refused = ada.call("change_user", &user).await.with_status(422).json();
    assert_eq!(refused["fields"][0]["field"], "scope");
    ada.call("change_user", &[("id", "2"), ("role", "operator"), ("scope", "")]).await.with_status(200);
    let bert = server.signed_in("bert").await;
    assert_eq!(bert.call("whoami", &[]).await.json()["scope"], "");
    server.stop().await;
}

#[tokio::test]
async fn a_scope_that_nobody_can_read_lets_nobody_in() {
    let world = World::new();
    let token = world.token("viewer").await;
    let server = world.serve().await;
    server.with_token(&token).get("/backup/status/").await.with_status(200);
    world.database.execute("UPDATE api_token SET scope = 'everything'").await;
    server.with_token(&token).get("/backup/status/").await.with_status(500);
    server.stop().await;
}

#[tokio::test]
async fn the_last_admin_stays() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let output = world.etiqa(["user", "remove", "ada"]).await.failed();
    insta::assert_snapshot!(output.sentence(&world), @"etiqa: This is the last admin; somebody has to be able to come in.");
}

#[tokio::test]
async fn a_new_password_ends_the_old_sessions() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server: Server = world.serve().await;
    let browser = server.signed_in("ada").await;
    browser.get("/backup/status/").await.with_status(200);
    world.etiqa_with_input(["user", "passwd", "ada", "--password-stdin"], "another-pass-1\n").await.good();
    browser.get("/backup/status/").await.with_status(401);
    server.stranger().sign_in("ada", &World::password_of("ada")).await.with_status(422);
    server.stranger().sign_in("ada", "another-pass-1").await.browser(server.address());
    server.stop().await;
}

#[tokio::test]
async fn a_password_that_is_typed_is_not_shown() {
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let world = World::new();
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let screen = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
    let terminal = std::fs::File::options().read(true).write(true).open(screen).unwrap();
    let mut command = world.command(["user", "add", "ada", "--role", "admin"]);
    let child = command.stdin(OwnedFd::from(terminal.try_clone().unwrap())).spawn().unwrap();
    until("a terminal that shows nothing", async || {
        let modes = rustix::termios::tcgetattr(&terminal).unwrap().local_modes;
        (!modes.contains(rustix::termios::LocalModes::ECHO)).then_some(())
    })
    .await;
    let mut keyboard = std::fs::File::from(keyboard);
    keyboard.write_all(b"typed-pass-31Kz\n").unwrap();
    let said = ended(child).await.good().stderr;
    assert!(said.starts_with("Type the password of ada, then Enter; it is not shown."), "{said}");
    let modes = rustix::termios::tcgetattr(&terminal).unwrap().local_modes;
    assert!(modes.contains(rustix::termios::LocalModes::ECHO), "afterwards it shows again what is typed");
    let mut shown = [0; 100];
    let length = keyboard.read(&mut shown).unwrap();
    assert_eq!(String::from_utf8_lossy(&shown[..length]).trim(), "", "only the end of the line was shown");
    let server = world.serve().await;
    server.stranger().sign_in("ada", "typed-pass-31Kz").await.browser(server.address());
    server.stop().await;
}
