use etiqa_engine::db::Db;
use etiqa_engine::store::credential::{CredentialRow, credential_insert_in_txn, credential_list_for_device};
use etiqa_engine::store::device::{
    device_count_by_platform, device_fetch, device_list_by_name, device_list_matching_promised,
    device_list_promised, platform_list,
};
use etiqa_engine::store::device_count::device_count_selected;
use etiqa_engine::store::device_fact::{
    device_fact_fetch, device_fact_forget_platform, device_fact_save_in_txn,
};
use etiqa_engine::store::device_write::{
    DeviceRow, device_delete, device_insert_in_txn, device_set_enabled, device_update_in_txn,
};
use etiqa_engine::store::lease::{device_lease_drop, device_lease_is_taken, device_lease_take};
use etiqa_engine::store::result::result_page_of_device;
use etiqa_engine::store::run::Span;
use etiqa_model::DeviceId;
use etiqa_model::class::Class;
use etiqa_model::device::{DeviceFacts, DeviceFilter, DeviceOrder, DeviceSort, DeviceStatus, DeviceType};
use etiqa_model::history::{MOST_READ, ResultFilter};
use etiqa_model::page::Page;
use etiqa_model::scope::Scope;
use etiqa_model::selector::Selector;

use crate::common::{NOON, at, device, on_both};

async fn insert(db: &Db, rows: &[DeviceRow]) -> Vec<DeviceId> {
    let mut tx = db.write().await.unwrap();
    let ids = device_insert_in_txn(&mut tx, rows, NOON).await.unwrap();
    tx.commit().await.unwrap();
    ids
}

async fn names(db: &Db, filter: DeviceFilter) -> Vec<String> {
    let page =
        device_list_promised(db, &Scope::default(), &filter, &[], DeviceOrder::default(), Page::default())
            .await
            .unwrap();
    page.rows.into_iter().map(|device| device.hostname).collect()
}

