//! The tables of an archive, into an empty database.

use std::collections::BTreeMap;
use std::io;

use etiqa_model::{ErrorKind, Timestamp, UserError};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::super::archive::manifest::Manifest;
use super::super::archive::reader::{Archive, Refusal};
use super::super::contents::DATABASE;
use super::bounded::longest_value;
use super::rows::{Piece, read_rows};
use crate::audit::{self, Act, action, record};
use crate::db::{Db, Tx, newest_schema, tables_drop_in_txn, tables_lock_in_txn, tables_there_in_txn};
use crate::error::{Error, Result};
use crate::store::restore::{
    artifact_blob_found_in_txn, first_filled_table_in_txn, ids_go_on_in_txn, restored_settle_in_txn,
    rows_insert_in_txn, secrets_forget_in_txn,
};
use crate::store::setting::{
    key_fingerprint_fetch_in_txn, restored_at_save_in_txn, restoring_fetch_in_txn, restoring_save_in_txn,
};
use crate::vault::{Vault, VaultError};

/// Batches of rows that may wait for the database.
const WAITING: usize = 4;

/// What the restored instance is to know besides its rows.
pub(super) struct Settling<'a> {
    /// The id of its data directory.
    pub(super) data_dir: &'a str,
    /// Hashes of the vendors' backups that came along.
    pub(super) artifacts: &'a [String],
    /// The key that its secrets must be sealed with; none: that key is lost.
    pub(super) vault: Option<&'a Vault>,
    /// When it is restored.
    pub(super) at: Timestamp,
}

