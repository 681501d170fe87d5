//! The stores, each test on both databases: a real SQLite file and a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod artifacts;
mod audit;
mod backups;
mod configs;
mod destinations;
mod devices;
mod handover;
mod metrics;
mod overview;
mod people;
mod portable;
mod queue;
mod rotation;
mod scopes;
mod views;
