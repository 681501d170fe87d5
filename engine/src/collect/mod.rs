//! Collection: logs in to a device, takes its configuration whole, and is never fooled.
//!
//! [`collect()`] runs a [`Driver`] (a platform as data) against a [`Target`] and ends in one [`Outcome`]. A text is
//! handed out only when every command came back to a prompt (or ended with the exit status it should), nothing
//! in the answers was a rejection, and the part's completeness rule held; otherwise there is no text at all, but
//! a class, a sentence, and the session's transcript with secrets masked.
//!
//! This module never touches the database: what a text means against earlier ones (unchanged, suspect) is decided
//! where versions are kept.

mod artifact;
mod clean;
mod command;
mod compare;
mod completeness;
mod driver;
mod evidence;
mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod hush;
mod identify;
mod outcome;
mod pace;
mod pasted;
mod prompt;
#[cfg(test)]
mod recordings_tests;
mod redact;
mod rehearsal;
mod rejection;
mod runner;
mod session;
mod target;
mod terminal;
mod trace;
mod transcript;
mod transport;
mod trial;

pub use artifact::{
    ArtifactOutcome, CLEAN_UP, INCOMING_PREFIX, Incoming, Made, Order, Received, fetch_artifact,
};
pub(crate) use command::{Command, CommandFailure, run_command};
pub use compare::compare_text;
pub use driver::{Against, Checked, Driver, DriverError, DriverSet, DriverWarning};
pub(crate) use failure::Failure as SftpFailure;
pub(crate) use hush::Hush;
pub use identify::{Identified, identify};
pub use outcome::{Facts, HopKeySeen, HostKeySeen, Outcome, PartText};
pub use pasted::read_pasted;
pub use redact::{MASK, redact};
pub use rehearsal::{rehearse, rehearse_identification, rehearse_traced};
pub use runner::collect;
pub use target::{Endpoint, Hop, Limits, Login, Target};
pub use trace::Trace;
pub(crate) use transport::sftp::{SftpConnection, open_sftp};
pub(crate) use transport::ssh_login::key_opens;
pub use transport::tls::Trust;
pub(crate) use transport::tls::certificate_problem;
pub use trial::try_connection;
