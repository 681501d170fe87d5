//! What the API does, by the names that the audit log has for it, as `app/src/api/acts.rs` has them for pages.

use axum::http::Method;
use etiqa_engine::audit::{Action, action};

/// What a request does, where that is to be told; none where it only looks, or is not of the API.
pub(in crate::http) fn act_of(method: &Method, path: &str) -> Option<Action> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let ["api", "v1", parts @ ..] = &parts[..] else { return None };
    match *method {
        Method::POST => posted(parts),
        Method::PATCH => patched(parts),
        Method::DELETE => deleted(parts),
        Method::GET => match parts {
            ["versions", _, "text"] => Some(action::TEXT_DOWNLOAD),
            ["archives", _, "download"] => Some(action::RUN_DOWNLOAD),
            _ => None,
        },
        _ => None,
    }
}

/// What tells requests apart that the audit log has one name for: what follows the number in an address, such as `protect`.
/// Nothing of what somebody made up: only addresses with a name there are asked about.
pub(in crate::http) fn verb_of(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match &parts[..] {
        ["api", "v1", "notifications", _, _, verb @ ..] | ["api", "v1", _, _, verb @ ..] => verb.join("/"),
        _ => String::new(),
    }
}

fn posted(parts: &[&str]) -> Option<Action> {
    Some(match parts {
        ["devices"] => action::DEVICE_ADD,
        ["devices", "bulk"] => action::DEVICE_CHANGE_MANY,
        ["devices", _, "collect"] => action::DEVICE_COLLECT,
        ["devices", _, "host-key", "accept"] => action::DEVICE_HOST_KEY,
        ["versions", _, "accept"] => action::TEXT_ACCEPT,
        ["versions", _, "reject"] => action::TEXT_REJECT,
        ["versions", _, "activate"] => action::TEXT_ACTIVATE,
        ["credentials"] => action::CREDENTIAL_ADD,
        ["credentials", _, "rotate"] => action::CREDENTIAL_ROTATE,
        ["credentials", _, "rotate", "finish"] => action::CREDENTIAL_FINISH,
        ["backup-configs"] => action::BACKUP_ADD,
        ["backup-configs", _, "run"] => action::RUN_START,
        ["backup-configs", _, "toggle"] => action::BACKUP_CHANGE,
        ["runs", _, "cancel"] => action::RUN_CANCEL,
        ["archives", _, "verify"] => action::RUN_VERIFY,
        ["archives", _, "protect" | "unprotect"] => action::RUN_PROTECT,
        ["destinations"] => action::DESTINATION_ADD,
        ["destinations", _, "test"] => action::DESTINATION_TEST,
        ["destinations", _, "retry"] => action::DESTINATION_RETRY,
        ["notifications", "channels"] => action::CHANNEL_ADD,
        ["notifications", "channels", _, "test"] => action::CHANNEL_TEST,
        ["notifications", "rules"] => action::NOTIFY_RULE_ADD,
        ["notifications", "deliveries", _, "retry"] => action::DELIVERY_RETRY,
        ["users"] => action::USER_ADD,
        ["tokens"] => action::TOKEN_CREATE,
        ["jobs", _, "retry"] => action::JOB_RETRY,
        _ => return None,
    })
}

fn patched(parts: &[&str]) -> Option<Action> {
    Some(match parts {
        ["devices", _] => action::DEVICE_CHANGE,
        ["versions", _] => action::TEXT_DESCRIBE,
        ["credentials", _] => action::CREDENTIAL_CHANGE,
        ["backup-configs", _] => action::BACKUP_CHANGE,
        ["destinations", _] => action::DESTINATION_CHANGE,
        ["notifications", "channels", _] => action::CHANNEL_CHANGE,
        ["notifications", "rules", _] => action::NOTIFY_RULE_CHANGE,
        ["users", _] => action::USER_CHANGE,
        ["tokens", _] => action::TOKEN_CHANGE,
        _ => return None,
    })
}

fn deleted(parts: &[&str]) -> Option<Action> {
    Some(match parts {
        ["devices", _] => action::DEVICE_REMOVE,
        ["credentials", _] => action::CREDENTIAL_REMOVE,
        ["backup-configs", _] => action::BACKUP_REMOVE,
        ["destinations", _] => action::DESTINATION_REMOVE,
        ["notifications", "channels", _] => action::CHANNEL_REMOVE,
        ["notifications", "rules", _] => action::NOTIFY_RULE_REMOVE,
        ["users", _] => action::USER_REMOVE,
        ["tokens", _] => action::TOKEN_REVOKE,
        ["jobs", _] => action::JOB_FORGET,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::api;

    #[test]
    fn whatever_changes_something_has_a_name_in_the_audit_log() {
        for (method, path) in api::list() {
            let parsed: Method = method.parse().unwrap();
            let is_told = act_of(&parsed, &path).is_some();
            assert!(is_told || parsed == Method::GET, "{method} {path}");
        }
        assert!(act_of(&Method::GET, "/api/v1/devices").is_none());
        assert!(act_of(&Method::POST, "/devices").is_none());
    }

    #[test]
    fn what_has_one_name_is_told_apart_by_its_address_without_its_number() {
        assert_eq!(verb_of("/api/v1/archives/7/protect"), "protect");
        assert_eq!(verb_of("/api/v1/archives/8/unprotect/"), "unprotect");
        assert_eq!(verb_of("/api/v1/credentials/7/rotate/finish"), "rotate/finish");
        assert_eq!(verb_of("/api/v1/notifications/channels/7/test"), "test");
        for path in ["/api/v1/archives/7", "/api/v1/devices", "/api/v1/notifications/rules/7", "/devices/7/x"]
        {
            assert_eq!(verb_of(path), "", "{path}");
        }
    }
}
