//! Importing devices: from CSV and JSON, and from what other programs keep of theirs.

pub mod apply;
pub mod django;
pub mod parse;
pub mod platforms;
pub mod router_db;
