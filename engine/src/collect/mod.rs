//! Collection: logs in to a device, takes its configuration whole, and is never fooled.
//!
//! [`collect()`] runs a [`Driver`] (a platform as data) against a [`Target`] and ends in one [`Outcome`]. A text is
//! handed out only when every command came back to a prompt (or ended with the exit status it should), nothing
//! in the answers was a rejection, and the part's completeness rule held; otherwise there is no text at all, but
//! a class, a sentence, and the session's transcript with secrets masked.
//!
//! This module never touches the database: what a text means against earlier ones (unchanged, suspect) is decided
//! where versions are kept.

mod clean;
mod compare;
mod completeness;
mod driver;
mod evidence;
mod failure;
mod outcome;
mod pace;
mod prompt;
mod redact;
mod rejection;
mod runner;
mod session;
mod target;
mod terminal;
mod transcript;
mod transport;

pub use compare::compare_text;
pub use driver::{Driver, DriverError, DriverSet};
pub use outcome::{Facts, HostKeySeen, Outcome, PartText};
pub use redact::redact;
pub use runner::collect;
pub use target::{Limits, Login, Target};
