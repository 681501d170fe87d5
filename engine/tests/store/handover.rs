//! An instance on SQLite, handed over to PostgreSQL: every table, cell by cell.

use std::path::Path;

use etiqa_engine::audit::check;
use etiqa_engine::db::{Db, place_of_url};
use etiqa_engine::handover::{Step, hand_over};
use etiqa_engine::store::dump::{table_columns_in_txn, table_count, table_rows_in_txn, tables_handed_over};
use etiqa_engine::store::restore::Cell;
use etiqa_engine::{Engine, Options, Role};
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use crate::common::postgres_url;

/// Something in every table; of results more than go over at once.
const FILLED: &[&str] = &[
    "INSERT INTO setting VALUES ('a', 'Straße'), ('B', ''), ('ä', 'x')",
    "INSERT INTO app_user (name, name_key, role, created_at) VALUES ('Ada', 'ada', 'admin', 1)",
    "INSERT INTO identity (user_id, provider, subject, secret, created_at) VALUES (1, 'password', 'ada', 'x', 1)",
    "INSERT INTO second_factor (user_id, sealed, confirmed_at) VALUES (1, x'01', 1)",
    "INSERT INTO recovery_code VALUES (1, 'b'), (1, 'A')",
    "INSERT INTO saved_view (user_id, page, name, query) VALUES (1, 'devices', 'In Zürich', 'site=zrh'), (1, 'runs', 'a', '')",
    "INSERT INTO session (token_sha256, user_id, created_at, last_seen_at, expires_at)
     VALUES ('b', 1, 1, 2, 3), ('A', 1, 1, 2, 9007199254740993)",
    "INSERT INTO api_token (name, role, token_sha256, created_at) VALUES ('robot', 'viewer', 'x', 1)",
    "INSERT INTO credential (name, username, sealed, has_password, has_enable, has_key, created_at, updated_at)
     VALUES ('lab', 'net', x'00ff10', 1, 0, 0, 1, 1), ('empty', '', x'', 0, 0, 0, -1, 1)",
    "INSERT INTO jump_host (name, address, port, via_id, legacy_ssh, created_at, updated_at)
     VALUES ('first', '192.0.2.1', 22, 2, 0, 1, 1), ('second', '192.0.2.2', 22, NULL, 0, 1, 1)",
    "INSERT INTO device (site, address, port, hostname, device_type, transport, description, enabled, status, created_at,
                         updated_at, credential_id, jump_host_id)
     VALUES ('default', '192.0.2.3', 22, 'core', 'router', 'ssh', 'Zürich 🗄', 1, 'unknown', 1, 1, 1, 1),
            ('default', '192.0.2.4', 22, 'edge', 'router', 'ssh', '', 1, 'unknown', 1, 1, NULL, NULL),
            ('default', '192.0.2.5', 22, 'gone', 'router', 'ssh', '', 1, 'unknown', 1, 1, NULL, NULL)",
    "DELETE FROM device WHERE hostname = 'gone'",
    "INSERT INTO device_tag VALUES (1, 'b'), (1, 'B'), (1, 'ä'), (2, 'a')",
    "INSERT INTO device_fact (device_id, credential_id, changed_at) VALUES (1, 1, 1)",
    "INSERT INTO media (device_id, file_name, size_bytes, sha256, uploaded_by, uploaded_at) VALUES (1, 'a', 1, 'x', 'ada', 1)",
    "INSERT INTO host_key (device_id, openssh, fingerprint, first_seen_at) VALUES (1, 'ssh-ed25519 AAAA', 'SHA256:x', 1)",
    "INSERT INTO tls_certificate (device_id, pinned, changed_at) VALUES (1, 'x', 1)",
    "INSERT INTO driver (name, problem, updated_at) VALUES ('our-switch', 'broken', 1)",
    "INSERT INTO archive_passphrase (name, sealed, created_at) VALUES ('Nightly', x'01', 1)",
    "INSERT INTO destination (name, kind, settings, keep, enabled, created_at, updated_at)
     VALUES ('share', 'folder', '{}', 'retention', 1, 1, 1)",
    "INSERT INTO backup_config (name, slug, kind, schedule, retention, include, devices, enabled, created_at, updated_at)
     VALUES ('Nightly', 'nightly', 'full', '{}', '{}', '{}', '{}', 1, 1, 1)",
    "INSERT INTO backup_config_destination VALUES (1, 1)",
    "INSERT INTO backup_run (backup_config_id, name, kind, status, phase, started_by, queued_at)
     VALUES (1, 'Nightly', 'full', 'completed', 'done', 'schedule', 1)",
    "INSERT INTO archive_copy (run_id, destination_id, state, due_at) VALUES (1, 1, 'sent', 1)",
    "INSERT INTO run_note (run_id, at, note) VALUES (1, 1, 'protected')",
    "INSERT INTO restore_drill (run_id, finished_at, rows_restored, files_restored, duration_ms) VALUES (1, 1, 1, 1, 1)",
    "INSERT INTO config_text VALUES ('b', 1, x'01'), ('a', 3000000, zeroblob(3000000)), ('c', 3000000, zeroblob(3000000))",
    "INSERT INTO config_version (device_id, part, version, state, text_sha256, compare_sha256, size_bytes, lines, added,
                                 removed, collected_at, run_id, driver, driver_sha256, label)
     VALUES (1, 'running', 1, 'inactive', 'a', 'a', 1, 1, 0, 0, 1, 1, 'ios', 'x', 'before the upgrade'),
            (1, 'running', 2, 'active', 'b', 'b', 1, 1, 1, 1, 2, 1, 'ios', 'x', NULL)",
    "INSERT INTO config_activation (device_id, part, version_id, was_suspect, activated_at) VALUES (1, 'running', 2, 1, 3)",
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
     INSERT INTO device_result (device_id, class, message, size_bytes, started_at, finished_at, transcript)
     SELECT 1, 'ok', 'Grüße ' || i, i, i, i, zeroblob(i) FROM n",
    "INSERT INTO artifact_blob (sha256, size_bytes, data_dir, stored_at) VALUES ('x', 1, 'here', 1)",
    "INSERT INTO artifact (device_id, kind, file_name, sha256, size_bytes, encrypted, collected_at)
     VALUES (1, 'ucs', 'a.ucs', 'x', 1, 0, 1)",
    "INSERT INTO artifact_result (device_id, kind, class, message, started_at, finished_at) VALUES (1, 'ucs', 'ok', '', 1, 1)",
    "INSERT INTO audit_checkpoint VALUES (1, 'x', 1, 'x', 'x')",
    "INSERT INTO device_test (device_id, started_at, steps) VALUES (1, 1, '[]')",
    "INSERT INTO job (kind, payload, due_at, created_at, lease_owner, lease_expires_at)
     VALUES ('collect', '{}', 1, 1, NULL, NULL), ('collect', '{}', 1, 1, 'server-gone', 9000000000000)",
    "INSERT INTO upload (file_name, content, created_by, created_at) VALUES ('devices.csv', x'69700a', 'ada', 1)",
    "INSERT INTO inventory_source (name, kind, settings, enabled, sealed, created_at, updated_at)
     VALUES ('netbox', 'netbox', '{}', 1, x'01', 1, 1)",
    "INSERT INTO inventory_source_device (source_id, device_id, external_key, given) VALUES (1, 1, 'Zürich 1', '{}')",
    "INSERT INTO inventory_sync (source_id, started_by, started_at, finished_at, problem) VALUES (1, 'manual', 1, 2, 'gone')",
    "INSERT INTO config_rule (name, wants, patterns, match_case, block, platform, device_type, site, tag, part, severity,
                              advice, enabled, revision, checked, created_at, updated_at)
     VALUES ('ntp', 'contain', 'ntp server', 0, '', '', '', '', '', '', 'warning', 'Zeit für alle', 1, 1, 0, 1, 1)",
    "INSERT INTO api_answer (owner, idempotency_key, request, sealed, created_at) VALUES ('user 1', 'a', 'x', x'01', 1)",
    "INSERT INTO notify_channel (name, kind, settings, sealed, enabled, created_at, updated_at)
     VALUES ('noc', 'email', '{}', x'01', 1, 1, 1)",
    "INSERT INTO notify_rule (name, enabled, settings, created_at, updated_at) VALUES ('On call', 1, '{}', 1, 1)",
    "INSERT INTO notify_rule_channel VALUES (1, 1)",
    "INSERT INTO notify_notice (what, run_id, at) VALUES ('ended', 1, 1)",
    "INSERT INTO notify_open (rule_id, about, event, item, since, told_at) VALUES (1, 'run_failed:1', 'run_failed', '{}', 1, 1)",
    "INSERT INTO notify_held (rule_id, about, item, release_at) VALUES (1, 'core', '{}', 1)",
    "INSERT INTO notify_delivery (message_id, channel_id, rule, title, content, state, created_at, due_at)
     VALUES ('x', 1, 'On call', 'Größe', '{}', 'waiting', 1, 1)",
    "INSERT INTO notify_attempt (delivery_id, at, duration_ms, good, answer) VALUES (1, 1, 1, 0, '503')",
];

