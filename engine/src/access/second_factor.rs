//! Second factors: codes by the time from a person's phone, and recovery codes for the day when that is lost.
//!
//! What is set up is shown until a first code confirms it, recovery codes among it, and never again: nobody can have the
//! one without the other, and it needs no JavaScript.

use std::time::Duration;

use etiqa_model::user::{PendingFactor, SecondFactor, User};
use etiqa_model::{FieldError, Secret, Timestamp, UserError, UserId};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Door, stored_form, totp, user_confirm};
use crate::audit::{Act, Action, Changes, action, record_in_txn};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::store::second_factor::{
    StoredFactor, factor_begin_in_txn, factor_confirm_in_txn, factor_delete_in_txn, factor_fetch,
    factor_reserve_in_txn, factor_use_step, recovery_code_count, recovery_code_use_in_txn,
    recovery_codes_replace_in_txn, row_name,
};
use crate::store::session::session_delete_of_user_in_txn;
use crate::store::user::user_fetch;
use crate::time::now;
use crate::vault::Vault;

/// What is begun waits so long for its first code.
const WAITS: Duration = Duration::from_mins(15);
const RECOVERY_CODES: usize = 10;
/// Letters of a recovery code: base32, 80 bits, so that a plain hash is enough.
const RECOVERY_LETTERS: usize = 16;
const GROUP: usize = 4;

/// What waits to be confirmed, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Pending {
    secret: Vec<u8>,
    codes: Vec<Secret>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// How somebody's second factor stands, with what they set up just now.
pub async fn second_factor(door: Door<'_>, user: UserId) -> Result<SecondFactor> {
    let known = user_fetch(door.db, user).await?.ok_or_else(|| no_user(user))?;
    let is_required = door.seen.rules().needs_second_factor(known.role);
    let Some(stored) = factor_fetch(door.db, user).await? else {
        return Ok(SecondFactor { is_required, ..SecondFactor::default() });
    };
    let codes_left = recovery_code_count(door.db, user).await?;
    let pending = pending_of(door.vault, &stored, now())?;
    let pending = pending.and_then(|(pending, _)| shown(&pending, &known.name));
    Ok(SecondFactor { since: stored.confirmed_at, codes_left, is_required, pending })
}

/// Makes a secret and recovery codes, which wait to be confirmed; those in force stay in force until then. Asks for the
/// password once more. `address` is where the request came from.
pub async fn second_factor_begin(
    door: Door<'_>,
    user: UserId,
    password: &Secret,
    address: &str,
) -> Result<()> {
    let known = user_fetch(door.db, user).await?.ok_or_else(|| no_user(user))?;
    user_confirm(door.db, door.throttle, user, password, address).await?;
    let mut secret = Zeroizing::new([0_u8; totp::SECRET_BYTES]);
    rand::fill(&mut *secret);
    let pending =
        Pending { secret: secret.to_vec(), codes: (0..RECOVERY_CODES).map(|_| recovery_code()).collect() };
    let mut tx = door.db.write().await?;
    let id = factor_reserve_in_txn(&mut tx, user).await?;
    let sealed = door.vault.seal_json(&row_name(id), &pending)?;
    factor_begin_in_txn(&mut tx, id, sealed, now()).await?;
    record_in_txn(&mut tx, Act::new(action::FACTOR_BEGIN).on(user.0, &known.name)).await?;
    Ok(tx.commit().await?)
}

/// Puts what waits in force, once its first code is right; ends one's other sessions. `session` is the secret of the one that
/// asks.
pub async fn second_factor_confirm(
    door: Door<'_>,
    user: UserId,
    code: &Secret,
    session: &str,
    address: &str,
) -> Result<()> {
    let at = now();
    let attempt = door.throttle.begin(&format!("first code of {user}"), address, at)?;
    let over = || UserError::conflict("This took longer than a quarter of an hour. Begin once more.");
    let known = user_fetch(door.db, user).await?.ok_or_else(|| no_user(user))?;
    let stored = factor_fetch(door.db, user).await?.ok_or_else(over)?;
    let (pending, since) = pending_of(door.vault, &stored, at)?.ok_or_else(over)?;
    let step = totp::step_of_code(&pending.secret, code.reveal(), at).ok_or_else(wrong_code)?;
    let sealed = door.vault.seal(&row_name(stored.id), &pending.secret)?;
    let hashes: Vec<String> = pending.codes.iter().map(stored_recovery_code).collect();
    let mut tx = door.db.write().await?;
    if !factor_confirm_in_txn(&mut tx, stored.id, since, sealed, step, at).await? {
        return Err(over().into());
    }
    recovery_codes_replace_in_txn(&mut tx, user, &hashes).await?;
    session_delete_of_user_in_txn(&mut tx, user, &stored_form(session)).await?;
    let changes = Changes::none().and_secret("second_factor", true).and_secret("recovery_codes", true);
    record_in_txn(&mut tx, Act::new(action::FACTOR_CONFIRM).on(user.0, &known.name).changing(changes))
        .await?;
    tx.commit().await?;
    attempt.succeeded();
    Ok(())
}

