//! Reading runs for people.

use etiqa_model::run::{Run, RunDetail, RunStatus};
use etiqa_model::{BackupConfigId, RunId, UserError};

use crate::engine::Engine;
use crate::error::Result;
use crate::store::archive_copy::copy_list_of_run;
use crate::store::artifact::artifact_result_list_of_run;
use crate::store::result::{result_count_of_run, result_list_of_run};
use crate::store::run::{run_fetch, run_find, run_list};

/// Runs before `before`, newest first, of one config where named; 50 at most.
pub async fn list_runs(
    engine: &Engine,
    config: Option<BackupConfigId>,
    before: Option<RunId>,
) -> Result<Vec<Run>> {
    Ok(run_list(&engine.db, config, before, 50).await?)
}

/// Runs before `before`, newest first, whose name holds `text`, of one status where named; 50 at most. The newest 5,000 are
/// looked into.
pub async fn find_runs(
    engine: &Engine,
    text: &str,
    status: Option<RunStatus>,
    before: Option<RunId>,
) -> Result<Vec<Run>> {
    Ok(run_find(&engine.db, text.trim(), status, before, 50).await?)
}

/// One run with what each device came to; the first 500, failed ones first.
pub async fn run_detail(engine: &Engine, id: RunId) -> Result<RunDetail> {
    Ok(RunDetail {
        run: find_run(engine, id).await?,
        results: result_list_of_run(&engine.db, id, 500).await?,
        results_total: result_count_of_run(&engine.db, id).await?,
        artifacts: artifact_result_list_of_run(&engine.db, id, 500).await?,
        copies: copy_list_of_run(&engine.db, id).await?,
    })
}

/// A run by its id.
pub async fn find_run(engine: &Engine, id: RunId) -> Result<Run> {
    Ok(run_fetch(&engine.db, id).await?.ok_or_else(|| UserError::not_found(format!("run {id}")))?)
}
