//! `POST /admin/recovery-kit/file`: the recovery kit as a file, for the form of a browser without JavaScript. A server
//! function would lead back to the page, and the kit would count as taken with nobody having seen it.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{Extensions, header};
use axum::response::{IntoResponse, Response};
use etiqa_app::api::archives::{KIT_FILE, KIT_PAGE, TakeRecoveryKit};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, recovery};
use etiqa_model::user::Role;
use etiqa_model::{Secret, UserError};
use leptos::server_fn::ServerFn;
use serde::Deserialize;

use super::refusal::{Refusal, back_to};
use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::post(KIT_FILE, kit)]
}

#[derive(Deserialize)]
struct Asked {
    password: Secret,
}

async fn kit(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
    asked: Result<Form<Asked>, FormRejection>,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Admin, About::Everything).await?;
    let Form(asked) = asked.map_err(|_| UserError::invalid("Enter your password."))?;
    let address = &context.caller.address;
    let taken = recovery::take_kit_by_password(&engine, &context.identity, &asked.password, address).await;
    let kit = match taken {
        Ok(kit) => kit,
        // The page shows the sentence in its form.
        Err(error) => return Ok(back_to(KIT_PAGE, TakeRecoveryKit::PATH, error.into_user_error())),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"etiqa-recovery-kit.txt\""),
    ];
    Ok((headers, kit.reveal().to_owned()).into_response())
}
