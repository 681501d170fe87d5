//! Rotating a credential's secrets, as the tables keep it.

use etiqa_engine::db::Db;
use etiqa_engine::store::credential::{
    CredentialRow, credential_fetch, credential_finish_rotation, credential_insert_in_txn, credential_list,
    credential_renew_in_txn, credential_rotate_in_txn,
};
use etiqa_engine::store::device_fact::{device_fact_fetch, device_fact_save_in_txn};
use etiqa_engine::store::device_write::device_insert_in_txn;
use etiqa_engine::store::jump_host::{
    JumpHostRow, jump_host_fetch_by_name, jump_host_insert_in_txn, jump_host_took, jump_host_update_in_txn,
};
use etiqa_model::credential::Rotation;
use etiqa_model::device::DeviceFacts;
use etiqa_model::{CredentialId, DeviceId};

use crate::common::{NOON, at, device, on_both};

fn secrets(sealed: &[u8]) -> CredentialRow {
    CredentialRow {
        name: "ro".into(),
        username: "net".into(),
        sealed: sealed.into(),
        has_password: true,
        ..CredentialRow::default()
    }
}

async fn add(db: &Db) -> CredentialId {
    let mut tx = db.write().await.unwrap();
    let id = credential_insert_in_txn(&mut tx, &secrets(b"old"), NOON).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn rotate(db: &Db, id: CredentialId, sealed: &[u8]) -> bool {
    let mut tx = db.write().await.unwrap();
    let has_begun = credential_rotate_in_txn(&mut tx, id, &secrets(sealed), at(60)).await.unwrap();
    tx.commit().await.unwrap();
    has_begun
}

async fn takes(db: &Db, device: DeviceId, id: CredentialId, generation: u32, takes_previous: bool) {
    let facts = DeviceFacts {
        credential_id: Some(id),
        credential_generation: generation,
        takes_previous,
        ..DeviceFacts::default()
    };
    let mut tx = db.write().await.unwrap();
    device_fact_save_in_txn(&mut tx, device, &facts, NOON).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(device_fact_fetch(db, device).await.unwrap(), facts);
}

async fn progress(db: &Db) -> Option<Rotation> {
    credential_list(db).await.unwrap().pop().unwrap().rotation
}

fn told(rotation: Option<Rotation>) -> Option<(u64, u64)> {
    rotation.map(|rotation| (rotation.renewed, rotation.devices))
}

#[tokio::test]
async fn the_previous_secrets_stay_beside_the_new_ones_until_a_rotation_is_finished() {
    on_both(async |db| {
        let id = add(&db).await;
        assert_eq!(progress(&db).await, None);
        assert!(rotate(&db, id, b"new").await);
        let known = credential_fetch(&db, id).await.unwrap().unwrap();
        assert_eq!((known.sealed, known.previous_sealed), (b"new".to_vec(), Some(b"old".to_vec())));
        assert_eq!((known.generation, known.credential.rotation.unwrap().since), (1, at(60)));

        assert!(!rotate(&db, id, b"newer").await, "only one set of previous secrets is kept");
        assert_eq!(credential_fetch(&db, id).await.unwrap().unwrap().sealed, b"new");

        assert!(credential_finish_rotation(&db, id, at(90)).await.unwrap());
        assert!(!credential_finish_rotation(&db, id, at(90)).await.unwrap());
        let known = credential_fetch(&db, id).await.unwrap().unwrap();
        assert_eq!((known.sealed, known.previous_sealed, known.generation), (b"new".to_vec(), None, 1));
        assert_eq!(progress(&db).await, None);
    })
    .await;
}

#[tokio::test]
async fn devices_and_jump_hosts_count_once_they_took_the_new_secrets() {
    on_both(async |db| {
        let id = add(&db).await;
        let mut tx = db.write().await.unwrap();
        let rows = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|address| device(address, |_| {}));
        let devices = device_insert_in_txn(&mut tx, &rows, NOON).await.unwrap();
        let host = JumpHostRow {
            name: "hop".into(),
            site: None,
            address: "192.0.2.9".into(),
            port: 22,
            credential_id: Some(id),
            via_id: None,
            legacy_ssh: false,
        };
        let host_id = jump_host_insert_in_txn(&mut tx, &host, NOON).await.unwrap();
        tx.commit().await.unwrap();
        for device in &devices {
            takes(&db, *device, id, 0, false).await;
        }

        rotate(&db, id, b"new").await;
        assert_eq!(progress(&db).await.unwrap().jump_hosts, ["hop"]);
        assert_eq!(told(progress(&db).await), Some((0, 3)));
        takes(&db, devices[0], id, 1, true).await;
        takes(&db, devices[1], id, 1, false).await;
        jump_host_took(&db, "hop", 1, false).await.unwrap();
        let rotation = progress(&db).await.unwrap();
        assert_eq!((rotation.renewed, rotation.devices, rotation.waiting()), (1, 3, 2));
        assert!(rotation.jump_hosts.is_empty());

        // Corrected, the new secrets are others, which nobody has taken yet.
        let mut tx = db.write().await.unwrap();
        credential_renew_in_txn(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(told(progress(&db).await), Some((0, 3)));

        let found = jump_host_fetch_by_name(&db, "hop").await.unwrap().unwrap();
        assert_eq!((found.generation, found.takes_previous), (1, false));
        let mut tx = db.write().await.unwrap();
        let another = JumpHostRow { credential_id: None, ..host };
        assert!(jump_host_update_in_txn(&mut tx, host_id, &another, NOON).await.unwrap());
        tx.commit().await.unwrap();
        let found = jump_host_fetch_by_name(&db, "hop").await.unwrap().unwrap();
        assert_eq!(
            (found.generation, found.takes_previous),
            (0, false),
            "of another credential nothing is known"
        );
    })
    .await;
}
