//! One connection: TLS where the server has it, then HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};
use tower_http::normalize_path::NormalizePathLayer;

use super::Edge;
use super::accept::App;
use super::activity::{Activity, Counted};
use super::client::Peer;
use super::patience::{HEAD_WITHIN, Patient, TAKEN_WITHIN};
use super::taking::Answers;
use super::tls::Tls;

/// A connection that nothing is asked over is closed after this. Proxies keep theirs for a minute, and are not to find them
/// closed when they use them.
const IDLE: Duration = Duration::from_secs(75);
/// Bytes of a request's head. Cookies, and the filters of a long list, fit many times over.
const LARGEST_HEAD: usize = 64 << 10;
/// Hyper looks at the end of each piece that it reads, and a piece may be as long again.
const READ_AHEAD: usize = LARGEST_HEAD / 2;
/// Requests of one connection at once.
const MOST_STREAMS: u32 = 64;
/// Bytes of one answer that wait to be written. More of them would wait only for whoever does not take them.
const LARGEST_WAITING: usize = 64 << 10;
/// What begins a TLS connection: a record of the handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Serves a connection to its end.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    edge: Arc<Edge>,
    app: App,
    stopping: CancellationToken,
) {
    // What is asked for is small and waited for; Nagle's algorithm would only delay it.
    stream.set_nodelay(true).ok();
    let address = peer.ip().to_canonical();
    let Some(tls) = &edge.tls else {
        return speak(stream, false, Peer { address, is_tls: false }, app, stopping).await;
    };
    match timeout(HEAD_WITHIN, open(tls, stream)).await {
        Ok(Ok(Opened::Tls(stream))) => {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(&b"h2"[..]);
            speak(*stream, is_http2, Peer { address, is_tls: true }, app, stopping).await;
        }
        Ok(Ok(Opened::Plain(stream))) => {
            speak(stream, false, Peer { address, is_tls: false }, elsewhere(), stopping).await;
        }
        // Scanners, and browsers that do not like the certificate: it is not the program's trouble.
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS came about with {peer}"),
        Err(_) => tracing::debug!(%peer, "no TLS came about with {peer} in time"),
    }
}

enum Opened {
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    /// Somebody speaks HTTP, and would see no more than a broken connection.
    Plain(TcpStream),
}

async fn open(tls: &Tls, stream: TcpStream) -> io::Result<Opened> {
    let mut first = [0];
    if stream.peek(&mut first).await? > 0 && first[0] != HANDSHAKE && first[0].is_ascii_uppercase() {
        return Ok(Opened::Plain(stream));
    }
    Ok(Opened::Tls(Box::new(tls.accept(stream).await?)))
}

/// Speaks HTTP over a stream until it ends. Errors are those of the other side, or of the way to it.
async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    is_http2: bool,
    peer: Peer,
    app: App,
    stopping: CancellationToken,
) {
    let activity = Arc::new(Activity::default());
    let stream = TokioIo::new(Patient::new(stream, Arc::clone(&activity), !is_http2));
    let answers = Arc::new(Answers::default());
    let (counted, handed_on) = (Arc::clone(&activity), Arc::clone(&answers));
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut app, open) = (app.clone(), counted.begin());
        let answers = Arc::clone(&handed_on);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        async move {
            let answer: Response = app.call(request).await?;
            let answer = answer.map(|body| Body::new(Counted::new(body, open)));
            // In HTTP/1.1 all that is not taken waits at the stream.
            Ok::<_, Infallible>(if is_http2 {
                answer.map(|body| Body::new(answers.hand_on(body)))
            } else {
                answer
            })
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(READ_AHEAD)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEAD as u32)
        .max_send_buf_size(LARGEST_WAITING)
        // Whoever has gone without a word is noticed.
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    // What is spoken was settled by TLS; without it nobody speaks HTTP/2.
    let builder = if is_http2 { builder.http2_only() } else { builder.http1_only() };
    let connection = builder.serve_connection(stream, service);
    tokio::pin!(connection);
    let mut is_ending = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %peer.address, %error, "a connection broke");
                }
                return;
            }
            () = answers.untaken_for(TAKEN_WITHIN) => {
                tracing::debug!(peer = %peer.address, "an answer was not taken; its connection is closed");
                return;
            }
            () = stopping.cancelled(), if !is_ending => {}
            // The second time nothing has come of the first.
            () = activity.idle_for(IDLE) => {
                if is_ending {
                    return;
                }
            }
        }
        is_ending = true;
        connection.as_mut().graceful_shutdown();
    }
}

/// What answers plain HTTP where TLS is expected.
fn elsewhere() -> App {
    NormalizePathLayer::trim_trailing_slash().layer(Router::new().fallback(to_https))
}

async fn to_https(request: Request) -> Response {
    let words = "This server speaks HTTPS on this port: open its address with https:// instead.\n";
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    match host.filter(|host| host.parse::<Authority>().is_ok()) {
        Some(host) if request.method().is_safe() => {
            let place = [(header::LOCATION, format!("https://{host}{path}"))];
            (StatusCode::TEMPORARY_REDIRECT, place, words).into_response()
        }
        _ => (StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")], words).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use http_body_util::BodyExt;
    use hyper::client::conn::http2;
    use tokio::io::duplex;
    use tokio::time::Instant;

    use super::*;

    const LENGTH: usize = 1 << 20;

    /// A browser that lets the server send so many bytes of an answer, and the task that serves it.
    async fn browser(window: u32) -> (http2::SendRequest<Body>, tokio::task::JoinHandle<()>) {
        let (browser, stream) = duplex(1 << 16);
        let router = Router::new().route("/", get(|| async { "x".repeat(LENGTH) }));
        let app = NormalizePathLayer::trim_trailing_slash().layer(router);
        let peer = Peer { address: [192, 0, 2, 1].into(), is_tls: true };
        let serving = tokio::spawn(speak(stream, true, peer, app, CancellationToken::new()));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window);
        let (sender, connection) = builder.handshake(TokioIo::new(browser)).await.unwrap();
        // It answers pings, whatever it takes.
        tokio::spawn(connection);
        (sender, serving)
    }

    fn ask() -> Request {
        axum::http::Request::get("https://localhost/").body(Body::empty()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_over_which_an_answer_is_not_taken_is_closed() {
        for window in [0, 1_000, 65_535, 1_048_575] {
            let (mut browser, serving) = browser(window).await;
            let begun = Instant::now();
            let answer = browser.send_request(ask()).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            // What is asked for beside it does not keep it.
            let asking = tokio::spawn(async move {
                while browser.send_request(ask()).await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(20)).await;
                }
            });
            let closed = timeout(Duration::from_mins(10), serving).await;
            assert!(closed.is_ok(), "of a window of {window} bytes");
            assert!(begun.elapsed() >= TAKEN_WITHIN);
            drop(answer);
            asking.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_an_answer_slowly_gets_all_of_it() {
        let (mut browser, serving) = browser(65_535).await;
        let mut answer = browser.send_request(ask()).await.unwrap().into_body();
        let mut length = 0;
        while let Some(frame) = answer.frame().await {
            let taken = frame.unwrap().into_data().unwrap().len();
            length += taken;
            // 3 KB a second: frames are of a byte and of sixteen thousand.
            tokio::time::sleep(Duration::from_micros(300 * taken as u64)).await;
        }
        assert_eq!(length, LENGTH);
        drop((browser, answer));
        serving.await.unwrap();
    }
}
