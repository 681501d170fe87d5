//! Runs (BackupHistory): reading them. Their life is in `run_write`.

use etiqa_model::archive::Encryption;
use etiqa_model::backup::BackupKind;
use etiqa_model::history::{Outcome, RunFilter, RunPage};
use etiqa_model::run::{Phase, Progress, Run, RunStatus, Trigger};
use etiqa_model::{BackupConfigId, RunId, Timestamp};
use sqlx::any::AnyRow;

use super::newest::History;
use crate::db::{Db, Filter, Result, RowExt, Tx};

/// What retention and the reaper ask of a run beside the run itself comes with every row: two small numbers.
const SELECT: &str = "SELECT id, backup_config_id, name, kind, status, phase, started_by, queued_at, started_at, \
     finished_at, cancel_requested, done, total, devices_ok, devices_failed, artifacts_ok, artifacts_failed, file, \
     size_bytes, sha256, verified_at, damaged, removed_at, error, protected, retry_of, \
     encryption, damage, missing_at, leftover_dir FROM backup_run";
/// An archive that is kept; an index of its own holds these, however many runs there were.
pub(super) const ARCHIVED: &str = "status = 'completed' AND file IS NOT NULL AND removed_at IS NULL \
     AND missing_at IS NULL";

/// Whether an archive was made in a data directory; several machines, each with its own, may share the database.
const IS_HERE: &str = "COALESCE(leftover_dir, ?) = ?";

/// From when to when, both ends in it; open where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not after.
    pub to: Option<Timestamp>,
}

/// One run.
pub async fn run_fetch(db: &Db, id: RunId) -> Result<Option<Run>> {
    let row = Filter::new().and_int("id = ?", id.0).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(run).transpose()
}

/// Runs of a config, newest first.
pub async fn run_list(db: &Db, config: BackupConfigId, limit: u32) -> Result<Vec<Run>> {
    let mut filter = Filter::new();
    filter.and_int("backup_config_id = ?", config.0);
    runs(db, &filter, &format!(" ORDER BY id DESC LIMIT {limit}")).await
}

const HISTORY: History<Run> = History {
    table: "backup_run",
    columns: "id, backup_config_id, kind, status, started_by, queued_at, devices_failed, artifacts_failed",
    time: "queued_at",
    until: "queued_at <= ?",
    select: SELECT,
    id: "id",
    row: run,
};

/// Runs in `filter` that were queued within `span`, those before `before`, newest first; of these backup configs alone where
/// named.
pub async fn run_page(
    db: &Db,
    configs: Option<&[BackupConfigId]>,
    filter: &RunFilter,
    span: Span,
    before: Option<i64>,
) -> Result<RunPage> {
    let mut rows = Filter::new();
    HISTORY.narrow_until(db, &mut rows, span.to).await?;
    let held = held_by_index(filter);
    narrow(&mut rows, filter, |narrowing| Some(narrowing) == held);
    let ask = |asked: &mut Filter| {
        narrow(asked, filter, |narrowing| Some(narrowing) != held);
        if let Some(configs) = configs {
            asked.and_one_of("backup_config_id", configs.iter().map(|config| config.0));
        }
        if let Some(from) = span.from {
            asked.and_int("queued_at >= ?", from.millis());
        }
        if let Some(to) = span.to {
            asked.and_int("queued_at <= ?", to.millis());
        }
    };
    HISTORY.page(db, &rows, ask, span, before).await
}

/// What a filter may narrow runs by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Narrowing {
    Config,
    Outcome,
    Trigger,
    Kind,
}

/// What runs are looked up by: it has an index, and is what leaves the fewest.
fn held_by_index(filter: &RunFilter) -> Option<Narrowing> {
    // No index tells those that were all good.
    let is_held = filter.outcome.is_some_and(|outcome| outcome != Outcome::Good);
    [
        (Narrowing::Config, filter.config.is_some()),
        (Narrowing::Outcome, is_held),
        (Narrowing::Trigger, filter.trigger.is_some()),
        (Narrowing::Kind, filter.kind.is_some()),
    ]
    .into_iter()
    .find_map(|(narrowing, is_held)| is_held.then_some(narrowing))
}

