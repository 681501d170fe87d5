//! Following what was queued: by a live server where there is one, by this process where there is none.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::backup::find_run;
use etiqa_engine::db::DbKind;
use etiqa_engine::schedule::tick::reap;
use etiqa_engine::schedule::worker::{end_of, work_on_one};
use etiqa_engine::store::job::job_state;
use etiqa_engine::store::result::result_list_of_job;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Error, Result};
use etiqa_model::device::DeviceResult;
use etiqa_model::run::Run;
use etiqa_model::{DeviceResultId, ErrorKind, JobId, RunId, UserError};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use crate::signals::StopSignals;

/// How often the database is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Follows a run to its end, telling what goes on.
pub(super) async fn follow_run(engine: &Arc<Engine>, id: RunId, job: Option<JobId>) -> Result<Run> {
    let tell = async {
        let mut progress = Progress::start("");
        loop {
            let run = find_run(engine, id).await?;
            if run.status.is_over() {
                return Ok(run);
            }
            let words = format!("{}: {}", run.name, run.phase.label().to_lowercase());
            progress.at(&words, run.progress.done.into(), run.progress.total.into());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match job {
        Some(job) => beside(engine, job, tell).await,
        None => tell.await,
    }
}

/// Follows a collection to its end; `tell` hears of every result as it comes.
pub(super) async fn follow_job(
    engine: &Arc<Engine>,
    job: JobId,
    mut tell: impl FnMut(&DeviceResult),
) -> Result<Vec<DeviceResult>> {
    let follow = async {
        let mut results: Vec<DeviceResult> = Vec::new();
        let (mut seen, mut last) = (HashSet::new(), DeviceResultId(0));
        loop {
            let state = job_state(&engine.db, job).await?;
            let is_open = state.as_ref().is_some_and(|state| state.finished_at.is_none());
            // PostgreSQL gives ids out before rows are there: one may come behind those that came after it.
            let after = if is_open { last } else { DeviceResultId(0) };
            let mut new = result_list_of_job(&engine.db, job, after).await?;
            new.retain(|result| seen.insert(result.id));
            new.iter().for_each(&mut tell);
            last = new.iter().map(|result| result.id).fold(last, Ord::max);
            results.extend(new);
            match state {
                _ if is_open => tokio::time::sleep(LOOK_EVERY).await,
                Some(state) => match state.error {
                    Some(error) => return Err(UserError::new(ErrorKind::Unavailable, error).into()),
                    None => return Ok(results),
                },
                None => return Ok(results),
            }
        }
    };
    beside(engine, job, follow).await
}

/// Waits for `follow`, and does the job here for as long as no server is there to do it. What was begun here is
/// brought to its end, the tidying up behind the result too.
async fn beside<T>(engine: &Arc<Engine>, job: JobId, follow: impl Future<Output = Result<T>>) -> Result<T> {
    let followed = CancellationToken::new();
    let work = async {
        while !followed.is_cancelled() {
            if !has_live_server(engine).await? {
                reap(engine, now()).await?;
                work_on_one(engine, job).await?;
            }
            tokio::select! {
                () = followed.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY * 5) => {}
            }
        }
        Ok(())
    };
    tokio::pin!(work);
    let mut signals = StopSignals::listen();
    let result = tokio::select! {
        result = follow => result,
        broken = &mut work => return Err(broken.err().unwrap_or_else(|| UserError::internal().into())),
        () = signals.next() => {
            let is_served = has_live_server(engine).await.unwrap_or(false);
            engine.stopping.cancel();
            followed.cancel();
            // What was begun is brought to an orderly stop and handed back, so that the next process takes it up at
            // once. Who asks a second time does not wait for that.
            tokio::select! {
                _ = end_of(engine, &mut work) => {}
                () = signals.next() => {}
            }
            engine.hand_back().await?;
            let message = if is_served {
                "Interrupted; the server goes on with it."
            } else {
                "Interrupted; what was under way is taken up again later."
            };
            return Err(UserError::new(ErrorKind::Unavailable, message).into());
        }
    };
    followed.cancel();
    work.await?;
    result
}

/// On SQLite the server's lock tells; with PostgreSQL a scheduler that looked recently does.
pub(super) async fn has_live_server(engine: &Engine) -> Result<bool> {
    match engine.db.kind() {
        DbKind::Sqlite => engine.dir.has_live_server().map_err(Error::io("looking at the server's lock")),
        DbKind::Postgres => etiqa_engine::status::scheduler_is_running(engine).await,
    }
}
