//! HTTPS to an appliance, over the same way as its SSH (jump hosts too): one connection at a time, opened anew when the
//! device has closed it. No redirect is followed: a login goes to the address that was asked, and nowhere else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::class::Class;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::route::{self, Way};
use super::tls::{self, Shown, Trust};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::target::{Limits, Target};

/// No answer but a file is longer; a longer one is not read.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// An appliance's HTTPS.
pub(in crate::collect) struct Https {
    /// Its endpoint's port is that of HTTPS.
    target: Target,
    /// The SHA-256 (hexadecimal) of the certificate that a person pinned.
    pinned: Option<String>,
    trust: Arc<Trust>,
    limits: Limits,
    shown: Arc<Mutex<Shown>>,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// hyper moves the bytes in a task of its own, which ends with the connection.
    task: AbortHandle,
    _way: Way,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request, before the address and our own headers are put to it.
#[derive(Clone)]
pub(in crate::collect) struct Ask<'a> {
    pub(in crate::collect) method: Method,
    /// Path and query.
    pub(in crate::collect) path: &'a str,
    /// What is said of the path where it holds a secret itself.
    said: Option<&'static str>,
    /// All are marked as sensitive: most of them are.
    pub(in crate::collect) headers: HeaderMap,
    /// With its media type.
    pub(in crate::collect) body: Option<(&'static str, Vec<u8>)>,
    /// The longest silence before its answer begins, where it is not the usual one.
    patience: Option<Duration>,
}

impl<'a> Ask<'a> {
    pub(in crate::collect) fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, said: None, headers: HeaderMap::new(), body: None, patience: None }
    }

    pub(in crate::collect) fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path)
    }

    /// Whose path is spoken of as `said`.
    pub(in crate::collect) fn said_as(mut self, said: &'static str) -> Self {
        self.said = Some(said);
        self
    }

    pub(in crate::collect) fn json(mut self, body: &Value) -> Self {
        self.body = Some(("application/json", body.to_string().into_bytes()));
        self
    }

    pub(in crate::collect) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = Some(("application/x-www-form-urlencoded", form(fields).into_bytes()));
        self
    }

    /// The device may think for so long before it begins to answer.
    pub(in crate::collect) fn patient(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// With a header; one whose value cannot stand in a header is left out, and the device says what it misses.
    pub(in crate::collect) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// What is said of it: never its query, headers or body, which may hold secrets.
    fn words(&self) -> String {
        let path = self.said.or_else(|| self.path.split('?').next()).unwrap_or_default();
        // Some paths are the device's own words.
        format!("{} {}", self.method, excerpt(path, 200))
    }
}

/// An answer whose body is still to come.
pub(in crate::collect) struct Reply {
    pub(in crate::collect) status: StatusCode,
    pub(in crate::collect) headers: HeaderMap,
    /// "GET /path", for messages.
    what: String,
    body: Incoming,
    limits: Limits,
}

impl Https {
    /// Nothing is opened yet. `target`'s endpoint has the port of HTTPS.
    pub(in crate::collect) fn new(
        target: Target,
        pinned: Option<String>,
        trust: Arc<Trust>,
        limits: Limits,
    ) -> Self {
        Self { target, pinned, trust, limits, shown: Arc::default(), open: None }
    }

    /// Over a connection that is there already, without TLS. Where that is over nobody is reached: no network is asked.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(in crate::collect) async fn over(stream: tokio::io::DuplexStream, limits: &Limits) -> Option<Self> {
        use crate::collect::target::Endpoint;
        static TRUST: std::sync::LazyLock<Arc<Trust>> =
            std::sync::LazyLock::new(|| Arc::new(Trust::system()));

