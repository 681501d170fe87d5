//! FortiOS's REST interface, as far as a backup needs it.
//!
//! Sources: public scripts that fetch `/api/v2/monitor/system/config/backup`, by a REST administrator's token or by
//! `/logincheck` with its two cookies (the token against forged requests goes into `X-CSRFTOKEN`), and several that
//! found GET refused with 405 by newer releases. Cookies' names carry a number there; here none.

use serde_json::json;

use super::call::{Call, find};
use super::reply::{Content, Reply};
use crate::artifact::{hex, sha256};
use crate::state::State;
use crate::text;

const BACKUP: &str = "/api/v2/monitor/system/config/backup";

/// The cookie of a login, and the one with the token against forged requests.
const LOGIN: &str = "APSCOOKIE_";
const CSRF: &str = "ccsrftoken";

/// What the interface remembers.
#[derive(Default)]
pub(super) struct Memory {
    sessions: Vec<Session>,
    issued: u64,
}

struct Session {
    login: String,
    csrf: String,
}

impl Memory {
    pub(super) fn forget_logins(&mut self) {
        self.sessions.clear();
    }
}

/// Answers a call.
pub(super) fn answer(state: &State, call: &Call) -> Reply {
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/logincheck") => login(state, call),
        ("POST" | "GET", "/logout") => {
            let login = call.cookie(LOGIN).unwrap_or_default();
            state.web().fortios.sessions.retain(|session| session.login != login);
            Reply::html(200, "")
        }
        (_, path) if path.starts_with("/api/v2/") && !is_authorised(state, call) => {
            Reply::error_page(401, "Unauthorized")
        }
        ("GET", BACKUP) if state.spec.https.as_ref().is_some_and(|https| https.is_post_only) => {
            Reply::json(405, &refusal(call, 405))
        }
        ("GET" | "POST", BACKUP) => backup(state, call),
        ("GET", "/api/v2/monitor/system/status") => Reply::json(
            200,
            &json!({
                "http_method": "GET",
                "results": {"hostname": state.spec.hostname, "model": "FGT60F"},
                "serial": text::fortios::serial(&state.spec),
                "version": text::fortios::VERSION,
                "build": text::fortios::BUILD,
                "status": "success",
            }),
        ),
        _ => Reply::json(404, &refusal(call, 404)),
    }
}

/// Whether the call shows the administrator's token, or the cookie of a login; with the cookie, whatever changes
/// something shows the token against forged requests too.
fn is_authorised(state: &State, call: &Call) -> bool {
    let token = call.bearer().or_else(|| call.parameter("access_token"));
    if let Some(token) = token {
        return state.spec.https.as_ref().is_some_and(|https| https.api_token.reveal() == token);
    }
    let Some(login) = call.cookie(LOGIN) else { return false };
    state.web().fortios.sessions.iter().any(|session| {
        session.login == login
            && (call.method == "GET" || call.header("x-csrftoken") == Some(session.csrf.as_str()))
    })
}

/// `/logincheck` answers 200 in any case; the first letter says how it went.
fn login(state: &State, call: &Call) -> Reply {
    let form = call.form();
    let field = |name| find(&form, name).unwrap_or_default();
    if !state.accepts_password(field("username"), field("secretkey")) {
        return Reply::html(200, "0");
    }
    let memory = &mut state.web().fortios;
    memory.issued += 1;
    let chance = text::random_bytes(&format!("session {} of {}", memory.issued, state.spec.hostname));
    let session = Session { login: hex(&chance[..16]), csrf: hex(&chance[16..]) };
    let reply = Reply::html(200, "1document.location=\"/prompt?viewOnly&redir=%2F\";\n")
        .with("set-cookie", format!("{LOGIN}=\"{}\"; path=/; secure; httponly", session.login))
        .with("set-cookie", format!("{CSRF}=\"{}\"; path=/; secure", session.csrf));
    memory.sessions.push(session);
    reply
}

fn backup(state: &State, call: &Call) -> Reply {
    let body = call.json();
    let scope = call.parameter("scope").or_else(|| body["scope"].as_str()).unwrap_or_default();
    if !matches!(scope, "global" | "vdom") {
        return Reply::json(424, &refusal(call, 424));
    }
    let config = state.show_config();
    state.backups.note_made(sha256(config.as_bytes()));
    Reply::new(200, "application/octet-stream", Content::text(&*config))
        .with("content-disposition", format!("attachment; filename=\"{}.conf\"", state.spec.hostname))
}

fn refusal(call: &Call, status: u16) -> serde_json::Value {
    json!({"http_method": call.method, "status": "error", "http_status": status, "vdom": "root"})
}
