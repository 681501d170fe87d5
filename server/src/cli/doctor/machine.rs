//! What can be looked at before an instance is opened: files and their owners, space, the clock, limits of the system.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use etiqa_engine::Options;
use etiqa_engine::schedule::due::machine_zone;
use etiqa_engine::time::now;
use rustix::fs::statvfs;
use rustix::process::{Resource, geteuid, getrlimit};

use super::{Report, size};

/// Files of one folder that are looked at: where one has the wrong owner, most have.
const MOST_FILES: usize = 10_000;

/// As much as archives leave free at most.
const LITTLE_SPACE: u64 = 64 << 20;

/// What `serve` asks for: docs/tls.md.
const OPEN_FILES: u64 = 8_192;

/// What a server takes while it collects a few devices.
const LITTLE_MEMORY: u64 = 128 << 20;

/// No machine on which this program runs has an earlier time: 2026-01-01.
const FIRST_MOMENT_MS: i64 = 1_767_225_600_000;

pub(super) fn look(report: &mut Report, options: &Options, settings_file: Option<&Path>) {
    match settings_file {
        Some(file) => report.good("settings", format!("They are read from {}.", file.display())),
        None => report.good("settings", "No file: the command line and the environment alone."),
    }
    directory(report, &options.data_dir);
    key(report, options);
    space(report, &options.data_dir);
    clock(report);
    limits(report);
}

/// The directory, and whose the files within it are.
fn directory(report: &mut Report, root: &Path) {
    let about = "data directory";
    let shown = root.display();
    let metadata = match root.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return report.note(about, format!("There was none at {shown}; a new one is made."));
        }
        // Opening the instance says what to do.
        Err(error) => return report.note(about, format!("{shown} cannot be looked at: {error}.")),
    };
    let us = geteuid().as_raw();
    if metadata.uid() != us {
        return report.todo(
            about,
            format!(
                "{shown} belongs to user {}, and this is user {us}: run this as that user (sudo -u '#{}' etiqa …).",
                metadata.uid(),
                metadata.uid()
            ),
        );
    }
    let foreign = foreign_files(root, &metadata);
    if let Some((file, owner)) = foreign.first() {
        let also = match foreign.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        return report.todo(
            about,
            format!(
                "{}{also} belong to user {owner}, as if something had been run as another user: chown -R {us} {shown}",
                file.display()
            ),
        );
    }
    report.good(about, format!("{shown} and all in it belong to this user."));
    if us == 0 {
        report.note(
            about,
            format!(
                "This is root, and {shown} is root's. A user of its own is safer: chown -R etiqa {shown}; root then becomes \
                 that user by itself."
            ),
        );
    }
}

/// Files of the directory and of the folders in it whose owner is another one, with that owner.
fn foreign_files(root: &Path, owner: &Metadata) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = folder.read_dir() else { continue };
        for entry in entries.flatten().take(MOST_FILES) {
            let Ok(metadata) = entry.path().symlink_metadata() else { continue };
            if metadata.uid() != owner.uid() {
                found.push((entry.path(), metadata.uid()));
            }
            if metadata.is_dir() && folder == root {
                folders.push(entry.path());
            }
        }
    }
    found
}

fn key(report: &mut Report, options: &Options) {
    let file = options.secret_key_file.clone().unwrap_or_else(|| options.data_dir.join("secret.key"));
    // One that is missing, or cannot be read, keeps the instance from opening.
    let Ok(metadata) = file.metadata() else { return };
    let shown = file.display();
    let for_others = metadata.mode() & 0o077;
    if for_others == 0 {
        report.good("key", format!("{shown} is for its owner alone."));
    } else {
        report.todo("key", format!("Others than its owner may read {shown}: chmod 600 {shown}"));
    }
}

fn space(report: &mut Report, root: &Path) {
    // The one that is there, of the directory and those above it.
    let Some(disk) = root.ancestors().find_map(|folder| {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        statvfs(folder).ok()
    }) else {
        return;
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let total = disk.f_blocks.saturating_mul(disk.f_frsize);
    let words = format!("{} of {} are free where {} is", size(free), size(total), root.display());
    // Some file systems count no files: both are 0 there.
    if disk.f_files > 0 && disk.f_favail == 0 {
        report
            .todo("space", format!("No file can be made any more where {} is: remove some.", root.display()));
    } else if free < LITTLE_SPACE.min(total / 20) {
        report.todo("space", format!("{words}: free some space, or keep fewer archives."));
    } else {
        report.good("space", format!("{words}."));
    }
}

fn clock(report: &mut Report) {
    let at = now();
    let shown = at.to_utc().format("%Y-%m-%d %H:%M UTC");
    if at.millis() < FIRST_MOMENT_MS {
        report.todo("clock", format!("It shows {shown}, which is over: set it, and have it set by NTP."));
    } else {
        report.good("clock", format!("It shows {shown}."));
    }
    let zone = machine_zone();
    let has_zone = std::env::var_os("TZ").is_some() || Path::new("/etc/localtime").exists();
    if zone == "UTC" && !has_zone {
        report.note("time zone", "This machine has none: a schedule that names none is meant in UTC.");
    } else {
        report.good("time zone", format!("A schedule that names none is meant in {zone}."));
    }
}

fn limits(report: &mut Report) {
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < OPEN_FILES => report.note(
            "open files",
            format!(
                "This user may have {most} at once; `etiqa serve` asks for {OPEN_FILES} when many are connected \
                 (LimitNOFILE={OPEN_FILES} in a systemd unit)."
            ),
        ),
        Some(most) => report.good("open files", format!("{most} at once are allowed.")),
        None => report.good("open files", "As many as are needed are allowed."),
    }
    let Some(free) = available_memory() else { return };
    if free < LITTLE_MEMORY {
        report.todo("memory", format!("Only {} are available: give this machine more.", size(free)));
    } else {
        report.good("memory", format!("{} are available.", size(free)));
    }
}

/// Bytes that can be had without swapping (proc(5)), or the bound of the container where that is less (cgroup v2).
fn available_memory() -> Option<u64> {
    let known = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = known.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let free = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10;
    let bound = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let bound = bound.and_then(|bound| bound.trim().parse::<u64>().ok());
    Some(bound.map_or(free, |bound| free.min(bound)))
}
