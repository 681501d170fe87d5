//! All of an archive, back in an empty instance: on the same database, and on the other one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etiqa_engine::audit;
use etiqa_engine::backup::restore::{Request, Secrets, extract, restore};
use etiqa_engine::backup::{find_run, verify::Key};
use etiqa_engine::db::Db;
use etiqa_engine::pause::{paused_since, resume};
use etiqa_engine::schedule::tick::tick;
use etiqa_engine::schedule::tidy::tidy;
use etiqa_engine::store::dump::{TABLES, table_dump_in_txn};
use etiqa_engine::store::run::run_list_live;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::Secret;
use etiqa_model::archive::Encryption;
use etiqa_model::run::RunStatus;
use futures::TryStreamExt;

use crate::common::postgres_url;
use crate::common::world::World;
use crate::support::{full_backup, key, path};

fn with_key(world: &World) -> Secrets {
    Secrets::With(Secret::new(std::fs::read_to_string(world.engine.dir.secret_key()).unwrap()))
}

fn request(world: &World, archive: &Path, data_dir: &Path) -> Request {
    Request {
        archive: archive.to_owned(),
        key: Key::None,
        data_dir: data_dir.to_owned(),
        database_url: None,
        secrets: with_key(world),
    }
}

async fn start(data_dir: &Path, database_url: Option<String>) -> Arc<Engine> {
    let options = Options { data_dir: data_dir.to_owned(), database_url, ..Options::default() };
    Engine::open(options, Role::Command).await.unwrap()
}

/// Every archived table as text, but what a restore is to change.
async fn tables(db: &Db) -> BTreeMap<&'static str, String> {
    let mut tables = BTreeMap::new();
    let changed = ["setting", "backup_run", "artifact_blob", "audit_log", "audit_head"];
    for table in TABLES.iter().filter(|table| !changed.contains(*table)) {
        let mut snapshot = db.snapshot().await.unwrap();
        let rows: Vec<Vec<u8>> = table_dump_in_txn(snapshot.tx(), table).try_collect().await.unwrap();
        tables.insert(*table, String::from_utf8(rows.concat()).unwrap());
    }
    tables
}

async fn message(request: Request) -> String {
    restore(request).await.unwrap_err().into_user_error().message
}

#[tokio::test]
async fn a_restored_instance_has_every_row_and_file_and_opens_its_secrets() {
    for encryption in [Encryption::None, Encryption::Passphrase, Encryption::Age] {
        let (world, _device, run) = full_backup(encryption).await;
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new");
        let before = tables(&world.engine.db).await;
        let request = Request { key: key(encryption), ..request(&world, &path(&world, &run), &new) };
        let restored = restore(request).await.unwrap();
        assert!(restored.rows > 5 && restored.files >= 2, "{restored:?}");

        let engine = start(&new, None).await;
        let chain = audit::check(&engine).await.unwrap();
        assert!(chain.is_whole(), "the audit log goes on where it was: {chain:?}");
        assert_eq!(tables(&engine.db).await, before, "{encryption:?}");
        assert_eq!(std::fs::read_to_string(new.join("media/rack 1/plan.txt")).unwrap(), "top of rack");
        let photo = std::fs::read_to_string(new.join("media/photo 10:15.txt")).unwrap();
        assert_eq!(photo, "a name that other systems refuse");
        assert_eq!(std::fs::read_to_string(new.join("logs/etiqa.log")).unwrap().lines().count(), 1000);
        // The run that made the archive was going on when its rows were written.
        let own = find_run(&engine, run.id).await.unwrap();
        assert_eq!(own.status, RunStatus::Failed);
        assert!(own.error.unwrap().contains("was going on when the archive was made"));
        // A credential opens under the key that was brought along: the next session logs in with it.
        let config = run.backup_config_id.unwrap();
        let again = etiqa_engine::backup::start::start(&engine, config, etiqa_model::run::Trigger::Manual);
        let again = again.await.unwrap();
        etiqa_engine::backup::execute_run(&engine, again.run).await.unwrap();
        let ended = find_run(&engine, again.run).await.unwrap();
        assert!(again.run > run.id && ended.error.as_deref() != Some("An internal error."), "{ended:?}");
        engine.db.close().await;
    }
}

