//! Texts held against rules, each test on both databases: what is asked again, what is written, and who hears of it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../search/support.rs"]
#[allow(dead_code, reason = "searches have more helpers than are needed here")]
mod support;

use etiqa_engine::Engine;
use etiqa_engine::db::Db;
use etiqa_engine::rules::{check_all, check_due, enable, list, newly_broken, of_device, page, remove, save};
use etiqa_engine::store::device_write::device_delete_in_txn;
use etiqa_model::event::Topic;
use etiqa_model::page::Page;
use etiqa_model::rule::RuleInput;
use etiqa_model::scope::Scope;
use etiqa_model::user::{Reach, Role};
use etiqa_model::{RuleId, Timestamp};
use sqlx::{AssertSqlSafe, Row};

use support::{add, damage, on_both_engines, put, put_all, put_part};

fn rule(name: &str, change: impl FnOnce(&mut RuleInput)) -> RuleInput {
    let mut input = RuleInput { name: name.into(), enabled: true, ..RuleInput::default() };
    change(&mut input);
    input
}

fn contains(name: &str, text: &str) -> RuleInput {
    rule(name, |rule| rule.patterns = text.into())
}

/// How many devices break each rule, by name.
async fn broken(engine: &Engine, reach: &Reach) -> Vec<(String, u64)> {
    let rules = list(engine, reach).await.unwrap();
    rules.into_iter().map(|row| (row.rule.name, row.broken)).collect()
}

async fn number(db: &Db, sql: &str) -> i64 {
    sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(db.reader()).await.unwrap().get(0)
}

const ROWS: &str = "SELECT COUNT(*) FROM rule_result";

