//! Fetching a file over an SSH connection that is open already: by SFTP, and where the server has none, by SCP.

use etiqa_model::class::Class;
use russh::ChannelMsg;
use russh_sftp::client::SftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::StatusCode;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::ssh::Connection;
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::target::Limits;

/// A file is read in pieces of so many bytes; servers give no more at once (OpenSSH: 256 KiB, others 32 KiB).
const PIECE: usize = 32 * 1024;

/// Takes what comes of a file, piece by piece.
pub(in crate::collect) trait Sink: Send {
    /// The next bytes.
    fn take(&mut self, piece: &[u8]) -> impl Future<Output = Step<()>> + Send;
}

/// Fetches the file at `path` into `sink`. Its length must be the one that the server announces.
pub(in crate::collect) async fn fetch(
    connection: &Connection,
    path: &str,
    limits: &Limits,
    sink: &mut impl Sink,
) -> Step<()> {
    match sftp(connection, path, limits, sink).await? {
        Fetched::Whole => Ok(()),
        Fetched::NoSftp => scp(connection, path, limits, sink).await,
    }
}

enum Fetched {
    Whole,
    /// Nothing came yet, so another way may be tried.
    NoSftp,
}

/// Version 3 of the protocol (draft-ietf-secsh-filexfer-02), the one that all servers speak.
async fn sftp(connection: &Connection, path: &str, limits: &Limits, sink: &mut impl Sink) -> Step<Fetched> {
    let opened = timeout(limits.step, async {
        let channel = connection.handle.channel_open_session().await.ok()?;
        channel.request_subsystem(true, "sftp").await.ok()?;
        let session = SftpSession::new(channel.into_stream()).await.ok()?;
        session.set_timeout(limits.step.as_secs().max(1));
        Some(session)
    });
    let Ok(Some(session)) = opened.await else { return Ok(Fetched::NoSftp) };
    let failed = |error: &SftpError| sftp_failure(error, path);
    let mut file = session.open(path).await.map_err(|error| failed(&error))?;
    let announced = file.metadata().await.map_err(|error| failed(&error))?.size;
    let mut piece = vec![0; PIECE];
    let mut size = 0_u64;
    loop {
        let read = match timeout(limits.step, file.read(&mut piece)).await {
            Ok(Ok(0)) => break,
            Ok(Ok(read)) => read,
            Ok(Err(_)) => return Err(cut_short(path)),
            Err(_) => return Err(silent(path, limits)),
        };
        sink.take(&piece[..read]).await?;
        size += read as u64;
    }
    if announced.is_some_and(|announced| announced != size) {
        return Err(cut_short(path));
    }
    session.close().await.ok();
    Ok(Fetched::Whole)
}

fn sftp_failure(error: &SftpError, path: &str) -> Failure {
    match error {
        SftpError::Status(status) if status.status_code == StatusCode::NoSuchFile => {
            Failure::new(Class::CommandRejected, format!("The device has no file {path}."))
        }
        SftpError::Status(status) => {
            let said = excerpt(&status.error_message, 120);
            let message = format!("The device does not give the file {path}: “{said}”.");
            Failure::new(Class::CommandRejected, message)
        }
        _ => cut_short(path),
    }
}

/// The source side of `scp`, as OpenSSH's own tool speaks it: a line `C0644 SIZE NAME`, the bytes, a zero byte.
async fn scp(connection: &Connection, path: &str, limits: &Limits, sink: &mut impl Sink) -> Step<()> {
    let mut channel = connection.exec(&format!("scp -f {}", quoted(path)), limits).await?;
    let ready = |_| Failure::new(Class::Disconnected, format!("The connection was lost before {path} came."));
    channel.data(&b"\0"[..]).await.map_err(ready)?;
    let mut state = Scp::Head(Vec::new());
    loop {
        let Ok(message) = timeout(limits.step, channel.wait()).await else {
            return Err(silent(path, limits));
        };
        let data = match message {
            Some(ChannelMsg::Data { data }) => data,
            Some(ChannelMsg::Failure) => return Err(no_way(path)),
            Some(ChannelMsg::ExitStatus { exit_status }) if exit_status != 0 => return Err(no_way(path)),
            Some(ChannelMsg::Close) | None => return Err(cut_short(path)),
            Some(_) => continue,
        };
        let mut rest = &data[..];
        while !rest.is_empty() {
            let taken = match &mut state {
                Scp::Head(line) => {
                    let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
                    line.extend_from_slice(&rest[..end]);
                    if line.len() > 4096 {
                        return Err(no_way(path));
                    }
                    if line.ends_with(b"\n") {
                        state = Scp::Bytes(announced(line, path)?);
                        channel.data(&b"\0"[..]).await.map_err(ready)?;
                    }
                    end
                }
                Scp::Bytes(left) if *left > 0 => {
                    let count = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    sink.take(&rest[..count]).await?;
                    *left -= count as u64;
                    count
                }
                // The byte behind the file says whether the other side could read all of it.
                Scp::Bytes(_) if rest[0] == 0 => return Ok(()),
                Scp::Bytes(_) => return Err(cut_short(path)),
            };
            rest = &rest[taken..];
        }
    }
}

enum Scp {
    Head(Vec<u8>),
    /// So many are still to come.
    Bytes(u64),
}

/// The size in `C0644 SIZE NAME`; 1 and 2 in front of a line are errors, and what is no such line comes from a shell.
fn announced(line: &[u8], path: &str) -> Step<u64> {
    let text = String::from_utf8_lossy(line);
    match text.strip_prefix('C').and_then(|rest| rest.split(' ').nth(1)).map(str::parse) {
        Some(Ok(size)) => Ok(size),
        _ if text.starts_with(['\u{1}', '\u{2}']) => {
            let said = excerpt(&text, 120);
            Err(Failure::new(
                Class::CommandRejected,
                format!("The device does not give the file {path}: “{said}”."),
            ))
        }
        _ => Err(no_way(path)),
    }
}

/// For a POSIX shell.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

fn no_way(path: &str) -> Failure {
    let message = format!(
        "The device gives {path} neither by SFTP nor by SCP to this user; its login shell must allow one of them."
    );
    Failure::new(Class::CommandRejected, message)
}

fn cut_short(path: &str) -> Failure {
    Failure::new(Class::Incomplete, format!("The file {path} ended before its end; nothing was stored."))
}

fn silent(path: &str, limits: &Limits) -> Failure {
    let seconds = limits.step.as_secs_f32();
    Failure::new(Class::Timeout, format!("The device was silent for {seconds} s while it sent {path}."))
}
