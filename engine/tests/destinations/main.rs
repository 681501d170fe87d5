//! Copies of archives at real servers: an S3 server, a WebDAV server, OpenSSH, a folder; and those servers at their worst.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod bringing_back;
mod deleting;
mod faults;
mod folders;
mod instances;
mod machines;
mod mirroring;
mod moving;
mod secrets;
mod sending;
mod servers;
mod settings;
mod shared;
mod support;
