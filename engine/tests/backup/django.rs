//! What the Django edition knows, brought here: from its database as its migrations make it, from its archives, from dumps.

use std::io::Write;
use std::path::{Path, PathBuf};

use etiqa_engine::backup::config;
use etiqa_engine::collect::DriverSet;
use etiqa_engine::history::text_read;
use etiqa_engine::import::django::{Brought, DjangoOptions, DjangoReport, import};
use etiqa_engine::inventory;
use etiqa_engine::store::config_version::version_list;
use etiqa_engine::store::run::run_list;
use etiqa_engine::store::run_note::run_note_list;
use etiqa_model::backup::ConfigState;
use etiqa_model::config::VersionState;
use etiqa_model::device::DeviceInput;
use etiqa_model::run::{RunStatus, Trigger};
use etiqa_model::user::Role;
use etiqa_simulator::{DeviceSpec, Personality};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};
use tempfile::TempDir;

use crate::common::world::World;

/// As `manage.py migrate` makes the tables of these models: an app's name, an underscore and the model's name in lower case;
/// `_id` ends the column of a foreign key; flags are `bool`, times `datetime` without a zone, in UTC.
const TABLES: &str = r#"
CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL,
    "name" varchar(255) NOT NULL, "applied" datetime NOT NULL);
CREATE TABLE "network_scanner_networkdevice" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "ip_address" char(39) NOT NULL UNIQUE, "hostname" varchar(255) NULL, "device_type" varchar(50) NOT NULL,
    "status" varchar(20) NOT NULL, "description" text NOT NULL, "last_seen" datetime NULL);
CREATE TABLE "network_scanner_networkconfig" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "config_data" text NOT NULL, "version" integer NOT NULL, "is_active" bool NOT NULL, "created_at" datetime NOT NULL,
    "device_id" bigint NOT NULL REFERENCES "network_scanner_networkdevice" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "network_scanner_backupconfig" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" varchar(100) NOT NULL UNIQUE, "backup_type" varchar(20) NOT NULL, "frequency" varchar(20) NOT NULL,
    "enabled" bool NOT NULL, "max_backups" integer unsigned NOT NULL, "include_database" bool NOT NULL,
    "include_media" bool NOT NULL, "include_logs" bool NOT NULL, "next_backup" datetime NULL, "last_backup" datetime NULL);
CREATE TABLE "network_scanner_backuphistory" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "status" varchar(20) NOT NULL, "started_at" datetime NOT NULL, "completed_at" datetime NULL,
    "file_path" varchar(500) NOT NULL, "file_size" bigint NULL, "error_message" text NOT NULL,
    "backup_config_id" bigint NOT NULL REFERENCES "network_scanner_backupconfig" ("id") DEFERRABLE INITIALLY DEFERRED);
"#;

const ROWS: &str = r"
INSERT INTO network_scanner_networkdevice (id, ip_address, hostname, device_type, status, description) VALUES
    (1, '192.0.2.1', 'fw-1', 'checkpoint', 'online', 'in the cellar'),
    (2, '192.0.2.2', 'core', 'router', 'offline', ''),
    (3, '192.0.2.3', NULL, 'toaster', 'online', ''),
    (4, 'no address', 'broken', 'switch', 'online', '');
INSERT INTO network_scanner_networkconfig (config_data, version, is_active, created_at, device_id) VALUES
    ('hostname fw-1' || char(13) || char(10) || 'set one', 1, 0, '2026-01-02 03:04:05.250000', 1),
    ('hostname fw-1' || char(10) || 'set two', 2, 1, '2026-01-03 03:04:05', 1),
    ('hostname fw-1' || char(10) || 'set three', 3, 0, '2026-01-04 03:04:05', 1),
    ('hostname core', 1, 1, '2026-01-02 03:04:05', 2),
    ('of a broken one', 1, 1, '2026-01-02 03:04:05', 4);
