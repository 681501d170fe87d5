//! The audit log: what people and programs did, kept so that nobody can change it unnoticed.
//!
//! A use case makes an [`Act`] of what it does and records it last in its own transaction: there is no change without its
//! row. Who acts comes from the edges ([`acting`]). Rows are only ever added, each hashed together with the one before it
//! ([`chain`]), and where they end is signed ([`head`]); [`check()`] reads them again. What this never does: decide whether
//! somebody may do what they do, or keep a secret.

mod act;
mod actor;
mod chain;
mod check;
mod export;
mod head;
mod lately;
mod prune;
mod read;
mod record;
mod refusals;

pub use act::{Act, Action, Changes, action};
pub use actor::{Acting, Actor, Means, acting};
pub use chain::GENESIS;
pub use check::{check, check_newest};
pub use export::export;
pub(crate) use head::begin;
pub use head::sign;
pub use lately::{refused_once, reveal, reveal_named};
pub(crate) use prune::sign_anew_in_txn;
pub use prune::{prune, sign_checkpoint};
pub use read::{find, page};
pub use record::{record, record_all_in_txn, record_if_asked, record_if_asked_in_txn, record_in_txn};
pub use refusals::{Refusals, record_refusal, tell_all_refusals, tell_refusals};
