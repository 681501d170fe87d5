//! Logins for devices. The secrets are sealed by the vault before they come here.

use etiqa_model::credential::{Credential, Rotation};
use etiqa_model::{CredentialId, DeviceId, Timestamp};
use sqlx::any::{Any, AnyRow};

use super::lock::rows_lock_in_txn;
use crate::db::{Db, Filter, Result, RowExt, Tx, built};

/// What is stored of a credential besides its id.
#[derive(Default)]
pub struct CredentialRow {
    /// Unique.
    pub name: String,
    /// None: every site.
    pub site: Option<String>,
    /// The login name.
    pub username: String,
    /// The secrets, sealed for the row's id.
    pub sealed: Vec<u8>,
    /// Whether a password is in it.
    pub has_password: bool,
    /// Whether an enable password is in it.
    pub has_enable: bool,
    /// Whether a private key is in it.
    pub has_key: bool,
}

/// A credential with its sealed secrets.
pub struct SealedCredential {
    /// The credential.
    pub credential: Credential,
    /// Its secrets, sealed for its id.
    pub sealed: Vec<u8>,
    /// Those from before the rotation that is on, sealed for its id as well.
    pub previous_sealed: Option<Vec<u8>>,
    /// How often its secrets were replaced by others that devices have yet to take.
    pub generation: u32,
}

const COLUMNS: &str = "c.id, c.name, c.site, c.username, c.has_password, c.has_enable, c.has_key, c.created_at, \
     c.updated_at, c.rotated_at";

/// How many devices name it.
const DEVICES: &str = "(SELECT COUNT(*) FROM device d WHERE d.credential_id = c.id) AS devices";

/// What only those need who log in.
const SEALED: &str = "c.sealed, c.previous_sealed, c.generation";

/// How far rotations are: whoever took the secrets of now. A credential without one costs nothing.
const PROGRESS: &str = "CASE WHEN c.rotated_at IS NULL THEN 0 ELSE \
       (SELECT COUNT(*) FROM device_fact f WHERE f.credential_id = c.id) END AS taken, \
     CASE WHEN c.rotated_at IS NULL THEN 0 ELSE \
       (SELECT COUNT(*) FROM device_fact f WHERE f.credential_id = c.id \
           AND f.credential_generation = c.generation AND f.takes_previous = 0) END AS renewed";

/// Every credential, by name.
pub async fn credential_list(db: &Db) -> Result<Vec<Credential>> {
    let rows = sqlx::query(built(format!(
        "SELECT {COLUMNS}, {DEVICES}, {PROGRESS} FROM credential c ORDER BY c.name"
    )))
    .fetch_all(db.reader())
    .await?;
    let waiting = sqlx::query(
        "SELECT j.name, j.credential_id FROM jump_host j JOIN credential c ON c.id = j.credential_id
         WHERE c.rotated_at IS NOT NULL AND (j.credential_generation <> c.generation OR j.takes_previous = 1)
         ORDER BY j.name",
    )
    .fetch_all(db.reader())
    .await?;
    let mut credentials = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut found = credential(row)?;
        if let Some(rotation) = &mut found.rotation {
            rotation.devices = row.count("taken")?;
            rotation.renewed = row.count("renewed")?;
            for host in &waiting {
                if host.int("credential_id")? == found.id.0 {
                    rotation.jump_hosts.push(host.text("name")?);
                }
            }
        }
        credentials.push(found);
    }
    Ok(credentials)
}

/// One credential, by id.
pub async fn credential_fetch(db: &Db, id: CredentialId) -> Result<Option<SealedCredential>> {
    sealed_where(db.reader(), Filter::new().and_int("c.id = ?", id.0)).await
}

/// One credential, by id, within a transaction that may change it: nobody else changes it until that ends. Whoever builds
/// new secrets on its own begins here: else it could bring back what another replaced meanwhile.
pub async fn credential_fetch_in_txn(tx: &mut Tx, id: CredentialId) -> Result<Option<SealedCredential>> {
    rows_lock_in_txn(tx, "credential", &[id.0]).await?;
    sealed_where(&mut **tx, Filter::new().and_int("c.id = ?", id.0)).await
}

/// One credential, by name.
pub async fn credential_fetch_by_name(db: &Db, name: &str) -> Result<Option<SealedCredential>> {
    sealed_where(db.reader(), Filter::new().and_text("c.name = ?", name)).await
}

async fn sealed_where<'e>(
    executor: impl sqlx::Executor<'e, Database = Any>,
    filter: &Filter,
) -> Result<Option<SealedCredential>> {
    let before = format!("SELECT {COLUMNS}, {DEVICES}, {SEALED} FROM credential c");
    let row = filter.query(&before, "").fetch_optional(executor).await?;
    row.as_ref().map(sealed).transpose()
}

