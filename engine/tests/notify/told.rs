//! What is told, and when.

use std::time::Duration;

use etiqa_engine::backup::start;
use etiqa_engine::notify;
use etiqa_engine::pause;
use etiqa_engine::rules;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::notify::{ChannelInput, RuleInput};
use etiqa_model::rule::RuleInput as RuleOfTexts;
use etiqa_model::run::Trigger;
use etiqa_model::{ChannelId, Secret, Timestamp};

use crate::common::here;
use crate::common::world::World;
use crate::servers::Hook;
use crate::support::{add, deliveries, execute, hears, rule, send, web};

/// A backup that fails for as long as there is no device.
async fn with_failing_backup(world: &World) -> etiqa_model::BackupConfigId {
    world.add_config(|input| input.kind = "config".into()).await
}

#[tokio::test]
async fn a_backup_that_fails_is_told_once_and_so_is_its_recovery() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed"], |_| {}).await;
    let config = with_failing_backup(&world).await;
    for _ in 0..3 {
        world.run(config).await;
        send(&world).await;
    }
    assert_eq!(hook.titles(), ["Daily: Run failed"]);
    let told = hook.posted()[0].json();
    assert_eq!((&told["severity"], &told["items"][0]["state"]), (&"bad".into(), &"new".into()));
    assert!(told["text"].as_str().unwrap().contains("There is no enabled device"), "{told}");

    let (_device, _) = world.add_ios().await;
    world.run(config).await;
    world.run(config).await;
    send(&world).await;
    send(&world).await;
    assert_eq!(hook.titles(), ["Daily: Run failed", "Daily: Run completed again"]);
    assert_eq!(hook.posted()[1].json()["severity"], "good");
}

#[tokio::test]
async fn a_rule_that_wants_every_failure_hears_of_every_one() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed"], |rule| rule.repeat = "every".into()).await;
    let config = with_failing_backup(&world).await;
    for _ in 0..3 {
        world.run(config).await;
        send(&world).await;
    }
    let states: Vec<_> =
        hook.posted().iter().map(|posted| posted.json()["items"][0]["state"].clone()).collect();
    assert_eq!(states, ["new", "again", "again"]);
}

#[tokio::test]
async fn a_run_with_many_failing_devices_makes_one_message() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed", "device_failing"], |rule| rule.after = "1".into()).await;
    for port in 1..=5 {
        world.add_at(port, "ios").await;
    }
    let config = world.add_config(|_| {}).await;
    world.run(config).await;
    send(&world).await;
    let posted = hook.posted();
    assert_eq!(posted.len(), 1);
    let items = posted[0].json()["items"].as_array().unwrap().len();
    assert_eq!(items, 6, "the run, and each of its devices");
    assert_eq!(hook.titles(), ["Run failed, Device failing ×5"]);
}

#[tokio::test]
async fn a_device_is_told_after_so_many_failures_in_a_row_and_when_it_recovers() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["device_failing"], |rule| rule.after = "3".into()).await;
    let (device, id) = world.add_ios().await;
    device.set_password("other");
    for told in [0, 0, 1, 1] {
        world.collect(id).await;
        send(&world).await;
        assert_eq!(hook.posted().len(), told);
    }
    assert!(hook.posted()[0].json()["text"].as_str().unwrap().contains("3 times in a row"));
    device.set_password("admin");
    world.collect(id).await;
    send(&world).await;
    assert!(hook.titles()[1].ends_with(": Device recovered"), "{:?}", hook.titles());
    // The count begins anew.
    device.set_password("other");
    world.collect(id).await;
    send(&world).await;
    assert_eq!(hook.posted().len(), 2);
}

#[tokio::test]
async fn a_device_that_is_disabled_did_not_recover() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["device_failing"], |rule| rule.after = "1".into()).await;
    let id = world.add_at(1, "ios").await;
    world.collect(id).await;
    send(&world).await;
    execute(&world.engine.db, "UPDATE device SET enabled = 0").await;
    send(&world).await;
    assert_eq!(hook.posted().len(), 1);
    assert_eq!(notify::list_rules(&world.engine).await.unwrap().rules[0].open, 0, "it lasts no longer");
}

