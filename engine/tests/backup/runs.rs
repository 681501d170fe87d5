use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use etiqa_engine::backup::archive::manifest::Manifest;
use etiqa_engine::backup::verify::{Key, verify_path, verify_run};
use etiqa_engine::backup::{config, execute_run, find_run, start};
use etiqa_engine::schedule::tick::reap;
use etiqa_engine::schedule::tidy::tidy;
use etiqa_engine::store::run_write::{run_claim, run_reserve_file};
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role, inventory};
use etiqa_model::ErrorKind;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::run::{RunStatus, Trigger};
use etiqa_simulator::{DeviceSpec, Faults, Personality};

use crate::common::postgres_url;
use crate::common::world::World;

#[tokio::test]
async fn a_completed_run_has_an_archive_that_was_read_back_whole() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let config = world.add_config(|input| input.kind = "full".into()).await;
    let run = world.run(config).await;
    assert_eq!((run.status, run.devices_ok, run.devices_failed), (RunStatus::Completed, 1, 0));
    assert!(run.is_good());
    let file = run.file.clone().unwrap();
    assert_eq!(world.archives(), std::slice::from_ref(&file), "nothing but the archive is left");

    let name = world.device(id).await.hostname;
    assert!(simulated.same_config(&world.entry(&file, &format!("configs/{name}/running.cfg"))));
    let manifest: Manifest = serde_json::from_str(&world.entry(&file, "manifest.json")).unwrap();
    assert_eq!((manifest.format, manifest.run_id, manifest.counts.devices), (1, run.id, 1));
    let database: serde_json::Value = serde_json::from_str(&world.entry(&file, "database.json")).unwrap();
    assert_eq!(database["tables"]["device"]["rows"].as_array().unwrap().len(), 1);
    assert_eq!(verify_run(&world.engine, run.id).await.unwrap().damage, None);
}

#[tokio::test]
async fn no_secret_leaves_in_an_archive_but_sealed() {
    let world = World::new().await;
    let _simulated = world.add_ios().await;
    let config = world.add_config(|input| input.kind = "full".into()).await;
    let run = world.run(config).await;
    let database = world.entry(&run.file.unwrap(), "database.json");
    let json: serde_json::Value = serde_json::from_str(&database).unwrap();
    let credential = &json["tables"]["credential"]["rows"][0];
    assert!(credential.to_string().contains("base64"), "{credential}");
    assert!(!database.contains("\"password\""), "{database}");
    for table in ["session", "job", "upload", "device_lease"] {
        assert!(json["tables"][table].is_null(), "{table} means nothing in another instance");
    }
}

#[tokio::test]
async fn a_stored_text_that_is_damaged_is_in_no_archive_and_is_mended_by_the_next_session() {
    let other = zstd::bulk::compress(b"hostname somebody-else", 3).unwrap();
    for damaged in [other, b"no text at all".to_vec()] {
        let world = World::new().await;
        let (simulated, id) = world.add_ios().await;
        let config = world.add_config(|_| {}).await;
        world.collect(id).await;
        let mut tx = world.engine.db.write().await.unwrap();
        sqlx::query("UPDATE config_text SET zstd = $1").bind(damaged).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();

        let failed = world.run_as(config, Trigger::Schedule).await;
        assert_eq!(failed.status, RunStatus::Failed);
        let said = failed.error.unwrap();
        let name = world.device(id).await.hostname;
        assert!(
            said.starts_with(&format!("The stored text of configs/{name}/running.cfg is damaged")),
            "{said}"
        );
        assert_eq!(world.archives(), [] as [&str; 0]);

        let good = world.run(config).await;
        assert!(good.is_good(), "{good:?}");
        assert!(
            simulated.same_config(&world.entry(&good.file.unwrap(), &format!("configs/{name}/running.cfg")))
        );
    }
}

#[tokio::test]
async fn a_run_with_a_failed_device_holds_its_last_good_text_and_says_how_old_it_is() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let (_healthy, _) = world.add_ios().await;
    let config = world.add_config(|_| {}).await;
    world.run(config).await;
    simulated.set_faults(Faults::reject_commands());
    let run = world.run(config).await;
    assert_eq!((run.status, run.devices_ok, run.devices_failed), (RunStatus::Completed, 1, 1));
    let name = world.device(id).await.hostname;
    let file = run.file.unwrap();
    assert!(simulated.same_config(&world.entry(&file, &format!("configs/{name}/running.cfg"))));
    let listed: serde_json::Value =
        serde_json::from_str(&world.entry(&file, "network_configs.json")).unwrap();
    let listed = listed["devices"].as_array().unwrap();
    let stale = listed.iter().find(|device| device["hostname"] == name.as_str()).unwrap();
    assert_eq!(stale["stale"], true);
    assert!(stale["stale_seconds"].is_u64());
    assert_eq!(listed.iter().filter(|device| device["stale"] == true).count(), 1);
}

