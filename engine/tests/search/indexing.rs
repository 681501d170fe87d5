use std::sync::Arc;

use etiqa_engine::history::search::{index_texts, keep_index};
use etiqa_engine::store::device_write::device_delete;
use etiqa_engine::store::search::search_count;
use etiqa_model::event::Topic;

use crate::support::{add, damage, found, index, on_both_engines, put, put_all, text};

#[tokio::test]
async fn a_text_is_found_before_it_is_indexed_and_one_that_is_active_no_more_is_not() {
    on_both_engines(async |engine| {
        let device = add(&engine.db, "core-1", |_| {}).await;
        put(&engine.db, device, "hostname core-1\nntp server 10.0.0.1\n").await;
        assert_eq!(index(&engine).await, 1);

        put(&engine.db, device, "hostname core-1\nntp server 10.9.9.9\n").await;
        assert_eq!(found(&engine, &text("10.9.9.9")).await.len(), 1, "not indexed yet");
        assert_eq!(found(&engine, &text("10.0.0.1")).await, [""; 0], "still indexed, active no more");

        assert_eq!(index(&engine).await, 1);
        assert_eq!(search_count(&engine.db).await.unwrap(), 1, "the old text was taken out");
        assert_eq!(found(&engine, &text("10.9.9.9")).await.len(), 1);
        assert_eq!(index(&engine).await, 0, "nothing is left to do");

        put(&engine.db, device, "hostname core-1\nntp server 10.0.0.1\n").await;
        assert_eq!(found(&engine, &text("10.0.0.1")).await.len(), 1, "active again");
        device_delete(&engine.db, device).await.unwrap();
        index(&engine).await;
        assert_eq!(search_count(&engine.db).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn devices_with_the_same_text_are_all_found_and_it_is_indexed_once() {
    on_both_engines(async |engine| {
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.push(add(&engine.db, name, |_| {}).await);
        }
        let texts: Vec<_> = ids.iter().map(|id| (*id, "running", "ntp server 10.0.0.1\n")).collect();
        put_all(&engine.db, &texts, "ios").await;
        assert_eq!(found(&engine, &text("ntp")).await.len(), 3);
        assert_eq!(index(&engine).await, 1);
        assert_eq!(found(&engine, &text("ntp")).await.len(), 3);
        put(&engine.db, ids[1], "nothing\n").await;
        index(&engine).await;
        assert_eq!(found(&engine, &text("ntp")).await.len(), 2, "the others have it still");
    })
    .await;
}

#[tokio::test]
async fn a_damaged_text_keeps_no_other_one_out_of_the_index() {
    on_both_engines(async |engine| {
        let texts = [1, 2, 3].map(|number| format!("hostname unit-{number}\nntp server 10.0.0.1\n"));
        let mut last = None;
        for (number, text) in texts.iter().enumerate() {
            let device = add(&engine.db, &format!("d{number}"), |_| {}).await;
            put(&engine.db, device, text).await;
            last = Some(device);
        }
        let last = last.unwrap();
        damage(&engine.db, &texts[1]).await;
        assert_eq!(index(&engine).await, 2);
        assert_eq!(found(&engine, &text("10.0.0.1")).await.len(), 2, "nor out of what is found");
        put(&engine.db, last, "hostname other\n").await;
        assert_eq!(index(&engine).await, 1, "behind it as well");
    })
    .await;
}

#[tokio::test]
async fn an_index_that_was_begun_is_gone_on_with_by_whoever_comes_next() {
    on_both_engines(async |engine| {
        for number in 0..40 {
            let device = add(&engine.db, &format!("d{number:02}"), |_| {}).await;
            put(&engine.db, device, &format!("hostname unit-{number}\n")).await;
        }
        assert_eq!(index_texts(&engine, 10).await.unwrap(), 10);
        let found_now = found(&engine, &text("unit-")).await;
        assert_eq!(found_now.len(), 40);
        // Two at once, as two servers on one database are.
        let (first, second) = tokio::join!(index_texts(&engine, 100), index_texts(&engine, 100));
        assert!(first.unwrap() + second.unwrap() >= 30);
        assert_eq!(search_count(&engine.db).await.unwrap(), 40);
        assert_eq!(found(&engine, &text("unit-")).await, found_now);
    })
    .await;
}

#[tokio::test]
async fn a_server_indexes_what_was_stored_before_and_while_it_serves() {
    on_both_engines(async |engine| {
        let device = add(&engine.db, "core-1", |_| {}).await;
        put(&engine.db, device, "ntp server 10.0.0.1\n").await;
        let keeping = tokio::spawn(keep_index(Arc::clone(&engine)));
        let indexed = async |count: u64| {
            while search_count(&engine.db).await.unwrap() != count {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        indexed(1).await;
        let other = add(&engine.db, "core-2", |_| {}).await;
        put(&engine.db, other, "ntp server 10.0.0.2\n").await;
        engine.events.send(Topic::Devices, other.0);
        indexed(2).await;
        engine.stopping.cancel();
        keeping.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn of_a_long_history_only_the_active_texts_are_indexed_and_searched() {
    on_both_engines(async |engine| {
        let mut ids = Vec::new();
        for number in 0..50 {
            ids.push(add(&engine.db, &format!("d{number:03}"), |_| {}).await);
        }
        for round in 0..40 {
            let texts: Vec<String> = (0..50).map(|n| format!("hostname d{n:03}\nround {round}\n")).collect();
            let rows: Vec<_> =
                ids.iter().zip(&texts).map(|(id, text)| (*id, "running", text.as_str())).collect();
            put_all(&engine.db, &rows, "ios").await;
        }
        index(&engine).await;
        assert_eq!(found(&engine, &text("round 39")).await.len(), 50);
        assert_eq!(found(&engine, &text("round 38")).await, [""; 0]);
        assert_eq!(search_count(&engine.db).await.unwrap(), 50, "only what is active is in the index");
    })
    .await;
}
