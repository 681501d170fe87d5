//! Signing in and out, the first admin, and one's own password.

use etiqa_model::Secret;
use etiqa_model::user::{BrowserSession, Identity, SecondFactor, SetupState};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::{
        Context, caller, clear_session_cookie, clear_ticket_cookie, set_cookies_of, set_ticket_cookie,
        ticket, visitor,
    },
    etiqa_engine::access::{self, About, Entry, SignedIn},
    etiqa_model::event::Topic,
    etiqa_model::user::Role,
    etiqa_model::{UserError, UserId},
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
    let is_open = access::setup_is_open(&engine.db).await?;
    let restore_problem = if is_open { engine.takeover.problem() } else { None };
    Ok(SetupState { is_open, restore_problem })
}

/// Checks name and password. Then leads to `next` (a path of this site) or to the first page; to where a code is asked for,
/// where the person has set that up.
#[server(endpoint = "sign_in")]
pub async fn sign_in(
    name: String,
    password: Secret,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    let caller = caller()?;
    match access::sign_in(caller.engine.door(), &name, &password, &visitor(&caller)).await? {
        Entry::In(signed_in) => let_in(&signed_in, &next),
        Entry::NeedsCode(ticket) => {
            set_ticket_cookie(&ticket);
            leptos_axum::redirect(&code_page(&local_path(&next)));
        }
    }
    Ok(())
}

/// Takes the code of somebody whose password was right a moment ago, or one of their recovery codes; then leads to `next`.
#[server(endpoint = "confirm_sign_in")]
pub async fn confirm_sign_in(code: Secret, #[server(default)] next: String) -> Result<(), AppError> {
    let caller = caller()?;
    let Some(ticket) = ticket() else {
        return Err(AppError::from_refusal(UserError::invalid("This took too long. Begin again.")));
    };
    let signed_in = access::confirm_sign_in(caller.engine.door(), &ticket, &code, &visitor(&caller)).await?;
    let_in(&signed_in, &next);
    clear_ticket_cookie();
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
    let visitor = visitor(&caller);
    let signed_in = access::set_up(&caller.engine, &code, &name, &password, &visitor).await?;
    let_in(&signed_in, "/");
    Ok(())
}

/// Changes one's own password; ends one's other sessions.
#[server(endpoint = "change_password")]
pub async fn change_password(current: Secret, new: Secret) -> Result<(), AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let (user, session) = own(&context)?;
    let (engine, address) = (&context.engine, &context.caller.address);
    access::user_change_own_password(
        &engine.db,
        &engine.throttle,
        user,
        &current,
        &new,
        session.reveal(),
        address,
    )
    .await?;
    changed(&context);
    Ok(())
}

/// How one's second factor stands, with what was set up just now and waits for its first code. A token has none.
#[server(endpoint = "get_second_factor")]
pub async fn get_second_factor() -> Result<SecondFactor, AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    match context.identity.user_id {
        Some(user) => Ok(access::second_factor(context.engine.door(), user).await?),
        None => Ok(SecondFactor::default()),
    }
}

/// Begins to set up a second factor; asks for the password once more.
#[server(endpoint = "begin_second_factor")]
pub async fn begin_second_factor(password: Secret) -> Result<(), AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let (user, _) = own(&context)?;
    access::second_factor_begin(context.engine.door(), user, &password, &context.caller.address).await?;
    Ok(())
}

/// Puts it in force with its first code; ends one's other sessions.
#[server(endpoint = "confirm_second_factor")]
pub async fn confirm_second_factor(code: Secret) -> Result<(), AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let (user, session) = own(&context)?;
    let (door, address) = (context.engine.door(), &context.caller.address);
    access::second_factor_confirm(door, user, &code, session.reveal(), address).await?;
    changed(&context);
    Ok(())
}

/// Switches one's second factor off; asks for the password once more, and ends one's other sessions.
#[server(endpoint = "stop_second_factor")]
pub async fn stop_second_factor(password_again: Secret) -> Result<(), AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let (user, session) = own(&context)?;
    let (door, address) = (context.engine.door(), &context.caller.address);
    access::second_factor_stop(door, user, &password_again, session.reveal(), address).await?;
    changed(&context);
    Ok(())
}

/// The browsers in which one is signed in. A token is in none.
#[server(endpoint = "list_sessions")]
pub async fn list_sessions() -> Result<Vec<BrowserSession>, AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let Some(user) = context.identity.user_id else { return Ok(Vec::new()) };
    let own = context.caller.session.as_ref().map(Secret::reveal);
    Ok(access::session_list(context.engine.door(), user, own).await?)
}

/// Signs one of one's own browsers out. `name` is as in the list of them.
#[server(endpoint = "end_session")]
pub async fn end_session(name: String) -> Result<(), AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let (user, _) = own(&context)?;
    access::end_session(&context.engine.db, user, &name).await?;
    changed(&context);
    Ok(())
}

/// Signs all of one's own browsers out but this one.
#[server(endpoint = "end_other_sessions")]
pub async fn end_other_sessions() -> Result<(), AppError> {
    let context = Context::require(Role::Viewer, About::Nothing).await?;
    let (user, session) = own(&context)?;
    access::end_other_sessions(&context.engine.db, user, session.reveal()).await?;
    changed(&context);
    Ok(())
}

/// Who asks, and by which session.
#[cfg(feature = "ssr")]
fn own(context: &Context) -> Result<(UserId, &Secret), AppError> {
    let (Some(user), Some(session)) = (context.identity.user_id, &context.caller.session) else {
        let message = "A token has no account; sign in as a user.";
        return Err(AppError::from_refusal(UserError::invalid(message)));
    };
    Ok((user, session))
}

/// Streams look whether they are still let in when they hear of this, those of other machines as well.
#[cfg(feature = "ssr")]
fn changed(context: &Context) {
    context.engine.events.send(Topic::Admin, None);
}

#[cfg(feature = "ssr")]
fn let_in(signed_in: &SignedIn, next: &str) {
    set_cookies_of(signed_in);
    leptos_axum::redirect(&local_path(next));
}

/// Where the code is asked for, with the way on.
#[cfg(feature = "ssr")]
fn code_page(next: &str) -> String {
    // A path and query of ours need only what ends a value to be escaped.
    let next = next.replace('%', "%25").replace('&', "%26").replace('#', "%23").replace('+', "%2B");
    let next = next.replace(' ', "%20");
    format!("/login?step=code&next={next}")
}

/// A path of this site; anything else becomes the first page, so that a link cannot lead away after signing in.
#[cfg(feature = "ssr")]
fn local_path(next: &str) -> String {
    if is_local_path(next) { next.to_owned() } else { "/".to_owned() }
}

/// Whether a browser that is led there stays at this site.
#[cfg(feature = "ssr")]
pub fn is_local_path(path: &str) -> bool {
    let is_plain = path.bytes().all(|byte| matches!(byte, b' '..=b'~' if byte != b'\\'));
    path.starts_with('/') && !path.starts_with("//") && is_plain
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::{code_page, local_path};

    #[test]
    fn the_way_on_leads_by_the_code_and_stays_whole() {
        assert_eq!(code_page("/devices/?q=a+b&page=2"), "/login?step=code&next=/devices/?q=a%2Bb%26page=2");
    }

    #[test]
    fn signing_in_never_leads_to_another_site() {
        assert_eq!(local_path("/devices/?page=2"), "/devices/?page=2");
        for elsewhere in
            ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1", "/\n", "/ü", ""]
        {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere}");
        }
    }
}
