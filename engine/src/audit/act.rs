//! What is done, as it is told.

use std::fmt;

use etiqa_model::audit::{AuditChange, AuditOutcome};
use etiqa_model::{Timestamp, UserError};
use serde::Serialize;
use serde_json::{Map, Value};

use super::actor::Acting;
use crate::time::now;

/// Characters of a name, and of everything else, that are kept.
const LONGEST_NAME: usize = 300;
const LONGEST_WORDS: usize = 1_000;
/// Changes of one act; more are counted.
const MOST_CHANGES: usize = 60;

/// Makes the name of an act: what it is done to, a dot, what is done.
macro_rules! actions {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// Every act that there is.
        pub mod action {
            $(#[doc = concat!("`", $text, "`.")] pub const $name: super::Action = super::Action($text);)+
        }
    };
}

/// The name of an act; only [`action`] has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action(&'static str);

impl Action {
    /// As the log has it: `device.change`.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

actions! {
    SIGN_IN = "session.sign_in",
    SIGN_OUT = "session.sign_out",
    RECOVERY_CODE = "session.recovery_code",
    SESSION_END = "session.end",
    SESSION_END_OTHERS = "session.end_others",
    SET_UP = "user.set_up",
    USER_ADD = "user.add",
    USER_CHANGE = "user.change",
    USER_PASSWORD = "user.password",
    USER_REMOVE = "user.remove",
    FACTOR_BEGIN = "user.begin_second_factor",
    FACTOR_CONFIRM = "user.confirm_second_factor",
    FACTOR_STOP = "user.stop_second_factor",
    FACTOR_RESET = "user.reset_second_factor",
    TOKEN_CREATE = "token.create",
    TOKEN_CHANGE = "token.change",
    TOKEN_REVOKE = "token.revoke",
    CREDENTIAL_ADD = "credential.add",
    CREDENTIAL_CHANGE = "credential.change",
    CREDENTIAL_ROTATE = "credential.rotate",
    CREDENTIAL_FINISH = "credential.finish_rotation",
    CREDENTIAL_TEST = "credential.test",
    CREDENTIAL_REMOVE = "credential.remove",
    DEVICE_ADD = "device.add",
    DEVICE_CHANGE = "device.change",
    DEVICE_CHANGE_MANY = "device.change_many",
    DEVICE_REMOVE = "device.remove",
    DEVICE_COLLECT = "device.collect",
    DEVICE_RECOGNISE = "device.recognise",
    DEVICE_IMPORT = "device.import",
    DEVICE_UPLOAD = "device.upload",
    DEVICE_EXPORT = "device.export",
    DEVICE_CHANGED = "device.reported_change",
    DEVICE_HOST_KEY = "device.accept_host_key",
    DEVICE_CERTIFICATE = "device.accept_certificate",
    DEVICE_FORGET_CERTIFICATE = "device.forget_certificate",
    DEVICE_UNLOCK = "device.unlock",
    TEXT_ACTIVATE = "text.activate",
    TEXT_ACCEPT = "text.accept",
    TEXT_REJECT = "text.reject",
    TEXT_DESCRIBE = "text.describe",
    TEXT_DOWNLOAD = "text.download",
    TEXT_REVEAL = "text.reveal",
    MEDIA_ATTACH = "media.attach",
    MEDIA_DOWNLOAD = "media.download",
    MEDIA_REMOVE = "media.remove",
    ARTIFACT_FETCH = "artifact.fetch",
    ARTIFACT_DOWNLOAD = "artifact.download",
    JUMP_HOST_ADD = "jump_host.add",
    JUMP_HOST_CHANGE = "jump_host.change",
    JUMP_HOST_REMOVE = "jump_host.remove",
    JUMP_HOST_KEY = "jump_host.accept_key",
    DESTINATION_ADD = "destination.add",
    DESTINATION_CHANGE = "destination.change",
    DESTINATION_REMOVE = "destination.remove",
    DESTINATION_KEY = "destination.accept_key",
    DESTINATION_TEST = "destination.test",
    DESTINATION_RETRY = "destination.retry",
    DESTINATION_SHARE = "destination.share",
    DESTINATION_UNSHARE = "destination.unshare",
    SOURCE_ADD = "inventory_source.add",
    SOURCE_CHANGE = "inventory_source.change",
    SOURCE_REMOVE = "inventory_source.remove",
    SOURCE_SYNC = "inventory_source.sync",
    CHANNEL_ADD = "channel.add",
    CHANNEL_CHANGE = "channel.change",
    CHANNEL_REMOVE = "channel.remove",
    CHANNEL_TEST = "channel.test",
    DELIVERY_RETRY = "channel.retry_message",
    NOTIFY_RULE_ADD = "notify_rule.add",
    NOTIFY_RULE_CHANGE = "notify_rule.change",
    NOTIFY_RULE_REMOVE = "notify_rule.remove",
    BACKUP_ADD = "backup.add",
    BACKUP_CHANGE = "backup.change",
    BACKUP_REMOVE = "backup.remove",
    RUN_START = "run.start",
    RUN_CANCEL = "run.cancel",
    RUN_END = "run.end",
    RUN_DOWNLOAD = "run.download",
    RUN_ENTRY = "run.download_entry",
    RUN_PROTECT = "run.protect",
    RUN_VERIFY = "run.verify",
    RUN_DRILL = "run.drill",
    RUN_BRING_BACK = "run.bring_back",
    RUN_RETRY_COPY = "run.retry_copy",
    DRIVER_TRY = "driver.try",
    RULE_ADD = "rule.add",
    RULE_CHANGE = "rule.change",
    RULE_REMOVE = "rule.remove",
    RULE_TRY = "rule.try",
    RULE_REPORT = "rule.report",
    DRIVER_DOWNLOAD = "driver.download",
    AUDIT_EXPORT = "audit.export",
    AUDIT_PRUNE = "audit.prune",
    AUDIT_SIGN = "audit.sign",
    SETUP_CODE = "instance.setup_code",
    SETTINGS_CHANGE = "instance.settings",
    PAUSE = "instance.pause",
    RESUME = "instance.resume",
    RECOVERY_KIT = "instance.recovery_kit",
    KEY_ROTATE = "instance.rotate_key",
    RESTORE = "instance.restore",
    MOVE = "instance.move",
    INSTANCE_IMPORT = "instance.import",
    JOB_RETRY = "instance.retry_job",
    JOB_FORGET = "instance.forget_job",
    MACHINE_FORGET = "instance.forget_machine",
    VIEW_SAVE = "user.save_view",
    VIEW_REMOVE = "user.remove_view",
}

/// What somebody did, or was refused.
#[must_use = "an act that is not recorded is told to nobody"]
#[derive(Debug, Clone)]
pub struct Act {
    pub(super) acting: Acting,
    /// Who, where it only turned out who it is.
    pub(super) who: Option<String>,
    pub(super) at: Timestamp,
    pub(super) action: Action,
    pub(super) object_id: Option<i64>,
    pub(super) object: String,
    pub(super) outcome: AuditOutcome,
    pub(super) words: Option<String>,
    pub(super) changes: Vec<AuditChange>,
}

impl Act {
    /// What whoever acts in this task does now.
    pub fn new(action: Action) -> Self {
        Self::by(Acting::here(), action)
    }

