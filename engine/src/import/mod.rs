//! Importing devices from CSV and JSON.

pub mod apply;
pub mod parse;
