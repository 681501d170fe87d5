//! A real telnet server, GNU inetutils' telnetd, with a login dialogue and a real shell behind it.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use etiqa_engine::collect::{Driver, DriverSet, Outcome, Target, identify};
use etiqa_model::class::Class;
use etiqa_model::device::Transport;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{at, limits, lines, login, run, text};

/// Where the distribution has it, and where `make test` unpacks it.
const TELNETD: [&str; 3] = [
    "/usr/sbin/telnetd",
    "/usr/sbin/in.telnetd",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/telnetd/usr/sbin/telnetd"),
];

/// What asks for the name and the password, as `login` does it; where there is a file `before`, that is done first.
const LOGIN: &str = r#"#!/bin/bash
cd "${0%/*}"
[ ! -e before ] || . ./before
for try in 1 2 3; do
  printf '\nhost login: '
  read -r name
  stty -echo
  printf 'Password: '
  read -r password
  stty echo
  echo
  if [ "$name" = admin ] && [ "$password" = 'correct hörse' ]; then
    printf 'Last login: Mon Nov 23 19:17:04 on ttyS0\n\n'
    exec env -i TERM="$TERM" PATH="$PATH" HOME="$PWD" PS1='admin@host:\w\$ ' bash --noprofile --norc
  fi
  printf '\nLogin incorrect\n'
done
"#;

const BASH: &str = r"
title = 'Bash'
mode = 'shell'
logout = ['exit']
[prompt]
privileged = '(?P<host>\w+@\w+):\S*[#$]'
[login]
refused = ['Login incorrect']
";

/// Starts the server's program for each connection, as inetd does it. Ends with the test.
struct Telnetd {
    accepts: JoinHandle<()>,
    processes: Arc<Mutex<Vec<Child>>>,
    directory: TempDir,
    port: u16,
}

impl Telnetd {
    async fn start() -> Self {
        let program = TELNETD.iter().find(|path| Path::new(path).exists());
        let program = *program.expect("telnetd is missing: run `make test`, which fetches it.");
        let directory = tempfile::tempdir().unwrap();
        let dialogue = directory.path().join("login");
        std::fs::write(&dialogue, LOGIN).unwrap();
        Command::new("chmod").arg("755").arg(&dialogue).status().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let processes = Arc::new(Mutex::new(Vec::new()));
        let children = Arc::clone(&processes);
        let accepts = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream = stream.into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                let mut command = Command::new(program);
                command.arg("-h").arg("-E").arg(&dialogue);
                let output = Stdio::from(OwnedFd::from(stream.try_clone().unwrap()));
                command.stdin(OwnedFd::from(stream)).stdout(output).stderr(Stdio::null());
                children.lock().unwrap().push(command.spawn().unwrap());
            }
        });
        Self { accepts, processes, directory, port }
    }

    fn target(&self) -> Target {
        Target { transport: Transport::Telnet, ..at("127.0.0.1", self.port) }
    }

    /// A file in the directory that the shell begins in.
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.directory.path().join(name), bytes).unwrap();
    }

    async fn collect(&self, command: &str) -> Outcome {
        run(&self.target(), &bash(command), &[login("net", "correct hörse")]).await
    }
}

