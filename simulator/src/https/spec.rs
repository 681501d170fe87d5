//! What a device's web server is.

use etiqa_model::Secret;

use super::SimulatedCa;

/// A device's web server: where it listens, whose certificate it shows, and what is special about it.
#[derive(Debug, Clone)]
pub struct HttpsSpec {
    /// The port, at the device's address; 0 takes a free one.
    pub port: u16,
    /// Who signed its certificate; none: it is signed by itself.
    pub ca: Option<SimulatedCa>,
    /// Infoblox: the Grid Master's host where this device is only a member of the grid.
    pub grid_master: Option<String>,
    /// FortiOS: the token of its REST administrator.
    pub api_token: Secret,
    /// FortiOS from 7.6 on: a backup is asked for by POST alone.
    pub is_post_only: bool,
}

impl Default for HttpsSpec {
    /// A web server on a free port with a certificate of its own, the API token `api-token`.
    fn default() -> Self {
        Self {
            port: 0,
            ca: None,
            grid_master: None,
            api_token: Secret::new("api-token"),
            is_post_only: false,
        }
    }
}

impl HttpsSpec {
    /// At this port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// With a certificate that `ca` signed.
    #[must_use]
    pub fn ca(mut self, ca: &SimulatedCa) -> Self {
        self.ca = Some(ca.clone());
        self
    }

    /// As a member of a grid whose master is `host`.
    #[must_use]
    pub fn member_of(mut self, host: impl Into<String>) -> Self {
        self.grid_master = Some(host.into());
        self
    }

    /// With this token of the REST administrator.
    #[must_use]
    pub fn api_token(mut self, token: &str) -> Self {
        self.api_token = Secret::new(token);
        self
    }

    /// Giving a backup by POST alone.
    #[must_use]
    pub fn post_only(mut self) -> Self {
        self.is_post_only = true;
        self
    }
}
