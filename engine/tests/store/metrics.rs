use std::collections::BTreeMap;

use etiqa_engine::db::Db;
use etiqa_engine::store::device_write::device_insert_in_txn;
use etiqa_engine::store::metric::{
    Archives, Copies, DevicesNow, Notifying, Queue, archive_standing, copy_standing, database_file_size,
    database_size, device_groups, devices_now, notify_standing, queue_standing, run_list_last_good,
};
use etiqa_engine::store::overview::device_counts;
use etiqa_engine::store::promise::Promise;
use etiqa_model::Timestamp;
use etiqa_model::device::DeviceStatus;
use etiqa_model::scope::Scope;
use etiqa_model::selector::Selector;

use crate::common::{NOON, at, device, on_both};

async fn execute(db: &Db, statements: &[&'static str]) {
    let mut tx = db.write().await.unwrap();
    for sql in statements {
        sqlx::query(*sql).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Devices of every class and none, good in time, good too long ago, tagged or not, on or off.
async fn devices(db: &Db) {
    let classes =
        ["ok", "unchanged", "timeout", "auth_failed", "suspect", "host_key_changed", "never collected"];
    let mut number = 0;
    for class in classes {
        for (good, tags, enabled) in [(0_i64, "core", 1_i64), (-1, "core", 1), (0, "", 1), (-1, "", 0)] {
            number += 1;
            let row = device(&format!("192.0.2.{number}"), |input| {
                input.tags = tags.into();
                input.site = if number % 2 == 0 { "vienna".into() } else { "graz".into() };
            });
            let mut tx = db.write().await.unwrap();
            let id = device_insert_in_txn(&mut tx, &[row], NOON).await.unwrap()[0];
            let is_known = class != "never collected";
            sqlx::query(
                "UPDATE device SET last_class = $1, last_good_at = $2, enabled = $3, status = 'online' WHERE id = $4",
            )
            .bind(is_known.then(|| class.to_owned()))
            .bind(is_known.then(|| at(good).millis()))
            .bind(enabled)
            .bind(id.0)
            .execute(&mut *tx)
            .await
            .unwrap();
            tx.commit().await.unwrap();
        }
    }
}

#[tokio::test]
async fn metrics_count_devices_as_the_first_page_does() {
    on_both(async |db| {
        devices(&db).await;
        let of_core = [Promise { devices: Selector::Tag("core".into()), since: at(0) }];
        let of_all = [Promise { devices: Selector::All, since: at(0) }];
        for promises in [&of_core[..], &of_all[..], &[]] {
            let (counts, reasons) = device_counts(&db, &Scope::default(), promises).await.unwrap();
            let now = devices_now(&db, promises).await.unwrap();
            let mut needing = now.needing_hand;
            needing.retain(|(_, count)| *count > 0);
            needing.sort_unstable();
            assert_eq!(needing, reasons);
            assert_eq!(now.within_schedule, counts.covered);
            assert_eq!(now.by_status, [(DeviceStatus::Online, counts.total)]);
        }
    })
    .await;
}

#[tokio::test]
async fn groups_of_devices_hold_each_device_once_and_know_the_ages_of_their_good_texts() {
    on_both(async |db| {
        devices(&db).await;
        let groups = device_groups(&db).await.unwrap();
        assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), 7 * 4);
        let mut by_site: BTreeMap<&str, u64> = BTreeMap::new();
        for group in &groups {
            *by_site.entry(&group.site).or_default() += group.count;
        }
        assert_eq!(by_site, BTreeMap::from([("graz", 14), ("vienna", 14)]));
        let never = groups.iter().filter(|group| group.last_class.is_none());
        assert!(never.clone().count() > 0);
        assert!(never.clone().all(|group| group.oldest_good.is_none() && group.newest_good.is_none()));
        let unchanged = |site: &str| {
            let mut at_site = groups.iter().filter(|group| group.site == site && group.enabled);
            at_site.find(|group| group.last_class.as_deref() == Some("unchanged")).unwrap()
        };
        // In order of their numbers: good at noon, a second before, and at noon.
        assert_eq!(
            (unchanged("graz").oldest_good, unchanged("graz").newest_good),
            (Some(at(0)), Some(at(0)))
        );
        assert_eq!(unchanged("vienna").oldest_good, Some(at(-1)));
    })
    .await;
}

#[tokio::test]
async fn the_last_good_run_of_each_backup_is_told_and_how_archives_copies_and_jobs_stand() {
    on_both(async |db| {
        execute(
            &db,
            &[
                "INSERT INTO backup_config (id, name, slug, kind, schedule, retention, include, devices, enabled,
                    created_at, updated_at)
                 VALUES (1, 'a', 'a', 'data', '{}', '{}', '{}', 'all', 1, 1, 1),
                        (2, 'b', 'b', 'data', '{}', '{}', '{}', 'all', 1, 1, 1)",
                "INSERT INTO backup_run (id, backup_config_id, name, kind, status, phase, started_by, queued_at,
                    finished_at, file, size_bytes, damaged, removed_at, missing_at)
                 VALUES (1, 1, 'a', 'data', 'completed', 'done', 'cli', 1, 10, 'f1', 5, 0, 99, NULL),
                        (2, 1, 'a', 'data', 'completed', 'done', 'cli', 1, 20, 'f2', 7, 1, NULL, NULL),
                        (3, 1, 'a', 'data', 'completed', 'done', 'cli', 1, 30, 'f3', 11, 0, NULL, NULL),
                        (4, 1, 'a', 'data', 'failed', 'done', 'cli', 1, 40, NULL, NULL, 0, NULL, NULL),
                        (5, 2, 'b', 'data', 'failed', 'done', 'cli', 1, 50, NULL, NULL, 0, NULL, NULL),
                        (6, NULL, 'c', 'data', 'completed', 'done', 'cli', 1, 60, 'f6', 13, 0, NULL, 70)",
                "INSERT INTO destination (id, name, kind, settings, keep, enabled, created_at, updated_at)
                 VALUES (1, 'd', 'folder', '{}', 'retention', 1, 1, 1)",
                "INSERT INTO archive_copy (run_id, destination_id, state, due_at, problem)
                 VALUES (1, 1, 'leaving', 1, NULL), (2, 1, 'waiting', 1, 'No route.'), (3, 1, 'waiting', 1, NULL),
                        (6, 1, 'sent', 1, NULL)",
                "INSERT INTO job (kind, payload, due_at, attempts, lease_owner, lease_expires_at, finished_at, dead,
                    created_at)
                 VALUES ('t', '{}', 300, 0, NULL, NULL, NULL, 0, 1), ('t', '{}', 200, 1, 'gone', 900, NULL, 0, 1),
                        ('t', '{}', 100, 1, 'here', 2000, NULL, 0, 1), ('t', '{}', 1, 5, NULL, NULL, 50, 1, 1),
                        ('t', '{}', 1, 1, NULL, NULL, 50, 0, 1)",
            ],
        )
        .await;
        let good = run_list_last_good(&db).await.unwrap();
        let [only] = good.as_slice() else { panic!("{good:?}") };
        assert_eq!((only.config.0, only.finished_at, only.size_bytes), (1, Some(Timestamp(30)), 11));

        let archives = archive_standing(&db).await.unwrap();
        assert_eq!((archives.good, archives.damaged, archives.missing, archives.bytes), (1, 1, 1, 18));

        let copies = copy_standing(&db).await.unwrap();
        assert_eq!((copies.waiting, copies.leaving, copies.failing), (2, 1, 1));

        let queue = queue_standing(&db, Timestamp(1_000)).await.unwrap();
        assert_eq!((queue.running, queue.waiting, queue.retrying, queue.dead), (1, 1, 1, 1));
        assert_eq!(queue.oldest_due_at, Some(Timestamp(200)));
        let told = database_size(&db).await.unwrap();
        let bytes = told.or_else(|| db.file().map(database_file_size));
        assert!(bytes.is_some_and(|bytes| bytes > 0), "{bytes:?}");
    })
    .await;
}

