//! Archives that somebody else made, to do harm.

use std::io::Write;
use std::path::{Path, PathBuf};

use etiqa_engine::backup::archive::manifest::{FORMAT, Manifest, ManifestEntry};
use etiqa_engine::backup::restore::{Request, Secrets, extract, list, restore};
use etiqa_engine::backup::verify::{Key, verify_path};
use etiqa_engine::db::newest_schema;
use etiqa_engine::hex::sha256_hex;
use etiqa_model::archive::Encryption;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::{full_backup, path};

/// An archive with these entries and a manifest that agrees with them, changed by `change`.
fn archive(
    folder: &Path,
    like: &Manifest,
    entries: &[(&str, &[u8])],
    change: impl FnOnce(&mut Manifest),
) -> PathBuf {
    let file = folder.join(format!("{}.zip", std::fs::read_dir(folder).unwrap().count()));
    let mut zip = ZipWriter::new(std::fs::File::create(&file).unwrap());
    let mut manifest = Manifest { entries: Vec::new(), ..like.clone() };
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        manifest.entries.push(ManifestEntry {
            name: (*name).to_owned(),
            original: None,
            size: bytes.len() as u64,
            sha256: sha256_hex(bytes),
        });
    }
    change(&mut manifest);
    zip.start_file("manifest.json", SimpleFileOptions::default()).unwrap();
    zip.write_all(&serde_json::to_vec(&manifest).unwrap()).unwrap();
    zip.finish().unwrap();
    file
}

async fn refused(archive: &Path, folder: &Path) -> String {
    let new = folder.join("new");
    let request = Request {
        archive: archive.to_owned(),
        key: Key::None,
        data_dir: new.clone(),
        database_url: None,
        secrets: Secrets::Forget,
    };
    let said = restore(request).await.unwrap_err().into_user_error().message;
    let left = std::fs::read_dir(&new).map_or(0, Iterator::count);
    assert_eq!(left, 0, "{said}");
    said
}

/// A `database.json` of today with these tables.
fn database(tables: &str) -> Vec<u8> {
    format!(r#"{{"format":1,"schema":{},"tables":{{{tables}}}}}"#, newest_schema()).into_bytes()
}

#[tokio::test]
async fn an_archive_that_would_write_elsewhere_is_refused_and_writes_nothing() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let like = list(path(&world, &run), Key::None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["media/../../outside", "media//etc/outside", "logs/..\\outside", "media/C:outside"] {
        let file = archive(folder.path(), &like, &[(name, b"x"), ("database.json", &database(""))], |_| {});
        let said = refused(&file, folder.path()).await;
        assert!(
            said.contains("which no archive of this program does") || said.contains("damaged"),
            "{name}: {said}"
        );
        let out = folder.path().join("out");
        assert!(extract(file, Key::None, vec!["media".into(), "logs".into()], out).await.is_err(), "{name}");
    }
    // The manifest may name another path than the zip.
    let file =
        archive(folder.path(), &like, &[("media/x", b"x"), ("database.json", &database(""))], |manifest| {
            manifest.entries[0].original = Some("../../outside".into());
        });
    assert!(refused(&file, folder.path()).await.contains("which no archive"));
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name == "outside"), "{names:?}");
}

#[tokio::test]
async fn an_archive_that_says_less_than_it_unpacks_to_is_stopped_early() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let like = list(path(&world, &run), Key::None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![0; 32 << 20];
    let file = archive(
        folder.path(),
        &like,
        &[("media/bomb", &zeros), ("database.json", &database(""))],
        |manifest| {
            manifest.entries[0].size = 10;
            manifest.entries[0].sha256 = sha256_hex(&zeros[..10]);
        },
    );
    let said = verify_path(file, Key::None).await.unwrap().unwrap_err().to_string();
    assert!(said.starts_with("media/bomb has "), "{said}");
}

#[tokio::test]
async fn a_list_that_is_far_longer_than_the_archive_is_not_read() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let like = list(path(&world, &run), Key::None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = archive(folder.path(), &like, &[("media/x", b"x")], |manifest| {
        let listed = ManifestEntry { name: "y".into(), ..manifest.entries[0].clone() };
        manifest.entries.resize(20_000, listed);
    });
    let said = verify_path(file, Key::None).await.unwrap().unwrap_err().to_string();
    assert_eq!(said, "manifest.json is larger than any manifest.");
}

