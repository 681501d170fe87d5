//! The Leptos app: pages, components, and the server functions behind them.
//!
//! Built twice, never in one build: with `ssr` into the server, with `hydrate` into the browser's WASM.

#![expect(unreachable_pub, reason = "#[component] makes its props public wherever the component stands")]
// A bundle uses its part of what all of them share. What is left unused where all are in one build is dead.
#![cfg_attr(
    all(
        feature = "hydrate",
        not(all(
            feature = "admin",
            feature = "configs",
            feature = "daily",
            feature = "device",
            feature = "devices",
            feature = "forms",
            feature = "reach",
            feature = "watch",
        ))
    ),
    allow(
        dead_code,
        unused_imports,
        reason = "each of the bundles, see bundle.rs, uses its part of the components"
    )
)]

pub mod api;
mod app;
mod ask;
mod browser;
mod bundle;
mod clock;
mod components;
mod finder;
mod format;
mod json;
mod keys;
mod live;
mod pages;
mod places;
mod post;
#[cfg(feature = "hydrate")]
mod rpc;
mod session;
#[cfg(feature = "ssr")]
mod shell;
mod toasts;

pub use app::App;
#[cfg(feature = "ssr")]
pub use browser::theme_cookie;
#[cfg(feature = "ssr")]
pub use post::Typed;
#[cfg(feature = "ssr")]
pub use shell::{BuildId, shell};

/// Says on the page that the program behind it broke.
#[cfg(feature = "hydrate")]
pub fn say_that_it_broke() {
    browser::show_that_it_broke();
}