#[tokio::test]
async fn a_run_fails_when_no_device_answers_and_leaves_nothing_behind() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    drop(simulated);
    let config = world.add_config(|input| input.kind = "full".into()).await;
    let run = world.run(config).await;
    assert_eq!((run.status, run.devices_failed), (RunStatus::Failed, 1));
    assert!(run.error.unwrap().contains("No device answered"));
    assert!(world.archives().is_empty());
    assert!(!world.device(id).await.last_result.unwrap().class.is_good());
}

#[tokio::test]
async fn a_config_run_without_devices_fails_and_a_data_run_needs_none() {
    let world = World::new().await;
    let config = world.add_config(|_| {}).await;
    let run = world.run(config).await;
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.error.unwrap().contains("no enabled device"));

    let (simulated, _) = world.add_ios().await;
    let data = world
        .add_config(|input| {
            input.name = "Data".into();
            input.kind = "data".into();
        })
        .await;
    let run = world.run(data).await;
    assert_eq!((run.status, run.devices_ok, run.devices_failed), (RunStatus::Completed, 0, 0));
    assert_eq!(simulated.sessions_total(), 0);
}

#[tokio::test]
async fn only_so_many_archives_are_kept() {
    let world = World::new().await;
    let _simulated = world.add_ios().await;
    let config = world.add_config(|input| input.max_backups = "2".into()).await;
    let mut files = Vec::new();
    for _ in 0..4 {
        files.push(world.run(config).await.file.unwrap());
    }
    let mut kept = files[2..].to_vec();
    kept.sort();
    assert_eq!(world.archives(), kept);
}

#[tokio::test]
async fn two_runs_within_a_second_keep_an_archive_each() {
    let world = World::new().await;
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let mut files = std::collections::BTreeSet::new();
    for _ in 0..5 {
        files.insert(world.run(config).await.file.unwrap());
    }
    assert_eq!(files.len(), 5, "{files:?}");
    assert_eq!(world.archives().len(), 5);
}

#[tokio::test]
async fn a_flipped_byte_or_a_cut_tail_is_found_wherever_it_is() {
    let world = World::new().await;
    let _simulated = world.add_ios().await;
    let config = world.add_config(|input| input.kind = "full".into()).await;
    let run = world.run(config).await;
    let path = world.engine.dir.backups().join(run.file.as_ref().unwrap());
    let whole = std::fs::read(&path).unwrap();
    let mut missed = Vec::new();
    for position in (0..whole.len()).step_by(whole.len() / 60) {
        let mut broken = whole.clone();
        broken[position] ^= 0x10;
        std::fs::write(&path, &broken).unwrap();
        if verify_run(&world.engine, run.id).await.unwrap().damage.is_none() {
            missed.push(position);
        }
        std::fs::write(&path, &whole[..position]).unwrap();
        assert!(verify_path(path.clone(), Key::None).await.unwrap().is_err(), "cut at {position}");
    }
    assert_eq!(missed, Vec::<usize>::new(), "the run's own hash finds what the zip cannot");
    assert!(find_run(&world.engine, run.id).await.unwrap().damaged);
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(verify_run(&world.engine, run.id).await.unwrap().damage, None);
    assert!(find_run(&world.engine, run.id).await.unwrap().is_good());
    std::fs::remove_file(&path).unwrap();
    let gone = verify_run(&world.engine, run.id).await.unwrap().damage.unwrap();
    assert_eq!(gone, "The file is gone.");
}

#[tokio::test]
async fn a_cancelled_run_ends_its_sessions_and_makes_no_archive() {
    let world = World::new().await;
    let spec = DeviceSpec::new(Personality::Ios).faults(Faults::hang_after(100));
    let (simulated, _) = world.add(spec).await;
    let config = world.add_config(|_| {}).await;
    let queued = start::start(&world.engine, config, Trigger::Manual).await.unwrap();
    let cancel = async {
        while simulated.sessions_open() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        start::cancel(&world.engine, queued.run).await.unwrap();
    };
    let (executed, ()) = tokio::join!(execute_run(&world.engine, queued.run), cancel);
    executed.unwrap();
    let run = find_run(&world.engine, queued.run).await.unwrap();
    assert_eq!(run.status, RunStatus::Cancelled);
    assert!(world.archives().is_empty());
}

