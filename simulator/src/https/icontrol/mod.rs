//! F5 BIG-IP's iControl REST, as far as a UCS backup needs it.
//!
//! Sources: F5's article "iControl REST Authentication Token Management" (community.f5.com, 287462) for tokens, their
//! lifetimes and their limit; F5's Ansible collection (`bigip_ucs_fetch`, `module_utils/icontrol.py`) and f5-sdk for the
//! task, the list and the download; its `util/unix-rm` calls for the other way of deleting; f5-conx-core and several
//! public backup scripts for `DELETE /mgmt/tm/sys/ucs/NAME`.

mod files;
mod tasks;
mod tokens;

use std::sync::Arc;

use serde_json::json;

use super::call::Call;
use super::reply::Reply;
use crate::state::State;
use crate::text;

pub(super) use tokens::TOKENS;

/// What the interface remembers.
#[derive(Default)]
pub(super) struct Memory {
    tokens: Vec<String>,
    issued: u64,
    tasks: Vec<tasks::Task>,
    tasks_made: u64,
}

impl Memory {
    pub(super) fn forget_logins(&mut self) {
        self.tokens.clear();
    }

    /// How many tokens are live.
    pub(super) fn tokens_open(&self) -> usize {
        self.tokens.len()
    }
}

/// Answers a call.
pub(super) fn answer(state: &Arc<State>, call: &Call) -> Reply {
    if call.is("POST", "/mgmt/shared/authn/login") {
        return tokens::login(state, call);
    }
    if let Err(refusal) = tokens::check(state, call) {
        return refusal;
    }
    let path = call.path.trim_end_matches('/');
    if let Some(token) = path.strip_prefix(TOKENS) {
        return tokens::answer(state, call, token);
    }
    if let Some(rest) = path.strip_prefix(tasks::PATH) {
        return tasks::answer(state, call, rest);
    }
    if let Some(name) = path.strip_prefix(files::DOWNLOADS) {
        return files::download(state, call, name);
    }
    if let Some(rest) = path.strip_prefix(files::UCS) {
        return files::answer(state, call, rest.trim_start_matches('/'));
    }
    match (call.method.as_str(), path) {
        ("POST", files::UNIX_RM) => files::unix_rm(state, call),
        ("GET", "/mgmt/tm/sys/global-settings") => Reply::json(
            200,
            &json!({
                "kind": "tm:sys:global-settings:global-settingsstate",
                "hostname": format!("{}.example.net", state.spec.hostname),
            }),
        ),
        ("GET", "/mgmt/tm/sys/version") => Reply::json(200, &version()),
        _ => error(404, &format!("Public URI path not registered: {path}")),
    }
}

fn version() -> serde_json::Value {
    json!({
        "kind": "tm:sys:version:versionstats",
        "entries": {"https://localhost/mgmt/tm/sys/version/0": {"nestedStats": {"entries": {
            "Product": {"description": "BIG-IP"},
            "Version": {"description": text::bigip::VERSION},
            "Build": {"description": text::bigip::BUILD},
        }}}},
    })
}

/// An answer of the kind that the interface gives when it refuses.
fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"code": status, "message": message, "errorStack": [], "apiError": 3}))
}
