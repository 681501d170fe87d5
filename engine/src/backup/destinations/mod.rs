//! Destinations: archives are copied to other places, kept there, deleted there, and brought back.
//!
//! A copy is queued in the transaction that completes its run, and is `sent` only once it was read back there whole and
//! found equal. Never overwrites what it did not write, never deletes what is of another size than what it sent, and
//! does nothing at all by itself in an instance that was restored and not confirmed. A destination that does not answer
//! delays itself alone. One of them may be the place in which all machines keep their files: then a run is not completed
//! before its archive is there.

mod bring_back;
pub mod deliver;
mod done;
mod folder;
mod git;
mod http;
mod hushed;
mod manage;
pub mod object_store;
mod open;
mod part;
pub mod place;
mod probe;
mod s3_lock;
mod send;
mod sftp;
pub(crate) mod shared;
mod sharing;
mod webdav;
mod withdraw;

pub use bring_back::bring_back;
pub use manage::{accept_key, fetch, find, list, names, remove, retry, retry_copy, save};
pub use probe::test;
pub(crate) use send::{queue_due, queue_missed, send_due};
pub use send::{send_now, still_waiting};
pub(crate) use sharing::{Seen, put_missing};
pub use sharing::{share, unshare};
