//! Bytes without a pattern that can be read from any place.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// The bytes that are made in one go.
const BLOCK: usize = 4_096;

/// Endless bytes without a pattern, behind a head.
pub(super) struct Noise {
    seed: u64,
    head: &'static [u8],
}

impl Noise {
    pub(super) fn new(seed: u64, head: &'static [u8]) -> Self {
        Self { seed, head }
    }

    /// Fills `piece` with the bytes from `at` on.
    pub(super) fn read(&self, at: u64, piece: &mut [u8]) {
        let head = usize::try_from(at).ok().and_then(|at| self.head.get(at..)).unwrap_or_default();
        let count = head.len().min(piece.len());
        piece[..count].copy_from_slice(&head[..count]);
        let mut done = count;
        let mut block_bytes = [0; BLOCK];
        while done < piece.len() {
            let place = at + done as u64;
            let (block, within) = (place / BLOCK as u64, (place % BLOCK as u64) as usize);
            StdRng::seed_from_u64(self.seed ^ block.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .fill_bytes(&mut block_bytes);
            let count = (BLOCK - within).min(piece.len() - done);
            piece[done..done + count].copy_from_slice(&block_bytes[within..within + count]);
            done += count;
        }
    }
}
