//! Sessions after they have begun: knowing a browser again, listing them, ending them.

use etiqa_model::user::{BrowserSession, Identity};
use etiqa_model::{UserError, UserId};

use super::{Door, stored_form};
use crate::audit::{Act, action, record, record_in_txn};
use crate::db::Db;
use crate::error::Result;
use crate::store::session::{
    Session, session_delete, session_delete_by_name_in_txn, session_delete_of_user_in_txn, session_fetch,
    session_list as stored_list, session_name,
};
use crate::store::user::user_fetch;
use crate::time::now;

/// Who a session's secret belongs to; none when it is not one (any more). It counts as used.
pub async fn identify_session(door: Door<'_>, secret: &str) -> Result<Option<Identity>> {
    let hash = stored_form(secret);
    let Some(session) = live(door, &hash).await? else { return Ok(None) };
    door.seen.see_session(hash, now());
    let user = session.user;
    let needs_second_factor =
        user.second_factor_since.is_none() && door.seen.rules().needs_second_factor(user.role);
    Ok(Some(Identity {
        name: user.name,
        role: user.role,
        scope: user.scope,
        user_id: Some(user.id),
        token_id: None,
        needs_second_factor,
    }))
}

/// Whether a session's secret is one (still). It does not count as used.
pub async fn is_session(door: Door<'_>, secret: &str) -> Result<bool> {
    Ok(live(door, &stored_form(secret)).await?.is_some())
}

/// The session of this hash, unless it is over. One that is over only by the rules of now is removed.
async fn live(door: Door<'_>, hash: &str) -> Result<Option<Session>> {
    let at = now();
    let Some(session) = session_fetch(door.db, hash, at).await? else { return Ok(None) };
    let rules = door.seen.rules();
    let seen_at = door.seen.session(hash, session.last_seen_at);
    if at.since(seen_at) > rules.idle || at.since(session.created_at) > rules.lasts {
        session_delete(door.db, hash).await?;
        return Ok(None);
    }
    Ok(Some(session))
}

/// Where somebody is signed in, the browser that was used last first. `own` is the secret of the session that asks.
pub async fn session_list(door: Door<'_>, user: UserId, own: Option<&str>) -> Result<Vec<BrowserSession>> {
    let (at, rules, own) = (now(), door.seen.rules(), own.map(stored_form));
    let listed = stored_list(door.db, user, at).await?.into_iter().filter_map(|session| {
        let last_seen_at = door.seen.session(&session.token_sha256, session.last_seen_at);
        let is_over = at.since(last_seen_at) > rules.idle || at.since(session.created_at) > rules.lasts;
        (!is_over).then(|| BrowserSession {
            name: session_name(&session.token_sha256),
            browser: session.browser,
            address: session.address,
            since: session.created_at,
            last_seen_at,
            is_this: own.as_ref() == Some(&session.token_sha256),
        })
    });
    Ok(listed.collect())
}

/// Ends the session of a user that its list names so.
pub async fn end_session(db: &Db, user: UserId, name: &str) -> Result<()> {
    let known = user_fetch(db, user).await?.ok_or_else(|| UserError::not_found(format!("user {user}")))?;
    let mut tx = db.write().await?;
    if !session_delete_by_name_in_txn(&mut tx, user, name).await? {
        return Err(UserError::not_found("session of this name").into());
    }
    record_in_txn(&mut tx, Act::new(action::SESSION_END).on(user.0, &known.name)).await?;
    Ok(tx.commit().await?)
}

/// Ends all sessions of a user but this one.
pub async fn end_other_sessions(db: &Db, user: UserId, secret: &str) -> Result<()> {
    let known = user_fetch(db, user).await?.ok_or_else(|| UserError::not_found(format!("user {user}")))?;
    let mut tx = db.write().await?;
    session_delete_of_user_in_txn(&mut tx, user, &stored_form(secret)).await?;
    record_in_txn(&mut tx, Act::new(action::SESSION_END_OTHERS).on(user.0, &known.name)).await?;
    Ok(tx.commit().await?)
}

/// Ends a session.
pub async fn sign_out(db: &Db, secret: &str) -> Result<()> {
    session_delete(db, &stored_form(secret)).await?;
    Ok(record(db, Act::new(action::SIGN_OUT)).await?)
}
