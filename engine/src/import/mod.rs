//! Importing devices from CSV and JSON.

pub mod apply;
pub mod parse;
mod uploading;

pub use uploading::Uploading;

use crate::history::turns::Turns;

/// Files that are in memory at once. A file of a million devices takes many times its length while it is read.
static TURNS: Turns = Turns::new(2);
