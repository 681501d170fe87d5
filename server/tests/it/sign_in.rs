//! Signing in: what it costs, who is slowed down, second factors, sessions and their ends, the first admin's code.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;

use crate::harness::{Answer, Client, Server, World};

/// An authenticator app, written from RFC 6238 once more.
pub(super) struct Phone(Vec<u8>);

impl Phone {
    /// Reads the secret as it is shown: base32, in groups.
    pub(super) fn of(shown: &str) -> Self {
        let mut bits = Vec::new();
        for letter in shown.bytes().filter(|letter| *letter != b' ') {
            let value =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).unwrap();
            bits.extend((0..5).rev().map(|bit| (value >> bit) & 1));
        }
        let bytes = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| (sum << 1) | *bit as u8));
        Self(bytes.collect())
    }

    /// What it keeps.
    pub(super) fn secret(&self) -> &[u8] {
        &self.0
    }

    /// The code of now, or of so many steps later.
    pub(super) fn code(&self, later: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let step = (now / 30).cast_signed() + later;
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).unwrap();
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = usize::from(hash[19] & 15);
        let word = u32::from_be_bytes(hash[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", word % 1_000_000)
    }
}

/// Sets up a second factor as the page of the account does; gives the phone and the recovery codes.
async fn set_up(browser: &Client, name: &str) -> (Phone, Vec<String>) {
    let password = World::password_of(name);
    browser.call("begin_second_factor", &[("password", &password)]).await.with_status(200);
    let shown = browser.call("get_second_factor", &[]).await.with_status(200).json();
    let pending = &shown["pending"];
    let phone = Phone::of(pending["secret"].as_str().unwrap());
    let codes = pending["recovery_codes"].as_array().unwrap().iter();
    let codes = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
    browser.call("confirm_second_factor", &[("code", &phone.code(0))]).await.with_status(200);
    (phone, codes)
}

/// Sends the right password of somebody with a second factor; gives the browser that was asked for a code.
async fn with_password(server: &Server, name: &str) -> Client {
    let asked = server.stranger().sign_in(name, &World::password_of(name)).await.with_status(200);
    assert_eq!(asked.header("location"), "/login?step=code&next=/");
    assert!(asked.header("set-cookie").starts_with("etiqa_ticket="), "{:?}", asked.headers);
    server.stranger().with_own_origin().and_cookies_of(&asked)
}

async fn with_code(browser: &Client, code: &str) -> Answer {
    browser.call("confirm_sign_in", &[("code", code)]).await
}

/// Lets the codes that were taken be of long ago.
async fn a_while_later(world: &World) {
    world.database.execute("UPDATE second_factor SET last_step = 0").await;
}

/// Sets a setting as an admin does.
async fn set(admin: &Client, name: &str, value: u32) {
    let mut settings = admin.call("get_settings", &[]).await.with_status(200).json();
    settings[name] = value.into();
    let settings = settings.as_object().unwrap();
    let fields: Vec<(String, String)> =
        settings.iter().map(|(name, value)| (format!("settings[{name}]"), value.to_string())).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    admin.call("save_settings", &fields).await.with_status(200);
}

/// How many passwords servers of this world have hashed, as their logs tell.
fn hashes(world: &World) -> usize {
    let logs = std::fs::read_dir(world.data().join("logs")).unwrap();
    logs.map(|log| {
        std::fs::read_to_string(log.unwrap().path()).unwrap().matches("a password was hashed").count()
    })
    .sum()
}

async fn sessions(browser: &Client) -> Vec<Value> {
    browser.call("list_sessions", &[]).await.with_status(200).json().as_array().unwrap().clone()
}

#[tokio::test]
async fn an_unknown_name_costs_what_a_known_one_does() {
    let world = World::new().with_env("ETIQA_LOG", "warn,etiqa_engine::access=debug");
    world.add_user("ada", "admin").await;
    let mut costs = Vec::new();
    for name in ["ada", "nobody"] {
        let server = world.serve().await;
        for _ in 0..3 {
            server.stranger().sign_in(name, "a wrong guess").await.with_status(422);
        }
        server.stop().await;
        costs.push(hashes(&world));
    }
    assert_eq!(costs, [3, 6]);
}

