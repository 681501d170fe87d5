//! The files of the log: a new one each day, and where one has grown too large; old ones are given up.
//!
//! Several processes may write to one folder (a server and a command). So nothing is ever renamed: every process appends to the
//! file of the day that has room, `etiqa.2026-11-27.log` and then `etiqa.2026-11-27.1.log`, a whole line at a time, and looks
//! with each line whether that file is still there and has room. What cannot be written is left out: a full disk must not stop
//! a backup because of its log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use etiqa_engine::time::now;
use tracing_subscriber::fmt::MakeWriter;

/// After a failure nothing is written for so long: each try costs, and a full disk stays full for a while.
const REST: Duration = Duration::from_secs(5);

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Days, with today.
    pub(super) days: u16,
    /// Files.
    pub(super) files: usize,
    /// Bytes of a file, and at most a line more.
    pub(super) bytes: u64,
}

/// The files of a folder.
pub(super) struct Files {
    folder: PathBuf,
    limits: Limits,
    current: Mutex<Current>,
}

/// What is written to now.
#[derive(Default)]
struct Current {
    open: Option<(NaiveDate, File)>,
    /// A line was cut off: the next one begins anew.
    is_torn: bool,
    rests_until: Option<Instant>,
}

impl Files {
    pub(super) fn new(folder: PathBuf, limits: Limits) -> Self {
        Self { folder, limits, current: Mutex::default() }
    }

    /// Appends a line on this day; loses it where it cannot be written.
    fn add(&self, line: &[u8], today: NaiveDate) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.rests_until.is_some_and(|until| until > Instant::now()) {
            return;
        }
        if self.append(&mut current, line, today).is_err() {
            current.rests_until = Some(Instant::now() + REST);
        } else {
            current.rests_until = None;
        }
    }

    fn append(&self, current: &mut Current, line: &[u8], today: NaiveDate) -> io::Result<()> {
        if current.open.as_ref().is_some_and(|(day, file)| *day != today || !self.has_room(file)) {
            current.open = None;
        }
        let (_, file) = match &mut current.open {
            Some(open) => open,
            None => {
                let file = self.begin(today)?;
                current.is_torn = false;
                current.open.insert((today, file))
            }
        };
        let mut whole = Vec::with_capacity(line.len() + 1);
        if current.is_torn {
            whole.push(b'\n');
        }
        whole.extend_from_slice(line);
        // In one piece, so that lines of several processes do not mix.
        let written = file.write_all(&whole);
        current.is_torn = written.is_err();
        written
    }

    /// Whether a file may grow, and is still one that anybody will find.
    fn has_room(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|found| found.len() < self.limits.bytes && is_linked(&found))
    }

    /// Opens the file of a day that has room, and gives up what is too old or too much.
    fn begin(&self, today: NaiveDate) -> io::Result<File> {
        let known = list(&self.folder)?;
        let mut number =
            known.iter().filter(|(name, _)| name.day == today).map(|(name, _)| name.number).max();
        loop {
            let name = Name { day: today, number: number.unwrap_or(0) };
            let file = open(&self.folder.join(name.to_string()))?;
            if self.has_room(&file) {
                self.prune(known, name);
                return Ok(file);
            }
            number = Some(name.number + 1);
        }
    }

    /// Another process may be faster at it; what cannot be removed stays until the next time.
    fn prune(&self, mut known: Vec<(Name, PathBuf)>, newest: Name) {
        let oldest = newest.day.checked_sub_days(Days::new(u64::from(self.limits.days.saturating_sub(1))));
        known.retain(|(name, _)| *name != newest);
        known.sort_by_key(|(name, _)| std::cmp::Reverse(*name));
        for (at, (name, path)) in known.iter().enumerate() {
            // The newest one is not among them.
            if at + 1 >= self.limits.files || oldest.is_some_and(|oldest| name.day < oldest) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

impl<'a> MakeWriter<'a> for Files {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// Writes lines, each in one piece.
pub(super) struct Line<'a>(&'a Files);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line, now().to_utc().date_naive());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a file is called: by its day, in UTC as the times in it, and the how many-th of that day it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    day: NaiveDate,
    number: u32,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { day, number } = self;
        if *number == 0 { write!(f, "etiqa.{day}.log") } else { write!(f, "etiqa.{day}.{number}.log") }
    }
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("etiqa.")?.strip_suffix(".log")?;
        let (day, number) = match text.split_once('.') {
            Some((day, number)) => (day, number.parse().ok()?),
            None => (text, 0),
        };
        Some(Self { day: NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?, number })
    }
}