/// Adds those conditions of a filter that `which` picks.
fn narrow(conditions: &mut Filter, filter: &RunFilter, which: impl Fn(Narrowing) -> bool) {
    if let Some(config) = filter.config.filter(|_| which(Narrowing::Config)) {
        conditions.and_int("backup_config_id = ?", config.0);
    }
    match filter.outcome.filter(|_| which(Narrowing::Outcome)) {
        Some(Outcome::Live) => conditions.and("status IN ('pending', 'running')"),
        // Nothing here verified what another program made.
        Some(Outcome::Good) => conditions.and(
            "status = 'completed' AND devices_failed = 0 AND artifacts_failed = 0 AND started_by <> 'import'",
        ),
        Some(Outcome::Partial) => {
            conditions.and("status = 'completed' AND devices_failed + artifacts_failed > 0")
        }
        Some(Outcome::Failed) => conditions.and("status = 'failed'"),
        Some(Outcome::Cancelled) => conditions.and("status = 'cancelled'"),
        None => &mut *conditions,
    };
    if let Some(kind) = filter.kind.filter(|_| which(Narrowing::Kind)) {
        conditions.and_text("kind = ?", kind.as_str());
    }
    if let Some(trigger) = filter.trigger.filter(|_| which(Narrowing::Trigger)) {
        conditions.and_text("started_by = ?", trigger.as_str());
    }
}

/// Ended runs, newest first; where backup configs are named, of these alone and among the newest of all.
pub async fn run_list_ended(db: &Db, configs: Option<&[BackupConfigId]>, limit: u32) -> Result<Vec<Run>> {
    let mut filter = of_configs(configs);
    if configs.is_some() {
        filter.and("id IN (SELECT n.id FROM backup_run n ORDER BY n.id DESC LIMIT 5000)");
    }
    filter.and("status NOT IN ('pending', 'running')");
    runs(db, &filter, &format!(" ORDER BY id DESC LIMIT {limit}")).await
}

/// Runs that are queued or going on, oldest first; of these backup configs alone where named.
pub async fn run_list_live(db: &Db, configs: Option<&[BackupConfigId]>) -> Result<Vec<Run>> {
    let mut filter = of_configs(configs);
    filter.and("status IN ('pending', 'running')");
    runs(db, &filter, " ORDER BY id LIMIT 100").await
}

fn of_configs(configs: Option<&[BackupConfigId]>) -> Filter {
    let mut filter = Filter::new();
    if let Some(configs) = configs {
        filter.and_one_of("backup_config_id", configs.iter().map(|config| config.0));
    }
    filter
}

/// The newest run of every config that has one.
pub async fn run_list_newest(db: &Db) -> Result<Vec<Run>> {
    let mut filter = Filter::new();
    // One index look-up a config, however long its history is.
    filter.and(
        "id IN (SELECT (SELECT MAX(r.id) FROM backup_run r WHERE r.backup_config_id = c.id) FROM backup_config c)",
    );
    runs(db, &filter, "").await
}

/// The newest run of one config.
pub async fn run_newest(db: &Db, config: BackupConfigId) -> Result<Option<Run>> {
    Ok(run_list(db, config, 1).await?.pop())
}

/// The queued or running run of a config, within the transaction that may queue one.
pub async fn run_fetch_live_in_txn(tx: &mut Tx, config: BackupConfigId) -> Result<Option<Run>> {
    let mut filter = Filter::new();
    filter.and_int("backup_config_id = ?", config.0).and("status IN ('pending', 'running')");
    let row = filter.query(SELECT, "").fetch_optional(&mut **tx).await?;
    row.as_ref().map(run).transpose()
}

/// A run whose archive is on disk, with what retention asks of it.
pub struct ArchivedRun {
    /// The run.
    pub run: Run,
    /// A person said it stays.
    pub protected: bool,
    /// The data directory that it was made in, where that was noted.
    pub made_in: Option<String>,
}

