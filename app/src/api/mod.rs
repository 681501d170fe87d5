//! Server functions: what pages ask of the server.
//!
//! Each one authorises, validates, calls the engine once, and maps the result. They live under `/rpc` with fixed
//! names. None holds SQL or decides anything that the command line would decide differently.

#![expect(
    missing_docs,
    reason = "`#[server]` makes a struct of each function, which says nothing of its own"
)]
#![cfg_attr(
    feature = "ssr",
    expect(
        clippy::unused_async,
        clippy::fn_params_excessive_bools,
        reason = "a server function is async by its nature, and its flags are the checkboxes of a form"
    )
)]

#[cfg(feature = "ssr")]
pub mod acts;
pub mod admin;
pub mod archives;
pub mod artifacts;
pub mod audit;
pub mod backups;
pub mod configs;
#[cfg(feature = "ssr")]
pub mod context;
pub mod destinations;
pub mod devices;
pub mod drivers;
pub mod error;
pub mod find;
pub mod imports;
pub mod inventory_sources;
pub mod jobs;
pub mod machines;
pub mod media;
pub mod notifications;
pub mod overview;
pub mod rules;
pub mod search;
#[cfg(feature = "ssr")]
mod sections;
pub mod seen;
pub mod session;
pub mod views;

pub use error::AppError;
