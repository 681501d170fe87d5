//! The SSH side of a session: who may log in, and which channel runs what.

mod config;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use russh::keys::PublicKey;
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub(crate) use config::server_config;

use crate::output::Output;
use crate::spec::Personality;
use crate::state::State;
use crate::terminal::Terminal;
use crate::{cli, recorded, transfer};

/// Where OpenSSH's SFTP server is on such appliances.
const SFTP_SERVER: &str = "/usr/libexec/openssh/sftp-server";

/// What a channel runs.
enum Program {
    Shell,
    Command(String),
    Sftp,
}

/// One client's session.
pub(crate) struct Client {
    state: Arc<State>,
    authorized_key: Option<PublicKey>,
    is_logged_in: Arc<AtomicBool>,
    channels: HashMap<ChannelId, Line>,
}

/// A session channel: opened, perhaps with a terminal, then running one shell or command.
struct Line {
    idle: Option<(Output, mpsc::UnboundedReceiver<Vec<u8>>)>,
    input: Option<mpsc::UnboundedSender<Vec<u8>>>,
    task: Option<AbortHandle>,
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Client {
    pub(crate) fn new(
        state: Arc<State>,
        authorized_key: Option<PublicKey>,
        is_logged_in: Arc<AtomicBool>,
    ) -> Self {
        Self { state, authorized_key, is_logged_in, channels: HashMap::new() }
    }

    /// Whether somebody who logs in has anything to talk to.
    fn has_command_line(&self) -> bool {
        let spec = &self.state.spec;
        spec.recording.is_some() || Personality::ALL.contains(&spec.personality)
    }

    /// Whether the device has anything of this kind.
    fn can_run(&self, program: &Program) -> bool {
        let spec = &self.state.spec;
        match (&spec.recording, program) {
            (Some(recording), program) => match program {
                Program::Shell => !recording.is_exec,
                Program::Command(_) => recording.is_exec,
                Program::Sftp => false,
            },
            (None, Program::Sftp) => {
                matches!(spec.personality, Personality::Linux | Personality::BigIp | Personality::Gaia)
            }
            (None, _) => true,
        }
    }

    /// Starts a program on a channel that runs nothing yet.
    fn run(&mut self, id: ChannelId, program: Program, session: &mut Session) -> Result<(), russh::Error> {
        if !self.can_run(&program) {
            return session.channel_failure(id);
        }
        let Some((line, (mut output, mut input))) =
            self.channels.get_mut(&id).and_then(|line| line.idle.take().map(|idle| (line, idle)))
        else {
            return session.channel_failure(id);
        };
        let state = self.state.clone();
        output.set_faults(state.faults());
        let task = tokio::spawn(async move {
            // Gone means that the client left, or a fault did its work: nobody is there to be told.
            let _ = if state.spec.recording.is_some() {
                match program {
                    Program::Command(command) => recorded::run_command(&state, &mut output, &command).await,
                    _ => recorded::run_shell(&state, &mut output, &mut input).await,
                }
            } else {
                match program {
                    Program::Shell => cli::run_shell(&state, &mut Terminal::new(output, input)).await,
                    Program::Sftp if transfer::is_possible(&state) => {
                        transfer::serve(&state, &mut output, &mut input).await
                    }
                    // The server runs it as a command of the login shell, which may know of none.
                    Program::Sftp => cli::run_command(&state, &mut output, SFTP_SERVER).await,
                    Program::Command(command) => {
                        cli::run_program(&state, &mut output, &mut input, &command).await
                    }
                }
            };
        });
        line.task = Some(task.abort_handle());
        session.channel_success(id)
    }
}

fn accepted_if(is_right: bool) -> Auth {
    if is_right { Auth::Accept } else { Auth::reject() }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        if self.state.spec.recording.is_some() {
            return Ok(None);
        }
        Ok(crate::text::login_banner(self.state.spec.personality).map(str::to_owned))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(accepted_if(self.has_command_line() && self.state.accepts_password(user, password)))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut answers) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            });
        };
        let answer = answers.next().unwrap_or_default();
        let is_right = self.state.accepts_password(user, &String::from_utf8_lossy(&answer));
        Ok(accepted_if(self.has_command_line() && is_right))
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        let is_known =
            self.authorized_key.as_ref().is_some_and(|key| key.key_data() == offer.public_key.key_data());
        Ok(accepted_if(self.has_command_line() && is_known && self.state.accepts_user(user)))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let is_known =
            self.authorized_key.as_ref().is_some_and(|known| known.key_data() == key.public_key.key_data());
        Ok(accepted_if(self.has_command_line() && is_known && self.state.accepts_user(user)))
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), Self::Error> {
        self.is_logged_in.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let id = channel.id();
        // Input comes through `data`, whose queue has no end: a channel's own queue, once full, would stop
        // every other channel of the connection.
        let (_, write) = channel.split();
        let (sender, receiver) = mpsc::unbounded_channel();
        let output = Output::channel(write, session.handle());
        self.channels.insert(id, Line { idle: Some((output, receiver)), input: Some(sender), task: None });
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _from_host: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let host = if host == "localhost" { "127.0.0.1" } else { host };
        let target = host.parse::<IpAddr>().ok().filter(IpAddr::is_loopback).zip(u16::try_from(port).ok());
        let Some(target) = target.filter(|_| self.state.spec.jump_host) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        let state = self.state.clone();
        tokio::spawn(async move {
            let Ok(mut tcp) = TcpStream::connect(target).await else {
                return reply.reject(ChannelOpenFailure::ConnectFailed).await;
            };
            state.count_jump();
            reply.accept().await;
            // It ends when either side does, in order or not.
            let _ = tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut tcp).await;
        });
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Self::Error> {
        if let Some(input) = self.channels.get(&id).and_then(|line| line.input.as_ref()) {
            // A finished command reads no more, as a closed pipe.
            let _ = input.send(data.to_vec());
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        if let Some(line) = self.channels.get_mut(&id) {
            line.input = None;
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.channels.remove(&id);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(id)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.run(id, Program::Shell, session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if name == "sftp" { self.run(id, Program::Sftp, session) } else { session.channel_failure(id) }
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.run(id, Program::Command(String::from_utf8_lossy(command).into_owned()), session)
    }
}
