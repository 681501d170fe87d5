//! Destinations and copies, as the tables keep them.

use etiqa_engine::db::Db;
use etiqa_engine::store::archive_copy::{
    copy_begin, copy_fetch, copy_hurry_in_txn, copy_list_due_destinations, copy_list_of_run, copy_next_due,
    copy_put_off_in_txn, copy_set_gone_in_txn, copy_set_sent_in_txn,
};
use etiqa_engine::store::backup_config::{backup_config_fetch, backup_config_insert_in_txn};
use etiqa_engine::store::destination::{
    DestinationRow, backup_config_set_destinations_in_txn, destination_failed_in_txn, destination_fetch,
    destination_insert_in_txn, destination_key_accept_in_txn, destination_key_offer_in_txn,
    destination_key_remember_in_txn, destination_list, destination_worked_in_txn,
};
use etiqa_engine::store::run_write::{
    Ending, EndingArchive, run_claim, run_finish, run_insert_in_txn, run_reserve_file, run_set_removed_in_txn,
};
use etiqa_model::archive::Encryption;
use etiqa_model::backup::{BackupConfig, BackupConfigInput};
use etiqa_model::destination::{CopyState, DestinationSettings, FolderSettings, KeepCopies};
use etiqa_model::run::{RunStatus, Trigger};
use etiqa_model::{DestinationId, RunId};

use crate::common::{at, on_both};

fn row(name: &str, keep: KeepCopies, enabled: bool) -> DestinationRow {
    let settings = DestinationSettings::Folder(FolderSettings { path: format!("/mnt/{name}") });
    DestinationRow { name: name.into(), settings, keep, enabled }
}

