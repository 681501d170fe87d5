//! Machines that keep their files in a bucket: what one of them makes, every one of them reads.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::artifacts;
use etiqa_engine::backup::destinations::{find, remove, save, send_now, share, unshare};
use etiqa_engine::backup::inspect::archive_detail;
use etiqa_engine::backup::restore::drill::drill_run;
use etiqa_engine::backup::verify::verify_run;
use etiqa_engine::backup::{config, execute_run, find_run, start, sweep};
use etiqa_engine::fleet::{Purpose, credential_save, fetch_artifacts};
use etiqa_engine::media::{self, Attaching};
use etiqa_engine::schedule::tidy::tidy;
use etiqa_engine::store::archive_copy::copy_list_of_run;
use etiqa_engine::store::artifact::artifact_list_of_device;
use etiqa_engine::store::device::device_fetch;
use etiqa_engine::store::run_note::run_note_list;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role, inventory};
use etiqa_model::artifact::ArtifactResult;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::class::Class;
use etiqa_model::credential::CredentialInput;
use etiqa_model::destination::{CopyState, DestinationInput};
use etiqa_model::device::DeviceInput;
use etiqa_model::media::Media;
use etiqa_model::run::{Run, RunStatus, Trigger};
use etiqa_model::{BackupConfigId, DestinationId, DeviceId, Secret};
use etiqa_simulator::{DeviceSpec, Personality};
use tokio_util::sync::CancellationToken;

use crate::common::world::World;
use crate::common::{here, postgres_url};
use crate::servers::HttpServer;
use crate::support::{bucket, files, quick};

/// Two machines on one database, each with a data directory of its own, and the bucket of both.
struct Machines {
    _folder: tempfile::TempDir,
    server: HttpServer,
    destination: DestinationId,
    vienna: Arc<Engine>,
    graz: Arc<Engine>,
}

impl Machines {
    async fn new() -> Self {
        Self::that_wait(Duration::ZERO).await
    }

    /// Machines that wait so long for a bucket that is away.
    async fn that_wait(patience: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = postgres_url().await;
        let vienna = machine(&folder.path().join("vienna"), &url, patience).await;
        let graz = machine(&folder.path().join("graz"), &url, patience).await;
        let server = HttpServer::s3().await;
        let destination = save(&vienna, None, &bucket(&server)).await.unwrap();
        Box::pin(share(&vienna, destination)).await.unwrap();
        Self { _folder: folder, server, destination, vienna, graz }
    }

    /// Names in the bucket, sorted.
    fn there(&self) -> Vec<String> {
        there(&self.server)
    }

