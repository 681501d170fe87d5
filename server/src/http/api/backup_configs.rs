//! `/api/v1/backup-configs`: what to back up, when, and how many to keep.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, backup};
use etiqa_model::archive::Encryption;
use etiqa_model::artifact::ArtifactCadence;
use etiqa_model::backup::{
    BackupConfig, BackupConfigDetail, BackupConfigInput, BackupConfigRow, BackupKind, ConfigState, Include,
};
use etiqa_model::run::Trigger;
use etiqa_model::user::Role;
use etiqa_model::{BackupConfigId, DestinationId, Secret, Timestamp, UserError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, accepted, created, etag, item, limit, nothing, shown};
use super::ask::{Ask, Edits};
use super::cursor::after;
use super::runs::{ProgressItem, RunItem};
use super::users::ListQuery;
use super::words::{BackupStateName, BackupTypeName, CadenceName, EncryptionName, FrequencyName};
use crate::http::refusal::Refusal;

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(run))
        .routes(routes!(toggle))
}

/// A backup config as it is filled in. Which of the times count follows `frequency`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct BackupWrite {
    /// Unique; required.
    name: String,
    /// What its archives hold.
    #[serde(rename = "type")]
    #[schema(value_type = BackupTypeName)]
    kind: BackupKind,
    /// Whether it runs by itself.
    enabled: bool,
    /// How often it runs.
    #[schema(value_type = FrequencyName)]
    frequency: String,
    /// For hourly: 0 to 59.
    #[schema(minimum = 0, maximum = 59)]
    minute: u32,
    /// For daily, weekly, monthly: local time, `HH:MM`.
    at: String,
    /// For weekly: `monday` to `sunday`.
    weekday: String,
    /// For monthly: `1` to `31`, or `last`.
    day: String,
    /// For cron: five fields.
    cron: String,
    /// IANA zone; null: the server's.
    time_zone: Option<String>,
    /// It begins up to so many minutes after its time.
    #[schema(minimum = 0, maximum = 720)]
    jitter_minutes: u32,
    /// When it does not begin: `mon-fri 08:00-18:00`, `sat`, `22:00-02:00`.
    blackouts: Vec<String>,
    /// So many of the newest archives are kept.
    #[schema(minimum = 1, maximum = 10000)]
    max_backups: u32,
    /// Besides these the last of each of so many hours.
    #[schema(minimum = 0, maximum = 10000)]
    keep_hourly: u32,
    /// Days.
    #[schema(minimum = 0, maximum = 10000)]
    keep_daily: u32,
    /// Weeks.
    #[schema(minimum = 0, maximum = 10000)]
    keep_weekly: u32,
    /// Months.
    #[schema(minimum = 0, maximum = 10000)]
    keep_monthly: u32,
    /// Years.
    #[schema(minimum = 0, maximum = 10000)]
    keep_yearly: u32,
    /// `database.json` in the archive; null: as the type says.
    include_database: Option<bool>,
    /// `media/`; null: as the type says.
    include_media: Option<bool>,
    /// `logs/`; null: as the type says.
    include_logs: Option<bool>,
    /// How often vendors' own backups are taken along.
    #[schema(value_type = CadenceName)]
    artifacts: ArtifactCadence,
    /// How its archives are sealed.
    #[schema(value_type = EncryptionName)]
    encryption: Encryption,
    /// For `passphrase`: a new one, 12 characters at least; left out: the one that it has.
    #[schema(value_type = String, format = Password, write_only)]
    passphrase: Secret,
    /// For `age`: `age1…` keys or SSH public keys.
    recipients: Vec<String>,
    /// `all`, `type:T`, `tag:T`, `site:S`, or `ids:1,2,3`.
    devices: String,
    /// The numbers of the destinations that its archives are sent to.
    destinations: Vec<i64>,
}

