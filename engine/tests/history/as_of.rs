//! What was in force at a time: what was taken, and what a person made active.

use etiqa_engine::db::Db;
use etiqa_engine::history::compare::compare;
use etiqa_engine::history::decide;
use etiqa_engine::store::config_list::version_page_as_of;
use etiqa_engine::store::config_version::{
    NewVersion, activation_list_devices_after, text_insert_in_txn, version_activate_in_txn,
    version_insert_in_txn, version_list_as_of,
};
use etiqa_engine::store::device_write::{device_delete, device_insert_in_txn};
use etiqa_engine::store::dump::table_count;
use etiqa_engine::time::now;
use etiqa_model::compare::SideInput;
use etiqa_model::config::VersionState;
use etiqa_model::opened::Opened;
use etiqa_model::page::Page;
use etiqa_model::scope::Scope;
use etiqa_model::user::Role;
use etiqa_model::{ConfigVersionId, DeviceId, Timestamp};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::common::world::World;
use crate::common::{NOON, at, device, on_both, postgres_url};

/// So many days after the first.
fn day(days: i64) -> Timestamp {
    at(days * 86_400)
}

async fn add(db: &Db) -> DeviceId {
    let mut tx = db.write().await.unwrap();
    let ids = device_insert_in_txn(&mut tx, &[device("10.0.0.1", |_| {})], NOON).await.unwrap();
    tx.commit().await.unwrap();
    ids[0]
}