    /// The same of somebody else.
    pub fn by(acting: Acting, action: Action) -> Self {
        Self {
            acting,
            who: None,
            at: now(),
            action,
            object_id: None,
            object: String::new(),
            outcome: AuditOutcome::Done,
            words: None,
            changes: Vec::new(),
        }
    }

    /// By somebody of this name: nobody knew it before.
    pub fn known_as(self, name: &str) -> Self {
        Self { who: Some(kept(name, LONGEST_NAME)), ..self }
    }

    /// Done to the thing of this number and name.
    pub fn on(self, id: i64, name: &str) -> Self {
        Self { object_id: Some(id), ..self.on_named(name) }
    }

    /// Done to what has a name and no number.
    pub fn on_named(self, name: &str) -> Self {
        Self { object: kept(name, LONGEST_NAME), ..self }
    }

    /// With what else there is to say.
    pub fn saying(self, words: impl AsRef<str>) -> Self {
        Self { words: Some(kept(words.as_ref(), LONGEST_WORDS)), ..self }
    }

    /// Not done, and why.
    pub fn refused(self, why: impl AsRef<str>) -> Self {
        Self { outcome: AuditOutcome::Refused, ..self.saying(why) }
    }

    /// Not done, as a person is told.
    pub fn refused_with(self, error: &UserError) -> Self {
        self.refused(&error.message)
    }

    /// With what was changed.
    pub fn changing(self, changes: Changes) -> Self {
        Self { changes: changes.finish(), ..self }
    }
}

/// What of a thing was changed.
#[must_use]
#[derive(Debug, Clone, Default)]
pub struct Changes(Vec<AuditChange>);

impl Changes {
    /// Nothing yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those fields of `after` that `before` has with another value. Neither may hold a secret: what crosses the wire to a
    /// browser does not.
    pub fn between(before: &impl Serialize, after: &impl Serialize) -> Self {
        let (before, after) = (fields(before), fields(after));
        let mut changes = Self::none();
        for (field, after) in after {
            let Some(before) = before.get(&field) else { continue };
            if *before != after {
                changes.push(&field, shown(before), shown(&after));
            }
        }
        changes
    }