INSERT INTO network_scanner_backupconfig
    (id, name, backup_type, frequency, enabled, max_backups, include_database, include_media, include_logs, next_backup)
    VALUES
    (1, 'Daily Config Backup', 'config', 'daily', 1, 7, 0, 0, 0, '2026-11-24 02:30:00'),
    (2, 'Weekly', 'full', 'weekly', 0, 4, 1, 1, 0, '2026-11-25 23:00:00'),
    (3, 'Odd', 'full', 'fortnightly', 1, 4, 1, 1, 0, NULL);
INSERT INTO network_scanner_backuphistory (status, started_at, completed_at, file_path, file_size, error_message,
    backup_config_id) VALUES
    ('completed', '2026-11-22 02:30:00', '2026-11-22 02:31:00', '/srv/backups/daily_20261122_023000.zip', 4711, '', 1),
    ('failed', '2026-11-23 02:30:00', '2026-11-23 02:30:10', '', NULL, 'disk full', 1),
    ('running', '2026-11-23 09:00:00', NULL, '', NULL, '', 2);
";

async fn database(folder: &TempDir, name: &str, statements: &[&str]) -> PathBuf {
    let file = folder.path().join(name);
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    for sql in statements {
        connection.execute(sqlx::AssertSqlSafe((*sql).to_owned())).await.unwrap();
    }
    connection.close().await.unwrap();
    file
}

async fn bring(world: &World, file: &Path) -> DjangoReport {
    import(&world.engine, file, &DjangoOptions::default()).await.unwrap()
}

fn counts(brought: Brought) -> [u64; 4] {
    [brought.found, brought.new, brought.known, brought.left_out]
}

async fn count(world: &World, table: &'static str) -> u64 {
    etiqa_engine::store::dump::table_count(&world.engine.db, table).await.unwrap()
}

#[tokio::test]
async fn devices_versions_backups_and_history_come_as_they_were() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let file = database(&folder, "db.sqlite3", &[TABLES, ROWS]).await;

    let options = DjangoOptions { dry_run: true, ..DjangoOptions::default() };
    let shown = import(&world.engine, &file, &options).await.unwrap();
    assert_eq!((counts(shown.devices), counts(shown.versions)), ([4, 3, 0, 1], [5, 4, 0, 1]));
    assert_eq!((counts(shown.backups), counts(shown.runs)), ([3, 2, 0, 1], [3, 2, 0, 1]));
    for table in ["device", "config_version", "backup_config", "backup_run"] {
        assert_eq!(count(&world, table).await, 0, "a look writes nothing: {table}");
    }

    let report = bring(&world, &file).await;
    let same = DjangoReport { dry_run: true, ..report.clone() };
    assert_eq!(same, shown, "it does what it said");
    let firewall = inventory::find(&world.engine, "fw-1").await.unwrap();
    assert_eq!(
        (firewall.device_type.as_str(), firewall.status.as_str(), firewall.description.as_str()),
        ("check_point", "online", "in the cellar")
    );
    assert_eq!(firewall.last_good_at, None, "nothing was collected here");
    let versions = world.versions(firewall.id).await;
    let told: Vec<_> = versions
        .iter()
        .map(|version| (version.version, version.state, version.collected_at.to_string()))
        .collect();
    assert_eq!(
        told,
        [
            (3, VersionState::Inactive, "2026-01-04T03:04:05Z".to_owned()),
            (2, VersionState::Active, "2026-01-03T03:04:05Z".to_owned()),
            (1, VersionState::Inactive, "2026-01-02T03:04:05.250Z".to_owned()),
        ]
    );
    assert_eq!((versions[0].added, versions[0].removed), (1, 1));
    let text = text_read(&world.engine.db, &versions[2].sha256).await.unwrap();
    assert_eq!(text, "hostname fw-1\nset one\n", "lines end as they do here");
    assert_eq!(versions[0].driver, "gaia", "its secrets are masked by that platform's rules");
    let core = inventory::find(&world.engine, "core").await.unwrap();
    let unknown = world.versions(core.id).await.remove(0).driver;
    assert!(DriverSet::built_in().get(&unknown).is_none(), "a router may be anybody's: {unknown}");

    let rows = config::list(&world.engine, &Role::Admin.into()).await.unwrap();
    let daily = rows.iter().find(|row| row.config.name == "Daily Config Backup").unwrap();
    assert_eq!((daily.config.retention.max_backups, daily.config.enabled), (7, true));
    assert_eq!(daily.state, ConfigState::NeverRun, "another program's runs are none of this one's");
    assert!(!rows.iter().find(|row| row.config.name == "Weekly").unwrap().config.enabled);
    let runs = run_list(&world.engine.db, daily.config.id, 10).await.unwrap();
    let told: Vec<_> =
        runs.iter().map(|run| (run.status, run.trigger, run.is_good(), run.has_archive())).collect();
    assert_eq!(
        told,
        [
            (RunStatus::Failed, Trigger::Import, false, false),
            (RunStatus::Completed, Trigger::Import, false, false),
        ]
    );
    assert_eq!(runs[0].error.as_deref(), Some("disk full"));
    let note = run_note_list(&world.engine.db, runs[1].id, 10).await.unwrap().remove(0).note;
    assert!(note.contains("daily_20261122_023000.zip") && !note.contains("/srv"), "{note}");
    for words in ["no address", "toaster", "fortnightly", "had not ended", "1 configuration is of no device"]
    {
        assert!(report.notes.iter().any(|note| note.contains(words)), "{words}: {:?}", report.notes);
    }
}