/// A version of a part that was taken at a time.
async fn take(
    db: &Db,
    device_id: DeviceId,
    part: &str,
    state: VersionState,
    collected_at: Timestamp,
) -> ConfigVersionId {
    let mut tx = db.write().await.unwrap();
    text_insert_in_txn(&mut tx, "text", 4, b"text".to_vec()).await.unwrap();
    let new = NewVersion {
        device_id,
        part: part.into(),
        state,
        text_sha256: "text".into(),
        compare_sha256: "compared".into(),
        size_bytes: 4,
        lines: 1,
        added: 1,
        removed: 0,
        collected_at,
        run_id: None,
        driver: "ios".into(),
        driver_sha256: "0".into(),
    };
    let id = version_insert_in_txn(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn activate(db: &Db, id: ConfigVersionId, from: VersionState, at: Timestamp) {
    let mut tx = db.write().await.unwrap();
    assert!(version_activate_in_txn(&mut tx, id, from, at).await.unwrap());
    tx.commit().await.unwrap();
}

/// The numbers of the versions that were in force, by part.
async fn as_of(db: &Db, device: DeviceId, at: Timestamp) -> Vec<u32> {
    let then = version_list_as_of(db, device, at).await.unwrap();
    then.iter().map(|version| version.version).collect()
}

#[tokio::test]
async fn a_version_that_a_person_made_active_is_in_force_from_then_on() {
    on_both(async |db| {
        let device = add(&db).await;
        let good = take(&db, device, "running", VersionState::Active, day(1)).await;
        take(&db, device, "running", VersionState::Active, day(5)).await;
        take(&db, device, "startup", VersionState::Active, day(5)).await;
        activate(&db, good, VersionState::Inactive, day(7)).await;
        let then = async |days| as_of(&db, device, day(days)).await;
        assert_eq!(then(0).await, Vec::<u32>::new());
        assert_eq!(then(1).await, [1]);
        assert_eq!(then(5).await, [2, 1]);
        assert_eq!(then(6).await, [2, 1]);
        assert_eq!(then(7).await, [1, 1]);
        assert_eq!(then(9).await, [1, 1], "no later session made a version");
        take(&db, device, "running", VersionState::Active, day(10)).await;
        assert_eq!(then(9).await, [1, 1]);
        assert_eq!(then(10).await, [3, 1]);

        let after =
            async |days| activation_list_devices_after(&db, day(days)).await.unwrap().contains(&device);
        assert_eq!((after(6).await, after(7).await), (true, false));
        device_delete(&db, device).await.unwrap();
        assert_eq!(table_count(&db, "config_activation").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_suspect_version_is_in_force_from_its_acceptance_not_from_when_it_was_taken() {
    on_both(async |db| {
        let device = add(&db).await;
        take(&db, device, "running", VersionState::Active, day(1)).await;
        let suspect = take(&db, device, "running", VersionState::Suspect, day(2)).await;
        let then = async |days| as_of(&db, device, day(days)).await;
        assert_eq!(then(9).await, [1]);
        activate(&db, suspect, VersionState::Suspect, day(4)).await;
        assert_eq!([then(2).await, then(3).await, then(4).await], [[1], [1], [2]]);
        // The clock was set back: it is in force all the same from when it can have been accepted at the earliest.
        let second = take(&db, device, "running", VersionState::Suspect, day(6)).await;
        activate(&db, second, VersionState::Suspect, day(5)).await;
        assert_eq!([then(5).await, then(6).await], [[2], [3]]);
    })
    .await;
}

#[tokio::test]
async fn what_people_decide_is_noted_with_its_time() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    simulated.change_config();
    world.collect(id).await;
    let before = now();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    decide::activate(&world.engine, world.versions(id).await[1].id).await.unwrap();
    let numbers = async |at| {
        let then = version_list_as_of(&world.engine.db, id, at).await.unwrap();
        then.into_iter()
            .filter(|version| version.part == "running")
            .map(|found| found.version)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(before).await, [2]);
    assert_eq!(numbers(now()).await, [1]);
    let side =
        |at: Timestamp| SideInput { device: format!("#{id}"), part: "running".into(), which: at.to_string() };
    let found = compare(
        &world.engine,
        &Role::Admin.into(),
        &side(before),
        &side(now()),
        Role::Admin.into(),
        "UTC",
        Opened::default(),
    )
    .await
    .unwrap();
    assert_eq!((found.old.version, found.new.version), (2, 1));

    let whole = simulated.config();
    let some: Vec<&str> = whole.lines().take(whole.lines().count() / 4).collect();
    simulated.set_config(format!("{}\nend\n", some.join("\n")));
    world.collect(id).await;
    let suspect = world.versions(id).await[0].clone();
    assert_eq!(suspect.state, VersionState::Suspect);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    decide::decide(&world.engine, suspect.id, true).await.unwrap();
    assert_eq!(numbers(suspect.collected_at).await, [1]);
    assert_eq!(numbers(now()).await, [suspect.version]);
}

macro_rules! steps {
    ($($number:literal $file:literal),+ $(,)?) => {
        [$((
            $number,
            include_str!(concat!("../../../migrations/sqlite/", $file)),
            include_str!(concat!("../../../migrations/postgres/", $file)),
        )),+]
    };
}

/// The schema before it was noted who made what active.
const BEFORE: [(i64, &str, &str); 10] = steps![
    1 "0001_initial.sql",
    2 "0002_places.sql",
    3 "0003_collection.sql",
    4 "0004_artifacts.sql",
    5 "0005_rotation.sql",
    6 "0006_archives.sql",
    7 "0007_destinations.sql",
    8 "0008_search.sql",
    9 "0009_history_media.sql",
    10 "0010_search_by_numbers.sql",
];

/// A database of that time: of one part the older version is active.
async fn make_old(url: &str) {
    sqlx::any::install_default_drivers();
    let old = sqlx::AnyPool::connect(url).await.unwrap();
    let steps = BEFORE.iter().map(|&(number, sqlite, postgres)| {
        let sql = if url.starts_with("sqlite") { sqlite } else { postgres };
        Migration::new(number, "before".into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect()).run(&old).await.unwrap();
    let text = "INSERT INTO config_text (sha256, size_bytes, zstd) VALUES ('text', 1, $1)";
    sqlx::query(text).bind(vec![0_u8]).execute(&old).await.unwrap();
    for sql in [
        "INSERT INTO device (id, site, address, port, hostname, device_type, transport, description, enabled, status,
            created_at, updated_at)
         VALUES (1, 'default', '10.0.0.1', 22, 'core-1', 'switch', 'ssh', '', 1, 'unknown', 1, 1)",
        "INSERT INTO config_version (device_id, part, version, state, text_sha256, compare_sha256, size_bytes, lines,
            added, removed, collected_at, driver, driver_sha256)
         VALUES (1, 'running', 1, 'active', 'text', '', 1, 1, 1, 1, 1000, 'ios', ''),
                (1, 'running', 2, 'inactive', 'text', '', 1, 1, 1, 1, 2000, 'ios', ''),
                (1, 'startup', 1, 'inactive', 'text', '', 1, 1, 1, 1, 1000, 'ios', ''),
                (1, 'startup', 2, 'active', 'text', '', 1, 1, 1, 1, 2000, 'ios', '')",
    ] {
        sqlx::query(sql).execute(&old).await.unwrap();
    }
    old.close().await;
}

#[tokio::test]
async fn what_was_active_at_the_upgrade_although_something_newer_was_taken_is_so_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("etiqa.db");
    let postgres = postgres_url().await;
    make_old(&format!("sqlite://{}?mode=rwc", file.display())).await;
    make_old(&postgres).await;
    for db in [Db::open_sqlite(&file).await.unwrap(), Db::open_postgres(&postgres).await.unwrap()] {
        let then = async |at| as_of(&db, DeviceId(1), at).await;
        assert_eq!(then(Timestamp(1_000)).await, [1, 1]);
        assert_eq!(then(Timestamp(2_000)).await, [2, 2], "since when it was not is not known");
        assert_eq!(then(now()).await, [1, 2]);
        db.close().await;
    }
}

#[tokio::test]
async fn the_network_as_of_a_time_has_the_devices_that_had_a_version_then() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        let new = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|address| device(address, |_| {}));
        let ids = device_insert_in_txn(&mut tx, &new, NOON).await.unwrap();
        tx.commit().await.unwrap();
        let good = take(&db, ids[0], "running", VersionState::Active, day(1)).await;
        take(&db, ids[0], "running", VersionState::Active, day(5)).await;
        take(&db, ids[0], "startup", VersionState::Active, day(5)).await;
        take(&db, ids[1], "running", VersionState::Active, day(3)).await;
        activate(&db, good, VersionState::Inactive, day(7)).await;
        let then = async |days, page| {
            let found = version_page_as_of(&db, &Scope::default(), "", day(days), page).await.unwrap();
            let total = found.versions.total;
            let mut versions: Vec<_> = found
                .versions
                .rows
                .into_iter()
                .map(|row| (row.version.device_id, row.version.part, row.version.version))
                .collect();
            versions.sort();
            assert_eq!(found.devices, total - u64::from(total == 3));
            (total, versions)
        };
        let running = |device: DeviceId, version| (device, "running".to_owned(), version);
        let startup = (ids[0], "startup".to_owned(), 1);
        let all = Page::default();
        assert_eq!(then(0, all).await, (0, vec![]));
        assert_eq!(then(1, all).await, (1, vec![running(ids[0], 1)]));
        assert_eq!(then(4, all).await, (2, vec![running(ids[0], 1), running(ids[1], 1)]));
        let fifth = vec![running(ids[0], 2), startup.clone(), running(ids[1], 1)];
        assert_eq!(then(5, all).await, (3, fifth));
        let seventh = vec![running(ids[0], 1), startup, running(ids[1], 1)];
        assert_eq!(then(7, all).await, (3, seventh));
        let second = Page { number: 2, size: 2 };
        assert_eq!(then(7, second).await.1.len(), 1, "a page has what the one before it has not");
    })
    .await;
}
