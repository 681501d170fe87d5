//! Whatever lists devices, or what belongs to them, leaves out those that are not in the scope.

use etiqa_engine::db::Db;
use etiqa_engine::store::config_list::{version_list_changes, version_page_active, version_page_as_of};
use etiqa_engine::store::config_version::{NewVersion, text_insert_in_txn, version_insert_in_txn};
use etiqa_engine::store::device::{
    device_count_by_platform, device_list_all, device_list_by_name, device_list_matching_promised,
    device_list_promised, device_list_selected_within, platform_list, site_list, tag_list,
};
use etiqa_engine::store::device_count::device_count_selected;
use etiqa_engine::store::device_write::device_insert_in_txn;
use etiqa_engine::store::overview::{device_counts, device_list_needing_a_hand};
use etiqa_engine::store::promise::Promise;
use etiqa_engine::store::run::{Span, run_list_ended, run_list_live, run_page};
use etiqa_engine::store::scope::scope_count;
use etiqa_model::config::VersionState;
use etiqa_model::device::{DeviceFilter, DeviceOrder, DeviceState, DeviceType};
use etiqa_model::history::RunFilter;
use etiqa_model::page::Page;
use etiqa_model::scope::Scope;
use etiqa_model::selector::Selector;
use etiqa_model::{BackupConfigId, DeviceId};

use crate::common::{NOON, at, device, on_both};

/// Of these two are in `site:vienna` with `tag:core`: the first by its site, the second by its tag.
const DEVICES: [(&str, &str, &str, &str); 4] = [
    ("10.0.0.1", "vie", "vienna", ""),
    ("10.0.0.2", "core", "linz", "core,lab"),
    ("10.0.0.3", "lab", "linz", "lab"),
    ("10.0.0.4", "graz", "graz", "spare"),
];

