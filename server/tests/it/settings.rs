//! Settings from a file, beside those of the environment and of the command line.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use tokio::process::Command;

use crate::harness::World;
use crate::harness::world::ended;

/// A command for which the environment says nothing.
fn bare(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    for name in ["ETIQA_DATA_DIR", "ETIQA_CONFIG_FILE", "ETIQA_START_DELAY", "ETIQA_REACH"] {
        command.env_remove(name);
    }
    command
}

/// How a command refuses the file `etiqa.toml` of this text.
async fn refusal(world: &World, text: &str) -> String {
    world.file("etiqa.toml", text);
    let output = ended(bare(world, &["backup-status"]).spawn().unwrap()).await;
    output.with_code(2).sentence(world)
}

fn close(file: &Path, mode: u32) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let world = World::new();
    world.file("etiqa.toml", "data_dir = \"of-the-file\"\n");
    let made = |name: &str| world.place().join(name).join("etiqa.db").exists();

    ended(bare(&world, &["backup-status"]).spawn().unwrap()).await.good();
    assert!(made("of-the-file") && !made("data"));
    let mut command = bare(&world, &["backup-status"]);
    ended(command.env("ETIQA_DATA_DIR", "of-the-environment").spawn().unwrap()).await.good();
    assert!(made("of-the-environment"));
    let mut command = bare(&world, &["backup-status", "--data-dir", "of-the-command-line"]);
    ended(command.env("ETIQA_DATA_DIR", "of-nobody").spawn().unwrap()).await.good();
    assert!(made("of-the-command-line") && !made("of-nobody"));
    // Whoever wants none of it says so.
    ended(bare(&world, &["--config-file", "", "backup-status"]).spawn().unwrap()).await.good();
    assert!(made("data"));
}

#[tokio::test]
async fn a_file_is_named_on_the_command_line_or_in_the_environment_and_its_paths_count_from_its_folder() {
    let world = World::new();
    std::fs::create_dir(world.place().join("conf")).unwrap();
    world.file("conf/mine.toml", "data_dir = \"here\"\n");
    world.file("etiqa.toml", "data_dir = \"not-here\"\n");
    let named = ["--config-file", "conf/mine.toml", "backup-status"];
    ended(bare(&world, &named).spawn().unwrap()).await.good();
    assert!(world.place().join("conf/here/etiqa.db").exists());
    let mut command = bare(&world, &["drivers", "list"]);
    ended(command.env("ETIQA_CONFIG_FILE", "conf/mine.toml").spawn().unwrap()).await.good();
    assert!(!world.place().join("not-here").exists());

    let missing = bare(&world, &["backup-status", "--config-file", "missing.toml"]).spawn().unwrap();
    let missing = ended(missing).await.with_code(2);
    assert_eq!(
        missing.sentence(&world),
        "etiqa: The settings file missing.toml cannot be read: No such file or directory (os error 2). Make it readable \
         for this user, or name another one with --config-file (an empty name: none)."
    );
}

