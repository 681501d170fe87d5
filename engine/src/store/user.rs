//! People who sign in.

use etiqa_model::scope::Scope;
use etiqa_model::user::{Reach, Role, User};
use etiqa_model::{Timestamp, UserId};
use sqlx::any::AnyRow;

use crate::db::{Db, Result, RowExt, Tx, built};

/// The columns of a user `u` with [`FACTOR`].
pub(super) const COLUMNS: &str =
    "u.id, u.name, u.role, u.scope, u.created_at, u.last_sign_in_at, f.confirmed_at AS second_factor_since";
/// Joins the second factor of each.
pub(super) const FACTOR: &str = "LEFT JOIN second_factor f ON f.user_id = u.id";

/// Everybody, by name.
pub async fn user_list(db: &Db) -> Result<Vec<User>> {
    let sql = format!("SELECT {COLUMNS} FROM app_user u {FACTOR} ORDER BY u.name_key");
    let rows = sqlx::query(built(sql)).fetch_all(db.reader()).await?;
    rows.iter().map(user).collect()
}

/// How many there are.
pub async fn user_count(db: &Db) -> Result<i64> {
    sqlx::query("SELECT COUNT(*) AS n FROM app_user").fetch_one(db.reader()).await?.int("n")
}

/// The user of this name, in any case.
pub async fn user_fetch_by_name(db: &Db, name: &str) -> Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM app_user u {FACTOR} WHERE u.name_key = $1");
    let row = sqlx::query(built(sql)).bind(name.to_lowercase()).fetch_optional(db.reader()).await?;
    row.as_ref().map(user).transpose()
}

/// One user.
pub async fn user_fetch(db: &Db, id: UserId) -> Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM app_user u {FACTOR} WHERE u.id = $1");
    let row = sqlx::query(built(sql)).bind(id.0).fetch_optional(db.reader()).await?;
    row.as_ref().map(user).transpose()
}

/// Adds a user, who has no way in yet; a unique violation when the name is taken.
pub async fn user_insert_in_txn(tx: &mut Tx, name: &str, reach: &Reach, now: Timestamp) -> Result<UserId> {
    let row = sqlx::query(
        "INSERT INTO app_user (name, name_key, role, created_at, scope)
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(name.to_owned())
    .bind(name.to_lowercase())
    .bind(reach.role().as_str())
    .bind(now.millis())
    .bind(reach.scope().to_string())
    .fetch_one(&mut **tx)
    .await?;
    Ok(UserId(row.int("id")?))
}

/// Changes what a user may do, and with which devices.
pub async fn user_set_reach_in_txn(tx: &mut Tx, id: UserId, reach: &Reach) -> Result<()> {
    sqlx::query("UPDATE app_user SET role = $2, scope = $3 WHERE id = $1")
        .bind(id.0)
        .bind(reach.role().as_str())
        .bind(reach.scope().to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes that a user signed in.
pub async fn user_signed_in_in_txn(tx: &mut Tx, id: UserId, now: Timestamp) -> Result<()> {
    sqlx::query("UPDATE app_user SET last_sign_in_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes a user and their sessions.
pub async fn user_delete_in_txn(tx: &mut Tx, id: UserId) -> Result<()> {
    sqlx::query("DELETE FROM app_user WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(())
}

/// How many admins there are, within the transaction that may remove one. Nobody else changes one of them until it ends: of
/// two that go at once on PostgreSQL the second one waits here, and counts what is left.
pub async fn admin_lock_in_txn(tx: &mut Tx) -> Result<u64> {
    let done = sqlx::query("UPDATE app_user SET role = role WHERE role = 'admin'").execute(&mut **tx).await?;
    Ok(done.rows_affected())
}

/// How many users there are, within the transaction that adds the first.
pub async fn user_count_in_txn(tx: &mut Tx) -> Result<i64> {
    sqlx::query("SELECT COUNT(*) AS n FROM app_user").fetch_one(&mut **tx).await?.int("n")
}

pub(super) fn user(row: &AnyRow) -> Result<User> {
    Ok(User {
        id: UserId(row.int("id")?),
        name: row.text("name")?,
        role: row.named("role", Role::parse)?,
        scope: row.named("scope", Scope::parse)?,
        created_at: row.time("created_at")?,
        last_sign_in_at: row.opt_time("last_sign_in_at")?,
        second_factor_since: row.opt_time("second_factor_since")?,
    })
}
