//! Devices with texts, and searches whose hits read as `grep` prints them.

use std::sync::Arc;

use etiqa_engine::db::Db;
use etiqa_engine::hex::sha256_hex;
use etiqa_engine::history::search::{PAGE_WITHIN, index_texts, search_page};
use etiqa_engine::store::config_version::{NewVersion, text_insert_in_txn, version_insert_in_txn};
use etiqa_engine::store::device_write::device_insert_in_txn;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::config::{DiffSpan, VersionState};
use etiqa_model::device::DeviceInput;
use etiqa_model::search::{SearchInput, SearchResults};
use etiqa_model::user::Role as Reader;
use etiqa_model::{DeviceId, UserError};

use crate::common::{NOON, at, device, postgres_url};

/// Runs a test on an engine over SQLite, then on one over PostgreSQL, each empty.
pub(crate) async fn on_both_engines(test: impl AsyncFn(Arc<Engine>)) {
    for database_url in [None, Some(postgres_url().await)] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { data_dir: folder.path().join("data"), database_url, ..Options::default() };
        let engine = Engine::open(options, Role::Command).await.unwrap();
        test(Arc::clone(&engine)).await;
        engine.db.close().await;
    }
}

/// Adds a device.
pub(crate) async fn add(db: &Db, hostname: &str, change: impl FnOnce(&mut DeviceInput)) -> DeviceId {
    let row = device(&format!("{}.example", hostname.to_lowercase()), |input| {
        hostname.clone_into(&mut input.hostname);
        change(input);
    });
    let mut tx = db.write().await.unwrap();
    let ids = device_insert_in_txn(&mut tx, &[row], NOON).await.unwrap();
    tx.commit().await.unwrap();
    ids[0]
}

/// Makes a text the active one of `running`.
pub(crate) async fn put(db: &Db, device: DeviceId, text: &str) {
    put_part(db, device, "running", text).await;
}

/// Makes a text the active one of a part, as a session with a Cisco device does.
pub(crate) async fn put_part(db: &Db, device: DeviceId, part: &str, text: &str) {
    put_all(db, &[(device, part, text)], "ios").await;
}

/// The same for many at once, of a driver.
pub(crate) async fn put_all(db: &Db, texts: &[(DeviceId, &str, &str)], driver: &str) {
    let mut tx = db.write().await.unwrap();
    for (device_id, part, text) in texts {
        let sha256 = sha256_hex(text.as_bytes());
        let zstd = zstd::bulk::compress(text.as_bytes(), 3).unwrap();
        text_insert_in_txn(&mut tx, &sha256, text.len() as u64, zstd).await.unwrap();
        let new = NewVersion {
            device_id: *device_id,
            part: (*part).to_owned(),
            state: VersionState::Active,
            text_sha256: sha256.clone(),
            compare_sha256: sha256,
            size_bytes: text.len() as u64,
            lines: 1,
            added: 1,
            removed: 0,
            collected_at: at(1),
            run_id: None,
            driver: driver.to_owned(),
            driver_sha256: "0".into(),
        };
        version_insert_in_txn(&mut tx, &new).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Damages a stored text.
pub(crate) async fn damage(db: &Db, text: &str) {
    let mut tx = db.write().await.unwrap();
    let done = sqlx::query("UPDATE config_text SET zstd = $2 WHERE sha256 = $1")
        .bind(sha256_hex(text.as_bytes()))
        .bind(vec![0_u8])
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
    tx.commit().await.unwrap();
}

/// Brings the index up to date; gives how many texts were added.
pub(crate) async fn index(engine: &Engine) -> u64 {
    index_texts(engine, u64::MAX).await.unwrap()
}

/// A search for a text, without lines around the hits.
pub(crate) fn text(text: &str) -> SearchInput {
    SearchInput { text: text.into(), context: "0".into(), ..SearchInput::default() }
}

/// A search for a regular expression, without lines around the hits.
pub(crate) fn regex(pattern: &str) -> SearchInput {
    SearchInput { regex: true, ..text(pattern) }
}

/// The first page of what an operator finds.
pub(crate) async fn page(engine: &Arc<Engine>, input: &SearchInput) -> SearchResults {
    search_page(engine, input, &Reader::Operator.into(), PAGE_WITHIN).await.unwrap()
}

/// Why a search is refused.
pub(crate) async fn refusal(engine: &Arc<Engine>, input: &SearchInput) -> UserError {
    search_page(engine, input, &Reader::Operator.into(), PAGE_WITHIN).await.unwrap_err().into_user_error()
}

/// What an operator finds, a line each, as [`printed`].
pub(crate) async fn found(engine: &Arc<Engine>, input: &SearchInput) -> Vec<String> {
    printed(&page(engine, input).await)
}

/// What a viewer finds.
pub(crate) async fn found_by_viewer(engine: &Arc<Engine>, input: &SearchInput) -> Vec<String> {
    let results = search_page(engine, input, &Reader::Viewer.into(), PAGE_WITHIN).await.unwrap();
    assert!(results.redacted);
    printed(&results)
}

/// `core-1/running:3: ntp [server] 1`, hits in brackets; `-` instead of the second colon: a line around a hit.
pub(crate) fn printed(results: &SearchResults) -> Vec<String> {
    let mut lines = Vec::new();
    for device in &results.devices {
        for text in &device.texts {
            for line in &text.lines {
                let mark = |span: &DiffSpan| {
                    if span.marked { format!("[{}]", span.text) } else { span.text.clone() }
                };
                let words: String = line.spans.iter().map(mark).collect();
                let sign = if line.is_hit { ':' } else { '-' };
                lines.push(format!("{}/{}:{}{sign} {words}", device.hostname, text.part, line.number));
            }
        }
    }
    lines
}
