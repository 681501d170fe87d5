//! Any two texts beside each other.

use etiqa_engine::history::Reader;
use etiqa_engine::history::compare::compare;
use etiqa_model::DeviceId;
use etiqa_model::compare::{Comparison, Reading, SideInput};
use etiqa_model::user::Role;

use crate::common::world::World;

fn side(device: &str, which: &str) -> SideInput {
    SideInput { device: device.into(), part: String::new(), which: which.into() }
}

/// Compares as an admin whose clock shows UTC.
async fn compared(world: &World, old: SideInput, new: SideInput) -> Comparison {
    compare(&world.engine, &old, &new, Role::Admin.into(), "UTC").await.unwrap()
}

/// The fields that are wrong, each with its sentence.
async fn refused(world: &World, old: SideInput, new: SideInput) -> Vec<(String, String)> {
    let error = compare(&world.engine, &old, &new, Role::Admin.into(), "UTC").await.unwrap_err();
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
    let found = compare(&world.engine, &side(&one, ""), &side(&other, ""), reader, "UTC").await.unwrap();
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
async fn what_changes_by_itself_is_left_out_where_somebody_asks_for_that() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    simulated.change_config();
    world.collect(id).await;
    let name = hostname(&world, id).await;
    let ask = async |reading: Reading| {
        let reader = Reader::new(Role::Admin, reading);
        compare(&world.engine, &side(&name, "1"), &side(&name, "2"), reader, "UTC").await.unwrap().diff
    };
    let whole = ask(Reading::default()).await;
    let steady = ask(Reading { without_volatile: true, masked: false }).await;
    let shown = |diff: &etiqa_model::config::TextDiff| format!("{diff:?}");
    assert!(shown(&whole).contains("Last configuration change"), "{whole:?}");
    assert!(!shown(&steady).contains("Last configuration change"), "{steady:?}");
    assert!(steady.added > 0 && steady.added < whole.added, "what somebody changed stays");
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
            let found =
                compare(&world.engine, &side(&name, &which), &side(&name, ""), role.into(), "UTC").await;
            format!("{:?}", found.unwrap())
        };
        assert!(seen(Role::Operator).await.contains("c4n4ry"));
        let masked = seen(Role::Viewer).await;
        assert!(!masked.contains("c4n4ry") && !masked.contains("n1ght1ngale"), "{masked}");
    }
}
