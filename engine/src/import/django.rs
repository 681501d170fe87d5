//! What the Django edition of this program knows, brought here: its devices, the versions of their configurations, its backup
//! configs and its history.
//!
//! Its README names its models and what they hold, not their columns. Tables are found as Django names them (`<app>_<model>`
//! in lower case, a foreign key's column ending in `_id`), columns by the names that such models have; what is not there is
//! said in one sentence, and the rest is brought. Nothing that stands here is overwritten, and a second run brings only what
//! came since.

use std::path::Path;

use etiqa_model::UserError;
use etiqa_model::device::DeviceType;
use etiqa_model::event::Topic;
use serde::Serialize;

use super::router_db::Names;
use crate::audit::{Act, action, record_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::schedule::due;

mod backups;
mod devices;
mod dump;
mod history;
mod record;
mod source;
mod sqlite;
mod versions;

use source::Source;

/// A report says so much and counts the rest.
const MOST_NOTES: usize = 1_000;

/// How the Django edition's things are brought.
#[derive(Debug, Clone, Default)]
pub struct DjangoOptions {
    /// Nothing is written.
    pub dry_run: bool,
    /// The site of its devices, which had none; `default` where it is empty.
    pub site: String,
    /// `TIME_ZONE` of its settings: the zone of its schedules, and of times that name none. Django writes these in UTC unless
    /// `USE_TZ` is off. Empty: UTC, and this machine's zone for schedules.
    pub time_zone: String,
    /// The part that its texts become versions of, where it says none; `running` where it is empty.
    pub part: String,
    /// Which platform the devices of a type have: `router` is `ios`.
    pub platforms: Names,
}

impl DjangoOptions {
    fn part(&self) -> &str {
        if self.part.is_empty() { "running" } else { &self.part }
    }

    fn platform_of(&self, device_type: DeviceType) -> Option<&str> {
        let is_it = |(kind, _): &(&String, &String)| DeviceType::parse(kind) == Ok(device_type);
        self.platforms.iter().find(is_it).map(|(_, platform)| platform.as_str())
    }
}

/// How many of one kind there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Brought {
    /// There.
    pub found: u64,
    /// Brought, or to be brought.
    pub new: u64,
    /// Here already.
    pub known: u64,
    /// Not brought; the notes say why.
    pub left_out: u64,
}

/// What was, or would be, brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DjangoReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// Where it was read from, in words.
    pub read_from: String,
    /// Devices.
    pub devices: Brought,
    /// Versions of configurations.
    pub versions: Brought,
    /// Backup configs.
    pub backups: Brought,
    /// Runs of the history.
    pub runs: Brought,
    /// What was not brought, or not as it was; a sentence each.
    pub notes: Vec<String>,
    /// More notes than these.
    pub more_notes: u64,
}

impl DjangoReport {
    fn note(&mut self, note: impl Into<String>) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(note.into());
        } else {
            self.more_notes += 1;
        }
    }
}

/// Brings what `file` holds: the Django edition's database (`db.sqlite3`), one of its archives, or what `manage.py dumpdata`
/// wrote.
pub async fn import(engine: &Engine, file: &Path, options: &DjangoOptions) -> Result<DjangoReport> {
    check(engine, options)?;
    let mut source = Source::open(file, engine.dir.root()).await?;
    let mut report =
        DjangoReport { dry_run: options.dry_run, read_from: source.words(), ..DjangoReport::default() };
    for missing in source.missing() {
        report.note(missing);
    }
    let devices = devices::bring(engine, &mut source, options, &mut report).await?;
    for device in &devices {
        versions::bring(engine, &mut source, device, options, &mut report).await?;
    }
    // Those of a device that was left out were not looked at.
    let others = source.count_configs().await?.saturating_sub(report.versions.found);
    if others > 0 {
        report.versions.found += others;
        report.versions.left_out += others;
        let are = if others == 1 { "configuration is" } else { "configurations are" };
        report.note(format!("{others} {are} of no device that was brought, and left out."));
    }
    let backups = backups::bring(engine, &mut source, options, &mut report).await?;
    history::bring(engine, &mut source, &backups, options, &mut report).await?;
    source.close().await;
    if !options.dry_run {
        note_end(engine, &report).await?;
    }
    Ok(report)
}

/// The audit log's row for the whole of it: each device and backup has one of its own as well.
async fn note_end(engine: &Engine, report: &DjangoReport) -> Result<()> {
    let DjangoReport { devices, versions, backups, runs, .. } = report;
    let words = format!(
        "From the Django edition: {} devices, {} versions, {} backups, {} runs.",
        devices.new, versions.new, backups.new, runs.new
    );
    let mut tx = engine.db.write().await?;
    record_in_txn(&mut tx, Act::new(action::INSTANCE_IMPORT).saying(words)).await?;
    tx.commit().await?;
    for topic in [Topic::Devices, Topic::BackupConfigs, Topic::Runs] {
        engine.events.send(topic, None);
    }
    Ok(())
}

fn check(engine: &Engine, options: &DjangoOptions) -> Result<(), UserError> {
    let zone = options.time_zone.trim();
    if !zone.is_empty() && due::zone_or_utc(zone).name() != zone {
        let message = format!("\"{zone}\" is no time zone; write one such as Europe/Vienna.");
        return Err(UserError::invalid(message));
    }
    if let Some(Err(why)) = options.platforms.keys().map(|kind| DeviceType::parse(kind)).find(Result::is_err)
    {
        return Err(UserError::invalid(why));
    }
    let part = options.part();
    if part.len() > 40 || !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(UserError::invalid(
            "A part's name has letters, digits and hyphens, and 40 of them at most.",
        ));
    }
    let drivers = engine.drivers.current();
    match options.platforms.values().find(|platform| drivers.get(platform).is_none()) {
        Some(platform) => Err(UserError::invalid(crate::inventory::unknown_platform(platform))),
        None => Ok(()),
    }
}
