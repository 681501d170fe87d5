//! Second factors: sealed secrets of time-based codes, and hashes of recovery codes.

use etiqa_model::{Timestamp, UserId};

use crate::db::{Db, Result, RowExt, Tx};

/// The name that the secrets of a row are sealed for.
pub fn row_name(id: i64) -> String {
    format!("second_factor:{id}")
}

/// What is stored of a user's second factor.
pub struct StoredFactor {
    /// Row id; the secrets are sealed for it.
    pub id: i64,
    /// The secret in force; none: there is no second factor yet.
    pub sealed: Option<Vec<u8>>,
    /// What waits to be confirmed.
    pub pending_sealed: Option<Vec<u8>>,
    /// Since when it waits.
    pub pending_at: Option<Timestamp>,
    /// Since when codes are asked for.
    pub confirmed_at: Option<Timestamp>,
}

/// A user's second factor, be it in force or only begun.
pub async fn factor_fetch(db: &Db, user: UserId) -> Result<Option<StoredFactor>> {
    let row = sqlx::query(
        "SELECT id, sealed, pending_sealed, pending_at, confirmed_at FROM second_factor WHERE user_id = $1",
    )
    .bind(user.0)
    .fetch_optional(db.reader())
    .await?;
    row.map(|row| {
        Ok(StoredFactor {
            id: row.int("id")?,
            sealed: row.opt_bytes("sealed")?,
            pending_sealed: row.opt_bytes("pending_sealed")?,
            pending_at: row.opt_time("pending_at")?,
            confirmed_at: row.opt_time("confirmed_at")?,
        })
    })
    .transpose()
}

/// Since when codes are asked for of a user; none: they are not.
pub async fn factor_fetch_since_in_txn(tx: &mut Tx, user: UserId) -> Result<Option<Timestamp>> {
    let row = sqlx::query("SELECT confirmed_at FROM second_factor WHERE user_id = $1")
        .bind(user.0)
        .fetch_optional(&mut **tx)
        .await?;
    row.map_or(Ok(None), |row| row.opt_time("confirmed_at"))
}

/// The id of the user's row, which is made where there is none: a secret can be sealed only once it is known.
pub async fn factor_reserve_in_txn(tx: &mut Tx, user: UserId) -> Result<i64> {
    let row = sqlx::query(
        "INSERT INTO second_factor (user_id) VALUES ($1)
         ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id RETURNING id",
    )
    .bind(user.0)
    .fetch_one(&mut **tx)
    .await?;
    row.int("id")
}

/// Lets something wait to be confirmed, in place of what waited.
pub async fn factor_begin_in_txn(tx: &mut Tx, id: i64, pending_sealed: Vec<u8>, at: Timestamp) -> Result<()> {
    sqlx::query("UPDATE second_factor SET pending_sealed = $2, pending_at = $3 WHERE id = $1")
        .bind(id)
        .bind(pending_sealed)
        .bind(at.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Puts a secret in force; `step` is that of the code which confirmed it, `pending_at` since when it waited. False where it
/// does not wait any more.
pub async fn factor_confirm_in_txn(
    tx: &mut Tx,
    id: i64,
    pending_at: Timestamp,
    sealed: Vec<u8>,
    step: i64,
    at: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE second_factor SET sealed = $3, last_step = $4, confirmed_at = $5, pending_sealed = NULL, pending_at = NULL
         WHERE id = $1 AND pending_at = $2",
    )
    .bind(id)
    .bind(pending_at.millis())
    .bind(sealed)
    .bind(step)
    .bind(at.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the code of a step; false where one of this step, or of a later one, was taken already.
pub async fn factor_use_step(db: &Db, id: i64, step: i64) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query("UPDATE second_factor SET last_step = $2 WHERE id = $1 AND last_step < $2")
        .bind(id)
        .bind(step)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a user's second factor and their recovery codes.
pub async fn factor_delete_in_txn(tx: &mut Tx, user: UserId) -> Result<()> {
    for sql in
        ["DELETE FROM recovery_code WHERE user_id = $1", "DELETE FROM second_factor WHERE user_id = $1"]
    {
        sqlx::query(sql).bind(user.0).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Puts these hashes of recovery codes in place of all that the user has.
pub async fn recovery_codes_replace_in_txn(tx: &mut Tx, user: UserId, hashes: &[String]) -> Result<()> {
    sqlx::query("DELETE FROM recovery_code WHERE user_id = $1").bind(user.0).execute(&mut **tx).await?;
    for hash in hashes {
        sqlx::query("INSERT INTO recovery_code (user_id, code_sha256) VALUES ($1, $2)")
            .bind(user.0)
            .bind(hash.clone())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Uses a recovery code up; false where the user has none of this hash (any more).
pub async fn recovery_code_use_in_txn(tx: &mut Tx, user: UserId, hash: &str) -> Result<bool> {
    let done = sqlx::query("DELETE FROM recovery_code WHERE user_id = $1 AND code_sha256 = $2")
        .bind(user.0)
        .bind(hash.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// How many recovery codes a user has left.
pub async fn recovery_code_count(db: &Db, user: UserId) -> Result<u32> {
    sqlx::query("SELECT COUNT(*) AS n FROM recovery_code WHERE user_id = $1")
        .bind(user.0)
        .fetch_one(db.reader())
        .await?
        .count("n")
}
