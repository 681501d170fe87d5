//! Taking a list: over HTTP within the guard of what leaves this program, or from a file of this machine.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use etiqa_model::inventory_source::{SourceKind, SourceSettings};
use etiqa_model::{FieldError, Secret, UserError};
use reqwest::header::{
    AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use reqwest::{Client, StatusCode, Url};
use tokio::time::timeout;

use crate::collect::certificate_problem;
use crate::engine::Engine;
use crate::error::Result;
use crate::outgoing::{Kind, NoClient, NoWay, refused_in};

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// The longest wait for one answer, and for the next piece of it.
const ANSWER: Duration = Duration::from_mins(1);
/// Bytes of a list, or of a page of one.
pub(super) const LARGEST: usize = 64 << 20;
/// How long a name may take to be resolved while a person waits for the form.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// What a server calls a list: its entity tag, and when it changed last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ListVersion {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// A list that was taken.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is the one that was taken last.
    Same,
    /// Its bytes, and what its server calls it.
    Bytes(Vec<u8>, ListVersion),
}

/// Asks one server.
pub(super) struct Asker {
    client: Client,
    authorization: Option<HeaderValue>,
}

impl Asker {
    /// For the server of a source. A token goes as `Authorization: Bearer …`, one of NetBox's first kind as `Token …` (since
    /// NetBox 4.5 there is a second kind, which begins with `nbt_`).
    pub(super) fn new(
        engine: &Engine,
        settings: &SourceSettings,
        token: Option<&Secret>,
    ) -> Result<Self, String> {
        let outgoing = engine.reach.outgoing(settings.own_network);
        let builder = outgoing.client(&engine.trust(), &settings.place).map_err(|error| error.to_string())?;
        let client = builder
            .connect_timeout(CONNECT)
            .read_timeout(ANSWER)
            .user_agent(concat!("etiqa/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| NoClient::Tls.to_string())?;
        let authorization = token.map(|token| {
            let is_old = settings.kind == SourceKind::Netbox && !token.reveal().starts_with("nbt_");
            let scheme = if is_old { "Token" } else { "Bearer" };
            let value = HeaderValue::try_from(format!("{scheme} {}", token.reveal()));
            value.map(|mut value| {
                value.set_sensitive(true);
                value
            })
        });
        let authorization = authorization
            .transpose()
            .map_err(|_| "The token has a character that no token has.".to_owned())?;
        Ok(Self { client, authorization })
    }

    /// Takes what is at `url`, unless it is still `known`. The error is a sentence.
    pub(super) async fn take(&self, url: Url, known: Option<&ListVersion>) -> Result<Taken, String> {
        let mut request = self.client.get(url).headers(conditions(known));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut answer = request.send().await.map_err(|error| no_answer(&error))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Taken::Same),
            status => return Err(of_status(status)),
        }
        let version = ListVersion {
            etag: header(answer.headers(), ETAG.as_str()),
            last_modified: header(answer.headers(), LAST_MODIFIED.as_str()),
        };
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| no_answer(&error))? {
            if bytes.len() + piece.len() > LARGEST {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Taken::Bytes(bytes, version))
    }
}

fn conditions(known: Option<&ListVersion>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(ListVersion { etag, last_modified }) = known {
        let pairs = [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)];
        for (name, value) in pairs {
            if let Some(value) = value.as_ref().and_then(|value| HeaderValue::try_from(value.as_str()).ok()) {
                headers.insert(name, value);
            }
        }
    }
    headers
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned()).filter(|value| value.len() <= 1_000)
}

/// Takes a file of this machine, unless it is still `known`: by its size and when it was written.
pub(super) async fn take_file(path: &str, known: Option<&ListVersion>) -> Result<Taken, String> {
    let unreadable = |error: io::Error| format!("The file {path} cannot be read: {error}.");
    let about = tokio::fs::metadata(Path::new(path)).await.map_err(unreadable)?;
    if !about.is_file() {
        return Err(format!("{path} is no file."));
    }
    if about.len() > LARGEST as u64 {
        return Err(too_large());
    }
    let written = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let etag = written.map(|since| format!("{}-{}", about.len(), since.as_nanos()));
    if etag.is_some() && known.is_some_and(|known| known.etag == etag) {
        return Ok(Taken::Same);
    }
    let bytes = tokio::fs::read(Path::new(path)).await.map_err(unreadable)?;
    Ok(Taken::Bytes(bytes, ListVersion { etag, last_modified: None }))
}

pub(super) fn too_large() -> String {
    format!("The list is larger than {} MiB: it is no list of devices.", LARGEST >> 20)
}

/// A mistake is better told now than at night.
pub(super) async fn refuse_odd_place(engine: &Engine, settings: &SourceSettings) -> Result<(), UserError> {
    if settings.kind == SourceKind::File {
        return Ok(());
    }
    let host = Url::parse(&settings.place).ok().and_then(|url| url.host_str().map(str::to_owned));
    let Some(host) = host else { return Err(in_field("place", "The address cannot be used: check it.")) };
    let outgoing = engine.reach.outgoing(settings.own_network);
    // A name that leads nowhere today may do so tomorrow.
    match timeout(LONGEST_LOOK, outgoing.resolve(&host)).await {
        Ok(Err(NoWay::Refused(refused))) if refused.kind == Kind::Private => {
            Err(in_field("own_network", refused.to_string()))
        }
        Ok(Err(NoWay::Refused(refused))) => Err(in_field("place", refused.to_string())),
        _ => Ok(()),
    }
}

fn in_field(field: &str, message: impl Into<String>) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message: message.into() }])
}

/// Why a request got no answer, or not all of it.
fn no_answer(error: &reqwest::Error) -> String {
    if let Some(refused) = refused_in(error) {
        return refused.to_string();
    }
    if let Some(problem) = certificate_problem(error) {
        return format!(
            "The server's certificate is not trusted: {problem}. Where an authority of your own signed it, name that one \
             with --ca-file."
        );
    }
    if error.is_timeout() {
        return "The server did not answer in time.".to_owned();
    }
    if error.is_body() || error.is_decode() {
        return "The connection to the server was lost before the list was whole.".to_owned();
    }
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            return format!("The server cannot be reached: {io}.");
        }
        next = source.source();
    }
    if error.is_connect() {
        "The server cannot be reached: its name cannot be resolved, or nothing answers.".to_owned()
    } else {
        "The connection to the server was lost.".to_owned()
    }
}

/// What a status says that is not a good one.
fn of_status(status: StatusCode) -> String {
    let code = status.as_u16();
    match code {
        300..=399 => {
            format!("The server leads to another address ({code}), which is not followed: name that one.")
        }
        401 | 403 => {
            format!("The server refuses the request ({code}): check the token, and what it may read.")
        }
        404 | 410 => format!("There is no list at this address ({code}): check it."),
        429 => "The server is asked too often (429); it is tried again later.".to_owned(),
        500..=599 => format!("The server cannot give the list just now ({code}); it is tried again later."),
        _ => format!("The server does not give the list ({code})."),
    }
}
