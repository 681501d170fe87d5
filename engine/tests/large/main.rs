//! Archives beyond what a zip of 1989 holds: more than 65,535 entries, and more than 4 GiB in one entry and in all.
//!
//! Always reads one with many entries; `ETIQA_TEST_LONG=1` has a run make such a one, and one of 4 GiB, which takes minutes
//! where other programs keep the disk busy. A program of its own, since it asks how much memory the process has taken,
//! which is a matter of all that it does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use etiqa_engine::backup::archive::manifest::{Counts, Manifest, ManifestEntry};
use etiqa_engine::backup::restore::drill::drill_run;
use etiqa_engine::backup::restore::extract;
use etiqa_engine::backup::verify::{Key, verify_path, verify_run};
use etiqa_engine::hex::sha256_hex;
use etiqa_model::backup::BackupKind;
use etiqa_model::{BackupConfigId, RunId, Timestamp};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::common::world::World;

/// More than the 16 bits of a zip without ZIP64 count.
const MANY: usize = 66_000;
/// More than the 32 bits of a zip without ZIP64 measure.
const HUGE: u64 = (4 << 30) + (64 << 20);
/// What the process may have taken at its peak, whatever the archive's bytes.
const MOST_MEMORY: u64 = 128 << 20;
/// What each entry may add to that: the zip's own list of them is in memory, the writer's and one for each reader.
const MEMORY_PER_ENTRY: u64 = 12 << 10;

/// A world, and a backup of its media and its database.
async fn world_with(fill: impl FnOnce(&Path)) -> (World, BackupConfigId) {
    let world = World::new().await;
    fill(&world.engine.dir.media());
    let config = world.add_config(|input| input.kind = "data".into()).await;
    (world, config)
}

/// Programs of others read every byte of it.
fn opens_elsewhere(archive: &Path) {
    let seven_zip = ["7zz", "7z"].into_iter().find(|name| Command::new(name).output().is_ok());
    let python = "import sys, zipfile\nzip = zipfile.ZipFile(sys.argv[1])\nassert zip.testzip() is None";
    let readers: [(&str, &[&str]); 3] = [
        ("unzip", &["-tqq"]),
        (seven_zip.expect("7-Zip: run scripts/install-test-tools.sh"), &["t", "-bso0"]),
        ("python3", &["-c", python]),
    ];
    for (program, arguments) in readers {
        let read = Command::new(program).args(arguments).arg(archive).output();
        let read = read.unwrap_or_else(|error| panic!("{program}: {error}"));
        let said = String::from_utf8_lossy(&read.stdout) + String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{program}: {said}");
    }
}

/// The most memory that this process ever had, in bytes (proc(5)).
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_has_as_many_entries_and_bytes_as_it_takes() {
    let is_long = std::env::var_os("ETIQA_TEST_LONG").is_some();
    if is_long {
        huge_entries().await;
        let peak = peak_memory();
        assert!(peak < MOST_MEMORY, "bytes take no memory: {} MiB", peak >> 20);
    }
    many_entries_are_read().await;
    if is_long {
        many_entries_are_written().await;
    }
    let peak = peak_memory();
    let most = MOST_MEMORY + MANY as u64 * MEMORY_PER_ENTRY;
    assert!(peak < most, "{} MiB, more than {} MiB", peak >> 20, most >> 20);
}

/// A file of the folder `media/`, and what is in it.
fn small_file(number: usize) -> (String, String) {
    (format!("media/{}/{number}", number / 1_000), number.to_string())
}

async fn many_entries_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("many.zip");
    let mut zip = ZipWriter::new(BufWriter::new(File::create(&archive).unwrap()));
    let mut manifest = Manifest {
        format: 1,
        made_by: "this test".into(),
        created_at: Timestamp(0),
        backup_config: "Many".into(),
        kind: BackupKind::Data,
        run_id: RunId(1),
        counts: Counts { files: MANY as u64, ..Counts::default() },
        schema: 0,
        tables: BTreeMap::new(),
        entries: Vec::new(),
    };
    for (name, text) in (0..MANY).map(small_file) {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        let (size, sha256) = (text.len() as u64, sha256_hex(text.as_bytes()));
        manifest.entries.push(ManifestEntry { name, original: None, size, sha256 });
    }
    zip.start_file("manifest.json", SimpleFileOptions::default()).unwrap();
    zip.write_all(&serde_json::to_vec(&manifest).unwrap()).unwrap();
    zip.finish().unwrap().into_inner().unwrap();

    let verified = verify_path(archive.clone(), Key::None).await.unwrap().unwrap();
    assert_eq!(verified.manifest.entries.len(), MANY);
    the_last_one_comes_out(archive).await;
}

async fn the_last_one_comes_out(archive: PathBuf) {
    let out = tempfile::tempdir().unwrap();
    let (name, text) = small_file(MANY - 1);
    extract(archive, Key::None, vec![name.clone()], out.path().to_owned()).await.unwrap();
    assert_eq!(std::fs::read_to_string(out.path().join(name)).unwrap(), text);
}

async fn many_entries_are_written() {
    let (world, config) = world_with(|media| {
        for (name, text) in (0..MANY).map(small_file) {
            let file = media.join(name.strip_prefix("media/").unwrap());
            if !file.parent().unwrap().exists() {
                std::fs::create_dir(file.parent().unwrap()).unwrap();
            }
            std::fs::write(file, text).unwrap();
        }
    })
    .await;
    let run = world.run(config).await;
    assert!(run.is_good(), "{:?}", run.error);
    let archive = world.engine.dir.backups().join(run.file.as_ref().unwrap());
    let verified = verify_path(archive.clone(), Key::None).await.unwrap().unwrap();
    assert_eq!(verified.manifest.counts.files, MANY as u64);
    assert_eq!(verified.manifest.entries.len(), MANY + 1, "and the database");
    opens_elsewhere(&archive);
    let drill = drill_run(&world.engine, run.id, None).await.unwrap();
    assert_eq!((drill.problem, drill.files), (None, MANY as u64 + 1));
    the_last_one_comes_out(archive).await;
}

/// One entry that is stored as it is, one that is compressed, and small ones after them, beyond 4 GiB of the file.
async fn huge_entries() {
    let (world, config) = world_with(|media| {
        for name in ["a-packed.bin", "b-zeros.bin"] {
            File::create(media.join(name)).unwrap().set_len(HUGE).unwrap();
        }
        // What is looked at to tell whether a file shrinks is noise here, so that it is stored.
        let mut noise = vec![0_u8; 64 << 10];
        let mut state = 1_u64;
        for byte in &mut noise {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
        let packed = File::options().write(true).open(media.join("a-packed.bin")).unwrap();
        for place in [0, HUGE / 2, HUGE - noise.len() as u64] {
            packed.write_all_at(&noise, place).unwrap();
        }
        std::fs::write(media.join("c-last.txt"), "beyond 4 GiB").unwrap();
    })
    .await;
    let run = world.run(config).await;
    assert!(run.is_good(), "{:?}", run.error);
    assert!(run.size_bytes.unwrap() > HUGE, "{run:?}");
    let archive = world.engine.dir.backups().join(run.file.as_ref().unwrap());
    assert_eq!(verify_run(&world.engine, run.id).await.unwrap().damage, None);
    opens_elsewhere(&archive);
    let out = tempfile::tempdir().unwrap();
    let last = "media/c-last.txt".to_owned();
    extract(archive, Key::None, vec![last.clone()], out.path().to_owned()).await.unwrap();
    assert_eq!(std::fs::read_to_string(out.path().join(last)).unwrap(), "beyond 4 GiB");
}
