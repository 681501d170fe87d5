use std::time::Duration;

use etiqa_engine::db::Db;
use etiqa_engine::store::artifact::{
    NewArtifact, NewArtifactResult, artifact_blob_forget_in_txn, artifact_blob_insert_in_txn,
    artifact_blob_list_unused, artifact_fetch, artifact_fetch_newest, artifact_insert_in_txn,
    artifact_list_of_device, artifact_prune_in_txn, artifact_result_insert_in_txn,
    artifact_result_list_of_device, artifact_transcript_fetch,
};
use etiqa_engine::store::device_write::{device_delete, device_insert_in_txn};
use etiqa_engine::store::lease::{
    artifact_lease_drop, artifact_lease_extend, artifact_lease_is_taken, artifact_lease_take,
    device_lease_take, leases_expire_of,
};
use etiqa_engine::store::tls_certificate::{
    tls_certificate_accept, tls_certificate_fetch, tls_certificate_forget, tls_certificate_offer_in_txn,
};
use etiqa_model::artifact::{ArtifactKind, Certificate};
use etiqa_model::class::Class;
use etiqa_model::{ArtifactId, DeviceId};

use crate::common::{NOON, at, device, on_both};

async fn add_device(db: &Db) -> DeviceId {
    let mut tx = db.write().await.unwrap();
    let row = device("10.0.0.1", |input| input.https_port = "8443".into());
    let ids = device_insert_in_txn(&mut tx, &[row], NOON).await.unwrap();
    tx.commit().await.unwrap();
    ids[0]
}

