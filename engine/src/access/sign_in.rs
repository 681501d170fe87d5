//! Signing in with a password and, where a person has set that up, a code.

use std::time::Duration;

use etiqa_model::user::{User, check_user_name, is_endless};
use etiqa_model::{ErrorKind, Secret, Timestamp, UserError, UserId};
use serde::{Deserialize, Serialize};

use super::password::{self, Line};
use super::visitor::{device_cookie, opened, sealed};
use super::{Door, Visitor, random_secret, second_factor, stored_form};
use crate::audit::{Act, action, record, record_in_txn, refused_once};
use crate::error::{Error, Result};
use crate::store::identity::{
    PASSWORD, identity_fetch, identity_fetch_of_user, identity_is_proved_by_in_txn, identity_replace_secret,
};
use crate::store::second_factor::factor_fetch_since_in_txn;
use crate::store::session::{
    NewSession, session_delete_expired_in_txn, session_delete_in_txn, session_insert_in_txn,
};
use crate::store::user::user_signed_in_in_txn;
use crate::time::now;

/// How long after the password the code may come, in minutes.
pub const TICKET_MINUTES: u64 = 5;
/// What tickets are sealed for.
const TICKET: &str = "sign-in ticket";

/// A fresh session.
pub struct SignedIn {
    /// Goes into the cookie, and nowhere else.
    pub secret: Secret,
    /// How long it lasts at most.
    pub lasts: Duration,
    /// The device cookie of this browser from now on.
    pub device: Secret,
}

/// What comes of the right password.
pub enum Entry {
    /// The person is in.
    In(SignedIn),
    /// A code is missing. This says that the password was right, to [`confirm_sign_in`] and nobody else.
    NeedsCode(Secret),
}

/// That somebody knew the password.
#[derive(Serialize, Deserialize)]
struct Ticket {
    user: UserId,
    until: Timestamp,
    /// The hash of the password's hash: another password makes a ticket void.
    password: String,
}

/// Checks name and password. The answer does not tell an unknown name from a wrong password, nor does the time it takes.
pub async fn sign_in(door: Door<'_>, name: &str, password: &Secret, visitor: &Visitor) -> Result<Entry> {
    let at = now();
    let wrong = || UserError::new(ErrorKind::Invalid, "User name or password is wrong.");
    // Nobody has such a name or password; neither may cost memory or time.
    if check_user_name(name).is_err() || is_endless(password) {
        refused_once(door.db, action::SIGN_IN, "", "Nobody has such a name or password.").await?;
        return Err(wrong().into());
    }
    let name = name.trim().to_lowercase();
    let device = visitor.device_of(door.vault, &name);
    let attempt = match door.throttle.begin_as(&name, device.as_deref(), &visitor.address, at) {
        Ok(attempt) => attempt,
        Err(wait) => return locked_out(door, wait).await,
    };
    let line = if device.is_some() { Line::Known } else { Line::Stranger };
    let found = identity_fetch(door.db, PASSWORD, &name).await?;
    let hash = found.as_ref().and_then(|identity| identity.secret.clone());
    let known = found.as_ref().map(|identity| (identity.user.id, identity.user.name.clone()));
    let fits = match password::verify(password, hash.clone(), line).await {
        Err(Error::User(busy)) => {
            attempt.not_made();
            return locked_out(door, busy).await;
        }
        fits => fits?,
    };
    let (Some(identity), Some(hash)) = (found.filter(|_| fits), hash) else {
        tracing::warn!(address = visitor.address, "a sign-in was refused");
        // A name that nobody has may be a password in the wrong field.
        let act = Act::new(action::SIGN_IN);
        let act = match &known {
            Some((id, name)) => act.on(id.0, name).known_as(name).refused("The password is wrong."),
            None => act.refused("Nobody has this name."),
        };
        record(door.db, act).await?;
        return Err(wrong().into());
    };
    attempt.succeeded();
    let hash =
        if password::is_outdated(&hash) { rehash(door, identity.id, hash, password).await? } else { hash };
    if identity.user.second_factor_since.is_none() {
        let proof = Proof { user: &identity.user, provider: PASSWORD, secret: &hash };
        return Ok(Entry::In(begin_session(door, &proof, visitor, at).await?));
    }
    let until = at.plus(Duration::from_mins(TICKET_MINUTES));
    let ticket = Ticket { user: identity.user.id, until, password: stored_form(&hash) };
    let text = serde_json::to_string(&ticket).map_err(|_| UserError::internal())?;
    Ok(Entry::NeedsCode(sealed(door.vault, TICKET, &text)?))
}

