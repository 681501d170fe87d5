//! Adding, changing and removing users.

use etiqa_model::user::{Reach, Role, User, check_password, check_user_name, is_endless};
use etiqa_model::{FieldError, Secret, UserError, UserId};
use serde_json::json;

use super::password::{self, Line};
use super::{Throttle, stored_form};
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::db::{Db, DbError};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::identity::{
    PASSWORD, identity_fetch_of_user, identity_insert_in_txn, identity_set_secret_in_txn,
};
use crate::store::session::session_delete_of_user_in_txn;
use crate::store::setting::setup_code_forget_in_txn;
use crate::store::user::{
    self as store, admin_lock_in_txn, user_delete_in_txn, user_fetch, user_insert_in_txn,
    user_set_reach_in_txn,
};
use crate::time::now;

/// Everybody, by name.
pub async fn user_list(db: &Db) -> Result<Vec<User>> {
    Ok(store::user_list(db).await?)
}

/// The user of this name, in any case.
pub async fn user_find(db: &Db, name: &str) -> Result<User> {
    let found = store::user_fetch_by_name(db, name).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("user named {name}")))?)
}

/// Stands for the password that a user has now, and tells nothing of it: another one is another revision.
pub async fn user_revision(engine: &Engine, id: UserId) -> Result<String> {
    let identity = identity_fetch_of_user(&engine.db, id, PASSWORD).await?;
    let secret = identity.and_then(|identity| identity.secret).unwrap_or_default();
    Ok(engine.vault.signer().sign("user revision", secret.as_bytes()))
}

/// Adds a user; a conflict when the name is taken.
pub async fn user_add(db: &Db, name: &str, reach: impl Into<Reach>, password: &Secret) -> Result<UserId> {
    let reach = reach.into();
    let name = check_user_name(name).map_err(|message| wrong("name", message))?;
    check_password(password).map_err(|message| wrong("password", message))?;
    let hash = password::hash(password).await?;
    let mut tx = db.write().await?;
    let at = now();
    let id = user_insert_in_txn(&mut tx, &name, &reach, at).await.map_err(|error| taken(error, &name))?;
    identity_insert_in_txn(&mut tx, id, PASSWORD, &name.to_lowercase(), Some(&hash), at).await?;
    setup_code_forget_in_txn(&mut tx).await?;
    let told = json!({ "name": name, "role": reach.role(), "scope": reach.scope() });
    let changes = Changes::of_new(&told).and_secret("password", true);
    record_in_txn(&mut tx, Act::new(action::USER_ADD).on(id.0, &name).changing(changes)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes what a user may do with which devices, and their password unless it is empty; their sessions end. The last admin
/// stays one.
pub async fn user_change(db: &Db, id: UserId, reach: impl Into<Reach>, password: &Secret) -> Result<()> {
    let reach = reach.into();
    let user = user_fetch(db, id).await?.ok_or_else(|| UserError::not_found(format!("user {id}")))?;
    let hash = if password.is_empty() {
        None
    } else {
        check_password(password).map_err(|message| wrong("password", message))?;
        Some(password::hash(password).await?)
    };
    let mut tx = db.write().await?;
    if user.role == Role::Admin && reach.role() != Role::Admin && admin_lock_in_txn(&mut tx).await? <= 1 {
        return Err(UserError::conflict("This is the last admin. Make somebody else an admin first.").into());
    }
    user_set_reach_in_txn(&mut tx, id, &reach).await?;
    let told = json!({ "role": reach.role(), "scope": reach.scope() });
    let changes = Changes::between(&user, &told).and_secret("password", hash.is_some());
    if let Some(hash) = hash {
        identity_set_secret_in_txn(&mut tx, id, PASSWORD, &hash).await?;
    }
    session_delete_of_user_in_txn(&mut tx, id, "").await?;
    record_in_txn(&mut tx, Act::new(action::USER_CHANGE).on(id.0, &user.name).changing(changes)).await?;
    Ok(tx.commit().await?)
}

/// Changes one's own password; ends one's other sessions. `session` is the secret of the one that asks, `address` where that
/// is: guessing at the password of now is slowed down as at the sign-in.
pub async fn user_change_own_password(
    db: &Db,
    throttle: &Throttle,
    id: UserId,
    current: &Secret,
    new: &Secret,
    session: &str,
    address: &str,
) -> Result<()> {
    let identity = identity_fetch_of_user(db, id, PASSWORD).await?.ok_or_else(no_password)?;
    let attempt = throttle.begin(&identity.user.name, address, now())?;
    if is_endless(current) || !password::verify(current, identity.secret, Line::Known).await? {
        return Err(wrong("current", "This is not your current password.".into()).into());
    }
    attempt.succeeded();
    check_password(new).map_err(|message| wrong("new", message))?;
    let hash = password::hash(new).await?;
    let mut tx = db.write().await?;
    identity_set_secret_in_txn(&mut tx, id, PASSWORD, &hash).await?;
    session_delete_of_user_in_txn(&mut tx, id, &stored_form(session)).await?;
    let changes = Changes::none().and_secret("password", true);
    let act = Act::new(action::USER_PASSWORD).on(id.0, &identity.user.name).changing(changes);
    record_in_txn(&mut tx, act).await?;
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
    let identity = identity_fetch_of_user(db, id, PASSWORD).await?.ok_or_else(no_password)?;
    let attempt = throttle.begin(&identity.user.name, address, now())?;
    if is_endless(password) || !password::verify(password, identity.secret, Line::Known).await? {
        return Err(wrong("password", "This is not your password.".into()).into());
    }
    attempt.succeeded();
    Ok(())
}

/// Removes a user and their sessions; the last admin stays.
pub async fn user_remove(db: &Db, id: UserId) -> Result<()> {
    let user = user_fetch(db, id).await?.ok_or_else(|| UserError::not_found(format!("user {id}")))?;
    let mut tx = db.write().await?;
    if user.role == Role::Admin && admin_lock_in_txn(&mut tx).await? <= 1 {
        return Err(UserError::conflict("This is the last admin; somebody has to be able to come in.").into());
    }
    user_delete_in_txn(&mut tx, id).await?;
    let changes = Changes::of_removed(&json!({ "role": user.role }));
    record_in_txn(&mut tx, Act::new(action::USER_REMOVE).on(id.0, &user.name).changing(changes)).await?;
    Ok(tx.commit().await?)
}

fn no_password() -> UserError {
    UserError::invalid("You sign in without a password.")
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
