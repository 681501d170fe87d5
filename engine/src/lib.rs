//! Everything that touches a disk, a database or a network. Knows no HTTP server and no UI.

pub mod access;
pub mod admin;
pub mod artifacts;
pub mod audit;
pub mod backup;
pub mod changes;
pub mod collect;
pub mod data_dir;
pub mod db;
pub mod drivers;
pub mod engine;
pub mod error;
pub mod events;
pub mod failpoint;
mod files;
pub mod fleet;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod handover;
pub mod hex;
pub mod history;
pub mod import;
pub mod inventory;
pub mod jump_hosts;
mod lease;
pub mod machines;
pub mod media;
pub mod network;
pub mod outgoing;
pub mod overview;
pub mod pause;
pub mod pulse;
pub mod reachability;
pub mod recovery;
pub mod relay;
pub mod schedule;
pub mod shared_dir;
pub mod status;
pub mod store;
pub mod time;
pub mod vault;
pub mod views;

pub use engine::{Engine, Options, Role};
pub use error::{Error, Result};