#[tokio::test]
async fn a_changed_configuration_is_told_with_what_changed_and_without_its_secrets() {
    let world = World::new().await;
    let (hook, channel) = hears(&world, &["config_changed"], |_| {}).await;
    let (device, id) = world.add_ios().await;
    world.collect(id).await;
    send(&world).await;
    assert_eq!(hook.posted().len(), 0, "the first text is no change");
    let more = "\nntp server 192.0.2.123\nsnmp-server community n1ght1ngale RO\nend\n";
    device.set_config(device.config().replace("\nend\n", more));
    rule(&world, channel, &["config_changed"], |rule| {
        (rule.name, rule.with_diff) = ("plain".into(), false);
    })
    .await;
    world.collect(id).await;
    send(&world).await;
    let posted = hook.posted();
    assert_eq!(posted.len(), 2);
    let texts: Vec<String> = posted.iter().map(|posted| posted.body.clone()).collect();
    assert!(texts.iter().all(|text| !text.contains("n1ght1ngale")), "{texts:?}");
    let diffs: Vec<bool> = texts.iter().map(|text| text.contains("+ntp server 192.0.2.123")).collect();
    assert_eq!(diffs.iter().filter(|has_diff| **has_diff).count(), 1, "{texts:?}");
}

#[tokio::test]
async fn a_configuration_that_breaks_a_rule_is_told_until_it_keeps_the_rule_again() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["rule_broken"], |_| {}).await;
    for (name, pattern) in [("Time", "ntp server 192.0.2.123"), ("Never kept", "nothing of it")] {
        let (name, patterns) = (name.to_owned(), pattern.to_owned());
        let advice = "Add the time server.".to_owned();
        let input = RuleOfTexts { name, patterns, advice, enabled: true, ..RuleOfTexts::default() };
        rules::save(&world.engine, None, &input).await.unwrap();
    }
    let (device, id) = world.add_ios().await;
    let bare = device.config();
    let kept = bare.replace("\nend\n", "\nntp server 192.0.2.123\nend\n");
    for (config, told) in [(kept.clone(), 0), (bare.clone(), 1), (bare, 1), (kept, 2)] {
        device.set_config(config);
        world.collect(id).await;
        rules::check_due(&world.engine).await.unwrap();
        send(&world).await;
        send(&world).await;
        assert_eq!(hook.posted().len(), told, "{:?}", hook.titles());
    }
    let texts = hook.posted();
    assert!(
        texts[0].body.contains("breaks the rule \\\"Time\\\". Add the time server."),
        "{}",
        texts[0].body
    );
    assert!(hook.titles()[0].ends_with(": Rule broken"), "{:?}", hook.titles());
    assert!(hook.titles()[1].ends_with(": Rule kept again"), "{:?}", hook.titles());
}

#[tokio::test]
async fn a_text_that_shrank_is_told_as_suspect() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["suspect_version"], |_| {}).await;
    let (device, id) = world.add_ios().await;
    world.collect(id).await;
    let text = device.config();
    let some: Vec<&str> = text.lines().take(text.lines().count() / 4).collect();
    device.set_config(format!("{}\nend\n", some.join("\n")));
    world.collect(id).await;
    world.collect(id).await;
    send(&world).await;
    assert_eq!(hook.posted().len(), 1, "the same text is no second one");
    assert!(hook.titles()[0].ends_with(": Suspect text"), "{:?}", hook.titles());
}

