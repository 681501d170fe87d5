//! Adding, changing and removing users.

use etiqa_model::user::{Reach, Role, User, check_password, check_user_name, is_endless};
use etiqa_model::{FieldError, Secret, UserError, UserId};

use super::{Throttle, password};
use crate::db::{Db, DbError};
use crate::error::Result;
use crate::store::session::session_delete_of_user_in_txn;
use crate::store::user::{
    self as store, admin_count_in_txn, user_delete_in_txn, user_fetch, user_insert_in_txn,
    user_set_password_in_txn, user_set_reach_in_txn,
};
use crate::time::now;

/// Everybody, by name.
pub async fn user_list(db: &Db) -> Result<Vec<User>> {
    Ok(store::user_list(db).await?)
}

/// The user of this name, in any case.
pub async fn user_find(db: &Db, name: &str) -> Result<User> {
    let found = store::user_fetch_by_name(db, name).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("user named {name}")))?.user)
}

/// Adds a user; a conflict when the name is taken.
pub async fn user_add(db: &Db, name: &str, reach: impl Into<Reach>, password: &Secret) -> Result<UserId> {
    let reach = reach.into();
    let name = check_user_name(name).map_err(|message| wrong("name", message))?;
    check_password(password).map_err(|message| wrong("password", message))?;
    let hash = password::hash(password).await?;
    let mut tx = db.write().await?;
    let id = user_insert_in_txn(&mut tx, &name, &reach, &hash, now())
        .await
        .map_err(|error| taken(error, &name))?;
    tx.commit().await?;
    Ok(id)
}

/// Changes what a user may do with which devices, and their password unless it is empty; their sessions end. The last admin
/// stays one.
pub async fn user_change(db: &Db, id: UserId, reach: impl Into<Reach>, password: &Secret) -> Result<()> {
    let reach = reach.into();
    let user = user_fetch(db, id).await?.ok_or_else(|| UserError::not_found(format!("user {id}")))?.user;
    let hash = if password.is_empty() {
        None
    } else {
        check_password(password).map_err(|message| wrong("password", message))?;
        Some(password::hash(password).await?)
    };
    let mut tx = db.write().await?;
    if user.role == Role::Admin && reach.role() != Role::Admin && admin_count_in_txn(&mut tx).await? <= 1 {
        return Err(UserError::conflict("This is the last admin. Make somebody else an admin first.").into());
    }
    user_set_reach_in_txn(&mut tx, id, &reach).await?;
    if let Some(hash) = hash {
        user_set_password_in_txn(&mut tx, id, &hash).await?;
    }
    session_delete_of_user_in_txn(&mut tx, id, "").await?;
    Ok(tx.commit().await?)
}

/// Changes one's own password; ends one's other sessions. `session` is the secret of the one that asks.
pub async fn user_change_own_password(
    db: &Db,
    id: UserId,
    current: &Secret,
    new: &Secret,
    session: &str,
) -> Result<()> {
    let user = user_fetch(db, id).await?.ok_or_else(|| UserError::not_found(format!("user {id}")))?;
    if !password::verify(current, Some(user.password_hash)).await? {
        return Err(wrong("current", "This is not your current password.".into()).into());
    }
    check_password(new).map_err(|message| wrong("new", message))?;
    let hash = password::hash(new).await?;
    let mut tx = db.write().await?;
    user_set_password_in_txn(&mut tx, id, &hash).await?;
    session_delete_of_user_in_txn(&mut tx, id, &super::stored_form(session)).await?;
    Ok(tx.commit().await?)
}

/// Whether this is the user's password; guessing at it is slowed down as at the sign-in.
pub async fn user_confirm(
    db: &Db,
    throttle: &Throttle,
    id: UserId,
    password: &Secret,
    address: &str,
) -> Result<()> {
    let user = user_fetch(db, id).await?.ok_or_else(|| UserError::not_found(format!("user {id}")))?;
    let attempt = throttle.begin(&user.user.name, address, now())?;
    if is_endless(password) || !password::verify(password, Some(user.password_hash)).await? {
        return Err(wrong("password", "This is not your password.".into()).into());
    }
    attempt.succeeded();
    Ok(())
}

/// Removes a user and their sessions; the last admin stays.
pub async fn user_remove(db: &Db, id: UserId) -> Result<()> {
    let user = user_fetch(db, id).await?.ok_or_else(|| UserError::not_found(format!("user {id}")))?.user;
    let mut tx = db.write().await?;
    if user.role == Role::Admin && admin_count_in_txn(&mut tx).await? <= 1 {
        return Err(UserError::conflict("This is the last admin; somebody has to be able to come in.").into());
    }
    user_delete_in_txn(&mut tx, id).await?;
    Ok(tx.commit().await?)
}

fn wrong(field: &str, message: String) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message }])
}

pub(super) fn taken(error: DbError, name: &str) -> crate::error::Error {
    if error.is_unique_violation() {
        wrong("name", format!("There is a user named {name} already; choose another name.")).into()
    } else {
        error.into()
    }
}
