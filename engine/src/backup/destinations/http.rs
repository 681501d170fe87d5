//! HTTP to destinations: the program's own trust, no redirects, and failures that say what went wrong.
//!
//! A redirect is refused because a request leaves only to where an admin said. A proxy of the environment
//! (`HTTPS_PROXY`) is used.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use futures::StreamExt;
use hyper::{Method, Request, Response};
use opendal::{Buffer, ErrorKind, HttpBody, HttpTransport};
use reqwest::Client;
use thiserror::Error;

use super::place::PlaceError;
use crate::collect::{Trust, certificate_problem};
use crate::outgoing::{NoClient, Outgoing, refused_in};

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// Bytes of any answer that is not a file which was asked for: lists and refusals are kept in memory.
const LONGEST_ANSWER: usize = 1 << 20;

/// A client for the server of `url`, which trusts whom the program trusts and goes nowhere else.
pub(super) fn client(trust: &Trust, outgoing: &Outgoing, url: &str) -> Result<Client, PlaceError> {
    let builder = outgoing.client(trust, url).map_err(|error| PlaceError::permanent(error.to_string()))?;
    builder
        .connect_timeout(CONNECT)
        .user_agent(concat!("etiqa/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| PlaceError::permanent(NoClient::Tls.to_string()))
}

/// A request that got no answer.
#[derive(Debug, Error)]
#[error("{0}")]
struct NoAnswer(PlaceError);

/// Carries the requests of the object store library, and remembers the status of the last answer: the library keeps it in
/// the text of its errors only.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    client: Client,
    last_status: Arc<AtomicU16>,
}

impl Transport {
    pub(super) fn new(client: Client) -> Self {
        Self { client, last_status: Arc::default() }
    }

    /// The status of the last answer; none where there was none.
    pub(super) fn last_status(&self) -> Option<u16> {
        Some(self.last_status.load(Ordering::Relaxed)).filter(|status| *status > 0)
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        self.last_status.store(0, Ordering::Relaxed);
        let (parts, body) = request.into_parts();
        let uri = parts.uri.to_string();
        let is_for_a_file = parts.method == Method::GET;
        let mut asked = self.client.request(parts.method, uri.as_str()).headers(parts.headers);
        if !body.is_empty() {
            asked = asked.body(body.to_bytes());
        }
        let answer = asked.send().await.map_err(|error| failed(&error))?;
        self.last_status.store(answer.status().as_u16(), Ordering::Relaxed);
        let mut response = Response::builder().status(answer.status()).extension(parts.uri);
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let length = answer.content_length();
        let is_a_file = is_for_a_file && answer.status().is_success();
        let mut left = LONGEST_ANSWER;
        let pieces = answer.bytes_stream().map(move |piece| -> opendal::Result<Buffer> {
            let piece = piece.map_err(|error| failed(&error))?;
            if !is_a_file {
                left = left.checked_sub(piece.len()).ok_or_else(too_long)?;
            }
            Ok(Buffer::from(piece))
        });
        response.body(HttpBody::new(Box::pin(pieces), length)).map_err(|error| {
            opendal::Error::new(ErrorKind::Unexpected, "an answer could not be read").set_source(error)
        })
    }
}

fn failed(error: &reqwest::Error) -> opendal::Error {
    let why = no_answer(error);
    let is_temporary = why.outlook == super::place::Outlook::Temporary;
    opendal::Error::new(ErrorKind::Unexpected, "no answer")
        .with_temporary(is_temporary)
        .set_source(NoAnswer(why))
}

fn too_long() -> opendal::Error {
    let why = PlaceError::permanent(format!(
        "The server's answer to a simple question is longer than {} MiB: check the address.",
        LONGEST_ANSWER >> 20
    ));
    opendal::Error::new(ErrorKind::Unexpected, "an answer that is too long").set_source(NoAnswer(why))
}

/// Why a request got no answer, as one sentence.
pub(super) fn no_answer(error: &reqwest::Error) -> PlaceError {
    if let Some(refused) = refused_in(error) {
        return PlaceError::permanent(refused.to_string());
    }
    if let Some(problem) = certificate_problem(error) {
        return PlaceError::permanent(format!(
            "The server's certificate is not trusted: {problem}. Where an authority of your own signed it, name that one \
             with --ca-file."
        ));
    }
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            return PlaceError::temporary(format!("The server cannot be reached: {io}."));
        }
        next = source.source();
    }
    PlaceError::temporary(match () {
        () if error.is_timeout() => "The server did not answer in time.".to_owned(),
        () if error.is_connect() => {
            "The server cannot be reached: its name cannot be resolved, or nothing answers.".to_owned()
        }
        () => "The connection to the server was lost.".to_owned(),
    })
}

/// The sentence in an error of the object store library, where a request got no answer.
pub(super) fn no_answer_in(error: &opendal::Error) -> Option<PlaceError> {
    error.source()?.downcast_ref::<NoAnswer>().map(|why| why.0.clone())
}

/// What a status says that is not a good one; `doing` ends the sentence "The server refuses …".
pub(super) fn of_status(status: u16, doing: &str) -> PlaceError {
    match status {
        300..=399 => PlaceError::permanent(format!(
            "The server leads to another address ({status}), which is not followed: name that one instead."
        )),
        401 => PlaceError::permanent("The server refuses this login (401): check user name and password."),
        403 => PlaceError::permanent(format!("The server refuses {doing} (403): this login may not.")),
        404 | 409 | 410 => PlaceError::permanent(format!(
            "The server refuses {doing} ({status}): there is nothing at this address; check it."
        )),
        405 | 501 => PlaceError::permanent(format!(
            "The server knows no such request ({status}) while it was asked for {doing}: check the address."
        )),
        413 => PlaceError::one_file("The archive is larger than what the server takes (413)."),
        507 => PlaceError::temporary("There is no room left on the server (507)."),
        408 | 423 | 425 | 429 | 500..=599 => PlaceError::temporary(format!(
            "The server cannot do that just now ({status}), while it was asked for {doing}."
        )),
        _ => PlaceError::permanent(format!("The server refuses {doing} ({status}).")),
    }
}