async fn fleet(db: &Db) -> Vec<DeviceId> {
    let rows = DEVICES.map(|(address, hostname, site, tags)| {
        device(address, |input| {
            input.hostname = hostname.into();
            input.site = site.into();
            input.tags = tags.into();
            input.platform = format!("os-{site}");
        })
    });
    let mut tx = db.write().await.unwrap();
    let ids = device_insert_in_txn(&mut tx, &rows, NOON).await.unwrap();
    for device_id in &ids {
        for text in ["first", "second"] {
            let text = format!("{text} of {device_id}");
            text_insert_in_txn(&mut tx, &text, 1, vec![1]).await.unwrap();
            let new = NewVersion {
                device_id: *device_id,
                part: "running".into(),
                state: VersionState::Active,
                text_sha256: text.clone(),
                compare_sha256: text,
                size_bytes: 1,
                lines: 1,
                added: 1,
                removed: 0,
                collected_at: at(1),
                run_id: None,
                driver: "ios".into(),
                driver_sha256: "0".into(),
            };
            version_insert_in_txn(&mut tx, &new).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    ids
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

#[tokio::test]
async fn lists_of_devices_are_of_those_in_the_scope() {
    on_both(async |db| {
        let ids = fleet(&db).await;
        let order = DeviceOrder::default();
        for (text, expected) in [
            ("", &["core", "graz", "lab", "vie"][..]),
            ("site:vienna\ntag:core", &["core", "vie"]),
            ("site:vienna", &["vie"]),
            ("tag:lab", &["core", "lab"]),
            ("site:linz\ntag:lab", &["core", "lab"]),
            ("site:nowhere", &[]),
        ] {
            let scope = scope(text);
            let all = device_list_all(&db, &scope).await.unwrap();
            let names: Vec<_> = all.iter().map(|device| device.hostname.as_str()).collect();
            assert_eq!(names, expected, "{text}");
            assert_eq!(scope_count(&db, &scope, &ids).await.unwrap(), expected.len() as u64, "{text}");
            // What a filter asks for, and what is promised, narrows further.
            for state in [None, Some(DeviceState::Never), Some(DeviceState::NeedsHand)] {
                let filter = DeviceFilter { state, search: "10.0".into(), ..DeviceFilter::default() };
                let promises = [Promise { devices: Selector::Tag("lab".into()), since: at(0) }];
                let whole = device_list_matching_promised(&db, &scope, &filter, &promises, order).await;
                assert_eq!(whole.unwrap().len(), expected.len(), "{text}");
                let page = Page { number: 1, size: 1 };
                let page = device_list_promised(&db, &scope, &filter, &promises, order, page).await.unwrap();
                assert_eq!(page.total, expected.len() as u64, "{text}");
                assert_eq!(page.rows.len(), expected.len().min(1), "{text}");
            }
            let (counts, reasons) = device_counts(&db, &scope, &[]).await.unwrap();
            assert_eq!(counts.total, expected.len() as u64, "{text}");
            let hands = device_list_needing_a_hand(&db, &scope, &[], &reasons, 10).await.unwrap();
            assert_eq!(hands.len(), expected.len(), "{text}");
            let other = device_list_by_name(&db, &scope, "graz").await.unwrap();
            assert_eq!(other.len(), usize::from(expected.contains(&"graz")), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_devices_is_counted_and_listed_of_those_in_the_scope() {
    on_both(async |db| {
        let ids = fleet(&db).await;
        let (all, some) = (Scope::default(), scope("site:vienna\ntag:core"));
        assert_eq!(site_list(&db, &all).await.unwrap(), ["graz", "linz", "vienna"]);
        assert_eq!(site_list(&db, &some).await.unwrap(), ["linz", "vienna"]);
        assert_eq!(tag_list(&db, &all).await.unwrap(), ["core", "lab", "spare"]);
        assert_eq!(tag_list(&db, &some).await.unwrap(), ["core", "lab"]);
        assert_eq!(platform_list(&db, &some).await.unwrap(), ["os-linz", "os-vienna"]);
        let by_platform = device_count_by_platform(&db, &some).await.unwrap();
        assert_eq!(by_platform.iter().map(|(_, _, count)| count).sum::<u64>(), 2);

        let selectors = [
            Selector::All,
            Selector::Type(DeviceType::Other),
            Selector::Site("linz".into()),
            Selector::Tag("lab".into()),
            Selector::Chosen(ids),
        ];
        let counts = device_count_selected(&db, &all, &selectors.each_ref()).await.unwrap();
        assert_eq!(counts, [4, 4, 2, 2, 4]);
        let counts = device_count_selected(&db, &some, &selectors.each_ref()).await.unwrap();
        assert_eq!(counts, [2, 2, 1, 1, 2]);
        let covered = device_list_selected_within(&db, &some, &selectors[3]).await.unwrap();
        assert_eq!(covered.into_iter().map(|device| device.hostname).collect::<Vec<_>>(), ["core"]);

        let page = Page::first(10);
        for (scope, devices) in [(&all, 4), (&some, 2)] {
            for search in ["", "10.0"] {
                let now = version_page_active(&db, scope, search, page).await.unwrap();
                let then = version_page_as_of(&db, scope, search, at(2), page).await.unwrap();
                for found in [now, then] {
                    assert_eq!(found.devices, devices);
                    assert_eq!((found.versions.total, found.versions.rows.len() as u64), (devices, devices));
                }
            }
            assert_eq!(version_list_changes(&db, scope, 8).await.unwrap().len() as u64, devices);
        }
    })
    .await;
}

#[tokio::test]
async fn runs_are_those_of_the_backups_that_are_named() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        sqlx::query(
            "INSERT INTO backup_run (name, kind, status, phase, started_by, queued_at, finished_at)
             VALUES ('gone', 'config', 'failed', 'collecting', 'manual', 1, 2)",
        )
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let none = [BackupConfigId(7)];
        let found = async |configs: Option<&[BackupConfigId]>| {
            let page = run_page(&db, configs, &RunFilter::default(), Span::default(), None).await.unwrap();
            assert!(run_list_live(&db, configs).await.unwrap().is_empty());
            (page.rows.len(), run_list_ended(&db, configs, 8).await.unwrap().len())
        };
        assert_eq!(found(None).await, (1, 1));
        assert_eq!(found(Some(&none)).await, (0, 0));
        assert_eq!(found(Some(&[])).await, (0, 0));
    })
    .await;
}
