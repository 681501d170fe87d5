//! The HTML document around the app.

use std::sync::Arc;

use leptos::config::LeptosOptions;
use leptos::hydration::HydrationScripts;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::app::App;
use crate::browser::{self, Theme};
use crate::bundle::bundle_of;
use crate::post::Typed;

/// Which build of the site this server hands out; provided as a context by the server. The live stream carries the
/// same id, so that a page that was loaded from an older build can offer to reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildId(pub Arc<str>);

/// The document of every page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let build = use_context::<BuildId>()
        .map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |BuildId(build)| build.to_string());
    let theme = match browser::theme_of_request() {
        Theme::System => None,
        Theme::Light => Some("light"),
        Theme::Dark => Some("dark"),
    };
    let stylesheet = format!("/{}/etiqa.css", options.site_pkg_dir);
    let bundle = browser::path_of_request().as_deref().map_or("etiqa", bundle_of);
    let options = LeptosOptions::builder().output_name(bundle).site_pkg_dir(options.site_pkg_dir).build();
    // For the program in the browser: it renders this page once more.
    let refusal = use_context::<Typed>().map(|Typed { path, error, .. }| {
        let error = serde_json::to_string(&error).unwrap_or_default();
        view! { <meta name="refused" data-path=path content=error/> }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="build" content=build/>
                {refusal}
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=stylesheet/>
                <HydrationScripts options root=""/>
                <MetaTags/>
            </head>
            <body>
                <App/>
                <p class="broken" id="broken" role="alert" hidden>
                    "This page has stopped working; nothing that was saved is lost. "<a class="btn small" href="" rel="external">"Load it again"</a>
                </p>
            </body>
        </html>
    }
}
