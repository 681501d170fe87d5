//! PAN-OS's XML API, as far as a backup needs it.
//!
//! Sources: Palo Alto Networks' "PAN-OS and Panorama API" guide by way of public scripts and of the tests of public
//! libraries, which quote its answers: keys (`type=keygen`), exports (`type=export`), and refusals such as
//! `<response status = 'error' code = '403'><result><msg>Invalid Credential</msg></result></response>`.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, find};
use super::reply::Reply;
use crate::artifact::{hex, sha256};
use crate::backups::{self, Progress};
use crate::state::State;
use crate::text;

/// The name under which the device state waits until it is read.
const DEVICE_STATE: &str = "device_state_cfg.tgz";

/// How often it is looked whether a file is made.
const LOOK: Duration = Duration::from_millis(2);

/// Answers a call.
pub(super) async fn answer(state: &Arc<State>, call: &Call) -> Reply {
    if call.path.trim_end_matches('/') != "/api" {
        return Reply::error_page(404, "Not Found");
    }
    let form = call.form();
    let field = |name: &str| call.parameter(name).or_else(|| find(&form, name));
    if field("type") == Some("keygen") {
        let is_right =
            state.accepts_password(field("user").unwrap_or_default(), field("password").unwrap_or_default());
        return if is_right {
            Reply::xml(200, success(&format!("<key>{}</key>", key(state))))
        } else {
            refused(403, "Invalid Credential")
        };
    }
    let shown = call.header("x-pan-key").or_else(|| field("key"));
    let (user, password) = call.basic().unwrap_or_default();
    let is_authorised = match shown {
        Some(shown) => shown == key(state),
        None => state.accepts_password(&user, &password),
    };
    if !is_authorised {
        return refused(403, "Invalid Credential");
    }
    match (field("type"), field("category")) {
        (Some("export"), Some("configuration")) => {
            let config = state.show_config();
            state.backups.note_made(sha256(config.as_bytes()));
            Reply::xml(200, &*config).with("content-disposition", "attachment; filename=running-config.xml")
        }
        (Some("export"), Some("device-state")) => device_state(state).await,
        (Some("export"), _) => refused(400, "Illegal parameter [category]"),
        (Some("op"), _) if field("cmd") == Some("<show><system><info></info></system></show>") => {
            Reply::xml(200, success(&text::panos::system_info(&state.spec)))
        }
        _ => refused(400, "Illegal parameter [type]"),
    }
}

/// The device's state as an archive, which is made for the call and not kept.
async fn device_state(state: &Arc<State>) -> Reply {
    let job = backups::begin(state, DEVICE_STATE, false);
    while job.progress() == Progress::Running {
        tokio::time::sleep(LOOK).await;
    }
    let Some(file) = state.backups.file(DEVICE_STATE) else {
        return refused(500, "Failed to export the device state");
    };
    state.backups.remove(DEVICE_STATE);
    Reply::file(file).with("content-disposition", format!("attachment; filename={DEVICE_STATE}"))
}

/// The key of the one user. It changes with the password.
fn key(state: &State) -> String {
    let chance = text::random_bytes(&format!("key of {} {}", state.spec.hostname, state.password()));
    format!("LUFRPT1{}==", hex(&chance))
}

fn success(result: &str) -> String {
    format!("<response status=\"success\"><result>{result}</result></response>")
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::xml(status, error_text(status, message))
}

/// A refusal as the API words it.
pub(super) fn error_text(status: u16, message: &str) -> String {
    format!("<response status = 'error' code = '{status}'><result><msg>{message}</msg></result></response>")
}
