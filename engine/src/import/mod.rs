//! Importing devices from CSV and JSON.

pub mod parse;
