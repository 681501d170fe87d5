//! Archives that are trusted: sealed, found damaged wherever they are, tried out and restored.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod damage;
mod drills;
mod golden;
mod hostile;
mod postgres;
mod properties;
mod restoring;
mod sealing;
mod stopping;
mod support;
