//! A small HTTPS client, so that the simulator is judged by what it sends; and what its certificates must be.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etiqa_simulator::{DeviceSpec, HttpsSpec, Personality, SimulatedCa, SimulatedDevice};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{plain, started};

/// What a web server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Why the body ended before its end, if it did.
    pub(crate) broken: Option<String>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A call to be made.
pub(crate) struct Ask<'a> {
    device: &'a SimulatedDevice,
    request: hyper::http::request::Builder,
    body: String,
}

/// A call of a device's web server, without a login.
pub(crate) fn ask<'a>(device: &'a SimulatedDevice, method: &str, path: &str) -> Ask<'a> {
    let request = Request::builder().method(method).uri(path).header("host", host(device));
    Ask { device, request, body: String::new() }
}

/// The same as `admin` with the right password.
pub(crate) fn ask_as_admin<'a>(device: &'a SimulatedDevice, method: &str, path: &str) -> Ask<'a> {
    let basic = format!("Basic {}", STANDARD.encode("admin:admin"));
    ask(device, method, path).header("authorization", &basic)
}

/// What a device's addresses name as its host.
pub(crate) fn host(device: &SimulatedDevice) -> String {
    device.https_addr().unwrap().to_string()
}

impl Ask<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn body(mut self, body: impl ToString) -> Self {
        self.body = body.to_string();
        self
    }

    /// The answer; an error where there is none.
    pub(crate) async fn try_send(self) -> Result<Answer, String> {
        let said = |error: &dyn std::fmt::Debug| format!("{error:?}");
        let addr = self.device.https_addr().unwrap();
        let tcp = TcpStream::connect(addr).await.map_err(|error| said(&error))?;
        let connector = TlsConnector::from(trusting_anything(Arc::default()));
        let tls = connector.connect(addr.ip().into(), tcp).await.map_err(|error| said(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.map_err(|error| said(&error))?;
        tokio::spawn(connection);
        let request = self.request.body(Full::new(Bytes::from(self.body))).unwrap();
        let response = sender.send_request(request).await.map_err(|error| said(&error))?;
        let (head, mut body) = response.into_parts();
        let mut answer =
            Answer { status: head.status.as_u16(), headers: head.headers, body: Vec::new(), broken: None };
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => answer.body.extend(frame.into_data().unwrap()),
                Err(error) => answer.broken = Some(said(&error)),
            }
        }
        Ok(answer)
    }

    pub(crate) async fn send(self) -> Answer {
        self.try_send().await.unwrap()
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// How many files a `.tar.gz` holds; an error where it is none or not whole.
pub(crate) fn files_in(archive: &[u8]) -> std::io::Result<usize> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut count = 0;
    for entry in archive.entries()? {
        std::io::copy(&mut entry?, &mut std::io::sink())?;
        count += 1;
    }
    Ok(count)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[derive(Debug)]
struct Anything(Arc<Mutex<Option<String>>>);

fn trusting_anything(seen: Arc<Mutex<Option<String>>>) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(seen)))
        .with_no_client_auth();
    Arc::new(config)
}

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = Some(sha256(leaf));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signature, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that a device shows to a new connection.
async fn shown(device: &SimulatedDevice) -> Option<String> {
    let seen = Arc::default();
    let addr = device.https_addr().unwrap();
    let tcp = TcpStream::connect(addr).await.unwrap();
    let connector = TlsConnector::from(trusting_anything(Arc::clone(&seen)));
    connector.connect(addr.ip().into(), tcp).await.unwrap();
    seen.lock().unwrap().clone()
}

/// Whether a client that trusts `pem` alone talks to the device, called by `name`.
async fn is_trusted(device: &SimulatedDevice, pem: &str, name: ServerName<'static>) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_webpki_verifier(verifier)
        .with_no_client_auth();
    let tcp = TcpStream::connect(device.https_addr().unwrap()).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.is_ok()
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_the_next_connection_on() {
    let device = plain(Personality::BigIp).await;
    let first = device.certificate_sha256();
    assert_eq!(shown(&device).await, first);
    device.new_certificate();
    assert_ne!(device.certificate_sha256(), first);
    assert_eq!(shown(&device).await, device.certificate_sha256());
}

#[tokio::test]
async fn a_certificate_is_for_the_devices_address_and_for_localhost() {
    let device = plain(Personality::Nios).await;
    let own = device.certificate_pem().unwrap();
    let address = ServerName::from(device.https_addr().unwrap().ip());
    assert!(is_trusted(&device, &own, address).await);
    assert!(is_trusted(&device, &own, "localhost".try_into().unwrap()).await);
    assert!(!is_trusted(&device, &own, "lb.example.net".try_into().unwrap()).await);
}

#[tokio::test]
async fn an_authority_vouches_for_the_devices_whose_certificates_it_signed() {
    let (ca, other) = (SimulatedCa::new().unwrap(), SimulatedCa::new().unwrap());
    let spec = DeviceSpec::new(Personality::BigIp).https(HttpsSpec::default().ca(&ca));
    let device = started(spec).await;
    let address = ServerName::from(device.https_addr().unwrap().ip());
    assert!(is_trusted(&device, ca.pem(), address.clone()).await);
    assert!(!is_trusted(&device, other.pem(), address).await);
}

#[tokio::test]
async fn a_device_without_a_web_server_has_no_certificate() {
    let device = plain(Personality::Ios).await;
    assert_eq!((device.https_addr(), device.certificate_sha256()), (None, None));
}
