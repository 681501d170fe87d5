//! What happened and is not sorted into messages yet.

use std::collections::HashSet;

use etiqa_model::{ConfigVersionId, DeviceId, RunId, Timestamp};

use crate::db::{Db, DbError, Filter, Result, RowExt, Tx};

/// Notices that are sorted at once; more wait for the next time.
const AT_ONCE: u32 = 20_000;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// A run began.
    Started(RunId),
    /// A run ended.
    Ended(RunId),
    /// A device has a new active text.
    Changed(DeviceId, ConfigVersionId),
    /// A device has a text that waits for a person.
    Suspect(DeviceId, ConfigVersionId),
}

impl Happened {
    fn name(self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Ended(_) => "ended",
            Self::Changed(..) => "changed",
            Self::Suspect(..) => "suspect",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Row id.
    pub id: i64,
    /// What.
    pub happened: Happened,
    /// Within which run.
    pub run: Option<RunId>,
    /// When.
    pub at: Timestamp,
}

/// Notes that something happened, in the transaction in which it does. Where nobody would be told nothing is noted.
pub async fn notice_insert_in_txn(
    tx: &mut Tx,
    happened: Happened,
    run: Option<RunId>,
    at: Timestamp,
) -> Result<()> {
    let (run, device, version) = match happened {
        Happened::Started(run) | Happened::Ended(run) => (Some(run), None, None),
        Happened::Changed(device, version) | Happened::Suspect(device, version) => {
            (run, Some(device.0), Some(version.0))
        }
    };
    // PostgreSQL cannot tell what a placeholder is that stands among the columns of a SELECT.
    sqlx::query(
        "INSERT INTO notify_notice (what, run_id, device_id, version_id, at)
         SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT)
         WHERE EXISTS (SELECT 1 FROM notify_channel WHERE enabled = 1)",
    )
    .bind(happened.name())
    .bind(run.map(|run| run.0))
    .bind(device)
    .bind(version)
    .bind(at.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What is to be sorted, the oldest first. What happened within a run that still goes on waits for its end.
pub async fn notice_list(db: &Db) -> Result<Vec<Notice>> {
    let sql = format!(
        "SELECT n.id, n.what, n.run_id, n.device_id, n.version_id, n.at FROM notify_notice n
         LEFT JOIN backup_run r ON r.id = n.run_id
         WHERE n.what IN ('started', 'ended') OR r.id IS NULL OR r.status NOT IN ('pending', 'running')
         ORDER BY n.id LIMIT {AT_ONCE}"
    );
    let rows = sqlx::query(crate::db::built(sql)).fetch_all(db.reader()).await?;
    let mut notices = Vec::with_capacity(rows.len());
    for row in &rows {
        let run = row.opt_int("run_id")?.map(RunId);
        let device = row.opt_int("device_id")?.map(DeviceId);
        let version = row.opt_int("version_id")?.map(ConfigVersionId);
        let what = row.text("what")?;
        let happened = match (what.as_str(), run, device, version) {
            ("started", Some(run), ..) => Happened::Started(run),
            ("ended", Some(run), ..) => Happened::Ended(run),
            ("changed", _, Some(device), Some(version)) => Happened::Changed(device, version),
            ("suspect", _, Some(device), Some(version)) => Happened::Suspect(device, version),
            _ => return Err(DbError::Value { column: "what", message: what.clone() }),
        };
        notices.push(Notice { id: row.int("id")?, happened, run, at: row.time("at")? });
    }
    Ok(notices)
}

/// Forgets these, which are being sorted; gives those that nobody else sorted before.
pub async fn notice_delete_in_txn(tx: &mut Tx, ids: &[i64]) -> Result<HashSet<i64>> {
    let mut gone = HashSet::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        let mut filter = Filter::new();
        filter.and_one_of("id", some.iter().copied());
        let delete = filter.query("DELETE FROM notify_notice", " RETURNING id");
        for row in &delete.fetch_all(&mut **tx).await? {
            gone.insert(row.int("id")?);
        }
    }
    Ok(gone)
}
