//! Archives that other programs open, and what comes out of them: with the binary, as a person does it.

use std::process::Command;

use etiqa_simulator::SimulatedDevice;

use crate::archive::Archive;
use crate::harness::devices::router;
use crate::harness::world::ended;
use crate::harness::{Server, World};

const PASSPHRASE: &str = "a long passphrase";

async fn world_with_a_device() -> (World, SimulatedDevice) {
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    (world, device)
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

#[tokio::test]
async fn seven_zip_opens_an_archive_with_its_passphrase_and_not_without() {
    let (world, _device) = world_with_a_device().await;
    let add =
        ["backup-config", "add", "Sealed", "--type", "data", "--frequency", "daily", "--passphrase-stdin"];
    world.etiqa_with_input(add, &format!("{PASSPHRASE}\n")).await.good();
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = world.archive();
    let file = archive.to_str().unwrap();
    let seven_zip = ["7zz", "7z"].into_iter().find(|name| Command::new(name).output().is_ok()).unwrap();
    let tested = run(seven_zip, &["t", &format!("-p{PASSPHRASE}"), file]);
    assert!(tested.contains("Everything is Ok"), "{tested}");
    let wrong = Command::new(seven_zip).args(["t", "-pwrong passphrase", file]).output().unwrap();
    assert!(!wrong.status.success());
    let listed = run(seven_zip, &["l", "-slt", file]);
    assert!(listed.contains("AES-256") && !listed.contains("ZipCrypto"), "{listed}");
}

#[tokio::test]
async fn age_opens_an_archive_with_an_identity_and_the_server_does_not() {
    let (world, _device) = world_with_a_device().await;
    let identity = world.place().join("key.txt");
    let identity = identity.to_str().unwrap();
    let made = run("age-keygen", &["-o", identity]);
    let recipient = made.split_whitespace().find(|word| word.starts_with("age1")).unwrap().to_owned();
    world.add_backup_with("Sealed", "data", &["--recipient", &recipient]).await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = world.archive();
    let file = archive.to_str().unwrap();
    assert!(file.ends_with(".zip.age"));
    let zip = world.place().join("opened.zip");
    run("age", &["-d", "-i", identity, "-o", zip.to_str().unwrap(), file]);
    assert!(Archive::open(&zip).names().contains(&"database.json".to_owned()));

    let listed = world.etiqa(["restore", file, "--list"]).await.failed();
    assert!(listed.stderr.contains("give the identity file"), "{listed:?}");
    let listed = world.etiqa(["restore", file, "--list", "--identity", identity]).await.good();
    assert!(listed.stdout.contains("database.json"), "{listed:?}");
    let verified = world.etiqa(["verify", file]).await.good();
    assert!(verified.stdout.contains("sealed for its recipients"), "{verified:?}");
    let verified = world.etiqa(["verify", file, "--identity", identity]).await.good();
    assert!(verified.stdout.contains("whole, "), "{verified:?}");
    let drilled = world.etiqa(["verify", file, "--drill"]).await.failed();
    assert!(drilled.stderr.contains("a drill needs an identity"), "{drilled:?}");
    let drilled = world.etiqa(["verify", file, "--drill", "--identity", identity]).await.good();
    assert!(drilled.stdout.contains("It restores: "), "{drilled:?}");
}

#[tokio::test]
async fn a_made_passphrase_is_printed_once_and_opens_the_archive() {
    let (world, _device) = world_with_a_device().await;
    let add =
        ["backup-config", "add", "Sealed", "--type", "data", "--frequency", "daily", "--generate-passphrase"];
    let made = world.etiqa(add).await.good();
    let passphrase = made.stdout.trim().to_owned();
    assert!(passphrase.len() >= 24 && made.stdout.lines().count() == 1, "{made:?}");
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = world.archive();
    let file = archive.to_str().unwrap();
    let input = format!("{passphrase}\n");
    let listed = world.etiqa_with_input(["restore", file, "--list", "--passphrase-stdin"], &input).await;
    assert!(listed.good().stdout.contains("database.json"));
    let again = world.etiqa(["backup-config", "edit", "Sealed", "--at", "03:00"]).await.good();
    assert_eq!(again.stdout, "");
}

#[tokio::test]
async fn a_restored_instance_signs_people_in_waits_for_a_word_and_then_works() {
    let (world, _device) = world_with_a_device().await;
    world.add_user("ada", "admin").await;
    world.add_backup("Everything", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = world.archive();
    let new = world.place().join("new");
    let at = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.arg("--data-dir").arg(&new);
        command
    };
    let mut restore = at(&["restore", archive.to_str().unwrap()]);
    let refused = ended(at(&["restore", archive.to_str().unwrap()]).spawn().unwrap()).await.failed();
    assert!(refused.stderr.contains("--key-file") && refused.stderr.contains("--without-key"), "{refused:?}");
    restore.arg("--key-file").arg(world.data().join("secret.key"));
    let restored = ended(restore.spawn().unwrap()).await.good();
    assert!(restored.stdout.starts_with("Restored "), "{restored:?}");

    let server = Server::start(at(&["serve", "--listen", "127.0.0.1:0"])).await;
    let ada = server.signed_in("ada").await;
    let page = ada.get("/").await;
    assert!(page.text().contains("Nothing runs by itself until an admin confirms"), "{}", page.text());
    assert!(ada.call("resume_schedules", &[]).await.status.is_success());
    assert!(!ada.get("/").await.text().contains("Nothing runs by itself"));
    server.stop().await;
    let resumed = ended(at(&["resume"]).spawn().unwrap()).await.good();
    assert_eq!(resumed.stdout, "Nothing was paused: schedules run.\n");
}

#[tokio::test]
async fn a_page_shows_what_an_archive_holds_and_hands_out_single_files() {
    let (world, _device) = world_with_a_device().await;
    world.add_user("ola", "operator").await;
    world.add_user("vic", "viewer").await;
    let add = [
        "backup-config",
        "add",
        "Everything",
        "--type",
        "full",
        "--frequency",
        "daily",
        "--passphrase-stdin",
    ];
    world.etiqa_with_input(add, &format!("{PASSPHRASE}\n")).await.good();
    world.etiqa(["run-backups", "--force"]).await.good();
    let server = world.serve().await;
    let ola = server.signed_in("ola").await;
    let page = ola.get("/backup/run/1/archive").await.text();
    for word in ["database.json", "What is in it", "How to open and restore it", "Restore drill"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let text = ola.get("/backup/run/1/entry?name=configs/core-rtr-1/running.cfg").await;
    assert_eq!(text.status, 200);
    assert!(text.text().contains("hostname core-rtr-1"), "{}", text.text());
    assert_eq!(ola.get("/backup/run/1/entry?name=configs/nobody").await.status, 404);
    assert_eq!(server.signed_in("vic").await.get("/backup/run/1/entry?name=manifest.json").await.status, 403);
    server.stop().await;
}

/// A small disk of its own, full of something that does not shrink.
#[tokio::test]
async fn a_full_disk_fails_the_run_with_a_sentence_and_leaves_nothing_behind() {
    let world = World::new();
    world.add_backup_with("Media", "data", &["--exclude", "database"]).await;
    let media = world.data().join("media/noise.bin");
    let mut noise = vec![0_u8; 24 << 20];
    let mut state = 1_u64;
    for byte in &mut noise {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    std::fs::write(&media, &noise).unwrap();
    let script = r#"
        mount -t tmpfs -o size=16m none data/backups || exit 9
        "$0" run-backups --force
        echo "exit $?"
        ls -A data/backups | sed 's/^/left: /'
        mount -o remount,size=64m data/backups
        "$0" run-backups --force
        echo "exit $?"
        ls -A data/backups | sed 's/^/left: /'
    "#;
    let mut command = tokio::process::Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script, env!("CARGO_BIN_EXE_etiqa")]);
    command.current_dir(world.place()).env("ETIQA_DATA_DIR", world.data());
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].contains("The disk is full. Free some space"), "{said}{complained}");
    assert_eq!(lines[1], "exit 1", "{said}{complained}");
    assert!(lines[2].starts_with("Media: completed"), "nothing was left of the first: {said}{complained}");
    assert_eq!((lines[3], lines.len()), ("exit 0", 5), "{said}");
}
