//! What a power cut would leave: every name in the repository is on the disk before the branch moves onto it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::crashes::{DATA, THE_OTHER_PROCESS};
use crate::support::Network;

/// What makes a name, and what makes it last.
const TRACED: &str = "fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat";

#[tokio::test]
async fn everything_is_on_the_disk_before_the_branch_moves() {
    for devices in [3_usize, 120] {
        let network = Network::new().await;
        let names: Vec<String> = (0..devices).map(|n| format!("device-{n}")).collect();
        let ids = network.devices_of(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let given: Vec<_> =
            ids.iter().zip(&names).map(|(id, name)| (*id, "running", name.as_str())).collect();
        network.give_all(&given, "ios").await;
        let trace = network.world.engine.dir.root().join("trace");
        let traced = Command::new("strace")
            .args(["-f", "-y", "-qq", "-e", &format!("trace={TRACED}"), "-e", "signal=none", "-o"])
            .arg(&trace)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", THE_OTHER_PROCESS])
            .env(DATA, network.world.engine.dir.root())
            .status();
        assert!(traced.expect("strace is missing: run `make test`, which installs it.").success());
        assert_eq!(network.commits(), 1);
        let trace = std::fs::read_to_string(trace).unwrap();
        let made = is_durable(&trace, &network.repository());
        assert!(made >= if devices < 100 { 8 } else { 2 }, "{made} names: {trace}");
    }
}

/// Walks through a trace; gives how many names were made. A file has to be on the disk before it is named, and every folder that
/// has a new name before the branch is.
fn is_durable(trace: &str, repository: &Path) -> usize {
    let branch = repository.join("refs/heads/main");
    let (mut synced, mut open) = (HashSet::new(), HashSet::<PathBuf>::new());
    let mut named = 0;
    for call in calls(trace) {
        let (name, arguments) = call.split_once('(').unwrap();
        if name == "fsync" || name == "fdatasync" {
            let path = PathBuf::from(between(arguments, '<', '>'));
            open.remove(&path);
            synced.insert(path);
            continue;
        }
        let quoted: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
        let to = PathBuf::from(quoted[quoted.len() - 1]);
        if !to.starts_with(repository) {
            continue;
        }
        named += 1;
        if to == branch {
            assert!(open.is_empty(), "not on the disk when the branch moved: {open:?}\n{trace}");
        }
        if !name.starts_with("mkdir") {
            let from = PathBuf::from(quoted[0]);
            // A folder was made elsewhere, file by file.
            assert!(
                synced.contains(&from),
                "{} was named before it was on the disk\n{trace}",
                from.display()
            );
        }
        open.insert(to.parent().unwrap().to_owned());
    }
    // What the branch's own name is in, and the files that wait for nothing.
    assert!(!open.contains(branch.parent().unwrap()), "the branch's name may be lost\n{trace}");
    named
}

/// The calls that succeeded, in the order in which they ended, those whole that another thread's came between.
fn calls(trace: &str) -> Vec<String> {
    let mut begun = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if let Some(begin) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, begin);
        } else {
            let whole = match call.split_once(" resumed>") {
                Some((_, end)) => begun.remove(thread).unwrap_or_default().to_owned() + end,
                None => call.to_owned(),
            };
            calls.extend(Some(whole).filter(|call| call.ends_with(" = 0")));
        }
    }
    calls
}

fn between(text: &str, open: char, close: char) -> &str {
    let (_, rest) = text.split_once(open).unwrap();
    rest.rsplit_once(close).unwrap().0
}
