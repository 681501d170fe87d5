//! Passphrases of archives, sealed; all that were ever used.

use etiqa_model::{BackupConfigId, PassphraseId, RunId, Timestamp};

use crate::db::{Db, Result, RowExt, Tx};

/// A passphrase as it is stored.
#[derive(Debug, Clone)]
pub struct SealedPassphrase {
    /// Row id.
    pub id: PassphraseId,
    /// The backup config that it was made for.
    pub name: String,
    /// The passphrase, sealed for this row.
    pub sealed: Vec<u8>,
    /// Since when.
    pub created_at: Timestamp,
}

const SELECT: &str = "SELECT p.id, p.name, p.sealed, p.created_at FROM archive_passphrase p";

/// Makes room for a passphrase: it can be sealed only once its row has an id.
pub async fn passphrase_insert_in_txn(tx: &mut Tx, name: &str, now: Timestamp) -> Result<PassphraseId> {
    let row = sqlx::query(
        "INSERT INTO archive_passphrase (name, sealed, created_at) VALUES ($1, $2, $3) RETURNING id",
    )
    .bind(name.to_owned())
    .bind(Vec::new())
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(PassphraseId(row.int("id")?))
}

/// Puts the sealed passphrase into its row.
pub async fn passphrase_seal_in_txn(tx: &mut Tx, id: PassphraseId, sealed: Vec<u8>) -> Result<()> {
    sqlx::query("UPDATE archive_passphrase SET sealed = $2 WHERE id = $1")
        .bind(id.0)
        .bind(sealed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Gives a backup config its passphrase.
pub async fn passphrase_use_in_txn(tx: &mut Tx, config: BackupConfigId, id: PassphraseId) -> Result<()> {
    sqlx::query("UPDATE backup_config SET passphrase_id = $2 WHERE id = $1")
        .bind(config.0)
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether a backup config has a passphrase.
pub async fn passphrase_is_there_in_txn(tx: &mut Tx, config: BackupConfigId) -> Result<bool> {
    let row = sqlx::query("SELECT passphrase_id FROM backup_config WHERE id = $1")
        .bind(config.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|row| row.opt_int("passphrase_id")).transpose()?.flatten().is_some())
}

/// The passphrase that a backup config seals with now.
pub async fn passphrase_fetch_of_config(db: &Db, config: BackupConfigId) -> Result<Option<SealedPassphrase>> {
    fetch(db, "JOIN backup_config c ON c.passphrase_id = p.id WHERE c.id = $1", config.0).await
}

/// The passphrase that a run's archive is sealed with.
pub async fn passphrase_fetch_of_run(db: &Db, run: RunId) -> Result<Option<SealedPassphrase>> {
    fetch(db, "JOIN backup_run r ON r.passphrase_id = p.id WHERE r.id = $1", run.0).await
}

/// Every one, oldest first.
pub async fn passphrase_list(db: &Db) -> Result<Vec<SealedPassphrase>> {
    let rows =
        sqlx::query(crate::db::built(format!("{SELECT} ORDER BY p.id"))).fetch_all(db.reader()).await?;
    rows.iter().map(sealed_passphrase).collect()
}

async fn fetch(db: &Db, whose: &str, id: i64) -> Result<Option<SealedPassphrase>> {
    let row = sqlx::query(crate::db::built(format!("{SELECT} {whose}")))
        .bind(id)
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(sealed_passphrase).transpose()
}

fn sealed_passphrase(row: &sqlx::any::AnyRow) -> Result<SealedPassphrase> {
    Ok(SealedPassphrase {
        id: PassphraseId(row.int("id")?),
        name: row.text("name")?,
        sealed: row.bytes("sealed")?,
        created_at: row.time("created_at")?,
    })
}
