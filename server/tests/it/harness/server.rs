//! A running `etiqa serve`.

use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Client, World, until};

/// A server that listens; it is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    said: Arc<Mutex<String>>,
    address: String,
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut address = None;
        while address.is_none() {
            let line = lines.next_line().await.unwrap();
            let Some(line) = line else { panic!("the server ended: {}", said.lock().unwrap()) };
            let place = line.strip_prefix("Serving https://").or(line.strip_prefix("Serving http://"));
            address = place.map(|rest| rest.split(' ').next().unwrap().to_owned());
            note(&said, &line);
        }
        let heard = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                note(&heard, &line);
            }
        });
        Self { child, said, address: address.unwrap() }
    }

    /// Everything it has said on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Bytes of memory that it has just now.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS")[0].parse::<u64>().unwrap() << 10
    }

    /// A line of its /proc/PID/status, without the name (proc(5)).
    pub(crate) fn status(&self, name: &str) -> Vec<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.split_whitespace().map(str::to_owned).collect()
    }

    /// The code for the first admin, once it was printed.
    pub(crate) async fn setup_code(&self) -> String {
        until("the setup code", async || {
            let said = self.said();
            Some(said.split_once("with the code ")?.1.lines().next()?.to_owned())
        })
        .await
    }

    /// Somebody nobody knows.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(&self.address)
    }

    /// A program with a token.
    pub(crate) fn with_token(&self, token: &str) -> Client {
        self.stranger().and_header("authorization", &format!("Bearer {token}"))
    }

    /// A browser whose person has signed in.
    pub(crate) async fn signed_in(&self, name: &str) -> Client {
        self.stranger().sign_in(name, &World::password_of(name)).await.browser(&self.address)
    }

    /// Sends SIGTERM and waits for the end; gives the exit code, which no signal has.
    pub(crate) async fn stop(mut self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        let status = self.child.wait().await.unwrap();
        (status.code(), self.said())
    }

    /// Sends SIGTERM twice, the second time while it is stopping.
    pub(crate) async fn stop_at_once(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        until("the server's last words", async || self.said().contains("stopping").then_some(())).await;
        self.signal(Signal::TERM);
        self.child.wait().await.unwrap().code()
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::KILL);
        self.child.wait().await.unwrap();
    }

    /// Waits until it has ended by itself; gives the exit code, which no signal has.
    pub(crate) async fn died(mut self) -> Option<i32> {
        self.child.wait().await.unwrap().code()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).ok().and_then(Pid::from_raw);
        kill_process(pid.unwrap(), signal).unwrap();
    }
}

fn note(said: &Mutex<String>, line: &str) {
    let mut said = said.lock().unwrap();
    said.push_str(line);
    said.push('\n');
}
