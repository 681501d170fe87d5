//! Channels.

use std::collections::HashSet;

use etiqa_model::notify::{Channel, ChannelKind, ChannelName, ChannelSettings};
use etiqa_model::{BackupConfigId, ChannelId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx, json_text};

/// What waits is bounded, and both counts go through an index.
const SELECT: &str = "SELECT c.id, c.name, c.settings, c.sealed, c.enabled, c.last_ok_at, c.problem, c.failures, \
     c.paused_until, c.dropped, c.updated_at, \
     (SELECT COUNT(*) FROM notify_delivery d WHERE d.channel_id = c.id AND d.state = 'waiting') AS waiting, \
     (SELECT COUNT(*) FROM notify_rule_channel r WHERE r.channel_id = c.id) AS rules \
     FROM notify_channel c";

/// What is stored of a channel that a person said.
#[derive(Debug, Clone)]
pub struct ChannelRow {
    /// Unique.
    pub name: String,
    /// Where it leads.
    pub settings: ChannelSettings,
    /// Whether anything is sent to it.
    pub enabled: bool,
}

/// A channel with what only the engine needs.
#[derive(Debug, Clone)]
pub struct KeyedChannel {
    /// The channel.
    pub channel: Channel,
    /// All its secrets, sealed for its row.
    pub sealed: Option<Vec<u8>>,
}

/// Every channel, by name.
pub async fn channel_list(db: &Db) -> Result<Vec<Channel>> {
    let rows = Filter::new().query(SELECT, " ORDER BY c.name").fetch_all(db.reader()).await?;
    rows.iter().map(|row| channel(row).map(|found| found.channel)).collect()
}

/// Names, kinds and ids of all, by name.
pub async fn channel_list_names(db: &Db) -> Result<Vec<ChannelName>> {
    let rows =
        sqlx::query("SELECT id, name, kind FROM notify_channel ORDER BY name").fetch_all(db.reader()).await?;
    rows.iter()
        .map(|row| {
            let kind = row.named("kind", ChannelKind::parse)?;
            Ok(ChannelName { id: ChannelId(row.int("id")?), name: row.text("name")?, kind })
        })
        .collect()
}

/// Those that anything is sent to.
pub async fn channel_list_enabled(db: &Db) -> Result<HashSet<ChannelId>> {
    let rows = sqlx::query("SELECT id FROM notify_channel WHERE enabled = 1").fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(ChannelId(row.int("id")?))).collect()
}

/// Enabled heartbeats, and the backup that each is of.
pub async fn channel_list_heartbeats(db: &Db) -> Result<Vec<(ChannelId, BackupConfigId)>> {
    let rows = sqlx::query(
        "SELECT id, backup_config_id FROM notify_channel WHERE backup_config_id IS NOT NULL AND enabled = 1 ORDER BY id",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| Ok((ChannelId(row.int("id")?), BackupConfigId(row.int("backup_config_id")?))))
        .collect()
}

/// One, by id.
pub async fn channel_fetch(db: &Db, id: ChannelId) -> Result<Option<KeyedChannel>> {
    let row = Filter::new().and_int("c.id = ?", id.0).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(channel).transpose()
}

/// One, by name.
pub async fn channel_fetch_by_name(db: &Db, name: &str) -> Result<Option<KeyedChannel>> {
    let row =
        Filter::new().and_text("c.name = ?", name).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(channel).transpose()
}

/// One, by id, within a transaction that may change it.
pub async fn channel_fetch_in_txn(tx: &mut Tx, id: ChannelId) -> Result<Option<KeyedChannel>> {
    let row = Filter::new().and_int("c.id = ?", id.0).query(SELECT, "").fetch_optional(&mut **tx).await?;
    row.as_ref().map(channel).transpose()
}

fn channel(row: &AnyRow) -> Result<KeyedChannel> {
    let channel = Channel {
        id: ChannelId(row.int("id")?),
        name: row.text("name")?,
        settings: row.json("settings")?,
        enabled: row.flag("enabled")?,
        last_ok_at: row.opt_time("last_ok_at")?,
        problem: row.opt_text("problem")?,
        failures: row.count("failures")?,
        paused_until: row.opt_time("paused_until")?,
        waiting: row.count("waiting")?,
        dropped: row.count("dropped")?,
        rules: row.count("rules")?,
        updated_at: row.opt_time("updated_at")?,
    };
    Ok(KeyedChannel { channel, sealed: row.opt_bytes("sealed")? })
}

