//! A mirror that was interrupted or damaged: what is there is sound, and nothing begins anew by itself.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use etiqa_engine::backup::mirror::{RemoteLogin, Texts, mirror_run};
use etiqa_engine::backup::run_history;
use etiqa_engine::failpoint;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::history::RunFilter;

use crate::support::{Network, bare, git, is_sound, mirrored, remote};

/// The data directory of another process that mirrors.
pub(crate) const DATA: &str = "ETIQA_TEST_MIRROR_DATA";
/// The test that is that process where it has a data directory.
pub(crate) const THE_OTHER_PROCESS: &str =
    "crashes::a_mirroring_that_is_killed_before_the_branch_moves_changes_nothing_and_the_next_one_is_good";

/// Runs itself a second time, and kills that.
#[tokio::test]
async fn a_mirroring_that_is_killed_before_the_branch_moves_changes_nothing_and_the_next_one_is_good() {
    if let Some(data) = std::env::var_os(DATA) {
        mirror_in(Path::new(&data)).await;
        return;
    }
    for failpoint in failpoint::MIRROR {
        for devices in [1_usize, 120] {
            let (network, _) = mirrored().await;
            let names: Vec<String> = (0..devices).map(|n| format!("device-{n}")).collect();
            let ids = network.devices_of(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
            let given: Vec<_> =
                ids.iter().zip(&names).map(|(id, name)| (*id, "running", name.as_str())).collect();
            network.give_all(&given, "ios").await;
            let killed = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", THE_OTHER_PROCESS, "--nocapture"])
                .env(DATA, network.world.engine.dir.root())
                .env("ETIQA_FAILPOINT", failpoint)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&killed.stdout);
            assert_eq!(killed.status.signal(), Some(9), "{failpoint}: {said}");
            assert_eq!(network.commits(), 1, "{failpoint}: the branch has not moved");
            let dangling = git(&network.repository(), &["fsck", "--lost-found"]);
            assert!(dangling.contains("dangling commit"), "{failpoint}: the objects were there: {dangling}");

            network.mirror().await.unwrap();
            assert_eq!(network.commits(), 2, "{failpoint}");
            assert_eq!(network.files().len(), devices + 2, "{failpoint}");
        }
    }
}

/// What the other process does.
async fn mirror_in(data: &Path) {
    let options = Options { data_dir: data.to_owned(), ..Options::default() };
    let engine = Engine::open(options, Role::Command).await.unwrap();
    let runs =
        run_history(&engine, &etiqa_model::user::Role::Admin.into(), &RunFilter::default(), None, "UTC")
            .await
            .unwrap()
            .rows;
    mirror_run(&engine, &data.join("mirror/7"), "main", Texts::Whole, &runs[0]).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared_away() {
    let (network, id) = mirrored().await;
    let left = [
        "refs/heads/main.lock",
        "HEAD.lock",
        "objects/tmp_object_git2_a1b2c3",
        "objects/pack/pack_git2_d4e5f6",
    ]
    .map(|name| network.repository().join(name));
    for file in &left {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "half").unwrap();
    }
    network.give(id, "running", "hostname core-2\n").await;
    network.mirror().await.unwrap();
    assert_eq!(network.commits(), 2);
    for file in left {
        assert!(!file.exists(), "{file:?}");
    }
    // A repository that was half made is none.
    fs::remove_dir_all(network.repository()).unwrap();
    fs::create_dir_all(network.repository().with_extension("new").join("objects")).unwrap();
    network.mirror().await.unwrap();
    assert_eq!(network.commits(), 1);
}

#[tokio::test]
async fn a_mirroring_waits_for_another_process() {
    let (network, id) = mirrored().await;
    let lock = fs::File::open(format!("{}.lock", network.repository().display())).unwrap();
    lock.lock().unwrap();
    network.give(id, "running", "hostname core-2\n").await;
    let mut mirroring = Box::pin(network.mirror());
    let early = tokio::time::timeout(std::time::Duration::from_millis(700), &mut mirroring).await;
    assert!(early.is_err(), "somebody else has it");
    lock.unlock().unwrap();
    assert!(mirroring.await.is_some());
    assert_eq!(network.commits(), 2);
}

