//! The audit log.

use etiqa_model::audit::{AuditFilter, AuditPage};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {super::context::Context, etiqa_engine::access::About, etiqa_engine::audit, etiqa_model::user::Role};

/// Rows in `filter` before `before`, newest first, and whether the newest part of the log holds.
#[server(endpoint = "list_audit")]
pub async fn list_audit(
    #[server(default)] filter: AuditFilter,
    before: Option<i64>,
) -> Result<AuditPage, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let zone = super::context::zone_of_viewer();
    Ok(audit::page(&context.engine, &filter, before, &zone).await?)
}
