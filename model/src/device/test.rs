//! A test of the connection to a device.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::class::Class;

/// The newest test of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionTest {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none: it is on.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub class: Option<Class>,
    /// One sentence on how it ended.
    pub message: Option<String>,
    /// What was done and found, in order.
    pub steps: Vec<TestStep>,
}

/// Something that was done, or found where it begins with an arrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestStep {
    /// In words, without secrets.
    pub what: String,
    /// Milliseconds after the test began.
    pub after_ms: u64,
}

impl ConnectionTest {
    /// A test that begins.
    pub fn begun(at: Timestamp) -> Self {
        Self { started_at: at, finished_at: None, class: None, message: None, steps: Vec::new() }
    }

    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.finished_at.is_none()
    }

    /// Ends it.
    pub fn end(&mut self, at: Timestamp, class: Class, message: String) {
        self.finished_at = Some(at);
        self.class = Some(class);
        self.message = Some(message);
    }
}
