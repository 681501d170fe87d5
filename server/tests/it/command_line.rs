//! The command line as a person, a shell and a script meet it.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::Command;

use crate::harness::World;
use crate::harness::devices::router;
use crate::harness::world::ended;

/// Somebody whom no system knows.
const STRANGER: u32 = 48_112;

/// Which stream of a command is a terminal; the other one is not.
#[derive(Clone, Copy)]
enum Terminal {
    Stdout,
    Stderr,
}

/// Runs a command to its end and gives what its terminal was sent.
async fn on_a_terminal(mut command: Command, which: Terminal) -> String {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    tcsetwinsize(&screen, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap().into_string().unwrap();
    let terminal = OwnedFd::from(File::options().read(true).write(true).open(name).unwrap());
    command.env("TERM", "xterm-256color");
    match which {
        Terminal::Stdout => command.stdout(terminal).stderr(Stdio::null()),
        Terminal::Stderr => command.stderr(terminal).stdout(Stdio::null()),
    };
    let mut child = command.spawn().unwrap();
    // The screen ends when nobody has the terminal any more, and the command's own copy counts.
    drop(command);
    let reading = tokio::task::spawn_blocking(move || {
        let (mut screen, mut shown, mut piece) = (File::from(screen), Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = screen.read(&mut piece) {
            shown.extend_from_slice(&piece[..length]);
        }
        String::from_utf8(shown).unwrap()
    });
    assert!(child.wait().await.unwrap().success());
    reading.await.unwrap()
}

#[tokio::test]
async fn the_manual_has_a_page_of_every_command_with_an_example() {
    let world = World::new();
    let folder = world.place().join("man1");
    let made = world.etiqa(["man", folder.to_str().unwrap()]).await.good();
    assert!(made.stderr.contains("The pages are in "), "{made:?}");
    let pages: Vec<String> = names_in(&folder);
    for page in ["etiqa.1", "etiqa-run-backups.1", "etiqa-backup-config-add.1", "etiqa-man.1"] {
        assert!(pages.iter().any(|name| name == page), "{page}: {pages:?}");
    }
    assert!(pages.len() > 70, "{pages:?}");
    assert!(!pages.iter().any(|name| name.contains("routes")), "nobody is told of it elsewhere");
    for page in &pages {
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".TH etiqa"), "{page}: {text}");
        assert!(text.contains("Example"), "{page} has no example: {text}");
    }
    assert!(!world.data().exists(), "the manual needs no instance");
    world.file("taken", "");
    let refused = world.etiqa(["man", "taken"]).await.failed();
    assert!(
        refused.sentence(&world).starts_with("etiqa: The folder taken cannot be written: "),
        "{refused:?}"
    );
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_shell_completes_what_was_begun() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = world.etiqa(["completions", shell]).await.good().stdout;
        assert!(
            script.contains("run-backups") && script.contains("generate-passphrase"),
            "{shell}: {script}"
        );
    }
    let script = world.etiqa(["completions", "bash"]).await.good().stdout;
    let file = world.file("etiqa.bash", script);
    let asked = r#"
        source "$0"
        COMP_WORDS=(etiqa back) COMP_CWORD=1
        _etiqa etiqa back etiqa
        echo "${COMPREPLY[*]}"
        COMP_WORDS=(etiqa verify --dr) COMP_CWORD=2
        _etiqa etiqa --dr verify
        echo "${COMPREPLY[*]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["-c", asked]).arg(file).stdin(Stdio::null());
    let output = bash.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "backup-status backup-config\n--drill\n", "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!world.data().exists(), "completing needs no instance");
}

#[tokio::test]
async fn a_command_has_two_names_and_help_of_its_own() {
    let world = World::new();
    world.add_backup("Nightly", "data").await;
    for name in ["backup-status", "backup_status"] {
        let status = world.etiqa([name, "--json"]).await.good().json();
        assert_eq!(status["summary"]["configs"], 1, "{name}");
    }
    world.etiqa(["backup_config", "edit", "Nightly", "--at", "03:00"]).await.good();
    let help = world.etiqa(["run_backups", "--help"]).await.good().stdout;
    assert!(
        help.trim_end().ends_with("etiqa run-backups --config \"Daily Config Backup\" --force"),
        "{help}"
    );
    assert!(!help.contains('\u{1b}'), "colours are for terminals: {help:?}");
}