fn options(data_dir: &Path) -> Options {
    Options { data_dir: data_dir.to_owned(), ..Options::default() }
}

/// An instance with something in every table.
async fn filled(data_dir: &Path) {
    Engine::open(options(data_dir), Role::Command).await.unwrap().db.close().await;
    execute_here(data_dir, FILLED).await;
}

async fn execute_here(data_dir: &Path, statements: &[&'static str]) {
    let db = Db::open_sqlite(&data_dir.join("etiqa.db")).await.unwrap();
    let mut tx = db.write().await.unwrap();
    for sql in statements {
        sqlx::query(*sql).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    db.close().await;
}

async fn execute_there(url: &str, sql: &str) {
    let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

async fn refusal(data_dir: &Path, url: &str) -> String {
    hand_over(options(data_dir), url, |_| {}).await.unwrap_err().into_user_error().message
}

async fn rows(db: &Db, table: &'static str, columns: &[String]) -> Vec<Vec<Cell>> {
    let mut snapshot = db.snapshot().await.unwrap();
    let rows = table_rows_in_txn(snapshot.tx(), table, columns).try_collect().await.unwrap();
    snapshot.end().await.unwrap();
    rows
}

#[tokio::test]
async fn every_table_goes_over_cell_by_cell_and_ids_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, url) = (folder.path().join("data"), postgres_url().await);
    filled(&data_dir).await;
    let mut compared = Vec::new();
    let seen = |step| {
        if let Step::Compared(table, rows) = step {
            compared.push((table, rows));
        }
    };
    let handed_over = hand_over(options(&data_dir), &url, seen).await.unwrap();
    assert_eq!(handed_over.tables, compared);
    assert!(handed_over.tables.iter().all(|(_, rows)| *rows > 0), "{handed_over:?}");
    let refused = Engine::open(options(&data_dir), Role::Command).await.err().unwrap();
    assert!(refused.into_user_error().message.starts_with("This instance was moved to postgres://"));

    let here = Db::open_sqlite(&data_dir.join("etiqa.db")).await.unwrap();
    let there = Db::open_postgres(&url).await.unwrap();
    for table in tables_handed_over() {
        let mut snapshot = here.snapshot().await.unwrap();
        let columns = table_columns_in_txn(snapshot.tx(), table).await.unwrap();
        snapshot.end().await.unwrap();
        let mut ours = rows(&here, table, &columns).await;
        // The note of where it went is of the file alone.
        ours.retain(|row| row[0] != Cell::Text("moved_to".into()));
        assert_eq!(ours, rows(&there, table, &columns).await, "{table}");
    }
    let mut tx = there.write().await.unwrap();
    let free = "SELECT COUNT(*) FROM job WHERE lease_owner IS NOT NULL AND lease_expires_at < 9000000000000";
    assert_eq!(sqlx::query(free).fetch_one(&mut *tx).await.unwrap().get::<i64, _>(0), 1);
    for (sql, id) in [
        (
            "INSERT INTO device (site, address, port, hostname, device_type, transport, description, enabled, status,
                                 created_at, updated_at)
             VALUES ('default', '192.0.2.6', 22, 'new', 'router', 'ssh', '', 1, 'unknown', 1, 1) RETURNING id",
            4_i64,
        ),
        ("INSERT INTO job (kind, payload, due_at, created_at) VALUES ('collect', '{}', 1, 1) RETURNING id", 3),
    ] {
        assert_eq!(sqlx::query(sql).fetch_one(&mut *tx).await.unwrap().get::<i64, _>(0), id);
    }
    tx.rollback().await.unwrap();
    here.close().await;
    there.close().await;
}

