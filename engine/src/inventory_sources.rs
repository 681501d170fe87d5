//! Lists of devices elsewhere that the inventory follows: a NetBox, a CSV or JSON file behind a URL or on this machine.
//!
//! A sync takes the list (`fetch`, `netbox`), reads it as an import's file (`wanted`), holds it against what is here (`plan`) and
//! writes the difference in one transaction (`write`); `sync` is all of that, from its lease to its result. It never deletes: a
//! device that a source does not list any more is disabled, or left, as a person chose. A field that a person changed here stays.
//! A list that comes half, or would disable more than a quarter of a source's devices, or give them other addresses, changes
//! nothing.

mod fetch;
mod manage;
mod netbox;
mod plan;
mod sync;
mod wanted;
mod write;

pub use manage::{detail, find, list, remove, save};
pub(crate) use sync::sync_queued;
pub use sync::{Asked, ask_for_sync, preview, preview_here, queue_due, sync_now};
