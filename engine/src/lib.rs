//! Everything that touches a disk, a database or a network. Knows no HTTP server and no UI.

pub mod access;
pub mod collect;
pub mod data_dir;
pub mod db;
pub mod error;
pub mod events;
mod files;
pub mod hex;
pub mod history;
pub mod import;
pub mod schedule;
pub mod store;
pub mod time;
pub mod vault;

pub use error::{Error, Result};
