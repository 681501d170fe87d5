//! Reading the log for people.

use etiqa_model::audit::{AuditFilter, AuditPage, AuditRow};
use etiqa_model::history::HistoryPage;

use super::check::check_newest;
use crate::backup::span;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::audit::audit_page;

/// Rows in `filter` before `before`, newest first. Its days are those of `zone`, an IANA name.
pub async fn find(
    engine: &Engine,
    filter: &AuditFilter,
    before: Option<i64>,
    zone: &str,
) -> Result<HistoryPage<AuditRow>> {
    let span = span(filter.from.as_deref(), filter.to.as_deref(), zone)?;
    Ok(audit_page(&engine.db, filter, span, before).await?)
}

/// The same with whether the newest part of the log holds.
pub async fn page(
    engine: &Engine,
    filter: &AuditFilter,
    before: Option<i64>,
    zone: &str,
) -> Result<AuditPage> {
    let rows = find(engine, filter, before, zone).await?;
    Ok(AuditPage { rows, chain: check_newest(&engine.db, &engine.vault).await? })
}