#[tokio::test]
async fn a_second_run_brings_only_what_came_since_and_overwrites_nothing() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let file = database(&folder, "db.sqlite3", &[TABLES, ROWS]).await;
    bring(&world, &file).await;
    let device = inventory::find(&world.engine, "fw-1").await.unwrap();
    let by_hand = DeviceInput { description: "by hand".into(), ..device.to_input() };
    inventory::save(&world.engine, Some(device.id), &by_hand).await.unwrap();

    let again = bring(&world, &file).await;
    assert_eq!((counts(again.devices), counts(again.versions)), ([4, 0, 3, 1], [5, 0, 4, 1]));
    assert_eq!((counts(again.backups), counts(again.runs)), ([3, 0, 2, 1], [3, 0, 2, 1]));
    assert_eq!(world.device(device.id).await.description, "by hand");

    let newer = "UPDATE network_scanner_networkconfig SET is_active = 0 WHERE device_id = 1;
        INSERT INTO network_scanner_networkconfig (config_data, version, is_active, created_at, device_id)
            VALUES ('hostname fw-1' || char(10) || 'set four', 4, 1, '2026-01-05 03:04:05', 1);
        UPDATE network_scanner_networkconfig SET config_data = 'other' WHERE device_id = 2;";
    database(&folder, "db.sqlite3", &[newer]).await;
    let third = bring(&world, &file).await;
    assert_eq!(counts(third.versions), [6, 1, 3, 2]);
    let states: Vec<_> =
        world.versions(device.id).await.iter().map(|version| (version.version, version.state)).collect();
    assert_eq!(states[0], (4, VersionState::Active));
    assert_eq!(states.iter().filter(|(_, state)| *state == VersionState::Active).count(), 1);
    assert!(third.notes.iter().any(|note| note.contains("other texts here")), "{:?}", third.notes);
}

