//! Signed-in browsers, by the hash of what their cookie holds.

use etiqa_model::user::User;
use etiqa_model::{Timestamp, UserId};

use crate::db::{Db, Result, RowExt, Tx};

/// A live session with its user.
pub struct Session {
    /// Who.
    pub user: User,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
}

/// The session of this hash, unless it expired.
pub async fn session_fetch(db: &Db, token_sha256: &str, now: Timestamp) -> Result<Option<Session>> {
    let row = sqlx::query(
        "SELECT u.id, u.name, u.role, u.scope, u.created_at, u.last_sign_in_at, s.last_seen_at
         FROM session s JOIN app_user u ON u.id = s.user_id
         WHERE s.token_sha256 = $1 AND s.expires_at > $2",
    )
    .bind(token_sha256.to_owned())
    .bind(now.millis())
    .fetch_optional(db.reader())
    .await?;
    row.map(|row| Ok(Session { user: super::user::user(&row)?, last_seen_at: row.time("last_seen_at")? }))
        .transpose()
}

/// Begins a session.
pub async fn session_insert_in_txn(
    tx: &mut Tx,
    token_sha256: &str,
    user: UserId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO session (token_sha256, user_id, created_at, last_seen_at, expires_at)
         VALUES ($1, $2, $3, $3, $4)",
    )
    .bind(token_sha256.to_owned())
    .bind(user.0)
    .bind(now.millis())
    .bind(expires_at.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes that a session was used.
pub async fn session_touch(db: &Db, token_sha256: &str, now: Timestamp) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE session SET last_seen_at = $2 WHERE token_sha256 = $1")
        .bind(token_sha256.to_owned())
        .bind(now.millis())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Ends one session.
pub async fn session_delete(db: &Db, token_sha256: &str) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("DELETE FROM session WHERE token_sha256 = $1")
        .bind(token_sha256.to_owned())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Ends a user's sessions, but for the one named (an empty text names none).
pub async fn session_delete_of_user_in_txn(tx: &mut Tx, user: UserId, but: &str) -> Result<()> {
    sqlx::query("DELETE FROM session WHERE user_id = $1 AND token_sha256 <> $2")
        .bind(user.0)
        .bind(but.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes sessions that expired.
pub async fn session_delete_expired_in_txn(tx: &mut Tx, now: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM session WHERE expires_at <= $1").bind(now.millis()).execute(&mut **tx).await?;
    Ok(())
}
