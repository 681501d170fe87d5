//! The Leptos app: pages, components, and the server functions behind them.
//!
//! Built twice, never in one build: with `ssr` into the server, with `hydrate` into the browser's WASM.

#![expect(unreachable_pub, reason = "#[component] makes its props public wherever the component stands")]

pub mod api;
mod app;
mod browser;
mod clock;
mod components;
mod form_action;
mod format;
mod live;
mod pages;
mod session;
mod shell;

pub use app::App;
pub use shell::{BuildId, shell};
