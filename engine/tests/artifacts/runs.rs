//! Vendors' backups within runs: when they are taken along, what is kept, and what an archive holds.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::artifacts;
use etiqa_engine::fleet::{Purpose, fetch_artifacts};
use etiqa_engine::schedule::tidy::tidy;
use etiqa_engine::store::artifact::artifact_list_of_device;
use etiqa_engine::time::now;
use etiqa_model::DeviceId;
use etiqa_model::artifact::Artifact;
use etiqa_model::class::Class;
use etiqa_model::device::DeviceInput;
use etiqa_model::run::RunStatus;
use etiqa_model::scope::Scope;
use etiqa_model::user::{Reach, Role};
use etiqa_simulator::{BackupFault, DeviceSpec, Faults, HttpsFaults, Personality, SimulatedDevice};
use tokio_util::sync::CancellationToken;

use crate::common::world::World;

/// An appliance in the inventory whose certificate a person has accepted.
async fn appliance(world: &World, personality: Personality, platform: &str) -> (SimulatedDevice, DeviceId) {
    let device = etiqa_simulator::start(DeviceSpec::new(personality), ([127, 0, 0, 1], 0)).await.unwrap();
    let input = DeviceInput {
        address: "127.0.0.1".into(),
        hostname: device_name(platform),
        port: device.addr().port().to_string(),
        https_port: device.https_addr().map(|addr| addr.port().to_string()).unwrap_or_default(),
        platform: platform.into(),
        ..DeviceInput::default()
    };
    let id = etiqa_engine::inventory::save(&world.engine, None, &input).await.unwrap();
    if device.https_addr().is_some() {
        assert_eq!(attempt(world, id).await, Class::TlsError);
        let shown = artifacts::offered_certificate(&world.engine, id).await.unwrap();
        assert_eq!(Some(&shown), device.certificate_sha256().as_ref());
        let operator: Reach = Role::Operator.into();
        let elsewhere =
            Reach::new(Role::Operator, Scope::parse("site:elsewhere\ntag:core").unwrap()).unwrap();
        assert!(artifacts::accept_certificate(&world.engine, &elsewhere, id, &shown).await.is_err());
        assert!(artifacts::accept_certificate(&world.engine, &operator, id, "another").await.is_err());
        artifacts::accept_certificate(&world.engine, &operator, id, &shown).await.unwrap();
    }
    (device, id)
}

fn device_name(platform: &str) -> String {
    format!("{platform}-1")
}

/// Fetches one by hand, and says how it ended.
async fn attempt(world: &World, id: DeviceId) -> Class {
    let devices = vec![world.device(id).await];
    let never = CancellationToken::new();
    fetch_artifacts(&world.engine, devices, Purpose::default(), &never, |_| {}).await.unwrap();
    artifacts::detail(&world.engine, id).await.unwrap().results[0].class
}

async fn kept(world: &World, id: DeviceId) -> Vec<Artifact> {
    artifact_list_of_device(&world.engine.db, id).await.unwrap()
}

#[tokio::test]
async fn a_run_takes_the_backup_along_once_a_day_and_its_archive_holds_the_newest() {
    let world = World::new().await;
    let (device, id) = appliance(&world, Personality::BigIp, "bigip").await;
    let config = world.add_config(|_| {}).await;

    let run = world.run(config).await;
    assert_eq!((run.status, run.artifacts_ok, run.artifacts_failed), (RunStatus::Completed, 1, 0));
    let first = kept(&world, id).await.remove(0);
    assert_eq!(device.backups_made(), std::slice::from_ref(&first.sha256));
    let again = world.run(config).await;
    assert_eq!((again.artifacts_ok, again.artifacts_failed), (0, 0), "it has one of today");
    for run in [run, again] {
        let path = world.engine.dir.backups().join(run.file.unwrap());
        let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        let mut bytes = Vec::new();
        let name = format!("artifacts/bigip-1/{}", first.file_name);
        zip.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(etiqa_engine::hex::sha256_hex(&bytes), first.sha256);
    }
    let listed = world.entry(&world.archives()[0], "network_configs.json");
    assert!(listed.contains(&first.sha256), "{listed}");
}

