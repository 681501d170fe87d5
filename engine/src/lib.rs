//! Everything that touches a disk, a database or a network. Knows no HTTP server and no UI.

pub mod backup;
pub mod collect;
pub mod history;
pub mod import;
pub mod schedule;