async fn add(db: &Db, row: &DestinationRow) -> DestinationId {
    let mut tx = db.write().await.unwrap();
    let id = destination_insert_in_txn(&mut tx, row, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn config(db: &Db, destinations: &[DestinationId]) -> BackupConfig {
    let new =
        BackupConfigInput { name: "daily".into(), ..BackupConfigInput::default() }.parse("UTC").unwrap();
    let mut tx = db.write().await.unwrap();
    let id = backup_config_insert_in_txn(&mut tx, &new, "daily", None, at(0)).await.unwrap();
    backup_config_set_destinations_in_txn(&mut tx, id, destinations).await.unwrap();
    tx.commit().await.unwrap();
    backup_config_fetch(db, id).await.unwrap().unwrap()
}

/// A run whose archive is in the data directory `here`.
async fn completed(db: &Db, config: &BackupConfig, seconds: i64) -> RunId {
    let mut tx = db.write().await.unwrap();
    let run = run_insert_in_txn(&mut tx, config, Trigger::Manual, None, at(seconds)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(run_claim(db, run, "a", at(seconds), at(seconds + 30)).await.unwrap());
    let file = format!("daily_{seconds}.zip");
    assert!(run_reserve_file(db, run, "a", &file, "here").await.unwrap());
    let archive = EndingArchive {
        file,
        size_bytes: 7,
        sha256: "ab".into(),
        encryption: Encryption::None,
        passphrase: None,
        shared: None,
    };
    let ending = Ending {
        status: RunStatus::Completed,
        devices_ok: 1,
        devices_failed: 0,
        artifacts_ok: 0,
        artifacts_failed: 0,
        archive: Some(archive),
        error: None,
    };
    assert!(run_finish(db, run, "a", &ending, at(seconds)).await.unwrap());
    run
}

async fn remove(db: &Db, run: RunId, seconds: i64) {
    let mut tx = db.write().await.unwrap();
    assert!(run_set_removed_in_txn(&mut tx, run, "here", at(seconds)).await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_completed_run_queues_a_copy_for_every_enabled_destination_of_its_config() {
    on_both(async |db| {
        let nas = add(&db, &row("nas", KeepCopies::Retention, true)).await;
        let off = add(&db, &row("off", KeepCopies::Retention, false)).await;
        let other = add(&db, &row("other", KeepCopies::Retention, true)).await;
        let config = config(&db, &[nas, off]).await;
        let run = completed(&db, &config, 10).await;
        let copies = copy_list_of_run(&db, run).await.unwrap();
        assert_eq!(copies.iter().map(|copy| copy.destination_id).collect::<Vec<_>>(), [nas]);
        assert_eq!(copy_list_due_destinations(&db, "here", at(10)).await.unwrap(), [nas]);
        assert_eq!(copy_list_due_destinations(&db, "elsewhere", at(10)).await.unwrap(), []);
        assert_eq!(copy_list_due_destinations(&db, "here", at(9)).await.unwrap(), []);
        let due = copy_next_due(&db, nas, "here", at(10)).await.unwrap().unwrap();
        assert_eq!((due.run, due.file.as_str(), due.size_bytes), (run, "daily_10.zip", 7));
        assert!(copy_next_due(&db, nas, "elsewhere", at(10)).await.unwrap().is_none());
        assert!(copy_next_due(&db, other, "here", at(10)).await.unwrap().is_none());

        let mut tx = db.write().await.unwrap();
        destination_failed_in_txn(&mut tx, nas, "It is down.", 1, at(60)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(copy_list_due_destinations(&db, "here", at(59)).await.unwrap(), [], "it is left alone");
        assert_eq!(copy_list_due_destinations(&db, "here", at(60)).await.unwrap(), [nas]);
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_leaves_and_what_was_never_tried_is_forgotten() {
    on_both(async |db| {
        let nas = add(&db, &row("nas", KeepCopies::Retention, true)).await;
        let vault = add(&db, &row("vault", KeepCopies::Forever, true)).await;
        let config = config(&db, &[nas, vault]).await;
        let sent = completed(&db, &config, 10).await;
        for copy in copy_list_of_run(&db, sent).await.unwrap() {
            assert!(copy_begin(&db, copy.id, CopyState::Waiting).await.unwrap());
            let mut tx = db.write().await.unwrap();
            copy_set_sent_in_txn(&mut tx, copy.id, "daily_10.zip", at(11)).await.unwrap();
            destination_worked_in_txn(&mut tx, copy.destination_id, at(11)).await.unwrap();
            tx.commit().await.unwrap();
        }
        let never_tried = completed(&db, &config, 20).await;
        remove(&db, sent, 30).await;
        remove(&db, never_tried, 30).await;
        assert_eq!(copy_list_of_run(&db, never_tried).await.unwrap(), []);
        assert_eq!(copy_fetch(&db, sent, vault).await.unwrap().unwrap().state, CopyState::Sent);
        let leaving = copy_fetch(&db, sent, nas).await.unwrap().unwrap();
        assert_eq!((leaving.state, leaving.due_at), (CopyState::Leaving, at(30)));

        let newest = completed(&db, &config, 40).await;
        let first = copy_next_due(&db, nas, "here", at(40)).await.unwrap().unwrap();
        assert_eq!((first.run, first.state), (newest, CopyState::Waiting), "sending comes before deleting");
        let mut tx = db.write().await.unwrap();
        copy_put_off_in_txn(&mut tx, first.id, "Later.", at(100)).await.unwrap();
        tx.commit().await.unwrap();
        let second = copy_next_due(&db, nas, "here", at(40)).await.unwrap().unwrap();
        assert_eq!((second.run, second.state), (sent, CopyState::Leaving));
        let mut tx = db.write().await.unwrap();
        assert!(copy_set_gone_in_txn(&mut tx, second.id).await.unwrap());
        assert!(!copy_set_gone_in_txn(&mut tx, second.id).await.unwrap(), "only once");
        assert_eq!(copy_hurry_in_txn(&mut tx, nas, Some(sent), at(50)).await.unwrap(), 0);
        assert_eq!(copy_hurry_in_txn(&mut tx, nas, None, at(50)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let known = destination_list(&db).await.unwrap();
        let counts: Vec<_> = known.iter().map(|known| (known.sent, known.waiting, known.leaving)).collect();
        assert_eq!(counts, [(0, 1, 0), (1, 1, 0)]);
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_comes_there_while_it_is_given_up_is_known_by_its_name() {
    on_both(async |db| {
        let nas = add(&db, &row("nas", KeepCopies::Retention, true)).await;
        let config = config(&db, &[nas]).await;
        let run = completed(&db, &config, 10).await;
        let copy = copy_fetch(&db, run, nas).await.unwrap().unwrap();
        assert!(copy_begin(&db, copy.id, CopyState::Waiting).await.unwrap());
        remove(&db, run, 20).await;
        let mut tx = db.write().await.unwrap();
        copy_set_sent_in_txn(&mut tx, copy.id, "daily_10_2.zip", at(21)).await.unwrap();
        tx.commit().await.unwrap();
        let copy = copy_fetch(&db, run, nas).await.unwrap().unwrap();
        assert_eq!((copy.state, copy.remote_name.as_deref()), (CopyState::Leaving, Some("daily_10_2.zip")));
    })
    .await;
}

#[tokio::test]
async fn a_changed_host_key_waits_beside_the_remembered_one() {
    on_both(async |db| {
        let nas = add(&db, &row("nas", KeepCopies::Retention, true)).await;
        let keys = async || {
            let known = destination_fetch(&db, nas).await.unwrap().unwrap();
            (known.openssh, known.destination.offered)
        };
        let text = |text: &str| Some(text.to_owned());
        let mut tx = db.write().await.unwrap();
        assert!(!destination_key_accept_in_txn(&mut tx, nas).await.unwrap());
        destination_key_remember_in_txn(&mut tx, nas, "first", "F1").await.unwrap();
        destination_key_remember_in_txn(&mut tx, nas, "second", "F2").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(keys().await, (text("first"), None));
        let mut tx = db.write().await.unwrap();
        destination_key_offer_in_txn(&mut tx, nas, "second", "F2").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(keys().await, (text("first"), text("F2")));
        let mut tx = db.write().await.unwrap();
        assert!(destination_key_accept_in_txn(&mut tx, nas).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(keys().await, (text("second"), None));
    })
    .await;
}