    /// All that is told of something new.
    pub fn of_new(after: &impl Serialize) -> Self {
        let mut changes = Self::none();
        for (field, after) in fields(after) {
            changes.push(&field, None, shown(&after));
        }
        changes
    }

    /// All that was told of something that is gone.
    pub fn of_removed(before: &impl Serialize) -> Self {
        let mut changes = Self::none();
        for (field, before) in fields(before) {
            changes.push(&field, shown(&before), None);
        }
        changes
    }

    /// And one field more, where it differs.
    pub fn and(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        if before != after {
            self.push(field, before, after);
        }
        self
    }

    /// And a secret that was set, where `is_set`.
    pub fn and_secret(mut self, field: &str, is_set: bool) -> Self {
        if is_set {
            self.0.push(AuditChange { field: field.to_owned(), before: None, after: None, secret: true });
        }
        self
    }

    /// Without these fields: numbers of rows whose names are there as well, what was measured, when it was touched.
    pub fn without(mut self, fields: &[&str]) -> Self {
        self.0.retain(|change| !fields.contains(&change.field.as_str()));
        self
    }

    fn push(&mut self, field: &str, before: Option<String>, after: Option<String>) {
        if before.is_none() && after.is_none() {
            return;
        }
        self.0.push(AuditChange { field: field.to_owned(), before, after, secret: false });
    }

    fn finish(mut self) -> Vec<AuditChange> {
        let more = self.0.len().saturating_sub(MOST_CHANGES);
        self.0.truncate(MOST_CHANGES);
        if more > 0 {
            self.push("…", None, Some(format!("{more} more")));
        }
        self.0
    }
}

/// The fields of a thing; of one within it, each with both names. One that cannot be told has none.
fn fields(of: &impl Serialize) -> Map<String, Value> {
    let mut told = Map::new();
    if let Ok(Value::Object(fields)) = serde_json::to_value(of) {
        for (name, value) in fields {
            match value {
                Value::Object(inner) => {
                    told.extend(inner.into_iter().map(|(field, value)| (format!("{name}.{field}"), value)));
                }
                value => {
                    told.insert(name, value);
                }
            }
        }
    }
    told
}

/// A value as a person reads it; none of what is empty.
fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().filter_map(shown).collect();
            texts.join(", ")
        }
        other => other.to_string(),
    };
    Some(kept(&text, LONGEST_WORDS)).filter(|text| !text.is_empty())
}

/// What is kept of a text: PostgreSQL takes no NUL, and nobody reads endless ones.
fn kept(text: &str, longest: usize) -> String {
    let mut kept: String = text.chars().filter(|c| *c != '\0').take(longest).collect();
    if text.chars().nth(longest).is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_each_field_with_its_values() {
        let before = json!({"name": "a", "port": 22, "tags": ["x"], "site": null, "id": 7});
        let after = json!({"name": "a", "port": 2222, "tags": ["x", "y"], "site": "vienna"});
        let told: Vec<_> = Changes::between(&before, &after)
            .finish()
            .into_iter()
            .map(|change| (change.field, change.before, change.after))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                ("port".to_owned(), text("22"), text("2222")),
                ("site".to_owned(), None, text("vienna")),
                ("tags".to_owned(), text("x"), text("x, y")),
            ]
        );
    }

    #[test]
    fn what_is_within_a_field_is_told_by_both_names() {
        let before = json!({"retention": {"max_backups": 10, "keep_daily": 0}});
        let after = json!({"retention": {"max_backups": 3, "keep_daily": 0}});
        let told = Changes::between(&before, &after).finish();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].field, "retention.max_backups");
    }

    #[test]
    fn a_text_is_kept_up_to_a_bound_and_without_what_no_database_takes() {
        assert_eq!(kept("a\0b", 10), "ab");
        assert_eq!(kept("abcdef", 3), "abc…");
        let act = Act::new(action::DEVICE_CHANGE).on(1, &"x".repeat(10_000));
        assert_eq!(act.object.chars().count(), LONGEST_NAME + 1);
    }

    #[test]
    fn many_changes_at_once_are_counted() {
        let fields: Map<String, Value> =
            (0..100).map(|number| (format!("field{number:03}"), json!(number))).collect();
        let told = Changes::of_new(&Value::Object(fields)).finish();
        assert_eq!(told.len(), MOST_CHANGES + 1);
        assert_eq!(told[MOST_CHANGES].after.as_deref(), Some("40 more"));
    }
}
