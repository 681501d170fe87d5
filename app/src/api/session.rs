//! Signing in and out, the first admin, and one's own password.

use etiqa_model::Secret;
use etiqa_model::user::{Identity, SetupState};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::{Context, caller, clear_session_cookie, set_session_cookie},
    etiqa_engine::access::{self, About, SetupCode},
    etiqa_model::UserError,
    etiqa_model::user::Role,
};

/// Who is signed in; none on the pages that a stranger may see.
#[server(endpoint = "whoami")]
pub async fn whoami() -> Result<Option<Identity>, AppError> {
    Ok(caller()?.identity)
}

/// Whether no admin exists yet, so that `/setup` is open, and why the last restore there came to nothing that was asked
/// for with the right code. Strangers ask this.
#[server(endpoint = "get_setup")]
pub async fn get_setup() -> Result<SetupState, AppError> {
    let engine = caller()?.engine;
    let is_open = SetupCode::is_open(&engine.db).await?;
    let restore_problem = if is_open { engine.takeover.problem() } else { None };
    Ok(SetupState { is_open, restore_problem })
}

/// Signs in, then leads to `next` (a path of this site) or to the first page.
#[server(endpoint = "sign_in")]
pub async fn sign_in(
    name: String,
    password: Secret,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    let caller = caller()?;
    let engine = &caller.engine;
    let signed_in = access::sign_in(&engine.db, &engine.throttle, &name, &password, &caller.address).await?;
    set_session_cookie(&signed_in.secret);
    leptos_axum::redirect(&local_path(&next));
    Ok(())
}

/// Ends the session, then leads to `/login`.
#[server(endpoint = "sign_out")]
pub async fn sign_out() -> Result<(), AppError> {
    let caller = caller()?;
    if let Some(secret) = &caller.session {
        access::sign_out(&caller.engine.db, secret.reveal()).await?;
    }
    clear_session_cookie();
    leptos_axum::redirect("/login");
    Ok(())
}

/// Creates the first admin with the one-time code of the console, and signs them in.
#[server(endpoint = "set_up")]
pub async fn set_up(code: Secret, name: String, password: Secret) -> Result<(), AppError> {
    let caller = caller()?;
    let engine = &caller.engine;
    let signed_in = engine.setup_code.redeem(engine, &code, &name, &password, &caller.address).await?;
    set_session_cookie(&signed_in.secret);
    leptos_axum::redirect("/");
    Ok(())
}

/// Changes one's own password; ends one's other sessions.
#[server(endpoint = "change_password")]
pub async fn change_password(current: Secret, new: Secret) -> Result<(), AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let (Some(user), Some(session)) = (context.identity.user_id, &context.caller.session) else {
        return Err(UserError::invalid("A token has no password to change; sign in as a user.").into());
    };
    let db = &context.engine.db;
    Ok(access::user_change_own_password(db, user, &current, &new, session.reveal()).await?)
}

/// A path of this site; anything else becomes the first page, so that a link cannot lead away after signing in.
#[cfg(feature = "ssr")]
fn local_path(next: &str) -> String {
    let is_local = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if is_local { next.to_owned() } else { "/".to_owned() }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::local_path;

    #[test]
    fn signing_in_never_leads_to_another_site() {
        assert_eq!(local_path("/devices/?page=2"), "/devices/?page=2");
        for elsewhere in ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1", ""] {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere}");
        }
    }
}
