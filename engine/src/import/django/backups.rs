//! Backup configs: those whose names are not taken here are added, by the same door as a person's.

use std::collections::{BTreeMap, HashMap};

use etiqa_model::admin::SchedulePreview;
use etiqa_model::backup::{BackupConfigInput, BackupKind};
use etiqa_model::{BackupConfigId, Timestamp};

use super::record::Record;
use super::source::{Kind, Source};
use super::{DjangoOptions, DjangoReport};
use crate::backup::config;
use crate::engine::Engine;
use crate::error::Result;
use crate::schedule::due;
use crate::store::backup_config::backup_config_list;

/// A backup config of the Django edition.
#[derive(Debug, Clone)]
pub(super) struct BroughtBackup {
    /// Its name.
    pub(super) name: String,
    /// What its archives held.
    pub(super) kind: BackupKind,
    /// Which one it is here; none where nothing is written, or where it was left out.
    pub(super) id: Option<BackupConfigId>,
}

/// Brings all of them; by their numbers there.
pub(super) async fn bring(
    engine: &Engine,
    source: &mut Source,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<HashMap<String, BroughtBackup>> {
    let records = source.all(Kind::Backup).await?;
    report.backups.found = records.len() as u64;
    let known = backup_config_list(&engine.db).await?;
    let mut known: BTreeMap<String, BackupConfigId> =
        known.into_iter().map(|config| (config.name, config.id)).collect();
    let mut brought = HashMap::with_capacity(records.len());
    for record in &records {
        let name = record.text(&["name"]).unwrap_or_default().trim().to_owned();
        let kind = record.text(&["backup_type", "type"]).unwrap_or("config");
        let parsed_kind = BackupKind::parse(kind);
        let kind = parsed_kind.clone().unwrap_or(BackupKind::Config);
        let mut one = BroughtBackup { name: name.clone(), kind, id: known.get(&name).copied() };
        if one.id.is_some() {
            report.backups.known += 1;
        } else {
            let input = parsed_kind.and_then(|kind| input_of(record, &name, kind, options));
            let saved = match input {
                Ok(input) => save(engine, &input, options.dry_run).await?,
                Err(why) => Err(why),
            };
            match saved {
                Ok(id) => {
                    report.backups.new += 1;
                    known.extend(id.map(|id| (name.clone(), id)));
                    one.id = id;
                }
                Err(why) => {
                    report.backups.left_out += 1;
                    report.note(format!("The backup \"{name}\" is left out: {why}"));
                }
            }
        }
        brought.insert(record.key().to_owned(), one);
    }
    Ok(brought)
}

/// Adds one, or looks whether it could be added; the inner error is a sentence about it.
async fn save(
    engine: &Engine,
    input: &BackupConfigInput,
    dry_run: bool,
) -> Result<Result<Option<BackupConfigId>, String>> {
    let saved = if dry_run {
        config::preview_schedule(input).map(|_: SchedulePreview| None)
    } else {
        config::save(engine, None, input).await.map(Some)
    };
    match saved {
        Ok(id) => Ok(Ok(id)),
        Err(crate::error::Error::User(error)) => Ok(Err(error.message)),
        Err(error) => Err(error),
    }
}

/// The Django edition runs a backup at the time of day that it ran first at; here that time is said.
fn input_of(
    record: &Record,
    name: &str,
    kind: BackupKind,
    options: &DjangoOptions,
) -> Result<BackupConfigInput, String> {
    let frequency = record.text(&["frequency"]).unwrap_or("daily").trim().to_lowercase();
    if !["hourly", "daily", "weekly", "monthly"].contains(&frequency.as_str()) {
        return Err(format!("\"{frequency}\" is none of hourly, daily, weekly, monthly."));
    }
    let zone = if options.time_zone.is_empty() { due::machine_zone() } else { options.time_zone.clone() };
    let next = [
        "next_backup",
        "next_run",
        "next_backup_at",
        "next_run_at",
        "next_scheduled",
        "last_backup",
        "last_run",
    ];
    let mut input = BackupConfigInput {
        name: name.to_owned(),
        kind: kind.as_str().to_owned(),
        frequency,
        max_backups: record
            .text(&["max_backups", "max_backup_count", "retention_count"])
            .unwrap_or("10")
            .trim()
            .to_owned(),
        include_database: record.flag(&["include_database", "include_db"]),
        include_media: record.flag(&["include_media"]),
        include_logs: record.flag(&["include_logs"]),
        enabled: record.flag(&["enabled", "is_enabled", "is_active", "active"]).unwrap_or(true),
        ..BackupConfigInput::default()
    };
    if let Some(at) = record.time(&next, &options.time_zone) {
        set_time(&mut input, at, &zone);
    }
    input.time_zone = zone;
    input.parse("UTC").map_err(|error| error.message)?;
    Ok(input)
}

fn set_time(input: &mut BackupConfigInput, at: Timestamp, zone: &str) {
    let local = at.to_utc().with_timezone(&due::zone_or_utc(zone));
    input.minute = local.format("%-M").to_string();
    input.at = local.format("%H:%M").to_string();
    input.weekday = local.format("%A").to_string().to_lowercase();
    input.day = local.format("%-d").to_string();
}
