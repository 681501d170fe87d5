//! Due times, the scheduler, and the queue.

pub mod due;
