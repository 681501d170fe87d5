//! What holds for every archive, whatever is in it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use etiqa_engine::backup::archive::manifest::{Counts, Manifest, ManifestEntry};
use etiqa_engine::backup::restore::{Request, Secrets, restore};
use etiqa_engine::backup::verify::{Key, verify_path};
use etiqa_model::backup::BackupKind;
use etiqa_model::{RunId, Timestamp};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::common::world::World;
use crate::support::path;

/// Worlds of files that are archived and restored: each is a run, and a restore.
const WORLDS: u32 = 12;

/// Names that have been trouble somewhere.
const TROUBLE: &[&str] = &[
    "CON",
    "con.txt",
    "nul",
    "LPT1.log",
    "a b",
    "a_b",
    "A_B",
    "a_b_2",
    "größe",
    "GRÖSSE",
    "..a",
    ".hidden",
    "x.",
    "x ",
    "x",
    "X",
    "back\\slash",
    "co:lon",
    "star*",
    "new\nline",
    "\u{202e}txt.exe",
    "manifest.json",
    "🟢",
    "-rf",
    "%2e%2e",
    "~",
];

fn manifest() -> impl Strategy<Value = Manifest> {
    let counts = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()).prop_map(
        |(devices, configs, database_rows, files)| Counts {
            devices,
            stale_devices: devices / 2,
            configs,
            artifacts: configs / 3,
            artifacts_missing: devices / 5,
            database_rows,
            files,
            media_missing: files / 7,
        },
    );
    let entry = (any::<String>(), any::<Option<String>>(), any::<u64>(), "[0-9a-f]{64}")
        .prop_map(|(name, original, size, sha256)| ManifestEntry { name, original, size, sha256 });
    let kind = select(vec![BackupKind::Full, BackupKind::Config, BackupKind::Data]);
    // From the year 1 to the year 9999, as RFC 3339 writes them.
    let at = -62_135_596_800_000..253_402_300_800_000_i64;
    let head = (any::<u32>(), any::<String>(), at, any::<String>(), kind, any::<i64>(), any::<i64>());
    (head, counts, btree_map("[a-z_]{1,20}", any::<u64>(), 0..5), vec(entry, 0..20)).prop_map(
        |((format, made_by, at, backup_config, kind, run_id, schema), counts, tables, entries)| Manifest {
            format,
            made_by,
            created_at: Timestamp(at),
            backup_config,
            kind,
            run_id: RunId(run_id),
            counts,
            schema,
            tables,
            entries,
        },
    )
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_manifest_is_read_as_it_was_written(manifest in manifest()) {
        let written = serde_json::to_vec_pretty(&manifest).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Manifest>(&written).unwrap(), manifest);
    }
}

/// A file's or folder's name that Linux takes.
fn name() -> impl Strategy<Value = OsString> {
    let any_bytes = vec(1_u8.., 1..30);
    prop_oneof![
        4 => select(TROUBLE).prop_map(OsString::from),
        2 => "[^/\0]{1,20}".prop_map(OsString::from),
        1 => "[a-zA-Z ]{1,3}".prop_map(OsString::from),
        1 => "[a-z]{200,250}".prop_map(OsString::from),
        1 => any_bytes.prop_map(OsString::from_vec),
    ]
    .prop_filter("what Linux takes", |name| {
        let bytes = name.as_bytes();
        !bytes.contains(&b'/') && bytes != b"." && bytes != b".." && bytes.len() < 255
            // Files on their way in are left out on purpose.
            && !bytes.starts_with(b".incoming-")
    })
}

/// Files below a folder: their paths, and what is in them.
fn files() -> impl Strategy<Value = BTreeMap<PathBuf, Vec<u8>>> {
    let path = vec(name(), 1..4).prop_map(|names| names.into_iter().collect::<PathBuf>());
    let content = prop_oneof![
        vec(any::<u8>(), 0..200),
        ("[ab]", 0_usize..300_000).prop_map(|(c, n)| c.repeat(n).into())
    ];
    btree_map(path, content, 1..12)
}

#[test]
fn what_lies_in_a_folder_comes_back_under_its_own_name_and_stands_in_the_archive_under_a_safe_one() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let config = runtime.block_on(world.add_config(|input| input.kind = "data".into()));
    let mut runner =
        TestRunner::new(Config { cases: WORLDS, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&files(), |files| {
        let media = world.engine.dir.media();
        std::fs::remove_dir_all(&media).unwrap();
        std::fs::create_dir(&media).unwrap();
        let written = write(&media, files);
        let run = runtime.block_on(world.run(config));
        prop_assert!(run.is_good(), "{:?}", run.error);
        let archive = path(&world, &run);
        let verified = runtime.block_on(verify_path(archive.clone(), Key::None)).unwrap().unwrap();
        let names: Vec<String> = verified.manifest.entries.iter().map(|entry| entry.name.clone()).collect();
        are_safe(&names)?;

        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new");
        let request = Request {
            archive,
            key: Key::None,
            data_dir: new.clone(),
            database_url: None,
            secrets: Secrets::Forget,
        };
        let restored = runtime.block_on(restore(request)).unwrap();
        prop_assert_eq!(restored.files, written.len() as u64);
        is_all_there(&written, &read(&new.join("media")))
    });
    outcome.unwrap();
}

/// Writes the files, and gives those that there was a place for: a file is no folder.
fn write(root: &Path, files: BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<PathBuf, Vec<u8>> {
    files
        .into_iter()
        .filter(|(path, content)| {
            let place = root.join(path);
            std::fs::create_dir_all(place.parent().unwrap()).is_ok()
                && std::fs::write(&place, content).is_ok()
        })
        .collect()
}

fn read(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Safe on Windows, macOS and Linux, and no two alike in any case.
fn are_safe(names: &[String]) -> Result<(), TestCaseError> {
    let mut taken = HashSet::new();
    let mut folders = BTreeSet::new();
    for name in names {
        prop_assert!(taken.insert(name.to_lowercase()), "{} is there twice", name);
        for part in name.split('/') {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            prop_assert!(!part.is_empty() && part.len() < 120 && part.chars().all(is_plain), "{}", name);
            prop_assert!(!part.starts_with('.') && !part.ends_with('.'), "{}", name);
            let stem = part.split('.').next().unwrap().to_lowercase();
            let is_device = ["con", "prn", "aux", "nul"].contains(&stem.as_str())
                || stem.len() == 4
                    && (stem.starts_with("com") || stem.starts_with("lpt"))
                    && stem.ends_with(|c: char| c.is_ascii_digit());
            prop_assert!(!is_device, "Windows takes no {}", name);
        }
        let lower = name.to_lowercase();
        folders.extend(lower.match_indices('/').map(|(at, _)| lower[..at].to_owned()));
    }
    prop_assert!(folders.iter().all(|folder| !taken.contains(folder)), "a file is no folder: {:?}", names);
    Ok(())
}

/// Every file is back as it was, under its own name. One whose name is no text has one that says its bytes.
fn is_all_there(
    written: &BTreeMap<PathBuf, Vec<u8>>,
    back: &BTreeMap<PathBuf, Vec<u8>>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(back.len(), written.len());
    for (path, content) in written.iter().filter(|(path, _)| path.to_str().is_some()) {
        prop_assert!(back.get(path) == Some(content), "{:?} did not come back", path);
    }
    let contents = |files: &BTreeMap<PathBuf, Vec<u8>>| {
        let mut contents: Vec<Vec<u8>> = files.values().cloned().collect();
        contents.sort();
        contents
    };
    prop_assert!(contents(back) == contents(written), "what is in the files is not what was in them");
    Ok(())
}
