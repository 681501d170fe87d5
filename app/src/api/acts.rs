//! What server functions and handlers do, by the names that the audit log has for it: for what is refused before any use
//! case is asked, and for what changes nothing in the database and is to be told all the same.

use axum::http::Method;
use etiqa_engine::audit::{Action, action};

/// Server functions that do something.
const FUNCTIONS: &[(&str, Action)] = &[
    ("accept_certificate", action::DEVICE_CERTIFICATE),
    ("accept_destination_key", action::DESTINATION_KEY),
    ("accept_host_key", action::DEVICE_HOST_KEY),
    ("accept_jump_host_key", action::JUMP_HOST_KEY),
    ("activate_version", action::TEXT_ACTIVATE),
    ("add_starter_rules", action::RULE_ADD),
    ("add_user", action::USER_ADD),
    ("apply_import", action::DEVICE_IMPORT),
    ("begin_second_factor", action::FACTOR_BEGIN),
    ("bring_back", action::RUN_BRING_BACK),
    ("cancel_run", action::RUN_CANCEL),
    ("change_devices", action::DEVICE_CHANGE_MANY),
    ("change_password", action::USER_PASSWORD),
    ("change_token", action::TOKEN_CHANGE),
    ("change_user", action::USER_CHANGE),
    ("collect_device", action::DEVICE_COLLECT),
    ("confirm_second_factor", action::FACTOR_CONFIRM),
    ("create_token", action::TOKEN_CREATE),
    ("decide_version", action::TEXT_ACCEPT),
    ("delete_backup_config", action::BACKUP_REMOVE),
    ("delete_device", action::DEVICE_REMOVE),
    ("describe_version", action::TEXT_DESCRIBE),
    ("drill_run", action::RUN_DRILL),
    ("enable_backup_config", action::BACKUP_CHANGE),
    ("enable_device", action::DEVICE_CHANGE),
    ("enable_rule", action::RULE_CHANGE),
    ("end_other_sessions", action::SESSION_END_OTHERS),
    ("end_session", action::SESSION_END),
    ("end_user_session", action::SESSION_END),
    ("fetch_artifact", action::ARTIFACT_FETCH),
    ("finish_rotation", action::CREDENTIAL_FINISH),
    ("forget_certificate", action::DEVICE_FORGET_CERTIFICATE),
    ("forget_job", action::JOB_FORGET),
    ("forget_machine", action::MACHINE_FORGET),
    ("pause_schedules", action::PAUSE),
    ("protect_archive", action::RUN_PROTECT),
    ("recognise_device", action::DEVICE_RECOGNISE),
    ("remove_channel", action::CHANNEL_REMOVE),
    ("remove_credential", action::CREDENTIAL_REMOVE),
    ("remove_destination", action::DESTINATION_REMOVE),
    ("remove_inventory_source", action::SOURCE_REMOVE),
    ("remove_jump_host", action::JUMP_HOST_REMOVE),
    ("remove_media", action::MEDIA_REMOVE),
    ("remove_notify_rule", action::NOTIFY_RULE_REMOVE),
    ("remove_rule", action::RULE_REMOVE),
    ("remove_user", action::USER_REMOVE),
    ("remove_view", action::VIEW_REMOVE),
    ("reset_second_factor", action::FACTOR_RESET),
    ("resume_schedules", action::RESUME),
    ("retry_copy", action::RUN_RETRY_COPY),
    ("retry_delivery", action::DELIVERY_RETRY),
    ("retry_destination", action::DESTINATION_RETRY),
    ("retry_job", action::JOB_RETRY),
    ("revoke_token", action::TOKEN_REVOKE),
    ("rotate_credential", action::CREDENTIAL_ROTATE),
    ("run_backup", action::RUN_START),
    ("save_backup_config", action::BACKUP_CHANGE),
    ("save_channel", action::CHANNEL_CHANGE),
    ("save_credential", action::CREDENTIAL_CHANGE),
    ("save_destination", action::DESTINATION_CHANGE),
    ("save_device", action::DEVICE_CHANGE),
    ("save_inventory_source", action::SOURCE_CHANGE),
    ("save_jump_host", action::JUMP_HOST_CHANGE),
    ("save_notify_rule", action::NOTIFY_RULE_CHANGE),
    ("save_rule", action::RULE_CHANGE),
    ("save_settings", action::SETTINGS_CHANGE),
    ("save_view", action::VIEW_SAVE),
    ("share_destination", action::DESTINATION_SHARE),
    ("sign_out", action::SIGN_OUT),
    ("start_connection_test", action::CREDENTIAL_TEST),
    ("stop_second_factor", action::FACTOR_STOP),
    ("sync_inventory_source", action::SOURCE_SYNC),
    ("take_recovery_kit", action::RECOVERY_KIT),
    ("test_channel", action::CHANNEL_TEST),
    ("test_destination", action::DESTINATION_TEST),
    ("try_driver", action::DRIVER_TRY),
    ("unpause_schedules", action::RESUME),
    ("unshare_destination", action::DESTINATION_UNSHARE),
    ("verify_run", action::RUN_VERIFY),
];

/// What a request does, where that is to be told; none where it only looks. Signing in and the first admin are told by
/// themselves: nobody who is not let in may fill the log.
pub fn act_of(method: &Method, path: &str) -> Option<Action> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if *method == Method::POST {
        return match parts[..] {
            ["rpc", name] => FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, action)| *action),
            ["backup", "config", _, "run"] => Some(action::RUN_START),
            ["backup", "config", _, "toggle"] => Some(action::BACKUP_CHANGE),
            ["devices", _, "media"] => Some(action::MEDIA_ATTACH),
            ["devices", "import"] => Some(action::DEVICE_UPLOAD),
            ["admin", "recovery-kit", "file"] => Some(action::RECOVERY_KIT),
            ["admin", "drivers", _] => Some(action::DRIVER_TRY),
            ["configs", "rules", ..] => Some(action::RULE_TRY),
            ["hooks", "change"] => Some(action::DEVICE_CHANGED),
            _ => None,
        };
    }
    match parts[..] {
        ["backup", "download", _] => Some(action::RUN_DOWNLOAD),
        ["backup", "run", _, "entry"] => Some(action::RUN_ENTRY),
        ["artifact", _, "download"] => Some(action::ARTIFACT_DOWNLOAD),
        ["devices", _, "media", _] => Some(action::MEDIA_DOWNLOAD),
        ["configs" | "devices", .., "download"] => Some(action::TEXT_DOWNLOAD),
        ["devices", "export.csv"] => Some(action::DEVICE_EXPORT),
        ["admin", "audit", "export"] => Some(action::AUDIT_EXPORT),
        ["rules", "report.csv" | "report.json"] => Some(action::RULE_REPORT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_is_no_act() {
        assert_eq!(act_of(&Method::GET, "/devices/7"), None);
        assert_eq!(act_of(&Method::POST, "/rpc/list_devices"), None);
        assert_eq!(act_of(&Method::GET, "/rpc/delete_device"), None);
        assert_eq!(act_of(&Method::POST, "/rpc/delete_device"), Some(action::DEVICE_REMOVE));
        assert_eq!(act_of(&Method::GET, "/configs/download"), Some(action::TEXT_DOWNLOAD));
        assert_eq!(act_of(&Method::GET, "/devices/7/download"), Some(action::TEXT_DOWNLOAD));
    }
}
