use etiqa_engine::db::Db;
use etiqa_engine::store::config_list::{version_page_active, version_page_all};
use etiqa_engine::store::config_version::{
    NewVersion, part_list, text_insert_in_txn, version_count, version_decide, version_fetch_before,
    version_fetch_set_aside, version_insert_in_txn, version_list, version_list_active, version_list_compared,
};
use etiqa_engine::store::device_write::{device_delete, device_insert_in_txn};
use etiqa_model::config::VersionState;
use etiqa_model::page::Page;
use etiqa_model::scope::Scope;
use etiqa_model::{ConfigVersionId, DeviceId};

use crate::common::{NOON, at, device, on_both};

async fn add_device(db: &Db) -> DeviceId {
    let mut tx = db.write().await.unwrap();
    let ids = device_insert_in_txn(&mut tx, &[device("10.0.0.1", |_| {})], NOON).await.unwrap();
    tx.commit().await.unwrap();
    ids[0]
}

async fn add(db: &Db, device_id: DeviceId, part: &str, text: &str, state: VersionState) -> ConfigVersionId {
    let mut tx = db.write().await.unwrap();
    text_insert_in_txn(&mut tx, text, text.len() as u64, text.as_bytes().to_vec()).await.unwrap();
    let new = NewVersion {
        device_id,
        part: part.into(),
        state,
        text_sha256: text.into(),
        compare_sha256: format!("compared {text}"),
        size_bytes: text.len() as u64,
        lines: 1,
        added: 1,
        removed: 0,
        collected_at: at(1),
        run_id: None,
        driver: "ios".into(),
        driver_sha256: "0".into(),
    };
    let id = version_insert_in_txn(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn states(db: &Db, device: DeviceId) -> Vec<(u32, VersionState)> {
    let versions = version_list(db, device, "running", None, 50).await.unwrap();
    versions.iter().map(|version| (version.version, version.state)).collect()
}

#[tokio::test]
async fn versions_are_numbered_per_part_and_exactly_one_of_a_part_is_active() {
    on_both(async |db| {
        let device = add_device(&db).await;
        add(&db, device, "running", "a", VersionState::Active).await;
        add(&db, device, "running", "b", VersionState::Active).await;
        add(&db, device, "startup", "a", VersionState::Active).await;
        assert_eq!(states(&db, device).await, [(2, VersionState::Active), (1, VersionState::Inactive)]);
        let active = version_list_active(&db, device).await.unwrap();
        let active: Vec<_> = active.iter().map(|version| (version.part.as_str(), version.version)).collect();
        assert_eq!(active, [("running", 2), ("startup", 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_suspect_version_leaves_the_active_one_alone_until_a_person_accepts_it() {
    on_both(async |db| {
        let device = add_device(&db).await;
        add(&db, device, "running", "whole", VersionState::Active).await;
        let suspect = add(&db, device, "running", "half", VersionState::Suspect).await;
        assert_eq!(states(&db, device).await, [(2, VersionState::Suspect), (1, VersionState::Active)]);
        assert!(version_decide(&db, suspect, true).await.unwrap());
        assert_eq!(states(&db, device).await, [(2, VersionState::Active), (1, VersionState::Inactive)]);
        assert!(!version_decide(&db, suspect, false).await.unwrap(), "it is decided");
    })
    .await;
}

#[tokio::test]
async fn a_fresh_text_is_held_against_the_active_one_and_equal_ones_that_were_set_aside() {
    on_both(async |db| {
        let device = add_device(&db).await;
        add(&db, device, "running", "whole", VersionState::Active).await;
        let rejected = add(&db, device, "running", "half", VersionState::Suspect).await;
        version_decide(&db, rejected, false).await.unwrap();
        add(&db, device, "running", "newer", VersionState::Active).await;
        let active = version_list_compared(&db, device).await.unwrap();
        let active: Vec<_> =
            active.iter().map(|known| (known.version.version, known.version.state)).collect();
        assert_eq!(active, [(3, VersionState::Active)]);
        let held = version_fetch_set_aside(&db, device, "running", "compared half").await.unwrap().unwrap();
        assert_eq!((held.version, held.state), (2, VersionState::Rejected));
        assert_eq!(version_fetch_set_aside(&db, device, "running", "compared whole").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_version_is_compared_with_the_last_good_one_before_it() {
    on_both(async |db| {
        let device = add_device(&db).await;
        add(&db, device, "running", "a", VersionState::Active).await;
        add(&db, device, "running", "half", VersionState::Suspect).await;
        add(&db, device, "running", "b", VersionState::Active).await;
        let versions = version_list(&db, device, "running", None, 1).await.unwrap();
        let before = version_fetch_before(&db, &versions[0]).await.unwrap().unwrap();
        assert_eq!(before.version, 1);
        assert_eq!(version_fetch_before(&db, &before).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_device_takes_its_texts_but_not_those_that_others_have_too() {
    on_both(async |db| {
        let first = add_device(&db).await;
        let mut tx = db.write().await.unwrap();
        let second = device_insert_in_txn(&mut tx, &[device("10.0.0.2", |_| {})], NOON).await.unwrap()[0];
        tx.commit().await.unwrap();
        add(&db, first, "running", "shared", VersionState::Active).await;
        add(&db, second, "running", "shared", VersionState::Active).await;
        add(&db, first, "startup", "own", VersionState::Active).await;
        device_delete(&db, first).await.unwrap();
        let text = async |sha: &str| etiqa_engine::store::config_version::text_fetch(&db, sha).await.unwrap();
        assert_eq!(text("own").await, None);
        assert_eq!(text("shared").await, Some(b"shared".to_vec()));
    })
    .await;
}

#[tokio::test]
async fn a_part_is_counted_and_listed_by_its_numbers() {
    on_both(async |db| {
        let device = add_device(&db).await;
        for text in ["a", "b", "c"] {
            add(&db, device, "running", text, VersionState::Active).await;
        }
        add(&db, device, "running", "d", VersionState::Suspect).await;
        add(&db, device, "startup", "a", VersionState::Active).await;
        let parts = part_list(&db, device).await.unwrap();
        let counts: Vec<_> =
            parts.iter().map(|part| (part.part.as_str(), part.total, part.versions.len())).collect();
        assert_eq!(counts, [("running", 4, 4), ("startup", 1, 1)]);
        assert_eq!(version_count(&db, device, "running").await.unwrap(), 4);
        let all = version_page_all(&db, "", Page { number: 2, size: 2 }).await.unwrap();
        assert_eq!((all.total, all.rows.len()), (5, 2));
        let beyond = version_page_all(&db, "", Page { number: 1_000_000, size: 500 }).await.unwrap();
        assert_eq!((beyond.total, beyond.rows.len()), (5, 0));
        assert_eq!(
            version_page_active(&db, &Scope::default(), "", Page::first(10)).await.unwrap().versions.total,
            2
        );
    })
    .await;
}
