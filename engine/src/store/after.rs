//! Parts of lists for programs, which go on after the last row that they have: what is before it is skipped in an index, and
//! nothing is counted.

use etiqa_model::config::ConfigVersionRow;
use etiqa_model::device::{Device, DeviceFilter, DeviceResult};
use etiqa_model::job::JobState as Standing;
use etiqa_model::scope::Scope;
use etiqa_model::{DeviceId, DeviceResultId, JobId, RunId, Timestamp};

use super::config_list::{ACTIVE, IN_ORDER, active};
use super::config_version::{COLUMNS, version_row};
use super::device::{SELECT, conditions, device, fill_tags};
use super::job::{ListedJob, listed_job, wanted};
use super::promise::Promise;
use super::result::results;
use super::run::{ARCHIVED, ArchivedRun, archived_runs};
use super::scope::narrow;
use crate::db::{Db, Filter, Result};

const JOBS: &str = "SELECT id, payload, attempts, due_at, created_at, lease_owner, lease_expires_at, finished_at, dead, error FROM job";

const NEWEST_FIRST: &str = " ORDER BY id DESC";

/// At most `limit` devices of the scope in `filter` after the one of this host name and id, by host name, where backup configs
/// make these promises.
pub async fn device_list_after(
    db: &Db,
    scope: &Scope,
    filter: &DeviceFilter,
    promises: &[Promise],
    after: Option<(&str, DeviceId)>,
    limit: u32,
) -> Result<Vec<Device>> {
    let mut rows = conditions(scope, filter, promises);
    go_on_after(&mut rows, after);
    // What is promised, and where a list goes on, changes all the time, and with it the statement.
    let order = format!(" ORDER BY d.hostname, d.id LIMIT {limit}");
    let found = rows.query(SELECT, &order).persistent(false).fetch_all(db.reader()).await?;
    let mut devices = found.iter().map(device).collect::<Result<Vec<_>>>()?;
    fill_tags(db, &mut devices).await?;
    Ok(devices)
}

/// At most `limit` active versions of devices of the scope after that one, by host name and part; `search` narrows by name or
/// address.
pub async fn version_list_active_after(
    db: &Db,
    scope: &Scope,
    search: &str,
    after: Option<(&str, DeviceId, &str)>,
    limit: u32,
) -> Result<Vec<ConfigVersionRow>> {
    let mut rows = active(scope, search, None);
    rows.and("v.device_id = d.id");
    if let Some((hostname, device, part)) = after {
        let (name, part) = (
            rows.numbered("?", Some(hostname.to_owned())),
            rows.numbered("v.part > ?", Some(part.to_owned())),
        );
        // The first condition is one on the index of devices alone.
        rows.and_built(format!("(d.hostname, d.id) >= ({name}, {device})"));
        rows.and_built(format!("((d.hostname, d.id) > ({name}, {device}) OR {part})"));
    }
    let before = format!("SELECT {COLUMNS}, d.hostname, d.address {ACTIVE}");
    let order = format!("{IN_ORDER} LIMIT {limit}");
    let found = rows.query(&before, &order).persistent(false).fetch_all(db.reader()).await?;
    found.iter().map(version_row).collect()
}

/// At most `limit` jobs that wait, are worked on or were given up, those with smaller numbers than `before`, newest first; of one
/// state and one kind where named.
pub async fn job_list_before(
    db: &Db,
    state: Option<Standing>,
    kind: &str,
    now: Timestamp,
    before: Option<JobId>,
    limit: u32,
) -> Result<Vec<ListedJob>> {
    let mut rows = wanted(state, kind, now);
    if let Some(before) = before {
        rows.and_int("id < ?", before.0);
    }
    let found = rows.query(JOBS, &format!(" ORDER BY id DESC LIMIT {limit}")).fetch_all(db.reader()).await?;
    found.iter().map(listed_job).collect()
}

/// The job of this number, where it waits, is worked on or was given up.
pub async fn job_fetch_listed(db: &Db, id: JobId) -> Result<Option<ListedJob>> {
    let mut rows = wanted(None, "", Timestamp(0));
    rows.and_int("id = ?", id.0);
    let found = rows.query(JOBS, "").fetch_optional(db.reader()).await?;
    found.as_ref().map(listed_job).transpose()
}

/// At most `limit` runs whose archives are there, those with smaller numbers than `before`, newest first. An index of its own
/// holds these, however many runs there were.
pub async fn archive_list_before(db: &Db, before: Option<RunId>, limit: u32) -> Result<Vec<ArchivedRun>> {
    archived_runs(db, &archived_before(before), &format!("{NEWEST_FIRST} LIMIT {limit}")).await
}

fn archived_before(before: Option<RunId>) -> Filter {
    let mut rows = Filter::new();
    rows.and(ARCHIVED);
    if let Some(before) = before {
        rows.and_int("id < ?", before.0);
    }
    rows
}

/// At most `limit` results of a run that devices of the scope came to, or those of them that are not good, with greater numbers
/// than `after`, as they came.
pub async fn result_list_of_run_after(
    db: &Db,
    scope: &Scope,
    run: RunId,
    only_failed: bool,
    after: DeviceResultId,
    limit: u32,
) -> Result<Vec<DeviceResult>> {
    let mut rows = Filter::new();
    rows.and_int("r.run_id = ?", run.0).and_int("r.id > ?", after.0);
    narrow(&mut rows, scope, "r.device_id");
    if only_failed {
        rows.and("r.class NOT IN ('ok', 'unchanged')");
    }
    results(db, &rows, &format!(" ORDER BY r.id LIMIT {limit}")).await
}

fn go_on_after(rows: &mut Filter, after: Option<(&str, DeviceId)>) {
    if let Some((hostname, id)) = after {
        let condition = rows.numbered(&format!("(d.hostname, d.id) > (?, {id})"), Some(hostname.to_owned()));
        rows.and_built(condition);
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;

    /// Runs whose archives retention removed; it leaves the newest twenty.
    const RUNS: &str = "INSERT INTO backup_run (id, name, kind, status, phase, started_by, queued_at, file, removed_at)
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
        SELECT n, 'nightly', 'config', 'completed', '', 'schedule', n, n || '.zip', iif(n > 19980, NULL, n) FROM n";

    #[tokio::test]
    async fn archives_that_are_kept_are_found_without_the_runs_of_all_others() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join("etiqa.db")).await.unwrap();
        for statements in [[RUNS].as_slice(), &["ANALYZE"]] {
            let mut tx = db.write().await.unwrap();
            for statement in statements {
                sqlx::query(*statement).execute(&mut *tx).await.unwrap();
            }
            tx.commit().await.unwrap();
            for before in [None, Some(RunId(19_990))] {
                let asked = archived_before(before);
                let explain = asked.query("EXPLAIN QUERY PLAN SELECT * FROM backup_run", NEWEST_FIRST);
                let plan = explain.fetch_all(db.reader()).await.unwrap();
                let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
                assert_eq!(steps.len(), 1, "{steps:?}");
                assert!(steps[0].contains("USING INDEX backup_run_kept"), "{steps:?}");
            }
        }
    }
}
