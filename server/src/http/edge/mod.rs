//! Where requests arrive: the connections and their bounds, TLS, and whom a proxy speaks for. What a request may do is
//! decided behind it, by the gate.

mod accept;
mod activity;
mod client;
mod connection;
mod forwarded;
mod patience;
mod places;
mod public_url;
mod self_signed;
mod taking;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use etiqa_engine::Engine;
use etiqa_engine::network::Network;
use etiqa_model::UserError;

pub(super) use accept::accept;
pub(super) use client::{Client, settle};
pub(super) use places::network_of;

use crate::cli::Serve;
use forwarded::Proxies;
use places::Places;
use public_url::PublicUrl;
use tls::Tls;

use super::costly::Costly;

/// What is the same for every engine of this process.
#[derive(Debug)]
pub(crate) struct Edge {
    tls: Option<Arc<Tls>>,
    proxies: Proxies,
    public: Option<PublicUrl>,
    places: Places,
    pub(super) costly: Costly,
}

impl Edge {
    /// As the command line has it. A certificate that cannot be used is said at once.
    pub(crate) fn open(engine: &Engine, serve: &Serve) -> Result<Arc<Self>, UserError> {
        let public = serve.public_url.as_deref().filter(|url| !url.is_empty());
        let public = public.map(PublicUrl::parse).transpose()?;
        let [certificate, key] = [&serve.tls_cert, &serve.tls_key]
            .map(|file| file.as_deref().filter(|file| !file.as_os_str().is_empty()));
        let tls = match (certificate, key, serve.tls_self_signed) {
            (Some(certificate), Some(key), false) => Some(Tls::of_files(certificate, key)?),
            (None, None, true) => {
                let names = self_signed::names(serve.listen, public.as_ref().map(PublicUrl::host));
                Some(Tls::self_signed(engine.dir.root(), names)?)
            }
            (None, None, false) => None,
            (Some(_), None, _) | (None, Some(_), _) => {
                return Err(UserError::invalid("--tls-cert and --tls-key go together; name both files."));
            }
            (Some(_), Some(_), true) => {
                return Err(UserError::invalid(
                    "Choose either --tls-cert and --tls-key, or --tls-self-signed.",
                ));
            }
        };
        let proxies = Network::parse_list("--trusted-proxy", &serve.trusted_proxy)?;
        Ok(Arc::new(Self {
            tls: tls.map(Arc::new),
            proxies: Proxies::new(proxies),
            public,
            places: Places::default(),
            costly: Costly::default(),
        }))
    }

    /// For an address of which nothing was said but itself: without TLS, and no proxy is believed.
    pub(super) fn plain() -> Self {
        Self {
            tls: None,
            proxies: Proxies::new(Vec::new()),
            public: None,
            places: Places::default(),
            costly: Costly::default(),
        }
    }

    /// `https` or `http`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// What is said of the certificate, and of what is missing, when the program starts.
    pub(crate) fn words(&self, listen: SocketAddr) -> Option<String> {
        match &self.tls {
            Some(tls) if tls.is_self_signed() => Some(format!(
                "The certificate is self-signed; browsers ask about it once. Its fingerprint: {}",
                tls.fingerprint()
            )),
            Some(_) => None,
            None if listen.ip().to_canonical().is_loopback() || !self.proxies.is_empty() => None,
            None => Some(
                "⚠️  Passwords and configurations cross the network unencrypted. Use --tls-cert and --tls-key, \
                 --tls-self-signed, or a proxy that --trusted-proxy names."
                    .to_owned(),
            ),
        }
    }

    /// Keeps the certificate as its files are, until the program stops.
    pub(crate) async fn keep_certificate(self: Arc<Self>) {
        match &self.tls {
            Some(tls) => tls.keep().await,
            None => std::future::pending().await,
        }
    }
}