/// Checks the code of somebody whose password was right a moment ago, and begins a session.
pub async fn confirm_sign_in(
    door: Door<'_>,
    ticket: &Secret,
    code: &Secret,
    visitor: &Visitor,
) -> Result<SignedIn> {
    let at = now();
    let over = || {
        let message = format!(
            "This took longer than {TICKET_MINUTES} minutes, or the password was changed. Begin again."
        );
        UserError::new(ErrorKind::Invalid, message)
    };
    let ticket = opened(door.vault, TICKET, ticket).ok_or_else(over)?;
    let ticket: Ticket = serde_json::from_str(&ticket).map_err(|_| over())?;
    let identity = identity_fetch_of_user(door.db, ticket.user, PASSWORD).await?.ok_or_else(over)?;
    let user = identity.user;
    let hash = identity.secret.filter(|hash| stored_form(hash) == ticket.password).ok_or_else(over)?;
    if at > ticket.until {
        return Err(over().into());
    }
    let name = user.name.to_lowercase();
    let device = visitor.device_of(door.vault, &name);
    // No user has such a name: it has spaces in it.
    let counted = format!("code of {name}");
    let attempt = match door.throttle.begin_as(&counted, device.as_deref(), &visitor.address, at) {
        Ok(attempt) => attempt,
        Err(wait) => return locked_out(door, wait).await,
    };
    // Reset meanwhile by an admin, it is not asked for any more.
    let is_right =
        user.second_factor_since.is_none() || second_factor::take_code(door, &user, code, at).await?;
    if !is_right {
        tracing::warn!(address = visitor.address, "a sign-in was refused: its code was wrong");
        let act = Act::new(action::SIGN_IN).on(user.id.0, &user.name).known_as(&user.name);
        record(door.db, act.refused("The code is wrong.")).await?;
        return Err(second_factor::wrong_code().into());
    }
    attempt.succeeded();
    begin_session(door, &Proof { user: &user, provider: PASSWORD, secret: &hash }, visitor, at).await
}

/// Who was just let in, and by what.
pub(super) struct Proof<'a> {
    /// As they were when it was looked whether they may come in.
    pub(super) user: &'a User,
    pub(super) provider: &'a str,
    /// What the provider's identity was proved by, as it is stored.
    pub(super) secret: &'a str,
}

/// Begins a session for somebody who was just let in; the one that the browser had ends. Refused where the password or the
/// second factor was changed since it was looked at, for then sessions that were there ended.
pub(super) async fn begin_session(
    door: Door<'_>,
    Proof { user, provider, secret: proved_by }: &Proof<'_>,
    visitor: &Visitor,
    at: Timestamp,
) -> Result<SignedIn> {
    let secret = random_secret();
    let rules = door.seen.rules();
    let device = device_cookie(door.vault, &user.name.to_lowercase())?;
    let session = NewSession {
        token_sha256: &stored_form(&secret),
        user: user.id,
        provider,
        browser: &visitor.browser,
        address: &visitor.address,
        expires_at: at.plus(rules.lasts),
    };
    let mut tx = door.db.write().await?;
    // The first, for it locks the person: whoever changes how they sign in ends their sessions after this one began, or
    // before it is looked at here.
    user_signed_in_in_txn(&mut tx, user.id, at).await?;
    let is_as_it_was = identity_is_proved_by_in_txn(&mut tx, user.id, provider, proved_by).await?
        && factor_fetch_since_in_txn(&mut tx, user.id).await? == user.second_factor_since;
    if !is_as_it_was {
        let message = "How you sign in was changed at this very moment. Sign in again.";
        return Err(UserError::new(ErrorKind::Invalid, message).into());
    }
    session_delete_expired_in_txn(&mut tx, at, at.minus(rules.idle)).await?;
    if let Some(before) = &visitor.session {
        session_delete_in_txn(&mut tx, &stored_form(before.reveal())).await?;
    }
    session_insert_in_txn(&mut tx, &session, at).await?;
    record_in_txn(&mut tx, Act::new(action::SIGN_IN).on(user.id.0, &user.name).known_as(&user.name)).await?;
    tx.commit().await?;
    Ok(SignedIn { secret: Secret::new(secret), lasts: rules.lasts, device })
}

/// Refuses somebody who has to wait.
async fn locked_out<T>(door: Door<'_>, wait: UserError) -> Result<T> {
    refused_once(door.db, action::SIGN_IN, "", &wait.message).await?;
    Err(wait.into())
}

/// Stores a password anew by the figures of now, and gives what is stored since. Not done where the password is changed at
/// the same time.
async fn rehash(door: Door<'_>, identity: i64, before: String, password: &Secret) -> Result<String> {
    let hash = password::hash(password).await?;
    if identity_replace_secret(door.db, identity, &before, &hash).await? {
        tracing::info!("the hash of a password was brought up to date");
        Ok(hash)
    } else {
        Ok(before)
    }
}
