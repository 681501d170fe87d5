//! The sending side of a push (gitprotocol-pack(5), "Pushing data to a server"): what the remote has, what it is sent, and
//! what it says of it. The same over SSH and HTTP.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use git2::{Oid, Repository};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::lines::{Broken, FLUSH, Line, Lines, write_line};
use super::missing::{NoPack, pack_missing};
use super::push::{PushError, PushErrorKind};
use super::repository::{branch_reference, name_of, open_repository, tip_of};
use super::words::plain;

/// Bytes of a list of branches and tags: some hundred thousand of them.
pub(super) const MOST_ADVERTISED: usize = 32 * 1024 * 1024;
/// Bytes of an answer, with all that a hook says.
pub(super) const MOST_REPORTED: usize = 8 * 1024 * 1024;
/// Bytes that are kept of what a remote says to a person.
const MOST_SAID: usize = 4 * 1024;

/// What a remote has.
#[derive(Debug, Default)]
pub(super) struct Advertised {
    refs: Vec<(Oid, String)>,
    capabilities: Vec<String>,
}

/// What is to be done.
pub(super) enum Todo {
    /// The remote has the commit already.
    Nothing(Oid),
    Send(Sending),
}

/// A push that is ready.
pub(super) struct Sending {
    pub(super) new: Oid,
    /// `refs/heads/…`.
    reference: String,
    /// What the remote is asked for.
    pub(super) request: Vec<u8>,
    /// Behind the request.
    pub(super) pack: File,
    pub(super) pack_bytes: u64,
    is_side_band: bool,
}