#[tokio::test]
async fn what_a_server_is_told_stands_in_its_table() {
    let world = World::new();
    world.file(
        "etiqa.toml",
        "# Where it is.\nreach = [\"127.0.0.0/8\", \"::1\"]\n\n[serve]\nlisten = \"127.0.0.1:0\"\ntls_self_signed = true\n\
         start_delay = 0\ntrusted_proxy = \"127.0.0.1/32\"\n\n[worker]\nsite = \"graz\"\n",
    );
    let mut command = world.command(["serve"]);
    for name in ["ETIQA_CONFIG_FILE", "ETIQA_START_DELAY", "ETIQA_REACH"] {
        command.env_remove(name);
    }
    let server = crate::harness::Server::start(command).await;
    assert!(server.said().contains("Serving https://127.0.0.1:"), "{}", server.said());
    server.stop().await;
    // The site is there: what is missing is the database.
    let worker = ended(bare(&world, &["worker"]).spawn().unwrap()).await.failed();
    assert!(worker.stderr.contains("A worker shares the database of a server"), "{worker:?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_file_is_said_in_one_sentence_with_its_line() {
    let world = World::new();
    let mut said = Vec::new();
    for text in [
        "data_dri = \"x\"\n",
        "# A comment.\n\nlisten = \"127.0.0.1:8000\"\n",
        "[serve]\nlisten = \"127.0.0.1:8000\"\ndata_dir = \"x\"\n",
        "[sevre]\n",
        "[serve]\nstart_delay = \"10\"\n",
        "[serve]\nstart_delay = -1\n",
        "[serve]\ntls_self_signed = \"yes\"\n",
        "data_dir = 7\n",
        "reach = [\"10.0.0.0/8\", 7]\n",
        "data_dir = \"\"\n",
        "config_file = \"other.toml\"\n",
        "adopt_shared_dir = true\n",
    ] {
        said.push(refusal(&world, text).await);
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    etiqa: etiqa.toml, line 1: there is no setting data_dri; did you mean data_dir?
    etiqa: etiqa.toml, line 3: there is no setting listen; did you mean listen in [serve]?
    etiqa: etiqa.toml, line 3: there is no setting data_dir in [serve]; did you mean data_dir above all tables?
    etiqa: etiqa.toml, line 1: there is no table [sevre]; did you mean [serve]?
    etiqa: etiqa.toml, line 2: start_delay takes a number, not a text.
    etiqa: etiqa.toml, line 2: start_delay (After a start, what was missed waits so many seconds, until the network is up) cannot be "-1": -1 is not in 0..=4294967295.
    etiqa: etiqa.toml, line 2: tls_self_signed takes true or false, not a text.
    etiqa: etiqa.toml, line 1: data_dir takes a text in quotes, not a number.
    etiqa: etiqa.toml, line 1: reach takes a list of texts in quotes, not such a list.
    etiqa: etiqa.toml, line 1: data_dir (Directory of the database, the key and the archives) cannot be "": it is empty; leave the line out instead.
    etiqa: etiqa.toml, line 1: there is no setting config_file; did you mean ca_file?
    etiqa: etiqa.toml, line 1: there is no setting adopt_shared_dir; did you mean shared_dir?
    "#);
    let sentence = refusal(&world, "[serve]\nlisten = \"nowhere\"\n").await;
    assert!(
        sentence.starts_with(
            "etiqa: etiqa.toml, line 2: listen (Address and port to listen on) cannot be \"nowhere\": "
        ),
        "{sentence}"
    );
    let sentence = refusal(&world, "data_dir = \"x\"\n\n[serve\nlisten = 7\n").await;
    assert!(
        sentence.starts_with("etiqa: etiqa.toml, line ") && sentence.contains(": this is not TOML: "),
        "{sentence}"
    );
    assert!(!world.place().join("x").exists(), "nothing is begun");
    // Whatever is in it, help is to be had.
    let help = ended(bare(&world, &["serve", "--help"]).spawn().unwrap()).await.good();
    assert!(help.stdout.contains("[default: 127.0.0.1:8000]"), "{help:?}");
}

#[tokio::test]
async fn a_secret_is_taken_from_a_file_that_its_owner_alone_may_read() {
    let world = World::new();
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let file =
        world.file("etiqa.toml", format!("database_url = \"postgres://etiqa:hunter2@{free}/etiqa\"\n"));
    close(&file, 0o644);
    let output = ended(bare(&world, &["backup-status"]).spawn().unwrap()).await.with_code(2);
    assert_eq!(
        output.sentence(&world),
        "etiqa: etiqa.toml, line 1: database_url may hold a secret, and others than the owner may read this file: run \
         chmod 600 etiqa.toml, or set ETIQA_DATABASE_URL instead."
    );
    close(&file, 0o600);
    let output = ended(bare(&world, &["backup-status"]).spawn().unwrap()).await.failed();
    let sentence = output.sentence(&world);
    assert!(sentence.contains("The PostgreSQL database does not let us in"), "{sentence}");
    let help = ended(bare(&world, &["--help"]).spawn().unwrap()).await.good();
    let usage = ended(bare(&world, &["backup-status", "--nonsense"]).spawn().unwrap()).await.with_code(2);
    for said in [sentence, help.stdout, usage.stderr] {
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_file_that_another_user_left_in_the_folder_is_not_obeyed_unless_it_is_named() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = World::new();
    let file = world.file("etiqa.toml", "data_dir = \"theirs\"\n");
    chown(&file, Some(48_112), None).unwrap();
    let refused = ended(bare(&world, &["backup-status"]).spawn().unwrap()).await.with_code(2);
    assert_eq!(
        refused.sentence(&world),
        "etiqa: The settings file etiqa.toml can be changed by another user: name it with --config-file to use it all the \
         same."
    );
    assert!(!world.place().join("theirs").exists());
    let named = ["--config-file", "etiqa.toml", "backup-status"];
    ended(bare(&world, &named).spawn().unwrap()).await.good();
    assert!(world.place().join("theirs").exists());
}