#[tokio::test]
async fn the_audit_log_is_whole_and_signed_where_it_was_moved_to() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, url) = (folder.path().join("data"), postgres_url().await);
    Engine::open(options(&data_dir), Role::Command).await.unwrap().db.close().await;
    hand_over(options(&data_dir), &url, |_| {}).await.unwrap();
    let there = Options { database_url: Some(url), ..options(&data_dir) };
    let engine = Engine::open(there, Role::Command).await.unwrap();
    let chain = check(&engine).await.unwrap();
    assert_eq!((chain.is_whole(), chain.checked), (true, 1), "the move itself is in it: {chain:?}");
    engine.db.close().await;
}

#[tokio::test]
async fn a_row_that_is_not_kept_as_it_was_takes_all_of_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, url) = (folder.path().join("data"), postgres_url().await);
    filled(&data_dir).await;
    let there = Db::open_postgres(&url).await.unwrap();
    for sql in [
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN NEW.hostname := upper(NEW.hostname); RETURN NEW; END $$",
        "CREATE TRIGGER shout BEFORE INSERT ON device FOR EACH ROW EXECUTE FUNCTION shout()",
    ] {
        execute_there(&url, sql).await;
    }
    assert_eq!(
        refusal(&data_dir, &url).await,
        "Row 1 of the table device is not the same in PostgreSQL, in its column hostname. Nothing was moved."
    );
    assert_eq!(table_count(&there, "app_user").await.unwrap(), 0);

    execute_there(&url, "DROP TRIGGER shout ON device").await;
    execute_here(&data_dir, &["UPDATE device SET description = 'a' || char(0) WHERE id = 2"]).await;
    let said = refusal(&data_dir, &url).await;
    assert!(said.starts_with("PostgreSQL does not take the rows 1 to 2 of the table device: "), "{said}");
    assert_eq!(table_count(&there, "app_user").await.unwrap(), 0);

    execute_here(&data_dir, &["UPDATE device SET description = 'a' WHERE id = 2"]).await;
    hand_over(options(&data_dir), &url, |_| {}).await.unwrap();
    assert_eq!(table_count(&there, "app_user").await.unwrap(), 1);
    there.close().await;
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, url) = (folder.path().join("data"), postgres_url().await);
    filled(&data_dir).await;
    execute_there(&url, "CREATE TABLE session (theirs TEXT)").await;
    let said = refusal(&data_dir, &url).await;
    assert!(said.contains("there is the table session, of another program"), "{said}");
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(connection.fetch_one(tables).await.unwrap().get::<i64, _>(0), 1);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn nothing_is_handed_over_while_another_command_works() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, url) = (folder.path().join("data"), postgres_url().await);
    let other = Engine::open(options(&data_dir), Role::Command).await.unwrap();
    assert!(refusal(&data_dir, &url).await.starts_with("Another command of etiqa works"));
    other.db.close().await;
    drop(other);
    hand_over(options(&data_dir), &url, |_| {}).await.unwrap();
}

#[test]
fn where_a_database_is_can_be_said_without_its_password() {
    let shown = |url| place_of_url(url).unwrap();
    assert_eq!(shown("postgres://ada:hunter2@db.example.net/etiqa"), "postgres://db.example.net/etiqa");
    assert_eq!(
        shown("postgresql://ada@[::1]:5433/etiqa?password=hunter2&sslmode=require"),
        "postgres://[::1]:5433/etiqa"
    );
    assert!(place_of_url("not a URL").is_err());
}