/// What a rule chooses by, and how it is said.
type Choice = (&'static str, fn(&mut RuleInput));

#[tokio::test]
async fn a_rule_chooses_by_site_tag_type_and_backup() {
    let world = World::new().await;
    let hook = Hook::start().await;
    let channel = add(&world, &web("webhook", &hook)).await;
    let id = world.add_at(1, "ios").await;
    execute(&world.engine.db, "UPDATE device SET site = 'vienna', device_type = 'router'").await;
    let own = world.add_config(|input| input.devices = "site:vienna".into()).await;
    let other =
        world.add_config(|input| (input.name, input.devices) = ("Other".into(), "site:linz".into())).await;
    let choices: [Choice; 5] = [
        ("site", |rule| rule.sites = "vienna".into()),
        ("other site", |rule| rule.sites = "linz".into()),
        ("type", |rule| rule.device_types = "router".into()),
        ("other type", |rule| rule.device_types = "switch".into()),
        ("tag", |rule| rule.tags = "core".into()),
    ];
    for (name, change) in choices {
        rule(&world, channel, &["device_failing"], |rule| {
            (rule.name, rule.after) = (name.into(), "1".into());
            change(rule);
        })
        .await;
    }
    for (name, backup) in [("backup", own), ("other backup", other)] {
        rule(&world, channel, &["device_failing"], |rule| {
            (rule.name, rule.after, rule.backups) = (name.into(), "1".into(), vec![backup]);
        })
        .await;
    }
    world.collect(id).await;
    send(&world).await;
    let mut told: Vec<String> =
        hook.posted().iter().map(|posted| posted.json()["rule"].as_str().unwrap().to_owned()).collect();
    told.sort();
    assert_eq!(told, ["backup", "site", "type"]);
}

#[tokio::test]
async fn a_rule_that_names_a_backup_that_is_gone_is_changed_and_previewed_all_the_same() {
    let world = World::new().await;
    let hook = Hook::start().await;
    let channel = add(&world, &web("webhook", &hook)).await;
    let gone = world.add_config(|_| {}).await;
    let id = rule(&world, channel, &["run_failed"], |rule| rule.backups = vec![gone]).await;
    etiqa_engine::backup::config::delete(&world.engine, gone).await.unwrap();
    let input = notify::find_rule(&world.engine, "run_failed").await.unwrap().to_input();
    let quiet = RuleInput { enabled: false, ..input.clone() };
    notify::save_rule(&world.engine, Some(id), &quiet).await.unwrap();
    assert!(notify::preview_of(&world.engine, id).await.unwrap().1.contains("Daily"));
    let copied = notify::save_rule(&world.engine, None, &RuleInput { name: "Another".into(), ..input }).await;
    let refused = copied.unwrap_err().into_user_error();
    assert_eq!(refused.fields[0].message, "A backup is not there any more: choose again.");
}

#[tokio::test]
async fn a_destination_that_is_down_is_told_and_so_is_that_it_is_back() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["destination_down"], |_| {}).await;
    let down = "INSERT INTO destination (name, kind, settings, keep, enabled, problem, failures, created_at, updated_at)
        VALUES ('nas', 'folder', '{\"kind\":\"folder\",\"path\":\"/nowhere\"}', 'retention', 1, 'It hangs.', 2, 1, 1)";
    execute(&world.engine.db, down).await;
    send(&world).await;
    execute(&world.engine.db, "UPDATE destination SET failures = 0, problem = NULL").await;
    send(&world).await;
    assert_eq!(hook.titles(), ["nas: Destination down", "nas: Destination back"]);
    assert!(hook.posted()[0].body.contains("It hangs."));
}

#[tokio::test]
async fn a_backup_whose_time_has_come_and_that_does_not_begin_is_told() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_never_started", "run_overdue"], |_| {}).await;
    world.add_config(|input| input.time_zone = "UTC".into()).await;
    send(&world).await;
    assert_eq!(hook.posted().len(), 0, "it is not due yet");
    let late = now().minus(Duration::from_mins(20)).millis();
    execute(&world.engine.db, &format!("UPDATE backup_config SET next_run_at = {late}")).await;
    pause::pause(&world.engine, "ada").await.unwrap();
    send(&world).await;
    assert_eq!(hook.posted().len(), 0, "nothing is due while a person paused all of it");
    pause::unpause(&world.engine, "ada").await.unwrap();
    send(&world).await;
    assert_eq!(hook.titles(), ["Daily: Run never started"]);
    execute(&world.engine.db, "UPDATE backup_config SET promised_from = 0").await;
    send(&world).await;
    assert_eq!(hook.titles()[1], "Daily: Backup overdue");
}

/// What lasts for the first rule.
async fn lasting(world: &World) -> u64 {
    notify::list_rules(&world.engine).await.unwrap().rules[0].open
}

#[tokio::test]
async fn a_disk_that_does_not_answer_keeps_nobody_from_hearing_of_the_rest() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["disk_low", "device_failing"], |rule| rule.after = "1".into()).await;
    let id = world.add_at(1, "ios").await;
    world.collect(id).await;
    std::fs::remove_dir_all(world.engine.dir.backups()).unwrap();
    send(&world).await;
    let text = hook.posted()[0].json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("Device failing · device-1: "), "{text}");
    assert!(
        text.contains("The disk of the backups does not say how much room it has: No such file"),
        "{text}"
    );
}

