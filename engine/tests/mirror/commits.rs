//! What a mirror holds: one commit per run that changed something, and folders that stay whose they are.

use etiqa_engine::backup::mirror::{Texts, mirror_run};
use etiqa_engine::inventory;
use etiqa_engine::store::config_version::version_activate_in_txn;
use etiqa_model::config::VersionState;
use etiqa_model::device::DeviceInput;

use crate::common::at;
use crate::common::world::World;
use crate::support::{Network, git, is_sound, mirrored};

#[tokio::test]
async fn a_run_becomes_a_commit_that_names_what_changed() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let (_unchanged, _) = world.add_ios().await;
    let config = world.add_config(|input| input.name = "Nightly".into()).await;
    let repository = world.engine.dir.root().join("mirror/1");
    let mirror = async || {
        let run = world.run(config).await;
        assert!(run.is_good());
        (mirror_run(&world.engine, &repository, "main", Texts::Whole, &run).await.unwrap(), run)
    };
    let (first, run) = mirror().await;
    let head = git(&repository, &["rev-parse", "main"]);
    assert_eq!(first.unwrap().as_str(), head.trim());
    is_sound(&repository);
    let name = world.device(id).await.hostname;
    let text = git(&repository, &["show", &format!("main:{name}/running.cfg")]);
    assert!(simulated.same_config(&text));
    let about =
        git(&repository, &["log", "-1", "--format=%s|%an|%ae|%at|%ct|%(trailers:key=Run,valueonly)", "main"]);
    let at = run.finished_at.unwrap().millis() / 1_000;
    let expected =
        format!("Nightly: first backup of 2 devices|Etiqa Auto Backup|etiqa@localhost|{at}|{at}|{}", run.id);
    assert_eq!(about.trim(), expected);

    assert_eq!(mirror().await.0, None, "only volatile lines differ");

    simulated.change_config();
    let (third, run) = mirror().await;
    assert!(third.is_some());
    is_sound(&repository);
    let message = git(&repository, &["log", "-1", "--format=%B", "main"]);
    let expected = format!("Nightly: 1 device changed\n\n{name}: running v2 (+");
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.trim_end().ends_with(&format!("\n\nRun: {}", run.id)), "{message}");
    let changed = git(&repository, &["diff", "--name-only", "main~1", "main", "--", ":!devices.json"]);
    assert_eq!(changed, format!("{name}/running.cfg\n"));
}

#[tokio::test]
async fn a_masked_mirror_holds_no_secret_in_any_commit() {
    let network = Network::new().await;
    network.texts.set(Texts::Redacted);
    let id = network.device("core-1").await;
    let text = |secret: &str, host: &str| format!("enable secret 9 {secret}\nhostname {host}\nend\n");
    network.give(id, "running", &text("$9$first", "a")).await;
    network.mirror().await.unwrap();
    assert_eq!(network.file("core-1/running.cfg"), text("<removed>", "a"));

    network.give(id, "running", &text("$9$second", "a")).await;
    network.mirror().await.unwrap();
    assert_eq!(
        network.message(),
        "Daily: 1 device changed\n\ncore-1: running v2 (only what is masked)\n\nRun: 2"
    );

    network.give(id, "running", &text("$9$third", "b")).await;
    network.mirror().await.unwrap();
    assert_eq!(network.message(), "Daily: 1 device changed\n\ncore-1: running v3 (+1 −1)\n\nRun: 3");
    assert_eq!(network.commits(), 3);
    let everything = network.git(&["log", "-p", "main"]);
    assert!(!everything.contains("$9$") && everything.contains("<removed>"), "{everything}");
    // Neither do its hashes let strangers try secrets out.
    assert!(!network.file("devices.json").contains("sha256"));
}

#[tokio::test]
async fn a_mirror_that_is_to_be_masked_from_now_on_masks_what_is_in_it() {
    let network = Network::covering("site:vienna").await;
    let text = "enable secret 9 $9$abc\nend\n";
    let id = network.device("core-1").await;
    let site = |site: &str| DeviceInput {
        address: "10.0.0.0".into(),
        hostname: "core-1".into(),
        platform: "ios".into(),
        site: site.into(),
        ..DeviceInput::default()
    };
    inventory::save(&network.world.engine, Some(id), &site("vienna")).await.unwrap();
    network.give(id, "running", text).await;
    network.mirror().await.unwrap();
    assert_eq!(network.file("core-1/running.cfg"), text);

    // Even of a device that the backup config does not cover any more.
    inventory::save(&network.world.engine, Some(id), &site("graz")).await.unwrap();
    assert_eq!(network.mirror().await, None);
    network.texts.set(Texts::Redacted);
    network.mirror().await.unwrap();
    assert_eq!(network.file("core-1/running.cfg"), "enable secret 9 <removed>\nend\n");
    network.texts.set(Texts::Whole);
    network.mirror().await.unwrap();
    assert_eq!(network.file("core-1/running.cfg"), text);
}

