//! Searching all active texts, each test on both databases: what is found, who sees it, and what the index is for.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod finding;
mod indexing;
mod masked;
mod pages;
mod support;
