//! Archives: what they hold, whether they restore, and how long they are kept.

use etiqa_model::admin::KitState;
use etiqa_model::archive::{ArchiveDetail, Drill, RetentionPreview};
use etiqa_model::backup::{BackupConfigInput, RetentionInput};
use etiqa_model::schedule::Pause;
use etiqa_model::{BackupConfigId, RunId, Secret};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context,
    etiqa_engine::access::About,
    etiqa_engine::{backup, recovery},
    etiqa_model::user::Role,
};

/// The archive of a run, with those of its entries whose names hold `search`, 500 at most.
#[server(endpoint = "get_archive")]
pub async fn get_archive(id: RunId, #[server(default)] search: String) -> Result<ArchiveDetail, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(backup::inspect::archive_detail(&context.engine, id, &search).await?)
}

/// Restores an archive into a database that is thrown away, and says whether it does restore.
#[server(endpoint = "drill_run")]
pub async fn drill_run(id: RunId) -> Result<Drill, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(backup::restore::drill::drill_run(&context.engine, id, None).await?)
}

/// Keeps an archive for good, or leaves it to retention again.
#[server(endpoint = "protect_archive")]
pub async fn protect_archive(id: RunId, #[server(default)] protected: bool) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(backup::inspect::protect(&context.engine, id, protected, &context.identity.name).await?)
}

/// A passphrase for archives that nobody guesses and everybody can type. It is nowhere kept.
#[server(endpoint = "generate_passphrase")]
pub async fn generate_passphrase() -> Result<Secret, AppError> {
    Context::require(Role::Operator, About::Everything).await?;
    Ok(backup::sealing::generate_passphrase())
}

/// Lets a restored instance work by itself.
#[server(endpoint = "resume_schedules")]
pub async fn resume_schedules() -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    etiqa_engine::pause::resume(&context.engine).await?;
    Ok(())
}

/// Whether no schedule runs, and why.
#[server(endpoint = "get_pause")]
pub async fn get_pause() -> Result<Option<Pause>, AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    Ok(etiqa_engine::pause::schedule_pause(&context.engine).await?)
}

/// Lets no schedule run until somebody resumes them.
#[server(endpoint = "pause_schedules")]
pub async fn pause_schedules() -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(etiqa_engine::pause::pause(&context.engine, &context.identity.name).await?)
}

/// Lets schedules run that a person paused.
#[server(endpoint = "unpause_schedules")]
pub async fn unpause_schedules() -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(etiqa_engine::pause::unpause(&context.engine, &context.identity.name).await?)
}

/// Whether a recovery kit was taken that holds everything that is needed now.
#[server(endpoint = "get_kit_state")]
pub async fn get_kit_state() -> Result<KitState, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(recovery::kit_state(&context.engine).await?)
}

/// Where a form that a browser posts itself gets the recovery kit as a file, and where the form is.
pub const KIT_FILE: &str = "/admin/recovery-kit/file";
/// The page with that form.
pub const KIT_PAGE: &str = "/admin/recovery-kit";

/// The recovery kit, for who is signed in and knows the password once more.
#[server(endpoint = "take_recovery_kit")]
pub async fn take_recovery_kit(password: Secret) -> Result<Secret, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let (engine, address) = (&context.engine, &context.caller.address);
    Ok(recovery::take_kit_by_password(engine, &context.identity, &password, address).await?)
}

/// Where the form of a backup config, filled in and not saved, leads a browser without JavaScript that asks what would be
/// kept: to the page of its archives with the counts of the form.
#[server(endpoint = "look_at_retention")]
pub async fn look_at_retention(
    id: BackupConfigId,
    #[server(default)] config: BackupConfigInput,
) -> Result<(), AppError> {
    Context::require(Role::Operator, About::Everything).await?;
    let counts = config.counts();
    counts.parse()?;
    let fields = [
        ("max_backups", counts.max_backups),
        ("keep_hourly", counts.keep_hourly),
        ("keep_daily", counts.keep_daily),
        ("keep_weekly", counts.keep_weekly),
        ("keep_monthly", counts.keep_monthly),
        ("keep_yearly", counts.keep_yearly),
    ];
    let page = format!("/backup/config/{id}/retention");
    leptos_axum::redirect(&crate::components::list::address(&page, &fields));
    Ok(())
}

/// What retention would do with the archives of a backup config, if it kept as many as `counts` says; as many as it keeps
/// now when none.
#[server(endpoint = "preview_retention")]
pub async fn preview_retention(
    id: BackupConfigId,
    counts: Option<RetentionInput>,
) -> Result<RetentionPreview, AppError> {
    let context = Context::require(Role::Viewer, About::Everything).await?;
    let counts = counts.map(|counts| counts.parse()).transpose()?;
    Ok(backup::prune::preview(&context.engine, id, counts).await?)
}