#[tokio::test]
async fn a_text_whose_driver_is_gone_is_not_mirrored_unmasked() {
    let network = Network::new().await;
    network.texts.set(Texts::Redacted);
    let (old, new) = (network.device("old").await, network.device("new").await);
    network.give(old, "running", "enable secret 9 $9$abc\nend\n").await;
    network.mirror().await.unwrap();
    let texts = [(old, "running", "secret s3cret\n"), (new, "running", "secret s3cret\n")];
    network.give_all(&texts, "nobody-knows").await;
    assert_eq!(network.mirror().await, None, "what is known to be masked stays");
    assert_eq!(network.files(), ["devices.json", "old/running.cfg"]);
    assert_eq!(network.file("old/running.cfg"), "enable secret 9 <removed>\nend\n");
}

#[tokio::test]
async fn devices_of_one_name_keep_their_folders_whoever_comes_and_goes() {
    let network = Network::new().await;
    let first = network.device("fw").await;
    network.give(first, "running", "first\n").await;
    network.mirror().await.unwrap();

    let second = network.device("FW").await;
    network.give(second, "running", "second\n").await;
    network.mirror().await.unwrap();
    assert_eq!(network.files(), ["FW_2/running.cfg", "devices.json", "fw/running.cfg"]);
    assert_eq!(network.message(), "Daily: 1 device new\n\nFW: new, running v1\n\nRun: 2");

    inventory::delete(&network.world.engine, first).await.unwrap();
    network.mirror().await.unwrap();
    assert_eq!(network.files(), ["FW_2/running.cfg", "devices.json"]);
    assert_eq!(network.message(), "Daily: 1 device removed\n\nfw: removed\n\nRun: 3");

    // The one that takes its place gets its folder, and its history with it.
    let third = network.device("fw").await;
    network.give(third, "running", "third\n").await;
    network.mirror().await.unwrap();
    assert_eq!(network.file("fw/running.cfg"), "third\n");
    assert_eq!(network.file("FW_2/running.cfg"), "second\n");
    assert_eq!(network.git(&["log", "--format=%s", "main", "--", "fw"]).lines().count(), 3);
    assert_eq!(network.commits(), 4);
}

#[tokio::test]
async fn a_device_of_another_name_moves_its_folder_and_git_sees_a_rename() {
    let (network, id) = mirrored().await;
    network.give(id, "startup", "hostname core-1\n").await;
    network.mirror().await.unwrap();
    let renamed = DeviceInput {
        address: "10.9.9.9".into(),
        hostname: "edge-1".into(),
        platform: "ios".into(),
        ..DeviceInput::default()
    };
    inventory::save(&network.world.engine, Some(id), &renamed).await.unwrap();
    network.mirror().await.unwrap();
    assert_eq!(network.files(), ["devices.json", "edge-1/running.cfg", "edge-1/startup.cfg"]);
    assert_eq!(network.message(), "Daily: 1 device changed\n\nedge-1: was core-1, another address\n\nRun: 3");
    let moved = network.git(&["diff", "-M", "--name-status", "main~1", "main"]);
    assert!(moved.contains("R100\tcore-1/running.cfg\tedge-1/running.cfg"), "{moved}");
    assert_eq!(network.commits(), 3);
}