#[tokio::test]
async fn an_archive_of_one_database_restores_into_the_other_and_back() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let folder = tempfile::tempdir().unwrap();
    let before = tables(&world.engine.db).await;
    let url = postgres_url().await;
    let there = folder.path().join("postgres");
    let to_postgres =
        Request { database_url: Some(url.clone()), ..request(&world, &path(&world, &run), &there) };
    restore(to_postgres).await.unwrap();
    let postgres = start(&there, Some(url)).await;
    assert_eq!(tables(&postgres.db).await, before);

    // New rows have ids of their own there, and a run there makes an archive that restores here.
    let config = run.backup_config_id.unwrap();
    let queued = etiqa_engine::backup::start::start(&postgres, config, etiqa_model::run::Trigger::Manual);
    let queued = queued.await.unwrap().run;
    etiqa_engine::backup::execute_run(&postgres, queued).await.unwrap();
    let made = find_run(&postgres, queued).await.unwrap();
    assert_eq!(made.status, RunStatus::Completed, "{made:?}");
    let archive = postgres.dir.backups().join(made.file.unwrap());
    let back = folder.path().join("sqlite");
    restore(request(&world, &archive, &back)).await.unwrap();
    let sqlite = start(&back, None).await;
    let (mut here, mut there) = (tables(&sqlite.db).await, tables(&postgres.db).await);
    for table in ["restore_drill", "run_note"] {
        here.remove(table);
        there.remove(table);
    }
    assert_eq!(here, there);
    sqlite.db.close().await;
    postgres.db.close().await;
}

#[tokio::test]
async fn a_restored_instance_starts_nothing_by_itself_until_a_person_says_so() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    restore(request(&world, &path(&world, &run), &new)).await.unwrap();
    let engine = start(&new, None).await;
    let next_week = now().plus(std::time::Duration::from_hours(7 * 24));
    assert!(paused_since(&engine).await.unwrap().is_some());
    assert_eq!(tick(&engine, next_week).await.unwrap(), None);
    assert_eq!(run_list_live(&engine.db, None).await.unwrap(), []);
    assert!(resume(&engine).await.unwrap());
    tick(&engine, next_week).await.unwrap();
    assert_eq!(run_list_live(&engine.db, None).await.unwrap().len(), 1, "a missed run fires once");
    engine.db.close().await;
}

#[tokio::test]
async fn archives_that_are_brought_along_are_taken_up_again() {
    let (world, _device, first) = full_backup(Encryption::None).await;
    let run = world.run(first.backup_config_id.unwrap()).await;
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    restore(request(&world, &path(&world, &run), &new)).await.unwrap();
    let engine = start(&new, None).await;
    let here = async || find_run(&engine, first.id).await.unwrap().has_archive();
    assert!(!here().await, "its file is not here");
    tidy(&engine, now()).await.unwrap();
    assert!(!here().await);
    let name = first.file.clone().unwrap();
    std::fs::copy(path(&world, &first), engine.dir.backups().join(name)).unwrap();
    tidy(&engine, now()).await.unwrap();
    assert!(here().await);
    engine.db.close().await;
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_with_one_sentence_and_leaves_nothing() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let archive = path(&world, &run);
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");

    let used = folder.path().join("used");
    std::fs::create_dir(&used).unwrap();
    std::fs::write(used.join("mine.txt"), "mine").unwrap();
    let said = message(request(&world, &archive, &used)).await;
    assert!(said.contains("is not empty"), "{said}");
    assert_eq!(std::fs::read_to_string(used.join("mine.txt")).unwrap(), "mine");

    let foreign = Secrets::With(Secret::new("00".repeat(32)));
    let said = message(Request { secrets: foreign, ..request(&world, &archive, &new) }).await;
    assert!(said.contains("does not belong to this database"), "{said}");
    let no_key = Secrets::With(Secret::new("no key"));
    let said = message(Request { secrets: no_key, ..request(&world, &archive, &new) }).await;
    assert!(said.contains("64 hexadecimal digits"), "{said}");

    let config = world.add_config(|input| input.name = "Only configs".into()).await;
    let only_configs = world.run(config).await;
    let said = message(request(&world, &path(&world, &only_configs), &new)).await;
    assert!(said.contains("holds no database") && said.contains("--only"), "{said}");

    let broken = folder.path().join("broken.zip");
    let mut bytes = std::fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&broken, bytes).unwrap();
    let said = message(request(&world, &broken, &new)).await;
    assert!(said.contains("damaged"), "{said}");

    let url = postgres_url().await;
    let there = folder.path().join("there");
    let filled = || Request { database_url: Some(url.clone()), ..request(&world, &archive, &there) };
    restore(filled()).await.unwrap();
    let said = message(Request { data_dir: new.clone(), ..filled() }).await;
    assert!(said.contains("The database is not empty"), "{said}");

    let left: Vec<PathBuf> = std::fs::read_dir(&new)
        .map(|left| left.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    assert_eq!(left, Vec::<PathBuf>::new(), "nothing was left");
}