/// Adds one; a unique violation when its name is taken.
pub async fn channel_insert_in_txn(tx: &mut Tx, row: &ChannelRow, now: Timestamp) -> Result<ChannelId> {
    let inserted = sqlx::query(
        "INSERT INTO notify_channel (name, kind, settings, backup_config_id, enabled, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id",
    )
    .bind(row.name.clone())
    .bind(row.settings.kind().as_str())
    .bind(json_text(&row.settings)?)
    .bind(row.settings.backup().map(|id| id.0))
    .bind(i64::from(row.enabled))
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(ChannelId(inserted.int("id")?))
}

/// Replaces what a person said of one, and lets it be tried at once.
pub async fn channel_update_in_txn(
    tx: &mut Tx,
    id: ChannelId,
    row: &ChannelRow,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE notify_channel SET name = $2, kind = $3, settings = $4, backup_config_id = $5, enabled = $6,
                updated_at = $7, problem = NULL, failures = 0, paused_until = NULL WHERE id = $1",
    )
    .bind(id.0)
    .bind(row.name.clone())
    .bind(row.settings.kind().as_str())
    .bind(json_text(&row.settings)?)
    .bind(row.settings.backup().map(|id| id.0))
    .bind(i64::from(row.enabled))
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Puts the sealed secrets into the row; none: it has none.
pub async fn channel_seal_in_txn(tx: &mut Tx, id: ChannelId, sealed: Option<Vec<u8>>) -> Result<()> {
    sqlx::query("UPDATE notify_channel SET sealed = $2 WHERE id = $1")
        .bind(id.0)
        .bind(sealed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes one with its messages. False: there is none with this id.
pub async fn channel_delete_in_txn(tx: &mut Tx, id: ChannelId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM notify_channel WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that it took a message that told of `told` dropped ones.
pub async fn channel_worked_in_txn(tx: &mut Tx, id: ChannelId, told: u64, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE notify_channel SET last_ok_at = $2, problem = NULL, failures = 0, paused_until = NULL,
                dropped = CASE WHEN dropped > $3 THEN dropped - $3 ELSE 0 END
         WHERE id = $1",
    )
    .bind(id.0)
    .bind(now.millis())
    .bind(i64::try_from(told).unwrap_or(i64::MAX))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes why it did not, and until when nothing is tried.
pub async fn channel_failed_in_txn(
    tx: &mut Tx,
    id: ChannelId,
    problem: &str,
    failures: u32,
    paused_until: Timestamp,
) -> Result<()> {
    sqlx::query("UPDATE notify_channel SET problem = $2, failures = $3, paused_until = $4 WHERE id = $1")
        .bind(id.0)
        .bind(problem.to_owned())
        .bind(i64::from(failures))
        .bind(paused_until.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes what a test found wrong, or that one message was refused; when it is tried next stays as it is.
pub async fn channel_problem_in_txn(tx: &mut Tx, id: ChannelId, problem: &str) -> Result<()> {
    sqlx::query("UPDATE notify_channel SET problem = $2 WHERE id = $1")
        .bind(id.0)
        .bind(problem.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Lets it be tried at once, as if it had never failed.
pub async fn channel_unpause_in_txn(tx: &mut Tx, id: ChannelId) -> Result<()> {
    sqlx::query("UPDATE notify_channel SET failures = 0, paused_until = NULL WHERE id = $1")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Enabled channels that may be tried now and for which something is due.
pub async fn channel_list_due(db: &Db, now: Timestamp) -> Result<Vec<ChannelId>> {
    let rows = sqlx::query(
        "SELECT c.id FROM notify_channel c
         WHERE c.enabled = 1 AND (c.paused_until IS NULL OR c.paused_until <= $1)
           AND EXISTS (SELECT 1 FROM notify_delivery d
                       WHERE d.channel_id = c.id AND d.state = 'waiting' AND d.due_at <= $1)
         ORDER BY c.id",
    )
    .bind(now.millis())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| Ok(ChannelId(row.int("id")?))).collect()
}

/// Brings forward what waits for a time after a clock that was set back.
pub async fn channels_bring_forward_in_txn(tx: &mut Tx, now: Timestamp) -> Result<()> {
    for sql in [
        "UPDATE notify_channel SET paused_until = NULL WHERE paused_until > $1",
        "UPDATE notify_delivery SET due_at = $1 WHERE state = 'waiting' AND due_at > $1",
        "UPDATE notify_open SET told_at = $1 WHERE told_at > $1",
        // A digest waits for a week at most, and then for the end of quiet hours.
        "UPDATE notify_held SET release_at = $1 WHERE release_at > $1 + 691200000",
    ] {
        sqlx::query(sql).bind(now.millis()).execute(&mut **tx).await?;
    }
    Ok(())
}
