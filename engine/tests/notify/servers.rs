//! Servers that take messages: one that speaks HTTP and answers as it is told, and a mail server.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Something that was posted.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Posted {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Takes what is posted.
pub(crate) struct Hook {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    posted: Mutex<Vec<Posted>>,
    /// The next answers: a status line with headers. None left: 200.
    answers: Mutex<VecDeque<String>>,
    always: Mutex<Option<String>>,
}

impl Hook {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::<State>::default());
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was posted so far.
    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.state.posted.lock().unwrap().clone()
    }

    pub(crate) fn titles(&self) -> Vec<String> {
        self.posted().iter().map(|posted| posted.json()["title"].as_str().unwrap().to_owned()).collect()
    }

    /// Answers the next one so: `500 No`, or with headers, `429 Wait\r\nRetry-After: 60`.
    pub(crate) fn answer(&self, line: &str) {
        self.state.answers.lock().unwrap().push_back(line.to_owned());
    }

    /// Answers each one so from now on; none: takes them.
    pub(crate) fn always(&self, line: Option<&str>) {
        *self.state.always.lock().unwrap() = line.map(str::to_owned);
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    while let Some(posted) = request(&mut stream).await {
        let path = posted.path.clone();
        state.posted.lock().unwrap().push(posted);
        let next = state.answers.lock().unwrap().pop_front();
        let line = next.or_else(|| state.always.lock().unwrap().clone()).unwrap_or_else(|| "200 OK".into());
        // It says back where it was asked, as some servers do.
        let body = format!("asked at {path}");
        let answer = format!("HTTP/1.1 {line}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn request(stream: &mut BufReader<TcpStream>) -> Option<Posted> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        match line.trim().split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Posted { path, headers, body: String::from_utf8(body).unwrap() })
}

/// A mail server of its own process; ends with the test.
pub(crate) struct Mail {
    process: Child,
    pub(crate) port: u16,
    folder: TempDir,
}

impl Mail {
    /// Starts one; `words` say how it protects its connections and whether it asks who sends.
    pub(crate) async fn start(words: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = engine.join("tests/notify/smtpd.py");
        let mut process = Command::new(engine.join("../target/tools/test-python/bin/python3"))
            .arg(script)
            .arg(folder.path())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("aiosmtpd is missing: run `make test`, which installs it");
        let stdout = process.stdout.take().unwrap();
        let port = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
            line
        });
        let port = port.await.unwrap().trim().parse().expect("it tells its port");
        Self { process, port, folder }
    }

    /// The mails that it took, in their order.
    pub(crate) fn mails(&self) -> Vec<String> {
        (1..)
            .map_while(|number| {
                std::fs::read_to_string(self.folder.path().join(format!("{number}.eml"))).ok()
            })
            .collect()
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A certificate for 127.0.0.1 and the authority that signed it, as files.
pub(crate) struct Certificate {
    folder: TempDir,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "Authority of the tests");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(authority, key);
        let own_key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let own = own.signed_by(&own_key, &issuer).unwrap().pem();
        for (name, pem) in [("ca.pem", ca), ("cert.pem", own), ("key.pem", own_key.serialize_pem())] {
            std::fs::write(folder.path().join(name), pem).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }
}
