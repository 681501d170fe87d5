//! Users, tokens, credentials, jump hosts, drivers, config versions and settings. Operators see the jump hosts and
//! everybody the drivers, each the sections that they may go to; all else is for admins only.

use etiqa_model::admin::{
    AdminSection, DriverRow, DriverText, JumpHost, JumpHostInput, Settings, SettingsInput,
};
use etiqa_model::config::ConfigVersionRow;
use etiqa_model::credential::{Credential, CredentialInput, NewSecrets};
use etiqa_model::page::{Page, Paged};
use etiqa_model::user::{ApiToken, BrowserSession, FreshToken, Role, User};
use etiqa_model::{CredentialId, JumpHostId, Secret, TokenId, UserId};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context,
    super::sections::sections,
    etiqa_engine::access::{self, About},
    etiqa_engine::history::read,
    etiqa_engine::{admin, drivers, fleet, jump_hosts},
    etiqa_model::event::Topic,
    etiqa_model::scope::Scope,
    etiqa_model::user::Reach,
    etiqa_model::{FieldError, UserError},
};

/// The sections of the admin's pages that the caller may go to, with what is in each and what needs a hand.
#[server(endpoint = "list_admin_sections")]
pub async fn list_admin_sections() -> Result<Vec<AdminSection>, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    let counts = admin::counts(&context.engine, &context.reach).await?;
    Ok(sections(&counts, &context.reach))
}

/// Everybody who can sign in, by name.
#[server(endpoint = "list_users")]
pub async fn list_users() -> Result<Vec<User>, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(access::user_list(&context.engine.db).await?)
}

/// Adds a user. `role` is a role's name, `scope` has a line each of `site:vienna` or `tag:core`; empty: all devices.
#[server(endpoint = "add_user")]
pub async fn add_user(
    name: String,
    role: String,
    #[server(default)] scope: String,
    password: Secret,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let reach = reach(named_role(&role)?, &scope)?;
    access::user_add(&context.engine.db, &name, reach, &password).await?;
    changed(&context);
    Ok(())
}

/// Changes a user's role and scope, and their password where one is given; their sessions end.
#[server(endpoint = "change_user")]
pub async fn change_user(
    id: UserId,
    role: Role,
    #[server(default)] scope: String,
    #[server(default)] password: Secret,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    access::user_change(&context.engine.db, id, reach(role, &scope)?, &password).await?;
    changed(&context);
    leptos_axum::redirect("/admin/users");
    Ok(())
}

/// Removes a user; the last admin stays.
#[server(endpoint = "remove_user")]
pub async fn remove_user(id: UserId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    access::user_remove(&context.engine.db, id).await?;
    changed(&context);
    Ok(())
}

/// The browsers in which somebody is signed in.
#[server(endpoint = "list_user_sessions")]
pub async fn list_user_sessions(id: UserId) -> Result<Vec<BrowserSession>, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let own = context.caller.session.as_ref().map(Secret::reveal);
    Ok(access::session_list(context.engine.door(), id, own).await?)
}

/// Signs one of somebody's browsers out. `name` is as in the list of them.
#[server(endpoint = "end_user_session")]
pub async fn end_user_session(id: UserId, name: String) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    access::end_session(&context.engine.db, id, &name).await?;
    changed(&context);
    Ok(())
}

/// Forgets somebody's second factor, where their phone is lost; their sessions end.
#[server(endpoint = "reset_second_factor")]
pub async fn reset_second_factor(id: UserId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    access::second_factor_reset(&context.engine.db, id).await?;
    changed(&context);
    Ok(())
}

/// Every API token, by name.
#[server(endpoint = "list_tokens")]
pub async fn list_tokens() -> Result<Vec<ApiToken>, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(access::token_list(&context.engine.db).await?)
}

/// Makes a token; its secret is in the answer and nowhere else. `expires_days` empty: never.
#[server(endpoint = "create_token")]
pub async fn create_token(
    name: String,
    role: String,
    #[server(default)] scope: String,
    #[server(default)] expires_days: String,
) -> Result<FreshToken, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let reach = reach(named_role(&role)?, &scope)?;
    let days = access::token_days(&expires_days)?;
    let token = access::token_create(&context.engine.db, &name, reach, days).await?;
    changed(&context);
    Ok(token)
}

/// Changes a token's name, role, scope and last day (by UTC, `2026-12-31`; empty: for ever). Its secret stays.
#[server(endpoint = "change_token")]
pub async fn change_token(
    id: TokenId,
    name: String,
    role: Role,
    #[server(default)] scope: String,
    #[server(default)] expires_on: String,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let reach = reach(role, &scope)?;
    let before = access::token_change(&context.engine.db, id, &name, &reach, &expires_on).await?;
    tracing::info!(
        token = %id, by = %context.identity.name, name_before = %before.name, role_before = %before.role,
        scope_before = %before.scope.words(), %name, %role, scope = %reach.scope().words(),
        "token {id} was changed"
    );
    changed(&context);
    leptos_axum::redirect("/admin/tokens");
    Ok(())
}

