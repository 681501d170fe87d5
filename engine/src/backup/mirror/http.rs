//! A remote behind HTTPS: Git's smart protocol (gitprotocol-http(5)) in two requests, one that asks what the remote has and
//! one that sends. The login goes to the server that was named, and to no other.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::Secret;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Body, Client, RequestBuilder, Response, StatusCode, Url};
use tokio::io::AsyncRead;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::bytes::Bytes;
use tokio_util::io::{ReaderStream, StreamReader};

use super::address::is_this_machine;
use super::exchange::{Advertised, Expected, MOST_ADVERTISED, MOST_REPORTED, Sending, Todo, hear, prepare};
use super::lines::{Broken, Line, Lines};
use super::push::{PushError, PushErrorKind, Remote, Sent};
use super::words::plain;
use crate::collect::certificate_problem;
use crate::outgoing::{NoClient, refused_in};

/// Servers know Git's clients by how this begins, and answer others with a page for people.
const AGENT: &str = concat!("git/2.0 (etiqa ", env!("CARGO_PKG_VERSION"), ")");
const ADVERTISEMENT: &str = "application/x-git-receive-pack-advertisement";
const REQUEST: &str = "application/x-git-receive-pack-request";
const RESULT: &str = "application/x-git-receive-pack-result";
/// Where the first request goes, behind the repository's address.
const ASK: &str = "/info/refs";
/// Within one server, from an old name of a repository to its new one.
const MOST_REDIRECTS: usize = 4;

/// Pushes `branch` to the repository at `url`.
pub(super) async fn push(
    repository: &Path,
    remote: &Remote,
    url: &Url,
    branch: &str,
) -> Result<Sent, PushError> {
    let silence = remote.limits.step;
    let client = client(remote, url)?;
    let asked = client.get(format!("{url}{ASK}?service=git-receive-pack"));
    let answer = match timeout(silence, with_login(asked, remote).send()).await {
        Ok(answer) => answer.map_err(|error| unanswered(&error, url))?,
        Err(_) => return Err(PushError::silent(silence)),
    };
    let answer = good(answer, url, ADVERTISEMENT).await?;
    let url = base_of(&answer).unwrap_or_else(|| url.clone());
    let mut lines = Lines::new(reader(answer), silence, MOST_ADVERTISED);
    let advertised = advertised(&mut lines).await.map_err(|broken| PushError::broken(broken, b""))?;
    match prepare(repository, branch, advertised).await? {
        Todo::Nothing(commit) => Ok(Sent { commit, was_there: true, said: String::new() }),
        Todo::Send(sending) => {
            let (commit, expected) = (sending.new, Expected::of(&sending, branch));
            let answer = send(&client, remote, &url, sending).await?;
            let answer = good(answer, &url, RESULT).await?;
            let mut lines = Lines::new(reader(answer), silence, MOST_REPORTED);
            let said = hear(&mut lines, &expected).await?;
            Ok(Sent { commit, was_there: false, said })
        }
    }
}

fn client(remote: &Remote, url: &Url) -> Result<Client, PushError> {
    let no_client = |error: NoClient| {
        let kind = match error {
            NoClient::Tls => PushErrorKind::Certificate,
            NoClient::Address | NoClient::Refused(_) => PushErrorKind::Address,
        };
        PushError::new(kind, error.to_string())
    };
    let mut builder = remote
        .outgoing
        .client(&remote.trust, url.as_str())
        .map_err(no_client)?
        .http1_only()
        .user_agent(AGENT)
        .connect_timeout(remote.limits.connect)
        .redirect(Policy::custom(within_one_server));
    // A proxy of the environment has no way to this machine.
    if is_this_machine(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|_| no_client(NoClient::Tls))
}

