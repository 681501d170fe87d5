//! Backup configs and their runs.

use etiqa_model::admin::{BackupChoices, SchedulePreview, VerifyOutcome};
use etiqa_model::backup::{BackupConfigDetail, BackupConfigInput, BackupConfigRow};
use etiqa_model::run::{Run, RunDetail};
use etiqa_model::{BackupConfigId, RunId};
use leptos::prelude::*;

use super::AppError;

/// Every backup config and where it stands, by name.
#[server(endpoint = "list_backup_configs")]
pub async fn list_backup_configs() -> Result<Vec<BackupConfigRow>, AppError> {
    todo!()
}

/// One backup config with its newest runs.
#[server(endpoint = "get_backup_config")]
pub async fn get_backup_config(id: BackupConfigId) -> Result<BackupConfigDetail, AppError> {
    todo!()
}

/// What the form offers.
#[server(endpoint = "get_backup_choices")]
pub async fn get_backup_choices() -> Result<BackupChoices, AppError> {
    todo!()
}

/// When a schedule would run; wrong fields are named.
#[server(endpoint = "preview_schedule")]
pub async fn preview_schedule(config: BackupConfigInput) -> Result<SchedulePreview, AppError> {
    todo!()
}

/// Creates (`id` none) or changes a backup config, then leads to its page. The flags are those of the form's
/// checkboxes and take the place of the same fields of `config`.
#[server(endpoint = "save_backup_config")]
pub async fn save_backup_config(
    #[server(default)] id: Option<BackupConfigId>,
    config: BackupConfigInput,
    #[server(default)] enabled: bool,
    #[server(default)] include_database: bool,
    #[server(default)] include_media: bool,
    #[server(default)] include_logs: bool,
) -> Result<BackupConfigId, AppError> {
    todo!()
}

/// Deletes a backup config; its archives and history stay. Leads to `/backup/`.
#[server(endpoint = "delete_backup_config")]
pub async fn delete_backup_config(id: BackupConfigId) -> Result<(), AppError> {
    todo!()
}

/// Enables or disables a backup config.
#[server(endpoint = "enable_backup_config")]
pub async fn enable_backup_config(
    id: BackupConfigId,
    #[server(default)] enabled: bool,
) -> Result<(), AppError> {
    todo!()
}

/// Queues a run now; a conflict while one is running.
#[server(endpoint = "run_backup")]
pub async fn run_backup(id: BackupConfigId) -> Result<RunId, AppError> {
    todo!()
}

/// Runs, newest first, 50 at most; those before `before`, of one config where named.
#[server(endpoint = "list_runs")]
pub async fn list_runs(config: Option<BackupConfigId>, before: Option<RunId>) -> Result<Vec<Run>, AppError> {
    todo!()
}

/// One run with what each device came to (500 at most).
#[server(endpoint = "get_run")]
pub async fn get_run(id: RunId) -> Result<RunDetail, AppError> {
    todo!()
}

/// Asks a run to stop.
#[server(endpoint = "cancel_run")]
pub async fn cancel_run(id: RunId) -> Result<(), AppError> {
    todo!()
}

/// Reads a run's archive back and says what is wrong with it.
#[server(endpoint = "verify_run")]
pub async fn verify_run(id: RunId) -> Result<VerifyOutcome, AppError> {
    todo!()
}
