use std::collections::{BTreeSet, HashSet};

use etiqa_engine::db::Db;
use etiqa_engine::store::device_write::device_insert_in_txn;
use etiqa_engine::store::job::{
    Taker, job_claim, job_finish, job_insert_in_txn, job_is_open_for_device, job_list, job_list_open_devices,
    job_release, job_renew, job_state,
};
use etiqa_model::{DeviceId, JobId};

use crate::common::{at, device, on_both};

fn by(owner: &str) -> Taker<'_> {
    Taker { owner, folders: ["here"; 2], site: None, takes: &["test"] }
}

async fn add(db: &Db, key: Option<&str>, priority: i64) -> JobId {
    let mut tx = db.write().await.unwrap();
    let id = job_insert_in_txn(&mut tx, "test", "{}", key, priority, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn many_workers_take_each_job_once() {
    on_both(async |db| {
        for _ in 0..60 {
            add(&db, None, 0).await;
        }
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let db = db.clone();
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    while let Some(job) =
                        job_claim(&db, by(&format!("w{worker}")), at(0), at(30)).await.unwrap()
                    {
                        taken.push(job.id.0);
                    }
                    taken
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.await.unwrap());
        }
        assert_eq!(all.len(), 60);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 60, "no job was taken twice");
    })
    .await;
}

#[tokio::test]
async fn a_key_queues_work_once() {
    on_both(async |db| {
        let first = add(&db, Some("run:7"), 0).await;
        assert_eq!(add(&db, Some("run:7"), 0).await, first);
        assert_ne!(add(&db, None, 0).await, add(&db, None, 0).await);
        assert_eq!(job_list(&db, 10).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_device_is_found_among_those_that_an_open_job_is_about() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        for payload in [r#"{"kind":"test","devices":[7,17,170]}"#, r#"{"kind":"test","devices":[23]}"#] {
            job_insert_in_txn(&mut tx, "test", payload, None, 0, at(0)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut found = Vec::new();
        for id in [1, 2, 3, 7, 17, 23, 70, 170] {
            if job_is_open_for_device(&db, "test", DeviceId(id)).await.unwrap() {
                found.push(id);
            }
        }
        assert_eq!(found, [7, 17, 23, 170]);
        assert!(!job_is_open_for_device(&db, "other", DeviceId(7)).await.unwrap());
        for _ in 0..2 {
            let job = job_claim(&db, by("a"), at(0), at(30)).await.unwrap().unwrap();
            job_finish(&db, job.id, "a", None, at(1)).await.unwrap();
        }
        assert!(!job_is_open_for_device(&db, "test", DeviceId(7)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn of_some_devices_those_are_told_that_open_jobs_are_about() {
    on_both(async |db| {
        let rows: Vec<_> = (1..=12).map(|number| device(&format!("10.0.0.{number}"), |_| {})).collect();
        let mut tx = db.write().await.unwrap();
        let ids = device_insert_in_txn(&mut tx, &rows, at(0)).await.unwrap();
        for (kind, devices) in [("test", &ids[9..=10]), ("test", &ids[..1]), ("other", &ids[1..=2])] {
            let payload = serde_json::json!({ "kind": kind, "devices": devices }).to_string();
            job_insert_in_txn(&mut tx, kind, &payload, None, 0, at(0)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let found = job_list_open_devices(&db, "test", &ids[..10]).await.unwrap();
        assert_eq!(found, HashSet::from([ids[0], ids[9]]));
        assert_eq!(job_list_open_devices(&db, "test", &[]).await.unwrap(), HashSet::new());
    })
    .await;
}

#[tokio::test]
async fn the_urgent_goes_first_and_an_abandoned_job_is_taken_again() {
    on_both(async |db| {
        let usual = add(&db, None, 0).await;
        let urgent = add(&db, None, 10).await;
        let take = async |owner, now, until| job_claim(&db, by(owner), at(now), at(until)).await.unwrap();
        assert_eq!(take("a", 0, 30).await.unwrap().id, urgent);
        assert_eq!(take("a", 0, 30).await.unwrap().id, usual);
        assert_eq!(take("b", 29, 60).await, None);
        assert!(job_renew(&db, urgent, "a", at(90)).await.unwrap());
        let again = take("b", 30, 60).await.unwrap();
        assert_eq!((again.id, again.attempts), (usual, 2), "only the one that was not renewed");
        assert!(!job_renew(&db, usual, "a", at(90)).await.unwrap(), "it is not a's any more");
    })
    .await;
}

#[tokio::test]
async fn a_job_ends_once_and_only_by_its_owner() {
    on_both(async |db| {
        let id = add(&db, None, 0).await;
        job_claim(&db, by("a"), at(0), at(30)).await.unwrap();
        job_finish(&db, id, "b", None, at(1)).await.unwrap();
        assert_eq!(job_state(&db, id).await.unwrap().unwrap().finished_at, None);
        job_release(&db, id, "a", at(10), None).await.unwrap();
        assert_eq!(job_claim(&db, by("a"), at(9), at(30)).await.unwrap(), None, "its time has not come");
        job_claim(&db, by("a"), at(10), at(30)).await.unwrap().unwrap();
        job_finish(&db, id, "a", Some("It broke."), at(11)).await.unwrap();
        let state = job_state(&db, id).await.unwrap().unwrap();
        assert_eq!(
            (state.finished_at, state.dead, state.error.as_deref()),
            (Some(at(11)), true, Some("It broke."))
        );
        assert_eq!(job_claim(&db, by("a"), at(99), at(120)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_kind_of_which_there_is_enough_is_left_to_others() {
    on_both(async |db| {
        add(&db, None, 0).await;
        let take = async |takes: &[&str]| {
            let by = Taker { owner: "a", folders: ["here"; 2], site: None, takes };
            job_claim(&db, by, at(0), at(30)).await.unwrap()
        };
        assert_eq!(take(&["tes", "testing", "send"]).await, None, "another name is another kind");
        assert!(take(&["send", "test"]).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn what_is_only_handed_back_counts_as_no_attempt_and_what_failed_says_why() {
    on_both(async |db| {
        let id = add(&db, None, 0).await;
        job_claim(&db, by("a"), at(0), at(30)).await.unwrap();
        job_release(&db, id, "a", at(0), None).await.unwrap();
        assert_eq!(job_claim(&db, by("a"), at(0), at(30)).await.unwrap().unwrap().attempts, 1);
        job_release(&db, id, "a", at(10), Some("The disk is full.")).await.unwrap();
        let listed = job_list(&db, 10).await.unwrap().remove(0);
        assert_eq!((listed.attempts, listed.error.as_deref()), (1, Some("The disk is full.")));
    })
    .await;
}
