//! The Leptos app: its pages and its server functions.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::IntoResponse;
use axum::{Form, Router};
use etiqa_app::api::context::{Caller, Context};
use etiqa_app::api::drivers::Posted;
use etiqa_app::api::rules::PostedRule;
use etiqa_app::{App, BuildId, shell};
use etiqa_engine::access::About;
use etiqa_engine::drivers::bench;
use etiqa_model::UserError;
use etiqa_model::bench::BenchPosted;
use etiqa_model::user::Role;
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos::server_fn::axum::server_fn_paths;
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list_with_exclusions,
    render_app_async_with_context,
};

use serde::Deserialize;

use super::assets::Site;
use super::refusal::Refusal;
use super::routes::{Route, register};
use super::rules;
use super::typed::{Forms, TOLD, server_function, told};
use super::{api, gate};

/// The pages and `/rpc`.
pub(super) fn router(site: &Site) -> Router {
    let options = options(site);
    let forms = Arc::new(Forms::default());
    let page_context = page_context(site, &forms);
    let shown = options.clone();
    let anywhere = options.clone();
    let nothing_there = render_app_async_with_context(page_context.clone(), move || shell(anywhere.clone()));
    register(routes_with(site, &forms))
        .leptos_routes_with_context(&options, list(), page_context, move || shell(shown.clone()))
        .fallback(move |request: Request<Body>| {
            let page = nothing_there.clone();
            async move {
                if gate::wants_a_page(&request) {
                    page(request).await
                } else if api::is_for_programs(request.uri().path()) {
                    // The API has words of its own for it.
                    StatusCode::NOT_FOUND.into_response()
                } else {
                    gate::not_found()
                }
            }
        })
        .with_state(options)
}

/// The pages, as the app's router lists them. Server functions are answered by a route of ours: those that leptos would route
/// keep nothing of a form that is refused.
pub(super) fn list() -> Vec<AxumRouteListing> {
    let functions = server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    generate_route_list_with_exclusions(App, Some(functions))
}

/// What is answered beside them.
pub(super) fn routes(site: &Site) -> Vec<Route<LeptosOptions>> {
    routes_with(site, &Arc::new(Forms::default()))
}

fn routes_with(site: &Site, forms: &Arc<Forms>) -> Vec<Route<LeptosOptions>> {
    let (of_rules, context_of_rules) = (options(site), page_context(site, forms));
    let (options, page_context, forms) = (options(site), page_context(site, forms), Arc::clone(forms));
    let call = move |request: Request<Body>| server_function(Arc::clone(&forms), request);
    let try_one = move |name: Path<String>, request: Request<Body>| {
        let (options, context) = (options.clone(), page_context.clone());
        async move {
            let (request, posted) = try_driver(name.0, request).await?;
            let context = move || {
                provide_context(Posted(posted.clone()));
                context();
            };
            let page = render_app_async_with_context(context, move || shell(options.clone()));
            Ok::<_, Refusal>(page(request).await)
        }
    };
    let try_rule = move |request: Request<Body>| {
        let (options, context) = (of_rules.clone(), context_of_rules.clone());
        async move {
            let (request, posted) = rules::tried(request).await?;
            let context = move || {
                provide_context(PostedRule(posted.clone()));
                context();
            };
            let page = render_app_async_with_context(context, move || shell(options.clone()));
            Ok::<_, Refusal>(page(request).await)
        }
    };
    vec![
        Route::post("/rpc/{function}", call),
        Route::post("/admin/drivers/{name}", try_one),
        Route::post("/configs/rules/new", try_rule.clone()),
        Route::post("/configs/rules/{id}/edit", try_rule),
    ]
}

fn options(site: &Site) -> LeptosOptions {
    LeptosOptions::builder()
        .output_name("etiqa")
        .site_root("target/site")
        .site_pkg_dir(format!("pkg/{}", site.build()))
        .build()
}

/// What every page is rendered with.
fn page_context(site: &Site, forms: &Arc<Forms>) -> impl Fn() + Clone + Send + Sync + 'static + use<> {
    let (build, forms) = (BuildId(site.build().into()), Arc::clone(forms));
    move || {
        provide_context(build.clone());
        set_policy();
        provide_typed(&forms);
    }
}

/// What was typed into the form that was refused and why it was, where a browser is led back to its page.
fn provide_typed(forms: &Forms) {
    let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else {
        return;
    };
    let session = parts.extensions.get::<Caller>().and_then(|caller| caller.session.as_ref());
    if let Some(typed) = told(&parts.headers, parts.uri.path(), forms, session) {
        provide_context(typed);
        response.append_header(header::SET_COOKIE, HeaderValue::from_static(TOLD));
    }
}

/// What the bench's form has.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    text: String,
    #[serde(default)]
    transcript: String,
}

/// Tries a driver as its page's form asks, posted by a browser without JavaScript: a server function would lead back to
/// the page, without what it found. Gives that, and the request for the page that shows it.
async fn try_driver(name: String, request: Request) -> Result<(Request, BenchPosted), Refusal> {
    let (mut parts, body) = request.into_parts();
    let context = Context::require_in(&parts.extensions, Role::Operator, About::Nothing).await?;
    let form = Form::<Asked>::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let Form(Asked { text, transcript }) =
        form.map_err(|_| UserError::invalid("This could not be read, or it is too long; paste less."))?;
    let answer = bench::try_driver(&context.engine, &name, &text, &transcript).await;
    let answer = answer.map_err(etiqa_engine::Error::into_user_error);
    parts.method = Method::GET;
    Ok((Request::from_parts(parts, Body::empty()), BenchPosted { text, transcript, answer }))
}

/// Scripts only from us, with this page's nonce; no inline style, no frame, no foreign form.
fn set_policy() {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}
