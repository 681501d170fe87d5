//! Any two texts beside each other.

use etiqa_engine::history::compare::compare;
use etiqa_engine::history::{Reader, read};
use etiqa_engine::overview::overview;
use etiqa_engine::store::config_version::version_list_active;
use etiqa_model::DeviceId;
use etiqa_model::compare::{Comparison, Reading, SideInput};
use etiqa_model::opened::Opened;
use etiqa_model::user::Role;

use crate::common::world::World;

fn side(device: &str, which: &str) -> SideInput {
    SideInput { device: device.into(), part: String::new(), which: which.into() }
}

/// Compares as an admin whose clock shows UTC.
async fn compared(world: &World, old: SideInput, new: SideInput) -> Comparison {
    compare(&world.engine, &Role::Admin.into(), &old, &new, Role::Admin.into(), "UTC", Opened::default())
        .await
        .unwrap()
}

/// The fields that are wrong, each with its sentence.
async fn refused(world: &World, old: SideInput, new: SideInput) -> Vec<(String, String)> {
    let error =
        compare(&world.engine, &Role::Admin.into(), &old, &new, Role::Admin.into(), "UTC", Opened::default())
            .await
            .unwrap_err();
    error.into_user_error().fields.into_iter().map(|field| (field.field, field.message)).collect()
}

async fn hostname(world: &World, id: DeviceId) -> String {
    world.device(id).await.hostname
}

#[tokio::test]
async fn two_devices_are_compared() {
    let world = World::new().await;
    let (first, one) = world.add_ios().await;
    let (second, other) = world.add_ios().await;
    second.set_config(first.config().replace("\nend\n", "\nntp server 192.0.2.123\nend\n"));
    world.collect(one).await;
    world.collect(other).await;
    let (one, other) = (hostname(&world, one).await, hostname(&world, other).await);
    // Their clocks and sizes differ as well.
    let reader = Reader::new(Role::Admin, Reading { without_volatile: true, masked: false });
    let found = compare(
        &world.engine,
        &Role::Admin.into(),
        &side(&one, ""),
        &side(&other, ""),
        reader,
        "UTC",
        Opened::default(),
    )
    .await
    .unwrap();
    assert_eq!((found.old.hostname, found.new.hostname), (one, other));
    assert_eq!((found.diff.added, found.diff.removed), (1, 0), "{:?}", found.diff);
}

#[tokio::test]
async fn versions_times_and_archives_of_a_device_are_compared() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    let run = world.run(config).await;
    let before = world.versions(id).await[0].collected_at;
    simulated.change_config();
    world.collect(id).await;
    let name = hostname(&world, id).await;

    let versions = compared(&world, side(&name, "1"), side(&name, "v2")).await;
    assert_eq!((versions.old.version, versions.new.version), (1, 2));
    assert!(versions.diff.added > 0);
    let then = compared(&world, side(&name, &before.to_string()), side(&name, "")).await;
    // Times are written without their milliseconds' end: nothing was there a millisecond earlier.
    assert_eq!((then.old.version, then.diff), (1, versions.diff.clone()));
    let archived = compared(&world, side(&name, &format!("run {}", run.id)), side(&name, "")).await;
    assert_eq!((archived.old.archive_of, archived.old.version), (Some(run.id), 1));
    assert_eq!(archived.diff, versions.diff);

    let early = refused(&world, side(&name, "2020-01-01"), side(&name, "")).await;
    assert_eq!(early[0].0, "old_which");
    assert!(early[0].1.starts_with("There is no stored configuration from that time"), "{early:?}");
    let none = refused(&world, side(&name, ""), side(&name, "run 99")).await;
    assert_eq!(none[0].0, "new_which");
    let unknown = refused(&world, side("nobody", ""), side(&name, "")).await;
    assert_eq!(unknown[0].0, "old_device");
    assert_eq!(refused(&world, side(&name, "yesterday"), side(&name, "")).await[0].0, "old_which");
}

#[tokio::test]
async fn devices_that_share_a_name_and_an_address_are_told_apart_by_their_numbers() {
    let world = World::new().await;
    let (_first, one) = world.add_ios().await;
    let (_second, other) = world.add_ios().await;
    for id in [one, other] {
        let mut input = world.device(id).await.to_input();
        input.hostname = "core".into();
        etiqa_engine::inventory::save(&world.engine, Some(id), &input).await.unwrap();
        world.collect(id).await;
    }
    let (one, other) = (format!("#{one}"), format!(" #{other}"));
    for shared in ["core", "127.0.0.1"] {
        let refused = refused(&world, side(shared, ""), side(&other, "")).await;
        assert_eq!(refused[0].0, "old_device");
        let says = format!("2 devices are called \"{shared}\". Write the number of one: #");
        assert!(refused[0].1.starts_with(&says) && refused[0].1.contains(&one), "{refused:?}");
    }
    let found = compared(&world, side(&one, ""), side(&other, "")).await;
    assert_eq!(found.old.device_id.map(|id| format!("#{id}")), Some(one));
    assert_ne!(found.old.device_id, found.new.device_id);
    let gone = refused(&world, side("#4711", ""), side(&other, "")).await;
    assert_eq!(
        gone[0],
        ("old_device".to_owned(), "There is no device 4711. It may have been deleted.".to_owned())
    );
}

