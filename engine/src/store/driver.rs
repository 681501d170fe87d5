//! The user's own drivers, as last read from the folder.

use etiqa_model::Timestamp;

use crate::db::{Db, Result, RowExt};

/// One of the user's drivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDriver {
    /// The file's name without `.toml`.
    pub name: String,
    /// The last text that was valid; none when there never was one.
    pub text: Option<String>,
    /// Its SHA-256.
    pub sha256: Option<String>,
    /// The SHA-256 of the newer text that is not valid.
    pub refused_sha256: Option<String>,
    /// Why that one is not.
    pub problem: Option<String>,
    /// The data directory whose folder it was read from; none: it was read before that was noted.
    pub data_dir: Option<String>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Every one, by name.
pub async fn driver_list(db: &Db) -> Result<Vec<OwnDriver>> {
    let rows = sqlx::query(
        "SELECT name, text, sha256, refused_sha256, problem, data_dir, updated_at FROM driver ORDER BY name",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OwnDriver {
                name: row.text("name")?,
                text: row.opt_text("text")?,
                sha256: row.opt_text("sha256")?,
                refused_sha256: row.opt_text("refused_sha256")?,
                problem: row.opt_text("problem")?,
                data_dir: row.opt_text("data_dir")?,
                updated_at: row.time("updated_at")?,
            })
        })
        .collect()
}

/// Adds or replaces one.
pub async fn driver_save(db: &Db, driver: &OwnDriver) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "INSERT INTO driver (name, text, sha256, refused_sha256, problem, data_dir, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (name) DO UPDATE SET text = excluded.text, sha256 = excluded.sha256,
            refused_sha256 = excluded.refused_sha256, problem = excluded.problem, data_dir = excluded.data_dir,
            updated_at = excluded.updated_at",
    )
    .bind(driver.name.clone())
    .bind(driver.text.clone())
    .bind(driver.sha256.clone())
    .bind(driver.refused_sha256.clone())
    .bind(driver.problem.clone())
    .bind(driver.data_dir.clone())
    .bind(driver.updated_at.millis())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// Removes one whose file is gone.
pub async fn driver_delete(db: &Db, name: &str) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("DELETE FROM driver WHERE name = $1").bind(name.to_owned()).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}