#[tokio::test]
async fn with_every_run_the_newest_three_are_kept_and_never_takes_none() {
    let world = World::new().await;
    let (device, id) = appliance(&world, Personality::Nios, "nios").await;
    let often = world.add_config(|input| input.artifacts = "every run".into()).await;
    for _ in 0..4 {
        assert_eq!(world.run(often).await.artifacts_ok, 1);
    }
    let kept_now: Vec<String> = kept(&world, id).await.into_iter().map(|kept| kept.sha256).collect();
    let mut newest = device.backups_made()[1..].to_vec();
    newest.reverse();
    assert_eq!(kept_now, newest);
    let never = world
        .add_config(|input| {
            input.name = "Texts only".into();
            input.artifacts = "never".into();
        })
        .await;
    world.run(never).await;
    assert_eq!(device.backups_made().len(), 4);
    assert_eq!(device.tokens_open(), 0);
}

#[tokio::test]
async fn a_backup_that_cannot_be_had_leaves_the_texts_good_and_is_counted() {
    let world = World::new().await;
    let (device, id) = appliance(&world, Personality::BigIp, "bigip").await;
    let https = HttpsFaults::backup(BackupFault::Fails);
    device.set_faults(Faults { https, ..Faults::default() });
    let config = world.add_config(|_| {}).await;
    let run = world.run(config).await;
    assert_eq!((run.status, run.devices_ok, run.devices_failed), (RunStatus::Completed, 1, 0));
    assert_eq!((run.artifacts_ok, run.artifacts_failed), (0, 1));
    let result = artifacts::detail(&world.engine, id).await.unwrap().results.remove(0);
    assert!(result.message.contains("could not make the UCS"), "{}", result.message);
    let said = artifacts::transcript(&world.engine, result.id).await.unwrap();
    assert!(said.contains("POST /mgmt/tm/task/sys/ucs") && !said.contains("admin:"), "{said}");
    // The next run tries again, and gets it.
    device.set_faults(Faults::default());
    assert_eq!(world.run(config).await.artifacts_ok, 1);
}

#[tokio::test]
async fn a_login_that_was_refused_for_the_text_is_not_tried_again_for_the_backup() {
    let world = World::new().await;
    let (device, id) = appliance(&world, Personality::BigIp, "bigip").await;
    device.set_password("another");
    let calls = device.calls().len();
    let config = world.add_config(|_| {}).await;
    let run = world.run(config).await;
    assert_eq!(run.status, RunStatus::Failed, "its text is not to be had, and there is none from before");
    assert_eq!(device.calls().len(), calls);
    let result = artifacts::detail(&world.engine, id).await.unwrap().results.remove(0);
    assert_eq!(result.class, Class::AuthFailed);
    assert!(result.message.starts_with("Not tried"), "{}", result.message);
}

#[tokio::test]
async fn one_backup_per_device_at_a_time_whoever_asks() {
    let world = World::new().await;
    let (device, id) = appliance(&world, Personality::Gaia, "gaia").await;
    let other = world.another_engine().await;
    let devices = vec![world.device(id).await];
    let fetch = |engine: Arc<etiqa_engine::Engine>| {
        let devices = devices.clone();
        async move {
            let never = CancellationToken::new();
            fetch_artifacts(&engine, devices, Purpose::default(), &never, |_| {}).await.unwrap()
        }
    };
    let (one, two) = tokio::join!(fetch(Arc::clone(&world.engine)), fetch(other));
    assert_eq!(one.ok + two.ok, 1);
    assert_eq!(one.failed + two.failed, 0);
    assert_eq!(device.backups_made().len(), 1);
    assert!(device.backups_left().is_empty());
}

