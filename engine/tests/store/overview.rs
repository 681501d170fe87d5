use etiqa_engine::db::Db;
use etiqa_engine::store::backup_config::{backup_config_fetch, backup_config_insert_in_txn};
use etiqa_engine::store::credential::{CredentialRow, credential_insert_in_txn};
use etiqa_engine::store::device::{device_list_matching_promised, device_list_promised};
use etiqa_engine::store::device_bulk::{device_add_tag_in_txn, device_set_enabled_of_in_txn};
use etiqa_engine::store::device_write::{
    DeviceRow, device_insert_in_txn, device_set_enabled, device_update_in_txn,
};
use etiqa_engine::store::overview::{
    archive_bytes_by_day, archive_totals, device_counts, device_list_needing_a_hand, first_steps_fetch,
    run_counts_by_day,
};
use etiqa_engine::store::promise::{
    Promise, promise_begin_for_covered_in_txn, promises_bring_forward_in_txn,
};
use etiqa_engine::store::run_write::run_insert_in_txn;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::device::{DeviceFilter, DeviceInput, DeviceOrder, DeviceState, DeviceStatus, DeviceType};
use etiqa_model::overview::{FirstSteps, Hand, Reason};
use etiqa_model::page::Page;
use etiqa_model::run::Trigger;
use etiqa_model::scope::Scope;
use etiqa_model::selector::Selector;
use etiqa_model::{DeviceId, RunId, Timestamp};

use crate::common::{NOON, at, device, on_both};

const A_DAY: i64 = 86_400;

