//! `etiqa healthcheck`: for whatever watches a container, in which there is no other program to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use etiqa_engine::Result;
use etiqa_model::{ErrorKind, UserError};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::{Serve, output};

/// Whoever asks waits no longer than for this; a database that is gone is said after ten seconds.
const WITHIN: Duration = Duration::from_secs(20);
/// The answer is a line.
const LONGEST_ANSWER: usize = 4 << 10;

/// Asks the server of this machine whether it can work: the one that `etiqa serve` would be without any option on its command
/// line, `served`.
pub(super) async fn run(served: Option<Serve>) -> Result<ExitCode> {
    let Some(serve) = served else {
        let message = "What a server is told cannot be read: see `etiqa serve --help`.";
        return Err(UserError::invalid(message).into());
    };
    let address = own(serve.listen);
    let is_tls = serve.tls_self_signed || serve.tls_cert.is_some_and(|file| !file.as_os_str().is_empty());
    let (status, words) = match timeout(WITHIN, ask(address, is_tls)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => return Err(unwell(&format!("Nothing answers at {address}: {why}."))),
        Err(_) => return Err(unwell(&format!("{address} did not answer within {} s.", WITHIN.as_secs()))),
    };
    if status != StatusCode::OK {
        let reasons = words.trim().replace('\n', "; ");
        return Err(unwell(&format!("The server at {address} is not ready: {reasons}.")));
    }
    output::print("ready");
    Ok(ExitCode::SUCCESS)
}

fn unwell(words: &str) -> etiqa_engine::Error {
    UserError::new(ErrorKind::Unavailable, words).into()
}

/// Where this machine itself reaches what listens at `listen`.
fn own(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr, is_tls: bool) -> Result<(StatusCode, String), String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    if !is_tls {
        return ask_over(stream, address).await;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Own(provider)))
        .with_no_client_auth();
    let name = ServerName::from(address.ip());
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    ask_over(stream.map_err(|error| error.to_string())?, address).await
}

async fn ask_over<S>(stream: S, address: SocketAddr) -> Result<(StatusCode, String), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection);
    let request = Request::get("/readyz").header(HOST, address.to_string()).body(Body::empty());
    let request = request.map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status();
    let body = to_bytes(Body::new(answer.into_body()), LONGEST_ANSWER).await;
    let body = body.map_err(|error| error.to_string())?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Takes whatever certificate the server of this machine has: it is for another name than this machine has for itself, and
/// nothing secret is asked or answered.
#[derive(Debug)]
struct Own(Arc<CryptoProvider>);

impl ServerCertVerifier for Own {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::own;

    #[test]
    fn what_listens_everywhere_is_asked_at_home() {
        let asked = |listen: &str| own(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8000"), "127.0.0.1:8000");
        assert_eq!(asked("[::]:443"), "[::1]:443");
        assert_eq!(asked("192.0.2.7:8443"), "192.0.2.7:8443");
    }
}
