//! Users, tokens, credentials, drivers, config versions and settings. All but the drivers are for admins only.

use etiqa_model::admin::{DriverRow, DriverText, Settings, SettingsInput};
use etiqa_model::config::ConfigVersionRow;
use etiqa_model::credential::{Credential, CredentialInput};
use etiqa_model::page::{Page, Paged};
use etiqa_model::user::{ApiToken, FreshToken, Role, User};
use etiqa_model::{CredentialId, Secret, TokenId, UserId};
use leptos::prelude::*;

use super::AppError;

/// Everybody who can sign in, by name.
#[server(endpoint = "list_users")]
pub async fn list_users() -> Result<Vec<User>, AppError> {
    todo!()
}

/// Adds a user. `role` is a role's name.
#[server(endpoint = "add_user")]
pub async fn add_user(name: String, role: String, password: Secret) -> Result<(), AppError> {
    todo!()
}

/// Changes a user's role, and their password where one is given; their sessions end.
#[server(endpoint = "change_user")]
pub async fn change_user(
    id: UserId,
    role: Role,
    #[server(default)] password: Secret,
) -> Result<(), AppError> {
    todo!()
}

/// Removes a user; the last admin stays.
#[server(endpoint = "remove_user")]
pub async fn remove_user(id: UserId) -> Result<(), AppError> {
    todo!()
}

/// Every API token, by name.
#[server(endpoint = "list_tokens")]
pub async fn list_tokens() -> Result<Vec<ApiToken>, AppError> {
    todo!()
}

/// Makes a token; its secret is in the answer and nowhere else. `expires_days` empty: never.
#[server(endpoint = "create_token")]
pub async fn create_token(
    name: String,
    role: String,
    #[server(default)] expires_days: String,
) -> Result<FreshToken, AppError> {
    todo!()
}

/// Makes a token useless at once.
#[server(endpoint = "revoke_token")]
pub async fn revoke_token(id: TokenId) -> Result<(), AppError> {
    todo!()
}

/// Every credential, without its secrets, by name.
#[server(endpoint = "list_credentials")]
pub async fn list_credentials() -> Result<Vec<Credential>, AppError> {
    todo!()
}

/// Creates (`id` none) or changes a credential; empty secrets stay as they were.
#[server(endpoint = "save_credential")]
pub async fn save_credential(
    #[server(default)] id: Option<CredentialId>,
    credential: CredentialInput,
) -> Result<(), AppError> {
    todo!()
}

/// Removes a credential; devices that name it fall back to their site's.
#[server(endpoint = "remove_credential")]
pub async fn remove_credential(id: CredentialId) -> Result<(), AppError> {
    todo!()
}

/// Every driver, by name.
#[server(endpoint = "list_drivers")]
pub async fn list_drivers() -> Result<Vec<DriverRow>, AppError> {
    todo!()
}

/// One driver with its text.
#[server(endpoint = "get_driver")]
pub async fn get_driver(name: String) -> Result<DriverText, AppError> {
    todo!()
}

/// Every config version, newest first; `search` narrows by device name or address.
#[server(endpoint = "list_config_versions")]
pub async fn list_config_versions(
    #[server(default)] search: String,
    page: Page,
) -> Result<Paged<ConfigVersionRow>, AppError> {
    todo!()
}

/// The program's settings.
#[server(endpoint = "get_settings")]
pub async fn get_settings() -> Result<Settings, AppError> {
    todo!()
}

/// Changes the program's settings.
#[server(endpoint = "save_settings")]
pub async fn save_settings(settings: SettingsInput) -> Result<(), AppError> {
    todo!()
}
