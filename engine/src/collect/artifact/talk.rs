//! A flow's conversation: requests over HTTPS as one login, and the waits between them.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderValue};

use super::{Incoming, Order};
use crate::collect::evidence::Evidence;
use crate::collect::failure::Step;
#[cfg(any(test, feature = "fuzzing"))]
use crate::collect::target::Limits;
use crate::collect::target::{Endpoint, Login, Target};
use crate::collect::transport::https::{Ask, Https, Reply};

/// See the module.
pub(super) struct Talk<'a> {
    https: Https,
    pub(super) login: &'a Login,
    /// How long a device may think while it makes a backup within one call: the deadline of the whole comes first.
    pub(super) longest: Duration,
    pub(super) evidence: &'a mut Evidence,
}

impl<'a> Talk<'a> {
    pub(super) fn new(order: &Order<'a>, login: &'a Login, evidence: &'a mut Evidence) -> Self {
        let endpoint = Endpoint { port: order.https_port, ..order.target.endpoint.clone() };
        let target = Target { endpoint, ..order.target.clone() };
        let https = Https::new(target, order.pinned.clone(), order.trust.clone(), order.limits.clone());
        evidence.doing(format!("connecting to {} port {}", order.target.endpoint.address, order.https_port));
        evidence.transcript.note(&format!("with the credential {}", login.name));
        Self { https, login, longest: order.limits.deadline, evidence }
    }

    /// Over a connection that is there already.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn over(https: Https, login: &'a Login, limits: &Limits, evidence: &'a mut Evidence) -> Self {
        Self { https, login, longest: limits.deadline, evidence }
    }

    /// The SHA-256 of the certificate that was shown, if it was not trusted.
    pub(super) fn refused_certificate(&self) -> Option<String> {
        self.https.refused_certificate()
    }

    /// Goes on over a new connection: what the last one was in the middle of is over.
    pub(super) fn start_anew(&mut self) {
        self.https.hang_up();
    }

    /// What the errand does next, should its deadline pass meanwhile.
    pub(super) fn doing(&mut self, what: impl Into<String>) {
        self.evidence.doing(what);
    }

    /// Asks, whatever the answer's status.
    pub(super) async fn ask(&mut self, ask: Ask<'_>) -> Step<Reply> {
        self.https.ask(ask, self.evidence).await
    }

    /// Brings the body of `reply` into `file`.
    pub(super) async fn save(&mut self, mut reply: Reply, file: &mut Incoming) -> Step<()> {
        while let Some(piece) = reply.piece().await? {
            file.write(&piece).await?;
        }
        Ok(())
    }
}

/// `Authorization: Basic …` (RFC 7617) for the login's password.
pub(super) fn basic<'a>(mut ask: Ask<'a>, login: &Login) -> Ask<'a> {
    use base64::Engine as _;
    let password = login.password.as_ref().map_or("", |password| password.reveal());
    let pair = zeroize::Zeroizing::new(format!("{}:{password}", login.username));
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
    let value = zeroize::Zeroizing::new(format!("Basic {}", *zeroize::Zeroizing::new(encoded)));
    if let Ok(mut value) = HeaderValue::from_str(&value) {
        value.set_sensitive(true);
        ask.headers.insert(AUTHORIZATION, value);
    }
    ask
}

/// The waits between two looks at something that takes a device minutes: short at first, never long.
pub(super) struct Patience(Duration);

impl Patience {
    const LONGEST: Duration = Duration::from_secs(15);

    pub(super) fn new() -> Self {
        Self(Duration::from_millis(250))
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Self::LONGEST);
    }
}
