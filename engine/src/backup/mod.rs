//! Backups: configs, runs, archives, and how many of them are kept.
//!
//! Never says that a run is completed before its archive is on disk, fsynced, and read back.

pub mod archive;
mod checkup;
pub mod config;
mod contents;
pub mod destinations;
mod history;
pub mod inspect;
mod leftover;
pub mod mirror;
pub mod orphans;
mod packing;
pub mod promise;
pub mod prune;
mod publish;
pub mod restore;
pub mod retention;
mod run;
pub mod sealing;
pub(crate) mod seen;
mod space;
pub(crate) mod spread;
pub mod start;
pub mod verify;
mod watch;

pub(crate) use archive::names::{UniqueNames, safe_name};
pub(crate) use archive::read_back::is_as_it_was;
pub(crate) use archive::writer::zip_time;
pub(crate) use checkup::queue_due;
pub(crate) use history::span;
pub use history::{find_run, result_history, run_detail, run_history, run_results_after, run_seen};
pub use leftover::sweep;
pub(crate) use leftover::sweep_parts;
pub(crate) use prune::prune_all;
pub(crate) use publish::part_file;
pub use run::execute_run;