        let endpoint =
            Endpoint { address: "127.0.0.1".into(), judged: None, port: 0, host_key: None, legacy: false };
        let target = Target { endpoint, transport: etiqa_model::device::Transport::Ssh, via: Vec::new() };
        let mut https = Self::new(target, None, Arc::clone(&TRUST), limits.clone());
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        https.open = Some(Open { sender, task: task.abort_handle(), _way: Way::none() });
        Some(https)
    }

    /// The SHA-256 of the certificate that was shown last, if it was not trusted.
    pub(in crate::collect) fn refused_certificate(&self) -> Option<String> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.sha256.clone().filter(|_| shown.is_refused)
    }

    /// Gives the connection up: an answer that was not taken to its end would come before the next one's.
    pub(in crate::collect) fn hang_up(&mut self) {
        self.open = None;
    }

    /// `address:port`, for the header `Host`.
    fn authority(&self) -> String {
        let address = &self.target.endpoint.address;
        let host = if address.contains(':') { format!("[{address}]") } else { address.clone() };
        match self.target.endpoint.port {
            443 => host,
            port => format!("{host}:{port}"),
        }
    }

    /// Sends a request and waits for the head of its answer, whatever status it has.
    pub(in crate::collect) async fn ask(&mut self, ask: Ask<'_>, evidence: &mut Evidence) -> Step<Reply> {
        let what = ask.words();
        let patience = ask.patience.unwrap_or(self.limits.step);
        evidence.transcript.note(&what);
        if self.open.as_ref().is_none_or(|open| open.sender.is_closed()) {
            self.open = None;
            self.open = Some(self.connect(evidence).await?);
        }
        let request = self.request(ask)?;
        let Some(open) = &mut self.open else { return Err(lost(&what)) };
        let answered = timeout(patience, async {
            open.sender.ready().await?;
            open.sender.send_request(request).await
        });
        let answer = match answered.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_parse() => {
                let message = format!("What answers {what} is not HTTP.");
                return Err(Failure::new(Class::Unsupported, message));
            }
            Ok(Err(_)) => {
                self.open = None;
                return Err(lost(&what));
            }
            Err(_) => {
                self.open = None;
                return Err(silent(&what, &self.limits));
            }
        };
        let (head, body) = answer.into_parts();
        evidence.transcript.note(&format!("answered {}", head.status));
        Ok(Reply { status: head.status, headers: head.headers, what, body, limits: self.limits.clone() })
    }

    fn request(&self, ask: Ask<'_>) -> Step<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(ask.method)
            .uri(ask.path)
            .header(HOST, self.authority())
            .header(USER_AGENT, concat!("etiqa/", env!("CARGO_PKG_VERSION")));
        if let Some((media_type, _)) = &ask.body {
            request = request.header(CONTENT_TYPE, *media_type);
        }
        if let Some(headers) = request.headers_mut() {
            headers.extend(ask.headers);
        }
        // It may hold a password, so that its memory is cleared once it was sent.
        let body = ask.body.map(|(_, bytes)| Bytes::from_owner(Zeroizing::new(bytes))).unwrap_or_default();
        request.body(Full::new(body)).map_err(|_| {
            Failure::new(Class::Unsupported, "The device gave an address that cannot be asked for.")
        })
    }

    async fn connect(&mut self, evidence: &mut Evidence) -> Step<Open> {
        let (stream, way) = route::open(&self.target, &self.limits, evidence).await?;
        let endpoint = &self.target.endpoint;
        let pinned = self.pinned.as_deref();
        let stream =
            tls::connect(stream, &endpoint.address, pinned, &self.trust, self.limits.connect, &self.shown);
        let stream = stream.await?;
        let shaken = timeout(self.limits.connect, http1::handshake(TokioIo::new(stream))).await;
        let Ok(Ok((sender, connection))) = shaken else { return Err(lost("the first request")) };
        let task = tokio::spawn(async move {
            // How it ended is heard by whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Open { sender, task: task.abort_handle(), _way: way })
    }
}

impl Reply {
    /// The next piece of the body; none at its end. An end before the length that was announced is a failure.
    pub(in crate::collect) async fn piece(&mut self) -> Step<Option<Bytes>> {
        loop {
            return match timeout(self.limits.step, self.body.frame()).await {
                Ok(None) => Ok(None),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => Ok(Some(data)),
                    // Trailers say nothing here.
                    Err(_) => continue,
                },
                Ok(Some(Err(_))) => Err(lost(&self.what)),
                Err(_) => Err(silent(&self.what, &self.limits)),
            };
        }
    }

    /// The whole body, which is no file.
    pub(in crate::collect) async fn text(&mut self) -> Step<String> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LONGEST_ANSWER {
                let message = format!("The answer to {} is longer than {LONGEST_ANSWER} bytes.", self.what);
                return Err(Failure::new(Class::TooLarge, message));
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The whole body as JSON.
    pub(in crate::collect) async fn json(&mut self) -> Step<Value> {
        let text = self.text().await?;
        serde_json::from_str(&text).map_err(|_| {
            // JSON that breaks off may hold a token that nobody knows yet, and says nothing that helps.
            let said = if text.trim_start().starts_with(['{', '[']) {
                "it is JSON that breaks off".to_owned()
            } else {
                format!("“{}”", excerpt(&text, 120))
            };
            let message = format!("The answer to {} is not what the API gives: {said}.", self.what);
            Failure::new(Class::HttpStatus, message)
        })
    }

    /// Itself, if its status is one of success; else what the device said.
    pub(in crate::collect) async fn good(mut self) -> Step<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        let said = self.text().await.unwrap_or_default();
        Err(self.refused(&said))
    }

    /// The failure of an answer whose body is `said`.
    pub(in crate::collect) fn refused(&self, said: &str) -> Failure {
        let said = excerpt(&complaint_of(said), 160);
        let said = if said.is_empty() { String::new() } else { format!(": “{said}”") };
        let status = self.status.as_u16();
        let class =
            if self.status == StatusCode::UNAUTHORIZED { Class::AuthFailed } else { Class::HttpStatus };
        Failure::new(class, format!("The device answered {} with {status}{said}.", self.what))
    }
}

/// The sentence within an error's JSON (F5 and FortiOS say `message`, Infoblox `text`), or all that was said.
fn complaint_of(said: &str) -> String {
    let json: Value = serde_json::from_str(said).unwrap_or_default();
    ["message", "text", "Error", "error"]
        .into_iter()
        .find_map(|name| json.get(name).and_then(Value::as_str))
        .map_or_else(|| said.to_owned(), str::to_owned)
}

fn lost(what: &str) -> Failure {
    Failure::new(Class::Disconnected, format!("The connection was lost while {what} was answered."))
}

fn silent(what: &str, limits: &Limits) -> Failure {
    let seconds = limits.step.as_secs_f32();
    Failure::new(Class::Timeout, format!("The device was silent for {seconds} s while it answered {what}."))
}

/// `name=value&…`, percent-encoded (WHATWG URL, application/x-www-form-urlencoded).
fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

/// Percent-encoded, as a part of a path or of a query.
pub(in crate::collect) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String never fails.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_request_has_neither_its_query_nor_its_body() {
        let ask = Ask::new(Method::POST, "/api/?type=keygen&password=s3cret").form(&[("password", "s3cret")]);
        assert_eq!(ask.words(), "POST /api/");
    }

    #[test]
    fn a_form_is_encoded() {
        assert_eq!(form(&[("user", "a b"), ("password", "ä&=+")]), "user=a%20b&password=%C3%A4%26%3D%2B");
    }
}