#[tokio::test]
async fn an_attacker_at_the_same_address_does_not_keep_the_owner_out() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let before = server.stranger().sign_in("ada", &World::password_of("ada")).await.with_status(200);
    let known = server.stranger().and_cookies_of(&before);
    known.clone().with_own_origin().call("sign_out", &[]).await.with_status(200);
    while server.stranger().sign_in("ada", "a wrong guess").await.status != 429 {}
    server.stranger().sign_in("ada", &World::password_of("ada")).await.with_status(429);
    known.sign_in("ada", &World::password_of("ada")).await.browser(server.address());
    server.stop().await;
}

#[tokio::test]
async fn a_code_is_asked_for_after_the_password_and_taken_once() {
    let world = World::new();
    world.add_user("ada", "operator").await;
    let server = world.serve().await;
    let own = server.signed_in("ada").await;
    let other = server.signed_in("ada").await;
    let (phone, codes) = set_up(&own, "ada").await;
    assert_eq!(codes.len(), 10);
    other.get("/backup/status/").await.with_status(401);
    own.get("/backup/status/").await.with_status(200);
    let after = own.call("get_second_factor", &[]).await.with_status(200).json();
    assert_eq!(
        (&after["pending"], &after["codes_left"]),
        (&Value::Null, &10.into()),
        "nothing is shown again"
    );

    // The code that confirmed it was taken.
    let browser = with_password(&server, "ada").await;
    browser.get("/backup/status/").await.with_status(401);
    let refused = with_code(&browser, &phone.code(0)).await.with_status(422);
    assert_eq!(refused.message(), "This code is wrong, or was used already. Wait for the next one.");
    a_while_later(&world).await;
    // A phone whose clock is one step ahead.
    let code = phone.code(1);
    with_code(&browser, &code).await.browser(server.address()).get("/backup/status/").await.with_status(200);
    for replayed in [code, phone.code(0), phone.code(-1)] {
        let again = with_password(&server, "ada").await;
        with_code(&again, &replayed).await.with_status(422);
    }
    a_while_later(&world).await;
    let browser = with_password(&server, "ada").await;
    with_code(&browser, &phone.code(-3)).await.with_status(422);
    with_code(&browser, &phone.code(3)).await.with_status(422);
    let without = server.stranger().with_own_origin();
    with_code(&without, &phone.code(0)).await.with_status(422);
    server.stop().await;
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_codes_cannot_be_guessed_at() {
    let world = World::new();
    world.add_user("ada", "operator").await;
    let server = world.serve().await;
    let own = server.signed_in("ada").await;
    let (_phone, codes) = set_up(&own, "ada").await;
    let stored = world.database.texts("SELECT code_sha256 FROM recovery_code").await;
    assert!(stored.iter().all(|stored| stored.len() == 64 && !codes.contains(stored)));

    let typed = codes[0].to_uppercase();
    let browser = with_password(&server, "ada").await;
    with_code(&browser, &typed).await.browser(server.address()).get("/backup/status/").await.with_status(200);
    let browser = with_password(&server, "ada").await;
    with_code(&browser, &typed).await.with_status(422);
    assert_eq!(own.call("get_second_factor", &[]).await.json()["codes_left"], 9);
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(with_code(&browser, "000000").await.status.as_u16());
    }
    assert!(answers.ends_with(&[429, 429]), "{answers:?}");

    // An admin lets somebody in who has lost both.
    world.etiqa(["user", "reset-totp", "ada"]).await.good();
    assert!(world.etiqa(["user", "list"]).await.good().stdout.contains("no"));
    own.get("/backup/status/").await.with_status(401);
    server.signed_in("ada").await;
    assert_eq!(world.database.number("SELECT COUNT(*) FROM recovery_code").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn who_must_have_a_second_factor_sets_it_up_before_anything_else() {
    let world = World::new();
    world.add_user("ada", "operator").await;
    world.add_user("vera", "viewer").await;
    let token = world.token("admin").await;
    let server = world.serve().await;
    let ada = server.signed_in("ada").await;
    set(&server.with_token(&token), "second_factor_roles", 2).await;

    let page = ada.clone().and_header("accept", "text/html");
    assert_eq!(page.get("/devices/").await.with_status(303).header("location"), "/account");
    let refused =
        ada.call("list_devices", &[("page[number]", "1"), ("page[size]", "10")]).await.with_status(403);
    assert!(refused.message().contains("second factor"), "{}", refused.message());
    ada.get("/backup/status/").await.with_status(403);
    assert!(
        page.get("/account").await.with_status(200).text().contains("Your role must have a second factor")
    );
    server.signed_in("vera").await.get("/backup/status/").await.with_status(200);
    server.with_token(&token).get("/backup/status/").await.with_status(200);

    set_up(&ada, "ada").await;
    ada.get("/backup/status/").await.with_status(200);
    let password = World::password_of("ada");
    let kept = ada.call("stop_second_factor", &[("password_again", &password)]).await.with_status(409);
    assert!(kept.message().contains("must have"), "{}", kept.message());
    set(&server.with_token(&token), "second_factor_roles", 0).await;
    ada.call("stop_second_factor", &[("password_again", "not hers")]).await.with_status(422);
    ada.call("stop_second_factor", &[("password_again", &password)]).await.with_status(200);
    server.signed_in("ada").await;
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_listed_and_one_of_them_ends_with_its_stream() {
    let world = World::new();
    world.add_user("ada", "operator").await;
    world.add_user("root", "admin").await;
    let server = world.serve().await;
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let signed_in = server.stranger().and_header("user-agent", agent);
    let own = signed_in.sign_in("ada", &World::password_of("ada")).await.browser(server.address());
    let others =
        [server.signed_in("ada").await, server.signed_in("ada").await, server.signed_in("ada").await];

    let listed = sessions(&own).await;
    assert_eq!(listed.len(), 4);
    let this = listed.iter().find(|session| session["is_this"] == true).unwrap();
    assert_eq!((&this["browser"], &this["address"]), (&"Firefox on Linux".into(), &"127.0.0.1".into()));
    let name_of = async |browser: &Client| {
        let listed = sessions(browser).await;
        let this = listed.into_iter().find(|session| session["is_this"] == true).unwrap();
        this["name"].as_str().unwrap().to_owned()
    };

    let mut stream = others[0].open("/events").await;
    assert!(stream.chunk().await.unwrap().is_some(), "the stream is open");
    let first = name_of(&others[0]).await;
    own.call("end_session", &[("name", &first)]).await.with_status(200);
    while let Some(_event) = stream.chunk().await.unwrap() {}
    others[0].get("/backup/status/").await.with_status(401);

    // An admin ends those of others; nobody else does.
    let root = server.signed_in("root").await;
    let id = world.database.number("SELECT id FROM app_user WHERE name = 'ada'").await.to_string();
    let second = name_of(&others[1]).await;
    own.call("end_user_session", &[("id", &id), ("name", &second)]).await.with_status(403);
    let seen = root.call("list_user_sessions", &[("id", &id)]).await.with_status(200).json();
    assert_eq!(seen.as_array().unwrap().len(), 3);
    root.call("end_user_session", &[("id", &id), ("name", &second)]).await.with_status(200);
    others[1].get("/backup/status/").await.with_status(401);

    own.call("end_other_sessions", &[]).await.with_status(200);
    others[2].get("/backup/status/").await.with_status(401);
    assert_eq!(sessions(&own).await.len(), 1);
    root.get("/backup/status/").await.with_status(200);
    server.stop().await;
}

#[tokio::test]
async fn a_new_password_of_ones_own_ends_the_other_browsers_and_their_streams() {
    let world = World::new();
    world.add_user("ada", "viewer").await;
    let server = world.serve().await;
    let (own, other) = (server.signed_in("ada").await, server.signed_in("ada").await);
    let mut stream = other.open("/events").await;
    assert!(stream.chunk().await.unwrap().is_some(), "the stream is open");
    let fields = [("current", World::password_of("ada")), ("new", "another-pass-1".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    own.call("change_password", &fields).await.with_status(200);
    while let Some(_event) = stream.chunk().await.unwrap() {}
    other.get("/backup/status/").await.with_status(401);
    own.get("/backup/status/").await.with_status(200);
    server.stop().await;
}

#[tokio::test]
async fn a_session_ends_when_it_was_not_used_for_long_and_when_it_is_old() {
    let world = World::new();
    world.add_user("ada", "viewer").await;
    let server = world.serve().await;
    let idle = server.signed_in("ada").await;
    world.database.execute("UPDATE session SET last_seen_at = last_seen_at - 13 * 3600000").await;
    idle.get("/backup/status/").await.with_status(401);
    let old = server.signed_in("ada").await;
    old.get("/backup/status/").await.with_status(200);
    world.database.execute("UPDATE session SET created_at = created_at - 8 * 86400000").await;
    old.get("/backup/status/").await.with_status(401);
    assert_eq!(world.database.number("SELECT COUNT(*) FROM session").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn what_was_seen_is_not_written_by_a_request_and_is_there_after_a_stop() {
    let world = World::new();
    world.add_user("ada", "viewer").await;
    let server = world.serve().await;
    let ada = server.signed_in("ada").await;
    let seen = "SELECT COUNT(*) FROM session WHERE last_seen_at > created_at";
    for _ in 0..10 {
        ada.get("/backup/status/").await.with_status(200);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(world.database.number(seen).await, 0);
    server.stop().await;
    assert_eq!(world.database.number(seen).await, 1);
}

#[tokio::test]
async fn the_first_admins_code_works_for_an_hour_and_a_new_one_is_printed_on_request() {
    let world = World::new();
    let server = world.serve().await;
    let stranger = server.stranger().with_own_origin();
    let page = stranger.clone().and_header("accept", "text/html");
    assert_eq!(page.get("/login").await.with_status(303).header("location"), "/setup");
    stranger.get("/backup/status/").await.with_status(401);
    stranger.get("/healthz").await.with_status(200);
    let refused = stranger.sign_in("admin", "admin").await.with_status(409);
    assert!(refused.message().starts_with("Nobody can sign in yet."), "{}", refused.message());

    let set_up = async |code: &str| {
        let password = World::password_of("ada");
        stranger.call("set_up", &[("code", code), ("name", "ada"), ("password", &password)]).await
    };
    let first = server.setup_code().await;
    let over = "UPDATE setting SET value = json_set(value, '$.until', '2020-01-01T00:00:00Z') WHERE name = 'setup_code'";
    world.database.execute(over).await;
    let late = set_up(&first).await.with_status(422);
    assert!(late.message().contains("etiqa setup-code"), "{}", late.message());
    let second = world.etiqa(["setup-code"]).await.good().stdout.trim().to_owned();
    assert_ne!(first, second);
    set_up(&first).await.with_status(422);
    set_up(&second).await.browser(server.address());
    assert_eq!(world.database.number("SELECT COUNT(*) FROM setting WHERE name = 'setup_code'").await, 0);
    world.etiqa(["setup-code"]).await.failed();
    server.stop().await;
}

#[tokio::test]
async fn the_code_is_asked_for_without_javascript_as_well() {
    let world = World::new();
    world.add_user("ada", "operator").await;
    let server = world.serve().await;
    let own = server.signed_in("ada").await.and_header("accept", "text/html");
    let from_account = own.clone().and_header("referer", &format!("http://{}/account", server.address()));
    let password = World::password_of("ada");
    let begun = from_account.call("begin_second_factor", &[("password", &password)]).await.with_status(302);
    let back = begun.header("location").trim_end_matches('?');
    assert!(back.ends_with("/account"), "{back}");
    let page = own.get("/account").await.with_status(200).text();
    assert!(page.contains("src=\"data:image/svg+xml;base64,"), "the QR code is in the page: {page}");
    let shown = page.split("class=\"secret\"").nth(1).unwrap().split("<code>").nth(1).unwrap();
    let phone = Phone::of(shown.split('<').next().unwrap());
    from_account.call("confirm_second_factor", &[("code", &phone.code(0))]).await.with_status(302);
    assert!(!own.get("/account").await.with_status(200).text().contains("data:image/svg+xml"));
    a_while_later(&world).await;

    let browser = server.stranger().with_own_origin().and_header("accept", "text/html");
    let fields = [("name", "ada"), ("password", &password), ("next", "/devices/?q=a")];
    let asked = browser.call("sign_in", &fields).await.with_status(302);
    assert_eq!(asked.header("location"), "/login?step=code&next=/devices/?q=a");
    let browser = browser.and_cookies_of(&asked);
    let form = browser.get(asked.header("location")).await.with_status(200).text();
    assert!(form.contains("name=\"code\"") && form.contains("value=\"/devices/?q=a\""), "{form}");
    let fields = [("code", phone.code(0)), ("next", "/devices/?q=a".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let inside = browser.call("confirm_sign_in", &fields).await.with_status(302);
    assert_eq!(inside.header("location"), "/devices/?q=a");
    server.stop().await;
}
