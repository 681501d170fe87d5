//! Slows down guessing: after a few failures, a name or an address waits. Nobody is locked out for long, and a browser that
//! signed in before not at all by what others do: it is counted apart (see `Visitor::device_of`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::{ErrorKind, Timestamp, UserError};

/// Failures of one name from one address that cost nothing.
const FREE_OF_A_NAME: u32 = 5;
/// Failures of one name that cost nothing, wherever they come from.
const FREE_OF_AN_ACCOUNT: u32 = 20;
/// Failures of one address that cost nothing, whatever the names: several people may be behind it.
const FREE_OF_AN_ADDRESS: u32 = 30;
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(1);
/// A failure is forgotten after this long.
const MEMORY: Duration = Duration::from_mins(15);
/// Keys remembered at most; beyond it those that failed least go.
const KEYS: usize = 10_000;
/// How many go at once, so that a full memory is not walked for every guess.
const FORGET: usize = 1_000;

/// Failures by name and address, and by address alone, in memory.
#[derive(Debug, Default)]
pub struct Throttle {
    tries: Mutex<HashMap<String, Tries>>,
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: Timestamp,
}

/// A try that has begun; it counts as failed unless it is said to have succeeded.
#[derive(Debug)]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    /// What is counted, the narrowest first: that is forgotten on success.
    keys: Vec<String>,
}

impl Throttle {
    /// Counts a try of `name` from `address` before anybody knows whether it will succeed, so that many at once gain
    /// nothing; refused while either has to wait. `name` must be of bounded length: it is remembered.
    pub fn begin(&self, name: &str, address: &str, now: Timestamp) -> Result<Attempt<'_>, UserError> {
        let from = network(address);
        let named = format!("{}@{from}", name.to_lowercase());
        self.count(vec![(named, FREE_OF_A_NAME), (from, FREE_OF_AN_ADDRESS)], now)
    }

    /// The same for somebody who wants to sign in as `name`: that name waits as well, whatever the addresses, so that many of
    /// them gain nothing. A browser that signed in as it before, told from others by `device`, is counted by that alone: what
    /// strangers fail at, at its own address or elsewhere, does not keep it out.
    pub fn begin_as(
        &self,
        name: &str,
        device: Option<&str>,
        address: &str,
        now: Timestamp,
    ) -> Result<Attempt<'_>, UserError> {
        let name = name.to_lowercase();
        if let Some(device) = device {
            return self.count(vec![(format!("{name}#{device}"), FREE_OF_A_NAME)], now);
        }
        let from = network(address);
        let keys = vec![
            (format!("{name}@{from}"), FREE_OF_A_NAME),
            (from, FREE_OF_AN_ADDRESS),
            (format!("{name}@"), FREE_OF_AN_ACCOUNT),
        ];
        self.count(keys, now)
    }

    fn count(&self, keys: Vec<(String, u32)>, now: Timestamp) -> Result<Attempt<'_>, UserError> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, free) in &keys {
            check(tries.get(key), *free, now)?;
        }
        for (key, _) in &keys {
            count(&mut tries, key, now);
        }
        Ok(Attempt { throttle: self, keys: keys.into_iter().map(|(key, _)| key).collect() })
    }
}

impl Attempt<'_> {
    /// Forgets the name's failures from there, and that the address, or anybody by that name, tried this time.
    pub fn succeeded(self) {
        let mut tries = self.throttle.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((own, shared)) = self.keys.split_first() else { return };
        tries.remove(own);
        for key in shared {
            if let Some(known) = tries.get_mut(key) {
                known.count = known.count.saturating_sub(1);
            }
        }
    }
}

fn check(known: Option<&Tries>, free: u32, now: Timestamp) -> Result<(), UserError> {
    let Some(tries) = known else { return Ok(()) };
    let (wait, waited) = (wait_after(tries.count, free), now.since(tries.last));
    if waited >= wait {
        return Ok(());
    }
    let seconds = (wait.saturating_sub(waited)).as_secs() + 1;
    Err(UserError::new(
        ErrorKind::TooMany,
        format!("Too many tries. Wait {seconds} seconds, then try again."),
    ))
}