impl Default for BackupWrite {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: BackupKind::Config,
            enabled: true,
            frequency: "daily".to_owned(),
            minute: 0,
            at: "02:00".to_owned(),
            weekday: "monday".to_owned(),
            day: "1".to_owned(),
            cron: String::new(),
            time_zone: None,
            jitter_minutes: 0,
            blackouts: Vec::new(),
            max_backups: 10,
            keep_hourly: 0,
            keep_daily: 0,
            keep_weekly: 0,
            keep_monthly: 0,
            keep_yearly: 0,
            include_database: None,
            include_media: None,
            include_logs: None,
            artifacts: ArtifactCadence::default(),
            encryption: Encryption::None,
            passphrase: Secret::default(),
            recipients: Vec::new(),
            devices: "all".to_owned(),
            destinations: Vec::new(),
        }
    }
}

impl BackupWrite {
    /// As it is, but for its passphrase.
    fn of(row: &BackupConfigRow) -> Self {
        let BackupConfig { kind, enabled, retention, artifacts, encryption, recipients, schedule, .. } =
            &row.config;
        // The times as a person would fill them in.
        let filled = row.config.to_input();
        // What is as the type has it is left out, so that another type brings its own.
        let (is, usual) = (row.config.include, Include::default_for(*kind));
        Self {
            name: filled.name,
            kind: *kind,
            enabled: *enabled,
            frequency: filled.frequency,
            minute: filled.minute.parse().unwrap_or_default(),
            at: filled.at,
            weekday: filled.weekday,
            day: filled.day,
            cron: filled.cron,
            time_zone: Some(filled.time_zone),
            jitter_minutes: schedule.jitter_minutes,
            blackouts: windows(&filled.blackouts),
            max_backups: retention.max_backups,
            keep_hourly: retention.keep_hourly,
            keep_daily: retention.keep_daily,
            keep_weekly: retention.keep_weekly,
            keep_monthly: retention.keep_monthly,
            keep_yearly: retention.keep_yearly,
            include_database: Some(is.database).filter(|on| *on != usual.database),
            include_media: Some(is.media).filter(|on| *on != usual.media),
            include_logs: Some(is.logs).filter(|on| *on != usual.logs),
            artifacts: *artifacts,
            encryption: *encryption,
            passphrase: Secret::default(),
            recipients: recipients.clone(),
            devices: filled.devices,
            destinations: row.destinations.iter().map(|destination| destination.id.0).collect(),
        }
    }

    fn input(&self) -> BackupConfigInput {
        BackupConfigInput {
            name: self.name.clone(),
            kind: self.kind.as_str().to_owned(),
            frequency: self.frequency.clone(),
            minute: self.minute.to_string(),
            at: self.at.clone(),
            weekday: self.weekday.clone(),
            day: self.day.clone(),
            cron: self.cron.clone(),
            time_zone: self.time_zone.clone().unwrap_or_default(),
            jitter_minutes: self.jitter_minutes.to_string(),
            blackouts: self.blackouts.join("\n"),
            max_backups: self.max_backups.to_string(),
            keep_hourly: self.keep_hourly.to_string(),
            keep_daily: self.keep_daily.to_string(),
            keep_weekly: self.keep_weekly.to_string(),
            keep_monthly: self.keep_monthly.to_string(),
            keep_yearly: self.keep_yearly.to_string(),
            include_database: self.include_database,
            include_media: self.include_media,
            include_logs: self.include_logs,
            artifacts: self.artifacts.as_str().to_owned(),
            encryption: self.encryption.as_str().to_owned(),
            passphrase: self.passphrase.clone(),
            recipients: self.recipients.join("\n"),
            devices: self.devices.clone(),
            destinations: Some(self.destinations.iter().copied().map(DestinationId).collect()),
            enabled: self.enabled,
        }
    }
}

/// The windows of a text.
pub(super) fn windows(text: &str) -> Vec<String> {
    let windows = text.split([';', '\n']).map(str::trim).filter(|window| !window.is_empty());
    windows.map(str::to_owned).collect()
}

/// A backup config, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
struct BackupItem {
    id: i64,
    #[serde(flatten)]
    config: BackupShown,
    /// Begins the names of its archives.
    slug: String,
    /// In words: `daily at 02:00, Europe/Vienna`.
    schedule: String,
    /// The first that holds.
    #[schema(value_type = BackupStateName)]
    state: ConfigState,
    /// Enabled, and its time has come.
    is_due: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_run_at: Option<Timestamp>,
    /// How far its running run is.
    progress: Option<ProgressItem>,
    /// Its newest run, running or ended.
    last_run: Option<RunItem>,
    /// Devices that it covers now, of those that one sees.
    device_count: u64,
}

