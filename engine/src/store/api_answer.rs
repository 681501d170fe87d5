//! What the REST API answered to requests with an Idempotency-Key, for a day.

use etiqa_model::Timestamp;

use crate::db::{Db, Result, RowExt, Tx};

/// A request that came with a key.
#[derive(Debug, Clone)]
pub struct KeyedRequest {
    /// Row id.
    pub id: i64,
    /// What was asked, signed.
    pub request: String,
    /// The answer, sealed for `api_answer:<id>`; none: there is none yet.
    pub sealed: Option<Vec<u8>>,
}

/// Notes a request with its key; none where the owner has sent that key before.
pub async fn api_answer_insert_in_txn(
    tx: &mut Tx,
    owner: &str,
    key: &str,
    request: &str,
    now: Timestamp,
) -> Result<Option<i64>> {
    let row = sqlx::query(
        "INSERT INTO api_answer (owner, idempotency_key, request, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (owner, idempotency_key) DO NOTHING RETURNING id",
    )
    .bind(owner.to_owned())
    .bind(key.to_owned())
    .bind(request.to_owned())
    .bind(now.millis())
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| row.int("id")).transpose()
}

/// The request that came with this key.
pub async fn api_answer_fetch_in_txn(tx: &mut Tx, owner: &str, key: &str) -> Result<Option<KeyedRequest>> {
    let row =
        sqlx::query("SELECT id, request, sealed FROM api_answer WHERE owner = $1 AND idempotency_key = $2")
            .bind(owner.to_owned())
            .bind(key.to_owned())
            .fetch_optional(&mut **tx)
            .await?;
    row.map(|row| {
        Ok(KeyedRequest {
            id: row.int("id")?,
            request: row.text("request")?,
            sealed: row.opt_bytes("sealed")?,
        })
    })
    .transpose()
}

/// Keeps the answer to a request.
pub async fn api_answer_set(db: &Db, id: i64, sealed: Vec<u8>) -> Result<()> {
    let kept = sqlx::query("UPDATE api_answer SET sealed = $2 WHERE id = $1").bind(id).bind(sealed);
    db.write_one(kept).await.map(drop)
}

/// Forgets a request that came to nothing.
pub async fn api_answer_delete(db: &Db, id: i64) -> Result<()> {
    let gone = sqlx::query("DELETE FROM api_answer WHERE id = $1").bind(id);
    db.write_one(gone).await.map(drop)
}

/// Forgets what is older than `before`.
pub async fn api_answer_delete_before_in_txn(tx: &mut Tx, before: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM api_answer WHERE created_at < $1")
        .bind(before.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets one owner's key where it is older than `before`, although nobody has tidied up since.
pub async fn api_answer_expire_in_txn(tx: &mut Tx, owner: &str, key: &str, before: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM api_answer WHERE owner = $1 AND idempotency_key = $2 AND created_at < $3")
        .bind(owner.to_owned())
        .bind(key.to_owned())
        .bind(before.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
