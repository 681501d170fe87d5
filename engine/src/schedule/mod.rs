//! When things happen: due times, the scheduler, the queue and its worker.

pub mod due;
pub mod jobs;
mod lead;
pub mod queue;
mod set_back;
pub mod tick;
pub mod tidy;
pub mod worker;

pub use lead::Lead;
pub(crate) use queue::{
    ARTIFACT_PART, ASKED_BY_PEOPLE, CHANGE, PART, enqueue_at_sites, enqueue_change_in_txn, enqueue_in_txn,
};
pub use queue::{Work, enqueue};