/// What of a backup config a person says.
#[derive(Debug, Serialize, ToSchema)]
struct BackupShown {
    name: String,
    #[serde(rename = "type")]
    #[schema(value_type = BackupTypeName)]
    kind: BackupKind,
    enabled: bool,
    #[schema(value_type = FrequencyName)]
    frequency: String,
    minute: u32,
    at: String,
    weekday: String,
    day: String,
    cron: String,
    time_zone: Option<String>,
    jitter_minutes: u32,
    blackouts: Vec<String>,
    max_backups: u32,
    keep_hourly: u32,
    keep_daily: u32,
    keep_weekly: u32,
    keep_monthly: u32,
    keep_yearly: u32,
    include_database: Option<bool>,
    include_media: Option<bool>,
    include_logs: Option<bool>,
    #[schema(value_type = CadenceName)]
    artifacts: ArtifactCadence,
    #[schema(value_type = EncryptionName)]
    encryption: Encryption,
    recipients: Vec<String>,
    devices: String,
    destinations: Vec<i64>,
}

impl From<BackupWrite> for BackupShown {
    fn from(known: BackupWrite) -> Self {
        Self {
            name: known.name,
            kind: known.kind,
            enabled: known.enabled,
            frequency: known.frequency,
            minute: known.minute,
            at: known.at,
            weekday: known.weekday,
            day: known.day,
            cron: known.cron,
            time_zone: known.time_zone,
            jitter_minutes: known.jitter_minutes,
            blackouts: known.blackouts,
            max_backups: known.max_backups,
            keep_hourly: known.keep_hourly,
            keep_daily: known.keep_daily,
            keep_weekly: known.keep_weekly,
            keep_monthly: known.keep_monthly,
            keep_yearly: known.keep_yearly,
            include_database: known.include_database,
            include_media: known.include_media,
            include_logs: known.include_logs,
            artifacts: known.artifacts,
            encryption: known.encryption,
            recipients: known.recipients,
            devices: known.devices,
            destinations: known.destinations,
        }
    }
}

impl From<BackupConfigRow> for BackupItem {
    fn from(row: BackupConfigRow) -> Self {
        Self {
            config: BackupWrite::of(&row).into(),
            id: row.config.id.0,
            slug: row.config.slug,
            schedule: row.config.schedule.words(),
            state: row.state,
            is_due: row.is_due,
            next_run_at: row.config.next_run_at,
            progress: row
                .progress
                .map(|progress| ProgressItem { done: progress.done, total: progress.total }),
            last_run: row.last_run.map(Into::into),
            device_count: row.devices,
        }
    }
}

/// Backup configs, by name
///
/// Needs the role viewer. Only those that cover a device of one's scope are listed.
#[utoipa::path(get, path = "/api/v1/backup-configs", operation_id = "backup_config_list", tag = "backup configs",
    params(ListQuery), responses((status = 200, description = "A part of the list.", body = Part<BackupItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Viewer, About::Seen).await?;
    let query: ListQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<String>(query.cursor.as_deref())?);
    let all = backup::config::list(&context.engine, &context.reach).await?;
    let part = Part::of_all(all, last.as_ref(), limit, |row| row.config.name.clone());
    Ok(shown(&part.map(BackupItem::from)))
}

/// Add a backup config
///
/// Needs the role operator and no scope.
#[utoipa::path(post, path = "/api/v1/backup-configs", operation_id = "backup_config_create", tag = "backup configs",
    request_body = BackupWrite,
    responses((status = 201, description = "It was added.", body = BackupItem)))]
async fn create(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Everything).await?;
    let new: BackupWrite = ask.json()?;
    let id = backup::config::save(&context.engine, None, &new.input()).await?;
    let row = backup::config::detail(&context.engine, &context.reach, id).await?.row;
    let tag = tag(&row)?;
    Ok(created(format!("/api/v1/backup-configs/{id}"), &BackupItem::from(row), &tag))
}

