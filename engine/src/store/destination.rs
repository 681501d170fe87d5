//! Destinations, and which backups send to them. Their copies are in `archive_copy`.

use etiqa_model::destination::{
    Destination, DestinationFacts, DestinationName, DestinationSettings, KeepCopies,
};
use etiqa_model::{BackupConfigId, DestinationId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx, built, json_text};

/// Counts run through an index. What was sent grows with history where copies are kept for ever, so no more than
/// ten thousand of these are counted.
const SELECT: &str = "SELECT d.id, d.name, d.settings, d.keep, d.enabled, d.facts, d.openssh, d.fingerprint, \
     d.offered_fingerprint, d.last_ok_at, d.problem, d.failures, d.paused_until, d.sealed, d.updated_at, \
     (SELECT COUNT(*) FROM (SELECT 1 FROM archive_copy c WHERE c.destination_id = d.id AND c.state = 'sent' \
      LIMIT 10000) AS counted) AS sent, \
     (SELECT COUNT(*) FROM archive_copy c WHERE c.destination_id = d.id AND c.state = 'waiting') AS waiting, \
     (SELECT COUNT(*) FROM archive_copy c WHERE c.destination_id = d.id AND c.state = 'leaving') AS leaving, \
     (SELECT COUNT(*) FROM backup_config_destination b WHERE b.destination_id = d.id) AS configs, \
     (SELECT COUNT(*) FROM setting s WHERE s.name = 'shared_destination' AND s.value = CAST(d.id AS TEXT)) AS shared \
     FROM destination d";

/// What is stored of a destination that a person said.
#[derive(Debug, Clone)]
pub struct DestinationRow {
    /// Unique.
    pub name: String,
    /// Where it is.
    pub settings: DestinationSettings,
    /// Whether copies stay for longer than their archives.
    pub keep: KeepCopies,
    /// Whether anything is sent to it.
    pub enabled: bool,
}

/// A destination with what only the engine needs.
#[derive(Debug, Clone)]
pub struct KeyedDestination {
    /// The destination.
    pub destination: Destination,
    /// All its secrets, sealed for its row.
    pub sealed: Option<Vec<u8>>,
    /// Its remembered host key, in OpenSSH's public key format.
    pub openssh: Option<String>,
}

/// What is another one with changed settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The server: it has another key.
    pub server: bool,
    /// The place: what was found out is of the one before.
    pub place: bool,
}

/// Every destination, by name.
pub async fn destination_list(db: &Db) -> Result<Vec<Destination>> {
    let rows = Filter::new().query(SELECT, " ORDER BY d.name").fetch_all(db.reader()).await?;
    rows.iter().map(|row| destination(row).map(|found| found.destination)).collect()
}

/// Names and ids of all, by name.
pub async fn destination_list_names(db: &Db) -> Result<Vec<DestinationName>> {
    let rows = sqlx::query("SELECT id, name FROM destination ORDER BY name").fetch_all(db.reader()).await?;
    rows.iter()
        .map(|row| Ok(DestinationName { id: DestinationId(row.int("id")?), name: row.text("name")? }))
        .collect()
}

/// One, by id.
pub async fn destination_fetch(db: &Db, id: DestinationId) -> Result<Option<KeyedDestination>> {
    let row = Filter::new().and_int("d.id = ?", id.0).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(destination).transpose()
}

/// One, by name.
pub async fn destination_fetch_by_name(db: &Db, name: &str) -> Result<Option<KeyedDestination>> {
    let row =
        Filter::new().and_text("d.name = ?", name).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(destination).transpose()
}

/// One, by id, within a transaction that may change it.
pub async fn destination_fetch_in_txn(tx: &mut Tx, id: DestinationId) -> Result<Option<KeyedDestination>> {
    let row = Filter::new().and_int("d.id = ?", id.0).query(SELECT, "").fetch_optional(&mut **tx).await?;
    row.as_ref().map(destination).transpose()
}

