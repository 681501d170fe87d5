//! Logins: a token for each, and what a token may be used for.

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::reply::Reply;
use super::error;
use crate::state::State;
use crate::text;

/// The folder of tokens.
pub(in crate::https) const TOKENS: &str = "/mgmt/shared/authz/tokens/";

/// How many tokens a user may have at a time. On a real device the user `admin` may have any number; here the limit
/// holds for that one too, since it is the one that tests log in as.
const MOST_TOKENS: usize = 100;

/// Seconds that a token lives, and that it may be made to live at most.
const LIFETIME: u64 = 1_200;
const LONGEST_LIFETIME: u64 = 36_000;

/// `POST /mgmt/shared/authn/login`.
pub(super) fn login(state: &State, call: &Call) -> Reply {
    let body = call.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    if !state.accepts_password(text("username"), text("password")) {
        return error(401, "Authentication failed.");
    }
    let mut web = state.web();
    let memory = &mut web.icontrol;
    if memory.tokens.len() >= MOST_TOKENS {
        let message = format!("user {} has reached maximum active login tokens", text("username"));
        return error(400, &message);
    }
    memory.issued += 1;
    let chance = text::random_bytes(&format!("token {} of {}", memory.issued, state.spec.hostname));
    let token: String = chance.iter().take(26).map(|byte| char::from(b'A' + byte % 26)).collect();
    memory.tokens.push(token.clone());
    Reply::json(
        200,
        &json!({
            "username": text("username"),
            "loginProviderName": body["loginProviderName"],
            "token": described(&token, LIFETIME),
        }),
    )
}

/// Whether the call shows a token, or name and password; the refusal where it does not.
pub(super) fn check(state: &State, call: &Call) -> Result<(), Reply> {
    if let Some(token) = call.header("x-f5-auth-token") {
        return if state.web().icontrol.tokens.iter().any(|known| known == token) {
            Ok(())
        } else {
            Err(error(401, "X-F5-Auth-Token does not exist."))
        };
    }
    let (user, password) = call.basic().unwrap_or_default();
    if state.accepts_password(&user, &password) {
        return Ok(());
    }
    Err(error(401, "Authorization failed: no user authentication header or token detected.")
        .with("www-authenticate", "Basic realm=\"Enterprise Manager\""))
}

/// Looks at a token, makes it live longer, or gives it back.
pub(super) fn answer(state: &State, call: &Call, token: &str) -> Reply {
    let mut web = state.web();
    let tokens = &mut web.icontrol.tokens;
    let Some(place) = tokens.iter().position(|known| known == token) else {
        return error(404, "The token was not found.");
    };
    match call.method.as_str() {
        "DELETE" => drop(tokens.remove(place)),
        "PATCH" => {
            let timeout = call.json()["timeout"].as_u64().unwrap_or(LIFETIME);
            if timeout > LONGEST_LIFETIME {
                return error(406, "Auth-token absolute timeout (36000 seconds) exceeded");
            }
            return Reply::json(200, &described(token, timeout));
        }
        "GET" => {}
        _ => return error(405, "Method not allowed"),
    }
    Reply::json(200, &described(token, LIFETIME))
}

fn described(token: &str, timeout: u64) -> Value {
    json!({
        "token": token,
        "name": token,
        "timeout": timeout,
        "kind": "shared:authz:tokens:authtokenitemstate",
        "selfLink": format!("https://localhost{TOKENS}{token}"),
    })
}