impl Advertised {
    /// Reads what the remote has, to the mark behind it.
    pub(super) async fn read<R: AsyncRead + Unpin>(lines: &mut Lines<R>) -> Result<Self, Broken> {
        let mut advertised = Self::default();
        loop {
            let Line::Data(line) = lines.next().await? else { return Ok(advertised) };
            advertised.take(&line)?;
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Broken> {
        let garbled = || Broken::Garbled(plain(&String::from_utf8_lossy(line), 120));
        let text = std::str::from_utf8(line).map_err(|_| garbled())?.trim_end_matches('\n');
        if let Some(why) = text.strip_prefix("ERR ") {
            return Err(Broken::Refused(plain(why, 200)));
        }
        let (entry, capabilities) = text.split_once('\0').map_or((text, None), |(a, b)| (a, Some(b)));
        if let Some(capabilities) = capabilities.filter(|_| self.refs.is_empty()) {
            self.capabilities = capabilities.split(' ').map(str::to_owned).collect();
        }
        let (id, name) = entry.split_once(' ').ok_or_else(garbled)?;
        if matches!(id, "version" | "shallow") {
            return Ok(());
        }
        let id = Some(id).filter(|id| id.len() == 40).and_then(|id| Oid::from_str(id).ok());
        // A repository of SHA-256 has longer names, and says so.
        match id {
            Some(id) if id.is_zero() => Ok(()),
            Some(id) => {
                self.refs.push((id, name.to_owned()));
                Ok(())
            }
            None if self.capabilities.iter().any(|known| known == "object-format=sha256") => Ok(()),
            None => Err(garbled()),
        }
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    /// A repository that is read without a protocol.
    pub(super) fn of(refs: Vec<(Oid, String)>) -> Self {
        Self { refs, capabilities: vec!["report-status".to_owned()] }
    }

    fn id_of(&self, reference: &str) -> Option<Oid> {
        self.refs.iter().find(|(_, name)| name == reference).map(|(id, _)| *id)
    }
}

/// Prepares to bring `branch` of a remote that has `advertised` to where it is in the repository here.
pub(super) async fn prepare(
    repository: &Path,
    branch: &str,
    advertised: Advertised,
) -> Result<Todo, PushError> {
    let (repository, branch) = (PathBuf::from(repository), branch.to_owned());
    let prepared = spawn_blocking(move || decide(&repository, &branch, &advertised)).await;
    prepared.map_err(|error| PushError::here(&error.to_string()))?
}

fn decide(repository: &Path, branch: &str, advertised: &Advertised) -> Result<Todo, PushError> {
    let reference =
        branch_reference(branch).map_err(|error| PushError::new(PushErrorKind::Address, error.message))?;
    if advertised.can("object-format=sha256") {
        let message = "The repository at the remote names its objects by SHA-256, which the mirror does not; give it one \
                       that was made with \"git init --bare\" alone.";
        return Err(PushError::new(PushErrorKind::Unsupported, message));
    }
    if !advertised.can("report-status") {
        let message = "The remote does not say whether it keeps what it is sent; its Git is too old.";
        return Err(PushError::new(PushErrorKind::Unsupported, message));
    }
    let repo = open_repository(repository).map_err(here)?;
    let old = advertised.id_of(&reference);
    let new = match (tip_of(&repo, &reference).map_err(here)?, old) {
        (Some(new), _) => new,
        (None, Some(_)) => return Err(diverged(repository, branch)),
        (None, None) => {
            let message =
                format!("The mirror has no branch {branch} yet: its first commit comes with the next run.");
            return Err(PushError::new(PushErrorKind::Nothing, message));
        }
    };
    match old {
        Some(old) if old == new => return Ok(Todo::Nothing(new)),
        Some(old) if !is_before(&repo, old, new).map_err(here)? => return Err(diverged(repository, branch)),
        _ => {}
    }
    let theirs = advertised.refs.iter().map(|(id, _)| *id);
    let (pack, pack_bytes) = pack_missing(&repo, new, theirs).map_err(|error| match error {
        NoPack::Git(error) => here(error),
        NoPack::Io(error) => PushError::here(&error.to_string()),
    })?;
    let is_side_band = advertised.can("side-band-64k");
    let mut wanted = vec!["report-status"];
    wanted.extend(is_side_band.then_some("side-band-64k"));
    wanted.extend(["object-format=sha1"].into_iter().filter(|name| advertised.can(name)));
    let agent = concat!("agent=etiqa/", env!("CARGO_PKG_VERSION"));
    wanted.extend(advertised.capabilities.iter().any(|known| known.starts_with("agent=")).then_some(agent));
    let mut request = Vec::new();
    let from = old.unwrap_or(Oid::ZERO_SHA1);
    write_line(&mut request, format!("{from} {new} {reference}\0 {}", wanted.join(" ")).as_bytes());
    request.extend_from_slice(FLUSH);
    Ok(Todo::Send(Sending { new, reference, request, pack: File::from_std(pack), pack_bytes, is_side_band }))
}

/// Whose commits those are, this side cannot tell: they are not here.
fn diverged(repository: &Path, branch: &str) -> PushError {
    let message = format!(
        "The branch {branch} at the remote has commits that the mirror here does not have: of another machine, of this \
         instance before it was restored, or of somebody else. Where they are ours, bring them here with \
         \"git fetch URL +{branch}:{branch}\" in the folder {} of the data directory, and the mirror goes on from them; else \
         give it a branch of its own.",
        name_of(repository)
    );
    PushError::new(PushErrorKind::Diverged, message)
}

/// Whether `old`, which may not be here at all, is among the commits that led to `new`.
pub(super) fn is_before(repo: &Repository, old: Oid, new: Oid) -> Result<bool, git2::Error> {
    Ok(repo.find_commit(old).is_ok() && repo.graph_descendant_of(new, old)?)
}

fn here(error: git2::Error) -> PushError {
    PushError::here(error.message())
}

/// Sends a push over a two-way stream, and gives what the remote says to a person.
pub(super) async fn send_and_hear<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    mut sending: Sending,
    branch: &str,
    lines: &mut Lines<R>,
    to: &mut W,
    silence: Duration,
) -> Result<String, PushError> {
    let is_sending = lines.is_sending();
    is_sending.store(true, Ordering::Relaxed);
    let expected = Expected::of(&sending, branch);
    let mut hearing = pin!(hear(lines, &expected));
    let mut sending = pin!(async {
        let sent = send(&mut sending, to, silence).await;
        is_sending.store(false, Ordering::Relaxed);
        sent
    });
    // A remote speaks while it is sent to, and may refuse before it has all.
    tokio::select! {
        heard = &mut hearing => heard,
        sent = &mut sending => match (hearing.await, sent) {
            // Why it does not listen any more is in what it says.
            (Err(error), Err(unsent)) if error.kind == PushErrorKind::Lost => Err(unsent),
            (heard, _) => heard,
        },
    }
}

async fn send<W: AsyncWrite + Unpin>(
    sending: &mut Sending,
    to: &mut W,
    silence: Duration,
) -> Result<(), PushError> {
    let mut piece = vec![0; 32 * 1024];
    let mut rest = std::mem::take(&mut sending.request);
    loop {
        match timeout(silence, to.write_all(&rest)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(PushError::lost()),
            Err(_) => return Err(PushError::silent(silence)),
        }
        let read =
            sending.pack.read(&mut piece).await.map_err(|error| PushError::here(&error.to_string()))?;
        if read == 0 {
            break;
        }
        rest.clear();
        rest.extend_from_slice(&piece[..read]);
    }
    match timeout(silence, to.flush()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(PushError::lost()),
        Err(_) => Err(PushError::silent(silence)),
    }
}

/// What an answer is about.
pub(super) struct Expected {
    branch: String,
    reference: String,
    is_side_band: bool,
}

impl Expected {
    pub(super) fn of(sending: &Sending, branch: &str) -> Self {
        Self {
            branch: branch.to_owned(),
            reference: sending.reference.clone(),
            is_side_band: sending.is_side_band,
        }
    }
}

/// Hears what became of a push. Gives what the remote says to a person, as one line.
pub(super) async fn hear<R: AsyncRead + Unpin>(
    lines: &mut Lines<R>,
    expected: &Expected,
) -> Result<String, PushError> {
    let (mut report, mut said) = (Vec::new(), Vec::new());
    loop {
        let line = match lines.next().await {
            Ok(Line::Data(line)) => line,
            Ok(Line::Flush) => break,
            // Some servers leave the last mark out.
            Err(Broken::Ended) if !report.is_empty() => break,
            Err(broken) => return Err(PushError::broken(broken, &said)),
        };
        if !expected.is_side_band {
            write_line(&mut report, &line);
            continue;
        }
        match line.split_first() {
            Some((1, data)) => report.extend_from_slice(data),
            Some((2, data)) => keep(&mut said, data),
            Some((3, data)) => {
                keep(&mut said, data);
                let message = format!("The remote gave up{}.", quoted(&said));
                return Err(PushError::new(PushErrorKind::Remote, message));
            }
            _ => return Err(PushError::broken(Broken::Garbled(String::new()), &said)),
        }
    }
    verdict(&report, &said, expected).await
}

/// Reads a report (gitprotocol-pack(5), "Report Status").
async fn verdict(report: &[u8], said: &[u8], expected: &Expected) -> Result<String, PushError> {
    let mut lines = Lines::new(report, Duration::MAX, report.len());
    let mut is_done = false;
    while let Ok(Line::Data(line)) = lines.next().await {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if let Some(how) = text.strip_prefix("unpack ") {
            if how != "ok" {
                let message = format!(
                    "The remote could not store what it was sent: “{}”{}.",
                    plain(how, 200),
                    quoted(said)
                );
                return Err(PushError::new(PushErrorKind::Remote, message));
            }
        } else if let Some(rest) = text.strip_prefix("ng ") {
            let why = rest.strip_prefix(expected.reference.as_str()).unwrap_or(rest).trim();
            return Err(declined(why, said, expected));
        } else if text.strip_prefix("ok ") == Some(expected.reference.as_str()) {
            is_done = true;
        }
    }
    if !is_done {
        return Err(PushError::broken(Broken::Garbled(String::new()), said));
    }
    Ok(plain(&String::from_utf8_lossy(said), 300))
}

fn declined(why: &str, said: &[u8], expected: &Expected) -> PushError {
    let branch = &expected.branch;
    // What Git says where somebody else moved the branch in between (`refs.c`).
    let is_race = ["lock", "expected", "failed to update ref"].iter().any(|word| why.contains(word));
    let kind = if is_race { PushErrorKind::Busy } else { PushErrorKind::Declined };
    let message = format!("The remote declined the branch {branch}: “{}”{}.", plain(why, 200), quoted(said));
    PushError::new(kind, message)
}

pub(super) fn keep(said: &mut Vec<u8>, data: &[u8]) {
    let room = MOST_SAID - said.len().min(MOST_SAID);
    said.extend_from_slice(&data[..data.len().min(room)]);
}

/// `; it says “…”`, or nothing.
pub(super) fn quoted(said: &[u8]) -> String {
    let said = plain(&String::from_utf8_lossy(said), 300);
    if said.is_empty() { said } else { format!("; it says “{said}”") }
}
