//! Files that people attach to devices: their rows.

use etiqa_model::media::Media;
use etiqa_model::{DeviceId, MediaId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx};

const SELECT: &str =
    "SELECT id, device_id, file_name, size_bytes, sha256, uploaded_by, uploaded_at FROM media";

/// A file that is about to be kept.
#[derive(Debug, Clone)]
pub struct NewMedia {
    /// Whose.
    pub device_id: DeviceId,
    /// Its name in the device's folder.
    pub file_name: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Who attached it.
    pub uploaded_by: String,
    /// When.
    pub uploaded_at: Timestamp,
}

/// The files of a device, by name.
pub async fn media_list(db: &Db, device: DeviceId) -> Result<Vec<Media>> {
    let mut filter = Filter::new();
    filter.and_int("device_id = ?", device.0);
    let rows = filter.query(SELECT, " ORDER BY file_name").fetch_all(db.reader()).await?;
    rows.iter().map(media).collect()
}

/// The files of all devices.
pub async fn media_list_all(db: &Db) -> Result<Vec<Media>> {
    let rows = Filter::new().query(SELECT, " ORDER BY id").fetch_all(db.reader()).await?;
    rows.iter().map(media).collect()
}

/// One file.
pub async fn media_fetch(db: &Db, id: MediaId) -> Result<Option<Media>> {
    let row = Filter::new().and_int("id = ?", id.0).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(media).transpose()
}

/// Whether any row has a file with this SHA-256.
pub async fn media_hash_is_used(db: &Db, sha256: &str) -> Result<bool> {
    let row = sqlx::query("SELECT id FROM media WHERE sha256 = $1 LIMIT 1")
        .bind(sha256.to_owned())
        .fetch_optional(db.reader())
        .await?;
    Ok(row.is_some())
}

/// Adds a file.
pub async fn media_insert_in_txn(tx: &mut Tx, new: &NewMedia) -> Result<MediaId> {
    let row = sqlx::query(
        "INSERT INTO media (device_id, file_name, size_bytes, sha256, uploaded_by, uploaded_at)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(new.device_id.0)
    .bind(new.file_name.clone())
    .bind(i64::try_from(new.size_bytes).unwrap_or(i64::MAX))
    .bind(new.sha256.clone())
    .bind(new.uploaded_by.clone())
    .bind(new.uploaded_at.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(MediaId(row.int("id")?))
}

/// Forgets a file; false when there is no such row (any more).
pub async fn media_delete_in_txn(tx: &mut Tx, id: MediaId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM media WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

fn media(row: &AnyRow) -> Result<Media> {
    Ok(Media {
        id: MediaId(row.int("id")?),
        device_id: DeviceId(row.int("device_id")?),
        file_name: row.text("file_name")?,
        size_bytes: row.count("size_bytes")?,
        sha256: row.text("sha256")?,
        uploaded_by: row.text("uploaded_by")?,
        uploaded_at: row.time("uploaded_at")?,
        is_missing: false,
    })
}
