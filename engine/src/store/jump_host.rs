//! Jump hosts: servers that pass connections on to devices.

use etiqa_model::admin::JumpHost;
use etiqa_model::{CredentialId, JumpHostId, Timestamp};
use sqlx::any::{Any, AnyRow};

use super::lock::rows_lock_in_txn;
use crate::db::{Db, Filter, Result, RowExt, Tx};

const SELECT: &str = "SELECT j.id, j.name, j.site, j.address, j.port, j.credential_id, c.name AS credential, j.via_id, \
     v.name AS via, j.legacy_ssh, j.credential_generation, j.takes_previous, j.openssh, j.fingerprint, \
     j.offered_fingerprint, \
     (SELECT COUNT(*) FROM device d WHERE d.jump_host_id = j.id) AS devices \
     FROM jump_host j LEFT JOIN credential c ON c.id = j.credential_id LEFT JOIN jump_host v ON v.id = j.via_id";

/// What is stored of a jump host besides its id and its keys.
#[derive(Debug, Clone)]
pub struct JumpHostRow {
    /// Unique.
    pub name: String,
    /// It serves the devices of this site that name none.
    pub site: Option<String>,
    /// IP address or host name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// What it is logged in to with.
    pub credential_id: Option<CredentialId>,
    /// The jump host that it is itself reached through.
    pub via_id: Option<JumpHostId>,
    /// Whether old SSH algorithms are offered to it.
    pub legacy_ssh: bool,
}

/// A jump host with its remembered key.
#[derive(Debug, Clone)]
pub struct KeyedJumpHost {
    /// The jump host.
    pub host: JumpHost,
    /// In OpenSSH's public key format.
    pub openssh: Option<String>,
    /// How often its credential's secrets had been rotated when it was last logged in to.
    pub generation: u32,
    /// It took those from before the rotation then.
    pub takes_previous: bool,
}

/// Every jump host, by name.
pub async fn jump_host_list(db: &Db) -> Result<Vec<JumpHost>> {
    let found = hosts(db.reader(), &Filter::new(), " ORDER BY j.name").await?;
    Ok(found.into_iter().map(|found| found.host).collect())
}

/// One jump host.
pub async fn jump_host_fetch(db: &Db, id: JumpHostId) -> Result<Option<KeyedJumpHost>> {
    Ok(hosts(db.reader(), Filter::new().and_int("j.id = ?", id.0), "").await?.pop())
}

/// One jump host, within a transaction that may change it: nobody else changes it until that ends.
pub async fn jump_host_fetch_in_txn(tx: &mut Tx, id: JumpHostId) -> Result<Option<KeyedJumpHost>> {
    rows_lock_in_txn(tx, "jump_host", &[id.0]).await?;
    Ok(hosts(&mut **tx, Filter::new().and_int("j.id = ?", id.0), "").await?.pop())
}

/// One jump host, by name.
pub async fn jump_host_fetch_by_name(db: &Db, name: &str) -> Result<Option<KeyedJumpHost>> {
    Ok(hosts(db.reader(), Filter::new().and_text("j.name = ?", name), "").await?.pop())
}

async fn hosts<'e>(
    executor: impl sqlx::Executor<'e, Database = Any>,
    filter: &Filter,
    after: &str,
) -> Result<Vec<KeyedJumpHost>> {
    let rows = filter.query(SELECT, after).fetch_all(executor).await?;
    rows.iter().map(host).collect()
}

fn host(row: &AnyRow) -> Result<KeyedJumpHost> {
    let host = JumpHost {
        id: JumpHostId(row.int("id")?),
        name: row.text("name")?,
        site: row.opt_text("site")?,
        address: row.text("address")?,
        port: row.count("port")?,
        credential_id: row.opt_int("credential_id")?.map(CredentialId),
        credential: row.opt_text("credential")?,
        via_id: row.opt_int("via_id")?.map(JumpHostId),
        via: row.opt_text("via")?,
        legacy_ssh: row.flag("legacy_ssh")?,
        fingerprint: row.opt_text("fingerprint")?,
        offered: row.opt_text("offered_fingerprint")?,
        devices: row.count("devices")?,
    };
    Ok(KeyedJumpHost {
        host,
        openssh: row.opt_text("openssh")?,
        generation: row.count("credential_generation")?,
        takes_previous: row.flag("takes_previous")?,
    })
}