/// One backup config
///
/// Needs the role viewer.
#[utoipa::path(get, path = "/api/v1/backup-configs/{id}", operation_id = "backup_config_show", tag = "backup configs",
    params(("id" = i64, Path, description = "The config's number.")),
    responses((status = 200, description = "The config.", body = BackupItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Viewer, ("backup config", &id), About::Backup).await?;
    let BackupConfigDetail { row, .. } = backup::config::detail(&context.engine, &context.reach, id).await?;
    let tag = tag(&row)?;
    Ok(item(&BackupItem::from(row), &tag))
}

/// Change a backup config
///
/// Needs the role operator and no scope. A merge patch.
#[utoipa::path(patch, path = "/api/v1/backup-configs/{id}", operation_id = "backup_config_edit", tag = "backup configs",
    params(("id" = i64, Path, description = "The config's number.")), request_body = BackupWrite,
    responses((status = 200, description = "The config as it is now.", body = BackupItem)))]
async fn edit(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = everything(&ask, &id).await?;
    let _turn = EDITS.turn().await;
    let row = backup::config::detail(&context.engine, &context.reach, id).await?.row;
    ask.must_match(&tag(&row)?)?;
    let changed = ask.patched(&BackupWrite::of(&row))?;
    backup::config::save(&context.engine, Some(id), &changed.input()).await?;
    let row = backup::config::detail(&context.engine, &context.reach, id).await?.row;
    let tag = tag(&row)?;
    Ok(item(&BackupItem::from(row), &tag))
}

/// Remove a backup config
///
/// Needs the role operator and no scope. Its runs and their archives stay. 409 while one goes on.
#[utoipa::path(delete, path = "/api/v1/backup-configs/{id}", operation_id = "backup_config_remove",
    tag = "backup configs", params(("id" = i64, Path, description = "The config's number.")),
    responses((status = 204, description = "It is gone.")))]
async fn remove(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = everything(&ask, &id).await?;
    let _turn = EDITS.turn().await;
    let row = backup::config::detail(&context.engine, &context.reach, id).await?.row;
    ask.may_match(&tag(&row)?)?;
    backup::config::delete(&context.engine, id).await?;
    Ok(nothing())
}

/// The run that was queued.
#[derive(Debug, Serialize, ToSchema)]
struct Started {
    run_id: i64,
}

/// Run a backup now
///
/// Needs the role operator, and all of its devices in one's scope. 409 while it runs already.
#[utoipa::path(post, path = "/api/v1/backup-configs/{id}/run", operation_id = "backup_config_run",
    tag = "backup configs", params(("id" = i64, Path, description = "The config's number.")),
    responses((status = 202, description = "The run is queued.", body = Started)))]
async fn run(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("backup config", &id), About::WholeBackup).await?;
    let queued = backup::start::start(&context.engine, id, Trigger::Manual).await?;
    Ok(accepted(&Started { run_id: queued.run.0 }))
}

/// Whether a config runs by itself now.
#[derive(Debug, Serialize, ToSchema)]
struct Toggled {
    id: i64,
    enabled: bool,
}

/// Enable a disabled backup config, and the other way round
///
/// Needs the role operator, and all of its devices in one's scope.
#[utoipa::path(post, path = "/api/v1/backup-configs/{id}/toggle", operation_id = "backup_config_toggle",
    tag = "backup configs", params(("id" = i64, Path, description = "The config's number.")),
    responses((status = 200, description = "What it is now.", body = Toggled)))]
async fn toggle(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("backup config", &id), About::WholeBackup).await?;
    let enabled = backup::config::toggle(&context.engine, id).await?;
    Ok(shown(&Toggled { id: id.0, enabled }))
}

async fn everything(ask: &Ask, id: &str) -> Result<(Context, BackupConfigId), Refusal> {
    ask.one(Role::Operator, ("backup config", id), |_| About::Everything).await
}

/// A new passphrase changes it, too: the time says so.
fn tag(row: &BackupConfigRow) -> Result<String, UserError> {
    etag(&(BackupWrite::of(row), row.config.updated_at))
}