    /// Changes a byte of a file in the bucket.
    fn spoil(&self, name: &str) {
        let path = self.server.folder().join("vienna").join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[10] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
}

fn there(server: &HttpServer) -> Vec<String> {
    files(&server.folder().join("vienna"))
}

async fn machine(folder: &Path, url: &str, patience: Duration) -> Arc<Engine> {
    let options = Options {
        data_dir: folder.to_owned(),
        database_url: Some(url.to_owned()),
        secret_key_file: Some(folder.parent().unwrap().join("secret.key")),
        shared_patience: Some(patience),
        reach: here(),
        ..Options::default()
    };
    Box::pin(Engine::open(options, Role::Command)).await.unwrap()
}

async fn backup(engine: &Engine, change: impl FnOnce(&mut BackupConfigInput)) -> BackupConfigId {
    let mut input = BackupConfigInput { name: "Daily".into(), ..BackupConfigInput::default() };
    change(&mut input);
    config::save(engine, None, &input).await.unwrap()
}

async fn run(engine: &Arc<Engine>, backup: BackupConfigId) -> Run {
    let queued = start::start(engine, backup, Trigger::Manual).await.unwrap();
    Box::pin(execute_run(engine, queued.run)).await.unwrap();
    find_run(engine, queued.run).await.unwrap()
}

async fn good_run(engine: &Arc<Engine>, backup: BackupConfigId) -> Run {
    let run = run(engine, backup).await;
    assert!(run.is_good(), "{run:?}");
    run
}

async fn attach(engine: &Engine, device: DeviceId, name: &str, bytes: &[u8]) -> Media {
    let mut attaching = Attaching::begin(engine, device, name).await.unwrap();
    attaching.write(bytes).await.unwrap();
    Box::pin(attaching.finish("ada")).await.unwrap()
}

async fn router(engine: &Engine) -> DeviceId {
    let input =
        DeviceInput { address: "192.0.2.1".into(), hostname: "router".into(), ..DeviceInput::default() };
    inventory::save(engine, None, &input).await.unwrap()
}

fn archives(engine: &Engine) -> Vec<String> {
    files(&engine.dir.backups())
}

/// An entry of an archive that this machine made.
fn entry(engine: &Engine, run: &Run, name: &str) -> Vec<u8> {
    let path = engine.dir.backups().join(run.file.as_ref().unwrap());
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut bytes = Vec::new();
    zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

async fn execute(engine: &Engine, sql: &'static str) {
    let mut tx = engine.db.write().await.unwrap();
    sqlx::query(sql).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_one_machine_archives_another_reads_without_its_folder() {
    let machines = Machines::new().await;
    let (vienna, graz) = (&machines.vienna, &machines.graz);
    let daily = backup(vienna, quick).await;
    let run = good_run(vienna, daily).await;
    let file = run.file.clone().unwrap();
    assert_eq!(machines.there(), std::slice::from_ref(&file));
    std::fs::remove_dir_all(vienna.dir.backups()).unwrap();

    assert_eq!(Box::pin(verify_run(graz, run.id)).await.unwrap().damage, None);
    let detail = Box::pin(archive_detail(graz, run.id, "manifest")).await.unwrap();
    assert!(detail.contents.unwrap().total > 0);
    assert_eq!(Box::pin(drill_run(graz, run.id, None)).await.unwrap().problem, None);
    assert_eq!(archives(graz), [] as [&str; 0], "it stays the archive of Vienna");
    assert_eq!(files(&graz.dir.root().join("fetched")), [run.sha256.unwrap()]);
}

#[tokio::test]
async fn a_backup_that_sends_there_as_well_has_one_copy_there() {
    let machines = Machines::new().await;
    let vienna = &machines.vienna;
    let daily = backup(vienna, |input| {
        quick(input);
        input.destinations = Some(vec![machines.destination]);
    })
    .await;
    let run = good_run(vienna, daily).await;
    let copies = copy_list_of_run(&vienna.db, run.id).await.unwrap();
    assert_eq!(copies.iter().map(|copy| copy.state).collect::<Vec<_>>(), [CopyState::Sent]);
    send_now(vienna).await.unwrap();
    assert_eq!(machines.there(), [run.file.unwrap()]);
}

#[tokio::test]
async fn a_file_that_is_damaged_there_is_said_by_whoever_fetches_it_and_its_maker_has_a_whole_one() {
    let machines = Machines::new().await;
    let (vienna, graz) = (&machines.vienna, &machines.graz);
    let daily = backup(vienna, quick).await;
    let run = good_run(vienna, daily).await;
    // One that was whole when it was fetched before is no answer.
    assert_eq!(Box::pin(verify_run(graz, run.id)).await.unwrap().damage, None);
    machines.spoil(run.file.as_ref().unwrap());
    let refused = Box::pin(verify_run(graz, run.id)).await.unwrap_err().into_user_error().message;
    assert!(refused.contains("from NAS") && refused.contains("is not what was sent"), "{refused}");
    assert!(!find_run(graz, run.id).await.unwrap().damaged);
    assert_eq!(Box::pin(verify_run(vienna, run.id)).await.unwrap().damage, None);
}

#[tokio::test]
async fn a_run_whose_archive_cannot_be_put_there_fails_and_leaves_none() {
    let machines = Machines::new().await;
    let vienna = &machines.vienna;
    let daily = backup(vienna, quick).await;
    machines.server.fault(|faults| faults.always = Some(503));
    let failed = run(vienna, daily).await;
    assert_eq!((failed.status, failed.has_archive()), (RunStatus::Failed, false));
    let error = failed.error.unwrap();
    assert!(error.starts_with("The archive could not be put into NAS") && error.contains("503"), "{error}");
    sweep(vienna).await.unwrap();
    assert_eq!((archives(vienna), machines.there()), (vec![], vec![]));
    assert!(find(vienna, "NAS").await.unwrap().problem.is_some(), "the page of destinations says it");

    machines.server.fault(|faults| faults.always = None);
    good_run(vienna, daily).await;
    assert_eq!(find(vienna, "NAS").await.unwrap().problem, None);
}

#[tokio::test]
async fn a_bucket_that_is_away_for_a_moment_is_waited_for() {
    let machines = Machines::that_wait(Duration::from_mins(1)).await;
    let daily = backup(&machines.vienna, quick).await;
    machines.server.fault(|faults| faults.next.extend([503; 8]));
    let run = good_run(&machines.vienna, daily).await;
    assert_eq!(machines.there(), [run.file.unwrap()]);
}

#[tokio::test]
async fn what_retention_removes_goes_from_there_by_its_maker_or_by_another_when_that_one_is_gone() {
    let machines = Machines::new().await;
    let (vienna, graz) = (&machines.vienna, &machines.graz);
    let daily = backup(vienna, |input| {
        quick(input);
        "1".clone_into(&mut input.max_backups);
    })
    .await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        runs.push(good_run(vienna, daily).await.file.unwrap());
    }
    send_now(graz).await.unwrap();
    assert_eq!(machines.there(), runs, "it is Vienna's turn");
    send_now(vienna).await.unwrap();
    assert_eq!(machines.there(), runs[1..]);

    let third = good_run(vienna, daily).await.file.unwrap();
    execute(vienna, "UPDATE archive_copy SET due_at = 0 WHERE state = 'leaving'").await;
    send_now(graz).await.unwrap();
    assert_eq!(machines.there(), [third]);
}

#[tokio::test]
async fn a_file_attached_at_one_machine_opens_at_another_and_goes_with_its_last_row() {
    let machines = Machines::new().await;
    let (vienna, graz) = (&machines.vienna, &machines.graz);
    let device = router(vienna).await;
    let plan = attach(vienna, device, "plan.pdf", b"%PDF").await;
    let name = format!("media-{}", plan.sha256);
    assert_eq!(machines.there(), std::slice::from_ref(&name));
    std::fs::remove_dir_all(vienna.dir.media()).unwrap();

    assert!(!media::list(graz, device).await.unwrap().files[0].is_missing);
    let (_, path) = Box::pin(media::open(graz, plan.id)).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"%PDF");
    let run = good_run(graz, backup(graz, quick).await).await;
    assert_eq!(entry(graz, &run, &format!("media/{device}/plan.pdf")), b"%PDF");
    assert!(run_note_list(&graz.db, run.id, 10).await.unwrap().is_empty(), "nothing is missing");

    let same = attach(graz, device, "copy.pdf", b"%PDF").await;
    media::remove(graz, plan.id).await.unwrap();
    assert!(machines.there().contains(&name), "another row has the same");
    media::remove(graz, same.id).await.unwrap();
    assert_eq!(machines.there(), [run.file.unwrap()]);
}

#[tokio::test]
async fn a_file_that_cannot_be_put_there_is_not_attached() {
    let machines = Machines::new().await;
    let vienna = &machines.vienna;
    let device = router(vienna).await;
    machines.server.fault(|faults| faults.always = Some(503));
    let mut attaching = Attaching::begin(vienna, device, "plan.pdf").await.unwrap();
    attaching.write(b"%PDF").await.unwrap();
    let refused = Box::pin(attaching.finish("ada")).await.unwrap_err().into_user_error().message;
    assert!(refused.starts_with("The attached file could not be put into NAS"), "{refused}");
    assert!(media::list(vienna, device).await.unwrap().files.is_empty());
    assert_eq!(files(&vienna.dir.media().join(device.to_string())), [] as [&str; 0]);
}

/// Fetches the own backup of a device by hand.
async fn fetch(engine: &Arc<Engine>, id: DeviceId) -> ArtifactResult {
    let devices = vec![device_fetch(&engine.db, id).await.unwrap().unwrap()];
    let never = CancellationToken::new();
    fetch_artifacts(engine, devices, Purpose::default(), &never, |_| {}).await.unwrap();
    artifacts::detail(engine, id).await.unwrap().results.remove(0)
}

#[tokio::test]
async fn a_vendor_backup_of_one_machine_is_packed_by_a_run_at_another() {
    let machines = Machines::new().await;
    let (vienna, graz) = (&machines.vienna, &machines.graz);
    let login = CredentialInput {
        name: "sim".into(),
        username: "admin".into(),
        password: Secret::new("admin"),
        ..CredentialInput::default()
    };
    credential_save(vienna, None, login).await.unwrap();
    let spec = DeviceSpec::new(Personality::BigIp);
    let device = etiqa_simulator::start(spec, ([127, 0, 0, 1], 0)).await.unwrap();
    let input = DeviceInput {
        address: "127.0.0.1".into(),
        hostname: "bigip-1".into(),
        port: device.addr().port().to_string(),
        https_port: device.https_addr().unwrap().port().to_string(),
        platform: "bigip".into(),
        ..DeviceInput::default()
    };
    let id = inventory::save(vienna, None, &input).await.unwrap();
    assert_eq!(fetch(vienna, id).await.class, Class::TlsError);
    let shown = artifacts::offered_certificate(vienna, id).await.unwrap();
    artifacts::accept_certificate(vienna, &etiqa_model::user::Role::Operator.into(), id, &shown)
        .await
        .unwrap();

    machines.server.fault(|faults| faults.always = Some(503));
    let refused = fetch(vienna, id).await;
    assert_eq!(refused.class, Class::Incomplete);
    assert!(
        refused.message.starts_with("The vendor backup could not be put into NAS"),
        "{}",
        refused.message
    );
    assert_eq!(artifact_list_of_device(&vienna.db, id).await.unwrap(), []);
    machines.server.fault(|faults| faults.always = None);

    assert_eq!(fetch(vienna, id).await.class, Class::Ok);
    let kept = artifact_list_of_device(&vienna.db, id).await.unwrap().remove(0);
    assert_eq!(machines.there(), [format!("artifact-{}", kept.sha256)]);
    std::fs::remove_dir_all(vienna.dir.artifacts()).unwrap();
    let nightly = backup(graz, |input| input.artifacts = "never".into()).await;
    let run = good_run(graz, nightly).await;
    let packed = entry(graz, &run, &format!("artifacts/bigip-1/{}", kept.file_name));
    assert_eq!(etiqa_engine::hex::sha256_hex(&packed), kept.sha256);
    let (_, path) = artifacts::open(graz, kept.id).await.unwrap();
    assert!(path.starts_with(graz.dir.artifacts()));
}

#[tokio::test]
async fn what_was_attached_before_is_put_there_by_and_by_and_anew_where_it_got_lost() {
    let world = World::new().await;
    let server = HttpServer::s3().await;
    let id = save(&world.engine, None, &bucket(&server)).await.unwrap();
    let device = router(&world.engine).await;
    let plan = attach(&world.engine, device, "plan.pdf", b"%PDF").await;
    assert_eq!(there(&server), [] as [&str; 0]);
    Box::pin(share(&world.engine, id)).await.unwrap();
    tidy(&world.engine, now()).await.unwrap();
    let name = format!("media-{}", plan.sha256);
    assert_eq!(there(&server), std::slice::from_ref(&name));

    std::fs::remove_file(server.folder().join("vienna").join(&name)).unwrap();
    tidy(&world.engine, now()).await.unwrap();
    assert_eq!(there(&server), [] as [&str; 0], "it was seen a moment ago");
    tidy(&world.engine, now().plus(Duration::from_hours(25))).await.unwrap();
    assert_eq!(there(&server), [name]);
}

#[tokio::test]
async fn a_destination_stays_while_all_machines_keep_their_files_in_it() {
    let world = World::new().await;
    let server = HttpServer::s3().await;
    let id = save(&world.engine, None, &bucket(&server)).await.unwrap();
    Box::pin(share(&world.engine, id)).await.unwrap();
    assert!(find(&world.engine, "NAS").await.unwrap().is_shared);
    let refused = remove(&world.engine, id).await.unwrap_err().into_user_error().message;
    assert!(refused.starts_with("All machines keep their files in NAS"), "{refused}");
    let disabled = DestinationInput { enabled: false, ..bucket(&server) };
    let refused = save(&world.engine, Some(id), &disabled).await.unwrap_err().into_user_error().message;
    assert!(refused.starts_with("All machines keep their files in NAS"), "{refused}");

    unshare(&world.engine).await.unwrap();
    assert!(unshare(&world.engine).await.is_err(), "none is named");
    save(&world.engine, Some(id), &disabled).await.unwrap();
    let refused = Box::pin(share(&world.engine, id)).await.unwrap_err().into_user_error().message;
    assert!(refused.contains("is disabled"), "{refused}");
    remove(&world.engine, id).await.unwrap();
}

#[tokio::test]
async fn only_a_place_that_takes_files_and_works_is_named() {
    let world = World::new().await;
    let mirror =
        DestinationInput { name: "Mirror".into(), kind: "git".into(), ..DestinationInput::default() };
    let mirror = save(&world.engine, None, &mirror).await.unwrap();
    let refused = Box::pin(share(&world.engine, mirror)).await.unwrap_err().into_user_error().message;
    assert!(refused.contains("Mirror is a Git mirror"), "{refused}");
    let server = HttpServer::s3().await;
    let id = save(&world.engine, None, &bucket(&server)).await.unwrap();
    server.fault(|faults| faults.always = Some(403));
    let refused = Box::pin(share(&world.engine, id)).await.unwrap_err().into_user_error().message;
    assert!(refused.starts_with("NAS does not work") && refused.contains("403"), "{refused}");
    assert!(!find(&world.engine, "NAS").await.unwrap().is_shared);
}
