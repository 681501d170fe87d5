//! The outbox on both databases.

use etiqa_engine::db::Tx;
use etiqa_engine::store::notify::channel::{
    ChannelRow, channel_failed_in_txn, channel_fetch, channel_insert_in_txn, channel_list_due,
    channels_bring_forward_in_txn,
};
use etiqa_engine::store::notify::delivery::{
    Content, MOST_WAITING, NewDelivery, delivery_begin, delivery_insert_in_txn, delivery_list,
    delivery_next_due, delivery_tried_in_txn,
};
use etiqa_engine::store::notify::notice::{
    Happened, notice_delete_in_txn, notice_insert_in_txn, notice_list,
};
use etiqa_engine::store::notify::open::{
    held_insert_in_txn, held_list_due, held_take_in_txn, open_delete_in_txn, open_insert_in_txn, open_list,
    open_touch_in_txn,
};
use etiqa_engine::store::notify::rule::rule_insert_in_txn;
use etiqa_model::notify::{
    Attempt, ChannelSettings, DeliveryState, Item, ItemState, NotifyEvent, Ping, PingKind, RuleInput,
    WebSettings,
};
use etiqa_model::{ChannelId, ConfigVersionId, DeviceId, NotifyRuleId, RunId};

use crate::common::{NOON, at, on_both};
use crate::support::execute;

fn webhook(name: &str) -> ChannelRow {
    let settings = ChannelSettings::Webhook(WebSettings { host: "x".into(), own_network: false });
    ChannelRow { name: name.into(), settings, enabled: true }
}

fn ping(channel: ChannelId, run: i64) -> NewDelivery {
    let ping = Ping { kind: PingKind::Start, run: RunId(run), text: "began".into() };
    NewDelivery { message_id: run.to_string(), channel, rule: String::new(), content: Content::Ping(ping) }
}

fn item() -> Item {
    Item {
        event: NotifyEvent::DiskLow,
        state: ItemState::New,
        subject: "here".into(),
        words: "full".into(),
        at: NOON,
        path: None,
        site: None,
        diff: None,
    }
}

#[tokio::test]
async fn the_oldest_that_wait_are_given_up_where_too_many_wait() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        let channel = channel_insert_in_txn(&mut tx, &webhook("a"), NOON).await.unwrap();
        let other = channel_insert_in_txn(&mut tx, &webhook("b"), NOON).await.unwrap();
        let mut dropped = 0;
        for run in 0..i64::from(MOST_WAITING) + 5 {
            dropped += delivery_insert_in_txn(&mut tx, &ping(channel, run), NOON).await.unwrap();
        }
        assert_eq!(delivery_insert_in_txn(&mut tx, &ping(other, 1), NOON).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(dropped, 5);
        let known = channel_fetch(&db, channel).await.unwrap().unwrap().channel;
        assert_eq!((known.waiting, known.dropped), (u64::from(MOST_WAITING), 5));
        let next = delivery_next_due(&db, channel, NOON).await.unwrap().unwrap();
        assert_eq!(next.message_id, "5", "the newer ones stay");
    })
    .await;
}

