//! Backups: configs, runs, archives, and how many of them are kept.
//!
//! Never says that a run is completed before its archive is on disk, fsynced, and read back.

mod archive;
pub mod config;
mod contents;
mod history;
mod leftover;
pub mod manifest;
mod names;
pub mod prune;
mod publish;
pub mod retention;
mod run;
pub mod start;
pub mod verify;
mod watch;

pub use history::{find_run, list_runs, run_detail};
pub use leftover::sweep;
pub(crate) use publish::part_file;
pub use run::execute_run;
