//! When things happen: due times, the scheduler, the queue and its worker.

pub mod due;
pub mod jobs;
pub mod queue;
mod set_back;
pub mod tick;
pub mod tidy;
pub mod worker;

pub(crate) use queue::enqueue_in_txn;
pub use queue::{Work, enqueue};