impl Drop for Telnetd {
    fn drop(&mut self) {
        self.accepts.abort();
        for process in self.processes.lock().unwrap().iter_mut() {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

fn bash(command: &str) -> Driver {
    Driver::parse("bash", &format!("{BASH}\n[[command]]\nsend = '{command}'\npart = 'running'\n")).unwrap()
}

#[tokio::test]
async fn a_long_text_comes_whole_over_telnet() {
    let telnetd = Telnetd::start().await;
    let whole = lines(5_000, |line| format!("line {line} of some configuration"));
    telnetd.write("config", &whole);
    let outcome = telnetd.collect("cat config").await;
    assert!(text(&outcome, "running") == whole, "{} bytes", text(&outcome, "running").len());
    assert_eq!(outcome.login.as_deref(), Some("net"));
}

#[tokio::test]
async fn bytes_that_look_like_telnet_commands_are_text() {
    let telnetd = Telnetd::start().await;
    let pieces: [&[u8]; 6] = [
        b"\xff",
        b"\xff\xfd\x01",
        b"\xff\xff\xfb\x03",
        b"\xff\xfa\x18\x01\xff\xf0",
        b"end \xff\xf2",
        "ß".as_bytes(),
    ];
    let mut bytes = Vec::new();
    for index in 0..5_000 {
        bytes.extend(format!("line {index} ").bytes());
        bytes.extend(pieces[index % pieces.len()]);
        bytes.push(b'\n');
    }
    telnetd.write("config", &bytes);
    let outcome = telnetd.collect("cat config").await;
    // 0x01 and 0x03 are control characters, which a terminal does not show.
    let expected = String::from_utf8_lossy(&bytes).replace(['\u{1}', '\u{3}', '\u{18}'], "");
    assert!(text(&outcome, "running") == expected, "{}", &text(&outcome, "running")[..200]);
}

#[tokio::test]
async fn the_terminal_is_as_the_driver_says() {
    let telnetd = Telnetd::start().await;
    let outcome = telnetd.collect("stty size; echo $TERM; stty -a | grep -o \"echo \"").await;
    assert_eq!(text(&outcome, "running"), "1000 511\nvt100\necho \n");
}

#[tokio::test]
async fn a_wrong_password_is_refused_over_telnet_and_the_next_credential_tried() {
    let telnetd = Telnetd::start().await;
    let driver = bash("echo hello");
    let wrong = login("old", "battery staple");
    let outcome = run(&telnetd.target(), &driver, std::slice::from_ref(&wrong)).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}", outcome.message);
    assert_eq!(outcome.message, "The device refused the credential old (user admin).");
    let transcript = outcome.transcript.unwrap();
    assert!(transcript.contains("Login incorrect") && !transcript.contains("battery"), "{transcript}");

    let outcome = run(&telnetd.target(), &driver, &[wrong, login("new", "correct hörse")]).await;
    assert_eq!(text(&outcome, "running"), "hello\n");
    assert_eq!(outcome.login.as_deref(), Some("new"));
}

#[tokio::test]
async fn output_that_the_server_throws_away_at_login_takes_nothing_else_with_it() {
    let telnetd = Telnetd::start().await;
    // The server then says so by an urgent mark in the stream (RFC 854, "synch").
    let flush = "import termios, time; time.sleep(0.2); termios.tcflush(0, termios.TCIOFLUSH)";
    telnetd.write("before", format!("python3 -c '{flush}'\nprintf 'Welcome.\\n'\n"));
    let outcome = telnetd.collect("echo hello").await;
    assert_eq!(text(&outcome, "running"), "hello\n");
    // Within a text as well.
    let flush = format!("python3 -c \"{flush}\"; echo hello");
    let outcome =
        run(&telnetd.target(), &bash(&flush.replace('\'', "''")), &[login("net", "correct hörse")]).await;
    assert_eq!(text(&outcome, "running"), "hello\n");
}

#[tokio::test]
async fn a_host_behind_telnet_is_recognised() {
    let telnetd = Telnetd::start().await;
    let (drivers, logins) = (DriverSet::built_in(), [login("net", "correct hörse")]);
    let (target, token) = (telnetd.target(), CancellationToken::new());
    let found = identify(&target, &drivers, &logins, &limits(), &token).await.unwrap();
    assert_eq!(found.outcome.class, Class::Ok, "{}", found.outcome.message);
    assert_eq!(found.driver.as_ref().map(|driver| driver.name()), Some("linux"), "{}", found.outcome.message);
    let wrong = [login("old", "battery staple")];
    let found = identify(&target, &drivers, &wrong, &limits(), &token).await.unwrap();
    assert_eq!(found.outcome.class, Class::AuthFailed, "{}", found.outcome.message);
}

#[tokio::test]
async fn a_host_behind_a_jump_host_is_collected_over_telnet() {
    let telnetd = Telnetd::start().await;
    let hop = crate::sshd::Sshd::start("").await;
    let target = Target { via: vec![hop.hop("hop")], ..telnetd.target() };
    let outcome = run(&target, &bash("seq 5000"), &[login("net", "correct hörse")]).await;
    assert_eq!(text(&outcome, "running").lines().count(), 5_000);
}