fn destination(row: &AnyRow) -> Result<KeyedDestination> {
    let destination = Destination {
        id: DestinationId(row.int("id")?),
        name: row.text("name")?,
        settings: row.json("settings")?,
        keep: row.named("keep", KeepCopies::parse)?,
        enabled: row.flag("enabled")?,
        last_ok_at: row.opt_time("last_ok_at")?,
        problem: row.opt_text("problem")?,
        failures: row.count("failures")?,
        paused_until: row.opt_time("paused_until")?,
        facts: row.json("facts")?,
        fingerprint: row.opt_text("fingerprint")?,
        offered: row.opt_text("offered_fingerprint")?,
        sent: row.count("sent")?,
        waiting: row.count("waiting")?,
        leaving: row.count("leaving")?,
        configs: row.count("configs")?,
        is_shared: row.flag("shared")?,
        may_be_shared: false,
        updated_at: row.opt_time("updated_at")?,
    };
    Ok(KeyedDestination { destination, sealed: row.opt_bytes("sealed")?, openssh: row.opt_text("openssh")? })
}

/// Adds one; a unique violation when its name is taken.
pub async fn destination_insert_in_txn(
    tx: &mut Tx,
    row: &DestinationRow,
    now: Timestamp,
) -> Result<DestinationId> {
    let inserted = sqlx::query(
        "INSERT INTO destination (name, kind, settings, keep, enabled, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id",
    )
    .bind(row.name.clone())
    .bind(row.settings.kind().as_str())
    .bind(json_text(&row.settings)?)
    .bind(row.keep.as_str())
    .bind(i64::from(row.enabled))
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(DestinationId(inserted.int("id")?))
}

