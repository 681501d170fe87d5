//! Secrets that sing: planted wherever somebody types one, and listened for in everything that comes out, however it is
//! written.

use std::io::{Cursor, Read};
use std::path::Path;

use etiqa_engine::hex::to_hex;

use super::World;

/// Is in every planted secret, at both ends. Letters alone, which HTML, JSON and addresses write as they are.
const SONG: &str = "kanarija";
/// Characters around a leak that are shown.
const AROUND: usize = 160;

/// A secret of this name, with characters that forms, JSON, HTML and shells write in other ways.
pub(crate) fn canary(name: &str) -> String {
    format!("{SONG}-{name}-9\"&<%ß {SONG}")
}

/// What is listened for.
pub(crate) struct Listener {
    /// What it is, and how it is written.
    songs: Vec<(String, String)>,
}

impl Listener {
    /// For everything that was planted.
    pub(crate) fn new() -> Self {
        let mut listener = Self { songs: Vec::new() };
        listener.add("a planted secret", SONG.as_bytes());
        listener.songs.push(("a planted secret, in capitals".into(), SONG.to_uppercase()));
        listener
    }

    /// For a secret that the program made itself, or that cannot be chosen freely.
    pub(crate) fn add(&mut self, name: &str, secret: &[u8]) {
        let mut add = |form: &str, song: String| self.songs.push((format!("{name}, {form}"), song));
        if let Ok(text) = std::str::from_utf8(secret) {
            add("as it is", text.to_owned());
        }
        let hex = to_hex(secret);
        add("in hex", hex.to_uppercase());
        add("in hex", hex);
        for offset in 0..3 {
            let plain = base64_within(secret, offset);
            add("in base64 of addresses", plain.replace('+', "-").replace('/', "_"));
            add("in base64", plain);
        }
    }

    /// Fails where something of it is in `bytes`.
    #[track_caller]
    pub(crate) fn listen(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for (what, song) in &self.songs {
            if let Some(at) = text.find(song.as_str()) {
                let begins = text.floor_char_boundary(at.saturating_sub(AROUND));
                let ends = text.ceil_char_boundary((at + song.len() + AROUND).min(text.len()));
                panic!("{place} has {what}: {}", &text[begins..ends]);
            }
        }
    }

    /// Listens to every file below a folder, and to every entry of an archive that opens without a passphrase. A file of
    /// the key is left out: there it belongs.
    #[track_caller]
    pub(crate) fn listen_below(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            self.listen("a file's name", name.as_bytes());
            if path.is_dir() {
                self.listen_below(&path);
            } else if !name.starts_with("secret.key") {
                let bytes = std::fs::read(&path).unwrap();
                self.listen(&path.display().to_string(), &bytes);
                if path.extension().is_some_and(|extension| extension == "zip") {
                    self.listen_to_zip(&path.display().to_string(), bytes);
                }
            }
        }
    }

    /// Listens to every entry of a zip that opens without a passphrase.
    #[track_caller]
    pub(crate) fn listen_to_zip(&self, place: &str, bytes: Vec<u8>) {
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        for index in 0..zip.len() {
            let Ok(mut entry) = zip.by_index(index) else { continue };
            let name = entry.name().unwrap().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            self.listen(&format!("{name} of {place}"), &content);
        }
    }

    /// Listens to every cell of a world's database.
    pub(crate) async fn listen_to_cells(&self, world: &World) {
        let cells = world.database.cells().await;
        assert!(cells.len() > 20, "there are cells");
        for (column, cell) in cells {
            self.listen(&column, &cell);
        }
    }
}

/// The characters of a base64 text (RFC 4648) that stand for `secret` alone, where `offset` bytes of something else come
/// before it.
fn base64_within(secret: &[u8], offset: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = std::iter::repeat_n(0, offset).chain(secret.iter().copied()).collect();
    let bit = |at: usize| usize::from((bytes[at / 8] >> (7 - at % 8)) & 1);
    let (first, end) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
    let sextet = |at: usize| (at * 6..at * 6 + 6).fold(0, |value, place| (value << 1) | bit(place));
    (first..end).map(|at| char::from(ALPHABET[sextet(at)])).collect()
}

#[test]
fn a_canary_is_heard_however_it_is_written() {
    let listener = Listener::new();
    let hears = |text: &str| std::panic::catch_unwind(|| listener.listen("here", text.as_bytes())).is_err();
    assert_eq!(base64_within(b"user:pass", 0), "dXNlcjpwYXNz");
    let secret = canary("x");
    assert!(hears(&secret) && hears(&secret.to_uppercase()) && hears(&to_hex(secret.as_bytes())));
    for before in ["", "a", "ab", "abc"] {
        let text = [before, &secret].concat();
        assert!(hears(&base64_within(text.as_bytes(), 0)), "behind {before:?}");
    }
    assert!(!hears("kanari"));
}
