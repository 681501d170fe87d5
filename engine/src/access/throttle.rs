//! Slows down guessing: after a few failures, a name or an address waits. Nobody is locked out by what others do: a browser
//! that signed in before is counted apart (see `Visitor::device_of`), and one that comes from where nobody failed by that name
//! has tries of its own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etiqa_model::{ErrorKind, Timestamp, UserError};

/// Failures of one name from one address that cost nothing.
const FREE_OF_A_NAME: u32 = 5;
/// Failures of one name that cost nothing, wherever they come from.
const FREE_OF_AN_ACCOUNT: u32 = 20;
/// Tries that a part of the net has at a name that has to wait because of others.
const OF_A_NEIGHBOURHOOD: u32 = 2;
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
    /// them gain little. Where nobody failed by that name in a quarter of an hour, a neighbourhood of the address (IPv4: a /24,
    /// IPv6: a /48), two tries do not wait for it: one address that keeps guessing keeps nobody elsewhere out. A browser that
    /// signed in as it before, told from others by `device`, is counted by that alone: what strangers fail at, at its own
    /// address or elsewhere, does not keep it out.
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
        let (from, around) = (network(address), neighbourhood(address));
        let (account, around) = (format!("{name}@"), format!("{name}@around {around}"));
        let own = vec![(format!("{name}@{from}"), FREE_OF_A_NAME), (from, FREE_OF_AN_ADDRESS)];
        let mut tries = self.lock();
        check_all(&tries, &own, now)?;
        let is_new_here = tries
            .get(&around)
            .is_none_or(|known| known.count < OF_A_NEIGHBOURHOOD || now.since(known.last) >= MEMORY);
        if !is_new_here {
            check(tries.get(&account), FREE_OF_AN_ACCOUNT, now)?;
        }
        let keys = own.into_iter().map(|(key, _)| key).chain([account, around]).collect();
        Ok(self.counted(&mut tries, keys, now))
    }

    fn count(&self, keys: Vec<(String, u32)>, now: Timestamp) -> Result<Attempt<'_>, UserError> {
        let mut tries = self.lock();
        check_all(&tries, &keys, now)?;
        let keys = keys.into_iter().map(|(key, _)| key).collect();
        Ok(self.counted(&mut tries, keys, now))
    }

    fn counted(&self, tries: &mut HashMap<String, Tries>, keys: Vec<String>, now: Timestamp) -> Attempt<'_> {
        for key in &keys {
            count(tries, key, now);
        }
        Attempt { throttle: self, keys }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Forgets the name's failures from there, and that the address, or anybody by that name, tried this time.
    pub fn succeeded(self) {
        let mut tries = self.throttle.lock();
        let Some((own, shared)) = self.keys.split_first() else { return };
        tries.remove(own);
        take_back(&mut tries, shared);
    }

    /// Nobody looked whether it was right: it was no failure.
    pub fn not_made(self) {
        take_back(&mut self.throttle.lock(), &self.keys);
    }
}

fn take_back(tries: &mut HashMap<String, Tries>, keys: &[String]) {
    for key in keys {
        if let Some(known) = tries.get_mut(key) {
            known.count = known.count.saturating_sub(1);
        }
    }
}

fn check_all(
    tries: &HashMap<String, Tries>,
    keys: &[(String, u32)],
    now: Timestamp,
) -> Result<(), UserError> {
    keys.iter().try_for_each(|(key, free)| check(tries.get(key), *free, now))
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

/// A part of the net that is mostly one organisation's: with IPv4 a /24, the smallest that is routed, with IPv6 a /48, what a
/// site gets (RFC 6177, 2).
fn neighbourhood(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => around_v4(address),
            None => {
                let [a, b, c, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}::/48")
            }
        },
        Ok(IpAddr::V4(address)) => around_v4(address),
        Err(_) => address.to_owned(),
    }
}

fn around_v4(address: Ipv4Addr) -> String {
    let [a, b, c, _] = address.octets();
    format!("{a}.{b}.{c}.0/24")
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
        let elsewhere = |host: u32| throttle.begin_as("ada", None, &format!("198.51.100.{host}"), at(0));
        for host in 0..OF_A_NEIGHBOURHOOD {
            elsewhere(host).unwrap();
        }
        assert!(elsewhere(200).is_err(), "a few tries from where nobody tried yet, and no more");
        let site = |net: u32| throttle.begin_as("ada", None, &format!("2001:db8:7:{net:x}::1"), at(0));
        for net in 0..OF_A_NEIGHBOURHOOD {
            site(net).unwrap();
        }
        assert!(site(200).is_err(), "who has many networks has one neighbourhood");
        assert!(throttle.begin_as("bob", None, "192.0.2.200", at(0)).is_ok(), "others are not concerned");
        let known = || throttle.begin_as("Ada", Some("0f0f"), "192.0.2.1", at(0));
        for _ in 0..=FREE_OF_A_NAME {
            known().unwrap();
        }
        assert!(known().is_err(), "a stolen cookie lets nobody guess for ever");
        assert!(throttle.begin_as("ada", Some("f0f0"), "192.0.2.1", at(0)).is_ok());
    }

    #[test]
    fn one_address_that_keeps_guessing_keeps_nobody_elsewhere_out() {
        let throttle = Throttle::default();
        let tries = |address, name, every: i64, from: i64| {
            (from * 1_000..(from + 1_800) * 1_000)
                .step_by(usize::try_from(every).unwrap())
                .filter(|at| throttle.begin_as(name, None, address, Timestamp(*at)).is_ok())
                .count()
        };
        let guessed = tries("192.0.2.66", "ada", 100, 0);
        assert!(guessed > 20, "it tries as often as it may");
        let at = at(1_800);
        assert!(throttle.begin_as("ada", None, "192.0.2.7", at).is_err(), "beside it one waits");
        throttle.begin_as("ada", None, "203.0.113.7", at).unwrap().succeeded();
        throttle.begin_as("ada", None, "203.0.113.7", at).unwrap();
    }

    #[test]
    fn what_nobody_looked_at_was_no_failure() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            throttle.begin_as("ada", None, "192.0.2.1", at(0)).unwrap().not_made();
        }
        assert!(throttle.begin_as("ada", None, "192.0.2.1", at(0)).is_ok());
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