#[tokio::test]
async fn a_message_waits_is_tried_and_is_over_with_each_of_its_tries() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        let channel = channel_insert_in_txn(&mut tx, &webhook("a"), NOON).await.unwrap();
        delivery_insert_in_txn(&mut tx, &ping(channel, 1), NOON).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(channel_list_due(&db, NOON).await.unwrap(), [channel]);
        let due = delivery_next_due(&db, channel, NOON).await.unwrap().unwrap();
        for number in 0..25 {
            assert!(delivery_begin(&db, due.id).await.unwrap());
            let attempt =
                Attempt { at: at(number), duration_ms: 7, is_good: false, answer: format!("no {number}") };
            let mut tx = db.write().await.unwrap();
            delivery_tried_in_txn(&mut tx, due.id, &attempt, None, at(number)).await.unwrap();
            channel_failed_in_txn(&mut tx, channel, "no", 1, at(1_000)).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(channel_list_due(&db, at(999)).await.unwrap(), []);
        assert_eq!(channel_list_due(&db, at(1_000)).await.unwrap(), [channel]);
        let good = Attempt { at: at(60), duration_ms: 7, is_good: true, answer: "200".into() };
        let mut tx = db.write().await.unwrap();
        delivery_tried_in_txn(&mut tx, due.id, &good, Some(DeliveryState::Sent), at(60)).await.unwrap();
        tx.commit().await.unwrap();
        let listed = delivery_list(&db, Some(DeliveryState::Sent), None, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].tries, listed[0].attempts.len()), (1, 25, 20));
        assert_eq!(listed[0].attempts[0].answer, "200");
        assert!(!delivery_begin(&db, due.id).await.unwrap(), "it is over");
    })
    .await;
}

#[tokio::test]
async fn a_message_that_was_tried_often_lets_the_others_go_first() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        let channel = channel_insert_in_txn(&mut tx, &webhook("a"), NOON).await.unwrap();
        for run in [1, 2] {
            delivery_insert_in_txn(&mut tx, &ping(channel, run), NOON).await.unwrap();
        }
        tx.commit().await.unwrap();
        let next = async || delivery_next_due(&db, channel, NOON).await.unwrap().unwrap();
        for _ in 0..8 {
            let due = next().await;
            assert_eq!(due.message_id, "1");
            assert!(delivery_begin(&db, due.id).await.unwrap());
        }
        assert_eq!(
            next().await.message_id,
            "1",
            "where nothing is taken, an end is never told before its beginning"
        );
        execute(&db, "UPDATE notify_channel SET failures = 8").await;
        assert_eq!(next().await.message_id, "2", "once in a while another one is tried");
        execute(&db, "UPDATE notify_channel SET failures = 9").await;
        assert_eq!(next().await.message_id, "1");
        let taken = format!("UPDATE notify_channel SET last_ok_at = {}", NOON.millis() + 1);
        execute(&db, &taken).await;
        assert_eq!(next().await.message_id, "2", "something else was taken: it is this message that is not");
        execute(&db, "UPDATE notify_delivery SET state = 'sent' WHERE message_id = '2'").await;
        assert_eq!(next().await.message_id, "1", "nobody else waits");
    })
    .await;
}

#[tokio::test]
async fn a_list_shows_the_beginning_of_a_very_long_text() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        let channel = channel_insert_in_txn(&mut tx, &webhook("a"), NOON).await.unwrap();
        let mut long = ping(channel, 1);
        let text = "é".repeat(50_000);
        long.content = Content::Ping(Ping { kind: PingKind::Start, run: RunId(1), text: text.clone() });
        delivery_insert_in_txn(&mut tx, &long, NOON).await.unwrap();
        tx.commit().await.unwrap();
        let shown = delivery_list(&db, None, None, 10).await.unwrap().remove(0).text;
        assert!(shown.len() < 20_100 && shown.ends_with('…'), "{}", shown.len());
        let sent = delivery_next_due(&db, channel, NOON).await.unwrap().unwrap();
        assert_eq!(sent.content.text(), text);
    })
    .await;
}