/// Adds a jump host; a unique violation when its name is taken.
pub async fn jump_host_insert_in_txn(tx: &mut Tx, row: &JumpHostRow, now: Timestamp) -> Result<JumpHostId> {
    let inserted = sqlx::query(
        "INSERT INTO jump_host (name, site, address, port, credential_id, via_id, legacy_ssh, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id",
    )
    .bind(row.name.clone())
    .bind(row.site.clone())
    .bind(row.address.clone())
    .bind(i64::from(row.port))
    .bind(row.credential_id.map(|id| id.0))
    .bind(row.via_id.map(|id| id.0))
    .bind(i64::from(row.legacy_ssh))
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(JumpHostId(inserted.int("id")?))
}

/// Replaces what a person said of a jump host; another address has another key, and of another credential nothing was
/// taken yet. False: there is none with this id.
pub async fn jump_host_update_in_txn(
    tx: &mut Tx,
    id: JumpHostId,
    row: &JumpHostRow,
    now: Timestamp,
) -> Result<bool> {
    let kept =
        |column: &str| format!("{column} = CASE WHEN address = $4 AND port = $5 THEN {column} ELSE NULL END");
    let keys = ["openssh", "fingerprint", "first_seen_at", "offered_openssh", "offered_fingerprint"];
    let keys: Vec<String> = keys.into_iter().map(kept).collect();
    let sql = format!(
        "UPDATE jump_host SET {}, name = $2, site = $3, address = $4, port = $5, credential_id = $6, via_id = $7,
                legacy_ssh = $8, updated_at = $9,
                takes_previous = CASE WHEN credential_id = $6 THEN takes_previous ELSE 0 END,
                credential_generation = CASE WHEN credential_id = $6 THEN credential_generation ELSE 0 END
         WHERE id = $1",
        keys.join(", ")
    );
    let done = sqlx::query(crate::db::built(sql))
        .bind(id.0)
        .bind(row.name.clone())
        .bind(row.site.clone())
        .bind(row.address.clone())
        .bind(i64::from(row.port))
        .bind(row.credential_id.map(|id| id.0))
        .bind(row.via_id.map(|id| id.0))
        .bind(i64::from(row.legacy_ssh))
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Remembers which secrets of its credential a jump host took.
pub async fn jump_host_took(db: &Db, name: &str, generation: u32, takes_previous: bool) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "UPDATE jump_host SET credential_generation = $2, takes_previous = $3
         WHERE name = $1 AND (credential_generation <> $2 OR takes_previous <> $3)",
    )
    .bind(name.to_owned())
    .bind(i64::from(generation))
    .bind(i64::from(takes_previous))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Removes a jump host; its devices are reached straight from then on. False: there is none with this id.
pub async fn jump_host_delete_in_txn(tx: &mut Tx, id: JumpHostId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM jump_host WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Remembers the first key that a jump host showed; a known one stays.
pub async fn jump_host_key_remember_in_txn(
    tx: &mut Tx,
    name: &str,
    openssh: &str,
    fingerprint: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE jump_host SET openssh = $2, fingerprint = $3, first_seen_at = $4 WHERE name = $1 AND openssh IS NULL",
    )
    .bind(name.to_owned())
    .bind(openssh.to_owned())
    .bind(fingerprint.to_owned())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps a changed key aside for a person to look at.
pub async fn jump_host_key_offer_in_txn(
    tx: &mut Tx,
    name: &str,
    openssh: &str,
    fingerprint: &str,
) -> Result<()> {
    sqlx::query("UPDATE jump_host SET offered_openssh = $2, offered_fingerprint = $3 WHERE name = $1")
        .bind(name.to_owned())
        .bind(openssh.to_owned())
        .bind(fingerprint.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes the changed key as the jump host's own; false when none waits.
pub async fn jump_host_key_accept_in_txn(tx: &mut Tx, id: JumpHostId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE jump_host SET openssh = offered_openssh, fingerprint = offered_fingerprint, first_seen_at = $2,
                offered_openssh = NULL, offered_fingerprint = NULL
         WHERE id = $1 AND offered_openssh IS NOT NULL",
    )
    .bind(id.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