/// Restores every table in one transaction, then brings the schema up to date, and forgets secrets whose key is lost;
/// gives the rows of each table. The database must be empty, and may be one without any table yet.
pub(super) async fn restore_database(
    db: &Db,
    archive: &Archive,
    manifest: &Manifest,
    settling: Option<Settling<'_>>,
) -> Result<BTreeMap<String, u64>> {
    // Filled as it was when the archive was made; what came later in the schema is then done to its rows as well.
    let schema = if manifest.schema == 0 { newest_schema() } else { manifest.schema };
    if schema > newest_schema() {
        let message = format!(
            "The archive's database is of a newer version of this program (schema {schema}, this one knows {}): use \
             that one.",
            newest_schema()
        );
        return Err(UserError::new(ErrorKind::Conflict, message).into());
    }
    db.migrate(schema).await?;
    let is_an_instance = settling.is_some();
    let is_key_lost = settling.as_ref().is_some_and(|settling| settling.vault.is_none());
    if let Some(vault) = settling.as_ref().and_then(|settling| settling.vault) {
        db.sign_with(vault.signer());
    }
    let (pieces, mut received) = mpsc::channel(WAITING);
    let reading = {
        let archive = archive.clone();
        spawn_blocking(move || read(&archive, &pieces))
    };
    let inserted = insert(db, schema, &mut received, settling).await;
    // Whoever reads ends when nobody takes any more.
    drop(received);
    let read = reading.await.map_err(|error| Error::io("reading an archive")(io::Error::other(error)))?;
    // What the database refused tells more than that nobody took the rows after that.
    let (rows, transaction) = match (inserted, read) {
        (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
        (Ok(inserted), Ok(())) => inserted,
    };
    transaction.commit().await?;
    db.migrate(newest_schema()).await?;
    if is_key_lost {
        // Not before: an older schema has not every table in which a secret may be.
        let mut tx = db.write().await?;
        secrets_forget_in_txn(&mut tx).await?;
        tx.commit().await?;
    }
    if is_an_instance {
        let lost = if is_key_lost { " Without the key: its secrets were forgotten." } else { "" };
        let words = format!("From an archive of {}.{lost}", manifest.created_at);
        // An archive that is older than the log has none.
        audit::begin(db).await?;
        record(db, Act::new(action::RESTORE).saying(words)).await?;
    }
    Ok(rows)
}

/// Makes a PostgreSQL database one without any table of ours, or refuses it because there is something in it. What an
/// interrupted restore put there goes, and so do empty tables: they may be newer than the archive's.
pub(super) async fn make_empty(db: &Db) -> Result<()> {
    let mut tx = db.write().await?;
    let tables = tables_there_in_txn(&mut tx).await?;
    if !tables.is_empty() {
        // Once before they are locked, to disturb nobody whose they are, and once when nobody can write to them.
        refuse_filled_in_txn(&mut tx, &tables).await?;
        tables_lock_in_txn(&mut tx, &tables).await?;
        refuse_filled_in_txn(&mut tx, &tables).await?;
        tables_drop_in_txn(&mut tx, &tables).await?;
    }
    Ok(tx.commit().await?)
}

async fn refuse_filled_in_txn(tx: &mut Tx, tables: &[&'static str]) -> Result<()> {
    if tables.contains(&"setting") && restoring_fetch_in_txn(tx).await?.is_some() {
        return Ok(());
    }
    match first_filled_table_in_txn(tx, tables).await? {
        None => Ok(()),
        Some(table) => {
            let message = format!(
                "The database is not empty (there is something in {table}): restore into an empty one."
            );
            Err(UserError::conflict(message).into())
        }
    }
}

fn read(archive: &Archive, pieces: &mpsc::Sender<Piece>) -> Result<()> {
    let broken = |what: &dyn std::fmt::Display| {
        Error::from(UserError::invalid(format!("{DATABASE} of the archive cannot be read: {what}.")))
    };
    let mut zip = archive.open().map_err(Error::io("reading an archive"))?.map_err(refused)?;
    let index = zip.index_for_name(DATABASE).ok_or_else(|| {
        UserError::invalid(
            "The archive holds no database: only single files can be taken out of it, with --only. Restore an archive \
             of type full or data.",
        )
    })?;
    let entry = archive.entry(&mut zip, index).map_err(refused)?;
    let bound = longest_value(entry.compressed_size());
    read_rows(entry, bound, pieces).map_err(|error| broken(&error))
}

/// A refused archive, as a person is told.
pub(super) fn refused(refusal: Refusal) -> UserError {
    UserError::invalid(format!("The archive cannot be used. {refusal}"))
}

type Inserted = (BTreeMap<String, u64>, Tx);

async fn insert(
    db: &Db,
    schema: i64,
    received: &mut mpsc::Receiver<Piece>,
    settling: Option<Settling<'_>>,
) -> Result<Inserted> {
    let mut counts = BTreeMap::new();
    let mut tx = db.write().await?;
    while let Some(piece) = received.recv().await {
        match piece {
            Piece::Schema(found) if found != schema => {
                let message = "The archive's database and its manifest do not agree about their version.";
                return Err(UserError::invalid(message).into());
            }
            Piece::Schema(_) => {}
            Piece::Rows { table, columns, rows } => {
                rows_insert_in_txn(&mut tx, &table, &columns, &rows).await?;
                *counts.entry(table).or_insert(0) += rows.len() as u64;
            }
        }
    }
    ids_go_on_in_txn(&mut tx, db.kind()).await?;
    if let Some(settling) = settling {
        restored_settle_in_txn(&mut tx, settling.data_dir, settling.at).await?;
        for sha256 in settling.artifacts {
            artifact_blob_found_in_txn(&mut tx, sha256).await?;
        }
        if let Some(vault) = settling.vault {
            let known = key_fingerprint_fetch_in_txn(&mut tx).await?;
            if known.is_some_and(|known| known != vault.fingerprint()) {
                return Err(VaultError::Foreign.into());
            }
        }
        restored_at_save_in_txn(&mut tx, settling.at).await?;
        // From here on the database is full, and no instance yet: `Target::finish` takes the note away.
        restoring_save_in_txn(&mut tx, settling.data_dir).await?;
    }
    Ok((counts, tx))
}
