//! The Git mirror as a destination: every run's commit comes to the remote, and what keeps it away is said.

use std::path::Path;
use std::process::Command;

use etiqa_engine::backup::destinations::{retry, save, send_now, test};
use etiqa_model::destination::{CopyState, DestinationInput};

use crate::common::world::World;
use crate::support::copy;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn mirror(remote: &Path) -> DestinationInput {
    DestinationInput {
        name: "Texts".into(),
        kind: "git".into(),
        url: remote.to_str().unwrap().into(),
        ..DestinationInput::default()
    }
}

#[tokio::test]
async fn every_run_that_changes_something_is_a_commit_at_the_remote_that_names_the_devices() {
    let place = tempfile::tempdir().unwrap();
    let remote = place.path().join("configs.git");
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let destination = save(&world.engine, None, &mirror(&remote)).await.unwrap();
    let config = world.add_config(|input| input.destinations = Some(vec![destination])).await;

    let run = world.run(config).await;
    send_now(&world.engine).await.unwrap();
    let waiting = copy(&world, run.id).await;
    assert_eq!(waiting.state, CopyState::Waiting);
    assert!(
        waiting.problem.as_ref().unwrap().starts_with("There is no bare Git repository at"),
        "{waiting:?}"
    );
    let tried = test(&world.engine, destination).await.unwrap();
    assert!(!tried.is_good, "{tried:?}");

    git(place.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "configs.git"]);
    retry(&world.engine, destination).await.unwrap();
    send_now(&world.engine).await.unwrap();
    let sent = copy(&world, run.id).await;
    assert_eq!((sent.state, &sent.problem), (CopyState::Sent, &None), "{sent:?}");
    let head = git(&remote, &["rev-parse", "main"]);
    assert_eq!(sent.remote_name.as_deref(), Some(head.trim()));
    let hostname = world.device(id).await.hostname;
    let text = git(&remote, &["show", &format!("main:{hostname}/running.cfg")]);
    assert!(text.ends_with("end\n"));
    let tried = test(&world.engine, destination).await.unwrap();
    assert!(tried.is_good && tried.message.contains(head.trim()), "{tried:?}");

    let unchanged = world.run(config).await;
    send_now(&world.engine).await.unwrap();
    assert_eq!(copy(&world, unchanged.id).await.state, CopyState::Sent);
    assert_eq!(git(&remote, &["rev-list", "--count", "main"]).trim(), "1", "nothing changed");

    simulated.change_config();
    let changed = world.run(config).await;
    send_now(&world.engine).await.unwrap();
    assert_eq!(copy(&world, changed.id).await.state, CopyState::Sent);
    let message = git(&remote, &["log", "-1", "--format=%B", "main"]);
    assert!(message.starts_with("Daily: 1 device changed\n") && message.contains(&hostname), "{message}");
    git(&remote, &["fsck", "--strict"]);
}

#[tokio::test]
async fn a_mirror_whose_remote_moves_commits_nothing_again_and_brings_all_of_it_along() {
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("first.git"), place.path().join("second.git"));
    for name in ["first.git", "second.git"] {
        git(place.path(), &["init", "--quiet", "--bare", "--initial-branch=main", name]);
    }
    let world = World::new().await;
    let (simulated, _) = world.add_ios().await;
    let destination = save(&world.engine, None, &mirror(&first)).await.unwrap();
    let config = world.add_config(|input| input.destinations = Some(vec![destination])).await;
    let run = world.run(config).await;
    send_now(&world.engine).await.unwrap();
    let sent = copy(&world, run.id).await;
    assert_eq!(sent.state, CopyState::Sent);

    save(&world.engine, Some(destination), &mirror(&second)).await.unwrap();
    assert_eq!(copy(&world, run.id).await, sent);
    simulated.change_config();
    world.run(config).await;
    send_now(&world.engine).await.unwrap();
    assert_eq!(copy(&world, run.id).await, sent);
    assert_eq!(git(&second, &["rev-list", "--count", "main"]).trim(), "2");
}

#[tokio::test]
async fn a_mirror_without_a_remote_stays_here_and_holds_no_secret_unless_it_is_asked_to() {
    let world = World::new().await;
    let (simulated, _) = world.add_ios().await;
    let secret = "snmp-server community c4n4ry RO\nend\n";
    simulated.set_config(simulated.config().replace("\nend\n", &format!("\n{secret}")));
    let of = |name: &str, texts: &str| DestinationInput {
        name: name.into(),
        kind: "git".into(),
        texts: texts.into(),
        ..DestinationInput::default()
    };
    let masked = save(&world.engine, None, &of("Masked", "redacted")).await.unwrap();
    let whole = save(&world.engine, None, &of("Whole", "whole")).await.unwrap();
    assert!(test(&world.engine, masked).await.unwrap().is_good);
    let config = world.add_config(|input| input.destinations = Some(vec![masked, whole])).await;
    world.run(config).await;
    send_now(&world.engine).await.unwrap();
    let found = |id: etiqa_model::DestinationId| {
        let repository = world.engine.dir.root().join("mirror").join(id.to_string());
        git(&repository, &["grep", "-h", "snmp-server community", "main"])
    };
    assert!(found(masked).contains("<removed>") && !found(masked).contains("c4n4ry"));
    assert!(found(whole).contains("c4n4ry"));
}
