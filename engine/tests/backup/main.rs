//! From a device to a verified archive: what is recorded, what a run makes, when it runs, what is imported.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod bulk;
mod changes;
mod django;
mod fleet;
mod imports;
mod inventory_sources;
mod machines;
mod overdue;
mod reaching;
mod recording;
mod retaining;
mod rotating;
mod runs;
mod schedules;
mod scoped;
mod shared;
