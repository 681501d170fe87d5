//! Names that try to leave their folder, their line or Git's rules.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Network, is_sound};

const NAMES: &[&str] = &[
    "..",
    ".",
    ".git",
    ".GIT",
    "git~1",
    ".git\u{200c}",
    "../../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "core:stream",
    ".git::$INDEX_ALLOCATION",
    "con",
    "NUL.txt",
    "devices.json",
    "Devices.JSON",
    ".gitmodules",
    ".gitattributes",
    "trailing.",
    "trailing ",
    "",
    " ",
    "two\nlines\n\nRun: 999\nSigned-off-by: me",
    "carriage\rreturn",
    "\u{1b}]0;title\u{7}\u{1b}[2J",
    "nul\u{0}byte",
    "\u{202e}gnp.exe",
    "größe",
    "夜間",
    "-rf",
    "--upload-pack=x",
    "*",
    "HEAD",
    "refs/heads/main",
];

#[tokio::test]
async fn no_name_leaves_its_folder_or_its_line() {
    let network = Network::new().await;
    let long = "x".repeat(5_000);
    // PostgreSQL and the form would refuse some of these; a store of another program's making may have them.
    let names: Vec<&str> = NAMES.iter().copied().chain([long.as_str()]).collect();
    let ids = network.devices_of(&names).await;
    let mut texts = Vec::new();
    for id in &ids {
        texts.extend([(*id, "running", "one\n"), (*id, "RUNNING", "two\n")]);
    }
    // Each name as a part as well.
    texts.extend(names.iter().map(|name| (ids[0], *name, "three\n")));
    network.give_all(&texts, "ios").await;
    network.mirror().await.unwrap();
    is_sound(&network.repository());

    let files = network.files();
    assert_eq!(files.len(), texts.len() + 1);
    let mut folded: Vec<String> = files.iter().map(|file| file.to_lowercase()).collect();
    folded.sort();
    folded.dedup();
    assert_eq!(folded.len(), files.len(), "no two differ only in case");
    for file in &files {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let parts: Vec<&str> = file.split('/').collect();
        assert!(parts.len() == 2 || file == "devices.json", "{file}");
        assert!(parts.iter().all(|part| !part.starts_with('.') && part.chars().all(is_plain)), "{file}");
    }
    let message = network.message();
    assert_eq!(message.lines().count(), ids.len() + 4, "{message}");
    assert!(!message.chars().any(|c| c.is_control() && c != '\n'), "{message:?}");
    let trailers = network.git(&["log", "-1", "--format=%(trailers:only)", "main"]);
    assert_eq!(trailers.trim(), "Run: 1");
    // A second look finds the same names for the same devices.
    assert_eq!(network.mirror().await, None);
}

#[test]
fn git_accepts_whatever_devices_and_parts_are_called() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let name = prop_oneof![
        proptest::sample::select(NAMES).prop_map(str::to_owned),
        "[a-c./\\\\~:. -]{0,6}",
        "\\PC{0,8}",
    ];
    let device = (name.clone(), proptest::collection::btree_map(name, "[a-z\n]{0,20}", 0..4));
    let network = proptest::collection::vec(device, 0..8);
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&network, |devices| {
        runtime.block_on(async {
            let network = Network::new().await;
            let names: Vec<&str> = devices.iter().map(|(name, _)| name.as_str()).collect();
            let ids = network.devices_of(&names).await;
            let mut texts = Vec::new();
            for (id, (_, parts)) in ids.iter().zip(&devices) {
                texts.extend(parts.iter().map(|(part, text)| (*id, part.as_str(), text.as_str())));
            }
            network.give_all(&texts, "ios").await;
            network.mirror().await.unwrap();
            is_sound(&network.repository());
            prop_assert_eq!(network.files().len(), texts.len() + 1);
            prop_assert_eq!(network.mirror().await, None);
            Ok(())
        })
    });
    checked.unwrap();
}
