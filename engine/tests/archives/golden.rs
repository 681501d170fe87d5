//! Archives of the past: what an earlier version wrote is read, listed and restored by this one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etiqa_engine::backup::restore::{Request, Restored, Secrets, list, restore};
use etiqa_engine::backup::verify::verify_path;
use etiqa_engine::db::{Db, newest_schema};
use etiqa_engine::fleet::credential_list_for_page;
use etiqa_engine::hex::sha256_hex;
use etiqa_engine::history::read::{list_active, whole_text};
use etiqa_engine::store::dump::table_count;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::Secret;
use etiqa_model::archive::Encryption;
use etiqa_model::page::Page;
use etiqa_model::user;

use crate::common::postgres_url;
use crate::support::key;

/// Every archive that was ever kept here, and what it is sealed with.
const GOLDEN: &[(&str, Encryption)] = &[
    ("format1_schema6_none.zip", Encryption::None),
    ("format1_schema9_none.zip", Encryption::None),
    ("format1_schema9_passphrase.zip", Encryption::Passphrase),
    ("format1_schema9_age.zip.age", Encryption::Age),
];

/// What a restore itself changes: notes of its own, and what a migration fills.
const CHANGED: &[&str] = &["setting"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archives/golden").join(name)
}

fn request(archive: &str, encryption: Encryption, data_dir: &Path, database_url: Option<String>) -> Request {
    Request {
        archive: golden(archive),
        key: key(encryption),
        data_dir: data_dir.to_owned(),
        database_url,
        secrets: Secrets::With(Secret::new(std::fs::read_to_string(golden("golden.key")).unwrap())),
    }
}

#[tokio::test]
async fn every_golden_archive_is_kept_whole_and_read() {
    for file in std::fs::read_dir(golden("")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let is_known = GOLDEN.iter().any(|(known, _)| *known == name);
        assert!(is_known || name == "README.md" || name == "golden.key", "{name} is of no test");
    }
    for (name, encryption) in GOLDEN {
        let verified = verify_path(golden(name), key(*encryption)).await.unwrap().unwrap();
        assert_eq!(verified.manifest.format, 1, "{name}");
        let schema = verified.manifest.schema;
        assert!(name.contains(&format!("_schema{schema}_")) && schema <= newest_schema(), "{name}: {schema}");
    }
}

/// The parts of a manifest that do not differ from one file to the next.
async fn listed(name: &str, encryption: Encryption) -> String {
    let manifest = list(golden(name), key(encryption)).await.unwrap();
    let counts = manifest.counts;
    let mut text = format!(
        "{} of {}\n{} devices, {} stale, {} configs, {} vendor backups, {} missing, {} files\n",
        manifest.kind.as_str(),
        manifest.made_by,
        counts.devices,
        counts.stale_devices,
        counts.configs,
        counts.artifacts,
        counts.artifacts_missing,
        counts.files
    );
    for entry in &manifest.entries {
        let original = entry.original.as_deref().map(|path| format!(" from {path}")).unwrap_or_default();
        writeln!(text, "{}{original}", entry.name).unwrap();
    }
    text
}

