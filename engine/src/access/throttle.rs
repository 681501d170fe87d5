//! Slows down guessing: after a few failures, a name or an address waits. Nobody is locked out for long.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::{ErrorKind, Timestamp, UserError};

/// Failures that cost nothing.
const FREE: u32 = 5;
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(1);
/// A failure is forgotten after this long.
const MEMORY: Duration = Duration::from_mins(15);
/// Keys remembered at most; beyond it the oldest go.
const KEYS: usize = 10_000;

/// Failures by key (an account and an address together), in memory.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<String, (u32, Timestamp)>>,
}

impl Throttle {
    /// Refuses while the key has to wait.
    pub fn check(&self, key: &str, now: Timestamp) -> Result<(), UserError> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(&(count, last)) = failures.get(key) else { return Ok(()) };
        let waited = now.since(last);
        let wait = wait_after(count);
        if waited >= wait {
            return Ok(());
        }
        let seconds = (wait.saturating_sub(waited)).as_secs() + 1;
        Err(UserError::new(
            ErrorKind::TooMany,
            format!("Too many tries. Wait {seconds} seconds, then try again."),
        ))
    }

    /// Notes a failure.
    pub fn failed(&self, key: &str, now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= KEYS {
            failures.retain(|_, (_, last)| now.since(*last) < MEMORY);
        }
        if failures.len() >= KEYS
            && let Some(oldest) =
                failures.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone())
        {
            failures.remove(&oldest);
        }
        let entry = failures.entry(key.to_owned()).or_insert((0, now));
        let count = if now.since(entry.1) >= MEMORY { 1 } else { entry.0.saturating_add(1) };
        *entry = (count, now);
    }

    /// Forgets a key's failures.
    pub fn succeeded(&self, key: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None | Some(0) => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(6)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_gets_slower_and_is_forgiven() {
        let throttle = Throttle::default();
        let at = |seconds: i64| Timestamp(seconds * 1000);
        for _ in 0..FREE {
            throttle.failed("admin", at(0));
        }
        assert!(throttle.check("admin", at(0)).is_ok());
        throttle.failed("admin", at(0));
        assert!(throttle.check("admin", at(1)).unwrap_err().message.contains("Wait"));
        assert!(throttle.check("admin", at(2)).is_ok());
        assert!(throttle.check("somebody else", at(0)).is_ok());
        throttle.succeeded("admin");
        assert!(throttle.check("admin", at(0)).is_ok());
    }
}
