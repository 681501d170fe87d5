//! Vendors' own backups, fetched from simulated appliances: whole or not at all, and nothing is left on the device.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod appliances;
mod certificates;
mod faults;
mod fetch;
mod runs;