#[tokio::test]
async fn a_run_that_is_queued_at_last_is_no_end_of_what_was_told_and_its_beginning_is() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_never_started"], |_| {}).await;
    let config = world.add_config(|input| input.time_zone = "UTC".into()).await;
    let late = now().minus(Duration::from_mins(20)).millis();
    execute(&world.engine.db, &format!("UPDATE backup_config SET next_run_at = {late}")).await;
    send(&world).await;
    assert_eq!(hook.titles(), ["Daily: Run never started"]);
    start::start(&world.engine, config, Trigger::Manual).await.unwrap();
    send(&world).await;
    assert_eq!((hook.posted().len(), lasting(&world).await), (1, 1), "it is only queued");
    let begun = format!("UPDATE backup_run SET status = 'running', started_at = {}", now().millis());
    execute(&world.engine.db, &begun).await;
    send(&world).await;
    assert_eq!((hook.posted().len(), lasting(&world).await), (2, 0));
}

#[tokio::test]
async fn a_late_run_that_fails_is_told_as_failed_alone() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed", "run_overdue"], |_| {}).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    execute(&world.engine.db, "UPDATE backup_config SET promised_from = 0").await;
    world.run(config).await;
    send(&world).await;
    assert_eq!((hook.titles(), lasting(&world).await), (vec!["Daily: Run failed".to_owned()], 1));
}

#[tokio::test]
async fn a_late_backup_is_no_longer_overdue_once_a_run_completed_and_not_before() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_overdue"], |_| {}).await;
    let config = world.add_config(|input| input.time_zone = "UTC".into()).await;
    execute(&world.engine.db, "UPDATE backup_config SET promised_from = 0").await;
    send(&world).await;
    assert_eq!(hook.titles(), ["Daily: Backup overdue"]);
    let set = async |words: String| {
        execute(&world.engine.db, &format!("UPDATE backup_run SET {words}")).await;
        send(&world).await;
        (hook.posted().len(), lasting(&world).await)
    };
    start::start(&world.engine, config, Trigger::Manual).await.unwrap();
    send(&world).await;
    assert_eq!((hook.posted().len(), lasting(&world).await), (1, 1), "it is only queued");
    let at = now().millis();
    assert_eq!(set(format!("status = 'running', started_at = {at}")).await, (1, 1), "it only began");
    assert_eq!(set(format!("status = 'failed', finished_at = {at}")).await, (1, 1));
    assert_eq!(set(format!("status = 'completed', finished_at = {at}")).await, (2, 0));
    assert_eq!(hook.titles()[1], "Daily: Backup no longer overdue");
}

#[tokio::test]
async fn a_schedule_that_is_changed_begins_no_run_and_backs_up_no_device() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_never_started", "device_overdue"], |_| {}).await;
    let (_device, id) = world.add_ios().await;
    world.add_config(|input| (input.kind, input.time_zone) = ("config".into(), "UTC".into())).await;
    world.collect(id).await;
    let late = now().minus(Duration::from_mins(20)).millis();
    let later = now().plus(Duration::from_hours(1)).millis();
    for sql in [
        "UPDATE device SET last_good_at = 1, promised_from = 0".to_owned(),
        format!("UPDATE backup_config SET promised_from = 0, next_run_at = {late}"),
    ] {
        execute(&world.engine.db, &sql).await;
    }
    send(&world).await;
    assert_eq!((hook.posted().len(), lasting(&world).await), (1, 2), "{:?}", hook.titles());
    for sql in [
        format!("UPDATE backup_config SET next_run_at = {later}"),
        format!("UPDATE device SET promised_from = {later}"),
    ] {
        execute(&world.engine.db, &sql).await;
    }
    send(&world).await;
    assert_eq!(
        (hook.posted().len(), lasting(&world).await),
        (1, 0),
        "nothing of it is news: {:?}",
        hook.titles()
    );
}

#[tokio::test]
async fn a_server_that_was_just_started_queues_what_came_due_before_it_tells_of_it() {
    let world = World::new().await;
    hears(&world, &["run_never_started"], |_| {}).await;
    world.add_config(|input| input.time_zone = "UTC".into()).await;
    let late = now().minus(Duration::from_mins(20)).millis();
    execute(&world.engine.db, &format!("UPDATE backup_config SET next_run_at = {late}")).await;
    execute(&world.engine.db, "INSERT INTO setting (name, value) VALUES ('last_tick_at', '1')").await;
    let data_dir = world.engine.dir.root().to_owned();
    let options = Options { data_dir, reach: here(), ..Options::default() };
    let server = Engine::open(options, Role::Server).await.unwrap();
    notify::once(&server, now(), true).await.unwrap();
    assert_eq!(deliveries(&world).await.len(), 0);
    let looked = now().plus(Duration::from_secs(1)).millis();
    execute(&world.engine.db, &format!("UPDATE setting SET value = '{looked}' WHERE name = 'last_tick_at'"))
        .await;
    notify::once(&server, now(), true).await.unwrap();
    assert_eq!(deliveries(&world).await.len(), 1, "the scheduler looked, and queued nothing");
}

