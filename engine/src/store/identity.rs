//! How people sign in: an identity is a person and one way in. Roles and sessions know nothing of them.

use etiqa_model::user::User;
use etiqa_model::{Timestamp, UserId};
use sqlx::any::AnyRow;

use super::user::{COLUMNS, FACTOR, user};
use crate::db::{Db, Result, RowExt, Tx, built};

/// The provider of passwords. Its subjects are users' names as they are compared, its secrets hashes in the PHC string format.
pub const PASSWORD: &str = "password";

/// A way in, with whose it is; has no `Debug`.
pub struct Identity {
    /// Row id.
    pub id: i64,
    /// Whose.
    pub user: User,
    /// What proves it; none: the provider does that.
    pub secret: Option<String>,
}

/// The identity that a provider calls `subject`.
pub async fn identity_fetch(db: &Db, provider: &str, subject: &str) -> Result<Option<Identity>> {
    let sql = format!(
        "SELECT {COLUMNS}, i.id AS identity_id, i.secret
         FROM identity i JOIN app_user u ON u.id = i.user_id {FACTOR}
         WHERE i.provider = $1 AND i.subject = $2"
    );
    let row = sqlx::query(built(sql))
        .bind(provider.to_owned())
        .bind(subject.to_owned())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(identity).transpose()
}

/// A user's identity of this provider.
pub async fn identity_fetch_of_user(db: &Db, user: UserId, provider: &str) -> Result<Option<Identity>> {
    let sql = format!(
        "SELECT {COLUMNS}, i.id AS identity_id, i.secret
         FROM identity i JOIN app_user u ON u.id = i.user_id {FACTOR}
         WHERE i.user_id = $1 AND i.provider = $2"
    );
    let row =
        sqlx::query(built(sql)).bind(user.0).bind(provider.to_owned()).fetch_optional(db.reader()).await?;
    row.as_ref().map(identity).transpose()
}

/// Gives a user a way in; a unique violation when somebody has it.
pub async fn identity_insert_in_txn(
    tx: &mut Tx,
    user: UserId,
    provider: &str,
    subject: &str,
    secret: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO identity (user_id, provider, subject, secret, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(user.0)
    .bind(provider.to_owned())
    .bind(subject.to_owned())
    .bind(secret.map(str::to_owned))
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Changes what proves a user's identity of this provider.
pub async fn identity_set_secret_in_txn(
    tx: &mut Tx,
    user: UserId,
    provider: &str,
    secret: &str,
) -> Result<()> {
    sqlx::query("UPDATE identity SET secret = $3 WHERE user_id = $1 AND provider = $2")
        .bind(user.0)
        .bind(provider.to_owned())
        .bind(secret.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether this is still what proves a user's identity of this provider.
pub async fn identity_is_proved_by_in_txn(
    tx: &mut Tx,
    user: UserId,
    provider: &str,
    secret: &str,
) -> Result<bool> {
    let row =
        sqlx::query("SELECT 1 AS one FROM identity WHERE user_id = $1 AND provider = $2 AND secret = $3")
            .bind(user.0)
            .bind(provider.to_owned())
            .bind(secret.to_owned())
            .fetch_optional(&mut **tx)
            .await?;
    Ok(row.is_some())
}

/// Puts a secret in place of one, unless that was changed meanwhile; whether it was done.
pub async fn identity_replace_secret(db: &Db, id: i64, before: &str, secret: &str) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query("UPDATE identity SET secret = $3 WHERE id = $1 AND secret = $2")
        .bind(id)
        .bind(before.to_owned())
        .bind(secret.to_owned())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected() == 1)
}

fn identity(row: &AnyRow) -> Result<Identity> {
    Ok(Identity { id: row.int("identity_id")?, user: user(row)?, secret: row.opt_text("secret")? })
}
