//! The Leptos app: its pages and its server functions.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::routing::post;
use etiqa_app::api::context::Caller;
use etiqa_app::{App, BuildId, shell};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list, render_app_async_with_context};

use super::assets::Site;
use super::gate;
use super::typed::{Forms, server_function};

/// The pages and `/rpc`.
pub(super) fn router(site: &Site) -> Router {
    let options = LeptosOptions::builder()
        .output_name("etiqa")
        .site_root("target/site")
        .site_pkg_dir(format!("pkg/{}", site.build()))
        .build();
    let build = BuildId(site.build().into());
    let forms = Arc::new(Forms::default());
    let typed = Arc::clone(&forms);
    let page_context = move || {
        provide_context(build.clone());
        set_policy();
        provide_typed(&typed);
    };
    let shown = options.clone();
    let anywhere = options.clone();
    let nothing_there = render_app_async_with_context(page_context.clone(), move || shell(anywhere.clone()));
    Router::new()
        .leptos_routes_with_context(&options, generate_route_list(App), page_context, move || {
            shell(shown.clone())
        })
        .route(
            "/rpc/{function}",
            post(move |request: Request<Body>| server_function(Arc::clone(&forms), request)),
        )
        .fallback(move |request: Request<Body>| {
            let page = nothing_there.clone();
            async move { if gate::wants_a_page(&request) { page(request).await } else { gate::not_found() } }
        })
        .with_state(options)
}

/// What was typed into the form that was refused, where a browser is led back to its page.
fn provide_typed(forms: &Forms) {
    let Some(parts) = use_context::<Parts>() else { return };
    let session = parts.extensions.get::<Caller>().and_then(|caller| caller.session.as_ref());
    if let Some(typed) = parts.uri.query().and_then(|query| forms.find(query, session)) {
        provide_context(typed);
    }
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
