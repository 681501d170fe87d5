//! The first admin: created with a one-time code that only the console shows.
//!
//! The code is stored hashed with the time when it ends: the command that prints a new one is another process than the one
//! that asks for it.

use std::time::Duration;

use etiqa_model::user::{Role, check_password, check_user_name};
use etiqa_model::{ErrorKind, FieldError, Secret, UserError};

use super::sign_in::{Proof, begin_session};
use super::{SignedIn, Throttle, Visitor, account, password, stored_form};
use crate::audit::{Act, action, record_if_asked_in_txn, record_in_txn};
use crate::db::Db;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::identity::{PASSWORD, identity_insert_in_txn};
use crate::store::setting::{StoredCode, setup_code_fetch, setup_code_save_in_txn, setup_code_take_in_txn};
use crate::store::user::{user_count, user_count_in_txn, user_fetch, user_insert_in_txn};
use crate::time::now;

/// Letters and digits that nobody mistakes for each other.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// 31^12, about 59 bits, in three groups: within its hour nobody guesses one, so a plain hash is enough.
const GROUPS: usize = 3;
const GROUP_LETTERS: usize = 4;
/// A code works so long.
const WORKS: Duration = Duration::from_hours(1);

/// Whether nobody can sign in yet.
pub async fn setup_is_open(db: &Db) -> Result<bool> {
    Ok(user_count(db).await? == 0)
}

/// Makes a code, for the console, that works for an hour; the one before does not work any more. Refused once anybody
/// exists.
pub async fn setup_code_renew(db: &Db) -> Result<Secret> {
    let letter = || char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]);
    let group = || (0..GROUP_LETTERS).map(|_| letter()).collect::<String>();
    let code = (0..GROUPS).map(|_| group()).collect::<Vec<_>>().join("-");
    let mut tx = db.write().await?;
    if user_count_in_txn(&mut tx).await? > 0 {
        return Err(there_is_one().into());
    }
    let stored = StoredCode { sha256: stored_form(&code), until: now().plus(WORKS) };
    setup_code_save_in_txn(&mut tx, &stored).await?;
    record_if_asked_in_txn(&mut tx, Act::new(action::SETUP_CODE)).await?;
    tx.commit().await?;
    Ok(Secret::new(code))
}

/// Refuses another code than the newest one, and that one once it is over. Gives it as it is stored.
pub async fn setup_code_check(
    db: &Db,
    throttle: &Throttle,
    code: &Secret,
    address: &str,
) -> Result<StoredCode> {
    let at = now();
    // No user has this name: it has a space in it.
    let attempt = throttle.begin("the setup code", address, at)?;
    let stored = setup_code_fetch(db).await?;
    let given = stored_form(&code.reveal().trim().to_lowercase());
    // Hashes are compared: how long that takes tells nothing of the code.
    let refusal = match stored {
        Some(stored) if stored.sha256 == given && at <= stored.until => {
            attempt.succeeded();
            return Ok(stored);
        }
        Some(stored) if stored.sha256 == given => {
            "This code worked for an hour, which is over. Print a new one with etiqa setup-code."
        }
        _ => "This is not the code that the program printed last.",
    };
    Err(wrong("code", refusal.into()).into())
}

/// Creates the first admin and begins their session. Refused once anybody exists, and while an archive is restored
/// into this instance: what is done in it then would be gone.
pub async fn set_up(
    engine: &Engine,
    code: &Secret,
    name: &str,
    password: &Secret,
    visitor: &Visitor,
) -> Result<SignedIn> {
    let at = now();
    if !setup_is_open(&engine.db).await? {
        return Err(there_is_one().into());
    }
    let code = setup_code_check(&engine.db, &engine.throttle, code, &visitor.address).await?;
    let name = check_user_name(name).map_err(|message| wrong("name", message))?;
    check_password(password).map_err(|message| wrong("password", message))?;
    let _turn = engine.takeover.begin(&engine.dir)?;
    let hash = password::hash(password).await?;
    let mut tx = engine.db.write().await?;
    // On PostgreSQL, two with the same code come here at once: one of them takes it.
    if user_count_in_txn(&mut tx).await? > 0 || !setup_code_take_in_txn(&mut tx, &code).await? {
        return Err(there_is_one().into());
    }
    let id = user_insert_in_txn(&mut tx, &name, &Role::Admin.into(), at)
        .await
        .map_err(|error| account::taken(error, &name))?;
    identity_insert_in_txn(&mut tx, id, PASSWORD, &name.to_lowercase(), Some(&hash), at).await?;
    record_in_txn(&mut tx, Act::new(action::SET_UP).on(id.0, &name).known_as(&name)).await?;
    tx.commit().await?;
    let user = user_fetch(&engine.db, id).await?.ok_or_else(UserError::internal)?;
    begin_session(engine.door(), &Proof { user: &user, provider: PASSWORD, secret: &hash }, visitor, at).await
}

fn there_is_one() -> UserError {
    UserError::new(ErrorKind::Conflict, "There is an admin already; sign in instead.")
}

fn wrong(field: &str, message: String) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message }])
}
