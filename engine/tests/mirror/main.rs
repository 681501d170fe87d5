//! The Git mirror: commits that Git itself reads, and pushes to real servers and to such that misbehave.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod commits;
mod crashes;
mod durable;
mod folders;
mod garbage;
mod hostile;
mod http;
mod server;
mod ssh;
mod support;
