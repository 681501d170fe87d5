//! The Leptos app: pages, components, and the server functions behind them.
//!
//! Built twice, never in one build: with `ssr` into the server, with `hydrate` into the browser's WASM.

#![expect(unreachable_pub, reason = "#[component] makes its props public wherever the component stands")]

pub mod api;
mod app;
mod ask;
mod browser;
mod clock;
mod components;
mod form_action;
mod format;
mod live;
mod pages;
#[cfg(feature = "hydrate")]
mod rpc;
mod session;
mod shell;

pub use app::App;
pub use shell::{BuildId, shell};