#[tokio::test]
async fn a_text_in_an_archive_is_compared_also_when_its_device_was_deleted() {
    let world = World::new().await;
    let (simulated, old) = world.add_ios().await;
    let (other, new) = world.add_ios().await;
    other.set_config(simulated.config());
    let config = world.add_config(|input| input.kind = "config".into()).await;
    let run = world.run(config).await;
    let (gone, here) = (hostname(&world, old).await, hostname(&world, new).await);
    etiqa_engine::inventory::delete(&world.engine, old).await.unwrap();

    let archive = format!("run {}", run.id);
    let found = compared(&world, side(&gone, &archive), side(&here, "")).await;
    assert_eq!((found.old.device_id, found.old.archive_of), (None, Some(run.id)));
    assert_eq!(
        (found.old.hostname, found.old.part.as_str(), found.old.version),
        (gone.clone(), "running", 1)
    );
    let nobody = refused(&world, side("nobody", &archive), side(&here, "")).await;
    assert_eq!(nobody[0].0, "old_device");
    assert!(nobody[0].1.contains("neither here nor in the archive"), "{nobody:?}");
    assert_eq!(
        refused(&world, side(&gone, ""), side(&here, "")).await[0].0,
        "old_device",
        "only an archive has it"
    );
}

#[tokio::test]
async fn a_text_whose_driver_is_gone_is_not_said_to_be_without_its_volatile_lines() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    simulated.change_config();
    world.collect(id).await;
    let mut tx = world.engine.db.write().await.unwrap();
    sqlx::query("UPDATE config_version SET driver = 'gone' WHERE version = 1")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let steady = Reading { without_volatile: true, masked: false };
    let reader = Reader::new(Role::Admin, steady);
    let device = format!("#{id}");
    let both = compare(
        &world.engine,
        &Role::Admin.into(),
        &side(&device, "1"),
        &side(&device, "2"),
        reader,
        "UTC",
        Opened::default(),
    )
    .await
    .unwrap();
    assert!(!both.reading.without_volatile);
    // Neither side is without them: else they would be a difference.
    let plain = compared(&world, side(&device, "1"), side(&device, "2")).await;
    assert_eq!(both.diff, plain.diff);
    let versions = world.versions(id).await;
    let text = async |version: usize| {
        read::config_text(&world.engine, versions[version].id, reader).await.unwrap().reading
    };
    assert_eq!((text(0).await, text(1).await), (steady, Reading::default()));
    let diff =
        read::version_diff(&world.engine, versions[0].id, None, reader, Opened::default()).await.unwrap();
    assert_eq!((diff.reading, diff.diff), (Reading::default(), plain.diff));
}

#[tokio::test]
async fn what_changes_by_itself_is_left_out_where_somebody_asks_for_that() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    simulated.change_config();
    world.collect(id).await;
    let name = hostname(&world, id).await;
    let ask = async |reading: Reading| {
        let reader = Reader::new(Role::Admin, reading);
        compare(
            &world.engine,
            &Role::Admin.into(),
            &side(&name, "1"),
            &side(&name, "2"),
            reader,
            "UTC",
            Opened::default(),
        )
        .await
        .unwrap()
        .diff
    };
    let whole = ask(Reading::default()).await;
    let steady = ask(Reading { without_volatile: true, masked: false }).await;
    let shown = |diff: &etiqa_model::config::TextDiff| format!("{diff:?}");
    assert!(shown(&whole).contains("Last configuration change"), "{whole:?}");
    assert!(!shown(&steady).contains("Last configuration change"), "{steady:?}");
    assert!(steady.added > 0 && steady.added < whole.added, "what somebody changed stays");
    let versions = version_list_active(&world.engine.db, id).await.unwrap();
    let counted = versions.iter().find(|known| known.version == 2).map(|known| (known.added, known.removed));
    assert_eq!(counted, Some((steady.added, steady.removed)), "and is what is counted");
}

#[tokio::test]
async fn viewers_compare_texts_without_their_secrets_wherever_they_come_from() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let secret = "snmp-server community c4n4ry RO\nend\n";
    simulated.set_config(simulated.config().replace("\nend\n", &format!("\n{secret}")));
    let config = world.add_config(|input| input.kind = "config".into()).await;
    let run = world.run(config).await;
    simulated.set_config(simulated.config().replace("c4n4ry", "n1ght1ngale"));
    world.collect(id).await;
    let name = hostname(&world, id).await;
    for which in ["1".to_owned(), format!("run {}", run.id)] {
        let seen = async |role: Role| {
            let found = compare(
                &world.engine,
                &role.into(),
                &side(&name, &which),
                &side(&name, ""),
                role.into(),
                "UTC",
                Opened::default(),
            )
            .await;
            format!("{:?}", found.unwrap())
        };
        assert!(seen(Role::Operator).await.contains("c4n4ry"));
        let masked = seen(Role::Viewer).await;
        assert!(!masked.contains("c4n4ry") && !masked.contains("n1ght1ngale"), "{masked}");
    }
}

#[tokio::test]
async fn the_first_page_peeks_at_what_somebody_changed_and_not_at_what_changes_by_itself() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    simulated.change_config();
    world.collect(id).await;
    let page = overview(&world.engine, &Role::Admin.into()).await.unwrap();
    let change = page.recent_changes.first().unwrap();
    let peek = change.peek.as_ref().unwrap();
    let mut counts = Vec::new();
    for without_volatile in [true, false] {
        let reader = Reader::new(Role::Viewer, Reading { masked: true, without_volatile });
        let found = read::version_diff(&world.engine, change.version.id, None, reader, Opened::default());
        let diff = found.await.unwrap().diff;
        counts.push((diff.added, diff.removed));
    }
    assert_eq!((peek.added, peek.removed), counts[0]);
    assert_ne!(counts[0], counts[1], "something changes by itself");
}