#[tokio::test]
async fn an_empty_instance_has_numbers_too() {
    on_both(async |db| {
        assert!(device_groups(&db).await.unwrap().is_empty());
        assert_eq!(devices_now(&db, &[]).await.unwrap(), DevicesNow::default());
        assert!(run_list_last_good(&db).await.unwrap().is_empty());
        assert_eq!(archive_standing(&db).await.unwrap(), Archives::default());
        assert_eq!(copy_standing(&db).await.unwrap(), Copies::default());
        assert_eq!(queue_standing(&db, NOON).await.unwrap(), Queue::default());
        assert_eq!(notify_standing(&db, NOON).await.unwrap(), Notifying::default());
    })
    .await;
}

#[tokio::test]
async fn messages_that_wait_or_were_given_up_lately_count_and_so_do_channels_that_do_not_work() {
    on_both(async |db| {
        execute(
            &db,
            &[
                "INSERT INTO notify_channel (id, name, kind, settings, enabled, problem, created_at, updated_at)
                 VALUES (1, 'good', 'webhook', '{}', 1, NULL, 1, 1), (2, 'bad', 'webhook', '{}', 1, 'It hangs.', 1, 1),
                        (3, 'off', 'webhook', '{}', 0, 'It hangs.', 1, 1)",
                "INSERT INTO notify_delivery (message_id, channel_id, rule, title, content, state, created_at, due_at, ended_at)
                 VALUES ('a', 1, '', '', '{}', 'waiting', 1, 1, NULL), ('b', 2, '', '', '{}', 'waiting', 1, 1, NULL),
                        ('c', 2, '', '', '{}', 'failed', 1, 1, 50), ('d', 2, '', '', '{}', 'dropped', 1, 1, 60),
                        ('e', 2, '', '', '{}', 'failed', 1, 1, 49), ('f', 1, '', '', '{}', 'sent', 1, 1, 70)",
            ],
        )
        .await;
        let found = notify_standing(&db, Timestamp(50)).await.unwrap();
        assert_eq!((found.waiting, found.given_up, found.troubled), (2, 2, 1));
    })
    .await;
}
