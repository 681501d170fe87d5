//! What people do with rules: add, change, remove, and see what a message of one would look like.

use etiqa_model::event::Topic;
use etiqa_model::notify::{ChannelKind, Item, ItemState, NewRule, NotifyEvent, Rule, RuleInput, RuleList};
use etiqa_model::schedule::{Frequency, Schedule, TimeOfDay};
use etiqa_model::{BackupConfigId, FieldError, NotifyRuleId, Timestamp, UserError};
use serde_json::json;

use super::compose::compose;
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::db::DbError;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::schedule::due::{self, machine_zone};
use crate::store::backup_config::backup_config_list;
use crate::store::notify::channel::channel_list_names;
use crate::store::notify::open::open_delete_others_in_txn;
use crate::store::notify::rule::{
    rule_delete_in_txn, rule_fetch, rule_fetch_by_name, rule_insert_in_txn, rule_list, rule_update_in_txn,
};
use crate::time::now;

/// Every rule, and what a rule can name.
pub async fn list_rules(engine: &Engine) -> Result<RuleList> {
    let backups = backup_config_list(&engine.db).await?;
    Ok(RuleList {
        rules: rule_list(&engine.db).await?,
        channels: channel_list_names(&engine.db).await?,
        backups: backups.into_iter().map(|config| (config.id, config.name)).collect(),
        time_zone: machine_zone(),
    })
}

/// The rule of this name.
pub async fn find_rule(engine: &Engine, name: &str) -> Result<Rule> {
    let found = rule_fetch_by_name(&engine.db, name).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("rule named \"{name}\"")))?)
}

