//! A web server with Git's own `git http-backend` behind it, for one test.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::{bare, git};

pub(crate) const USER: &str = "mirror";
pub(crate) const TOKEN: &str = "s3cret-token";

/// An answer that a test wants instead of Git's.
pub(crate) type Instead = fn(&Request<Incoming>) -> Option<Response<Full<Bytes>>>;

/// Ends with the test.
pub(crate) struct GitServer {
    folder: TempDir,
    port: u16,
    is_tls: bool,
    task: tokio::task::JoinHandle<()>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl GitServer {
    /// Over plain HTTP, which is allowed on this machine.
    pub(crate) async fn start() -> Self {
        Self::start_with(None, |_| None).await
    }

    /// Over HTTPS, with a certificate that an authority signs whose PEM is given back.
    pub(crate) async fn start_tls() -> (Self, String) {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = rcgen::Issuer::new(params, key);
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        (Self::start_with(Some(TlsAcceptor::from(Arc::new(config))), |_| None).await, authority)
    }

    pub(crate) async fn start_with(tls: Option<TlsAcceptor>, instead: Instead) -> Self {
        let folder = tempfile::tempdir().unwrap();
        git(&bare(folder.path()), &["config", "http.receivepack", "true"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, root) = (Arc::<Mutex<Vec<String>>>::default(), folder.path().to_owned());
        let is_tls = tls.is_some();
        let task = tokio::spawn({
            let asked = Arc::clone(&asked);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (tls, asked, root) = (tls.clone(), Arc::clone(&asked), root.clone());
                    tokio::spawn(async move {
                        match tls {
                            // A client that trusts nobody here hangs up.
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    serve(stream, root, asked, instead).await;
                                }
                            }
                            None => serve(stream, root, asked, instead).await,
                        }
                    });
                }
            }
        });
        Self { folder, port, is_tls, task, asked }
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join("configs.git")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", if self.is_tls { "https" } else { "http" }, self.port)
    }

    /// Every request, and whether it had the right login.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    root: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
    instead: Instead,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (root, asked) = (root.clone(), Arc::clone(&asked));
        async move {
            let has_login = has_login(&request);
            asked.lock().unwrap().push(format!("{} {} {has_login}", request.method(), request.uri()));
            let answer = match instead(&request) {
                Some(answer) => answer,
                None if has_login => backend(&root, request).await,
                None => status(401),
            };
            Ok::<_, Infallible>(answer)
        }
    });
    // A client that is cut off is not the server's to judge.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

pub(crate) fn status(code: u16) -> Response<Full<Bytes>> {
    Response::builder().status(code).body(Full::default()).unwrap()
}

fn has_login(request: &Request<Incoming>) -> bool {
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{USER}:{TOKEN}")));
    request.headers().get("authorization").is_some_and(|given| given == expected.as_str())
}

/// Runs `git http-backend` as RFC 3875 has it.
async fn backend(root: &Path, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let header = |name: &str| {
        let value = request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        value.unwrap_or_default()
    };
    let environment = HashMap::from([
        ("GIT_PROJECT_ROOT", root.to_str().unwrap().to_owned()),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        ("PATH_INFO", request.uri().path().to_owned()),
        ("QUERY_STRING", request.uri().query().unwrap_or_default().to_owned()),
        ("REQUEST_METHOD", request.method().to_string()),
        ("CONTENT_TYPE", header("content-type")),
        ("CONTENT_LENGTH", header("content-length")),
        ("REMOTE_USER", USER.to_owned()),
        ("REMOTE_ADDR", "127.0.0.1".to_owned()),
    ]);
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut backend = tokio::process::Command::new("git")
        .arg("http-backend")
        .envs(environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git is missing: run `make test`, which installs it.");
    let mut stdin = backend.stdin.take().unwrap();
    tokio::spawn(async move {
        // One that refuses does not read all.
        let _ = stdin.write_all(&body).await;
    });
    let output = backend.wait_with_output().await.unwrap().stdout;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let mut answer = Response::builder();
    for line in std::str::from_utf8(&output[..end]).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        answer = match name {
            "Status" => answer.status(value[..3].parse::<u16>().unwrap()),
            name => answer.header(name, value),
        };
    }
    answer.body(Full::from(output[end + 4..].to_vec())).unwrap()
}