#[tokio::test]
async fn thousands_of_texts_become_a_handful_of_files_and_a_later_change_a_few_more() {
    let network = Network::new().await;
    let names: Vec<String> = (0..1_500).map(|n| format!("device-{n}")).collect();
    let ids = network.devices_of(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let text = |n: usize| {
        format!("hostname device-{n}\n{}end\n", "interface Vlan1\n description x\n!\n".repeat(600))
    };
    let texts: Vec<String> = (0..ids.len()).map(text).collect();
    let given: Vec<_> = ids.iter().zip(&texts).map(|(id, text)| (*id, "running", text.as_str())).collect();
    network.give_all(&given, "ios").await;
    network.mirror().await.unwrap();
    assert_eq!(network.message(), {
        let mut sorted = names.clone();
        sorted.sort();
        let lines: Vec<_> = sorted.iter().map(|name| format!("{name}: running v1")).collect();
        format!("Daily: first backup of 1500 devices\n\n{}\nand 1400 more\n\nRun: 1", lines[..100].join("\n"))
    });
    // 30 MB of text: two packs with their indexes.
    let count = |network: &Network| -> Vec<u64> {
        let counted = network.git(&["count-objects", "-v"]);
        let of = |name: &str| counted.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        vec![of("count:").unwrap(), of("packs:").unwrap(), of("garbage:").unwrap()]
    };
    let counted = count(&network);
    assert!(counted[0] == 0 && (1..=4).contains(&counted[1]) && counted[2] == 0, "{counted:?}");

    network.give(ids[7], "running", &(text(7) + "more\n")).await;
    network.mirror().await.unwrap();
    assert_eq!(network.message(), "Daily: 1 device changed\n\ndevice-7: running v2 (+1 −0)\n\nRun: 2");
    // A text, its folder, the root, the listing, the commit.
    assert_eq!(count(&network), [5, counted[1], 0]);
    assert_eq!(network.commits(), 2);
    assert_eq!(network.files().len(), 1_501);
    // Git may pack it anew in between.
    network.git(&["gc", "-q"]);
    network.give(ids[8], "running", "hostname device-8\n").await;
    network.mirror().await.unwrap();
    assert_eq!(network.commits(), 3);
}

#[tokio::test]
async fn a_mirror_without_devices_has_a_first_commit_and_no_second() {
    let network = Network::new().await;
    network.mirror().await.unwrap();
    assert_eq!(network.message(), "Daily: first backup of 0 devices\n\nRun: 1");
    assert_eq!(network.mirror().await, None);
    // A device that gave nothing yet is not in it.
    network.device("silent").await;
    assert_eq!(network.mirror().await, None);
    assert_eq!(network.commits(), 1);
}

#[tokio::test]
async fn times_of_commits_never_run_backwards() {
    let (network, id) = mirrored().await;
    network.give(id, "running", "hostname other\n").await;
    let mut run = network.next_run();
    run.finished_at = Some(at(-9_999));
    let (engine, repository) = (&network.world.engine, network.repository());
    mirror_run(engine, &repository, "main", Texts::Whole, &run).await.unwrap().unwrap();
    let times = network.git(&["log", "--format=%ct", "main"]);
    let times: Vec<i64> = times.lines().map(|time| time.parse().unwrap()).collect();
    assert_eq!(times[0], times[1]);
}

#[tokio::test]
async fn a_run_that_waited_for_its_turn_becomes_a_commit_of_its_own_texts() {
    let (network, id) = mirrored().await;
    let text = |name: &str| format!("hostname {name}\n");
    network.give_at(at(100), &[(id, "running", &text("second"))], "ios").await;
    let second = network.next_run();
    // The remote was away meanwhile, and the next run came, and a device was new.
    let new = network.device("new").await;
    let later = [(id, "running", text("third")), (new, "running", text("new"))];
    let later: Vec<_> = later.iter().map(|(id, part, text)| (*id, *part, text.as_str())).collect();
    network.give_at(at(150), &later, "ios").await;
    let third = network.next_run();

    network.mirror_of(&second).await.unwrap().unwrap();
    assert_eq!(network.message(), "Daily: 1 device changed\n\ncore-1: running v2 (+1 −2)\n\nRun: 2");
    assert_eq!(network.file("core-1/running.cfg"), text("second"));
    assert_eq!(network.mirror_of(&second).await.unwrap(), None, "done again it does nothing");
    network.mirror_of(&third).await.unwrap().unwrap();
    let message = network.message();
    assert!(message.starts_with("Daily: 1 device changed, 1 device new\n"), "{message}");
    assert!(message.ends_with("\n\nRun: 3"), "{message}");
    assert_eq!(network.file("core-1/running.cfg"), text("third"));
    // One whose turn comes after a later one's takes nothing back.
    network.give_at(at(200), &[(id, "running", "hostname fourth\n")], "ios").await;
    assert_eq!(network.mirror_of(&second).await.unwrap(), None);
    assert_eq!(network.file("core-1/running.cfg"), text("third"));
    network.mirror().await.unwrap();
    assert_eq!(network.file("core-1/running.cfg"), text("fourth"));
    assert_eq!(network.commits(), 4);
}

#[tokio::test]
async fn what_a_person_made_active_after_a_run_is_of_the_next_one() {
    let (network, id) = mirrored().await;
    network.give(id, "running", "hostname bad\n").await;
    let second = network.next_run();
    let versions = network.world.versions(id).await;
    let db = &network.world.engine.db;
    let mut tx = db.write().await.unwrap();
    let inactive = VersionState::Inactive;
    assert!(version_activate_in_txn(&mut tx, versions[1].id, inactive, at(150)).await.unwrap());
    tx.commit().await.unwrap();
    network.mirror_of(&second).await.unwrap().unwrap();
    assert_eq!(network.file("core-1/running.cfg"), "hostname bad\n");
    network.mirror().await.unwrap();
    assert_eq!(network.file("core-1/running.cfg"), "hostname core-1\nend\n");
}

#[tokio::test]
async fn what_is_no_branch_is_refused() {
    let network = Network::new().await;
    for branch in ["", "-f", "HEAD", "a b", "../x", "a..b", "x.lock", "a\nb", "refs/heads/@{1}"] {
        let run = network.next_run();
        let refused =
            mirror_run(&network.world.engine, &network.repository(), branch, Texts::Whole, &run).await;
        let message = refused.unwrap_err().into_user_error().message;
        assert!(message.contains("cannot be the name of a branch"), "{branch}: {message}");
    }
    assert!(!network.repository().exists());
}

#[tokio::test]
async fn the_mirror_is_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let (network, _) = mirrored().await;
    for folder in [network.repository(), network.repository().parent().unwrap().to_owned()] {
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
    }
    // Git is not told of settings that it warns of.
    let output = crate::support::run_git(&network.repository(), &["log", "-1"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