/// Runs of a config whose archives are there, newest first.
pub async fn run_list_archived(db: &Db, config: BackupConfigId) -> Result<Vec<ArchivedRun>> {
    let mut filter = Filter::new();
    filter.and_int("backup_config_id = ?", config.0).and(ARCHIVED);
    archived_runs(db, &filter, " ORDER BY id DESC").await
}

pub(super) async fn archived_runs(db: &Db, filter: &Filter, order: &str) -> Result<Vec<ArchivedRun>> {
    let rows = filter.query(SELECT, order).fetch_all(db.reader()).await?;
    let archived = |row: &AnyRow| {
        let (protected, made_in) = (row.flag("protected")?, row.opt_text("leftover_dir")?);
        Ok(ArchivedRun { run: run(row)?, protected, made_in })
    };
    rows.iter().map(archived).collect()
}

/// Whether a person wants the archive of a run kept for good.
pub async fn run_is_protected(db: &Db, id: RunId) -> Result<bool> {
    let row = sqlx::query("SELECT protected FROM backup_run WHERE id = $1")
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    row.map_or(Ok(false), |row| row.flag("protected"))
}

/// The newest run of an archive's file name.
pub async fn run_fetch_by_file(db: &Db, file: &str) -> Result<Option<Run>> {
    let mut filter = Filter::new();
    filter.and_text("file = ?", file);
    Ok(runs(db, &filter, " ORDER BY id DESC LIMIT 1").await?.pop())
}

/// Every run whose archive is in this data directory, newest first.
pub async fn run_list_with_archive(db: &Db, data_dir: &str) -> Result<Vec<Run>> {
    let mut filter = Filter::new();
    filter.and(ARCHIVED).and_text(IS_HERE, data_dir);
    // Ordered here: asked for the order, SQLite walks every run that ever completed.
    let mut runs = runs(db, &filter, "").await?;
    runs.sort_by_key(|run| std::cmp::Reverse(run.id));
    Ok(runs)
}

/// Runs whose archives are in this data directory and were last looked at before `before`, those longest ago first.
pub async fn run_list_to_check(db: &Db, data_dir: &str, before: Timestamp, limit: u32) -> Result<Vec<RunId>> {
    let mut filter = Filter::new();
    filter
        .and(ARCHIVED)
        .and_text(IS_HERE, data_dir)
        .and_int("COALESCE(checked_at, verified_at, 0) <= ?", before.millis());
    let order = format!(" ORDER BY COALESCE(checked_at, verified_at, 0), id LIMIT {limit}");
    let rows = filter.query("SELECT id FROM backup_run", &order).fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(RunId(row.int("id")?))).collect()
}

/// The newest archive that a restore drill can try out: good, and one that the program can open.
pub async fn run_newest_to_drill(db: &Db, data_dir: &str) -> Result<Option<RunId>> {
    let mut filter = Filter::new();
    filter.and(ARCHIVED).and_text(IS_HERE, data_dir).and("damaged = 0 AND encryption <> 'age'");
    // One that holds the database tells more.
    let order = " ORDER BY CASE WHEN kind = 'config' THEN 1 ELSE 0 END, id DESC LIMIT 1";
    let row = filter.query("SELECT id FROM backup_run", order).fetch_optional(db.reader()).await?;
    row.map(|row| Ok(RunId(row.int("id")?))).transpose()
}

/// Whether the archive of a run was made in another data directory than this one.
pub async fn run_is_elsewhere(db: &Db, id: RunId, data_dir: &str) -> Result<bool> {
    let row = sqlx::query("SELECT leftover_dir FROM backup_run WHERE id = $1")
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    let made_in = row.map(|row| row.opt_text("leftover_dir")).transpose()?.flatten();
    Ok(made_in.is_some_and(|made_in| made_in != data_dir))
}

/// Runs whose archives are not here any more, newest first: the run, the file, its SHA-256.
pub async fn run_list_missing(db: &Db, limit: u32) -> Result<Vec<(RunId, String, String)>> {
    let mut filter = Filter::new();
    filter.and("missing_at IS NOT NULL AND removed_at IS NULL AND file IS NOT NULL AND sha256 IS NOT NULL");
    let order = format!(" ORDER BY id DESC LIMIT {limit}");
    let rows = filter.query("SELECT id, file, sha256 FROM backup_run", &order).fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok((RunId(row.int("id")?), row.text("file")?, row.text("sha256")?))).collect()
}