/// The files of the log in a folder; what else is there is not ours.
fn list(folder: &Path) -> io::Result<Vec<(Name, PathBuf)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str().and_then(Name::parse) {
            names.push((name, entry.path()));
        }
    }
    Ok(names)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn is_linked(found: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(found) > 0
}

#[cfg(not(unix))]
fn is_linked(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { days: 3, files: 4, bytes: 20 };

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn files(folder: &Path) -> Files {
        Files::new(folder.to_owned(), LIMITS)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = list(folder).unwrap().into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_day_and_a_size_begin_a_file_and_what_is_old_or_too_much_goes() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        files.add(b"ten bytes\n", day(1));
        files.add(b"ten bytes\n", day(1));
        files.add(b"more\n", day(1));
        assert_eq!(names(folder.path()), ["etiqa.2026-11-01.log", "etiqa.2026-11-01.1.log"]);
        files.add(b"a line\n", day(3));
        assert_eq!(names(folder.path()).len(), 3, "the first day is among three");
        files.add(b"a line\n", day(4));
        assert_eq!(names(folder.path()), ["etiqa.2026-11-03.log", "etiqa.2026-11-04.log"]);
        for _ in 0..20 {
            files.add(b"ten bytes\n", day(4));
        }
        let left = names(folder.path());
        assert_eq!(left.len(), LIMITS.files, "{left:?}");
        assert!(left.iter().all(|name| name.starts_with("etiqa.2026-11-04.")), "{left:?}");
    }

    #[test]
    fn processes_that_share_a_folder_lose_no_line_and_go_on_where_a_file_was_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { days: 3, files: 1_000, bytes: 500 };
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let files = Files::new(folder.path().to_owned(), limits);
                std::thread::spawn(move || {
                    for line in 0..200 {
                        files.add(format!("{writer} {line}\n").as_bytes(), day(1));
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        let read = |folder: &Path| {
            let texts = list(folder).unwrap().into_iter().map(|(_, path)| fs::read_to_string(path).unwrap());
            texts.collect::<String>().lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(read(folder.path()).len(), 800);
        assert!(names(folder.path()).len() > 5, "each of them had its bound");

        let files = files(folder.path());
        files.add(b"one\n", day(2));
        fs::remove_file(folder.path().join("etiqa.2026-11-02.log")).unwrap();
        files.add(b"two\n", day(2));
        assert_eq!(fs::read_to_string(folder.path().join("etiqa.2026-11-02.log")).unwrap(), "two\n");
    }

    #[test]
    fn what_cannot_be_written_is_left_out_and_a_line_that_was_cut_off_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Files::new(folder.path().join("gone"), LIMITS);
        gone.add(b"nowhere\n", day(1));
        gone.add(b"nowhere\n", day(1));

        let files = files(folder.path());
        files.add(b"half a li", day(1));
        files.current.lock().unwrap().is_torn = true;
        files.add(b"next\n", day(1));
        let text = fs::read_to_string(folder.path().join("etiqa.2026-11-01.log")).unwrap();
        assert_eq!(text, "half a li\nnext\n");
    }

    #[test]
    fn a_full_disk_ends_nothing() {
        // Linux has a device that takes nothing (full(4)).
        if !Path::new("/dev/full").exists() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        files.current.lock().unwrap().open = Some((day(1), full));
        files.add(b"lost\n", day(1));
        let current = files.current.lock().unwrap();
        assert!(current.is_torn && current.rests_until.is_some());
    }

    #[test]
    fn other_files_of_the_folder_are_nobodys_to_remove() {
        for name in ["etiqa.log", "etiqa.2026-11-01.log.gz", "notes.2026-11-01.log", "etiqa.2026-11-01.x.log"]
        {
            assert_eq!(Name::parse(name), None, "{name}");
        }
        for name in ["etiqa.2026-11-01.log", "etiqa.2026-11-01.12.log"] {
            assert_eq!(Name::parse(name).unwrap().to_string(), name);
        }
    }
}
