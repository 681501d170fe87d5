//! Backup configs and their runs.
#![expect(clippy::too_many_arguments, reason = "a field of the form each")]

use etiqa_model::admin::{BackupChoices, SchedulePreview, VerifyOutcome};
use etiqa_model::backup::{BackupConfigDetail, BackupConfigInput, BackupConfigRow};
use etiqa_model::history::{RunFilter, RunPage};
use etiqa_model::run::RunDetail;
use etiqa_model::{BackupConfigId, DestinationId, RunId};
use leptos::prelude::*;

use super::AppError;
use super::seen::Seen;
#[cfg(feature = "ssr")]
use {
    super::context::Context,
    etiqa_engine::access::About,
    etiqa_engine::{backup, inventory},
    etiqa_model::page::Page,
    etiqa_model::run::Trigger,
    etiqa_model::user::Role,
};

/// Every backup config and where it stands, by name.
#[server(endpoint = "list_backup_configs")]
pub async fn list_backup_configs() -> Result<Vec<BackupConfigRow>, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(backup::config::list(&context.engine, &context.reach).await?)
}

/// One backup config with its newest runs.
#[server(endpoint = "get_backup_config")]
pub async fn get_backup_config(id: BackupConfigId) -> Result<BackupConfigDetail, AppError> {
    let context = Context::require(Role::Viewer, About::Backup(id)).await?;
    Ok(backup::config::detail(&context.engine, &context.reach, id).await?)
}

/// What the form offers.
#[server(endpoint = "get_backup_choices")]
pub async fn get_backup_choices() -> Result<BackupChoices, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(inventory::backup_choices(&context.engine).await?)
}

/// When a schedule would run; wrong fields are named.
#[server(endpoint = "preview_schedule")]
pub async fn preview_schedule(config: BackupConfigInput) -> Result<SchedulePreview, AppError> {
    Context::require(Role::Operator, About::Everything).await?;
    Ok(backup::config::preview_schedule(&config)?)
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
    #[server(default)] destinations: Vec<DestinationId>,
    #[server(default)] seen: Seen,
) -> Result<BackupConfigId, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    if let Some(id) = id {
        seen.must_match(&backup::config::detail(&context.engine, &context.reach, id).await?.stamp)?;
    }
    let config = BackupConfigInput {
        enabled,
        include_database: Some(include_database),
        include_media: Some(include_media),
        include_logs: Some(include_logs),
        destinations: Some(destinations),
        ..config
    };
    let id = backup::config::save(&context.engine, id, &config).await?;
    leptos_axum::redirect(&format!("/backup/config/{id}"));
    Ok(id)
}

/// Deletes a backup config; its archives and history stay. Leads to `/backup/`.
#[server(endpoint = "delete_backup_config")]
pub async fn delete_backup_config(id: BackupConfigId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    backup::config::delete(&context.engine, id).await?;
    leptos_axum::redirect("/backup/");
    Ok(())
}

/// Enables or disables a backup config.
#[server(endpoint = "enable_backup_config")]
pub async fn enable_backup_config(
    id: BackupConfigId,
    #[server(default)] enabled: bool,
) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::WholeBackup(id)).await?;
    Ok(backup::config::set_enabled(&context.engine, id, enabled).await?)
}

/// Queues a run now; a conflict while one is running.
#[server(endpoint = "run_backup")]
pub async fn run_backup(id: BackupConfigId) -> Result<RunId, AppError> {
    let context = Context::require(Role::Operator, About::WholeBackup(id)).await?;
    Ok(backup::start::start(&context.engine, id, Trigger::Manual).await?.run)
}

/// Runs in `filter`, newest first, a page of them: those before `before`.
#[server(endpoint = "list_runs")]
pub async fn list_runs(
    #[server(default)] filter: RunFilter,
    before: Option<RunId>,
) -> Result<RunPage, AppError> {
    let zone = super::context::zone_of_viewer();
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(backup::run_history(&context.engine, &context.reach, &filter, before, &zone).await?)
}

/// Results of a run on one page.
#[cfg(feature = "ssr")]
const RESULTS_PER_PAGE: u32 = 100;

/// One run with page `page`, from 1, of what each device came to; of the failed ones only where `failed`.
#[server(endpoint = "get_run")]
pub async fn get_run(
    id: RunId,
    #[server(default)] failed: bool,
    #[server(default)] page: u32,
) -> Result<RunDetail, AppError> {
    let context = Context::require(Role::Viewer, About::Run(id)).await?;
    let page = Page { number: page.max(1), size: RESULTS_PER_PAGE };
    Ok(backup::run_detail(&context.engine, &context.reach, id, failed, page).await?)
}

/// Asks a run to stop.
#[server(endpoint = "cancel_run")]
pub async fn cancel_run(id: RunId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::WholeRun(id)).await?;
    Ok(backup::start::cancel(&context.engine, id).await?)
}

/// Reads a run's archive back and says what is wrong with it.
#[server(endpoint = "verify_run")]
pub async fn verify_run(id: RunId) -> Result<VerifyOutcome, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(backup::verify::verify_run(&context.engine, id).await?)
}