#[tokio::test]
async fn a_notice_is_written_where_somebody_may_hear_of_it_and_sorted_once() {
    on_both(async |db| {
        let note = async || {
            let mut tx = db.write().await.unwrap();
            let changed = Happened::Changed(DeviceId(1), ConfigVersionId(2));
            notice_insert_in_txn(&mut tx, changed, None, NOON).await.unwrap();
            notice_insert_in_txn(&mut tx, Happened::Ended(RunId(3)), None, NOON).await.unwrap();
            tx.commit().await.unwrap();
        };
        note().await;
        assert_eq!(notice_list(&db).await.unwrap(), []);
        let mut tx = db.write().await.unwrap();
        channel_insert_in_txn(&mut tx, &webhook("a"), NOON).await.unwrap();
        tx.commit().await.unwrap();
        note().await;
        let notices = notice_list(&db).await.unwrap();
        assert_eq!(notices.len(), 2);
        assert_eq!(notices[1].happened, Happened::Ended(RunId(3)));
        let ids: Vec<i64> = notices.iter().map(|notice| notice.id).collect();
        let mut tx = db.write().await.unwrap();
        assert_eq!(notice_delete_in_txn(&mut tx, &ids).await.unwrap().len(), 2);
        assert_eq!(notice_delete_in_txn(&mut tx, &ids).await.unwrap().len(), 0);
        tx.commit().await.unwrap();
    })
    .await;
}

/// A channel, and a rule that tells it of full disks.
async fn rule_of(tx: &mut Tx) -> NotifyRuleId {
    let channel = channel_insert_in_txn(tx, &webhook("a"), NOON).await.unwrap();
    let input = RuleInput {
        name: "x".into(),
        events: vec!["disk_low".into()],
        channels: vec![channel],
        ..RuleInput::default()
    };
    rule_insert_in_txn(tx, &input.parse("UTC").unwrap(), NOON).await.unwrap()
}

#[tokio::test]
async fn what_is_held_is_not_due_while_nobody_hears_it_nor_held_for_ever_by_a_clock_that_was_set_back() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        let rule = rule_of(&mut tx).await;
        let (in_a_week, in_a_year) = (at(7 * 86_400), at(365 * 86_400));
        for until in [in_a_week, in_a_year] {
            held_insert_in_txn(&mut tx, rule, &item(), until).await.unwrap();
        }
        channels_bring_forward_in_txn(&mut tx, NOON).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(held_list_due(&db, NOON).await.unwrap(), [rule]);
        execute(&db, "UPDATE notify_channel SET enabled = 0").await;
        assert_eq!(held_list_due(&db, NOON).await.unwrap(), []);
        let mut tx = db.write().await.unwrap();
        assert_eq!(held_take_in_txn(&mut tx, rule, NOON).await.unwrap().len(), 1, "the other one waits");
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_lasts_is_told_once_and_what_is_held_comes_back_in_order() {
    on_both(async |db| {
        let mut tx = db.write().await.unwrap();
        let rule = rule_of(&mut tx).await;
        assert!(open_insert_in_txn(&mut tx, rule, "disk_low:a", &item(), NOON).await.unwrap());
        assert!(!open_insert_in_txn(&mut tx, rule, "disk_low:a", &item(), at(5)).await.unwrap());
        let now = Item { words: "fuller".into(), ..item() };
        assert!(open_touch_in_txn(&mut tx, rule, "disk_low:a", &now, NOON, at(9)).await.unwrap());
        assert!(!open_touch_in_txn(&mut tx, rule, "disk_low:a", &item(), NOON, at(9)).await.unwrap());
        for words in ["first", "second"] {
            let held = Item { words: words.into(), ..item() };
            held_insert_in_txn(&mut tx, rule, &held, at(60)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let open = open_list(&db).await.unwrap();
        assert_eq!((open[0].told_at, open[0].item.words.as_str()), (at(9), "fuller"));
        assert_eq!(held_list_due(&db, at(59)).await.unwrap(), []);
        assert_eq!(held_list_due(&db, at(60)).await.unwrap(), [rule]);
        let mut tx = db.write().await.unwrap();
        let held = held_take_in_txn(&mut tx, rule, at(60)).await.unwrap();
        assert_eq!(held.iter().map(|item| item.words.as_str()).collect::<Vec<_>>(), ["first", "second"]);
        assert!(open_delete_in_txn(&mut tx, rule, "disk_low:a").await.unwrap());
        assert!(!open_delete_in_txn(&mut tx, rule, "disk_low:a").await.unwrap());
        tx.commit().await.unwrap();
    })
    .await;
}