/// A device of this name whose last collection ended so, and that was last good then.
async fn add(
    db: &Db,
    name: &str,
    class: Option<&str>,
    last_good: Option<Timestamp>,
    change: impl FnOnce(&mut DeviceInput),
) -> DeviceId {
    let row = device(&format!("{name}.example.net"), |input| {
        input.hostname = name.into();
        change(input);
    });
    let mut tx = db.write().await.unwrap();
    let id = device_insert_in_txn(&mut tx, &[row], NOON).await.unwrap()[0];
    if let Some(class) = class {
        sqlx::query(
            "UPDATE device SET last_class = $1, last_message = 'So it was.', last_finished_at = $2, last_good_at = $3
             WHERE id = $4",
        )
        .bind(class.to_owned())
        .bind(at(60).millis())
        .bind(last_good.map(Timestamp::millis))
        .bind(id.0)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    id
}

fn promise(devices: Selector, since: Timestamp) -> Promise {
    Promise { devices, since }
}

async fn needing_a_hand(db: &Db, promises: &[Promise], limit: u64) -> Vec<Hand> {
    let (_, reasons) = device_counts(db, &Scope::default(), promises).await.unwrap();
    device_list_needing_a_hand(db, &Scope::default(), promises, &reasons, limit).await.unwrap()
}

/// "core: Overdue", in the order of the page.
async fn hands(db: &Db, promises: &[Promise], limit: u64) -> Vec<String> {
    let hands = needing_a_hand(db, promises, limit).await;
    hands.into_iter().map(|hand| format!("{}: {:?}", hand.hostname, hand.reason)).collect()
}

async fn listed(db: &Db, promises: &[Promise], state: DeviceState) -> Vec<String> {
    let filter = DeviceFilter { state: Some(state), ..DeviceFilter::default() };
    let order = DeviceOrder::default();
    let all = device_list_matching_promised(db, &Scope::default(), &filter, promises, order).await.unwrap();
    let page =
        device_list_promised(db, &Scope::default(), &filter, promises, order, Page::default()).await.unwrap();
    assert_eq!(page.total, all.len() as u64);
    all.into_iter().map(|device| device.hostname).collect()
}

#[tokio::test]
async fn a_device_is_covered_while_its_last_good_text_is_as_young_as_promised() {
    on_both(async |db| {
        add(&db, "young", Some("unchanged"), Some(at(0)), |_| {}).await;
        add(&db, "old", Some("ok"), Some(at(-1)), |_| {}).await;
        // It failed a moment ago, and what there is of it will do until the next run is overdue.
        add(&db, "failed", Some("auth_failed"), Some(at(0)), |_| {}).await;
        add(&db, "never", None, None, |_| {}).await;
        let off = add(&db, "off", Some("ok"), Some(at(-1)), |_| {}).await;
        device_set_enabled(&db, off, false, NOON).await.unwrap();

        let all = [promise(Selector::All, at(0))];
        let (counts, reasons) = device_counts(&db, &Scope::default(), &all).await.unwrap();
        assert_eq!((counts.total, counts.covered, counts.never, counts.disabled), (4, 2, 1, 1));
        assert_eq!(counts.by_type, [(DeviceType::Other, 4)]);
        assert_eq!(counts.by_status[2], (DeviceStatus::Unknown, 4));
        assert_eq!(reasons, [(Reason::Failing, 1), (Reason::NeverBackedUp, 1), (Reason::Overdue, 1)]);
        assert_eq!(hands(&db, &all, 10).await, ["failed: Failing", "never: NeverBackedUp", "old: Overdue"]);
        assert_eq!(listed(&db, &all, DeviceState::Overdue).await, ["old"]);
        assert_eq!(listed(&db, &all, DeviceState::NoBackup).await, Vec::<String>::new());

        let (counts, reasons) = device_counts(&db, &Scope::default(), &[]).await.unwrap();
        assert_eq!((counts.total, counts.covered), (4, 0), "nothing is planned");
        assert_eq!(reasons, [(Reason::Failing, 1), (Reason::NeverBackedUp, 1), (Reason::NoBackup, 2)]);
        assert_eq!(listed(&db, &[], DeviceState::NoBackup).await, ["old", "young"]);
    })
    .await;
}

#[tokio::test]
async fn every_number_leads_to_a_list_of_exactly_the_devices_that_it_counts() {
    on_both(async |db| {
        let promises = [promise(Selector::Tag("planned".into()), at(0))];
        // Each good in time, good too long ago, and in no backup.
        for (name, class) in [
            ("failing", Some("timeout")),
            ("suspect", Some("suspect")),
            ("changed", Some("host_key_changed")),
            ("never", None),
            ("good", Some("ok")),
        ] {
            let planned = |input: &mut DeviceInput| input.tags = "planned".into();
            add(&db, &format!("{name}-1"), class, Some(at(0)), planned).await;
            add(&db, &format!("{name}-2"), class, Some(at(-1)), planned).await;
            add(&db, &format!("{name}-3"), class, Some(at(0)), |_| {}).await;
            let off = add(&db, &format!("{name}-4"), class, Some(at(-1)), |_| {}).await;
            device_set_enabled(&db, off, false, NOON).await.unwrap();
        }
        let (_, reasons) = device_counts(&db, &Scope::default(), &promises).await.unwrap();
        assert_eq!(reasons.len(), Reason::ALL.len());
        let hands = needing_a_hand(&db, &promises, 100).await;
        let mut all = Vec::new();
        for (reason, count) in reasons {
            let state = DeviceState::ALL.iter().copied().find(|state| state.reasons() == [reason]).unwrap();
            let names = listed(&db, &promises, state).await;
            let shown = hands.iter().filter(|hand| hand.reason == reason).map(|hand| hand.hostname.clone());
            let mut shown: Vec<String> = shown.collect();
            shown.sort();
            assert_eq!((names.len() as u64, &names), (count, &shown), "{reason:?}");
            all.extend(names);
        }
        all.sort();
        assert_eq!(listed(&db, &promises, DeviceState::NeedsHand).await, all, "each is under one of them");
        assert_eq!(all.len(), 14, "all but the one that is good in time, and those that are disabled");
        assert_eq!(listed(&db, &promises, DeviceState::Overdue).await, ["good-2"]);
        assert_eq!(listed(&db, &promises, DeviceState::NoBackup).await, ["good-3"]);
    })
    .await;
}

#[tokio::test]
async fn of_several_backups_that_cover_a_device_the_first_one_counts() {
    on_both(async |db| {
        let good = Some(at(0));
        add(&db, "by-tag", Some("ok"), good, |input| input.tags = "core, it's".into()).await;
        add(&db, "by-site", Some("ok"), good, |input| input.site = "vienna".into()).await;
        add(&db, "by-type", Some("ok"), good, |input| input.device_type = "switch".into()).await;
        let chosen = add(&db, "chosen", Some("ok"), good, |_| {}).await;
        add(&db, "left-out", Some("ok"), good, |_| {}).await;

        let mut promises = vec![
            promise(Selector::Tag("it's".into()), at(0)),
            promise(Selector::Tag("core".into()), at(5)),
            promise(Selector::Site("vienna".into()), at(5)),
            promise(Selector::Type(DeviceType::Switch), at(0)),
            promise(Selector::Chosen(vec![chosen]), at(5)),
            promise(Selector::Chosen(Vec::new()), at(5)),
        ];
        assert_eq!(
            hands(&db, &promises, 10).await,
            ["by-site: Overdue", "chosen: Overdue", "left-out: NoBackup"]
        );
        assert_eq!(device_counts(&db, &Scope::default(), &promises).await.unwrap().0.covered, 2);
        assert_eq!(listed(&db, &promises, DeviceState::NoBackup).await, ["left-out"]);
        promises.insert(2, promise(Selector::All, at(0)));
        assert_eq!(hands(&db, &promises, 10).await, Vec::<String>::new());
    })
    .await;
}

/// Whether the only device is overdue when all devices are promised a text of then.
async fn is_overdue_by(db: &Db, due: i64) -> bool {
    let promises = [promise(Selector::All, at(due))];
    let is_overdue = !listed(db, &promises, DeviceState::Overdue).await.is_empty();
    let (counts, reasons) = device_counts(db, &Scope::default(), &promises).await.unwrap();
    assert_eq!((counts.covered == 0, !reasons.is_empty()), (is_overdue, is_overdue));
    is_overdue
}

#[tokio::test]
async fn a_device_is_not_overdue_by_what_was_due_before_it_was_added_or_enabled() {
    on_both(async |db| {
        // It was added at 0, and its last good text is of before.
        let id = add(&db, "core", Some("ok"), Some(at(-60)), |_| {}).await;
        assert!(!is_overdue_by(&db, -1).await && is_overdue_by(&db, 1).await);
        device_set_enabled(&db, id, false, at(10)).await.unwrap();
        device_set_enabled(&db, id, true, at(12)).await.unwrap();
        assert!(!is_overdue_by(&db, 11).await && is_overdue_by(&db, 12).await);
        device_set_enabled(&db, id, true, at(20)).await.unwrap();
        assert!(is_overdue_by(&db, 12).await, "it was enabled already");
        for (enabled, now) in [(false, 30), (true, 32), (true, 40)] {
            let mut tx = db.write().await.unwrap();
            device_set_enabled_of_in_txn(&mut tx, &[id], enabled, at(now)).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert!(!is_overdue_by(&db, 31).await && is_overdue_by(&db, 32).await);
        let mut tx = db.write().await.unwrap();
        promises_bring_forward_in_txn(&mut tx, at(5)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(is_overdue_by(&db, 5).await, "the clock was set back");
    })
    .await;
}

/// What somebody changes of a device.
type Edit = fn(&mut DeviceRow);

#[tokio::test]
async fn a_device_is_not_overdue_by_what_was_due_before_a_backup_covered_it() {
    on_both(async |db| {
        let id = add(&db, "core", Some("ok"), Some(at(-60)), |_| {}).await;
        for devices in ["tag:core", "tag:edge", "site:vienna", "type:switch"] {
            let input = BackupConfigInput {
                name: devices.into(),
                devices: devices.into(),
                ..BackupConfigInput::default()
            };
            let new = input.parse("UTC").unwrap();
            let mut tx = db.write().await.unwrap();
            backup_config_insert_in_txn(&mut tx, &new, devices, None, NOON).await.unwrap();
            tx.commit().await.unwrap();
        }
        // Each with whether the device is still overdue by what was due just before it.
        let edits: [(Edit, bool); 8] = [
            (|row| row.device.description = "In the cellar".into(), true),
            (|row| row.device.tags = vec!["old".into()], true),
            (|row| row.device.tags = vec!["core".into(), "old".into()], false),
            (|row| row.device.tags = vec!["core".into()], true),
            (|row| row.device.site = "graz".into(), true),
            (|row| row.device.site = "vienna".into(), false),
            (|row| row.device.device_type = DeviceType::Router, true),
            (|row| row.device.device_type = DeviceType::Switch, false),
        ];
        let mut row = device("core.example.net", |_| {});
        for ((change, is_overdue), now) in edits.into_iter().zip([10, 20, 30, 40, 50, 60, 70, 80]) {
            change(&mut row);
            let mut tx = db.write().await.unwrap();
            device_update_in_txn(&mut tx, id, &row, at(now)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(is_overdue_by(&db, now - 1).await, is_overdue, "edited at {now}");
            assert!(is_overdue_by(&db, now).await);
        }
        for (tag, now, is_covered) in [("other", 100, false), ("edge", 110, true), ("edge", 120, false)] {
            let mut tx = db.write().await.unwrap();
            device_add_tag_in_txn(&mut tx, &[id], tag, at(now)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(is_overdue_by(&db, now - 1).await, !is_covered, "{tag}");
        }
        let tagged = |tag: &str| Selector::Tag(tag.into());
        for (covered, before, now, is_new) in [
            (Selector::All, tagged("core"), 130, false),
            (tagged("it's"), Selector::All, 140, false),
            (Selector::All, tagged("it's"), 150, true),
            (tagged("edge"), tagged("it's"), 160, true),
        ] {
            let mut tx = db.write().await.unwrap();
            promise_begin_for_covered_in_txn(&mut tx, &covered, &before, at(now)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(is_overdue_by(&db, now - 1).await, !is_new, "{covered} after {before}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_reason_has_its_place_before_another_has_its_second() {
    on_both(async |db| {
        let all = [promise(Selector::Tag("planned".into()), at(0))];
        for (name, class) in [("a", "timeout"), ("b", "auth_failed"), ("c", "timeout"), ("d", "suspect")] {
            let last_good = (name != "c").then(|| at(-5));
            add(&db, name, Some(class), last_good, |_| {}).await;
        }
        add(&db, "e", Some("host_key_changed"), Some(at(-5)), |_| {}).await;
        add(&db, "f", None, None, |input| input.tags = "planned".into()).await;
        assert_eq!(
            hands(&db, &all, 5).await,
            ["c: Failing", "a: Failing", "d: Suspect", "e: HostKeyChanged", "f: NeverBackedUp"]
        );
        let first = needing_a_hand(&db, &all, 10).await.remove(0);
        assert_eq!((first.message.as_str(), first.at, first.last_good_at), ("So it was.", at(60), None));
        assert!(!first.is_covered, "no backup covers it");
        let never = needing_a_hand(&db, &all, 10).await.pop().unwrap();
        assert_eq!((never.class, never.at, never.is_covered), (None, NOON, true));
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_devices_of_one_backup_or_of_a_hundred_are_counted_right() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&folder.path().join("etiqa.db")).await.unwrap();
    let rows: Vec<_> = (0..10_000)
        .map(|n| {
            device(&format!("10.{}.{}.{}", n / 62_500, n / 250 % 250, n % 250), |input| {
                input.tags = format!("rack-{}", n % 100);
            })
        })
        .collect();
    let mut tx = db.write().await.unwrap();
    device_insert_in_txn(&mut tx, &rows, NOON).await.unwrap();
    sqlx::query("UPDATE device SET last_class = 'ok', last_finished_at = $1, last_good_at = $1 + id % 2")
        .bind(at(0).millis())
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let since = Timestamp(at(0).millis() + 1);
    let all = [promise(Selector::All, since)];
    let by_rack: Vec<_> =
        (0..100).map(|rack| promise(Selector::Tag(format!("rack-{rack}")), since)).collect();
    for promises in [&all[..], &by_rack[..]] {
        let (counts, reasons) = device_counts(&db, &Scope::default(), promises).await.unwrap();
        let hands = device_list_needing_a_hand(&db, &Scope::default(), promises, &reasons, 10).await.unwrap();
        assert_eq!((counts.total, counts.covered, hands.len()), (10_000, 5_000, 10));
        assert_eq!(reasons, [(Reason::Overdue, 5_000)]);
    }
    db.close().await;
}

/// A run that ended then with an archive of this size, which is there or was removed, or went missing, then.
async fn add_archive(db: &Db, ended: i64, bytes: i64, removed: Option<i64>, missing: Option<i64>) -> RunId {
    let new = BackupConfigInput { name: format!("b{ended}-{bytes}"), ..BackupConfigInput::default() }
        .parse("UTC")
        .unwrap();
    let mut tx = db.write().await.unwrap();
    let config = backup_config_insert_in_txn(&mut tx, &new, &new.name, None, NOON).await.unwrap();
    tx.commit().await.unwrap();
    let config = backup_config_fetch(db, config).await.unwrap().unwrap();
    let mut tx = db.write().await.unwrap();
    let run = run_insert_in_txn(&mut tx, &config, Trigger::Manual, None, at(ended)).await.unwrap();
    sqlx::query(
        "UPDATE backup_run SET status = 'completed', finished_at = $2, file = 'a.zip', size_bytes = $3, removed_at = $4,
                missing_at = $5 WHERE id = $1",
    )
    .bind(run.0)
    .bind(at(ended).millis())
    .bind(bytes)
    .bind(removed.map(|removed| at(removed).millis()))
    .bind(missing.map(|missing| at(missing).millis()))
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    run
}

#[tokio::test]
async fn what_is_stored_at_the_end_of_a_day_is_what_was_made_and_has_not_gone_by_then() {
    on_both(async |db| {
        add_archive(&db, -100 * A_DAY, 1, None, None).await;
        add_archive(&db, -100 * A_DAY, 10, Some(-A_DAY), None).await;
        add_archive(&db, -100 * A_DAY, 100, Some(-50 * A_DAY), None).await;
        add_archive(&db, -2 * A_DAY, 1_000, Some(-2 * A_DAY + 5), None).await;
        add_archive(&db, -A_DAY, 10_000, None, None).await;
        add_archive(&db, -2 * A_DAY, 100_000, None, Some(0)).await;
        // NOON is at two o'clock in the morning.
        let first_day = at(-3 * A_DAY - 2 * 3_600);
        let stored = archive_bytes_by_day(&db, first_day, 4).await.unwrap();
        assert_eq!(stored[0].day, first_day);
        let bytes: Vec<u64> = stored.into_iter().map(|day| day.bytes).collect();
        assert_eq!(bytes, [11, 100_011, 110_001, 10_001]);
        assert_eq!(archive_totals(&db).await.unwrap(), (2, 10_001), "the same as today");
        let days = run_counts_by_day(&db, first_day, 4).await.unwrap();
        assert_eq!(days.into_iter().map(|day| day.good).collect::<Vec<_>>(), [0, 2, 1, 0]);
    })
    .await;
}

#[tokio::test]
async fn the_first_steps_are_there_until_a_run_has_completed() {
    on_both(async |db| {
        assert_eq!(first_steps_fetch(&db).await.unwrap(), Some(FirstSteps::default()));
        let mut tx = db.write().await.unwrap();
        let row = CredentialRow { name: "a".into(), username: "u".into(), ..CredentialRow::default() };
        credential_insert_in_txn(&mut tx, &row, NOON).await.unwrap();
        tx.commit().await.unwrap();
        let id = add(&db, "core", None, None, |_| {}).await;
        let steps = first_steps_fetch(&db).await.unwrap().unwrap();
        assert_eq!((steps.device, steps.has_credential, steps.is_tested), (Some(id), true, false));
        add(&db, "edge", Some("ok"), Some(NOON), |_| {}).await;
        assert!(first_steps_fetch(&db).await.unwrap().unwrap().is_tested, "it was logged in to");
        add_archive(&db, 0, 1, None, None).await;
        assert_eq!(first_steps_fetch(&db).await.unwrap(), None);
    })
    .await;
}
