//! API tokens: shown once, stored hashed.

use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};
use etiqa_model::user::{ApiToken, FreshToken, Identity, Reach};
use etiqa_model::{FieldError, Secret, Timestamp, TokenId, UserError};
use serde_json::json;

use super::{Door, random_secret, stored_form};
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::db::{Db, DbError};
use crate::error::{Error, Result};
use crate::store::token::{
    self as store, token_delete_in_txn, token_fetch, token_fetch_by_id_in_txn, token_insert_in_txn,
    token_update_in_txn,
};
use crate::time::now;

/// Begins every token, so that scanners for leaked secrets can know one.
const PREFIX: &str = "etiqa_";
/// A token that is not for ever works at most so many days from now.
const MOST_DAYS: u32 = 3_650;

/// Makes a token that works for `days`, or for ever.
pub async fn token_create(
    db: &Db,
    name: &str,
    reach: impl Into<Reach>,
    days: Option<u32>,
) -> Result<FreshToken> {
    let (name, reach) = (checked_name(name)?, reach.into());
    let secret = format!("{PREFIX}{}", random_secret());
    let at = now();
    let expires_at = days.map(|days| at.plus(Duration::from_hours(u64::from(days) * 24)));
    let mut tx = db.write().await?;
    let id = token_insert_in_txn(&mut tx, name, &reach, &stored_form(&secret), expires_at, at)
        .await
        .map_err(taken)?;
    let told = json!({
        "name": name, "role": reach.role(), "scope": reach.scope(), "expires_at": expires_at,
    });
    let act = Act::new(action::TOKEN_CREATE).on(id.0, name).changing(Changes::of_new(&told));
    record_in_txn(&mut tx, act).await?;
    tx.commit().await?;
    let token = ApiToken {
        id,
        name: name.to_owned(),
        role: reach.role(),
        scope: reach.scope().clone(),
        created_at: at,
        expires_at,
        last_used_at: None,
    };
    Ok(FreshToken { token, secret: Secret::new(secret) })
}

/// Changes a token's name, role, scope and last day; its secret stays. `expires_on` is the last day on which it works, by UTC, as
/// `2026-12-31`, or empty: for ever. Gives the token as it was.
pub async fn token_change(
    db: &Db,
    id: TokenId,
    name: &str,
    reach: &Reach,
    expires_on: &str,
) -> Result<ApiToken> {
    let name = checked_name(name)?;
    let gone = || UserError::not_found(format!("token {id}"));
    let mut tx = db.write().await?;
    let before = token_fetch_by_id_in_txn(&mut tx, id).await?.ok_or_else(gone)?;
    let expires_at = end_of(expires_on.trim(), before.expires_at)?;
    if !token_update_in_txn(&mut tx, id, name, reach, expires_at).await.map_err(taken)? {
        return Err(gone().into());
    }
    let told = json!({
        "name": name, "role": reach.role(), "scope": reach.scope(), "expires_at": expires_at,
    });
    let changes = Changes::between(&before, &told);
    record_in_txn(&mut tx, Act::new(action::TOKEN_CHANGE).on(id.0, &before.name).changing(changes)).await?;
    tx.commit().await?;
    Ok(before)
}

/// The end of a day; none of an empty text. A token that ends on that day anyway ends when it did.
fn end_of(day: &str, before: Option<Timestamp>) -> Result<Option<Timestamp>, UserError> {
    if day.is_empty() {
        return Ok(None);
    }
    let date = NaiveDate::parse_from_str(day, "%Y-%m-%d")
        .map_err(|_| wrong("expires_on", "The day is written as 2026-12-31, or left empty."))?;
    if let Some(before) = before.filter(|before| before.to_utc().date_naive() == date) {
        return Ok(Some(before));
    }
    let begins = Timestamp::from(date.and_time(NaiveTime::MIN).and_utc());
    let end = begins.plus(Duration::from_hours(24)).minus(Duration::from_millis(1));
    let at = now();
    if end < at {
        return Err(wrong("expires_on", "This day is over; remove the token instead."));
    }
    if begins > at.plus(Duration::from_hours(u64::from(MOST_DAYS) * 24)) {
        return Err(wrong("expires_on", "This is more than ten years away; leave it empty for ever."));
    }
    Ok(Some(end))
}

fn checked_name(name: &str) -> Result<&str, UserError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(wrong("name", "The token needs a name of at most 100 characters."));
    }
    Ok(name)
}

fn taken(error: DbError) -> Error {
    if error.is_unique_violation() {
        wrong("name", "There is a token of this name already; choose another name.").into()
    } else {
        error.into()
    }
}

fn wrong(field: &str, message: &str) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message: message.to_owned() }])
}

/// Who a token belongs to; none when it is not one (any more). It counts as used.
pub async fn identify_token(door: Door<'_>, secret: &str) -> Result<Option<Identity>> {
    if !secret.starts_with(PREFIX) {
        return Ok(None);
    }
    let at = now();
    let Some(token) = token_fetch(door.db, &stored_form(secret), at).await? else { return Ok(None) };
    door.seen.see_token(token.id, at);
    Ok(Some(Identity {
        name: token.name,
        role: token.role,
        scope: token.scope,
        user_id: None,
        token_id: Some(token.id),
        needs_second_factor: false,
    }))
}

/// How many days a token is to work; an empty text means for ever.
pub fn token_days(text: &str) -> Result<Option<u32>> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(days @ 1..=MOST_DAYS) => Ok(Some(days)),
            _ => {
                let message = "The days take a whole number from 1 to 3650, or nothing.";
                Err(wrong("expires_days", message).into())
            }
        },
    }
}

/// Every token, by name.
pub async fn token_list(db: &Db) -> Result<Vec<ApiToken>> {
    Ok(store::token_list(db).await?)
}

/// The token of this name.
pub async fn token_find(db: &Db, name: &str) -> Result<ApiToken> {
    let found = token_list(db).await?.into_iter().find(|token| token.name == name);
    Ok(found.ok_or_else(|| UserError::not_found(format!("token named {name}")))?)
}

/// Makes a token useless at once.
pub async fn token_revoke(db: &Db, id: TokenId) -> Result<()> {
    let mut tx = db.write().await?;
    let known = token_fetch_by_id_in_txn(&mut tx, id).await?;
    let (true, Some(known)) = (token_delete_in_txn(&mut tx, id).await?, known) else {
        return Err(UserError::not_found(format!("token {id}")).into());
    };
    let changes = Changes::of_removed(&json!({ "role": known.role }));
    record_in_txn(&mut tx, Act::new(action::TOKEN_REVOKE).on(id.0, &known.name).changing(changes)).await?;
    Ok(tx.commit().await?)
}
