//! Traces: runs with their devices, and requests with their database statements, for a collector of OpenTelemetry. Nothing is
//! made of them where none is named.
//!
//! The library collects spans and sends them from a thread of its own, a bounded number at once; what does not fit is dropped.
//! Statements are in them without their values, and of a request its path without its query.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use etiqa_engine::collect::Trust;
use etiqa_engine::outgoing::operators_client;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::{Client, Url};
use tokio::runtime::Handle;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Layer, Registry};

use super::Place;

/// A collector that does not answer within this is not there.
const WITHIN: Duration = Duration::from_secs(10);
/// When the program ends, so long is given to send what is left.
const END_WITHIN: Duration = Duration::from_secs(3);
/// What traces have in them.
const WANTED: [&str; 2] = ["etiqa", "sqlx::query"];

/// Traces that are sent somewhere.
#[derive(Debug)]
pub(super) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Sends them to `endpoint` from now on, by tasks of `runtime`. The error is a sentence.
    pub(super) fn begin(endpoint: &str, ca_file: Option<&Path>, runtime: &Handle) -> Result<Self, String> {
        let trust = ca_file.map_or_else(|| Ok(Trust::system()), Trust::with_ca_file)?;
        let builder = operators_client(&trust).map_err(|error| error.to_string())?;
        let client = builder.timeout(WITHIN).build();
        let client = client.map_err(|_| "Traces cannot be sent: TLS cannot be set up.".to_owned())?;
        let sender = Sender { client, runtime: runtime.clone(), is_failing: AtomicBool::new(false) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(sender)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(WITHIN)
            .build()
            .map_err(|error| format!("Traces cannot be sent to {endpoint}: {error}."))?;
        let resource = Resource::builder()
            .with_service_name("etiqa")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Self { provider })
    }

    /// Where spans and events go to become traces.
    pub(super) fn place(&self) -> Place {
        let wanted = WANTED.map(|target| (target, LevelFilter::DEBUG));
        tracing_opentelemetry::layer::<Registry>()
            .with_tracer(self.provider.tracer("etiqa"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(Targets::new().with_targets(wanted))
            .boxed()
    }

    /// Sends what is left.
    pub(super) fn end(self) {
        // Whoever waits for the end of the program does not wait for a collector.
        let _ = self.provider.shutdown_with_timeout(END_WITHIN);
    }
}

/// Where traces are sent, as `--otlp-endpoint` says it: a bare server's are under /v1/traces (the specification of OTLP,
/// <https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>).
pub(super) fn checked_endpoint(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let example = "write it such as http://127.0.0.1:4318";
    let mut url = Url::parse(text).map_err(|_| format!("this is no address; {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("this is no address of HTTP; {example}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a password is told in OTEL_EXPORTER_OTLP_HEADERS, not in the address".to_owned());
    }
    if url.path() == "/" {
        url.set_path("/v1/traces");
    }
    Ok(url.into())
}

/// Sends what the library's thread hands it: the client needs the runtime, and that thread is not of it.
#[derive(Debug)]
struct Sender {
    client: Client,
    runtime: Handle,
    /// Whether the last attempt failed: what goes on is said once.
    is_failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = self.runtime.spawn(send(self.client.clone(), request));
        let sent = sending.await.unwrap_or_else(|error| Err(error.into()));
        self.note(&sent);
        sent
    }
}

impl Sender {
    fn note(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let problem = match sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status().as_u16())),
            Err(error) => Some(error.to_string()),
        };
        let was_failing = self.is_failing.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !was_failing => {
                tracing::warn!(%problem, "traces cannot be sent; what does not fit is dropped until they can");
            }
            None if was_failing => tracing::info!("traces are sent again"),
            _ => {}
        }
    }
}

async fn send(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let request = reqwest::Request::try_from(request)?;
    let mut answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut response = Response::new(answer.bytes().await.map_err(reqwest::Error::without_url)?);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::checked_endpoint;

    #[test]
    fn an_endpoint_is_a_server_or_the_very_place() {
        let read = |text| checked_endpoint(text).unwrap();
        assert_eq!(read("http://127.0.0.1:4318"), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(read("https://otel.example.com/in/v1/traces"), "https://otel.example.com/in/v1/traces");
        assert_eq!(read(" "), "");
        for wrong in ["127.0.0.1:4318", "ftp://x/", "http://ada:x@otel/", "grpc://otel:4317"] {
            assert!(checked_endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