#[tokio::test]
async fn what_was_collected_here_keeps_its_numbers() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let (_simulated, id) = world.add(DeviceSpec::new(Personality::Ios)).await;
    world.collect(id).await;
    let device = world.device(id).await;
    let rows = format!(
        "INSERT INTO network_scanner_networkdevice (id, ip_address, hostname, device_type, status, description)
            VALUES (1, '{}', 'core', 'router', 'online', '');
         INSERT INTO network_scanner_networkconfig (config_data, version, is_active, created_at, device_id)
            VALUES ('old one', 1, 0, '2026-01-02 03:04:05', 1), ('old two', 2, 1, '2026-01-03 03:04:05', 1);",
        device.address
    );
    let file = database(&folder, "db.sqlite3", &[TABLES, &rows]).await;
    let report = bring(&world, &file).await;
    assert_eq!(counts(report.versions), [2, 0, 0, 2]);
    assert!(report.notes.iter().any(|note| note.contains("--part")), "{:?}", report.notes);
    assert_eq!(world.versions(id).await.len(), 1);

    let options = DjangoOptions { part: "django".into(), ..DjangoOptions::default() };
    let apart = import(&world.engine, &file, &options).await.unwrap();
    assert_eq!(counts(apart.versions), [2, 2, 0, 0]);
    assert_eq!(version_list(&world.engine.db, id, "django", None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_next_collection_goes_on_from_the_versions_that_were_brought() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let (_simulated, id) = world.add(DeviceSpec::new(Personality::Ios)).await;
    let address = world.device(id).await.address;
    let rows = format!(
        "INSERT INTO network_scanner_networkdevice (id, ip_address, hostname, device_type, status, description)
            VALUES (1, '{address}', 'core', 'router', 'online', '');
         INSERT INTO network_scanner_networkconfig (config_data, version, is_active, created_at, device_id)
            VALUES ('hostname core', 6, 1, '2026-01-02 03:04:05', 1);"
    );
    let file = database(&folder, "db.sqlite3", &[TABLES, &rows]).await;
    assert_eq!(counts(bring(&world, &file).await.versions), [1, 1, 0, 0]);
    assert!(world.collect(id).await.class.is_good());
    let told: Vec<_> =
        world.versions(id).await.iter().map(|version| (version.version, version.state)).collect();
    assert_eq!(told, [(7, VersionState::Active), (6, VersionState::Inactive)]);
}

#[tokio::test]
async fn an_archive_brings_what_its_dump_holds() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let dump = json!([
        {"model": "auth.user", "pk": 1, "fields": {"username": "ada", "password": "canary"}},
        {"model": "network_scanner.networkdevice", "pk": 5,
         "fields": {"ip_address": "192.0.2.5", "hostname": "lb-1", "device_type": "f5", "status": "online"}},
        {"model": "network_scanner.networkconfig", "pk": 9,
         "fields": {"device": 5, "config_data": "ltm pool a { }", "version": 3, "is_active": true,
                    "created_at": "2026-01-02T03:04:05.123Z"}},
        {"model": "network_scanner.backupconfig", "pk": 2,
         "fields": {"name": "Daily", "backup_type": "full", "frequency": "daily", "enabled": true, "max_backups": 5}},
        {"model": "network_scanner.backuphistory", "pk": 3,
         "fields": {"backup_config": 2, "status": "completed", "started_at": "2026-01-02T03:00:00Z",
                    "completed_at": "2026-01-02T03:01:00Z", "file_path": "backups/daily.zip", "file_size": 12}},
    ]);
    let file = folder.path().join("daily_20261122_023000.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&file).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("database.json", options).unwrap();
    zip.write_all(dump.to_string().as_bytes()).unwrap();
    zip.start_file("media/logo.png", options).unwrap();
    zip.finish().unwrap();
    let report = bring(&world, &file).await;
    assert_eq!((counts(report.devices), counts(report.versions)), ([1, 1, 0, 0], [1, 1, 0, 0]));
    assert_eq!((counts(report.backups), counts(report.runs)), ([1, 1, 0, 0], [1, 1, 0, 0]));
    let balancer = inventory::find(&world.engine, "lb-1").await.unwrap();
    let version = world.versions(balancer.id).await.remove(0);
    assert_eq!((version.version, version.driver.as_str()), (3, "bigip"));
}

#[tokio::test]
async fn a_device_of_another_site_gets_nothing_of_the_one_with_its_address() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let here = DeviceInput { address: "192.0.2.5".into(), site: "graz".into(), ..DeviceInput::default() };
    let here = inventory::save(&world.engine, None, &here).await.unwrap();
    let rows = "INSERT INTO network_scanner_networkdevice (id, ip_address, hostname, device_type, status, description)
            VALUES (1, '192.0.2.5', 'core', 'router', 'online', '');
         INSERT INTO network_scanner_networkconfig (config_data, version, is_active, created_at, device_id)
            VALUES ('hostname core', 1, 1, '2026-01-02 03:04:05', 1);";
    let file = database(&folder, "db.sqlite3", &[TABLES, rows]).await;
    let options = DjangoOptions { site: "vienna".into(), ..DjangoOptions::default() };
    let report = import(&world.engine, &file, &options).await.unwrap();
    assert_eq!((counts(report.devices), counts(report.versions)), ([1, 1, 0, 0], [1, 1, 0, 0]));
    assert!(world.versions(here).await.is_empty());
    let core = inventory::find(&world.engine, "core").await.unwrap();
    assert_eq!((core.site.as_str(), world.versions(core.id).await.len()), ("vienna", 1));
}

