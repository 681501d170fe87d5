//! TLS of the server's own: a certificate and its key from files, followed when they change, or a self-signed one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use etiqa_engine::hex::sha256_hex;
use etiqa_model::UserError;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error as TlsError, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::self_signed;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What connections are opened with.
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    files: Files,
    /// Where a self-signed one is made anew, and for which names.
    own: Option<(PathBuf, Vec<String>)>,
    provider: Arc<CryptoProvider>,
}

/// The certificate that is shown just now.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// When both files were written, and how long they are.
type Look = [Option<(SystemTime, u64)>; 2];

impl Files {
    fn look(&self) -> Look {
        [&self.certificate, &self.key].map(|path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        })
    }

    /// Reads both, and makes sure that they belong together. The error is a sentence.
    fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
        let bytes = |path: &Path| {
            std::fs::read(path)
                .map_err(|error| format!("The file {} cannot be read: {error}.", path.display()))
        };
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain = CertificateDer::pem_slice_iter(&bytes(&self.certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| format!("The file {certificate} is no certificate in PEM form."))?;
        if chain.is_empty() {
            return Err(format!("The file {certificate} holds no certificate in PEM form."));
        }
        let private = PrivateKeyDer::from_pem_slice(&bytes(&self.key)?)
            .map_err(|_| format!("The file {key} holds no private key in PEM form, without a passphrase."))?;
        CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
            TlsError::InconsistentKeys(_) => {
                format!("The key in {key} does not belong to the certificate in {certificate}.")
            }
            error => format!("The certificate in {certificate} cannot be used: {error}."),
        })
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// With the certificate chain and the key of these files (PEM).
    pub(super) fn of_files(certificate: &Path, key: &Path) -> Result<Self, UserError> {
        Self::open(Files { certificate: certificate.to_owned(), key: key.to_owned() }, None)
    }

    /// With one that nobody vouches for, kept in the data directory.
    pub(super) fn self_signed(data_dir: &Path, names: Vec<String>) -> Result<Self, UserError> {
        let path = self_signed::keep(data_dir, &names).map_err(UserError::invalid)?;
        Self::open(Files { certificate: path.clone(), key: path }, Some((data_dir.to_owned(), names)))
    }

    fn open(files: Files, own: Option<(PathBuf, Vec<String>)>) -> Result<Self, UserError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pair = files.read(&provider).map_err(UserError::invalid)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(pair))));
        // TLS 1.2 and 1.3; nothing older is in the library.
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| UserError::internal())?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown, files, own, provider })
    }

    pub(super) fn is_self_signed(&self) -> bool {
        self.own.is_some()
    }

    /// `SHA-256 AB:CD:…`, as browsers show it.
    pub(super) fn fingerprint(&self) -> String {
        let shown = self.shown.0.read().unwrap_or_else(PoisonError::into_inner);
        let sha256 = shown.cert.first().map(|certificate| sha256_hex(certificate)).unwrap_or_default();
        let pairs: Vec<String> =
            sha256.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        format!("SHA-256 {}", pairs.join(":"))
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// Follows the files for ever. A pair that cannot be used is said once, and the one before stays.
    pub(super) async fn keep(&self) {
        let mut seen = self.files.look();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Some((data_dir, names)) = &self.own
                && let Err(problem) = self_signed::keep(data_dir, names)
            {
                tracing::error!("the self-signed certificate could not be renewed: {problem}");
            }
            let now = self.files.look();
            if now == seen {
                continue;
            }
            seen = now;
            match self.files.read(&self.provider) {
                Ok(pair) => {
                    *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                    let fingerprint = self.fingerprint();
                    tracing::info!(%fingerprint, "the certificate was read anew: {fingerprint}");
                }
                Err(problem) => {
                    tracing::error!("the new certificate is not used, the one before stays: {problem}");
                }
            }
        }
    }
}
