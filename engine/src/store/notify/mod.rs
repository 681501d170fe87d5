//! Notifications: channels, rules, what happened and is not sorted yet, what lasts, and the outbox.

pub mod channel;
pub mod condition;
pub mod delivery;
pub mod notice;
pub mod open;
pub mod rule;