#[tokio::test]
async fn colours_are_for_terminals_and_for_those_who_want_them() {
    let world = World::new();
    let shown = on_a_terminal(world.command(["--help"]), Terminal::Stdout).await;
    assert!(shown.contains("\u{1b}["), "{shown:?}");
    let mut plain = world.command(["--help"]);
    plain.env("NO_COLOR", "1");
    let shown = on_a_terminal(plain, Terminal::Stdout).await;
    assert!(!shown.contains('\u{1b}') && shown.contains("Usage:"), "{shown:?}");
}

#[tokio::test]
async fn a_terminal_shows_a_bar_and_a_log_gets_lines() {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "config").await;
    let lines = world.etiqa(["run-backups", "--force"]).await.good().stderr;
    assert!(lines.contains("Nightly: ") && !lines.contains('\u{1b}'), "{lines:?}");
    let shown = on_a_terminal(world.command(["run-backups", "--force", "--json"]), Terminal::Stderr).await;
    assert!(shown.contains("Nightly: ") && shown.contains("\u{1b}["), "the line is drawn anew: {shown:?}");
    let shown = on_a_terminal(world.command(["verify", "--all"]), Terminal::Stderr).await;
    assert!(shown.contains("0/2"), "it counts: {shown:?}");
    assert!(shown.contains("nightly_"), "it says what it looks at: {shown:?}");
    let shown = on_a_terminal(world.command(["collect", "--all"]), Terminal::Stderr).await;
    assert!(shown.contains("core-rtr-1: "), "lines stand above the bar: {shown:?}");
}

#[tokio::test]
async fn what_a_command_found_can_be_had_as_json() {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "config").await;
    let token =
        world.etiqa(["token", "create", "monitoring", "--role", "viewer", "--json"]).await.good().json();
    assert_eq!(token["token"]["name"], "monitoring");
    assert_eq!(token["token"]["role"], "viewer");
    assert!(token["secret"].as_str().unwrap().len() > 20, "{token}");
    let tokens = world.etiqa(["token", "list", "--json"]).await.good().json();
    assert_eq!(tokens[0]["name"], "monitoring");
    assert_eq!(tokens[0].get("secret"), None);
    world.add_user("ada", "admin").await;
    let users = world.etiqa(["user", "list", "--json"]).await.good();
    assert_eq!(users.json()[0]["name"], "ada");
    assert!(!users.stdout.contains("argon2"), "{users:?}");

    let test = world.etiqa(["device", "test", "core-rtr-1", "--json"]).await.good().json();
    assert_eq!(test["class"], "ok");
    let runs = world.etiqa(["run-backups", "--force", "--json"]).await.good().json();
    assert_eq!(runs[0]["status"], "completed");
    assert_eq!(runs[0]["devices_ok"], 1);
    let not_due = world.etiqa(["run-backups", "--config", "Nightly", "--json"]).await.good();
    assert_eq!(not_due.json().as_array().unwrap().len(), 0);
    assert!(not_due.stderr.contains("is not due"), "{not_due:?}");
    let verified = world.etiqa(["verify", "--all", "--json"]).await.good().json();
    assert_eq!(verified[0]["state"], "whole");
    let shown =
        world.etiqa(["device", "show", "core-rtr-1", "--part", "running", "--json"]).await.good().json();
    assert_eq!(shown["version"]["version"], 1);
    assert!(shown["text"].as_str().unwrap().contains("hostname core-rtr-1"), "{shown}");
    let archive = world.archive();
    let held = world.etiqa(["restore", archive.to_str().unwrap(), "--list", "--json"]).await.good().json();
    assert_eq!(held["backup_config"], "Nightly");
    let drivers = world.etiqa(["drivers", "list", "--json"]).await.good().json();
    assert!(drivers.as_array().unwrap().iter().any(|driver| driver["name"] == "ios"));

    let import = world.file("devices.csv", "ip,hostname\n192.0.2.1,a\n,b\n");
    let import = world.etiqa(["import-devices", import.to_str().unwrap(), "--json"]).await.failed().json();
    assert_eq!(import["created"], 1);
    assert_eq!(import["failed"], 1);
    assert_eq!(import["errors"][0]["line"], 3);
    let driver = world.file("mine.toml", "title = \n");
    let checked = world.etiqa(["drivers", "check", driver.to_str().unwrap(), "--json"]).await.failed().json();
    assert_eq!(checked["good"], false);
    assert_eq!(checked["error"]["line"], 1);
    assert_eq!(world.etiqa(["pause", "--json"]).await.good().json()["paused"], true);
    assert_eq!(world.etiqa(["resume", "--json"]).await.good().json()["was_paused"], true);
    let fresh = World::new();
    assert!(fresh.etiqa(["setup-code", "--json"]).await.good().json()["code"].is_string());

    let mut damaged = std::fs::read(&archive).unwrap();
    let middle = damaged.len() / 2;
    damaged.truncate(middle);
    std::fs::write(&archive, damaged).unwrap();
    let verified = world.etiqa(["verify", "--all", "--json"]).await.failed().json();
    assert_eq!(verified[0]["state"], "damaged");
    assert!(verified[0]["problem"].is_string());
}