#[tokio::test]
async fn a_hung_device_costs_only_itself() {
    let world = World::new().await;
    let mut settings = world.engine.settings().await.unwrap();
    settings.device_deadline_seconds = 10;
    world.engine.save_settings(&settings).await.unwrap();
    let (_hung, hung) = world.add(DeviceSpec::new(Personality::Ios).faults(Faults::hang_after(100))).await;
    let (_healthy, healthy) = world.add_ios().await;
    let config = world.add_config(|_| {}).await;
    let run = world.run(config).await;
    assert_eq!((run.status, run.devices_ok, run.devices_failed), (RunStatus::Completed, 1, 1));
    assert_eq!(world.device(hung).await.last_result.unwrap().class.as_str(), "timeout");
    assert!(world.device(healthy).await.last_result.unwrap().class.is_good());
}

#[tokio::test]
async fn a_scheduled_run_takes_over_what_was_collected_within_the_minute_and_says_so() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    let config = world.add_config(|_| {}).await;
    let run = world.run_as(config, Trigger::Schedule).await;
    assert_eq!((run.status, run.devices_ok), (RunStatus::Completed, 1));
    assert_eq!(simulated.sessions_total(), 1);
    let results = inventory::detail(&world.engine, id).await.unwrap().results;
    assert!(results[0].reused && results[0].message.starts_with("Taken over from"), "{:?}", results[0]);
    // Who asks by hand wants what the device says now.
    simulated.change_config();
    world.run(config).await;
    assert_eq!(world.versions(id).await.len(), 2);
}

#[tokio::test]
async fn a_text_that_was_taken_over_from_a_moment_ago_is_not_stale() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    world.collect(id).await;
    let config = world.add_config(|_| {}).await;
    let file = world.run_as(config, Trigger::Schedule).await.file.unwrap();
    let listed: serde_json::Value =
        serde_json::from_str(&world.entry(&file, "network_configs.json")).unwrap();
    assert_eq!(listed["devices"][0]["stale"], false, "{listed}");
    let manifest: Manifest = serde_json::from_str(&world.entry(&file, "manifest.json")).unwrap();
    assert_eq!(manifest.counts.stale_devices, 0);
}

#[tokio::test]
async fn a_run_that_got_no_configuration_at_all_is_no_backup() {
    let world = World::new().await;
    let _simulated = world.add(DeviceSpec::new(Personality::Ios).login("admin", "another")).await;
    for kind in ["config", "full"] {
        let config = world
            .add_config(|input| {
                input.name = kind.into();
                input.kind = kind.into();
            })
            .await;
        let run = world.run(config).await;
        assert_eq!((run.status, run.devices_failed), (RunStatus::Failed, 1), "{kind}");
        assert!(run.error.unwrap().starts_with("No device gave its configuration"));
    }
    assert!(world.archives().is_empty());
}

#[tokio::test]
async fn a_data_backup_that_leaves_everything_out_is_refused() {
    let world = World::new().await;
    let input = BackupConfigInput {
        name: "Nothing".into(),
        kind: "data".into(),
        include_database: Some(false),
        include_media: Some(false),
        ..BackupConfigInput::default()
    };
    let error = config::save(&world.engine, None, &input).await.unwrap_err().into_user_error();
    assert_eq!(error.fields[0].field, "include_database", "{error}");
}

