//! Signing in and out, the first admin, and one's own password.

use etiqa_model::Secret;
use etiqa_model::user::Identity;
use leptos::prelude::*;

use super::AppError;

/// Who is signed in; none on the pages that a stranger may see.
#[server(endpoint = "whoami")]
pub async fn whoami() -> Result<Option<Identity>, AppError> {
    todo!()
}

/// Whether no admin exists yet, so that `/setup` is open.
#[server(endpoint = "setup_is_open")]
pub async fn setup_is_open() -> Result<bool, AppError> {
    todo!()
}

/// Signs in, then leads to `next` (a path of this site) or to the first page.
#[server(endpoint = "sign_in")]
pub async fn sign_in(
    name: String,
    password: Secret,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    todo!()
}

/// Ends the session, then leads to `/login`.
#[server(endpoint = "sign_out")]
pub async fn sign_out() -> Result<(), AppError> {
    todo!()
}

/// Creates the first admin with the one-time code of the console, and signs them in.
#[server(endpoint = "set_up")]
pub async fn set_up(code: Secret, name: String, password: Secret) -> Result<(), AppError> {
    todo!()
}

/// Changes one's own password; ends one's other sessions.
#[server(endpoint = "change_password")]
pub async fn change_password(current: Secret, new: Secret) -> Result<(), AppError> {
    todo!()
}