#[tokio::test]
async fn the_list_of_a_golden_archive_says_what_it_always_said() {
    let first = listed("format1_schema9_none.zip", Encryption::None).await;
    insta::assert_snapshot!(first, @r"
    full of etiqa 0.1.0
    2 devices, 0 stale, 3 configs, 1 vendor backups, 0 missing, 2 files
    database.json
    configs/core-rtr-1/running.cfg
    configs/core-rtr-1/startup.cfg
    configs/lb-1/running.cfg
    artifacts/lb-1/lb-1_20261126_134526.ucs
    network_configs.json
    media/1/rack_plan.txt
    logs/etiqa.log
    ");
    for (name, encryption) in GOLDEN {
        assert_eq!(listed(name, *encryption).await, first, "{name}");
    }
}

#[tokio::test]
async fn a_golden_archive_restores_into_sqlite() {
    for (name, encryption) in GOLDEN {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new");
        let restored = restore(request(name, *encryption, &new, None)).await.unwrap();
        is_as_it_was(name, *encryption, restored, &new, None).await;
    }
}

#[tokio::test]
async fn a_golden_archive_restores_into_postgres_even_where_newer_tables_stand_empty() {
    for (name, encryption) in GOLDEN {
        let folder = tempfile::tempdir().unwrap();
        let (new, url) = (folder.path().join("new"), postgres_url().await);
        Db::open_postgres(&url).await.unwrap().close().await;
        let restored = restore(request(name, *encryption, &new, Some(url.clone()))).await.unwrap();
        is_as_it_was(name, *encryption, restored, &new, Some(url)).await;
    }
}

#[tokio::test]
async fn a_golden_archive_restores_without_its_key_and_then_has_no_login() {
    for (name, encryption) in GOLDEN {
        for database_url in [None, Some(postgres_url().await)] {
            let folder = tempfile::tempdir().unwrap();
            let data_dir = folder.path().join("new");
            let with_key = request(name, *encryption, &data_dir, database_url.clone());
            let restored = restore(Request { secrets: Secrets::Forget, ..with_key }).await.unwrap();
            let manifest = list(golden(name), key(*encryption)).await.unwrap();
            assert_eq!(restored.rows, manifest.counts.database_rows, "{name}");

            let options = Options { data_dir, database_url, ..Options::default() };
            let engine = Engine::open(options, Role::Command).await.unwrap();
            assert!(credential_list_for_page(&engine).await.unwrap().is_empty(), "{name}");
            assert_eq!(table_count(&engine.db, "device").await.unwrap(), manifest.tables["device"], "{name}");
            engine.db.close().await;
        }
    }
}

/// The restored instance has every row, every text, every file, and a login that its key opens.
async fn is_as_it_was(
    name: &str,
    encryption: Encryption,
    restored: Restored,
    data_dir: &Path,
    database_url: Option<String>,
) {
    let manifest = list(golden(name), key(encryption)).await.unwrap();
    assert_eq!(restored.rows, manifest.counts.database_rows, "{name}");
    assert_eq!(restored.files, manifest.counts.artifacts + manifest.counts.files, "{name}");
    let options = Options { data_dir: data_dir.to_owned(), database_url, ..Options::default() };
    let engine: Arc<Engine> = Engine::open(options, Role::Command).await.unwrap();
    for (table, rows) in manifest.tables.iter().filter(|(table, _)| !CHANGED.contains(&table.as_str())) {
        assert_eq!(table_count(&engine.db, table).await.unwrap(), *rows, "{name}: {table}");
    }
    assert_eq!(credential_list_for_page(&engine).await.unwrap()[0].name, "sim", "{name}");

    let active = list_active(&engine, &user::Role::Admin.into(), "", Page::default()).await.unwrap().rows;
    assert_eq!(active.len() as u64, manifest.counts.configs, "{name}");
    for row in active {
        let version = &row.version;
        let text = whole_text(&engine, version).await.unwrap();
        let entry = format!("configs/{}/{}.cfg", row.hostname, version.part);
        let listed = manifest.entries.iter().find(|listed| listed.name == entry).unwrap();
        assert_eq!(sha256_hex(text.as_bytes()), listed.sha256, "{name}: {entry}");
    }
    let plan = manifest.entries.iter().find(|entry| entry.name.starts_with("media/")).unwrap();
    let plan = data_dir.join("media").join(plan.original.as_deref().unwrap_or(&plan.name["media/".len()..]));
    assert_eq!(std::fs::read_to_string(plan).unwrap(), "top of rack\n", "{name}");
    let log = std::fs::read_to_string(data_dir.join("logs/etiqa.log")).unwrap();
    assert_eq!(log.lines().count(), 10, "{name}");
    let artifact = manifest.entries.iter().find(|entry| entry.name.starts_with("artifacts/")).unwrap();
    let file = data_dir.join("artifacts").join(&artifact.sha256[..2]).join(&artifact.sha256);
    assert_eq!(sha256_hex(&std::fs::read(file).unwrap()), artifact.sha256, "{name}");
    engine.db.close().await;
}
