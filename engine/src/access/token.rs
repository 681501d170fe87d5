//! API tokens: shown once, stored hashed.

use std::time::Duration;

use etiqa_model::user::{ApiToken, FreshToken, Identity, Role};
use etiqa_model::{FieldError, Secret, TokenId, UserError};

use super::{random_secret, stored_form};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::store::token::{self as store, token_delete, token_fetch, token_insert, token_touch};
use crate::time::now;

/// Begins every token, so that scanners for leaked secrets can know one.
const PREFIX: &str = "etiqa_";
/// Last-used is written at most this often.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// Makes a token that works for `days`, or for ever.
pub async fn token_create(db: &Db, name: &str, role: Role, days: Option<u32>) -> Result<FreshToken> {
    let name = name.trim();
    let wrong = |message: &str| {
        UserError::in_fields(vec![FieldError { field: "name".into(), message: message.into() }])
    };
    if name.is_empty() || name.chars().count() > 100 {
        return Err(wrong("The token needs a name of at most 100 characters.").into());
    }
    let secret = format!("{PREFIX}{}", random_secret());
    let at = now();
    let expires_at = days.map(|days| at.plus(Duration::from_hours(u64::from(days) * 24)));
    let id = token_insert(db, name, role, &stored_form(&secret), expires_at, at).await.map_err(|error| {
        if error.is_unique_violation() {
            wrong("There is a token of this name already; choose another name.").into()
        } else {
            Error::from(error)
        }
    })?;
    let token = ApiToken { id, name: name.to_owned(), role, created_at: at, expires_at, last_used_at: None };
    Ok(FreshToken { token, secret: Secret::new(secret) })
}

/// Who a token belongs to; none when it is not one (any more).
pub async fn identify_token(db: &Db, secret: &str) -> Result<Option<Identity>> {
    if !secret.starts_with(PREFIX) {
        return Ok(None);
    }
    let at = now();
    let Some(token) = token_fetch(db, &stored_form(secret), at).await? else { return Ok(None) };
    if token.last_used_at.is_none_or(|last| at.since(last) > TOUCH_EVERY) {
        token_touch(db, token.id, at).await?;
    }
    Ok(Some(Identity { name: token.name, role: token.role, user_id: None }))
}

/// How many days a token is to work; an empty text means for ever.
pub fn token_days(text: &str) -> Result<Option<u32>> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(days @ 1..=3_650) => Ok(Some(days)),
            _ => {
                let message = "The days take a whole number from 1 to 3650, or nothing.".to_owned();
                Err(UserError::in_fields(vec![FieldError { field: "expires_days".into(), message }]).into())
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
    if token_delete(db, id).await? { Ok(()) } else { Err(UserError::not_found(format!("token {id}")).into()) }
}
