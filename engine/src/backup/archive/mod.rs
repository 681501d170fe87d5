//! The archive as a file: written, sealed, opened, read back. docs/archives.md is its reference.
//!
//! Knows no database and no device: `contents` says what goes in, `restore` what becomes of what comes out.

pub mod manifest;
pub(crate) mod names;
mod near;
pub(super) mod pack;
pub mod read_back;
pub mod reader;
pub mod seal;
pub(crate) mod writer;