#[tokio::test]
async fn an_archive_of_configurations_alone_brings_them_to_the_devices_that_are_here() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let here = DeviceInput { address: "192.0.2.5".into(), hostname: "core".into(), ..DeviceInput::default() };
    let here = inventory::save(&world.engine, None, &here).await.unwrap();
    let config = |device: &str, version: u32| {
        json!({ "device": device, "config_data": "hostname core", "version": version, "is_active": true,
                "created_at": "2026-01-02T03:04:05Z" })
    };
    let configs = json!([config("Core", 1), config("nobody", 1)]);
    let file = folder.path().join("config.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&file).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("network_configs.json", options).unwrap();
    zip.write_all(configs.to_string().as_bytes()).unwrap();
    // Of anybody's own files, not of this program's archives.
    zip.start_file("media/manifest.json", options).unwrap();
    zip.finish().unwrap();
    let report = bring(&world, &file).await;
    assert_eq!((counts(report.devices), counts(report.versions)), ([2, 0, 1, 1], [2, 1, 0, 1]));
    assert!(report.notes.iter().any(|note| note.contains("\"nobody\"")), "{:?}", report.notes);
    assert_eq!(world.versions(here).await.len(), 1);
}

#[tokio::test]
async fn what_is_missing_or_no_file_of_the_django_edition_is_said_in_a_sentence() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let only_devices = r#"CREATE TABLE "scanner_device" ("id" integer PRIMARY KEY, "ip" text, "name" text);
        INSERT INTO scanner_device VALUES (1, '192.0.2.1', 'core');"#;
    let file = database(&folder, "small.sqlite3", &[only_devices]).await;
    let report = bring(&world, &file).await;
    assert_eq!(counts(report.devices), [1, 1, 0, 0]);
    assert_eq!(
        report.notes.iter().filter(|note| note.starts_with("There are no")).count(),
        3,
        "{:?}",
        report.notes
    );

    let other = database(&folder, "other.sqlite3", &["CREATE TABLE songs (id integer)"]).await;
    std::fs::write(folder.path().join("empty"), "").unwrap();
    std::fs::write(folder.path().join("text"), "hello").unwrap();
    std::fs::write(folder.path().join("dump.json"), "[]").unwrap();
    std::fs::write(folder.path().join("broken.zip"), b"PK\x03\x04 and no more").unwrap();
    for (file, words) in [
        (other, "none of the Django edition"),
        (folder.path().join("empty"), "empty"),
        (folder.path().join("text"), "not valid JSON"),
        (folder.path().join("dump.json"), "no rows"),
        (folder.path().join("broken.zip"), "damaged"),
        (folder.path().join("nowhere"), "cannot be read"),
    ] {
        let refused = import(&world.engine, &file, &DjangoOptions::default()).await.unwrap_err();
        let sentence = refused.into_user_error().message;
        assert!(sentence.contains(words), "{words}: {sentence}");
    }
}