fn within_one_server(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let is_same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if is_same && attempt.previous().len() <= MOST_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

fn with_login(request: RequestBuilder, remote: &Remote) -> RequestBuilder {
    match remote.login.password.as_ref().filter(|password| !password.is_empty()) {
        Some(password) => request.basic_auth(remote.username(), Some(Secret::reveal(password))),
        None => request,
    }
}

/// Where the repository is after redirects.
fn base_of(answer: &Response) -> Option<Url> {
    let mut url = answer.url().clone();
    url.set_query(None);
    let path = url.path().strip_suffix(ASK)?.to_owned();
    url.set_path(&path);
    Some(url)
}

/// The list of what the remote has, behind a line that names the service.
async fn advertised<R: AsyncRead + Unpin>(lines: &mut Lines<R>) -> Result<Advertised, Broken> {
    match lines.next().await? {
        Line::Data(line) if line.starts_with(b"# service=git-receive-pack") => {}
        Line::Data(line) => return Err(Broken::Garbled(plain(&String::from_utf8_lossy(&line), 120))),
        Line::Flush => return Err(Broken::Garbled(String::new())),
    }
    match lines.next().await? {
        Line::Flush => Advertised::read(lines).await,
        Line::Data(line) => Err(Broken::Garbled(plain(&String::from_utf8_lossy(&line), 120))),
    }
}

fn reader(answer: Response) -> impl AsyncRead + Unpin {
    StreamReader::new(Box::pin(answer.bytes_stream().map_err(io::Error::other)))
}

/// Sends request and pack, and waits for the head of the answer. It may take long, but not in silence.
async fn send(client: &Client, remote: &Remote, url: &Url, sending: Sending) -> Result<Response, PushError> {
    let length = sending.request.len() as u64 + sending.pack_bytes;
    let moved = Arc::new(Notify::new());
    let pieces = stream::once(async move { Ok(Bytes::from(sending.request)) })
        .chain(ReaderStream::with_capacity(sending.pack, 64 * 1024))
        .inspect({
            let moved = Arc::clone(&moved);
            move |_| moved.notify_one()
        });
    let request = client
        .post(format!("{url}/git-receive-pack"))
        .header(CONTENT_TYPE, REQUEST)
        .header(ACCEPT, RESULT)
        // Known, so that servers and proxies that take no body in chunks take this one.
        .header(CONTENT_LENGTH, length)
        .body(Body::wrap_stream(pieces));
    let mut answer = Box::pin(with_login(request, remote).send());
    loop {
        tokio::select! {
            answer = &mut answer => return answer.map_err(|error| unanswered(&error, url)),
            () = moved.notified() => {}
            () = tokio::time::sleep(remote.limits.step) => return Err(PushError::silent(remote.limits.step)),
        }
    }
}

/// An answer of success and of the right kind; else what is wrong with it.
async fn good(answer: Response, url: &Url, media_type: &str) -> Result<Response, PushError> {
    let status = answer.status();
    if status.is_redirection() {
        let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.map_or("another place".to_owned(), |to| plain(to.split('?').next().unwrap_or(to), 120));
        let message = format!("{url} sends on to {to}; if that is right, give it as the address.");
        return Err(PushError::new(PushErrorKind::NoRepository, message));
    }
    if !status.is_success() {
        return Err(refused(answer, url).await);
    }
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim() == media_type) {
        return Ok(answer);
    }
    let kind = if kind.is_empty() { "nothing that it names" } else { kind };
    let message = format!(
        "What answers at {url} is no Git repository that can be pushed to: it sends {}. Check the address.",
        plain(kind, 60)
    );
    Err(PushError::new(PushErrorKind::NoRepository, message))
}

async fn refused(answer: Response, url: &Url) -> PushError {
    let status = answer.status();
    let is_text =
        answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let said = if is_text { beginning(answer).await } else { String::new() };
    let said = if said.is_empty() { said } else { format!("; it says “{said}”") };
    let number = status.as_u16();
    let (kind, message) = match status {
        StatusCode::UNAUTHORIZED => (
            PushErrorKind::Login,
            format!(
                "The remote refused the login ({number}){said}. Check the user and the password or token."
            ),
        ),
        StatusCode::FORBIDDEN => (
            PushErrorKind::Login,
            format!("The remote does not let this login push ({number}){said}. Give it the right to write."),
        ),
        StatusCode::NOT_FOUND | StatusCode::GONE => (
            PushErrorKind::NoRepository,
            format!("There is no repository at {url}, or not for this login ({number}){said}."),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            PushErrorKind::Declined,
            format!(
                "The remote takes no push of this size ({number}){said}. Raise its limit for this one push."
            ),
        ),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            (PushErrorKind::Remote, format!("The remote had an error of its own ({number}){said}."))
        }
        _ => (PushErrorKind::Unsupported, format!("The remote answered the push with {number}{said}.")),
    };
    PushError::new(kind, message)
}

/// How a text for a person begins.
async fn beginning(answer: Response) -> String {
    let mut said = Vec::new();
    let mut pieces = answer.bytes_stream();
    // Nobody waits for a server's last words for long.
    let read = async {
        while let Some(Ok(piece)) = pieces.next().await {
            super::exchange::keep(&mut said, &piece);
            if said.len() > 400 {
                break;
            }
        }
    };
    timeout(Duration::from_secs(2), read).await.ok();
    plain(&String::from_utf8_lossy(&said), 200)
}

/// There is no answer at all. The library's own words would have the address in them.
fn unanswered(error: &reqwest::Error, url: &Url) -> PushError {
    let server = url.host_str().unwrap_or("the server");
    if let Some(refused) = refused_in(error) {
        return PushError::new(PushErrorKind::Address, refused.to_string());
    }
    if let Some(problem) = certificate_problem(error) {
        let message = format!(
            "The certificate of {server} is not trusted: {problem}. Name its authority with --ca-file, or have the server \
             certified by one that is known."
        );
        return PushError::new(PushErrorKind::Certificate, message);
    }
    if error.is_timeout() {
        let message = format!("{server} did not answer in time.");
        return PushError::new(PushErrorKind::Timeout, message);
    }
    if !error.is_connect() {
        return PushError::lost();
    }
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let cause = cause.map_or_else(String::new, |cause| format!(": {}", plain(&cause.to_string(), 120)));
    PushError::new(PushErrorKind::Unreachable, format!("{server} cannot be reached{cause}."))
}
