//! Chance that repeats itself: every draw is a function of a name.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// FNV-1a, so that names give the same seeds whatever the compiler's own hash does.
fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// 32 bytes that depend on `name` alone. Good for test keys, not for secrets.
pub(crate) fn random_bytes(name: &str) -> [u8; 32] {
    StdRng::seed_from_u64(seed_of(name)).random()
}

/// A source of repeatable chance.
pub(super) struct Dice(StdRng);

impl Dice {
    /// The chance named `name` of the device with this seed.
    pub(super) fn new(name: &str, seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed_of(name) ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A number from 0 to `end`, without `end`.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.0.random_range(0..end)
    }

    /// One of `choices`, which is not empty.
    pub(super) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.0.random_range(0..choices.len())]
    }

    /// So many hexadecimal digits in upper case.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from(b"0123456789ABCDEF"[self.below(16) as usize])).collect()
    }
}