async fn add(db: &Db, device_id: DeviceId, sha256: &str) -> ArtifactId {
    let mut tx = db.write().await.unwrap();
    artifact_blob_insert_in_txn(&mut tx, sha256, 10, "here", NOON).await.unwrap();
    let new = NewArtifact {
        device_id,
        kind: ArtifactKind::F5Ucs,
        file_name: format!("{sha256}.ucs"),
        sha256: sha256.into(),
        size_bytes: 10,
        is_encrypted: false,
        collected_at: at(1),
        run_id: None,
    };
    let id = artifact_insert_in_txn(&mut tx, &new).await.unwrap();
    artifact_prune_in_txn(&mut tx, device_id, 3).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn the_newest_few_are_kept_and_files_that_nothing_refers_to_are_found_after_a_while() {
    on_both(async |db| {
        let device = add_device(&db).await;
        for sha256 in ["a", "b", "c", "d"] {
            add(&db, device, sha256).await;
        }
        let kept = artifact_list_of_device(&db, device).await.unwrap();
        assert_eq!(kept.iter().map(|kept| kept.sha256.as_str()).collect::<Vec<_>>(), ["d", "c", "b"]);
        assert_eq!(artifact_fetch_newest(&db, device).await.unwrap().as_ref(), kept.first());
        assert_eq!(artifact_fetch(&db, kept[1].id).await.unwrap().as_ref(), Some(&kept[1]));

        let unused =
            async |before, now| artifact_blob_list_unused(&db, "here", false, before, now).await.unwrap();
        assert!(unused(at(0), at(10)).await.is_empty(), "noted, but not for long enough");
        assert_eq!(unused(at(10), at(20)).await, ["a"]);
        assert!(artifact_blob_list_unused(&db, "elsewhere", false, at(10), at(20)).await.unwrap().is_empty());
        let orphaned = artifact_blob_list_unused(&db, "elsewhere", true, at(10), at(20)).await.unwrap();
        assert_eq!(orphaned, ["a"], "no machine has that folder");
        // An equal file that comes again is in use again.
        add(&db, device, "a").await;
        let forget = async |before| {
            let mut tx = db.write().await.unwrap();
            let is_forgotten = artifact_blob_forget_in_txn(&mut tx, "a", before).await.unwrap();
            tx.commit().await.unwrap();
            is_forgotten
        };
        assert!(!forget(at(10)).await);
        device_delete(&db, device).await.unwrap();
        assert!(unused(at(20), at(30)).await.is_empty());
        assert_eq!(unused(at(30), at(40)).await.len(), 4);
        assert!(!forget(at(20)).await, "not for so long");
        assert!(forget(at(30)).await);
        assert_eq!(unused(at(30), at(40)).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn attempts_are_listed_newest_first_and_keep_what_was_said() {
    on_both(async |db| {
        let device = add_device(&db).await;
        for (class, transcript) in [(Class::TlsError, Some(vec![1, 2, 3])), (Class::Ok, None)] {
            let mut tx = db.write().await.unwrap();
            let new = NewArtifactResult {
                device_id: device,
                run_id: None,
                job_id: None,
                kind: ArtifactKind::InfobloxGrid,
                class,
                message: "…".into(),
                started_at: at(0),
                finished_at: at(1),
                transcript,
            };
            artifact_result_insert_in_txn(&mut tx, &new).await.unwrap();
            tx.commit().await.unwrap();
        }
        let results = artifact_result_list_of_device(&db, device, 10).await.unwrap();
        assert_eq!(
            results.iter().map(|result| result.class).collect::<Vec<_>>(),
            [Class::Ok, Class::TlsError]
        );
        assert_eq!(results.iter().map(|result| result.has_transcript).collect::<Vec<_>>(), [false, true]);
        assert_eq!(artifact_transcript_fetch(&db, results[0].id).await.unwrap(), None);
        assert_eq!(artifact_transcript_fetch(&db, results[1].id).await.unwrap(), Some(vec![1, 2, 3]));
    })
    .await;
}

#[tokio::test]
async fn the_lease_of_a_vendors_backup_is_not_that_of_a_session() {
    on_both(async |db| {
        let device = add_device(&db).await;
        let until = NOON.plus(Duration::from_secs(30));
        assert!(device_lease_take(&db, device, "server-1/a", NOON, until).await.unwrap());
        assert!(artifact_lease_take(&db, device, "server-1/b", NOON, until).await.unwrap());
        assert!(!artifact_lease_take(&db, device, "server-2/c", NOON, until).await.unwrap());
        assert!(artifact_lease_extend(&db, device, "server-1/b", at(60)).await.unwrap());
        assert!(!artifact_lease_extend(&db, device, "server-2/c", at(60)).await.unwrap());
        assert!(artifact_lease_is_taken(&db, device, at(59)).await.unwrap());
        leases_expire_of(&db, "server-1", at(10)).await.unwrap();
        assert!(artifact_lease_take(&db, device, "server-2/c", at(10), at(40)).await.unwrap());
        artifact_lease_drop(&db, device, "server-2/c").await.unwrap();
        assert!(!artifact_lease_is_taken(&db, device, at(11)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_certificate_waits_until_a_person_pins_it() {
    on_both(async |db| {
        let device = add_device(&db).await;
        assert_eq!(tls_certificate_fetch(&db, device).await.unwrap(), None);
        assert!(!tls_certificate_accept(&db, device, "aa", NOON).await.unwrap());
        let offer = async |sha256| {
            let mut tx = db.write().await.unwrap();
            tls_certificate_offer_in_txn(&mut tx, device, sha256, NOON).await.unwrap();
            tx.commit().await.unwrap();
        };
        let text = |text: &str| Some(text.to_owned());
        offer("aa").await;
        assert!(!tls_certificate_accept(&db, device, "bb", NOON).await.unwrap());
        assert!(tls_certificate_accept(&db, device, "aa", NOON).await.unwrap());
        offer("bb").await;
        let known = tls_certificate_fetch(&db, device).await.unwrap();
        assert_eq!(known, Some(Certificate { pinned: text("aa"), offered: text("bb") }));
        assert!(tls_certificate_forget(&db, device).await.unwrap());
        assert_eq!(tls_certificate_fetch(&db, device).await.unwrap(), None);
    })
    .await;
}
