//! Backups: configs, runs, archives, and how many of them are kept.
//!
//! Never says that a run is completed before its archive is on disk, fsynced, and read back.

mod archive;
pub mod config;
mod contents;
pub mod manifest;
mod names;
pub mod prune;
pub mod retention;
mod run;
pub mod start;
pub mod verify;

pub(crate) use run::part_file;
pub use run::{execute_run, find_run, list_runs, run_detail};
