//! API tokens, by the hash of their secret.

use std::collections::BTreeMap;

use etiqa_model::scope::Scope;
use etiqa_model::user::{ApiToken, Reach, Role};
use etiqa_model::{Timestamp, TokenId};
use sqlx::any::AnyRow;

use super::lock::rows_lock_in_txn;
use crate::db::{Db, Filter, Result, RowExt, Tx, built};

const SELECT: &str = "SELECT id, name, role, scope, created_at, expires_at, last_used_at FROM api_token";

/// Every token, by name.
pub async fn token_list(db: &Db) -> Result<Vec<ApiToken>> {
    let rows = sqlx::query(built(format!("{SELECT} ORDER BY name"))).fetch_all(db.reader()).await?;
    rows.iter().map(token).collect()
}

/// The token of this hash, unless it expired.
pub async fn token_fetch(db: &Db, token_sha256: &str, now: Timestamp) -> Result<Option<ApiToken>> {
    let row = sqlx::query(built(format!(
        "{SELECT} WHERE token_sha256 = $1 AND (expires_at IS NULL OR expires_at > $2)"
    )))
    .bind(token_sha256.to_owned())
    .bind(now.millis())
    .fetch_optional(db.reader())
    .await?;
    row.as_ref().map(token).transpose()
}

/// The token of this id, expired or not, within a transaction that may change it: nobody else does until that ends.
pub async fn token_fetch_by_id_in_txn(tx: &mut Tx, id: TokenId) -> Result<Option<ApiToken>> {
    rows_lock_in_txn(tx, "api_token", &[id.0]).await?;
    let row = Filter::new().and_int("id = ?", id.0).query(SELECT, "").fetch_optional(&mut **tx).await?;
    row.as_ref().map(token).transpose()
}

/// Adds a token; a unique violation when the name is taken.
pub async fn token_insert(
    db: &Db,
    name: &str,
    reach: &Reach,
    token_sha256: &str,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<TokenId> {
    let mut tx = db.write().await?;
    let done = token_insert_in_txn(&mut tx, name, reach, token_sha256, expires_at, now).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`token_insert`] within a transaction.
pub async fn token_insert_in_txn(
    tx: &mut Tx,
    name: &str,
    reach: &Reach,
    token_sha256: &str,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<TokenId> {
    let row = sqlx::query(
        "INSERT INTO api_token (name, role, token_sha256, created_at, expires_at, scope)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(name.to_owned())
    .bind(reach.role().as_str())
    .bind(token_sha256.to_owned())
    .bind(now.millis())
    .bind(expires_at.map(Timestamp::millis))
    .bind(reach.scope().to_string())
    .fetch_one(&mut **tx)
    .await?;
    Ok(TokenId(row.int("id")?))
}

/// Changes what a token is called, what it may do with which devices, and when it ends; false when there is none. A unique
/// violation when the name is taken.
pub async fn token_update_in_txn(
    tx: &mut Tx,
    id: TokenId,
    name: &str,
    reach: &Reach,
    expires_at: Option<Timestamp>,
) -> Result<bool> {
    let update = "UPDATE api_token SET name = $2, role = $3, expires_at = $4, scope = $5 WHERE id = $1";
    let done = sqlx::query(update)
        .bind(id.0)
        .bind(name.to_owned())
        .bind(reach.role().as_str())
        .bind(expires_at.map(Timestamp::millis))
        .bind(reach.scope().to_string())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes when tokens were used last. In order: no two machines wait for each other.
pub async fn token_touch_in_txn(tx: &mut Tx, seen: &BTreeMap<TokenId, Timestamp>) -> Result<()> {
    for (id, at) in seen {
        sqlx::query(
            "UPDATE api_token SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        )
        .bind(id.0)
        .bind(at.millis())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Removes a token; false when there was none.
pub async fn token_delete_in_txn(tx: &mut Tx, id: TokenId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM api_token WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

fn token(row: &AnyRow) -> Result<ApiToken> {
    Ok(ApiToken {
        id: TokenId(row.int("id")?),
        name: row.text("name")?,
        role: row.named("role", Role::parse)?,
        scope: row.named("scope", Scope::parse)?,
        created_at: row.time("created_at")?,
        expires_at: row.opt_time("expires_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}
