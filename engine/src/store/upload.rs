//! Files that were uploaded to be imported; kept for a day.

use etiqa_model::import::ImportReport;
use etiqa_model::{Timestamp, UploadId};

use crate::db::{Db, DbError, Result, RowExt, Tx};

/// An uploaded file.
pub struct Upload {
    /// Its name on the person's computer.
    pub file_name: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Who brought it.
    pub created_by: String,
    /// When it was imported.
    pub imported_at: Option<Timestamp>,
    /// What the import did.
    pub report: Option<ImportReport>,
}

/// Keeps a file.
pub async fn upload_insert(
    db: &Db,
    file_name: &str,
    content: Vec<u8>,
    created_by: &str,
    now: Timestamp,
) -> Result<UploadId> {
    let mut tx = db.write().await?;
    let row = sqlx::query(
        "INSERT INTO upload (file_name, content, created_by, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(file_name.to_owned())
    .bind(content)
    .bind(created_by.to_owned())
    .bind(now.millis())
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(UploadId(row.int("id")?))
}

/// One file.
pub async fn upload_fetch(db: &Db, id: UploadId) -> Result<Option<Upload>> {
    let row =
        sqlx::query("SELECT file_name, content, created_by, imported_at, report FROM upload WHERE id = $1")
            .bind(id.0)
            .fetch_optional(db.reader())
            .await?;
    row.map(|row| {
        let report = row.opt_text("report")?.map(|text| serde_json::from_str(&text)).transpose();
        Ok(Upload {
            file_name: row.text("file_name")?,
            content: row.bytes("content")?,
            created_by: row.text("created_by")?,
            imported_at: row.opt_time("imported_at")?,
            report: report
                .map_err(|error| DbError::Value { column: "report", message: error.to_string() })?,
        })
    })
    .transpose()
}

/// Notes what the import of a file did; false when it was imported already.
pub async fn upload_set_imported_in_txn(
    tx: &mut Tx,
    id: UploadId,
    report: &ImportReport,
    now: Timestamp,
) -> Result<bool> {
    let done =
        sqlx::query("UPDATE upload SET imported_at = $2, report = $3 WHERE id = $1 AND imported_at IS NULL")
            .bind(id.0)
            .bind(now.millis())
            .bind(serde_json::to_string(report).unwrap_or_default())
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes files older than `before`.
pub async fn upload_delete_before_in_txn(tx: &mut Tx, before: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM upload WHERE created_at < $1").bind(before.millis()).execute(&mut **tx).await?;
    Ok(())
}