#[tokio::test]
async fn a_damaged_repository_is_said_and_left_as_it_is() {
    for (what, damage) in damages() {
        let (network, id) = mirrored().await;
        damage(&network);
        network.give(id, "running", "hostname core-2\n").await;
        let said = network.refused().await;
        assert!(said.contains("mirror/7 in the data directory is damaged"), "{what}: {said}");
        assert!(said.contains("git clone --bare URL mirror/7"), "{what}: {said}");
        // Again and again: it does not mend itself by forgetting.
        assert_eq!(network.refused().await, said, "{what}");
    }
}

type Damage = fn(&Network);

fn damages() -> Vec<(&'static str, Damage)> {
    vec![
        ("an empty branch", |network| fs::write(network.repository().join("refs/heads/main"), "").unwrap()),
        ("no commit", |network| {
            let id = network.git(&["rev-parse", "main"]);
            fs::remove_file(object(network, id.trim())).unwrap();
        }),
        ("no listing", |network| {
            let id = network.git(&["rev-parse", "main:devices.json"]);
            fs::remove_file(object(network, id.trim())).unwrap();
        }),
        ("a folder that is gone", |network| {
            let id = network.git(&["rev-parse", "main:core-1"]);
            fs::remove_file(object(network, id.trim())).unwrap();
        }),
        ("a listing of somebody else", |network| {
            let listing = r#"{"format":1,"devices":[{"id":1,"folder":"../up","hostname":"x","address":"x","site":"",
                "type":"other","platform":null,"parts":[]}]}"#;
            commit_listing(network, listing);
        }),
        ("a listing that is none", |network| commit_listing(network, "[]")),
        ("a repository of somebody else", |network| {
            let tree = network.git(&["write-tree"]);
            let commit = network.git(&["commit-tree", "-m", "mine", tree.trim()]);
            network.git(&["update-ref", "refs/heads/main", commit.trim()]);
        }),
        ("no repository", |network| fs::remove_file(network.repository().join("HEAD")).unwrap()),
    ]
}

fn object(network: &Network, id: &str) -> std::path::PathBuf {
    network.repository().join("objects").join(&id[..2]).join(&id[2..])
}

fn commit_listing(network: &Network, listing: &str) {
    let file = network.world.engine.dir.root().join("listing");
    fs::write(&file, listing).unwrap();
    let blob = network.git(&["hash-object", "-w", file.to_str().unwrap()]);
    network.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{},devices.json", blob.trim())]);
    let tree = network.git(&["write-tree"]);
    let commit = network.git(&["commit-tree", "-p", "main", "-m", "evil", tree.trim()]);
    network.git(&["update-ref", "refs/heads/main", commit.trim()]);
}

#[tokio::test]
async fn a_lost_repository_comes_back_from_its_remote_and_goes_on() {
    let (network, id) = mirrored().await;
    let folder = tempfile::tempdir().unwrap();
    let to = bare(folder.path());
    let remote = remote(to.to_str().unwrap(), RemoteLogin::default());
    network.push(&remote).await.unwrap();
    fs::remove_dir_all(network.repository()).unwrap();
    git(
        folder.path(),
        &["clone", "-q", "--bare", to.to_str().unwrap(), network.repository().to_str().unwrap()],
    );
    assert_eq!(network.mirror().await, None, "it knows all that it knew");
    network.give(id, "running", "hostname core-2\n").await;
    let commit = network.mirror().await.unwrap();
    let pushed = network.push(&remote).await.unwrap();
    assert_eq!((pushed.commit, pushed.was_there), (commit, false));
    is_sound(&to);
    assert_eq!(git(&to, &["rev-list", "--count", "main"]).trim(), "2");
}
