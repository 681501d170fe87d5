//! The certificates of devices' web servers, and a certificate authority for tests.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;

use crate::artifact::sha256;

/// A certificate authority that exists for a test: devices whose
/// [`HttpsSpec::ca`](crate::HttpsSpec::ca) it is have certificates that it signed.
#[derive(Clone)]
pub struct SimulatedCa(Arc<Authority>);

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl SimulatedCa {
    /// A new one. Errors when the system has no randomness.
    pub fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Etiqa simulated authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self(Arc::new(Authority { issuer: Issuer::new(params, key), pem })))
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.0.pem
    }

    /// What a server at `address` shows that this authority knows.
    pub fn server_config(&self, address: IpAddr) -> anyhow::Result<Arc<ServerConfig>> {
        Ok(Leaf::new("server", address, Some(self))?.config)
    }
}

impl fmt::Debug for SimulatedCa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SimulatedCa").finish_non_exhaustive()
    }
}

/// A web server's certificate, and the TLS settings that show it.
pub(super) struct Leaf {
    pub(super) sha256: String,
    pub(super) pem: String,
    pub(super) config: Arc<ServerConfig>,
}

impl Leaf {
    /// A new certificate for `hostname` at `address` and for `localhost`: signed by `ca`, or else by itself.
    pub(super) fn new(hostname: &str, address: IpAddr, ca: Option<&SimulatedCa>) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new([address.to_string(), "localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, hostname);
        let key = KeyPair::generate()?;
        let certificate = match ca {
            Some(ca) => params.signed_by(&key, &ca.0.issuer)?,
            None => params.self_signed(&key)?,
        };
        let der = certificate.der().clone();
        let sha256 = sha256(&der);
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![der], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .context("The simulated certificate does not fit its key")?;
        Ok(Self { sha256, pem: certificate.pem(), config: Arc::new(config) })
    }
}
