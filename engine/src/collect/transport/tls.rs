//! TLS to an appliance: its certificate is verified, or it is the very one that a person pinned.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::class::Class;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::route::Stream;
use crate::collect::failure::{Failure, Step};
use crate::hex::sha256_hex;

/// The authorities whose certificates are trusted: the system's, and those of a file that an admin named.
#[derive(Debug)]
pub struct Trust {
    /// None where there is no authority at all: then only pinned certificates are.
    verifier: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    /// The system's authorities.
    pub fn system() -> Self {
        Self::of(system_roots())
    }

    /// The system's authorities, and those in `ca_file` (PEM). The error is a sentence.
    pub fn with_ca_file(ca_file: &Path) -> Result<Self, String> {
        let mut roots = system_roots();
        let refused =
            |why: String| format!("The file of certificate authorities {} {why}.", ca_file.display());
        let pem = std::fs::read(ca_file).map_err(|error| refused(format!("cannot be read: {error}")))?;
        let certificates = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| refused(format!("is no PEM: {error}")))?;
        if certificates.is_empty() {
            return Err(refused("holds no certificate; it needs at least one in PEM form".into()));
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| refused(format!("holds one that is of no use: {error}")))?;
        }
        Ok(Self::of(roots))
    }

    /// A client's configuration for servers that are no devices: nothing is pinned. None where TLS cannot be set up.
    pub(crate) fn client_config(&self) -> Option<ClientConfig> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .ok()?;
        Some(
            match &self.verifier {
                Some(verifier) => config.with_webpki_verifier(Arc::clone(verifier)),
                None => config.with_root_certificates(RootCertStore::empty()),
            }
            .with_no_client_auth(),
        )
    }

    fn of(roots: RootCertStore) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        Self { verifier: verifier.build().ok(), provider }
    }

    fn config_with(&self, pinned: Option<&str>, shown: &Arc<Mutex<Shown>>) -> Option<ClientConfig> {
        let judge = Judge {
            usual: self.verifier.clone(),
            provider: Arc::clone(&self.provider),
            pinned: pinned.map(str::to_owned),
            shown: Arc::clone(shown),
        };
        let versions = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .ok()?;
        let judged = versions.dangerous().with_custom_certificate_verifier(Arc::new(judge));
        Some(judged.with_no_client_auth())
    }
}

/// A system without authorities, or with one that cannot be read, still has pinned certificates.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// What an appliance showed of its certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::collect) struct Shown {
    /// The SHA-256 of the certificate (DER), in lower-case hexadecimal.
    pub(in crate::collect) sha256: Option<String>,
    /// Whether it was not trusted.
    pub(in crate::collect) is_refused: bool,
}

/// Speaks TLS over `stream` with the appliance named `host`. What it shows is in `shown`, whether it is trusted or
/// not.
pub(in crate::collect) async fn connect(
    stream: Box<dyn Stream>,
    host: &str,
    pinned: Option<&str>,
    trust: &Trust,
    longest: Duration,
    shown: &Arc<Mutex<Shown>>,
) -> Step<TlsStream<Box<dyn Stream>>> {
    let unusable = || Failure::new(Class::TlsError, "TLS cannot be set up for this address.");
    let config = trust.config_with(pinned, shown).ok_or_else(unusable)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| unusable())?;
    match timeout(longest, TlsConnector::from(Arc::new(config)).connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => {
            let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).sha256.clone();
            Err(refused(&error, shown.as_deref(), pinned.is_some()))
        }
        Err(_) => {
            let seconds = longest.as_secs_f32();
            let message = format!("The port is open, but no TLS server answered within {seconds} s.");
            Err(Failure::new(Class::ConnectTimeout, message))
        }
    }
}

/// Decides on a certificate before anything secret is sent.
#[derive(Debug)]
struct Judge {
    usual: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    pinned: Option<String>,
    shown: Arc<Mutex<Shown>>,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let sha256 = sha256_hex(certificate);
        let verdict = match (&self.pinned, &self.usual) {
            // Who pinned it has said whose it is: its dates and names say nothing more.
            (Some(pinned), _) if *pinned == sha256 => Ok(ServerCertVerified::assertion()),
            (Some(_), _) => Err(CertificateError::ApplicationVerificationFailure.into()),
            (None, Some(usual)) => usual.verify_server_cert(certificate, intermediates, name, ocsp, now),
            (None, None) => Err(CertificateError::UnknownIssuer.into()),
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) =
            Shown { sha256: Some(sha256), is_refused: verdict.is_err() };
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn refused(error: &std::io::Error, shown: Option<&str>, is_pinned: bool) -> Failure {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return Failure::new(Class::Disconnected, "The device closed the connection while TLS was set up.");
    };
    let shown = shown.map(fingerprint).unwrap_or_default();
    let trust_it = format!(
        "Its fingerprint is {shown}. If that is the device's own, trust it on the device's page or by `etiqa \
         certificate accept`."
    );
    let message = match tls {
        Error::InvalidCertificate(_) if is_pinned => {
            format!("The device shows another certificate than the pinned one. {trust_it}")
        }
        Error::InvalidCertificate(reason) => {
            format!("The device's certificate is not trusted: {}. {trust_it}", reason_of(reason))
        }
        Error::PeerIncompatible(_) | Error::AlertReceived(_) => {
            format!("The device and this program have no TLS in common (1.2 or 1.3 is needed): {tls}.")
        }
        Error::InvalidMessage(_) => "What answers on this port is not TLS.".to_owned(),
        _ => format!("TLS could not be set up: {tls}."),
    };
    Failure::new(Class::TlsError, message)
}

/// Why a certificate was not trusted, where that is what a client's error comes from.
pub(crate) fn certificate_problem(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let tls = error.downcast_ref::<std::io::Error>().and_then(tls_within);
        if let Some(Error::InvalidCertificate(reason)) = tls.or_else(|| error.downcast_ref()) {
            return Some(reason_of(reason));
        }
        cause = error.source();
    }
    None
}

/// What an error of the system carries is none of its sources.
fn tls_within(error: &std::io::Error) -> Option<&Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| tls_within(inner.downcast_ref()?))
}

fn reason_of(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::UnknownIssuer => "no authority that this program knows has signed it",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another address"
        }
        CertificateError::Revoked => "it was revoked",
        CertificateError::BadSignature => "its signature is wrong",
        _ => "it cannot be verified",
    }
}

/// `SHA-256 AB:CD:…`, as browsers show it.
pub(in crate::collect) fn fingerprint(sha256: &str) -> String {
    let pairs: Vec<String> =
        sha256.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    format!("SHA-256 {}", pairs.join(":"))
}
