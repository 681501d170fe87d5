use std::time::Duration;

use etiqa_engine::Engine;
use etiqa_engine::history::search::search_page;
use etiqa_engine::store::device_write::device_delete;
use etiqa_model::DeviceId;
use etiqa_model::search::SearchInput;
use etiqa_model::user::Role;

use crate::support::{add, index, on_both_engines, page, put_all, refusal, text};

async fn many(engine: &Engine, count: usize) -> Vec<DeviceId> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(add(&engine.db, &format!("sw-{number:03}"), |_| {}).await);
    }
    let texts: Vec<String> =
        (0..count).map(|number| format!("hostname sw-{number:03}\nntp server\n")).collect();
    let rows: Vec<_> = ids.iter().zip(&texts).map(|(id, text)| (*id, "running", text.as_str())).collect();
    put_all(&engine.db, &rows, "ios").await;
    ids
}

#[tokio::test]
async fn devices_come_in_pages_and_every_one_of_them_once() {
    on_both_engines(async |engine| {
        let ids = many(&engine, 120).await;
        for _ in 0..2 {
            let mut seen = Vec::new();
            let mut input = text("ntp server");
            loop {
                let results = page(&engine, &input).await;
                assert!(!results.stopped_early);
                seen.push(results.devices.iter().map(|device| device.device_id).collect::<Vec<_>>());
                let Some(after) = results.more_after else { break };
                input.after = after.to_string();
            }
            assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
            assert_eq!(seen.concat(), ids);
            index(&engine).await;
        }
        let results = page(&engine, &text("sw-07")).await;
        assert_eq!((results.devices.len(), results.more_after), (10, None));
        assert_eq!(results.devices[0].hostname, "sw-070");

        device_delete(&engine.db, ids[49]).await.unwrap();
        let behind = SearchInput { after: ids[49].to_string(), ..text("ntp server") };
        assert!(refusal(&engine, &behind).await.message.contains("first page"));
    })
    .await;
}

#[tokio::test]
async fn a_search_whose_time_is_over_says_so_and_goes_on_from_there() {
    on_both_engines(async |engine| {
        let ids = many(&engine, 3).await;
        let input = SearchInput { after: ids[0].to_string(), ..text("ntp server") };
        let results = search_page(&engine, &input, &Role::Operator.into(), Duration::ZERO).await.unwrap();
        assert!(results.stopped_early && results.devices.is_empty());
        assert_eq!(results.more_after, Some(ids[0]));
        let results = page(&engine, &SearchInput { after: ids[0].to_string(), ..input }).await;
        assert_eq!((results.devices.len(), results.stopped_early), (2, false));
    })
    .await;
}

#[tokio::test]
async fn a_text_shows_its_first_lines_with_hits_and_counts_the_others() {
    on_both_engines(async |engine| {
        let device = add(&engine.db, "acl-1", |_| {}).await;
        let lines = "permit host 10.0.0.1\nremark\n".repeat(5_000);
        put_all(&engine.db, &[(device, "running", &lines)], "ios").await;
        let results = page(&engine, &text("permit")).await;
        let hits = &results.devices[0].texts[0];
        assert_eq!((hits.lines.len(), hits.matching_lines, hits.hidden_lines()), (20, 5_000, 4_980));
        assert_eq!(hits.lines.last().unwrap().number, 39);
    })
    .await;
}