#[tokio::test]
async fn what_nobody_hears_is_told_once_somebody_does() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["device_failing"], |rule| rule.after = "1".into()).await;
    let id = world.add_at(1, "ios").await;
    world.collect(id).await;
    execute(&world.engine.db, "UPDATE notify_channel SET enabled = 0").await;
    send(&world).await;
    assert_eq!((deliveries(&world).await.len(), lasting(&world).await), (0, 0));
    execute(&world.engine.db, "UPDATE notify_channel SET enabled = 1").await;
    send(&world).await;
    assert_eq!(hook.titles(), ["device-1: Device failing"]);
}

#[tokio::test]
async fn a_failure_that_nobody_was_told_of_is_told_while_it_lasts() {
    let world = World::new().await;
    hears(&world, &["run_failed"], |rule| {
        (rule.quiet, rule.quiet_then) = ("22:00-06:00".into(), "drop".into());
    })
    .await;
    let config = with_failing_backup(&world).await;
    world.run(config).await;
    let day =
        |hour: u64| Timestamp(now().millis() / 86_400_000 * 86_400_000).plus(Duration::from_hours(48 + hour));
    assert_eq!(told_at(&world, &[day(23), day(24 + 7), day(24 + 8)]).await, [0, 1, 1]);
    assert_eq!(deliveries(&world).await[0].title, "Daily: Run failed");
    assert!(deliveries(&world).await[0].text.contains("There is no enabled device"));
}

#[tokio::test]
async fn a_rule_that_was_disabled_while_a_backup_recovered_hears_of_the_next_failure() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed"], |_| {}).await;
    let config = with_failing_backup(&world).await;
    world.run(config).await;
    send(&world).await;
    execute(&world.engine.db, "UPDATE notify_rule SET enabled = 0").await;
    let (_device, _) = world.add_ios().await;
    world.run(config).await;
    send(&world).await;
    execute(&world.engine.db, "UPDATE notify_rule SET enabled = 1").await;
    send(&world).await;
    assert_eq!(hook.titles(), ["Daily: Run failed", "Daily: Run completed again"]);
    execute(&world.engine.db, "UPDATE device SET enabled = 0").await;
    world.run(config).await;
    send(&world).await;
    assert_eq!(hook.titles().pop().as_deref(), Some("Daily: Run failed"));
    assert_eq!(hook.posted().len(), 3);
}

#[tokio::test]
async fn an_archive_that_is_damaged_is_told_until_it_is_whole_or_gone() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["archive_damaged"], |_| {}).await;
    let config = world.add_config(|input| input.kind = "data".into()).await;
    world.run(config).await;
    execute(&world.engine.db, "UPDATE backup_run SET damaged = 1, damage = 'An entry is torn.'").await;
    send(&world).await;
    execute(&world.engine.db, "UPDATE backup_run SET damaged = 0, damage = NULL").await;
    send(&world).await;
    assert_eq!(hook.titles(), ["Daily: Archive damaged", "Daily: Archive whole again, or replaced"]);
    assert!(hook.posted()[0].body.contains("An entry is torn."));
}

/// What a rule has told and holds when it is asked at these times, in order.
async fn told_at(world: &World, times: &[Timestamp]) -> Vec<usize> {
    let mut told = Vec::new();
    for at in times {
        notify::once(&world.engine, *at, true).await.unwrap();
        told.push(deliveries(world).await.len());
    }
    told
}

#[tokio::test]
async fn reminders_come_while_something_lasts_and_no_longer() {
    let world = World::new().await;
    hears(&world, &["device_failing"], |rule| {
        (rule.after, rule.remind_hours) = ("1".into(), "24".into());
    })
    .await;
    let id = world.add_at(1, "ios").await;
    world.collect(id).await;
    let hours = |hours: u64| now().plus(Duration::from_hours(hours));
    assert_eq!(
        told_at(&world, &[hours(0), hours(12), hours(25), hours(26), hours(50)]).await,
        [1, 1, 2, 2, 3]
    );
    assert!(deliveries(&world).await[0].title.ends_with("(still)"));
    // As it is by then.
    world.collect(id).await;
    assert_eq!(told_at(&world, &[hours(75)]).await, [4]);
    assert!(deliveries(&world).await[0].text.contains("2 times in a row"));
    execute(&world.engine.db, "UPDATE device SET enabled = 0").await;
    assert_eq!(told_at(&world, &[hours(100), hours(130)]).await, [4, 4]);
}

