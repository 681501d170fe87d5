//! The Leptos app: pages, components, and the server functions behind them.
//!
//! Built twice, never in one build: with `ssr` into the server, with `hydrate` into the browser's WASM.

pub mod api;