/// What a device is to be tried with, in order: its own, or its site's by name, then those of no site. How many devices
/// name each is not counted: a whole fleet asks this.
pub async fn credential_list_for_device(db: &Db, id: DeviceId) -> Result<Vec<SealedCredential>> {
    let sql = format!(
        "SELECT {COLUMNS}, 0 AS devices, {SEALED} FROM credential c JOIN device dev ON dev.id = $1
         WHERE c.id = dev.credential_id
            OR (dev.credential_id IS NULL AND (c.site = dev.site OR c.site IS NULL))
         ORDER BY CASE WHEN c.site IS NULL THEN 1 ELSE 0 END, c.name"
    );
    let rows = sqlx::query(built(sql)).bind(id.0).fetch_all(db.reader()).await?;
    rows.iter().map(sealed).collect()
}

/// Reserves an id, so that the secrets can be sealed for it; fill the row in the same transaction.
pub async fn credential_insert_in_txn(
    tx: &mut Tx,
    row: &CredentialRow,
    now: Timestamp,
) -> Result<CredentialId> {
    let id = sqlx::query(
        "INSERT INTO credential
           (name, site, username, sealed, has_password, has_enable, has_key, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id",
    )
    .bind(row.name.clone())
    .bind(row.site.clone())
    .bind(row.username.clone())
    .bind(row.sealed.clone())
    .bind(i64::from(row.has_password))
    .bind(i64::from(row.has_enable))
    .bind(i64::from(row.has_key))
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?
    .int("id")?;
    Ok(CredentialId(id))
}

/// Replaces a credential.
pub async fn credential_update_in_txn(
    tx: &mut Tx,
    id: CredentialId,
    row: &CredentialRow,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE credential SET name = $2, site = $3, username = $4, sealed = $5, has_password = $6,
                has_enable = $7, has_key = $8, updated_at = $9 WHERE id = $1",
    )
    .bind(id.0)
    .bind(row.name.clone())
    .bind(row.site.clone())
    .bind(row.username.clone())
    .bind(row.sealed.clone())
    .bind(i64::from(row.has_password))
    .bind(i64::from(row.has_enable))
    .bind(i64::from(row.has_key))
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Puts new secrets beside those of now, which become the previous ones. False, and nothing changes: a rotation is on.
pub async fn credential_rotate_in_txn(
    tx: &mut Tx,
    id: CredentialId,
    row: &CredentialRow,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE credential SET previous_sealed = sealed, sealed = $2, has_password = $3, has_enable = $4, has_key = $5,
                rotated_at = $6, updated_at = $6, generation = generation + 1
         WHERE id = $1 AND rotated_at IS NULL",
    )
    .bind(id.0)
    .bind(row.sealed.clone())
    .bind(i64::from(row.has_password))
    .bind(i64::from(row.has_enable))
    .bind(i64::from(row.has_key))
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// No device has taken the secrets of now yet: they were corrected within a rotation.
pub async fn credential_renew_in_txn(tx: &mut Tx, id: CredentialId) -> Result<()> {
    sqlx::query("UPDATE credential SET generation = generation + 1 WHERE id = $1 AND rotated_at IS NOT NULL")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets the previous secrets. False: no rotation is on.
pub async fn credential_finish_rotation(db: &Db, id: CredentialId, now: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = credential_finish_rotation_in_txn(&mut tx, id, now).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`credential_finish_rotation`] within a transaction.
pub async fn credential_finish_rotation_in_txn(
    tx: &mut Tx,
    id: CredentialId,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE credential SET previous_sealed = NULL, rotated_at = NULL, updated_at = $2
         WHERE id = $1 AND rotated_at IS NOT NULL",
    )
    .bind(id.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a credential; false when there was none.
pub async fn credential_delete_in_txn(tx: &mut Tx, id: CredentialId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM credential WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

fn credential(row: &AnyRow) -> Result<Credential> {
    Ok(Credential {
        id: CredentialId(row.int("id")?),
        name: row.text("name")?,
        site: row.opt_text("site")?,
        username: row.text("username")?,
        has_password: row.flag("has_password")?,
        has_enable: row.flag("has_enable")?,
        has_key: row.flag("has_key")?,
        devices: row.count("devices")?,
        rotation: row.opt_time("rotated_at")?.map(|since| Rotation {
            since,
            devices: 0,
            renewed: 0,
            jump_hosts: Vec::new(),
        }),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn sealed(row: &AnyRow) -> Result<SealedCredential> {
    Ok(SealedCredential {
        credential: credential(row)?,
        sealed: row.bytes("sealed")?,
        previous_sealed: row.opt_bytes("previous_sealed")?,
        generation: row.count("generation")?,
    })
}