#[tokio::test]
async fn a_narrow_site_carries_one_backup_at_a_time() {
    let world = World::new().await;
    let (slow, slow_id) = appliance(&world, Personality::BigIp, "bigip").await;
    let (quick, quick_id) = appliance(&world, Personality::Nios, "nios").await;
    world.set(|settings| settings.max_sessions_per_site = 1).await;
    let https = HttpsFaults::backup(BackupFault::NeverEnds);
    slow.set_faults(Faults { https, ..Faults::default() });
    let devices = vec![world.device(slow_id).await, world.device(quick_id).await];
    let cancel = CancellationToken::new();
    let fetch = fetch_artifacts(&world.engine, devices, Purpose::default(), &cancel, |_| {});
    let watch = async {
        let polls =
            || slow.calls().iter().filter(|call| call.starts_with("GET /mgmt/tm/task/sys/ucs")).count();
        while polls() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(fetch, watch);
    assert_eq!(quick.backups_made().len(), 0, "the site's other backup waited");
    assert_eq!(report.unwrap().failed, 2);
}

#[tokio::test]
async fn a_backup_that_never_ends_holds_up_no_text_of_its_site_and_no_stop_of_another_run() {
    let world = World::new().await;
    let (slow, slow_id) = appliance(&world, Personality::BigIp, "bigip").await;
    let (quick, quick_id) = appliance(&world, Personality::Nios, "nios").await;
    world.set(|settings| settings.max_sessions_per_site = 1).await;
    let https = HttpsFaults::backup(BackupFault::NeverEnds);
    slow.set_faults(Faults { https, ..Faults::default() });
    let holds = CancellationToken::new();
    let holder = {
        let (engine, devices) = (Arc::clone(&world.engine), vec![world.device(slow_id).await]);
        let holds = holds.clone();
        tokio::spawn(
            async move { fetch_artifacts(&engine, devices, Purpose::default(), &holds, |_| {}).await },
        )
    };
    while !slow.calls().iter().any(|call| call.starts_with("GET /mgmt/tm/task/sys/ucs")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    assert_eq!(world.collect(quick_id).await.class, Class::Ok, "the text did not wait for the site's backup");

    let stops = CancellationToken::new();
    let devices = vec![world.device(quick_id).await];
    let waits = fetch_artifacts(&world.engine, devices, Purpose::default(), &stops, |_| {});
    let stop = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stops.cancel();
    };
    let (waited, ()) = tokio::join!(waits, stop);
    assert_eq!((waited.unwrap().failed, quick.backups_made().len()), (1, 0), "it ended without a place");
    assert!(!holder.is_finished());
    holds.cancel();
    assert_eq!(holder.await.unwrap().unwrap().failed, 1);
}

#[tokio::test]
async fn a_file_that_rotted_is_in_no_archive_and_the_rest_is() {
    let world = World::new().await;
    let (_device, id) = appliance(&world, Personality::BigIp, "bigip").await;
    let config = world.add_config(|_| {}).await;
    assert_eq!(world.run(config).await.artifacts_ok, 1);
    let (_, path) = artifacts::open(&world.engine, kept(&world, id).await[0].id).await.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let run = world.run(config).await;
    assert_eq!((run.status, run.artifacts_ok, run.artifacts_failed), (RunStatus::Completed, 0, 1));
    let listed = world.entry(&run.file.unwrap(), "network_configs.json");
    assert!(listed.contains("missing or damaged") && !listed.contains("\"file\":\"artifacts/"), "{listed}");
}

#[tokio::test]
async fn a_file_that_nothing_refers_to_goes_after_a_week() {
    let world = World::new().await;
    let (_device, id) = appliance(&world, Personality::PanOs, "panos").await;
    assert_eq!(attempt(&world, id).await, Class::Ok);
    let (_, path) = artifacts::open(&world.engine, kept(&world, id).await[0].id).await.unwrap();
    etiqa_engine::inventory::delete(&world.engine, id).await.unwrap();

    let day = Duration::from_hours(24);
    tidy(&world.engine, now()).await.unwrap();
    tidy(&world.engine, now().plus(6 * day)).await.unwrap();
    assert!(path.is_file(), "somebody may have deleted the device by mistake");
    tidy(&world.engine, now().plus(8 * day)).await.unwrap();
    assert!(!path.exists());
}
