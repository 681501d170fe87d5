//! Creating, changing and deleting backup configs, and how they stand.

use std::collections::HashMap;

use etiqa_model::admin::SchedulePreview;
use etiqa_model::backup::{
    BackupConfig, BackupConfigDetail, BackupConfigInput, BackupConfigRow, ConfigState, NewBackupConfig,
};
use etiqa_model::destination::DestinationName;
use etiqa_model::event::Topic;
use etiqa_model::run::{Run, RunStatus, Trigger};
use etiqa_model::selector::Selector;
use etiqa_model::user::Reach;
use etiqa_model::{BackupConfigId, FieldError, Timestamp, UserError};
use serde_json::json;

use super::archive::names::free_slug;
use super::seen::{configs_seen, narrow_configs, narrow_runs};
use super::{promise, sealing};
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::schedule::due;
use crate::stamp::stamp;
use crate::store::backup_config as store;
use crate::store::destination::{backup_config_list_destinations, backup_config_set_destinations_in_txn};
use crate::store::device::device_list_selected_within;
use crate::store::device_count::device_count_selected;
use crate::store::promise::promise_begin_in_txn;
use crate::store::run::{run_list, run_list_newest, run_newest};
use crate::time::now;

/// Late by more than this is `due`.
const GRACE_MS: i64 = 5 * 60 * 1000;

/// Adds (`id` none) or changes a backup config.
pub async fn save(
    engine: &Engine,
    id: Option<BackupConfigId>,
    input: &BackupConfigInput,
) -> Result<BackupConfigId> {
    let new = input.parse(&due::machine_zone())?;
    due::check(&new.schedule)?;
    sealing::check_recipients(&new.recipients)?;
    let at = now();
    let mut tx = engine.db.write().await?;
    let before = match id {
        Some(id) => Some(store::backup_config_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?),
        None => None,
    };
    let id = match &before {
        Some(known) => {
            let id = known.id;
            // An edit that leaves the times alone does not push a due run away.
            let keeps = known.schedule == new.schedule && known.enabled && new.enabled;
            let next = if keeps { known.next_run_at } else { next_run(&new, &known.slug, at) };
            store::backup_config_update_in_txn(&mut tx, id, &new, next, at)
                .await
                .map_err(|e| taken(e, &new.name))?;
            promise::change_in_txn(&mut tx, known, &new, at).await?;
            id
        }
        None => {
            let slug = free_slug(&new.name, &store::slug_list_in_txn(&mut tx).await?);
            let next = next_run(&new, &slug, at);
            store::backup_config_insert_in_txn(&mut tx, &new, &slug, next, at)
                .await
                .map_err(|e| taken(e, &new.name))?
        }
    };
    sealing::keep_passphrase_in_txn(engine, &mut tx, id, &new, at).await?;
    if let Some(destinations) = &new.destinations {
        backup_config_set_destinations_in_txn(&mut tx, id, destinations).await?;
    }
    let after = store::backup_config_fetch_in_txn(&mut tx, id).await?;
    let (action, changes) = match (&before, &after) {
        (Some(before), Some(after)) => (action::BACKUP_CHANGE, Changes::between(before, after)),
        (_, after) => (action::BACKUP_ADD, Changes::of_new(after)),
    };
    let changes = changes.without(NOT_SAID).and_secret("passphrase", new.passphrase.is_some());
    record_in_txn(&mut tx, Act::new(action).on(id.0, &new.name).changing(changes)).await?;
    tx.commit().await?;
    changed(engine, id);
    Ok(id)
}

/// What of a backup config is not of a person's making.
const NOT_SAID: &[&str] = &["id", "slug", "next_run_at", "created_at", "updated_at"];

/// Enables or disables a backup config.
pub async fn set_enabled(engine: &Engine, id: BackupConfigId, enabled: bool) -> Result<()> {
    switch(engine, id, Some(enabled)).await.map(drop)
}

/// Disables an enabled backup config, and the other way round; gives whether it is enabled now.
pub async fn toggle(engine: &Engine, id: BackupConfigId) -> Result<bool> {
    switch(engine, id, None).await
}

