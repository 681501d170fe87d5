//! Importing devices: from CSV and JSON, and from what other programs keep of theirs.

pub mod apply;
pub mod django;
pub mod parse;
pub mod platforms;
pub mod router_db;
mod uploading;

pub use uploading::Uploading;

use crate::history::turns::Turns;

/// Files that are in memory at once. A file of a million devices takes many times its length while it is read.
pub(crate) static TURNS: Turns = Turns::new(2);
