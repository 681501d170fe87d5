//! `/api/v1/tokens`: tokens of programs, such as the one that asks.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, access};
use etiqa_model::event::Topic;
use etiqa_model::user::{ApiToken, Role};
use etiqa_model::{Secret, Timestamp, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, created, etag, item, limit, nothing, shown};
use super::ask::{Ask, Edits, missing};
use super::cursor::after;
use super::users::{ListQuery, lines_of, reach};
use super::words::RoleName;

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit, revoke))
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenNew {
    /// Unique, 100 characters at most.
    name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// `site:vienna` or `tag:core`, each; empty: all devices. An admin's has none.
    #[serde(default)]
    scope: Vec<String>,
    /// How many days it works, 1 to 3,650; null: for ever.
    #[serde(default)]
    expires_days: Option<u32>,
}

/// What may be changed of a token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenWrite {
    /// Unique, 100 characters at most.
    name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// `site:vienna` or `tag:core`, each; empty: all devices.
    #[serde(default)]
    scope: Vec<String>,
    /// The last day (UTC) on which it works; null: for ever.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    expires_on: Option<String>,
}

impl TokenWrite {
    fn of(token: &ApiToken) -> Self {
        Self {
            name: token.name.clone(),
            role: token.role,
            scope: lines_of(&token.scope),
            expires_on: token.expires_at.map(|at| at.to_utc().format("%Y-%m-%d").to_string()),
        }
    }
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct TokenItem {
    id: i64,
    name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// The devices that its holder sees; empty: all.
    scope: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it stops working; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

/// A token with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct TokenFresh {
    #[serde(flatten)]
    token: TokenItem,
    /// What goes behind `Authorization: Bearer`.
    #[schema(value_type = String)]
    secret: Secret,
}

impl From<ApiToken> for TokenItem {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.0,
            name: token.name,
            role: token.role,
            scope: lines_of(&token.scope),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// Tokens, by name
///
/// Needs the role admin.
#[utoipa::path(get, path = "/api/v1/tokens", operation_id = "token_list", tag = "tokens", params(ListQuery),
    responses((status = 200, description = "A part of the list.", body = Part<TokenItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let query: ListQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<String>(query.cursor.as_deref())?);
    let all = access::token_list(&context.engine.db).await?;
    let part = Part::of_all(all, last.as_ref(), limit, |token| token.name.clone());
    Ok(shown(&part.map(TokenItem::from)))
}

/// Make a token
///
/// Needs the role admin. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "token_create", tag = "tokens", request_body = TokenNew,
    responses((status = 201, description = "It was made.", body = TokenFresh)))]
async fn create(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let new: TokenNew = ask.json()?;
    let days = new.expires_days.map(|days| days.to_string()).unwrap_or_default();
    let (reach, days) = (reach(new.role, &new.scope)?, access::token_days(&days)?);
    let made = access::token_create(&context.engine.db, &new.name, reach, days).await?;
    context.engine.events.send(Topic::Admin, None);
    let (id, tag) = (made.token.id, etag(&TokenWrite::of(&made.token))?);
    let fresh = TokenFresh { token: made.token.into(), secret: made.secret };
    Ok(created(format!("/api/v1/tokens/{id}"), &fresh, &tag))
}

/// One token
///
/// Needs the role admin.
#[utoipa::path(get, path = "/api/v1/tokens/{id}", operation_id = "token_show", tag = "tokens",
    params(("id" = i64, Path, description = "The token's number.")),
    responses((status = 200, description = "The token.", body = TokenItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("token", &id), |_| About::Everything).await?;
    let token = find(&context.engine, id).await?;
    let tag = etag(&TokenWrite::of(&token))?;
    Ok(item(&TokenItem::from(token), &tag))
}

/// Change a token
///
/// Needs the role admin. A merge patch. Its secret stays.
#[utoipa::path(patch, path = "/api/v1/tokens/{id}", operation_id = "token_edit", tag = "tokens",
    params(("id" = i64, Path, description = "The token's number.")), request_body = TokenWrite,
    responses((status = 200, description = "The token as it is now.", body = TokenItem)))]
async fn edit(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("token", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    let known = TokenWrite::of(&find(&context.engine, id).await?);
    ask.must_match(&etag(&known)?)?;
    let changed = ask.patched(&known)?;
    let (reach, day) = (reach(changed.role, &changed.scope)?, changed.expires_on.unwrap_or_default());
    access::token_change(&context.engine.db, id, &changed.name, &reach, &day).await?;
    context.engine.events.send(Topic::Admin, None);
    let token = find(&context.engine, id).await?;
    let tag = etag(&TokenWrite::of(&token))?;
    Ok(item(&TokenItem::from(token), &tag))
}

/// Revoke a token
///
/// Needs the role admin. It is of no use at once.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "token_revoke", tag = "tokens",
    params(("id" = i64, Path, description = "The token's number.")),
    responses((status = 204, description = "It is gone.")))]
async fn revoke(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("token", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    ask.may_match(&etag(&TokenWrite::of(&find(&context.engine, id).await?))?)?;
    access::token_revoke(&context.engine.db, id).await?;
    context.engine.events.send(Topic::Admin, None);
    Ok(nothing())
}

async fn find(engine: &Engine, id: TokenId) -> Result<ApiToken, etiqa_engine::Error> {
    let all = access::token_list(&engine.db).await?;
    Ok(all.into_iter().find(|token| token.id == id).ok_or_else(|| missing("token", id))?)
}