/// Switches one's second factor off; asks for the password once more, and ends one's other sessions. Refused where one's role
/// must have one.
pub async fn second_factor_stop(
    door: Door<'_>,
    user: UserId,
    password: &Secret,
    session: &str,
    address: &str,
) -> Result<()> {
    let known = user_fetch(door.db, user).await?.ok_or_else(|| no_user(user))?;
    if door.seen.rules().needs_second_factor(known.role) {
        let message =
            "Your role must have a second factor. Set up another one, which takes the place of this one.";
        return Err(UserError::conflict(message).into());
    }
    user_confirm(door.db, door.throttle, user, password, address).await?;
    forget(door.db, &known, &stored_form(session), action::FACTOR_STOP).await
}

/// Forgets somebody's second factor, as an admin does where a phone is lost; their sessions end.
pub async fn second_factor_reset(db: &Db, user: UserId) -> Result<()> {
    let known = user_fetch(db, user).await?.ok_or_else(|| no_user(user))?;
    forget(db, &known, "", action::FACTOR_RESET).await
}

async fn forget(db: &Db, user: &User, but: &str, action: Action) -> Result<()> {
    let mut tx = db.write().await?;
    factor_delete_in_txn(&mut tx, user.id).await?;
    session_delete_of_user_in_txn(&mut tx, user.id, but).await?;
    record_in_txn(&mut tx, Act::new(action).on(user.id.0, &user.name)).await?;
    Ok(tx.commit().await?)
}

/// Takes a code from the phone, or a recovery code, each only once. False where it is neither.
pub(super) async fn take_code(door: Door<'_>, user: &User, code: &Secret, at: Timestamp) -> Result<bool> {
    let Some(stored) = factor_fetch(door.db, user.id).await? else { return Ok(false) };
    let Some(sealed) = &stored.sealed else { return Ok(false) };
    let secret = door.vault.open_sealed(&row_name(stored.id), sealed)?;
    if let Some(step) = totp::step_of_code(&secret, code.reveal(), at) {
        return Ok(factor_use_step(door.db, stored.id, step).await?);
    }
    // Looked for only where it can be one: a wrong code from the phone costs no write.
    if plain_recovery_code(code).len() != RECOVERY_LETTERS {
        return Ok(false);
    }
    let mut tx = door.db.write().await?;
    if !recovery_code_use_in_txn(&mut tx, user.id, &stored_recovery_code(code)).await? {
        return Ok(false);
    }
    let act = Act::new(action::RECOVERY_CODE).on(user.id.0, &user.name).known_as(&user.name);
    record_in_txn(&mut tx, act).await?;
    tx.commit().await?;
    Ok(true)
}

pub(super) fn wrong_code() -> UserError {
    let message = "This code is wrong, or was used already. Wait for the next one.".to_owned();
    UserError::in_fields(vec![FieldError { field: "code".into(), message }])
}

fn no_user(user: UserId) -> UserError {
    UserError::not_found(format!("user {user}"))
}

/// What waits and has not waited too long, with the time since when it does.
fn pending_of(vault: &Vault, stored: &StoredFactor, at: Timestamp) -> Result<Option<(Pending, Timestamp)>> {
    let (Some(sealed), Some(since)) = (&stored.pending_sealed, stored.pending_at) else { return Ok(None) };
    if at.since(since) > WAITS {
        return Ok(None);
    }
    let text = vault.open_sealed(&row_name(stored.id), sealed)?;
    let pending = serde_json::from_slice(&text).map_err(|_| Error::from(UserError::internal()))?;
    Ok(Some((pending, since)))
}

fn shown(pending: &Pending, name: &str) -> Option<PendingFactor> {
    Some(PendingFactor {
        secret: Secret::new(in_groups(&totp::base32(&pending.secret), " ")),
        qr_code: Secret::new(totp::qr_code(&pending.secret, name)?),
        recovery_codes: pending.codes.clone(),
    })
}

fn recovery_code() -> Secret {
    let mut bytes = [0_u8; RECOVERY_LETTERS * 5 / 8];
    rand::fill(&mut bytes);
    Secret::new(in_groups(&totp::base32(&bytes).to_lowercase(), "-"))
}

fn in_groups(text: &str, between: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(GROUP).map(String::from_iter).collect::<Vec<_>>().join(between)
}

/// However it was typed.
fn plain_recovery_code(code: &Secret) -> Zeroizing<String> {
    let plain = code.reveal().chars().filter(char::is_ascii_alphanumeric);
    Zeroizing::new(plain.map(|letter| letter.to_ascii_lowercase()).collect())
}

fn stored_recovery_code(code: &Secret) -> String {
    stored_form(&plain_recovery_code(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_is_the_same_however_it_is_typed() {
        let code = recovery_code();
        assert_eq!(code.reveal().len(), RECOVERY_LETTERS + 3, "four groups");
        let typed = Secret::new(format!(" {} ", code.reveal().to_uppercase().replace('-', " ")));
        assert_eq!(stored_recovery_code(&typed), stored_recovery_code(&code));
        assert_ne!(stored_recovery_code(&recovery_code()), stored_recovery_code(&code));
    }
}
