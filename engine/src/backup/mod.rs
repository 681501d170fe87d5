//! Archives: what becomes of them.

pub mod retention;
