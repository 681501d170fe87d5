//! Reading runs for people.

use chrono::{NaiveDate, NaiveTime};
use etiqa_model::compare::Moment;
use etiqa_model::device::DeviceResult;
use etiqa_model::history::{Outcome, ResultFilter, ResultPage, RunFilter, RunPage};
use etiqa_model::page::{Page, Paged};
use etiqa_model::run::{Run, RunDetail, RunStatus};
use etiqa_model::user::Reach;
use etiqa_model::{DeviceId, DeviceResultId, RunId, UserError};

use super::seen::{configs_seen, narrow_runs};
use crate::engine::Engine;
use crate::error::Result;
use crate::history::compare::instant;
use crate::store::after::result_list_of_run_after;
use crate::store::archive_copy::copy_list_of_run;
use crate::store::artifact::artifact_result_list_of_run;
use crate::store::result::{result_count_of_run, result_page_of_device, result_page_of_run};
use crate::store::run::{Span, run_fetch, run_page};

/// Runs in `filter` before `before`, newest first, as somebody of this reach sees them. Its days are those of `zone`, an IANA
/// name.
pub async fn run_history(
    engine: &Engine,
    reach: &Reach,
    filter: &RunFilter,
    before: Option<RunId>,
    zone: &str,
) -> Result<RunPage> {
    let span = span(filter.from.as_deref(), filter.to.as_deref(), zone)?;
    let configs = configs_seen(engine, reach).await?;
    // The row of a run says whether all devices were good. Whether those of a scope were is known of runs that were narrowed.
    let is_told_later =
        |outcome: Outcome| !reach.is_whole() && matches!(outcome, Outcome::Good | Outcome::Partial);
    let (later, now) = match filter.outcome {
        Some(outcome) if is_told_later(outcome) => (Some(outcome), None),
        outcome => (None, outcome),
    };
    let asked = RunFilter { outcome: now, ..filter.clone() };
    let mut page = run_page(&engine.db, configs.as_deref(), &asked, span, before.map(|id| id.0)).await?;
    narrow_runs(engine, reach, &mut page.rows).await?;
    if let Some(outcome) = later {
        let is_of = |run: &Run| (run.devices_failed == 0) == (outcome == Outcome::Good);
        page.rows.retain(|run| run.status == RunStatus::Completed && is_of(run));
        page.total = page.rows.len() as u64;
        page.is_among_newest = page.older.is_some();
    }
    Ok(page)
}

/// Results of a device in `filter` before `before`, newest first. Its days are those of `zone`, an IANA name.
pub async fn result_history(
    engine: &Engine,
    device: DeviceId,
    filter: &ResultFilter,
    before: Option<DeviceResultId>,
    zone: &str,
) -> Result<ResultPage> {
    let span = span(filter.from.as_deref(), filter.to.as_deref(), zone)?;
    Ok(result_page_of_device(&engine.db, device, filter, span, before.map(|id| id.0)).await?)
}

/// From the beginning of one day to the end of another.
pub(crate) fn span(from: Option<&str>, to: Option<&str>, zone: &str) -> Result<Span, UserError> {
    let moment = |day: &str, time: NaiveTime| {
        let day = NaiveDate::parse_from_str(day, "%Y-%m-%d")
            .map_err(|_| UserError::invalid("Write a day such as 2026-11-01."))?;
        instant(Moment::Local(day.and_time(time)), zone)
    };
    let end = NaiveTime::from_hms_milli_opt(23, 59, 59, 999).unwrap_or(NaiveTime::MIN);
    Ok(Span {
        from: from.map(|day| moment(day, NaiveTime::MIN)).transpose()?,
        to: to.map(|day| moment(day, end)).transpose()?,
    })
}

/// One run with a page of what each device came to that somebody of this reach sees, failed ones first, or failed ones only.
pub async fn run_detail(
    engine: &Engine,
    reach: &Reach,
    id: RunId,
    only_failed: bool,
    page: Page,
) -> Result<RunDetail> {
    let scope = reach.scope();
    let (results_total, results_failed) = result_count_of_run(&engine.db, scope, id).await?;
    let rows = result_page_of_run(&engine.db, scope, id, only_failed, page).await?;
    let mut run = find_run(engine, id).await?;
    narrow_runs(engine, reach, [&mut run]).await?;
    Ok(RunDetail {
        run,
        results: Paged { rows, total: if only_failed { results_failed } else { results_total }, page },
        results_total,
        results_failed,
        artifacts: artifact_result_list_of_run(&engine.db, scope, id, 500).await?,
        copies: if reach.is_whole() { copy_list_of_run(&engine.db, id).await? } else { Vec::new() },
    })
}

/// At most `limit` results of a run with greater numbers than `after` that somebody of this reach sees, as they came; failed ones
/// only where `only_failed`.
pub async fn run_results_after(
    engine: &Engine,
    reach: &Reach,
    id: RunId,
    only_failed: bool,
    after: DeviceResultId,
    limit: u32,
) -> Result<Vec<DeviceResult>> {
    find_run(engine, id).await?;
    Ok(result_list_of_run_after(&engine.db, reach.scope(), id, only_failed, after, limit).await?)
}

/// A run as somebody of this reach sees it.
pub async fn run_seen(engine: &Engine, reach: &Reach, id: RunId) -> Result<Run> {
    let mut run = find_run(engine, id).await?;
    narrow_runs(engine, reach, [&mut run]).await?;
    Ok(run)
}

/// A run by its id.
pub async fn find_run(engine: &Engine, id: RunId) -> Result<Run> {
    Ok(run_fetch(&engine.db, id).await?.ok_or_else(|| UserError::not_found(format!("run {id}")))?)
}
