//! Signed-in browsers, by the hash of what their cookie holds.

use std::collections::BTreeMap;

use etiqa_model::user::User;
use etiqa_model::{Timestamp, UserId};

use super::user::{COLUMNS, FACTOR, user};
use crate::db::{Db, Result, RowExt, Tx, built};

/// Hex digits of a session's hash that name it on a page. They tell nothing of the cookie.
const NAME_DIGITS: usize = 16;

/// A live session with its user.
pub struct Session {
    /// Who.
    pub user: User,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to a minute or two.
    pub last_seen_at: Timestamp,
}

/// A session to begin.
pub struct NewSession<'a> {
    /// The hash of its secret.
    pub token_sha256: &'a str,
    /// Who.
    pub user: UserId,
    /// By which of their identities.
    pub provider: &'a str,
    /// What is shown of the browser.
    pub browser: &'a str,
    /// Where it came from.
    pub address: &'a str,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
}

/// A session as it is listed.
pub struct ListedSession {
    /// The hash of its secret.
    pub token_sha256: String,
    /// What is shown of the browser.
    pub browser: String,
    /// Where it came from.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to a minute or two.
    pub last_seen_at: Timestamp,
}

/// What names a session on a page.
pub fn session_name(token_sha256: &str) -> String {
    token_sha256.chars().take(NAME_DIGITS).collect()
}

/// The session of this hash, unless it expired.
pub async fn session_fetch(db: &Db, token_sha256: &str, now: Timestamp) -> Result<Option<Session>> {
    let sql = format!(
        "SELECT {COLUMNS}, s.created_at AS began_at, s.last_seen_at
         FROM session s JOIN app_user u ON u.id = s.user_id {FACTOR}
         WHERE s.token_sha256 = $1 AND s.expires_at > $2"
    );
    let row = sqlx::query(built(sql))
        .bind(token_sha256.to_owned())
        .bind(now.millis())
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| {
        Ok(Session {
            user: user(&row)?,
            created_at: row.time("began_at")?,
            last_seen_at: row.time("last_seen_at")?,
        })
    })
    .transpose()
}

/// A user's sessions that have not expired, the one that was used last first.
pub async fn session_list(db: &Db, user: UserId, now: Timestamp) -> Result<Vec<ListedSession>> {
    let rows = sqlx::query(
        "SELECT token_sha256, browser, address, created_at, last_seen_at FROM session
         WHERE user_id = $1 AND expires_at > $2 ORDER BY last_seen_at DESC, token_sha256",
    )
    .bind(user.0)
    .bind(now.millis())
    .fetch_all(db.reader())
    .await?;
    let listed = rows.iter().map(|row| {
        Ok(ListedSession {
            token_sha256: row.text("token_sha256")?,
            browser: row.text("browser")?,
            address: row.text("address")?,
            created_at: row.time("created_at")?,
            last_seen_at: row.time("last_seen_at")?,
        })
    });
    listed.collect()
}

/// Begins a session.
pub async fn session_insert_in_txn(tx: &mut Tx, session: &NewSession<'_>, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO session (token_sha256, user_id, provider, browser, address, created_at, last_seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
    )
    .bind(session.token_sha256.to_owned())
    .bind(session.user.0)
    .bind(session.provider.to_owned())
    .bind(session.browser.to_owned())
    .bind(session.address.to_owned())
    .bind(now.millis())
    .bind(session.expires_at.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes when sessions, by their hashes, were used last. In order: no two machines wait for each other.
pub async fn session_touch_in_txn(tx: &mut Tx, seen: &BTreeMap<String, Timestamp>) -> Result<()> {
    for (token_sha256, at) in seen {
        sqlx::query("UPDATE session SET last_seen_at = $2 WHERE token_sha256 = $1 AND last_seen_at < $2")
            .bind(token_sha256.clone())
            .bind(at.millis())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Ends one session.
pub async fn session_delete(db: &Db, token_sha256: &str) -> Result<()> {
    let mut tx = db.write().await?;
    session_delete_in_txn(&mut tx, token_sha256).await?;
    Ok(tx.commit().await?)
}

/// [`session_delete`] within a transaction.
pub async fn session_delete_in_txn(tx: &mut Tx, token_sha256: &str) -> Result<()> {
    sqlx::query("DELETE FROM session WHERE token_sha256 = $1")
        .bind(token_sha256.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Ends the session of a user that a page names so; false where there is none.
pub async fn session_delete_by_name_in_txn(tx: &mut Tx, user: UserId, name: &str) -> Result<bool> {
    let sql =
        format!("DELETE FROM session WHERE user_id = $1 AND substr(token_sha256, 1, {NAME_DIGITS}) = $2");
    let done = sqlx::query(built(sql)).bind(user.0).bind(name.to_owned()).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a user's sessions, but for the one named (an empty text names none). Locks the user: one that begins at the same time
/// was begun before, or sees what this transaction changed.
pub async fn session_delete_of_user_in_txn(tx: &mut Tx, user: UserId, but: &str) -> Result<()> {
    sqlx::query("UPDATE app_user SET role = role WHERE id = $1").bind(user.0).execute(&mut **tx).await?;
    sqlx::query("DELETE FROM session WHERE user_id = $1 AND token_sha256 <> $2")
        .bind(user.0)
        .bind(but.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes sessions that expired, and those that were not used since `idle_since`.
pub async fn session_delete_expired_in_txn(tx: &mut Tx, now: Timestamp, idle_since: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM session WHERE expires_at <= $1 OR last_seen_at < $2")
        .bind(now.millis())
        .bind(idle_since.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
