//! Archives of others, for the fuzzers.

use std::io::Write;
use std::path::Component;

use tokio::sync::mpsc;

use super::files::{place_of, safe_path};
use super::rows::{Piece, read_rows};
use crate::backup::archive::read_back::read_back;
use crate::backup::archive::seal::Key;
use crate::store::dump::TABLES;

/// What a value may take.
const BOUND: u64 = 16 << 10;
/// Longer ones take time and find nothing new.
const LONGEST: usize = 64 << 10;

/// A file that somebody says is an archive.
///
/// It is whole, or refused in a sentence. Whatever it calls its files, these go below the folder that they are meant for.
///
/// # Panics
/// Where one of these does not hold.
pub fn archive(input: &[u8]) {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(input).and_then(|()| file.flush()).is_err() {
        return;
    }
    // What is the disk's fault is none of the archive's.
    let Ok(read) = read_back(file.path(), Key::None) else { return };
    let verified = match read {
        Ok(verified) => verified,
        Err(refusal) => {
            assert!(refusal.to_string().ends_with('.'), "{refusal}");
            return;
        }
    };
    assert_eq!(verified.size_bytes, input.len() as u64);
    for entry in &verified.manifest.entries {
        let places = [place_of(entry).ok().flatten(), safe_path(&entry.name).ok()];
        for place in places.into_iter().flatten() {
            let is_below = place.components().all(|part| matches!(part, Component::Normal(_)));
            assert!(is_below, "{} leads elsewhere", place.display());
        }
    }
}

/// A `database.json`.
///
/// Rows are of tables that there are, and have a value for each of their columns.
///
/// # Panics
/// Where one of these does not hold.
pub fn rows(input: &[u8]) {
    let input = &input[..input.len().min(LONGEST)];
    // There is room for all that so many bytes can be.
    let (sender, mut pieces) = mpsc::channel(LONGEST);
    // What is refused may have begun well.
    let read = read_rows(input, BOUND, &sender);
    drop(sender);
    let mut bytes = 0;
    while let Ok(piece) = pieces.try_recv() {
        let Piece::Rows { table, columns, rows } = piece else { continue };
        assert!(TABLES.contains(&table.as_str()), "{table} is no table");
        assert!(rows.iter().all(|row| row.len() == columns.len()), "a row of {table} is not whole");
        bytes += rows.iter().flatten().map(crate::store::restore::Cell::size).sum::<usize>();
    }
    // A cell is more than its text; the shortest ones, of two bytes with their comma, are that most of all.
    assert!(bytes <= (input.len() + 1) * 64, "rows out of nothing");
    if let Err(error) = read {
        assert!(!error.to_string().is_empty());
    }
}
