//! A small SSH client, so that the simulator is judged by what it sends.

use std::sync::Arc;

use etiqa_simulator::SimulatedDevice;
use russh::client::{Config, Handle, Handler};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelMsg, client};

#[derive(Default)]
pub(crate) struct AnyHostKey(Arc<std::sync::Mutex<Option<String>>>);

impl Handler for AnyHostKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        *self.0.lock().unwrap() =
            Some(key.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string());
        Ok(true)
    }
}

/// A connection that has not logged in.
pub(crate) async fn connect(device: &SimulatedDevice) -> (Handle<AnyHostKey>, String) {
    let seen = Arc::default();
    let handler = AnyHostKey(Arc::clone(&seen));
    let handle = client::connect(Arc::new(Config::default()), device.addr(), handler).await.unwrap();
    let fingerprint = seen.lock().unwrap().clone().unwrap();
    (handle, fingerprint)
}

/// A connection that has logged in by password.
pub(crate) async fn login(device: &SimulatedDevice) -> Handle<AnyHostKey> {
    let (mut handle, _) = connect(device).await;
    assert!(handle.authenticate_password("admin", "admin").await.unwrap().success());
    handle
}

/// A shell, and everything it said so far.
pub(crate) struct Shell {
    _connection: Handle<AnyHostKey>,
    channel: Channel<client::Msg>,
    heard: String,
}

impl Shell {
    pub(crate) async fn open(device: &SimulatedDevice) -> Self {
        let connection = login(device).await;
        let channel = connection.channel_open_session().await.unwrap();
        channel.request_pty(false, "vt100", 80, 24, 0, 0, &[]).await.unwrap();
        channel.request_shell(true).await.unwrap();
        Self { _connection: connection, channel, heard: String::new() }
    }

    pub(crate) async fn type_in(&self, text: &str) {
        self.channel.data(text.as_bytes()).await.unwrap();
    }

    /// Everything up to and with `end`.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.heard.find(end) {
                let rest = self.heard.split_off(at + end.len());
                return std::mem::replace(&mut self.heard, rest);
            }
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => self.heard.push_str(std::str::from_utf8(&data).unwrap()),
                Some(_) => {}
                None => panic!("the device left without {end:?}; it said {:?}", self.heard),
            }
        }
    }

    /// Everything until the device leaves.
    pub(crate) async fn rest(&mut self) -> String {
        while let Some(message) = self.channel.wait().await {
            if let ChannelMsg::Data { data } = message {
                self.heard.push_str(std::str::from_utf8(&data).unwrap());
            }
        }
        std::mem::take(&mut self.heard)
    }

    /// What a command prints, echo and prompt taken off, with LF line ends.
    pub(crate) async fn run(&mut self, command: &str, prompt: &str) -> String {
        self.type_in(&format!("{command}\n")).await;
        assert_eq!(self.until("\r\n").await, format!("{command}\r\n"), "the echo comes first");
        let output = self.until(prompt).await;
        output.strip_suffix(prompt).unwrap().replace("\r\n", "\n")
    }
}

/// What a program wrote, and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: Option<u32>,
}

pub(crate) async fn exec(connection: &Handle<AnyHostKey>, command: &str) -> Finished {
    let mut channel = connection.channel_open_session().await.unwrap();
    channel.exec(true, command).await.unwrap();
    let mut finished = Finished::default();
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => finished.stdout.push_str(std::str::from_utf8(&data).unwrap()),
            ChannelMsg::ExtendedData { data, .. } => {
                finished.stderr.push_str(std::str::from_utf8(&data).unwrap());
            }
            ChannelMsg::ExitStatus { exit_status } => finished.status = Some(exit_status),
            _ => {}
        }
    }
    finished
}
