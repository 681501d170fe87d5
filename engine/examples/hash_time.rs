//! How long one bare password hash takes, with the figures that signing in uses, for `make bench`: prints the median of some
//! rounds, in milliseconds.

#![expect(clippy::print_stdout, reason = "a program that prints one figure")]

use std::time::Instant;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};

const ROUNDS: usize = 21;

fn main() -> Result<(), argon2::Error> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None)?);
    let mut took: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            let hash: Result<PasswordHash, _> = argon2.hash_password(b"a sentence is easy to keep");
            let _ = std::hint::black_box(hash);
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    took.sort_by(f64::total_cmp);
    println!("{:.2}", took[ROUNDS / 2]);
    Ok(())
}
