//! From a device to a verified archive: what is recorded, what a run makes, when it runs, what is imported.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod fleet;
mod imports;
mod machines;
mod reaching;
mod recording;
mod retaining;
mod rotating;
mod runs;
mod schedules;
#[path = "../collect/sshd.rs"]
#[expect(dead_code, reason = "the tests of transports use all of it")]
mod sshd;
#[path = "../collect/support.rs"]
#[expect(dead_code, reason = "the same")]
mod support;