#[tokio::test]
async fn an_instance_without_its_key_comes_back_without_its_secrets_and_makes_a_new_key() {
    let (world, _device, run) = full_backup(Encryption::Passphrase).await;
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    let request = Request {
        secrets: Secrets::Forget,
        key: key(Encryption::Passphrase),
        ..request(&world, &path(&world, &run), &new)
    };
    restore(request).await.unwrap();
    let engine = start(&new, None).await;
    assert!(new.join("secret.key").is_file());
    assert_eq!(etiqa_engine::fleet::credential_list_for_page(&engine).await.unwrap(), []);
    let (all, page) = (etiqa_model::user::Role::Admin.into(), etiqa_model::page::Page::default());
    let active = etiqa_engine::history::read::list_active(&engine, &all, "", page);
    assert_eq!(active.await.unwrap().rows.len(), 2, "the texts are there");
    let chain = audit::check(&engine).await.unwrap();
    assert!(!chain.is_whole(), "nobody can tell the audit log from a forged one: {chain:?}");
    audit::sign(&engine).await.unwrap();
    assert!(audit::check(&engine).await.unwrap().is_whole(), "until a person says so");
    engine.db.close().await;
}

#[tokio::test]
async fn a_restore_that_was_cut_off_is_no_instance_and_can_be_done_again() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    // What a kill leaves: the note, and some of the files.
    std::fs::create_dir_all(new.join("media")).unwrap();
    std::fs::write(new.join(".restoring"), "an archive\n").unwrap();
    std::fs::write(new.join("media/half"), "half").unwrap();
    let options = Options { data_dir: new.clone(), ..Options::default() };
    let refused = Engine::open(options, Role::Command).await.unwrap_err().into_user_error().message;
    assert!(refused.contains("did not come to its end"), "{refused}");
    restore(request(&world, &path(&world, &run), &new)).await.unwrap();
    assert!(!new.join("media/half").exists());
    start(&new, None).await.db.close().await;
}

#[tokio::test]
async fn single_files_come_out_by_their_names_or_folders() {
    let (world, _device, run) = full_backup(Encryption::Passphrase).await;
    let folder = tempfile::tempdir().unwrap();
    let take = async |path_in_archive: &str, to: &Path| {
        let paths = vec![path_in_archive.to_owned()];
        extract(path(&world, &run), key(Encryption::Passphrase), paths, to.to_owned()).await
    };
    assert_eq!(take("configs/", &folder.path().join("a")).await.unwrap(), 2);
    assert_eq!(take("media/rack_1/plan.txt", &folder.path().join("b")).await.unwrap(), 1);
    let plan = folder.path().join("b/media/rack_1/plan.txt");
    assert_eq!(std::fs::read_to_string(&plan).unwrap(), "top of rack");
    let said =
        take("media/rack_1/plan.txt", &folder.path().join("b")).await.unwrap_err().into_user_error().message;
    assert!(said.contains("is there already"), "{said}");
    let said = take("configs/nobody", folder.path()).await.unwrap_err().into_user_error().message;
    assert!(said.starts_with("The archive holds no configs/nobody."), "{said}");
}
