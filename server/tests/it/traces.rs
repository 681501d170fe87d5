//! Traces, as a collector of OpenTelemetry receives them: OTLP over HTTP, with protobuf.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::harness::devices::router;
use crate::harness::{World, until};

/// A span, as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    /// All of it, to look for words.
    bytes: Vec<u8>,
}

impl Span {
    fn says(&self, words: &str) -> bool {
        contains(&self.bytes, words)
    }
}

fn contains(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

/// Everything that came.
#[derive(Debug, Default)]
struct Received {
    requests: Vec<(HeaderMap, Vec<u8>)>,
}

type Inbox = Arc<Mutex<Received>>;

/// Listens as a collector does; gives its address.
async fn collector(inbox: &Inbox) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let receive = async |State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes| {
        inbox.lock().unwrap().requests.push((headers, body.to_vec()));
    };
    let app = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(inbox));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// The fields of a message that have a length, by their numbers (<https://protobuf.dev/programming-guides/encoding/>).
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = match tag & 7 {
            0 => {
                varint(&mut bytes);
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (field, rest) = bytes.split_at(length);
        if tag & 7 == 2 {
            fields.push((tag >> 3, field));
        }
        bytes = rest;
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    number
}

fn of(bytes: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(bytes).into_iter().filter(move |(found, _)| *found == number).map(|(_, field)| field)
}

/// The spans of everything that came (`opentelemetry/proto/trace/v1/trace.proto`).
fn spans(inbox: &Inbox) -> Vec<Span> {
    let received = inbox.lock().unwrap();
    let mut spans = Vec::new();
    for (_, body) in &received.requests {
        for resource in of(body, 1) {
            for scope in of(resource, 2) {
                for span in of(scope, 2) {
                    let one = |number| of(span, number).next().unwrap_or_default().to_vec();
                    let name = String::from_utf8(one(5)).unwrap();
                    spans.push(Span {
                        name,
                        trace: one(1),
                        id: one(2),
                        parent: one(4),
                        bytes: span.to_vec(),
                    });
                }
            }
        }
    }
    spans
}

#[tokio::test]
async fn a_run_is_a_trace_with_its_devices_and_a_request_one_with_its_statements() {
    let inbox = Inbox::default();
    let world = World::new().with_env("ETIQA_OTLP_ENDPOINT", &collector(&inbox).await);
    world.add_credential().await;
    let _devices = [world.add_device(router("rtr-1")).await, world.add_device(router("rtr-2")).await];
    world.add_backup("Nightly", "config").await;
    let token = world.token("viewer").await;
    let server = world.serve().await;
    world.etiqa(["run-backups", "--force"]).await.good();
    server.with_token(&token).get("/backup/status/?secret=in-the-query").await.with_status(200);
    // What is left is sent before the program ends.
    assert_eq!(server.stop().await.0, Some(0));

    let spans = spans(&inbox);
    let run = spans.iter().find(|span| span.name == "run").expect("a span of the run");
    let devices: Vec<_> = spans.iter().filter(|span| span.name == "device").collect();
    assert_eq!(devices.len(), 2, "{spans:#?}");
    for device in &devices {
        assert_eq!((&device.trace, &device.parent), (&run.trace, &run.id));
    }
    assert!(devices.iter().any(|device| device.says("rtr-1")));
    let request = spans.iter().find(|span| span.says("/backup/status")).expect("a span of the request");
    assert_eq!((request.name.as_str(), request.parent.len()), ("GET", 0));
    assert_ne!(request.trace, run.trace);
    assert!(request.says("http.response.status_code") && request.says("FROM backup_config"), "{request:?}");

    let received = inbox.lock().unwrap();
    for (headers, body) in &received.requests {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert!(contains(body, "service.name") && contains(body, "etiqa"));
        for secret in [token.as_str(), crate::harness::DEVICE_PASSWORD, "in-the-query"] {
            assert!(!contains(body, secret), "{secret} is in a trace");
        }
    }
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_said_once_and_holds_nothing_up() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::new().with_env("ETIQA_OTLP_ENDPOINT", &format!("http://{gone}"));
    world.add_backup("Tables", "data").await;
    let server = world.serve().await;
    world.etiqa(["run-backups", "--force"]).await.good();
    until("a word about it", async || server.said().contains("traces cannot be sent").then_some(())).await;
    let (code, said) = server.stop().await;
    assert_eq!(code, Some(0));
    assert_eq!(said.matches("traces cannot be sent").count(), 1, "{said}");
}

#[tokio::test]
async fn an_endpoint_that_is_no_address_is_refused() {
    for (endpoint, words) in [
        ("127.0.0.1:4318", "write it such as http://127.0.0.1:4318"),
        ("http://ada:secret@otel:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
    ] {
        let refused = World::new().etiqa(["serve", "--otlp-endpoint", endpoint]).await.with_code(2);
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
}