#[tokio::test]
async fn a_digest_tells_all_of_a_day_in_one_message() {
    let world = World::new().await;
    hears(&world, &["device_failing"], |rule| {
        (rule.after, rule.timing, rule.at) = ("1".into(), "daily".into(), "08:00".into());
    })
    .await;
    let day =
        |hour: u64| Timestamp(now().millis() / 86_400_000 * 86_400_000).plus(Duration::from_hours(48 + hour));
    let first = world.add_at(1, "ios").await;
    world.collect(first).await;
    assert_eq!(told_at(&world, &[day(1)]).await, [0]);
    let second = world.add_at(2, "ios").await;
    world.collect(second).await;
    assert_eq!(told_at(&world, &[day(2), day(9), day(10)]).await, [0, 1, 1]);
    assert_eq!(deliveries(&world).await[0].title, "Device failing ×2");
}

#[tokio::test]
async fn quiet_hours_hold_what_comes_or_drop_what_does_not_last() {
    for (then, in_the_morning) in [("hold", "Device failing ×2"), ("drop", "device-1: Device failing")] {
        let world = World::new().await;
        hears(&world, &["device_failing"], |rule| {
            (rule.after, rule.quiet, rule.quiet_then) = ("1".into(), "22:00-06:00".into(), then.into());
        })
        .await;
        let day = |hour: u64| {
            Timestamp(now().millis() / 86_400_000 * 86_400_000).plus(Duration::from_hours(48 + hour))
        };
        for port in [1, 2] {
            let id = world.add_at(port, "ios").await;
            world.collect(id).await;
        }
        assert_eq!(told_at(&world, &[day(23)]).await, [0], "{then}");
        // It is over before anybody heard of it.
        execute(&world.engine.db, "UPDATE device SET failures = 0, enabled = 0 WHERE port = 2").await;
        assert_eq!(told_at(&world, &[day(24), day(24 + 7)]).await, [0, 1], "{then}");
        assert_eq!(deliveries(&world).await[0].title, in_the_morning);
    }
}

#[tokio::test]
async fn a_message_is_in_a_persons_own_words() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed"], |rule| {
        rule.title = "[{{severity}}] {{subjects}}".into();
        rule.text = "{{count}} of {{rule}}:\n{{items}}".into();
    })
    .await;
    let config = with_failing_backup(&world).await;
    world.run(config).await;
    send(&world).await;
    assert_eq!(hook.titles(), ["[bad] Daily"]);
    assert!(
        hook.posted()[0].json()["text"].as_str().unwrap().starts_with("1 of run_failed:\nRun failed · Daily")
    );
    let wrong = RuleInput {
        name: "x".into(),
        events: vec!["run_failed".into()],
        channels: vec![ChannelId(1)],
        text: "{{nothing}}".into(),
        ..RuleInput::default()
    };
    let refused = notify::save_rule(&world.engine, None, &wrong).await.unwrap_err().into_user_error();
    assert!(refused.field("text").unwrap().contains("{{nothing}}"), "{refused:?}");
}

#[tokio::test]
async fn a_heartbeat_hears_of_every_run_of_its_backup_and_of_no_other() {
    let world = World::new().await;
    let hook = Hook::start().await;
    let config = with_failing_backup(&world).await;
    let other = world.add_config(|input| (input.name, input.kind) = ("Other".into(), "data".into())).await;
    let channel = ChannelInput {
        name: "monitor".into(),
        kind: "heartbeat".into(),
        secret_url: Secret::new(hook.url("/ping/abc")),
        backup: config.to_string(),
        ..ChannelInput::default()
    };
    add(&world, &channel).await;
    world.run(other).await;
    world.run(config).await;
    send(&world).await;
    let (_device, _) = world.add_ios().await;
    world.run(config).await;
    send(&world).await;
    let asked: Vec<String> =
        hook.posted().iter().map(|posted| posted.path.split_once('?').unwrap().0.to_owned()).collect();
    assert_eq!(asked, ["/ping/abc/start", "/ping/abc/fail", "/ping/abc/start", "/ping/abc"]);
    let ids: Vec<String> =
        hook.posted().iter().map(|posted| posted.path.split_once('?').unwrap().1.to_owned()).collect();
    assert!(ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2], "{ids:?}");
    assert!(hook.posted()[1].body.contains("There is no enabled device"));
}
