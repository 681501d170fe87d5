//! Signing in with a password, and knowing a browser again.

use std::time::Duration;

use etiqa_model::user::{Identity, check_user_name, is_endless};
use etiqa_model::{ErrorKind, Secret, Timestamp, UserError, UserId};

use super::{Throttle, password, random_secret, stored_form};
use crate::db::Db;
use crate::error::Result;
use crate::store::session::{
    session_delete, session_delete_expired_in_txn, session_fetch, session_insert_in_txn, session_touch,
};
use crate::store::user::{user_fetch_by_name, user_signed_in_in_txn};
use crate::time::now;

/// A session ends after so many days, used or not.
pub const SESSION_DAYS: u64 = 30;
/// A session that was not used for so long ends too.
const IDLE: Duration = Duration::from_hours(7 * 24);
/// Last-seen is written at most this often.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// A fresh session.
pub struct SignedIn {
    /// Goes into the cookie, and nowhere else.
    pub secret: Secret,
}

/// Checks name and password and begins a session. The answer does not tell an unknown name from a wrong password,
/// nor does the time it takes. `address` is where the request came from.
pub async fn sign_in(
    db: &Db,
    throttle: &Throttle,
    name: &str,
    password: &Secret,
    address: &str,
) -> Result<SignedIn> {
    let at = now();
    let wrong = || UserError::new(ErrorKind::Invalid, "User name or password is wrong.");
    // Nobody has such a name or password; neither may cost memory or time.
    if check_user_name(name).is_err() || is_endless(password) {
        return Err(wrong().into());
    }
    let attempt = throttle.begin(name.trim(), address, at)?;
    let user = user_fetch_by_name(db, name.trim()).await?;
    let (user, hash) = user.map(|user| (user.user, user.password_hash)).unzip();
    let fits = password::verify(password, hash).await?;
    let Some(user) = user.filter(|_| fits) else {
        tracing::warn!(address, "a sign-in was refused");
        return Err(wrong().into());
    };
    attempt.succeeded();
    begin_session(db, user.id, at).await
}

/// Begins a session for somebody who was just let in.
pub(super) async fn begin_session(db: &Db, user: UserId, at: Timestamp) -> Result<SignedIn> {
    let secret = random_secret();
    let mut tx = db.write().await?;
    session_delete_expired_in_txn(&mut tx, at).await?;
    let expires_at = at.plus(Duration::from_hours(SESSION_DAYS * 24));
    session_insert_in_txn(&mut tx, &stored_form(&secret), user, at, expires_at).await?;
    user_signed_in_in_txn(&mut tx, user, at).await?;
    tx.commit().await?;
    Ok(SignedIn { secret: Secret::new(secret) })
}

/// Who a session's secret belongs to; none when it is not one (any more).
pub async fn identify_session(db: &Db, secret: &str) -> Result<Option<Identity>> {
    let at = now();
    let hash = stored_form(secret);
    let Some(session) = session_fetch(db, &hash, at).await? else { return Ok(None) };
    let idle = at.since(session.last_seen_at);
    if idle > IDLE {
        session_delete(db, &hash).await?;
        return Ok(None);
    }
    if idle > TOUCH_EVERY {
        session_touch(db, &hash, at).await?;
    }
    let user = session.user;
    Ok(Some(Identity { name: user.name, role: user.role, scope: user.scope, user_id: Some(user.id) }))
}

/// Ends a session.
pub async fn sign_out(db: &Db, secret: &str) -> Result<()> {
    Ok(session_delete(db, &stored_form(secret)).await?)
}
