//! Types that cross the wire between the browser, the server and the command line, and their validation.
//!
//! Compiles to WASM. Never does I/O, never asks for the current time.

pub mod admin;
pub mod archive;
pub mod artifact;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod blackout;
pub mod class;
pub mod compare;
pub mod config;
pub mod credential;
pub mod destination;
pub mod device;
pub mod error;
pub mod event;
mod field;
pub mod find;
pub mod history;
pub mod ids;
pub mod import;
pub mod inventory_source;
pub mod job;
pub mod machine;
pub mod media;
pub mod notify;
pub mod opened;
pub mod overview;
pub mod page;
pub mod recording;
pub mod rule;
pub mod run;
pub mod schedule;
pub mod scope;
pub mod search;
mod secret;
pub mod selector;
pub mod shown;
pub mod status;
pub mod time;
pub mod user;
pub mod view;

pub use error::{ErrorKind, FieldError, UserError};
pub use ids::*;
pub use secret::Secret;
pub use time::Timestamp;