/// Enables or disables a backup config; where that is not said, it becomes what it is not. Gives whether it is enabled now.
async fn switch(engine: &Engine, id: BackupConfigId, enabled: Option<bool>) -> Result<bool> {
    let at = now();
    let mut tx = engine.db.write().await?;
    let known = store::backup_config_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    let enabled = enabled.unwrap_or(!known.enabled);
    let next = if enabled { due::next_after(&known.schedule, &known.slug, at) } else { None };
    store::backup_config_set_enabled_in_txn(&mut tx, id, enabled, next, at).await?;
    if enabled && !known.enabled {
        promise_begin_in_txn(&mut tx, id, None, at).await?;
    }
    let changes = Changes::between(&known, &json!({ "enabled": enabled }));
    record_in_txn(&mut tx, Act::new(action::BACKUP_CHANGE).on(id.0, &known.name).changing(changes)).await?;
    tx.commit().await?;
    changed(engine, id);
    Ok(enabled)
}

/// Deletes a backup config. Its runs and their archives stay; a live run refuses it.
pub async fn delete(engine: &Engine, id: BackupConfigId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    if let Some(run) = crate::store::run::run_fetch_live_in_txn(&mut tx, id).await? {
        let message = format!("Run {} of this backup is going on; cancel it or wait for its end.", run.id);
        return Err(UserError::conflict(message).into());
    }
    let known = store::backup_config_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    if !store::backup_config_delete_in_txn(&mut tx, id).await? {
        return Err(missing(id).into());
    }
    let changes = Changes::of_removed(&known).without(NOT_SAID);
    record_in_txn(&mut tx, Act::new(action::BACKUP_REMOVE).on(id.0, &known.name).changing(changes)).await?;
    tx.commit().await?;
    changed(engine, id);
    Ok(())
}

/// Every backup config that somebody of this reach sees and where it stands, by name.
pub async fn list(engine: &Engine, reach: &Reach) -> Result<Vec<BackupConfigRow>> {
    let mut rows = list_uncounted(engine, now()).await?;
    let selectors: Vec<&Selector> = rows.iter().map(|row| &row.config.devices).collect();
    let counts = device_count_selected(&engine.db, reach.scope(), &selectors).await?;
    for (row, devices) in rows.iter_mut().zip(counts) {
        row.devices = devices;
    }
    rows.retain(|row| reach.is_whole() || row.devices > 0);
    narrow_runs(engine, reach, rows.iter_mut().filter_map(|row| row.last_run.as_mut())).await?;
    narrow_configs(engine, reach, &mut rows).await?;
    Ok(rows)
}

/// The same, without how many devices each covers: three statements, however many there are.
pub(crate) async fn list_uncounted(engine: &Engine, at: Timestamp) -> Result<Vec<BackupConfigRow>> {
    let configs = store::backup_config_list(&engine.db).await?;
    let newest = run_list_newest(&engine.db).await?;
    let mut newest: HashMap<_, _> = newest.into_iter().map(|run| (run.backup_config_id, run)).collect();
    let destinations = backup_config_list_destinations(&engine.db).await?;
    let rows = configs.into_iter().map(|config| {
        let last_run = newest.remove(&Some(config.id));
        let sends_to = sends_to(&destinations, config.id);
        BackupConfigRow { destinations: sends_to, ..row(config, last_run, 0, at) }
    });
    Ok(rows.collect())
}

/// One backup config with its newest runs, as somebody of this reach sees them.
pub async fn detail(engine: &Engine, reach: &Reach, id: BackupConfigId) -> Result<BackupConfigDetail> {
    let config = store::backup_config_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?;
    let at = now();
    let chosen = match &config.devices {
        Selector::Chosen(_) => {
            let devices = device_list_selected_within(&engine.db, reach.scope(), &config.devices).await?;
            devices.into_iter().map(|device| device.hostname).collect()
        }
        _ => Vec::new(),
    };
    let next_times =
        if config.enabled { due::next_times(&config.schedule, &config.slug, at, 5) } else { Vec::new() };
    let mut last_run = run_newest(&engine.db, id).await?;
    let mut runs = run_list(&engine.db, id, 25).await?;
    narrow_runs(engine, reach, runs.iter_mut().chain(&mut last_run)).await?;
    let counts = device_count_selected(&engine.db, reach.scope(), &[&config.devices]).await?;
    let devices = counts.into_iter().sum();
    let destinations = sends_to(&backup_config_list_destinations(&engine.db).await?, id);
    let mut row = BackupConfigRow { destinations, ..row(config, last_run, devices, at) };
    narrow_configs(engine, reach, [&mut row]).await?;
    let sends_to: Vec<etiqa_model::DestinationId> = row.destinations.iter().map(|known| known.id).collect();
    let stamp = stamp(&(row.config.to_input(), sends_to))?;
    Ok(BackupConfigDetail { runs, row, next_times, chosen, stamp })
}

