//! A file that is read here and there: what lies near is in memory already, and is not read again.
//!
//! A zip is read entry by entry, and each is found by a place in the file. A plain buffered reader forgets its buffer at
//! every such step, so that a small entry costs the whole buffer, twice.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 17;

/// A buffered reader that keeps its buffer where a step stays within it.
pub(super) struct Near<R> {
    source: BufReader<R>,
    /// Where the next byte comes from.
    place: u64,
}

impl<R: Read + Seek> Near<R> {
    /// Reads `source` from its beginning.
    pub(super) fn new(source: R) -> Self {
        Self { source: BufReader::with_capacity(BUFFER, source), place: 0 }
    }
}

impl<R: Read + Seek> Read for Near<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.place += read as u64;
        Ok(read)
    }
}

impl<R: Read + Seek> BufRead for Near<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.source.consume(amount);
        self.place += amount as u64;
    }
}

impl<R: Read + Seek> Seek for Near<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let step = match to {
            SeekFrom::Start(place) => i64::try_from(i128::from(place) - i128::from(self.place)).ok(),
            SeekFrom::Current(step) => Some(step),
            SeekFrom::End(_) => None,
        };
        match step.and_then(|step| Some((step, self.place.checked_add_signed(step)?))) {
            Some((step, place)) => {
                self.source.seek_relative(step)?;
                self.place = place;
            }
            None => self.place = self.source.seek(to)?,
        }
        Ok(self.place)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Counts what is asked of the file beneath.
    struct Counted {
        file: io::Cursor<Vec<u8>>,
        reads: usize,
    }

    impl Read for Counted {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.reads += 1;
            self.file.read(buffer)
        }
    }

    impl Seek for Counted {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    #[test]
    fn steps_within_what_is_at_hand_read_nothing_again() {
        let mut near = Near::new(Counted { file: io::Cursor::new(bytes(BUFFER)), reads: 0 });
        let mut piece = [0; 10];
        for place in [0, 500, 20, 70_000, 69_990, 3] {
            near.seek(SeekFrom::Start(place)).unwrap();
            near.read_exact(&mut piece).unwrap();
            assert_eq!(piece, bytes(BUFFER)[place as usize..][..10]);
        }
        assert_eq!(near.source.get_ref().reads, 1);
    }

    proptest! {
        #[test]
        fn it_reads_what_the_file_itself_would_give(
            steps in prop::collection::vec((0..4_u8, -400_000..400_000_i64, 0..200_000_usize), 0..12),
        ) {
            let whole = bytes(300_000);
            let (mut near, mut file) = (Near::new(io::Cursor::new(whole.clone())), io::Cursor::new(whole));
            for (kind, by, length) in steps {
                let to = match kind {
                    0 => SeekFrom::Start(by.unsigned_abs()),
                    1 => SeekFrom::Current(by),
                    2 => SeekFrom::End(by),
                    _ => SeekFrom::Current(0),
                };
                let (moved, expected) = (near.seek(to), file.seek(to));
                prop_assert_eq!(moved.as_ref().ok(), expected.as_ref().ok());
                let (mut given, mut wanted) = (Vec::new(), Vec::new());
                near.by_ref().take(length as u64).read_to_end(&mut given).unwrap();
                file.by_ref().take(length as u64).read_to_end(&mut wanted).unwrap();
                prop_assert!(given == wanted && near.stream_position().unwrap() == file.position());
            }
        }
    }
}
