//! `/api/v1/users`: people who sign in.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, access};
use etiqa_model::event::Topic;
use etiqa_model::scope::Scope;
use etiqa_model::user::{Reach, Role, User};
use etiqa_model::{FieldError, Secret, Timestamp, UserError, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, created, etag, item, limit, nothing, shown};
use super::ask::{Ask, Edits, missing};
use super::cursor::after;
use super::words::RoleName;

static EDITS: Edits = Edits::new();

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit, remove))
}

/// Where a list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// How many at most, 1 to 500; 100 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u32>,
    /// `next` of the part before.
    pub(super) cursor: Option<String>,
}

/// Somebody who is to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserNew {
    /// 1 to 60 characters without spaces.
    name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// `site:vienna` or `tag:core`, each; empty: all devices. An admin has none.
    #[serde(default)]
    scope: Vec<String>,
    /// At least 10 characters.
    #[schema(value_type = String, format = Password, write_only)]
    password: Secret,
}

/// What may be changed of a user.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserWrite {
    #[schema(value_type = RoleName)]
    role: Role,
    /// `site:vienna` or `tag:core`, each; empty: all devices.
    #[serde(default)]
    scope: Vec<String>,
    /// A new one; left out: it stays.
    #[serde(default)]
    #[schema(value_type = String, format = Password, write_only)]
    password: Secret,
}

impl UserWrite {
    fn of(user: &User) -> Self {
        Self { role: user.role, scope: lines_of(&user.scope), password: Secret::default() }
    }
}

/// Somebody who can sign in.
#[derive(Debug, Serialize, ToSchema)]
struct UserItem {
    id: i64,
    name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// The devices that they see; empty: all.
    scope: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_sign_in_at: Option<Timestamp>,
    /// Whether they are asked for a code as well.
    has_second_factor: bool,
}

impl From<User> for UserItem {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0,
            name: user.name,
            role: user.role,
            scope: lines_of(&user.scope),
            created_at: user.created_at,
            last_sign_in_at: user.last_sign_in_at,
            has_second_factor: user.second_factor_since.is_some(),
        }
    }
}

/// Users, by name
///
/// Needs the role admin.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "user_list", tag = "users", params(ListQuery),
    responses((status = 200, description = "A part of the list.", body = Part<UserItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let query: ListQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<String>(query.cursor.as_deref())?);
    let mut all = access::user_list(&context.engine.db).await?;
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let part = Part::of_all(all, last.as_ref(), limit, |user| user.name.clone());
    Ok(shown(&part.map(UserItem::from)))
}

/// Add a user
///
/// Needs the role admin.
#[utoipa::path(post, path = "/api/v1/users", operation_id = "user_create", tag = "users", request_body = UserNew,
    responses((status = 201, description = "They were added.", body = UserItem)))]
async fn create(ask: Ask) -> Answered {
    let context = ask.require(Role::Admin, About::Everything).await?;
    let new: UserNew = ask.json()?;
    let reach = reach(new.role, &new.scope)?;
    let id = access::user_add(&context.engine.db, &new.name, reach, &new.password).await?;
    context.engine.events.send(Topic::Admin, None);
    let user = find(&context.engine, id).await?;
    let tag = tag(&context.engine, &user).await?;
    Ok(created(format!("/api/v1/users/{id}"), &UserItem::from(user), &tag))
}

/// One user
///
/// Needs the role admin.
#[utoipa::path(get, path = "/api/v1/users/{id}", operation_id = "user_show", tag = "users",
    params(("id" = i64, Path, description = "The user's number.")),
    responses((status = 200, description = "The user.", body = UserItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("user", &id), |_| About::Everything).await?;
    let user = find(&context.engine, id).await?;
    let tag = tag(&context.engine, &user).await?;
    Ok(item(&UserItem::from(user), &tag))
}

/// Change a user
///
/// Needs the role admin. A merge patch. Their sessions end. The last admin stays one.
#[utoipa::path(patch, path = "/api/v1/users/{id}", operation_id = "user_edit", tag = "users",
    params(("id" = i64, Path, description = "The user's number.")), request_body = UserWrite,
    responses((status = 200, description = "The user as they are now.", body = UserItem)))]
async fn edit(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("user", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    let known = find(&context.engine, id).await?;
    ask.must_match(&tag(&context.engine, &known).await?)?;
    let changed = ask.patched(&UserWrite::of(&known))?;
    let reach = reach(changed.role, &changed.scope)?;
    access::user_change(&context.engine.db, id, reach, &changed.password).await?;
    context.engine.events.send(Topic::Admin, None);
    let user = find(&context.engine, id).await?;
    let tag = tag(&context.engine, &user).await?;
    Ok(item(&UserItem::from(user), &tag))
}

/// Remove a user
///
/// Needs the role admin. The last admin stays.
#[utoipa::path(delete, path = "/api/v1/users/{id}", operation_id = "user_remove", tag = "users",
    params(("id" = i64, Path, description = "The user's number.")),
    responses((status = 204, description = "They are gone.")))]
async fn remove(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Admin, ("user", &id), |_| About::Everything).await?;
    let _turn = EDITS.turn().await;
    let known = find(&context.engine, id).await?;
    ask.may_match(&tag(&context.engine, &known).await?)?;
    access::user_remove(&context.engine.db, id).await?;
    context.engine.events.send(Topic::Admin, None);
    Ok(nothing())
}

async fn find(engine: &Engine, id: UserId) -> Result<User, etiqa_engine::Error> {
    let all = access::user_list(&engine.db).await?;
    Ok(all.into_iter().find(|user| user.id == id).ok_or_else(|| missing("user", id))?)
}

/// A new password changes it, too, and cannot be told from it.
async fn tag(engine: &Engine, user: &User) -> Result<String, etiqa_engine::Error> {
    Ok(etag(&(UserWrite::of(user), access::user_revision(engine, user.id).await?))?)
}

/// The lines of a scope.
pub(super) fn lines_of(scope: &Scope) -> Vec<String> {
    scope.to_string().lines().map(str::to_owned).collect()
}

/// What somebody of this role with these lines of a scope may do.
pub(super) fn reach(role: Role, scope: &[String]) -> Result<Reach, UserError> {
    let reach = Scope::parse(&scope.join("\n")).and_then(|scope| Reach::new(role, scope));
    reach.map_err(|message| UserError::in_fields(vec![FieldError { field: "scope".into(), message }]))
}