#[tokio::test]
async fn more_devices_than_one_statement_takes_come_back_in_order_with_their_tags() {
    on_both(async |db| {
        let rows: Vec<_> = (0..1_203)
            .map(|n| {
                device(&format!("10.0.{}.{}", n / 250, n % 250), |input| {
                    input.hostname = format!("sw-{n:04}");
                    input.tags = format!("all,last-{}", n % 10);
                })
            })
            .collect();
        let ids = insert(&db, &rows).await;
        let (first, last) = (ids[0], ids[1_202]);
        assert_eq!(device_fetch(&db, first).await.unwrap().unwrap().hostname, "sw-0000");
        let last = device_fetch(&db, last).await.unwrap().unwrap();
        assert_eq!(
            (last.hostname.as_str(), last.tags),
            ("sw-1202", vec!["all".to_owned(), "last-2".to_owned()])
        );

        let page = Page { number: 3, size: 500 };
        let third = device_list_promised(
            &db,
            &Scope::default(),
            &DeviceFilter::default(),
            &[],
            DeviceOrder::default(),
            page,
        )
        .await
        .unwrap();
        assert_eq!((third.total, third.rows.len(), third.pages()), (1_203, 203, 3));
        assert_eq!(third.rows[0].hostname, "sw-1000");
        let selectors = [Selector::Tag("last-3".into()), Selector::All, Selector::Tag("none".into())];
        let counts = device_count_selected(&db, &Scope::default(), &selectors.each_ref()).await.unwrap();
        assert_eq!(counts, [120, 1_203, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_search_takes_wildcards_for_letters_and_finds_any_case() {
    on_both(async |db| {
        insert(
            &db,
            &[
                device("10.0.0.1", |input| input.hostname = "Core_RTR-1".into()),
                device("10.0.0.2", |input| input.hostname = "CoreXRTR-2".into()),
                device("10.0.0.3", |input| input.description = "50% of the traffic".into()),
            ],
        )
        .await;
        let search = |text: &str| DeviceFilter { search: text.into(), ..DeviceFilter::default() };
        assert_eq!(names(&db, search("core_rtr")).await, ["Core_RTR-1"]);
        assert_eq!(names(&db, search("CORE")).await, ["CoreXRTR-2", "Core_RTR-1"]);
        assert_eq!(names(&db, search("50%")).await, ["10.0.0.3"]);
        assert_eq!(names(&db, search("10.0.0.2")).await, ["CoreXRTR-2"]);
        assert_eq!(names(&db, search("'; DROP TABLE device; --")).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_name_with_capitals_outside_of_ascii_is_found_as_it_is_written() {
    on_both(async |db| {
        let name = "Österreich-SW1";
        insert(
            &db,
            &[
                device("10.0.0.1", |input| input.hostname = name.into()),
                device("sw2.example.org", |input| input.hostname = "sw2".into()),
            ],
        )
        .await;
        let search = |text: &str| DeviceFilter { search: text.into(), ..DeviceFilter::default() };
        for text in [name, "sw1", "STERREICH", "ÖSTERREICH-sw1"] {
            assert_eq!(names(&db, search(text)).await, [name], "{text}");
        }
        for (called, hostname) in [(name, name), ("Österreich-sw1", name), ("SW2.example.ORG", "sw2")] {
            let found = device_list_by_name(&db, &Scope::default(), called).await.unwrap();
            let found: Vec<_> = found.iter().map(|device| device.hostname.as_str()).collect();
            assert_eq!(found, [hostname], "{called}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_filter_narrows_by_type_site_tag_and_state() {
    on_both(async |db| {
        let ids = insert(
            &db,
            &[
                device("10.0.0.1", |input| {
                    input.device_type = "router".into();
                    input.site = "vienna".into();
                }),
                device("10.0.0.2", |input| {
                    input.device_type = "switch".into();
                    input.tags = "core".into();
                }),
            ],
        )
        .await;
        device_set_enabled(&db, ids[1], false, NOON).await.unwrap();
        let none = DeviceFilter::default;
        let router = DeviceFilter { device_type: Some(DeviceType::Router), ..none() };
        assert_eq!(names(&db, router).await, ["10.0.0.1"]);
        assert_eq!(names(&db, DeviceFilter { site: Some("vienna".into()), ..none() }).await, ["10.0.0.1"]);
        assert_eq!(names(&db, DeviceFilter { tag: Some("core".into()), ..none() }).await, ["10.0.0.2"]);
        assert_eq!(names(&db, DeviceFilter { enabled: Some(true), ..none() }).await, ["10.0.0.1"]);
        let selectors = [
            Selector::All,
            Selector::Site("vienna".into()),
            Selector::Chosen(ids),
            Selector::Tag("core".into()),
            Selector::Chosen(vec![]),
        ];
        let counts = device_count_selected(&db, &Scope::default(), &selectors.each_ref()).await.unwrap();
        assert_eq!(counts, [1, 1, 1, 0, 0], "disabled ones are never covered");
        assert!(device_count_selected(&db, &Scope::default(), &[]).await.unwrap().is_empty());
    })
    .await;
}

/// Three devices that differ in everything that lists are narrowed and ordered by.
async fn three(db: &Db) {
    let ids = insert(
        db,
        &[
            device("10.0.0.1", |input| {
                input.hostname = "a".into();
                input.device_type = "switch".into();
                input.site = "vienna".into();
                input.platform = "ios".into();
                input.status = "online".into();
            }),
            device("10.0.0.2", |input| {
                input.hostname = "b".into();
                input.device_type = "router".into();
                input.site = "graz".into();
                input.status = "offline".into();
            }),
            device("10.0.0.3", |input| {
                input.hostname = "c".into();
                input.site = "linz".into();
            }),
        ],
    )
    .await;
    let mut tx = db.write().await.unwrap();
    let found = DeviceFacts { platform: Some("eos".into()), ..DeviceFacts::default() };
    device_fact_save_in_txn(&mut tx, ids[1], &found, NOON).await.unwrap();
    for (id, class, last_good) in [(ids[0], "ok", Some(at(60))), (ids[1], "auth_failed", Some(NOON))] {
        sqlx::query(
            "UPDATE device SET last_class = $1, last_finished_at = $2, last_good_at = $3 WHERE id = $4",
        )
        .bind(class)
        .bind(NOON.0)
        .bind(last_good.map(|at| at.0))
        .bind(id.0)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_filter_narrows_by_platform_status_and_class() {
    on_both(async |db| {
        three(&db).await;
        let none = DeviceFilter::default;
        let platform = |name: &str| DeviceFilter { platform: Some(name.into()), ..none() };
        assert_eq!(names(&db, platform("ios")).await, ["a"], "chosen");
        assert_eq!(names(&db, platform("eos")).await, ["b"], "recognised");
        assert_eq!(platform_list(&db, &Scope::default()).await.unwrap(), ["eos", "ios"]);
        let status = |status| DeviceFilter { status: Some(status), ..none() };
        assert_eq!(names(&db, status(DeviceStatus::Online)).await, ["a"]);
        assert_eq!(names(&db, status(DeviceStatus::Offline)).await, ["b"]);
        assert_eq!(names(&db, status(DeviceStatus::Unknown)).await, ["c"]);
        let class = DeviceFilter { class: Some(Class::AuthFailed), ..none() };
        assert_eq!(names(&db, class).await, ["b"]);
    })
    .await;
}

#[tokio::test]
async fn every_order_is_the_same_on_both_databases_and_what_was_never_comes_first() {
    on_both(async |db| {
        three(&db).await;
        for (sort, ascending, descending) in [
            (DeviceSort::Name, "abc", "cba"),
            (DeviceSort::Type, "cba", "abc"),
            (DeviceSort::Site, "bca", "acb"),
            (DeviceSort::Status, "bac", "cab"),
            (DeviceSort::Backup, "bca", "acb"),
            (DeviceSort::LastGood, "cba", "abc"),
        ] {
            for (descending, expected) in [(false, ascending), (true, descending)] {
                let order = DeviceOrder { sort, descending };
                let all = device_list_matching_promised(
                    &db,
                    &Scope::default(),
                    &DeviceFilter::default(),
                    &[],
                    order,
                )
                .await
                .unwrap();
                let names: String = all.into_iter().map(|device| device.hostname).collect();
                assert_eq!(names, expected, "{order:?}");
                let first = Page { number: 1, size: 1 };
                let page =
                    device_list_promised(&db, &Scope::default(), &DeviceFilter::default(), &[], order, first)
                        .await
                        .unwrap();
                assert_eq!(page.rows[0].hostname, expected[..1], "{order:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn site_address_and_port_together_are_the_identity() {
    on_both(async |db| {
        insert(&db, &[device("10.0.0.1", |_| {})]).await;
        insert(&db, &[device("10.0.0.1", |input| input.site = "vienna".into())]).await;
        insert(&db, &[device("10.0.0.1", |input| input.port = "2222".into())]).await;
        let mut tx = db.write().await.unwrap();
        let error = device_insert_in_txn(&mut tx, &[device("10.0.0.1", |_| {})], NOON).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        drop(tx);
        assert_eq!(device_list_by_name(&db, &Scope::default(), "10.0.0.1").await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_edit_replaces_tags_and_a_deletion_takes_everything_along() {
    on_both(async |db| {
        let ids = insert(&db, &[device("10.0.0.1", |input| input.tags = "a,b".into())]).await;
        let mut tx = db.write().await.unwrap();
        let changed = device("10.0.0.9", |input| input.tags = "b,c".into());
        device_update_in_txn(&mut tx, ids[0], &changed, at(60)).await.unwrap();
        tx.commit().await.unwrap();
        let device = device_fetch(&db, ids[0]).await.unwrap().unwrap();
        assert_eq!((device.address.as_str(), device.tags.join(",")), ("10.0.0.9", "b,c".to_owned()));
        assert!(device_delete(&db, ids[0]).await.unwrap());
        assert!(!device_delete(&db, ids[0]).await.unwrap());
        assert_eq!(device_fetch(&db, ids[0]).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_device_has_one_session_at_a_time_and_a_lease_that_nobody_renews_ends() {
    on_both(async |db| {
        let id = insert(&db, &[device("10.0.0.1", |_| {})]).await[0];
        assert!(device_lease_take(&db, id, "one", at(0), at(60)).await.unwrap());
        assert!(!device_lease_take(&db, id, "two", at(1), at(61)).await.unwrap());
        device_lease_drop(&db, id, "two").await.unwrap();
        assert!(device_lease_is_taken(&db, id, at(2)).await.unwrap(), "only its owner lets go of it");
        assert!(device_lease_take(&db, id, "two", at(60), at(120)).await.unwrap());
        device_lease_drop(&db, id, "two").await.unwrap();
        assert!(!device_lease_is_taken(&db, id, at(61)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_device_tries_its_own_credential_or_its_sites_before_everybodys() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        let mut ids = Vec::new();
        for (name, site) in
            [("b-any", None), ("a-any", None), ("z-vienna", Some("vienna")), ("graz", Some("graz"))]
        {
            let row = CredentialRow {
                name: name.into(),
                site: site.map(str::to_owned),
                username: "u".into(),
                sealed: vec![0],
                has_password: true,
                ..CredentialRow::default()
            };
            ids.push(credential_insert_in_txn(&mut tx, &row, NOON).await.unwrap());
        }
        tx.commit().await.unwrap();
        let mut own = device("10.0.0.2", |input| input.site = "vienna".into());
        own.credential_id = Some(ids[3]);
        let devices = insert(&db, &[device("10.0.0.1", |input| input.site = "vienna".into()), own]).await;
        let tried = async |device| {
            let found = credential_list_for_device(&db, device).await.unwrap();
            found.into_iter().map(|sealed| sealed.credential.name).collect::<Vec<_>>()
        };
        assert_eq!(tried(devices[0]).await, ["z-vienna", "a-any", "b-any"]);
        assert_eq!(tried(devices[1]).await, ["graz"]);
    })
    .await;
}

#[tokio::test]
async fn what_was_found_out_of_a_device_is_in_its_row_and_in_the_counts_until_it_is_forgotten() {
    on_both(async |db| {
        let ids = insert(&db, &[device("192.0.2.1", |_| {}), device("192.0.2.2", |_| {})]).await;
        let found =
            DeviceFacts { platform: Some("eos".into()), unsaved: Some(true), ..DeviceFacts::default() };
        let mut tx = db.write().await.unwrap();
        device_fact_save_in_txn(&mut tx, ids[0], &found, NOON).await.unwrap();
        tx.commit().await.unwrap();

        let (filter, order) = (DeviceFilter::default(), DeviceOrder::default());
        let listed = device_list_promised(&db, &Scope::default(), &filter, &[], order, Page::default())
            .await
            .unwrap()
            .rows;
        assert_eq!(listed.iter().map(|device| device.unsaved).collect::<Vec<_>>(), [true, false]);
        let counts = device_count_by_platform(&db, &Scope::default()).await.unwrap();
        assert_eq!(counts.len(), 2);
        assert!(counts.contains(&(Some("eos".into()), DeviceType::Other, 1)), "{counts:?}");

        assert!(device_fact_forget_platform(&db, ids[0], NOON).await.unwrap());
        assert!(!device_fact_forget_platform(&db, ids[0], NOON).await.unwrap());
        assert!(!device_fact_forget_platform(&db, ids[1], NOON).await.unwrap());
        let left = device_fact_fetch(&db, ids[0]).await.unwrap();
        assert_eq!((left.platform, left.unsaved), (None, Some(true)));
    })
    .await;
}

#[tokio::test]
async fn a_rare_result_of_a_device_is_looked_for_among_a_bounded_number_of_its_newest() {
    on_both(async |db| {
        let id = insert(&db, &[device("192.0.2.1", |_| {})]).await[0];
        let mut tx = db.write().await.unwrap();
        sqlx::query(
            "WITH RECURSIVE nth(n) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM nth WHERE n < $2)
             INSERT INTO device_result (device_id, class, message, size_bytes, started_at, finished_at)
             SELECT $1, CASE WHEN n = 0 THEN 'timeout' ELSE 'unchanged' END, '', 0, $3 + 1000 * n, $3 + 1000 * n
             FROM nth ORDER BY n",
        )
        .bind(id.0)
        .bind(i64::from(MOST_READ) + 7)
        .bind(NOON.0)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();

        let any = Span::default();
        let rare = ResultFilter { class: Some(Class::Timeout), ..ResultFilter::default() };
        let first = result_page_of_device(&db, id, &rare, any, None).await.unwrap();
        assert_eq!((first.rows.len(), first.total, first.is_among_newest), (0, 0, true));
        let second = result_page_of_device(&db, id, &rare, any, first.older).await.unwrap();
        assert_eq!((second.rows[0].class, second.total, second.older), (Class::Timeout, 0, None));

        let recent = Span { from: Some(at(10)), to: None };
        let page = result_page_of_device(&db, id, &rare, recent, None).await.unwrap();
        assert_eq!((page.is_among_newest, page.older), (false, None), "what is older is not asked for");
        let early = Span { from: None, to: Some(at(2)) };
        let page = result_page_of_device(&db, id, &ResultFilter::default(), early, None).await.unwrap();
        assert_eq!((page.rows.len(), page.total, page.rows[0].finished_at), (3, 3, at(2)));
    })
    .await;
}