#[tokio::test]
async fn a_folder_that_machines_share_is_adopted_only_where_one_is_named() {
    let world = World::new();
    let refused = world.etiqa(["--adopt-shared-dir", "backup-status"]).await.failed();
    assert_eq!(refused.sentence(&world), "etiqa: Name the folder to use from now on with --shared-dir.");
}

/// A data directory that is somebody else's, as the one of a service is root's neighbour. None: this is not root.
fn world_of_a_stranger() -> Option<World> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let world = World::new();
    // The way there must be open to them, and nothing else.
    std::fs::set_permissions(world.place(), std::fs::Permissions::from_mode(0o711)).unwrap();
    std::fs::create_dir(world.data()).unwrap();
    chown(world.data(), Some(STRANGER), Some(STRANGER)).unwrap();
    Some(world)
}

fn owners_below(folder: &Path, found: &mut Vec<(String, u32, u32)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        found.push((entry.path().display().to_string(), metadata.uid(), metadata.gid()));
        if metadata.is_dir() {
            owners_below(&entry.path(), found);
        }
    }
}

#[tokio::test]
async fn root_leaves_nothing_that_the_owner_of_the_data_directory_could_not_use() {
    let Some(world) = world_of_a_stranger() else { return };
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let server = world.serve().await;
    for kind in ["Uid", "Gid"] {
        assert_eq!(server.status(kind), vec![STRANGER.to_string(); 4], "{kind}");
    }
    assert_eq!(server.status("Groups"), Vec::<String>::new(), "none of root's groups is left");
    // Of all that root may, only to listen on ports below 1024: CAP_NET_BIND_SERVICE is bit 10 (capabilities(7)).
    let may = u64::from_str_radix(&server.status("CapEff")[0], 16).unwrap();
    assert_eq!(may & !(1 << 10), 0, "{may:x}");
    server.stop().await;
    let mut found = Vec::new();
    owners_below(&world.data(), &mut found);
    assert!(found.len() > 8, "{found:?}");
    let others: Vec<_> =
        found.iter().filter(|(_, user, group)| (*user, *group) != (STRANGER, STRANGER)).collect();
    assert!(others.is_empty(), "{others:?}");
    let who = world.database.texts("SELECT DISTINCT who FROM audit_log WHERE means = 'command line'").await;
    assert!(
        !who.is_empty() && who.iter().all(|who| who.starts_with("root")),
        "who began it is told: {who:?}"
    );
}

#[tokio::test]
async fn a_file_of_roots_own_comes_to_the_owner_of_the_data_directory_by_standard_input() {
    let Some(world) = world_of_a_stranger() else { return };
    let list = "ip,hostname\n192.0.2.1,core-rtr-1\n";
    let file = world.file("devices.csv", list);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let refused = world.etiqa(["import-devices", file.to_str().unwrap()]).await.failed().sentence(&world);
    assert_eq!(
        refused,
        "etiqa: The file [place]/devices.csv cannot be read: Permission denied (os error 13). It was asked for as the \
         owner of the data directory: see \"As root\" in command-line.md."
    );
    world.etiqa_with_input(["import-devices", "-"], list).await.good();
}

#[tokio::test]
async fn the_doctor_asks_for_a_low_port_with_the_right_that_a_server_keeps() {
    let Some(world) = world_of_a_stranger() else { return };
    // In some containers not even root may.
    let Some(port) = (600..1_024).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) else {
        return;
    };
    let world = world.with_env("ETIQA_LISTEN", &format!("127.0.0.1:{port}"));
    let report = world.etiqa(["doctor", "--json"]).await.json();
    let check = report["checks"].as_array().unwrap().iter().find(|check| check["about"] == "port").unwrap();
    assert_eq!(check["message"], format!("127.0.0.1:{port} is free."));
}

#[tokio::test]
async fn what_comes_near_no_instance_stays_root() {
    let Some(world) = world_of_a_stranger() else { return };
    let folder = world.place().join("man1");
    world.etiqa(["man", folder.to_str().unwrap()]).await.good();
    assert_eq!(folder.metadata().unwrap().uid(), 0);
    let child = world.command(["completions", "zsh"]).spawn().unwrap();
    ended(child).await.good();
    assert_eq!(names_in(&world.data()), Vec::<String>::new());
}
