use etiqa_engine::history::search::{PAGE_WITHIN, search_page};
use etiqa_model::device::DeviceInput;
use etiqa_model::search::SearchInput;
use etiqa_model::user::Role;

use crate::support::{add, found, found_by_viewer, index, on_both_engines, put, put_all, regex, text};

const SECRET: &str = "s3cr3tXyZ";

fn config(name: &str) -> String {
    format!(
        "hostname {name}\nsnmp-server community {SECRET} RO\nenable secret 9 $9${SECRET}\nntp server 10.0.0.1\nend\n"
    )
}

#[tokio::test]
async fn viewers_never_find_what_is_masked_and_find_the_mask_where_it_stands() {
    on_both_engines(async |engine| {
        let device = add(&engine.db, "core-1", |_| {}).await;
        put(&engine.db, device, &config("core-1")).await;
        for _ in 0..2 {
            for hidden in [text(SECRET), text("s3c"), regex("community s3"), regex("[$]9[$]"), text("y s")] {
                assert_eq!(found_by_viewer(&engine, &hidden).await, [""; 0], "{hidden:?}");
                assert_ne!(found(&engine, &hidden).await, [""; 0], "an operator finds it: {hidden:?}");
            }
            let community = "core-1/running:2: snmp-server [community <removed> RO]";
            assert_eq!(found_by_viewer(&engine, &text("community <removed> RO")).await, [community]);
            assert_eq!(found(&engine, &text("community <removed> RO")).await, [""; 0]);
            assert_eq!(
                found_by_viewer(&engine, &text("removed")).await,
                [
                    "core-1/running:2: snmp-server community <[removed]> RO",
                    "core-1/running:3: enable secret 9 <[removed]>",
                ]
            );
            assert_eq!(
                found_by_viewer(&engine, &regex("ed> R")).await,
                ["core-1/running:2: snmp-server community <remov[ed> R]O"]
            );
            assert_eq!(
                found_by_viewer(&engine, &text("ntp s")).await,
                ["core-1/running:4: [ntp s]erver 10.0.0.1"]
            );
            index(&engine).await;
        }
    })
    .await;
}

#[tokio::test]
async fn lines_around_a_hit_are_masked_as_well() {
    on_both_engines(async |engine| {
        let device = add(&engine.db, "core-1", |_| {}).await;
        put(&engine.db, device, &config("core-1")).await;
        let mut around = text("ntp server");
        around.context = "5".into();
        let lines = found_by_viewer(&engine, &around).await;
        assert_eq!(lines.len(), 5);
        assert!(!lines.concat().contains(SECRET), "{lines:?}");
    })
    .await;
}

#[tokio::test]
async fn a_text_that_nobody_knows_how_to_mask_is_left_out_and_counted() {
    on_both_engines(async |engine| {
        let (gone, known) = (add(&engine.db, "a", |_| {}).await, add(&engine.db, "b", |_| {}).await);
        put_all(&engine.db, &[(gone, "running", &config("a"))], "a-driver-that-is-gone").await;
        put(&engine.db, known, &config("b")).await;
        let results =
            search_page(&engine, &text("hostname"), &Role::Viewer.into(), PAGE_WITHIN).await.unwrap();
        assert_eq!((results.devices.len(), results.left_out), (1, 1));
        assert_eq!(results.devices[0].hostname, "b");
        let results =
            search_page(&engine, &text("hostname"), &Role::Operator.into(), PAGE_WITHIN).await.unwrap();
        assert_eq!((results.devices.len(), results.left_out), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn how_many_texts_are_left_out_tells_nothing_of_what_is_in_them() {
    on_both_engines(async |engine| {
        let site = |site: &'static str| move |input: &mut DeviceInput| site.clone_into(&mut input.site);
        let gone = add(&engine.db, "a", site("vienna")).await;
        let (known, other) = (add(&engine.db, "b", |_| {}).await, add(&engine.db, "c", site("graz")).await);
        let (text_a, text_c) = (config("a"), config("c"));
        let texts = [(gone, "running", text_a.as_str()), (other, "running", text_c.as_str())];
        put_all(&engine.db, &texts, "a-driver-that-is-gone").await;
        put(&engine.db, known, &config("b")).await;
        index(&engine).await;
        let left_out = async |input: &SearchInput| {
            search_page(&engine, input, &Role::Viewer.into(), PAGE_WITHIN).await.unwrap().left_out
        };
        // Under the mask, beside it, and nowhere: the index knows which, and a viewer must not.
        for asked in [SECRET, "s3cr3tXyZ RO", "ntp server", "s3cr3tXyA", "nowhere at all"] {
            assert_eq!(left_out(&text(asked)).await, 2, "{asked}");
            let narrowed = SearchInput { site: "graz".into(), ..text(asked) };
            assert_eq!(left_out(&narrowed).await, 1, "{asked}");
            let behind = SearchInput { after: known.to_string(), ..text(asked) };
            assert_eq!(left_out(&behind).await, 2, "{asked}: every page says the same");
        }
    })
    .await;
}
