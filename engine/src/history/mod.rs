//! Config versions: what changed, and how it reads.

pub mod diff;
