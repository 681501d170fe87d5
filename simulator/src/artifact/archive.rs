//! A `.tar.gz` that can be read from any place: a tar of a text and of noise, in gzip's stored blocks.
//!
//! Noise does not shrink, so nothing is lost by storing it; and a stored block's place is known beforehand.

use flate2::Crc;
use tar::Header;

use super::noise::Noise;
use super::{PIECE, Recipe};

/// RFC 1952 section 2.3: deflate, no name, no time, from Unix.
const GZIP_HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
/// A checksum and a length behind the blocks.
const GZIP_TAIL: u64 = 8;
/// RFC 1951 section 3.2.4: what a stored block holds at most, and what stands before it.
const BLOCK: u64 = 65_535;
const BLOCK_HEAD: u64 = 5;
/// What a tar is a multiple of.
const RECORD: u64 = 512;

/// A file of the archive's tar, and what stands before it.
pub(super) struct Archive {
    /// The tar up to the noise.
    head: Vec<u8>,
    noise: Noise,
    noise_size: u64,
    tar_size: u64,
    checksum: u32,
}

impl Archive {
    pub(super) fn new(recipe: &Recipe) -> Self {
        let mut head = Vec::new();
        append_header(&mut head, recipe.path, recipe.text.len() as u64);
        head.extend(recipe.text.as_bytes());
        head.resize(head.len().next_multiple_of(RECORD as usize), 0);
        // The header of the noise, two empty records at the end, and what gzip needs.
        let overhead = head.len() as u64 + 3 * RECORD + recipe.size / BLOCK * BLOCK_HEAD;
        let noise_size = recipe.size.saturating_sub(overhead);
        append_header(&mut head, "var/database.bin", noise_size);
        let tar_size = head.len() as u64 + noise_size.next_multiple_of(RECORD) + 2 * RECORD;
        let noise = Noise::new(recipe.seed, b"");
        let mut archive = Self { head, noise, noise_size, tar_size, checksum: 0 };
        archive.checksum = archive.checksum();
        archive
    }

    /// How many bytes it has.
    pub(super) fn size(&self) -> u64 {
        GZIP_HEAD.len() as u64 + self.tar_size + self.blocks() * BLOCK_HEAD + GZIP_TAIL
    }

    fn blocks(&self) -> u64 {
        self.tar_size.div_ceil(BLOCK)
    }

    /// Fills `piece` with the bytes from `at` on, which lie within the archive.
    pub(super) fn read(&self, at: u64, piece: &mut [u8]) {
        let mut done = 0;
        while done < piece.len() {
            done += self.read_some(at + done as u64, &mut piece[done..]);
        }
    }

    /// Fills the start of `piece`; gives how much of it.
    fn read_some(&self, at: u64, piece: &mut [u8]) -> usize {
        let Some(at) = at.checked_sub(GZIP_HEAD.len() as u64) else {
            return copy(&GZIP_HEAD[at as usize..], piece);
        };
        let (block, within) = (at / (BLOCK_HEAD + BLOCK), at % (BLOCK_HEAD + BLOCK));
        if at >= self.tar_size + self.blocks() * BLOCK_HEAD {
            let tail = [self.checksum.to_le_bytes(), (self.tar_size as u32).to_le_bytes()].concat();
            return copy(&tail[(at - self.tar_size - self.blocks() * BLOCK_HEAD) as usize..], piece);
        }
        let held = BLOCK.min(self.tar_size - block * BLOCK);
        if within < BLOCK_HEAD {
            let length = held as u16;
            let is_last = u8::from(block + 1 == self.blocks());
            let [low, high] = length.to_le_bytes();
            return copy(&[is_last, low, high, !low, !high][within as usize..], piece);
        }
        let within = within - BLOCK_HEAD;
        let count = piece.len().min((held - within) as usize);
        self.read_tar(block * BLOCK + within, &mut piece[..count]);
        count
    }

    /// Fills `piece` with the tar's bytes from `at` on.
    fn read_tar(&self, at: u64, piece: &mut [u8]) {
        let head = usize::try_from(at).ok().and_then(|at| self.head.get(at..)).unwrap_or_default();
        let from_head = copy(head, piece);
        let rest = &mut piece[from_head..];
        let within_noise = at + from_head as u64 - self.head.len() as u64;
        let from_noise = (rest.len() as u64).min(self.noise_size.saturating_sub(within_noise)) as usize;
        self.noise.read(within_noise, &mut rest[..from_noise]);
        rest[from_noise..].fill(0);
    }

    fn checksum(&self) -> u32 {
        let (mut checksum, mut at, mut piece) = (Crc::new(), 0, vec![0; PIECE]);
        while at < self.tar_size {
            let count = (self.tar_size - at).min(PIECE as u64) as usize;
            self.read_tar(at, &mut piece[..count]);
            checksum.update(&piece[..count]);
            at += count as u64;
        }
        checksum.sum()
    }
}

fn append_header(tar: &mut Vec<u8>, path: &str, size: u64) {
    let mut header = Header::new_gnu();
    // Refused only where a path is long; these are short.
    let _ = header.set_path(path);
    header.set_mode(0o600);
    header.set_size(size);
    header.set_cksum();
    tar.extend(header.as_bytes());
}

/// Copies as much as there is room for; gives how much.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to[..count].copy_from_slice(&from[..count]);
    count
}