/// At most `limit` backup configs that somebody of this reach sees with `search` in their names, by name.
pub async fn named(engine: &Engine, reach: &Reach, search: &str, limit: u32) -> Result<Vec<BackupConfig>> {
    let seen = configs_seen(engine, reach).await?;
    Ok(store::backup_config_list_named(&engine.db, seen.as_deref(), search, limit).await?)
}

/// When a schedule would run, shown while a person edits it.
pub fn preview_schedule(input: &BackupConfigInput) -> Result<SchedulePreview> {
    // Other fields may still be empty while a person edits; only the schedule is looked at.
    let only_schedule = BackupConfigInput { name: "preview".into(), ..input.clone() };
    let mut schedule = only_schedule.parse(&due::machine_zone())?.schedule;
    due::check(&schedule)?;
    let words = schedule.words();
    // What delays a run by chance is said in words; the times are the earliest ones.
    schedule.jitter_minutes = 0;
    Ok(SchedulePreview { words, times: due::next_times(&schedule, "", now(), 5) })
}

/// The backup config of this name.
pub async fn find(engine: &Engine, name: &str) -> Result<BackupConfig> {
    let found = store::backup_config_fetch_by_name(&engine.db, name).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("backup config named \"{name}\"")))?)
}

pub(super) fn missing(id: BackupConfigId) -> UserError {
    UserError::not_found(format!("backup config {id}"))
}

fn row(config: BackupConfig, last_run: Option<Run>, devices: u64, at: Timestamp) -> BackupConfigRow {
    let is_running = last_run.as_ref().is_some_and(|run| !run.status.is_over());
    let is_due = config.enabled && config.next_run_at.is_some_and(|next| next <= at);
    let is_late =
        config.enabled && config.next_run_at.is_some_and(|next| next.millis() + GRACE_MS < at.millis());
    // How another program's runs ended says nothing about this one's.
    let own_run = last_run.as_ref().filter(|run| run.trigger != Trigger::Import);
    let state = match own_run.map(|run| run.status) {
        _ if !config.enabled => ConfigState::Disabled,
        _ if is_running => ConfigState::Running,
        _ if is_late => ConfigState::Due,
        Some(RunStatus::Failed) => ConfigState::Failing,
        None => ConfigState::NeverRun,
        Some(_) => ConfigState::Ok,
    };
    let progress = last_run.as_ref().filter(|_| is_running).map(|run| run.progress);
    BackupConfigRow { config, state, is_due, progress, last_run, devices, destinations: Vec::new() }
}

fn sends_to(all: &[(BackupConfigId, DestinationName)], id: BackupConfigId) -> Vec<DestinationName> {
    all.iter().filter(|(config, _)| *config == id).map(|(_, destination)| destination.clone()).collect()
}

fn next_run(new: &NewBackupConfig, slug: &str, at: Timestamp) -> Option<Timestamp> {
    if new.enabled { due::next_after(&new.schedule, slug, at) } else { None }
}

fn changed(engine: &Engine, id: BackupConfigId) {
    engine.schedule_changed.notify_one();
    engine.events.send(Topic::BackupConfigs, id.0);
}

fn taken(error: crate::db::DbError, name: &str) -> Error {
    if error.is_unique_violation() {
        let message = format!("There is a backup config named \"{name}\" already; choose another name.");
        return UserError::in_fields(vec![FieldError { field: "name".into(), message }]).into();
    }
    error.into()
}
