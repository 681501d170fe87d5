//! Who sends a request, by which scheme and to which host: the connection's word, or that of a trusted proxy. Whatever looks
//! at a request afterwards finds one `Host` in it, and no header of a proxy is looked at again.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use etiqa_model::UserError;

use super::Edge;
use crate::http::headers::secure;
use crate::http::meter::answered;
use crate::http::refusal::Refusal;

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) is_tls: bool,
}

/// Who sends a request.
#[derive(Debug, Clone)]
pub(in crate::http) struct Client {
    /// Where it comes from; never the address of a trusted proxy that names somebody.
    pub(in crate::http) address: IpAddr,
    /// Whether the browser speaks HTTPS.
    pub(in crate::http) is_secure: bool,
    /// Whether the connection itself comes from this machine.
    is_local: bool,
    edge: Arc<Edge>,
}

impl Client {
    /// Whether the server may be asked by this name. Browsers are lured to other names for it (DNS rebinding). By which names
    /// others than this machine's own browsers open the pages is known where there is a public address.
    pub(in crate::http) fn is_own_host(&self, name: &str) -> bool {
        let public = self.edge.public.as_ref();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        (!self.is_local && public.is_none())
            || bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || public.is_some_and(|public| public.host().eq_ignore_ascii_case(name))
    }

    /// Whether `origin` is that of our own pages.
    pub(in crate::http) fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        if self.edge.public.as_ref().is_some_and(|public| public.is_origin(origin)) {
            return true;
        }
        // A proxy that nobody named may speak HTTPS to the browser and HTTP to us.
        let is_of_scheme = |scheme: &str| scheme == "https" || (scheme == "http" && !self.is_secure);
        origin.split_once("://").is_some_and(|(scheme, its)| is_of_scheme(scheme) && its == host)
    }
}

/// Finds that out, before anything else looks at a request, and gives every answer the security headers.
pub(in crate::http) async fn settle(
    State(edge): State<Arc<Edge>>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let (is_secure, mut response) = match client_of(&edge, &mut request) {
        Ok(client) => {
            let is_secure = client.is_secure;
            request.extensions_mut().insert(client);
            (is_secure, next.run(request).await)
        }
        Err(error) => (false, Refusal::from(error).with_status(StatusCode::BAD_REQUEST).into_response()),
    };
    secure(response.headers_mut(), is_secure);
    answered(response.status(), began.elapsed());
    response
}

fn client_of(edge: &Arc<Edge>, request: &mut Request) -> Result<Client, UserError> {
    let peer = *request.extensions().get::<Peer>().ok_or_else(UserError::internal)?;
    let said = edge.proxies.look(peer.address, request.headers())?;
    let public = edge.public.as_ref().filter(|_| said.is_proxied);
    let host = match said.host {
        Some(host) => Some(host),
        // A proxy that tells nothing may have put another name into `Host`.
        None => public.map(|public| public.authority().to_owned()),
    };
    // HTTP/2 has it in the address, and so has HTTP/1.1 to a proxy; that one counts then (RFC 9112, section 3.2.2).
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str().to_owned()));
    set_host(request.headers_mut(), host)?;
    let is_secure = peer.is_tls || said.is_secure.unwrap_or(public.is_some_and(|public| public.is_secure));
    let is_local = peer.address.is_loopback();
    Ok(Client { address: said.address, is_secure, is_local, edge: Arc::clone(edge) })
}

fn set_host(headers: &mut HeaderMap, host: Option<String>) -> Result<(), UserError> {
    // Who reads another one of two than a proxy did would be led astray.
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Err(UserError::invalid("The request names more than one host."));
    }
    if let Some(host) = host {
        let host =
            HeaderValue::from_str(&host).map_err(|_| UserError::invalid("The request names no host."))?;
        headers.insert(header::HOST, host);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::forwarded::Proxies;
    use super::super::places::Places;
    use super::super::public_url::PublicUrl;
    use super::*;
    use crate::http::costly::Costly;

    fn client(is_local: bool, public: Option<&str>) -> Client {
        let edge = Edge {
            tls: None,
            proxies: Proxies::new(Vec::new()),
            public: public.map(|url| PublicUrl::parse(url).unwrap()),
            places: Places::default(),
            costly: Costly::default(),
        };
        let address = if is_local { [127, 0, 0, 1] } else { [192, 0, 2, 1] };
        Client { address: address.into(), is_secure: true, is_local, edge: Arc::new(edge) }
    }

    #[test]
    fn with_a_public_address_everybody_is_held_to_its_name_and_without_one_this_machine_is() {
        let public = Some("https://etiqa.example:8443");
        for client in [client(true, None), client(true, public), client(false, public)] {
            assert!(!client.is_own_host("rebind.evil"));
            assert!(!client.is_own_host("etiqa.example.evil"));
            assert!(client.is_own_host("192.0.2.7") && client.is_own_host("[::1]"));
            assert!(client.is_own_host("localhost"));
        }
        assert!(client(false, public).is_own_host("Etiqa.example"));
        assert!(client(true, public).is_own_host("etiqa.example"));
        assert!(client(false, None).is_own_host("whatever.lan"), "nobody said how it is called");
    }
}
