//! This process, by the names that Prometheus's own libraries give it
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>): read from /proc, and left out where there
//! is none.

use std::fs;
use std::sync::OnceLock;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::text::{Kind, Page};
use crate::time::now_uncorrected;

/// What /proc/self/stat tells, as proc(5) numbers its fields.
struct Stat {
    /// Fields 14 and 15, in ticks of the clock: in the program and in the system for it.
    cpu_ticks: u64,
    /// Field 20.
    threads: u64,
    /// Field 22, in ticks since the machine was started.
    started_ticks: u64,
    /// Field 23, in bytes.
    virtual_bytes: u64,
    /// Field 24, in pages.
    resident_pages: u64,
}

/// Writes what is known of this process.
pub(super) fn write(page: &mut Page) {
    if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| read(&text)) {
        let ticks = clock_ticks_per_second().max(1) as f64;
        page.metric("process_cpu_seconds_total", Kind::Counter, "Seconds of processor that it took.");
        page.value(&[], stat.cpu_ticks as f64 / ticks);
        page.metric("process_resident_memory_bytes", Kind::Gauge, "Bytes of memory that it has.");
        page.count(&[], stat.resident_pages.saturating_mul(page_size() as u64));
        page.metric("process_virtual_memory_bytes", Kind::Gauge, "Bytes of addresses that it has.");
        page.count(&[], stat.virtual_bytes);
        page.metric("process_threads", Kind::Gauge, "Its threads.");
        page.count(&[], stat.threads);
        page.metric("process_start_time_seconds", Kind::Gauge, "When it was started, since the epoch.");
        page.value(&[], booted_at() + stat.started_ticks as f64 / ticks);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        page.metric("process_open_fds", Kind::Gauge, "Files and connections that it has open.");
        page.count(&[], files.count() as u64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.metric("process_max_fds", Kind::Gauge, "Files and connections that it may have open.");
        page.count(&[], most);
    }
}

/// The program's name is in brackets and may have anything in it, so that fields are counted from behind it.
fn read(text: &str) -> Option<Stat> {
    let (_, behind) = text.rsplit_once(')')?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        cpu_ticks: field(14)? + field(15)?,
        threads: field(20)?,
        started_ticks: field(22)?,
        virtual_bytes: field(23)?,
        resident_pages: field(24)?,
    })
}

/// When the machine was started, in seconds since the epoch. A service may see no /proc/stat, which tells it as well
/// (`ProcSubset=pid`).
fn booted_at() -> f64 {
    static BOOTED_AT: OnceLock<f64> = OnceLock::new();
    // Once: two readings differ by a moment, which would be taken for another start.
    *BOOTED_AT.get_or_init(|| {
        let up = clock_gettime(ClockId::Boottime);
        let up = up.tv_sec as f64 + up.tv_nsec as f64 / 1e9;
        now_uncorrected().millis() as f64 / 1_000.0 - up
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_from_behind_whatever_the_program_is_called() {
        let text = "7 (a) (b 9) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 0 19 20000 21 22 23";
        let stat = read(text).unwrap();
        assert_eq!((stat.cpu_ticks, stat.threads, stat.started_ticks), (11 + 12, 17, 19));
        assert_eq!((stat.virtual_bytes, stat.resident_pages), (20_000, 21));
        assert!(read("nonsense").is_none());
    }

    #[test]
    fn the_machine_was_started_when_the_system_says() {
        let text = fs::read_to_string("/proc/stat").unwrap();
        let noted = text.lines().find_map(|line| line.strip_prefix("btime ")).unwrap();
        let noted: f64 = noted.trim().parse().unwrap();
        assert!((booted_at() - noted).abs() < 2.0, "{noted}");
    }

    #[test]
    fn this_process_has_memory_and_open_files() {
        let mut page = Page::default();
        write(&mut page);
        let text = page.into_text();
        for name in ["process_resident_memory_bytes ", "process_open_fds ", "process_start_time_seconds "] {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            assert!(line[name.len()..].parse::<f64>().unwrap() > 0.0, "{line}");
        }
    }
}
