//! Pushes into a folder of this machine, and what every remote has in common: nothing is ever forced.

use std::fs;

use etiqa_engine::backup::mirror::{PushErrorKind, RemoteLogin, is_begun};

use crate::support::{bare, foreign_commit, git, is_sound, mirrored, remote};

#[tokio::test]
async fn an_empty_repository_in_a_folder_gets_every_commit_and_later_ones() {
    let (network, id) = mirrored().await;
    let folder = tempfile::tempdir().unwrap();
    let to = bare(folder.path());
    let by_url = remote(&format!("file://{}", to.display()), RemoteLogin::default());
    let by_path = remote(to.to_str().unwrap(), RemoteLogin::default());
    let first = network.push(&by_url).await.unwrap();
    assert!(!first.was_there);
    assert_eq!(git(&to, &["rev-parse", "main"]).trim(), first.commit.as_str());

    assert!(network.push(&by_path).await.unwrap().was_there);
    network.give(id, "running", "hostname core-2\n").await;
    let commit = network.mirror().await.unwrap();
    assert_eq!(network.push(&by_path).await.unwrap().commit, commit);
    is_sound(&to);
    assert_eq!(git(&to, &["show", "main:core-1/running.cfg"]), "hostname core-2\n");
    assert_eq!(git(&to, &["rev-list", "--count", "main"]).trim(), "2");
}

#[tokio::test]
async fn a_branch_that_somebody_else_moved_is_never_written_over() {
    let (network, id) = mirrored().await;
    let folder = tempfile::tempdir().unwrap();
    let to = bare(folder.path());
    let remote = remote(to.to_str().unwrap(), RemoteLogin::default());
    network.push(&remote).await.unwrap();
    foreign_commit(&to, folder.path());
    let theirs = git(&to, &["rev-parse", "main"]);
    for _ in 0..2 {
        let error = network.push(&remote).await.unwrap_err();
        assert_eq!(error.kind, PushErrorKind::Diverged);
        assert!(error.kind.is_permanent());
        let expected = "The branch main at the remote has commits that the mirror here does not have: of another machine, \
                        of this instance before it was restored, or of somebody else. Where they are ours, bring them here \
                        with \"git fetch URL +main:main\" in the folder mirror/7 of the data directory, and the mirror \
                        goes on from them; else give it a branch of its own.";
        assert_eq!(error.message, expected);
        network.give(id, "running", "hostname core-2\n").await;
        network.mirror().await.unwrap();
    }
    assert_eq!(git(&to, &["rev-parse", "main"]), theirs);

    // A mirror that was made anew has another first commit.
    fs::remove_dir_all(network.repository()).unwrap();
    network.mirror().await.unwrap();
    assert_eq!(network.push(&remote).await.unwrap_err().kind, PushErrorKind::Diverged);
    assert_eq!(git(&to, &["rev-parse", "main"]), theirs);
}

#[tokio::test]
async fn a_restored_instance_goes_on_from_the_commits_at_its_remote_once_they_are_fetched() {
    let (network, id) = mirrored().await;
    let folder = tempfile::tempdir().unwrap();
    let to = bare(folder.path());
    let remote = remote(to.to_str().unwrap(), RemoteLogin::default());
    network.push(&remote).await.unwrap();
    // The mirror is in no archive.
    fs::remove_dir_all(network.repository()).unwrap();
    assert!(!is_begun(&network.repository(), "main").await.unwrap());
    let error = network.push(&remote).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Diverged, "it is said before there is a second beginning");

    for has_second_beginning in [false, true] {
        if has_second_beginning {
            fs::remove_dir_all(network.repository()).unwrap();
            network.mirror().await.unwrap();
            assert_eq!(network.push(&remote).await.unwrap_err().kind, PushErrorKind::Diverged);
        }
        network.git(&["fetch", "-q", to.to_str().unwrap(), "+main:main"]);
        network.give(id, "running", &format!("hostname core-1\n! {has_second_beginning}\n")).await;
        let commit = network.mirror().await.unwrap();
        assert_eq!(network.push(&remote).await.unwrap().commit, commit);
        is_sound(&to);
    }
    assert_eq!(git(&to, &["rev-list", "--count", "main"]).trim(), "3");
}

#[tokio::test]
async fn a_folder_that_is_no_repository_is_said() {
    let (network, _) = mirrored().await;
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("missing")] {
        let error = network.push(&remote(path.to_str().unwrap(), RemoteLogin::default())).await.unwrap_err();
        assert_eq!(error.kind, PushErrorKind::NoRepository);
        assert!(error.message.contains("git init --bare"), "{}", error.message);
    }
}

#[tokio::test]
async fn a_mirror_without_a_commit_has_nothing_to_push() {
    let (network, _) = mirrored().await;
    let folder = tempfile::tempdir().unwrap();
    let to = bare(folder.path());
    let remote = remote(to.to_str().unwrap(), RemoteLogin::default());
    let pushed = etiqa_engine::backup::mirror::push(&network.repository(), &remote, "other").await;
    assert_eq!(pushed.unwrap_err().kind, PushErrorKind::Nothing);
}
