//! History as people use it: labels, an older version made active, texts compared and handed out, files attached.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod as_of;
mod attached;
mod compared;
mod decided;
mod handed_out;
mod hashes;