/// Adds (`id` none) or changes a rule.
pub async fn save_rule(engine: &Engine, id: Option<NotifyRuleId>, input: &RuleInput) -> Result<NotifyRuleId> {
    let was = match id {
        Some(id) => Some(rule_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?),
        None => None,
    };
    let new = checked(engine, input, was.as_ref()).await?;
    let at = now();
    let mut tx = engine.db.write().await?;
    let id = match id {
        Some(id) => {
            let updated = rule_update_in_txn(&mut tx, id, &new, at).await;
            if !updated.map_err(|error| taken(error, &new.name))? {
                return Err(missing(id).into());
            }
            open_delete_others_in_txn(&mut tx, id, &new.settings.events).await?;
            id
        }
        None => rule_insert_in_txn(&mut tx, &new, at).await.map_err(|error| taken(error, &new.name))?,
    };
    let after = json!({
        "name": new.name, "enabled": new.enabled, "settings": new.settings, "channels": new.channels,
    });
    let changes = was.as_ref().map_or_else(|| Changes::of_new(&after), |was| Changes::between(was, &after));
    let action = if was.is_some() { action::NOTIFY_RULE_CHANGE } else { action::NOTIFY_RULE_ADD };
    record_in_txn(&mut tx, Act::new(action).on(id.0, &new.name).changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(id)
}

/// Removes a rule, with what it holds.
pub async fn remove_rule(engine: &Engine, id: NotifyRuleId) -> Result<()> {
    let known = rule_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?;
    let mut tx = engine.db.write().await?;
    rule_delete_in_txn(&mut tx, id).await?;
    let changes = Changes::of_removed(&json!({"settings": known.settings}));
    record_in_txn(&mut tx, Act::new(action::NOTIFY_RULE_REMOVE).on(id.0, &known.name).changing(changes))
        .await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(())
}

/// Title and text of a message of this rule, with made-up things of each kind that it tells.
pub async fn preview_of(engine: &Engine, id: NotifyRuleId) -> Result<(String, String)> {
    let Rule { name, settings, .. } = rule_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?;
    let at = now();
    let items = settings.events.iter().map(|event| example(*event, settings.with_diff, at)).collect();
    let message = compose(engine, &name, &settings, items, at);
    Ok((message.title, message.text))
}

/// What is wrong with a rule that only the engine can tell. A backup that it named before and that is gone by now is no fault
/// of this change.
async fn checked(engine: &Engine, input: &RuleInput, was: Option<&Rule>) -> Result<NewRule> {
    let new = input.parse(&machine_zone())?;
    let mut wrong = Vec::new();
    let mut note = |field: &str, message: String| {
        wrong.push(FieldError { field: field.to_owned(), message });
    };
    if let Err(message) = due::find_zone(&new.settings.time_zone) {
        note("time_zone", message);
    } else if !new.settings.quiet.is_empty() {
        let daily = Frequency::Daily { at: TimeOfDay { hour: 0, minute: 0 } };
        let quiet = Schedule {
            blackouts: new.settings.quiet.clone(),
            ..Schedule::plain(daily, new.settings.time_zone.clone())
        };
        if due::check(&quiet).is_err() {
            note("quiet", "These windows leave no time at which anything is told.".to_owned());
        }
    }
    let channels = channel_list_names(&engine.db).await?;
    for id in &new.channels {
        match channels.iter().find(|channel| channel.id == *id) {
            None => note("channels", "A channel is not there any more: choose again.".to_owned()),
            Some(channel) if channel.kind == ChannelKind::Heartbeat => {
                note("channels", format!("{} is a heartbeat: it needs no rule.", channel.name));
            }
            Some(_) => {}
        }
    }
    let backups = backup_config_list(&engine.db).await?;
    let is_known = |id: &BackupConfigId| {
        backups.iter().any(|config| config.id == *id)
            || was.is_some_and(|was| was.settings.backups.contains(id))
    };
    if !new.settings.backups.iter().all(is_known) {
        note("backups", "A backup is not there any more: choose again.".to_owned());
    }
    if wrong.is_empty() { Ok(new) } else { Err(UserError::in_fields(wrong).into()) }
}

/// What such a thing looks like.
fn example(event: NotifyEvent, with_diff: bool, at: Timestamp) -> Item {
    let (subject, words) = match event {
        NotifyEvent::RunFailed => ("Daily", "Run 7 failed: No device answered; no archive was made."),
        NotifyEvent::RunOverdue => {
            ("Daily", "It was due at 2026-11-23 02:00, UTC, and no run completed since.")
        }
        NotifyEvent::RunNeverStarted => {
            ("Daily", "Its time has come, and nobody queued it: does a scheduler run?")
        }
        NotifyEvent::DeviceFailing => ("core-1", "The device refused every credential. (2 times in a row)"),
        NotifyEvent::DeviceOverdue => {
            ("core-1", "Its last good text is of 2026-11-20 02:00 UTC: no backup took one since it was due.")
        }
        NotifyEvent::ConfigChanged => ("core-1", "running changed, +1 −1 lines: version 12."),
        NotifyEvent::SuspectVersion => {
            ("core-1", "running shrank to 120 bytes. Version 13 waits until a person accepts or rejects it.")
        }
        NotifyEvent::RuleBroken => {
            ("core-1", "running, version 12, breaks the rule \"No telnet\": Allow SSH alone.")
        }
        NotifyEvent::ArchiveDamaged => {
            ("Daily", "The archive of run 7 is damaged: its manifest cannot be read.")
        }
        NotifyEvent::DiskLow => (
            "backup-1",
            "The disk of the backups has room for 900 MiB. Free some space, or keep fewer archives.",
        ),
        NotifyEvent::DestinationDown => {
            ("nas", "The server cannot be reached: its name cannot be resolved, or nothing answers.")
        }
        NotifyEvent::WorkerLost => {
            ("worker-2", "The worker of the site vienna on worker-2 is not heard of any more.")
        }
    };
    let diff = (event == NotifyEvent::ConfigChanged && with_diff)
        .then(|| "--- running version 11\n+++ running version 12\n@@ -3,1 +3,1 @@\n-ntp server 192.0.2.1\n+ntp server 192.0.2.2\n".to_owned());
    Item {
        event,
        state: ItemState::New,
        subject: subject.to_owned(),
        words: words.to_owned(),
        at,
        path: Some("/".to_owned()),
        site: None,
        diff,
    }
}

fn missing(id: NotifyRuleId) -> UserError {
    UserError::not_found(format!("rule {id}"))
}

fn taken(error: DbError, name: &str) -> Error {
    if error.is_unique_violation() {
        let message = format!("There is a rule named \"{name}\" already; choose another name.");
        return UserError::in_fields(vec![FieldError { field: "name".to_owned(), message }]).into();
    }
    error.into()
}
