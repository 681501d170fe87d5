//! Single values: settings, the key's fingerprint, the scheduler's last look.

use etiqa_model::admin::Settings;
use etiqa_model::schedule::Pause;
use etiqa_model::{DestinationId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::db::{Db, DbError, Result, RowExt, Tx, json_text};

const SETTINGS: &str = "settings";
const KEY_FINGERPRINT: &str = "key_fingerprint";
const LAST_TICK: &str = "last_tick_at";
const RESTORED: &str = "restored_at";
const PAUSE: &str = "schedules_paused";
const RESTORING: &str = "restoring";
const SHARED_DIR: &str = "shared_dir";
const SHARED_DESTINATION: &str = "shared_destination";
const KIT_TAKEN: &str = "kit_taken_at";
const KEY_MADE: &str = "key_made_at";
const MOVED: &str = "moved_to";
const SETUP_CODE: &str = "setup_code";

/// The code with which the first admin is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCode {
    /// Its hash.
    pub sha256: String,
    /// The last moment at which it works.
    pub until: Timestamp,
}

/// Where an instance was moved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The PostgreSQL, without user and password.
    pub to: String,
    /// When.
    pub at: Timestamp,
}

/// What an admin has set, defaults where nothing was.
pub async fn settings_fetch(db: &Db) -> Result<Settings> {
    let text = setting_fetch(db, SETTINGS).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// What an admin has set, which nobody else changes until the transaction ends. Whoever saves others in it begins here.
pub async fn settings_lock_in_txn(tx: &mut Tx) -> Result<Settings> {
    // A write: a row that is not there yet cannot be locked otherwise. An object without fields reads as the defaults.
    let row = sqlx::query(
        "INSERT INTO setting (name, value) VALUES ($1, '{}')
         ON CONFLICT (name) DO UPDATE SET value = setting.value RETURNING value",
    )
    .bind(SETTINGS)
    .fetch_one(&mut **tx)
    .await?;
    Ok(serde_json::from_str(&row.text("value")?).unwrap_or_default())
}

/// Stores what an admin set.
pub async fn settings_save(db: &Db, settings: &Settings) -> Result<()> {
    let mut tx = db.write().await?;
    settings_save_in_txn(&mut tx, settings).await?;
    Ok(tx.commit().await?)
}

/// [`settings_save`] within a transaction.
pub async fn settings_save_in_txn(tx: &mut Tx, settings: &Settings) -> Result<()> {
    setting_save_in_txn(tx, SETTINGS, &json_text(settings)?).await
}

/// The fingerprint of the key that sealed this database's secrets; none before the first start.
pub async fn key_fingerprint_fetch(db: &Db) -> Result<Option<String>> {
    setting_fetch(db, KEY_FINGERPRINT).await
}

/// Remembers the key's fingerprint.
pub async fn key_fingerprint_save(db: &Db, fingerprint: &str) -> Result<()> {
    let mut tx = db.write().await?;
    key_fingerprint_save_in_txn(&mut tx, fingerprint).await?;
    Ok(tx.commit().await?)
}

/// [`key_fingerprint_save`] within a transaction.
pub async fn key_fingerprint_save_in_txn(tx: &mut Tx, fingerprint: &str) -> Result<()> {
    setting_save_in_txn(tx, KEY_FINGERPRINT, fingerprint).await
}

/// When the key was replaced last; none where it is the first one.
pub async fn key_made_at_fetch(db: &Db) -> Result<Option<Timestamp>> {
    time_fetch(db, KEY_MADE).await
}

/// Notes that the key was replaced.
pub async fn key_made_at_save_in_txn(tx: &mut Tx, at: Timestamp) -> Result<()> {
    setting_save_in_txn(tx, KEY_MADE, &at.millis().to_string()).await
}

/// When the recovery kit was taken last.
pub async fn kit_taken_at_fetch(db: &Db) -> Result<Option<Timestamp>> {
    time_fetch(db, KIT_TAKEN).await
}

/// Notes that the recovery kit was taken.
pub async fn kit_taken_at_save_in_txn(tx: &mut Tx, at: Timestamp) -> Result<()> {
    setting_save_in_txn(tx, KIT_TAKEN, &at.millis().to_string()).await
}

/// When a scheduler last looked.
pub async fn last_tick_fetch(db: &Db) -> Result<Option<Timestamp>> {
    time_fetch(db, LAST_TICK).await
}

/// Notes that a scheduler looked.
pub async fn last_tick_save_in_txn(tx: &mut Tx, at: Timestamp) -> Result<()> {
    setting_save_in_txn(tx, LAST_TICK, &at.millis().to_string()).await
}

/// Forgets when a scheduler last looked.
pub async fn last_tick_forget_in_txn(tx: &mut Tx) -> Result<()> {
    forget_in_txn(tx, LAST_TICK).await
}

/// Where the instance of this SQLite file was moved to; none: it is here.
pub async fn moved_fetch(db: &Db) -> Result<Option<Moved>> {
    let Some(text) = setting_fetch(db, MOVED).await? else { return Ok(None) };
    let moved = serde_json::from_str(&text)
        .map_err(|error| DbError::Value { column: "moved_to", message: error.to_string() })?;
    Ok(Some(moved))
}

/// Notes where it was moved to.
pub async fn moved_save(db: &Db, moved: &Moved) -> Result<()> {
    let mut tx = db.write().await?;
    setting_save_in_txn(&mut tx, MOVED, &json_text(moved)?).await?;
    Ok(tx.commit().await?)
}

/// Notes that it is here.
pub async fn moved_forget(db: &Db) -> Result<()> {
    let mut tx = db.write().await?;
    forget_in_txn(&mut tx, MOVED).await?;
    Ok(tx.commit().await?)
}

/// The code with which the first admin is made, if one was printed and not used.
pub async fn setup_code_fetch(db: &Db) -> Result<Option<StoredCode>> {
    let text = setting_fetch(db, SETUP_CODE).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Notes the code that was printed last.
pub async fn setup_code_save_in_txn(tx: &mut Tx, code: &StoredCode) -> Result<()> {
    setting_save_in_txn(tx, SETUP_CODE, &json_text(code)?).await
}

/// Uses up this code; false where it was used, or another one was printed, meanwhile.
pub async fn setup_code_take_in_txn(tx: &mut Tx, code: &StoredCode) -> Result<bool> {
    let text = json_text(code)?;
    let done = sqlx::query("DELETE FROM setting WHERE name = $1 AND value = $2")
        .bind(SETUP_CODE)
        .bind(text)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets the code, once there is an admin.
pub async fn setup_code_forget_in_txn(tx: &mut Tx) -> Result<()> {
    forget_in_txn(tx, SETUP_CODE).await
}

/// When this instance was restored from an archive, until a person confirms that it may work by itself.
pub async fn restored_at_fetch(db: &Db) -> Result<Option<Timestamp>> {
    time_fetch(db, RESTORED).await
}

/// Notes that it was restored.
pub async fn restored_at_save_in_txn(tx: &mut Tx, at: Timestamp) -> Result<()> {
    setting_save_in_txn(tx, RESTORED, &at.millis().to_string()).await
}

/// Notes that it may work by itself.
pub async fn restored_at_forget_in_txn(tx: &mut Tx) -> Result<()> {
    forget_in_txn(tx, RESTORED).await
}

async fn forget_in_txn(tx: &mut Tx, name: &'static str) -> Result<()> {
    sqlx::query("DELETE FROM setting WHERE name = $1").bind(name).execute(&mut **tx).await?;
    Ok(())
}

/// That a person paused all schedules.
pub async fn pause_fetch(db: &Db) -> Result<Option<Pause>> {
    let text = setting_fetch(db, PAUSE).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Notes that a person paused all schedules.
pub async fn pause_save_in_txn(tx: &mut Tx, pause: &Pause) -> Result<()> {
    setting_save_in_txn(tx, PAUSE, &json_text(pause)?).await
}

/// Notes that schedules run.
pub async fn pause_forget_in_txn(tx: &mut Tx) -> Result<()> {
    forget_in_txn(tx, PAUSE).await
}

/// The id of the data directory that this database is being restored beside, where that has not come to its end.
pub async fn restoring_fetch(db: &Db) -> Result<Option<String>> {
    setting_fetch(db, RESTORING).await
}

/// [`restoring_fetch`] within a transaction.
pub async fn restoring_fetch_in_txn(tx: &mut Tx) -> Result<Option<String>> {
    setting_fetch_in_txn(tx, RESTORING).await
}

/// Notes that the rest of a restore is to come.
pub async fn restoring_save_in_txn(tx: &mut Tx, data_dir: &str) -> Result<()> {
    setting_save_in_txn(tx, RESTORING, data_dir).await
}

/// Notes that the restore beside this data directory came to its end; whether it was that one that was noted.
pub async fn restoring_forget(db: &Db, data_dir: &str) -> Result<bool> {
    let mut tx = db.write().await?;
    let forgotten = sqlx::query("DELETE FROM setting WHERE name = $1 AND value = $2")
        .bind(RESTORING)
        .bind(data_dir.to_owned())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(forgotten.rows_affected() == 1)
}

/// The name of the folder in which all machines keep their files; none: each in its own data directory.
pub async fn shared_dir_fetch(db: &Db) -> Result<Option<String>> {
    setting_fetch(db, SHARED_DIR).await
}

/// Notes the name of the folder in which all machines keep their files.
pub async fn shared_dir_save(db: &Db, name: &str) -> Result<()> {
    let mut tx = db.write().await?;
    setting_save_in_txn(&mut tx, SHARED_DIR, name).await?;
    Ok(tx.commit().await?)
}

/// Forgets that folder: a restored database has another one, or none.
pub async fn shared_dir_forget_in_txn(tx: &mut Tx) -> Result<()> {
    forget_in_txn(tx, SHARED_DIR).await
}

/// The destination in which all machines keep their files; none: each in its own data directory, or in a shared folder.
pub async fn shared_destination_fetch(db: &Db) -> Result<Option<DestinationId>> {
    let text = setting_fetch(db, SHARED_DESTINATION).await?;
    Ok(text.and_then(|text| text.parse().ok()).map(DestinationId))
}

/// Notes the destination in which all machines keep their files.
pub async fn shared_destination_save_in_txn(tx: &mut Tx, id: DestinationId) -> Result<()> {
    setting_save_in_txn(tx, SHARED_DESTINATION, &id.0.to_string()).await
}

/// Forgets that destination: each machine keeps its own files, as one does whose database was restored.
pub async fn shared_destination_forget_in_txn(tx: &mut Tx) -> Result<()> {
    forget_in_txn(tx, SHARED_DESTINATION).await
}

/// [`key_fingerprint_fetch`] within a transaction.
pub async fn key_fingerprint_fetch_in_txn(tx: &mut Tx) -> Result<Option<String>> {
    setting_fetch_in_txn(tx, KEY_FINGERPRINT).await
}

async fn time_fetch(db: &Db, name: &'static str) -> Result<Option<Timestamp>> {
    let text = setting_fetch(db, name).await?;
    Ok(text.and_then(|text| text.parse().ok()).map(Timestamp))
}

async fn setting_fetch(db: &Db, name: &'static str) -> Result<Option<String>> {
    let row = sqlx::query("SELECT value FROM setting WHERE name = $1")
        .bind(name)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.text("value")).transpose()
}

async fn setting_fetch_in_txn(tx: &mut Tx, name: &'static str) -> Result<Option<String>> {
    let row =
        sqlx::query("SELECT value FROM setting WHERE name = $1").bind(name).fetch_optional(&mut **tx).await?;
    row.map(|row| row.text("value")).transpose()
}

async fn setting_save_in_txn(tx: &mut Tx, name: &'static str, value: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