#[tokio::test]
async fn files_of_like_names_are_all_in_the_archive_and_the_manifest_says_which_is_which() {
    let world = World::new().await;
    let media = world.engine.dir.media();
    std::fs::write(media.join("a b.pdf"), "one").unwrap();
    std::fs::write(media.join("a_b.pdf"), "two").unwrap();
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let run = world.run(config).await;
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
    let file = run.file.unwrap();
    let manifest: Manifest = serde_json::from_str(&world.entry(&file, "manifest.json")).unwrap();
    let named = |original: &str| {
        let is_it = |name: &str, from: Option<&str>| from.or(name.strip_prefix("media/")) == Some(original);
        let entry = manifest.entries.iter().find(|entry| is_it(&entry.name, entry.original.as_deref()));
        world.entry(&file, &entry.unwrap().name)
    };
    assert_eq!((named("a b.pdf").as_str(), named("a_b.pdf").as_str()), ("one", "two"));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_fails_the_run_with_its_name() {
    let world = World::new().await;
    let media = world.engine.dir.media();
    let folder = media.join("plans");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("secret.pdf"), "x").unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o000)).unwrap();
    let is_unreadable = std::fs::read_dir(&folder).is_err();
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let run = world.run(config).await;
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
    // Root reads everything.
    if is_unreadable {
        assert_eq!(run.status, RunStatus::Failed);
        assert!(run.error.unwrap().contains("plans cannot be read"));
    }
}

#[tokio::test]
async fn what_ended_runs_left_is_removed_and_what_a_person_put_there_stays() {
    let world = World::new().await;
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let kept = world.run(config).await.file.unwrap();
    let folder = world.engine.dir.backups();
    let crashed = start::start(&world.engine, config, Trigger::Manual).await.unwrap().run;
    let (db, at) = (&world.engine.db, now());
    assert!(run_claim(db, crashed, "server-gone", at, at).await.unwrap());
    // As if the program had ended between the rename and the run's last word.
    assert!(
        run_reserve_file(db, crashed, "server-gone", "crashed.zip", world.engine.dir.id()).await.unwrap()
    );
    for file in ["crashed.zip", "a-persons-own.zip"] {
        std::fs::write(folder.join(file), "zip").unwrap();
    }
    let mut tx = db.write().await.unwrap();
    // As if the program had ended between retention's word and the file's end, and the name were another run's now.
    let sql = "INSERT INTO backup_run (name, kind, status, phase, started_by, queued_at, file, removed_at, leftover_file)
               VALUES ('Old', 'data', 'completed', 'waiting', 'manual', 1, $1, 2, $1)";
    for file in ["pruned.zip", &kept] {
        sqlx::query(sql).bind(file.to_owned()).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    std::fs::write(folder.join("pruned.zip"), "zip").unwrap();

    reap(&world.engine, at.plus(Duration::from_mins(1))).await.unwrap();

    let mut left = vec!["a-persons-own.zip".to_owned(), kept];
    left.sort();
    assert_eq!(world.archives(), left);
    assert_eq!(find_run(&world.engine, crashed).await.unwrap().status, RunStatus::Failed);
    // What was removed is forgotten: a person may use the name.
    std::fs::write(folder.join("pruned.zip"), "mine").unwrap();
    reap(&world.engine, at.plus(Duration::from_mins(2))).await.unwrap();
    assert!(world.archives().contains(&"pruned.zip".to_owned()));
}

#[tokio::test]
async fn half_an_archive_goes_once_its_run_is_over_whoever_ended_that() {
    let world = World::new().await;
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let over = find_run(&world.engine, world.run(config).await.id).await.unwrap();
    let live = start::start(&world.engine, config, Trigger::Manual).await.unwrap().run;
    let (over, live) = (format!(".run-{}.part", over.id), format!(".run-{live}.part"));
    for file in [over.as_str(), &live, ".run-99.part", ".run-mine.part"] {
        std::fs::write(world.engine.dir.backups().join(file), "half").unwrap();
    }
    tidy(&world.engine, now()).await.unwrap();
    let left: Vec<String> = world.archives().into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, [live, ".run-mine.part".to_owned()]);
}

#[tokio::test]
async fn two_who_start_a_backup_at_once_get_one_run_and_one_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data_dir: folder.path().join("data"),
        database_url: Some(postgres_url().await),
        ..Options::default()
    };
    let engine = Engine::open(options, Role::Command).await.unwrap();
    let input =
        BackupConfigInput { name: "Daily".into(), kind: "data".into(), ..BackupConfigInput::default() };
    let config = config::save(&engine, None, &input).await.unwrap();
    for _ in 0..20 {
        let start = || start::start(&engine, config, Trigger::Manual);
        let (first, second, third) = tokio::join!(start(), start(), start());
        let mut started = Vec::new();
        for answer in [first, second, third] {
            match answer {
                Ok(queued) => started.push(queued.run),
                Err(error) => assert_eq!(error.into_user_error().kind, ErrorKind::Conflict),
            }
        }
        assert_eq!(started.len(), 1);
        start::cancel(&engine, started[0]).await.unwrap();
    }
}