fn count(tries: &mut HashMap<String, Tries>, key: &str, now: Timestamp) {
    if tries.len() >= KEYS {
        tries.retain(|_, known| now.since(known.last) < MEMORY);
    }
    if tries.len() >= KEYS {
        // Whoever fills the memory with names must not push out the ones that are guessed at.
        let mut by_weight: Vec<_> =
            tries.iter().map(|(key, known)| (known.count, known.last, key.clone())).collect();
        by_weight.sort_unstable();
        for (_, _, key) in by_weight.into_iter().take(FORGET) {
            tries.remove(&key);
        }
    }
    let known = tries.entry(key.to_owned()).or_insert(Tries { count: 0, last: now });
    let before = if now.since(known.last) >= MEMORY { 0 } else { known.count };
    *known = Tries { count: before.saturating_add(1), last: now };
}

fn wait_after(failures: u32, free: u32) -> Duration {
    match failures.checked_sub(free) {
        None | Some(0) => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(6)).min(LONGEST),
    }
}

/// What one person can have of an address: with IPv6, a whole /64 (RFC 4291, 2.5.1).
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    #[test]
    fn guessing_gets_slower_and_is_forgiven() {
        let throttle = Throttle::default();
        let begin = |name, seconds| throttle.begin(name, "192.0.2.1", at(seconds));
        for _ in 0..=FREE_OF_A_NAME {
            begin("admin", 0).unwrap();
        }
        assert!(begin("Admin", 1).unwrap_err().message.contains("Wait"));
        assert!(begin("somebody else", 1).is_ok());
        begin("admin", 2).unwrap().succeeded();
        for _ in 0..=FREE_OF_A_NAME {
            begin("admin", 2).unwrap();
        }
    }

    #[test]
    fn an_address_that_guesses_many_names_waits_as_well() {
        let throttle = Throttle::default();
        for number in 0..=FREE_OF_AN_ADDRESS {
            throttle.begin(&format!("name{number}"), "2001:db8::1", at(0)).unwrap();
        }
        assert!(throttle.begin("another", "2001:db8::2", at(1)).is_err(), "the same network");
        assert!(throttle.begin("another", "2001:db8:0:1::2", at(1)).is_ok());
    }

    #[test]
    fn a_name_that_is_guessed_at_from_everywhere_waits_but_not_for_browsers_that_know_it() {
        let throttle = Throttle::default();
        let stranger = |host: u32| throttle.begin_as("ada", None, &format!("192.0.2.{host}"), at(0));
        for host in 0..=FREE_OF_AN_ACCOUNT {
            stranger(host).unwrap();
        }
        assert!(stranger(200).unwrap_err().message.contains("Wait"));
        assert!(throttle.begin_as("bob", None, "192.0.2.200", at(0)).is_ok(), "others are not concerned");
        let known = || throttle.begin_as("Ada", Some("0f0f"), "192.0.2.1", at(0));
        for _ in 0..=FREE_OF_A_NAME {
            known().unwrap();
        }
        assert!(known().is_err(), "a stolen cookie lets nobody guess for ever");
        assert!(throttle.begin_as("ada", Some("f0f0"), "192.0.2.1", at(0)).is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_who_guesses_most_is_remembered_longest() {
        let throttle = Throttle::default();
        for _ in 0..=FREE_OF_A_NAME {
            throttle.begin("admin", "192.0.2.1", at(0)).unwrap();
        }
        for number in 0..2 * KEYS {
            let _ = throttle.begin("x", &format!("198.51.{}.{}", number / 256, number % 256), at(0));
        }
        assert!(throttle.tries.lock().unwrap().len() <= KEYS);
        assert!(throttle.begin("admin", "192.0.2.1", at(1)).is_err());
    }
}
