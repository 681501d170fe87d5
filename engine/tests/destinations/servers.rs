//! Servers of S3 and WebDAV on loopback, each with its faults.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dav_server::DavHandler;
use dav_server::fakels::FakeLs;
use dav_server::localfs::LocalFs;
use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub(crate) const USER: &str = "backup";
pub(crate) const PASSWORD: &str = "canary-dav-5Rz1";
pub(crate) const ACCESS_KEY: &str = "AKIDCANARY";
pub(crate) const SECRET_KEY: &str = "canary-s3-8Nm4";
pub(crate) const BUCKET: &str = "configs";

type Trouble = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Trouble>;

/// What a server does wrong, and what it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Statuses that the next requests are answered with, one each.
    pub(crate) next: VecDeque<u16>,
    /// What every request is answered with.
    pub(crate) always: Option<u16>,
    /// What every upload is answered with: a status and a body.
    pub(crate) no_uploads: Option<(u16, &'static str)>,
    /// Methods that are answered with 403.
    pub(crate) refused_methods: Vec<&'static str>,
    /// So many of the next downloads end in their middle.
    pub(crate) halved: u32,
    /// Methods that are answered with eight megabytes.
    pub(crate) floods: Vec<&'static str>,
    /// Nothing is answered.
    pub(crate) hangs: bool,
    /// The answer to a question about the bucket's object lock.
    pub(crate) object_lock: Option<&'static str>,
    /// Methods and paths, in their order.
    pub(crate) calls: Vec<String>,
}

/// A server with a folder behind it.
pub(crate) struct HttpServer {
    pub(crate) url: String,
    folder: TempDir,
    below: &'static str,
    faults: Arc<Mutex<Faults>>,
}

impl HttpServer {
    /// An S3 server with an empty bucket.
    pub(crate) async fn s3() -> Self {
        Self::s3_over(None).await
    }

    /// The same, over TLS where that is set up.
    pub(crate) async fn s3_over(tls: Option<Arc<ServerConfig>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let answer = move |request| {
            let service = service.clone();
            async move { s3(&service, request).await }
        };
        Self::start(folder, BUCKET, tls, answer).await
    }

    /// A WebDAV server that asks for a login, with an empty folder.
    pub(crate) async fn dav() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let handler = DavHandler::builder()
            .filesystem(LocalFs::new(folder.path(), false, false, false))
            .locksystem(FakeLs::new())
            .build_handler();
        let login = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let answer = move |request: Request<Incoming>| {
            let (handler, login) = (handler.clone(), login.clone());
            async move {
                if request.headers().get(AUTHORIZATION).is_none_or(|given| given != login.as_str()) {
                    return status(401);
                }
                handler.handle(request).await.map(|body| body.map_err(Trouble::from).boxed_unsync())
            }
        };
        Self::start(folder, "", None, answer).await
    }

    async fn start<A, F>(
        folder: TempDir,
        below: &'static str,
        tls: Option<Arc<ServerConfig>>,
        answer: A,
    ) -> Self
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let faults = Arc::new(Mutex::new(Faults::default()));
        let shared = Arc::clone(&faults);
        let scheme = if tls.is_some() { "https" } else { "http" };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answer, faults, tls) = (answer.clone(), Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let (answer, faults) = (answer.clone(), Arc::clone(&faults));
                        async move { Ok::<_, Infallible>(faulty(&faults, request, answer).await) }
                    });
                    // A client that goes away in the middle is its own affair.
                    match tls {
                        None => {
                            drop(http1::Builder::new().serve_connection(TokioIo::new(socket), service).await);
                        }
                        Some(tls) => {
                            if let Ok(socket) = TlsAcceptor::from(tls).accept(socket).await {
                                drop(
                                    http1::Builder::new()
                                        .serve_connection(TokioIo::new(socket), service)
                                        .await,
                                );
                            }
                        }
                    }
                });
            }
        });
        Self { url: format!("{scheme}://{address}"), folder, below, faults }
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join(self.below)
    }

    /// Changes what it does wrong.
    pub(crate) fn fault(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.faults.lock().unwrap());
    }

    /// What it was asked for.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.faults.lock().unwrap().calls.clone()
    }
}

async fn faulty<F>(
    faults: &Mutex<Faults>,
    request: Request<Incoming>,
    answer: impl Fn(Request<Incoming>) -> F,
) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let (wrong, is_flood, hangs, lock, no_uploads) = {
        let mut faults = faults.lock().unwrap();
        faults.calls.push(format!("{} {}", request.method(), request.uri()));
        let is_refused = faults.refused_methods.contains(&request.method().as_str());
        let refusal = is_refused.then_some(403);
        (
            faults.next.pop_front().or(faults.always).or(refusal),
            faults.floods.contains(&request.method().as_str()),
            faults.hangs,
            faults.object_lock,
            faults.no_uploads,
        )
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    if let Some(wrong) = wrong {
        return status(wrong);
    }
    if is_flood {
        return flood();
    }
    if let Some(lock) =
        lock.filter(|_| request.uri().query().is_some_and(|query| query.starts_with("object-lock")))
    {
        return Response::new(Full::new(Bytes::from(lock)).map_err(Trouble::from).boxed_unsync());
    }
    if let Some((wrong, words)) = no_uploads.filter(|_| request.method() == Method::PUT) {
        let mut response = status(wrong);
        *response.body_mut() = Full::new(Bytes::from(words)).map_err(Trouble::from).boxed_unsync();
        return response;
    }
    let is_download = request.method() == Method::GET;
    let response = answer(request).await;
    let is_halved = is_download && {
        let mut faults = faults.lock().unwrap();
        let is_halved = faults.halved > 0;
        faults.halved = faults.halved.saturating_sub(1);
        is_halved
    };
    if is_halved { half(response).await } else { response }
}

/// The announced length, and half of the bytes.
async fn half(response: Response<Body>) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let whole = body.collect().await.unwrap().to_bytes();
    let half = whole.slice(..whole.len() / 2);
    let cut = Err::<Frame<Bytes>, Trouble>("cut off".into());
    // The end comes a moment later, or nothing of the half would go out.
    let frames = futures::stream::iter([Ok(Frame::data(half)), cut]).then(async |frame| {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        frame
    });
    Response::from_parts(parts, StreamBody::new(Box::pin(frames)).boxed_unsync())
}

/// Much more than anybody asked for.
fn flood() -> Response<Body> {
    let piece = || Ok::<_, Trouble>(Frame::data(Bytes::from(vec![b'x'; 1 << 16])));
    let pieces = futures::stream::repeat_with(piece).take(128);
    Response::builder().status(207).body(StreamBody::new(pieces).boxed_unsync()).unwrap()
}

fn status(status: u16) -> Response<Body> {
    let empty = Full::new(Bytes::new()).map_err(Trouble::from).boxed_unsync();
    Response::builder().status(status).body(empty).unwrap()
}

async fn s3(service: &S3Service, request: Request<Incoming>) -> Response<Body> {
    match service.call(request.map(s3s::Body::from)).await {
        Ok(response) => response.map(BodyExt::boxed_unsync),
        Err(_) => status(500),
    }
}
