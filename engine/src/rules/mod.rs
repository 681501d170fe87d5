//! Rules: what every configuration must, or must not, hold; kept beside the sessions that store texts.
//!
//! A text is held against the rules that are about it when it becomes the active one and when a rule changes, by a job of the
//! queue and a few devices at a time ([`check`]): it is read once for all of its rules, and only for those that it was not
//! held against yet. What that came to is kept for each rule, part and device, and changes only where the answer does.
//! What pages read are those rows; nothing grows with how many versions there were.
//!
//! Texts are looked into as they are stored: a secret may be what a rule is about. So patterns are for operators, and lines
//! are shown to everybody with their secrets masked ([`read`]). Never changes a device, and never decides what is stored.

mod blocks;
mod check;
mod lines;
mod manage;
mod outcome;
mod preview;
mod question;
mod read;
mod report;
mod starter;

pub use check::{check_all, check_due, check_one, queue_look};
pub(crate) use check::{queue_changed_in_txn, run};
pub use manage::{enable, find, find_by_name, remove, save};
pub use preview::preview;
pub(crate) use read::NEWLY;
pub use read::{broken, broken_of, is_any_broken, list, newly_broken, of_device, page};
pub use report::report;
pub use starter::{add_starters, starters};
