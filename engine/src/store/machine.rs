//! Processes that work on the database, and which of them leads.

use etiqa_model::Timestamp;
use etiqa_model::machine::{Machine, MachineRole, Syslog};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx};

/// Takes the place of those of the same kind, data directory and site that are gone, for a process is one of them started
/// again, and of those of other data directories that are gone for long; gives the names under which they held leases.
pub async fn machine_take_place(
    db: &Db,
    machine: &Machine,
    gone_before: Timestamp,
    long_before: Timestamp,
) -> Result<Vec<String>> {
    let mut tx = db.write().await?;
    let rows = sqlx::query(
        "DELETE FROM machine WHERE owner <> $1 AND role = $3 AND COALESCE(site, '') = COALESCE($4, '')
           AND ((data_dir = $2 AND (stopped_at IS NOT NULL OR seen_at < $5)) OR seen_at < $6) RETURNING owner",
    )
    .bind(machine.owner.clone())
    .bind(machine.data_dir.clone())
    .bind(machine.role.as_str())
    .bind(machine.site.clone())
    .bind(gone_before.millis())
    .bind(long_before.millis())
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    rows.iter().map(|row| row.text("owner")).collect()
}

/// Says that a process is alive, and what it is.
pub async fn machine_save(db: &Db, machine: &Machine) -> Result<()> {
    let count = |of: fn(&Syslog) -> u64| {
        machine.syslog.as_ref().map_or(0, |syslog| i64::try_from(of(syslog)).unwrap_or(i64::MAX))
    };
    let mut tx = db.write().await?;
    sqlx::query(
        "INSERT INTO machine (owner, host, role, site, data_dir, version, sessions, max_sessions, clock_ahead_ms,
            started_at, seen_at, files_id, syslog_address, syslog_messages, syslog_changes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (owner) DO UPDATE SET sessions = excluded.sessions, max_sessions = excluded.max_sessions,
            clock_ahead_ms = excluded.clock_ahead_ms, seen_at = excluded.seen_at,
            syslog_address = excluded.syslog_address, syslog_messages = excluded.syslog_messages,
            syslog_changes = excluded.syslog_changes",
    )
    .bind(machine.owner.clone())
    .bind(machine.host.clone())
    .bind(machine.role.as_str())
    .bind(machine.site.clone())
    .bind(machine.data_dir.clone())
    .bind(machine.version.clone())
    .bind(i64::from(machine.sessions))
    .bind(i64::from(machine.max_sessions))
    .bind(machine.clock_ahead_ms)
    .bind(machine.started_at.millis())
    .bind(machine.seen_at.millis())
    .bind(machine.files_id.clone())
    .bind(machine.syslog.as_ref().map(|syslog| syslog.address.clone()))
    .bind(count(|syslog| syslog.messages))
    .bind(count(|syslog| syslog.changes))
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// Notes that a process has ended in order.
pub async fn machine_stop(db: &Db, owner: &str, now: Timestamp) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE machine SET stopped_at = $2, seen_at = $2, sessions = 0 WHERE owner = $1")
        .bind(owner.to_owned())
        .bind(now.millis())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Forgets a process that is not alive any more; false when there is no such one.
pub async fn machine_forget_in_txn(tx: &mut Tx, owner: &str, gone_before: Timestamp) -> Result<bool> {
    let done =
        sqlx::query("DELETE FROM machine WHERE owner = $1 AND (stopped_at IS NOT NULL OR seen_at < $2)")
            .bind(owner.to_owned())
            .bind(gone_before.millis())
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether any process was seen since then and has not ended. Reads what there was from [`crate::db::MACHINES`] on.
pub async fn machine_is_any_alive(db: &Db, since: Timestamp) -> Result<bool> {
    let row = sqlx::query("SELECT COUNT(*) AS alive FROM machine WHERE stopped_at IS NULL AND seen_at >= $1")
        .bind(since.millis())
        .fetch_one(db.reader())
        .await?;
    Ok(row.int("alive")? > 0)
}

/// All processes, those seen last first.
pub async fn machine_list(db: &Db) -> Result<Vec<Machine>> {
    let select = "SELECT owner, host, role, site, data_dir, files_id, version, sessions, max_sessions, clock_ahead_ms, started_at, \
                  syslog_address, syslog_messages, syslog_changes, \
                  seen_at, stopped_at FROM machine";
    let rows = Filter::new().query(select, " ORDER BY seen_at DESC, owner").fetch_all(db.reader()).await?;
    rows.iter().map(machine).collect()
}

fn machine(row: &AnyRow) -> Result<Machine> {
    let syslog = match row.opt_text("syslog_address")? {
        Some(address) => {
            let (messages, changes) = (row.count("syslog_messages")?, row.count("syslog_changes")?);
            Some(Syslog { address, messages, changes })
        }
        None => None,
    };
    Ok(Machine {
        owner: row.text("owner")?,
        host: row.text("host")?,
        role: row.named("role", MachineRole::parse)?,
        site: row.opt_text("site")?,
        data_dir: row.text("data_dir")?,
        files_id: row.text("files_id")?,
        version: row.text("version")?,
        sessions: row.count("sessions")?,
        max_sessions: row.count("max_sessions")?,
        clock_ahead_ms: row.int("clock_ahead_ms")?,
        syslog,
        started_at: row.time("started_at")?,
        seen_at: row.time("seen_at")?,
        stopped_at: row.opt_time("stopped_at")?,
    })
}

/// Takes the lead in something, or keeps it, until a time; false while somebody else has it.
pub async fn lead_take(db: &Db, name: &str, owner: &str, now: Timestamp, until: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let row = sqlx::query(
        "INSERT INTO lead (name, owner, expires_at) VALUES ($1, $2, $4)
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
           WHERE lead.owner = $2 OR lead.expires_at <= $3 RETURNING name",
    )
    .bind(name.to_owned())
    .bind(owner.to_owned())
    .bind(now.millis())
    .bind(until.millis())
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(row.is_some())
}

/// Lets go of every lead that a process has.
pub async fn leads_drop(db: &Db, owner: &str) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("DELETE FROM lead WHERE owner = $1").bind(owner.to_owned()).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Who has the lead in something, if anybody.
pub async fn lead_holder(db: &Db, name: &str, now: Timestamp) -> Result<Option<String>> {
    let row = sqlx::query("SELECT owner FROM lead WHERE name = $1 AND expires_at > $2")
        .bind(name.to_owned())
        .bind(now.millis())
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.text("owner")).transpose()
}

/// What the database's own clock shows; none on SQLite, whose clock is this machine's.
pub async fn database_clock(db: &Db) -> Result<Option<Timestamp>> {
    if db.kind() == crate::db::DbKind::Sqlite {
        return Ok(None);
    }
    let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now";
    let row = sqlx::query(sql).fetch_one(db.reader()).await?;
    Ok(Some(Timestamp(row.int("now")?)))
}