/// Runs whose archives are there and damaged, newest first.
pub async fn run_list_damaged(db: &Db, limit: u32) -> Result<Vec<Run>> {
    let mut filter = Filter::new();
    filter.and(ARCHIVED).and("damaged = 1");
    runs(db, &filter, &format!(" ORDER BY id DESC LIMIT {limit}")).await
}

/// Whether somebody asked a run to stop.
pub async fn run_is_cancelling(db: &Db, id: RunId) -> Result<bool> {
    let row = sqlx::query("SELECT cancel_requested FROM backup_run WHERE id = $1")
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    row.map_or(Ok(true), |row| row.flag("cancel_requested"))
}

/// Runs that nobody works on any more: their lease is over.
pub async fn run_list_abandoned(db: &Db, now: Timestamp) -> Result<Vec<(Run, Option<RunId>)>> {
    let mut filter = Filter::new();
    filter.and("status = 'running'").and_int("lease_expires_at <= ?", now.millis());
    let rows = filter.query(SELECT, " ORDER BY id").fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok((run(row)?, row.opt_int("retry_of")?.map(RunId)))).collect()
}

/// Files that ended runs left in a data directory: the run and the name.
pub async fn run_list_leftover(db: &Db, data_dir: &str) -> Result<Vec<(RunId, String)>> {
    let rows = sqlx::query(
        "SELECT id, leftover_file FROM backup_run
         WHERE leftover_file IS NOT NULL AND status NOT IN ('pending', 'running')
           AND (leftover_dir IS NULL OR leftover_dir = $1)
         ORDER BY id LIMIT 1000",
    )
    .bind(data_dir.to_owned())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| Ok((RunId(row.int("id")?), row.text("leftover_file")?))).collect()
}

/// Whether a completed run's archive has this name.
pub async fn run_archive_exists(db: &Db, file: &str) -> Result<bool> {
    let mut filter = Filter::new();
    filter.and_text("file = ?", file).and(ARCHIVED);
    Ok(filter.query("SELECT id FROM backup_run", " LIMIT 1").fetch_optional(db.reader()).await?.is_some())
}

async fn runs(db: &Db, filter: &Filter, after: &str) -> Result<Vec<Run>> {
    let rows = filter.query(SELECT, after).fetch_all(db.reader()).await?;
    rows.iter().map(run).collect()
}

fn run(row: &AnyRow) -> Result<Run> {
    Ok(Run {
        id: RunId(row.int("id")?),
        backup_config_id: row.opt_int("backup_config_id")?.map(BackupConfigId),
        name: row.text("name")?,
        kind: row.named("kind", BackupKind::parse)?,
        status: row.named("status", RunStatus::parse)?,
        phase: row.named("phase", Phase::parse)?,
        trigger: row.named("started_by", Trigger::parse)?,
        queued_at: row.time("queued_at")?,
        started_at: row.opt_time("started_at")?,
        finished_at: row.opt_time("finished_at")?,
        progress: Progress { done: row.count("done")?, total: row.count("total")? },
        file: row.opt_text("file")?,
        size_bytes: row.opt_int("size_bytes")?.and_then(|size| u64::try_from(size).ok()),
        sha256: row.opt_text("sha256")?,
        verified_at: row.opt_time("verified_at")?,
        encryption: row.named("encryption", Encryption::parse)?,
        damaged: row.flag("damaged")?,
        damage: row.opt_text("damage")?,
        removed_at: row.opt_time("removed_at")?,
        missing_at: row.opt_time("missing_at")?,
        devices_ok: row.count("devices_ok")?,
        devices_failed: row.count("devices_failed")?,
        artifacts_ok: row.count("artifacts_ok")?,
        artifacts_failed: row.count("artifacts_failed")?,
        error: row.opt_text("error")?,
        cancelling: row.flag("cancel_requested")?,
    })
}