/// Makes a token useless at once.
#[server(endpoint = "revoke_token")]
pub async fn revoke_token(id: TokenId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    access::token_revoke(&context.engine.db, id).await?;
    changed(&context);
    Ok(())
}

/// Every credential, without its secrets, by name.
#[server(endpoint = "list_credentials")]
pub async fn list_credentials() -> Result<Vec<Credential>, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(fleet::credential_list_for_page(&context.engine).await?)
}

/// Creates (`id` none) or changes a credential; empty secrets stay as they were.
#[server(endpoint = "save_credential")]
pub async fn save_credential(
    #[server(default)] id: Option<CredentialId>,
    credential: CredentialInput,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    fleet::credential_save(&context.engine, id, credential).await?;
    changed(&context);
    leptos_axum::redirect("/admin/credentials");
    Ok(())
}

/// Sets new secrets beside those of now, for devices that change over days; empty ones stay as they were.
#[server(endpoint = "rotate_credential")]
pub async fn rotate_credential(
    id: CredentialId,
    #[server(default)] secrets: NewSecrets,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    fleet::credential_rotate(&context.engine, id, secrets).await?;
    changed(&context);
    leptos_axum::redirect("/admin/credentials");
    Ok(())
}

/// Forgets the previous secrets of a credential.
#[server(endpoint = "finish_rotation")]
pub async fn finish_rotation(id: CredentialId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    fleet::credential_rotation_finish(&context.engine, id).await?;
    changed(&context);
    Ok(())
}

/// Removes a credential; devices that name it fall back to their site's.
#[server(endpoint = "remove_credential")]
pub async fn remove_credential(id: CredentialId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    fleet::credential_remove(&context.engine, id).await?;
    changed(&context);
    Ok(())
}

/// Every jump host, by name.
#[server(endpoint = "list_jump_hosts")]
pub async fn list_jump_hosts() -> Result<Vec<JumpHost>, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(jump_hosts::list(&context.engine).await?)
}

/// Creates (`id` none) or changes a jump host; another address forgets its key.
#[server(endpoint = "save_jump_host")]
pub async fn save_jump_host(
    #[server(default)] id: Option<JumpHostId>,
    host: JumpHostInput,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    jump_hosts::save(&context.engine, id, &host).await?;
    leptos_axum::redirect("/admin/jump-hosts");
    Ok(())
}

/// Removes a jump host; devices that name it are reached as their site says, or straight.
#[server(endpoint = "remove_jump_host")]
pub async fn remove_jump_host(id: JumpHostId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(jump_hosts::remove(&context.engine, id).await?)
}

/// Accepts the changed key that a jump host offers.
#[server(endpoint = "accept_jump_host_key")]
pub async fn accept_jump_host_key(id: JumpHostId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(jump_hosts::accept_key(&context.engine, id).await?)
}

/// Every driver, by name.
#[server(endpoint = "list_drivers")]
pub async fn list_drivers() -> Result<Vec<DriverRow>, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(drivers::driver_rows(&context.engine, &context.reach).await?)
}

/// One driver with its text.
#[server(endpoint = "get_driver")]
pub async fn get_driver(name: String) -> Result<DriverText, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(drivers::driver_text(&context.engine, &context.reach, &name).await?)
}

/// Every config version, newest first; `search` narrows by device name or address.
#[server(endpoint = "list_config_versions")]
pub async fn list_config_versions(
    #[server(default)] search: String,
    page: Page,
) -> Result<Paged<ConfigVersionRow>, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(read::list_all(&context.engine, &search, page).await?)
}

/// The program's settings.
#[server(endpoint = "get_settings")]
pub async fn get_settings() -> Result<Settings, AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(context.engine.settings().await?)
}

/// Changes the program's settings.
#[server(endpoint = "save_settings")]
pub async fn save_settings(settings: SettingsInput) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    context.engine.save_settings(&settings.parse()?).await?;
    changed(&context);
    Ok(())
}

#[cfg(feature = "ssr")]
fn changed(context: &Context) {
    context.engine.events.send(Topic::Admin, None);
}

#[cfg(feature = "ssr")]
fn reach(role: Role, scope: &str) -> Result<Reach, UserError> {
    let reach = Scope::parse(scope).and_then(|scope| Reach::new(role, scope));
    reach.map_err(|message| UserError::in_fields(vec![FieldError { field: "scope".into(), message }]))
}

#[cfg(feature = "ssr")]
fn named_role(name: &str) -> Result<Role, UserError> {
    Role::parse(name)
        .map_err(|message| UserError::in_fields(vec![FieldError { field: "role".into(), message }]))
}
