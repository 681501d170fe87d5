//! Notifications at real servers: a mail server (aiosmtpd), web servers and syslog servers; and those at their worst.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod chats;
mod hooks;
mod lines;
mod machines;
mod mails;
mod outages;
mod servers;
mod stored;
mod support;
mod told;
