//! `POST /theme`: remembers light or dark, for the form of a browser without JavaScript.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::http::{Extensions, HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use etiqa_app::api::context::Context;
use etiqa_app::theme_cookie;
use etiqa_engine::access::About;
use etiqa_model::UserError;
use etiqa_model::user::Role;
use serde::Deserialize;

use super::refusal::{Refusal, page_before};
use super::routes::Route;

/// The page that has the form.
const PAGE: &str = "/account";

pub(super) fn routes() -> Vec<Route> {
    vec![Route::post("/theme", choose)]
}

#[derive(Deserialize)]
struct Chosen {
    theme: String,
}

async fn choose(
    extensions: Extensions,
    headers: HeaderMap,
    chosen: Result<Form<Chosen>, FormRejection>,
) -> Result<Response, Refusal> {
    Context::require_in(&extensions, Role::Viewer, About::Nothing).await?;
    let cookie = chosen.ok().and_then(|Form(chosen)| theme_cookie(&chosen.theme));
    let cookie = cookie.ok_or_else(|| UserError::invalid("The theme is system, light or dark."))?;
    let back = page_before(&headers).unwrap_or_else(|| PAGE.to_owned());
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&back)).into_response())
}