/// Replaces what a person said of one, and lets it be tried at once. What was found out about a server or a place that it
/// is no more is forgotten.
pub async fn destination_update_in_txn(
    tx: &mut Tx,
    id: DestinationId,
    row: &DestinationRow,
    moved: Moved,
    now: Timestamp,
) -> Result<()> {
    let key = if moved.server {
        ", openssh = NULL, fingerprint = NULL, offered_openssh = NULL, offered_fingerprint = NULL"
    } else {
        ""
    };
    let facts = if moved.place { ", facts = '{}'" } else { "" };
    let sql = format!(
        "UPDATE destination SET name = $2, kind = $3, settings = $4, keep = $5, enabled = $6, updated_at = $7,
                problem = NULL, failures = 0, paused_until = NULL{key}{facts} WHERE id = $1"
    );
    sqlx::query(built(sql))
        .bind(id.0)
        .bind(row.name.clone())
        .bind(row.settings.kind().as_str())
        .bind(json_text(&row.settings)?)
        .bind(row.keep.as_str())
        .bind(i64::from(row.enabled))
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Puts the sealed secrets into the row; none: it has none.
pub async fn destination_seal_in_txn(tx: &mut Tx, id: DestinationId, sealed: Option<Vec<u8>>) -> Result<()> {
    sqlx::query("UPDATE destination SET sealed = $2 WHERE id = $1")
        .bind(id.0)
        .bind(sealed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes one with the notes of its copies. False: there is none with this id.
pub async fn destination_delete_in_txn(tx: &mut Tx, id: DestinationId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM destination WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that it took, gave or deleted something as it should.
pub async fn destination_worked_in_txn(tx: &mut Tx, id: DestinationId, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE destination SET last_ok_at = $2, problem = NULL, failures = 0, paused_until = NULL WHERE id = $1",
    )
    .bind(id.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes why it did not, and until when nothing is tried.
pub async fn destination_failed_in_txn(
    tx: &mut Tx,
    id: DestinationId,
    problem: &str,
    failures: u32,
    paused_until: Timestamp,
) -> Result<()> {
    sqlx::query("UPDATE destination SET problem = $2, failures = $3, paused_until = $4 WHERE id = $1")
        .bind(id.0)
        .bind(problem.to_owned())
        .bind(i64::from(failures))
        .bind(paused_until.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes what a test found wrong; when it is tried next stays as it is.
pub async fn destination_problem_in_txn(tx: &mut Tx, id: DestinationId, problem: &str) -> Result<()> {
    sqlx::query("UPDATE destination SET problem = $2 WHERE id = $1")
        .bind(id.0)
        .bind(problem.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Lets it be tried at once, as if it had never failed.
pub async fn destination_unpause_in_txn(tx: &mut Tx, id: DestinationId) -> Result<()> {
    sqlx::query("UPDATE destination SET failures = 0, paused_until = NULL WHERE id = $1")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes what was found out about the place.
pub async fn destination_facts_save_in_txn(
    tx: &mut Tx,
    id: DestinationId,
    facts: &DestinationFacts,
) -> Result<()> {
    sqlx::query("UPDATE destination SET facts = $2 WHERE id = $1")
        .bind(id.0)
        .bind(json_text(facts)?)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets which folder copies were sent to, and lets it be tried at once: the one that is there is taken for it.
pub async fn destination_folder_forget_in_txn(tx: &mut Tx, id: DestinationId) -> Result<()> {
    sqlx::query(
        "UPDATE destination SET facts = '{}', problem = NULL, failures = 0, paused_until = NULL WHERE id = $1",
    )
    .bind(id.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Remembers the first host key that it showed; a known one stays, and what was offered instead of it is forgotten.
pub async fn destination_key_remember_in_txn(
    tx: &mut Tx,
    id: DestinationId,
    openssh: &str,
    fingerprint: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE destination SET openssh = COALESCE(openssh, $2), fingerprint = COALESCE(fingerprint, $3),
                offered_openssh = NULL, offered_fingerprint = NULL
         WHERE id = $1 AND (openssh IS NULL OR offered_openssh IS NOT NULL)",
    )
    .bind(id.0)
    .bind(openssh.to_owned())
    .bind(fingerprint.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps a changed host key aside for a person to look at.
pub async fn destination_key_offer_in_txn(
    tx: &mut Tx,
    id: DestinationId,
    openssh: &str,
    fingerprint: &str,
) -> Result<()> {
    sqlx::query("UPDATE destination SET offered_openssh = $2, offered_fingerprint = $3 WHERE id = $1")
        .bind(id.0)
        .bind(openssh.to_owned())
        .bind(fingerprint.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes the changed key as its own, and lets it be tried at once; false when none waits.
pub async fn destination_key_accept_in_txn(tx: &mut Tx, id: DestinationId) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE destination SET openssh = offered_openssh, fingerprint = offered_fingerprint,
                offered_openssh = NULL, offered_fingerprint = NULL, problem = NULL, failures = 0, paused_until = NULL
         WHERE id = $1 AND offered_openssh IS NOT NULL",
    )
    .bind(id.0)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Says which destinations a backup config sends to from now on.
pub async fn backup_config_set_destinations_in_txn(
    tx: &mut Tx,
    config: BackupConfigId,
    destinations: &[DestinationId],
) -> Result<()> {
    sqlx::query("DELETE FROM backup_config_destination WHERE backup_config_id = $1")
        .bind(config.0)
        .execute(&mut **tx)
        .await?;
    for id in destinations {
        // One that somebody removed meanwhile is left out.
        sqlx::query(
            "INSERT INTO backup_config_destination (backup_config_id, destination_id)
             SELECT $1, id FROM destination WHERE id = $2
             ON CONFLICT (backup_config_id, destination_id) DO NOTHING",
        )
        .bind(config.0)
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// The destinations of every backup config, by name.
pub async fn backup_config_list_destinations(db: &Db) -> Result<Vec<(BackupConfigId, DestinationName)>> {
    let rows = sqlx::query(
        "SELECT b.backup_config_id, d.id, d.name FROM backup_config_destination b
         JOIN destination d ON d.id = b.destination_id ORDER BY d.name",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let destination = DestinationName { id: DestinationId(row.int("id")?), name: row.text("name")? };
            Ok((BackupConfigId(row.int("backup_config_id")?), destination))
        })
        .collect()
}