#[tokio::test]
async fn rows_of_tables_that_are_not_ours_and_names_that_are_sql_are_refused() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let like = list(path(&world, &run), Key::None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (tables, said) in [
        (r#""sqlite_master":{"columns":["name"],"rows":[["x"]]}"#, "names a table that there is none of"),
        (r#""session":{"columns":["token_sha256"],"rows":[["x"]]}"#, "names a table that there is none of"),
        (
            r#""setting":{"columns":["name) VALUES ('a'); --"],"rows":[["x"]]}"#,
            "names columns that no table has",
        ),
        (r#""setting":{"columns":["name","value"],"rows":[["x"]]}"#, "has not one value a column"),
        (r#""setting":{"columns":["name","value"],"rows":[["x","y","z"]]}"#, "has not one value a column"),
        (r#""setting":{"rows":[["x","y"]]}"#, "has not one value a column"),
        (r#""setting":{"columns":["name","value"],"rows":[["x",{"base64":"?"}]]}"#, "bytes are no base64"),
        (r#""setting":{"columns":["name","value"],"rows":[["x",[1]]]}"#, "invalid type: sequence"),
        (r#""setting":{"columns":["name","value"],"rows":[["x","#, "expected value"),
        ("\u{1}", "cannot be read"),
    ] {
        let file = archive(folder.path(), &like, &[("database.json", &database(tables))], |_| {});
        let refusal = refused(&file, folder.path()).await;
        assert!(refusal.contains(said), "{tables}: {refusal}");
    }
}

/// More than any value of an archive as small as these may take.
const MUCH: usize = 24 << 20;

#[tokio::test]
async fn a_database_that_was_made_to_fill_a_memory_is_refused_before_it_does() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let like = list(path(&world, &run), Key::None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let long = "A".repeat(MUCH);
    let third = &long[..MUCH / 3];
    let rows = |columns: &str, row: &str| format!(r#""setting":{{"columns":[{columns}],"rows":[[{row}]]}}"#);
    let two = r#""name","value""#;
    for (tables, said) in [
        (rows(two, &format!(r#""x","{long}""#)), "it holds a value of more than 16 MiB"),
        (rows(two, &format!(r#""x",{{"base64":"{long}"}}"#)), "it holds a value of more than 16 MiB"),
        (rows(two, &format!(r#""x",{}"#, "1".repeat(MUCH))), "it holds a value of more than 16 MiB"),
        (rows(r#""a","b","c""#, &format!(r#""{third}","{third}","{third}""#)), "has more than 16 MiB"),
        (rows(two, &"0,".repeat(MUCH / 2)), "has not one value a column"),
        (rows(&r#""a","#.repeat(MUCH / 4), "0"), "names columns that no table has"),
        (rows(&format!("\"{third}\""), "0"), "names columns that no table has"),
        (format!(r#""{long}":{{}}"#), "it holds a value of more than 16 MiB"),
        (rows(two, &"[".repeat(MUCH)), "invalid type: sequence"),
    ] {
        let file = archive(folder.path(), &like, &[("database.json", &database(&tables))], |_| {});
        let refusal = refused(&file, folder.path()).await;
        assert!(refusal.contains(said), "{}…: {refusal}", &tables[..60]);
    }
}

#[tokio::test]
async fn what_is_no_archive_of_ours_or_a_newer_one_is_said_so() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let like = list(path(&world, &run), Key::None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let newer = archive(folder.path(), &like, &[("database.json", &database(""))], |manifest| {
        manifest.format = FORMAT + 1;
    });
    assert!(refused(&newer, folder.path()).await.contains("newer than this program knows"));
    let newer =
        archive(folder.path(), &like, &[("database.json", &database(""))], |manifest| manifest.schema = 999);
    assert!(refused(&newer, folder.path()).await.contains("newer version of this program"));

    let text = folder.path().join("text.zip");
    std::fs::write(&text, "not a zip at all").unwrap();
    assert!(refused(&text, folder.path()).await.contains("not a whole zip file"));
    let foreign = folder.path().join("foreign.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&foreign).unwrap());
    zip.start_file("a.txt", SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap();
    assert!(refused(&foreign, folder.path()).await.contains("no manifest.json"));
    assert!(refused(&folder.path().join("nowhere.zip"), folder.path()).await.contains("cannot be read"));
}