#[tokio::test]
async fn no_viewer_can_try_out_what_a_rule_looks_for() {
    on_both_engines(async |engine| {
        let id = save(&engine, None, &contains("community", "snmp-server community Tr1cky")).await.unwrap();
        let stamp = async |role: Role| {
            let seen = page(&engine, &role.into(), id, false, Page::first(1)).await.unwrap();
            assert_eq!(seen.rule.patterns.is_empty(), role == Role::Viewer);
            seen.stamp
        };
        let before = (stamp(Role::Viewer).await, stamp(Role::Operator).await);
        save(&engine, Some(id), &contains("community", "snmp-server community Other")).await.unwrap();
        let after = (stamp(Role::Viewer).await, stamp(Role::Operator).await);
        assert_eq!(after.0, before.0, "it names nothing that they do not see");
        assert_ne!(after.1, before.1);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_asked_twice_and_a_rule_that_changed_is_asked_alone() {
    on_both_engines(async |engine| {
        for name in ["a", "b", "c"] {
            let device = add(&engine.db, name, |_| {}).await;
            put(&engine.db, device, &format!("hostname {name}\nntp server 10.0.0.1\n")).await;
        }
        assert_eq!(check_all(&engine).await.unwrap(), 0, "there is no rule");
        let ntp = save(&engine, None, &contains("ntp", "ntp server 10.0.0.1")).await.unwrap();
        save(&engine, None, &contains("host", "hostname a")).await.unwrap();
        assert_eq!(check_due(&engine).await.unwrap(), 3);
        assert_eq!(check_due(&engine).await.unwrap(), 0);
        assert_eq!(check_all(&engine).await.unwrap(), 0, "all of it is known");
        assert_eq!(broken(&engine, &Role::Viewer.into()).await, [("host".into(), 2), ("ntp".into(), 0)]);

        let since = "SELECT CAST(SUM(since) AS BIGINT) FROM rule_result WHERE rule_id = 2";
        let before = number(&engine.db, since).await;
        save(&engine, Some(ntp), &contains("ntp", "ntp server 10.9.9.9")).await.unwrap();
        assert_eq!(number(&engine.db, ROWS).await, 3, "what it came to before says nothing any more");
        assert_eq!(check_all(&engine).await.unwrap(), 3);
        assert_eq!(broken(&engine, &Role::Viewer.into()).await, [("host".into(), 2), ("ntp".into(), 3)]);
        assert_eq!(number(&engine.db, since).await, before, "the other one was not asked");
        assert_eq!(newly_broken(&engine, Timestamp(0)).await.unwrap(), [], "the rule changed, no device did");

        save(&engine, Some(ntp), &rule("renamed", |rule| rule.patterns = "ntp server 10.9.9.9".into()))
            .await
            .unwrap();
        assert_eq!(check_all(&engine).await.unwrap(), 0, "another name asks the same");
    })
    .await;
}

#[tokio::test]
async fn a_damaged_text_keeps_no_other_one_from_being_checked() {
    on_both_engines(async |engine| {
        for name in ["a", "b", "c"] {
            let device = add(&engine.db, name, |_| {}).await;
            put(&engine.db, device, &format!("hostname {name}\n")).await;
        }
        damage(&engine.db, "hostname a\n").await;
        save(&engine, None, &contains("ntp", "ntp server")).await.unwrap();
        check_all(&engine).await.unwrap();
        assert_eq!(broken(&engine, &Role::Viewer.into()).await, [("ntp".into(), 2)]);
    })
    .await;
}

#[tokio::test]
async fn what_was_kept_and_is_broken_is_told_once() {
    on_both_engines(async |engine| {
        let device = add(&engine.db, "core", |_| {}).await;
        let rule = save(&engine, None, &contains("ntp", "ntp server")).await.unwrap();
        for text in ["ntp server a\n", "ntp server b\n"] {
            put(&engine.db, device, text).await;
            check_due(&engine).await.unwrap();
        }
        let mut events = engine.events.listen();
        put(&engine.db, device, "hostname core\n").await;
        check_due(&engine).await.unwrap();
        let mut heard = Vec::new();
        while let Ok(event) = events.try_recv() {
            heard.push((event.topic, event.id));
        }
        assert_eq!(heard, [(Topic::Rules, Some(rule.0)), (Topic::Rules, None)]);
        let told = newly_broken(&engine, Timestamp(0)).await.unwrap();
        assert_eq!((told.len(), told[0].hostname.as_str(), told[0].version), (1, "core", 3));

        put(&engine.db, device, "hostname other\n").await;
        check_due(&engine).await.unwrap();
        let again = newly_broken(&engine, Timestamp(0)).await.unwrap();
        assert_eq!(again[0].since, told[0].since, "it is as old as it was");
        assert!(
            newly_broken(&engine, told[0].since.plus(std::time::Duration::from_millis(1)))
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn a_rule_is_about_what_its_target_names_and_follows_the_device() {
    on_both_engines(async |engine| {
        let vienna = add(&engine.db, "vie", |device| device.site = "vienna".into()).await;
        let graz = add(&engine.db, "grz", |device| device.tags = "core".into()).await;
        for device in [vienna, graz] {
            put(&engine.db, device, "x\n").await;
            put_part(&engine.db, device, "startup", "y\n").await;
        }
        put_all(&engine.db, &[(graz, "set", "x\n")], "junos").await;
        let all = [
            rule("by site", |rule| rule.site = "vienna".into()),
            rule("by tag", |rule| rule.tag = "core".into()),
            rule("by part", |rule| rule.part = "startup".into()),
            rule("by platform", |rule| rule.platform = "junos".into()),
            rule("off", |rule| rule.enabled = false),
        ];
        for input in all {
            save(&engine, None, &RuleInput { patterns: "nothing of it".into(), ..input }).await.unwrap();
        }
        check_all(&engine).await.unwrap();
        let count = async |name: &str| {
            let of = format!("SELECT COUNT(*) FROM rule_result r JOIN config_rule c ON c.id = r.rule_id WHERE c.name = '{name}'");
            number(&engine.db, &of).await
        };
        assert_eq!((count("by site").await, count("by tag").await), (2, 3));
        assert_eq!((count("by part").await, count("by platform").await, count("off").await), (2, 1, 0));

        let scoped = Reach::new(Role::Viewer, Scope::parse("site:vienna").unwrap()).unwrap();
        let seen = broken(&engine, &scoped).await;
        assert_eq!(seen.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 0, 1, 0, 0], "{seen:?}");

        let mut tx = engine.db.write().await.unwrap();
        sqlx::query("UPDATE device SET site = 'linz' WHERE id = $1").bind(vienna.0).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(check_due(&engine).await.unwrap(), 0, "no version changed");
        assert_eq!(check_all(&engine).await.unwrap(), 2);
        assert_eq!(count("by site").await, 0);

        let mut tx = engine.db.write().await.unwrap();
        assert!(device_delete_in_txn(&mut tx, graz).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(number(&engine.db, ROWS).await, 1, "what is left is one startup configuration");
        for id in 1..=5 {
            remove(&engine, RuleId(id)).await.unwrap();
        }
        check_all(&engine).await.unwrap();
        assert_eq!(number(&engine.db, "SELECT COUNT(*) FROM rule_check").await, 0);
    })
    .await;
}

#[tokio::test]
async fn many_devices_are_looked_at_some_at_a_time_and_a_disabled_one_counts_nowhere() {
    on_both_engines(async |engine| {
        let mut devices = Vec::new();
        for number in 0..150 {
            devices.push(add(&engine.db, &format!("sw-{number:03}"), |_| {}).await);
        }
        let texts: Vec<String> =
            (0..150).map(|number| format!("hostname {}\nvlan {number}\n", number % 3)).collect();
        let all: Vec<_> =
            devices.iter().zip(&texts).map(|(device, text)| (*device, "running", text.as_str())).collect();
        put_all(&engine.db, &all, "ios").await;
        for number in 0..12 {
            save(&engine, None, &contains(&format!("rule {number:02}"), &format!("hostname {}", number % 3)))
                .await
                .unwrap();
        }
        let nowhere = rule("of nothing here", |rule| {
            rule.platform = "junos".into();
            rule.patterns = "x".into();
        });
        let nowhere = save(&engine, None, &nowhere).await.unwrap();
        assert_eq!(check_all(&engine).await.unwrap(), 150);
        let of_none = list(&engine, &Role::Viewer.into()).await.unwrap().into_iter().filter(|row| !row.held);
        assert_eq!(
            of_none.map(|row| row.rule.id).collect::<Vec<_>>(),
            [nowhere],
            "no text was held against it"
        );
        remove(&engine, nowhere).await.unwrap();
        assert_eq!(number(&engine.db, ROWS).await, 150 * 12);
        assert!(broken(&engine, &Role::Viewer.into()).await.iter().all(|(_, count)| *count == 100));
        let of_first = of_device(&engine, devices[0]).await.unwrap();
        assert_eq!((of_first.broken.len(), of_first.kept.len()), (8, 4));

        let mut tx = engine.db.write().await.unwrap();
        sqlx::query("UPDATE device SET enabled = 0 WHERE id = $1")
            .bind(devices[0].0)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let counts = broken(&engine, &Role::Viewer.into()).await;
        assert_eq!((counts[0].1, counts[1].1), (100, 99), "{counts:?}");
        enable(&engine, RuleId(1), false).await.unwrap();
        assert_eq!(number(&engine.db, ROWS).await, 150 * 11);
    })
    .await;
}
