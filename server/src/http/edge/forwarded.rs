//! What proxies say of whom they speak for: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded` (RFC 7239).
//!
//! Anybody can send these headers. What counts is what trusted proxies wrote into them, read from the right: each proxy adds
//! the address that it was spoken to from at the end. The first address that is none of a trusted proxy is the client's, and
//! what stands to the left of it is its own invention.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName};
use etiqa_engine::network::Network;
use etiqa_model::UserError;

/// Proxies in a row at most; more entries than that are not looked at.
const MOST: usize = 16;

/// The proxies that are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Proxies(Vec<Network>);

/// What trusted proxies say of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// Who sent it.
    pub(super) address: IpAddr,
    /// Whether it came from a trusted proxy.
    pub(super) is_proxied: bool,
    /// Whether it came to the proxy by HTTPS, where that is said.
    pub(super) is_secure: Option<bool>,
    /// The host that it was sent to, where that is said.
    pub(super) host: Option<String>,
}

/// What one proxy says of the request that it got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Hop {
    address: Option<IpAddr>,
    proto: Option<String>,
    host: Option<String>,
}

impl Proxies {
    pub(super) fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_trusted(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who sent a request that came from `peer`. An error where its headers contradict each other: then one of them is the
    /// client's own, and nobody knows which.
    pub(super) fn look(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Forwarded, UserError> {
        let mut said = Forwarded { address: peer, is_proxied: false, is_secure: None, host: None };
        if !self.is_trusted(peer) {
            return Ok(said);
        }
        said.is_proxied = true;
        let (by_x, by_rfc) = (x_forwarded(headers), forwarded(headers));
        let is_by_x = !by_x.is_empty();
        if is_by_x && !by_rfc.is_empty() && last(&by_x) != last(&by_rfc) {
            let message = "X-Forwarded-For and Forwarded name different clients. Have the proxy remove the one that it does \
                           not write itself.";
            return Err(UserError::invalid(message));
        }
        let hops = if is_by_x { by_x } else { by_rfc };
        let mut steps = 0;
        for hop in hops.iter().rev() {
            if !self.is_trusted(said.address) {
                break;
            }
            // A proxy that hides whom it speaks for stands for them itself.
            let Some(address) = hop.address else { break };
            said.address = address;
            steps += 1;
        }
        // What the outermost trusted proxy says of the request that it got.
        let of_hop = hops.len().checked_sub(steps.max(1)).and_then(|at| hops.get(at));
        let (mut proto, mut host) = of_hop.map_or((None, None), |hop| (hop.proto.clone(), hop.host.clone()));
        if is_by_x || hops.is_empty() {
            proto = from_right(headers, "x-forwarded-proto", steps);
            host = from_right(headers, "x-forwarded-host", steps);
        }
        said.is_secure = proto.map(|proto| proto.eq_ignore_ascii_case("https"));
        said.host = host.filter(|host| is_host(host));
        Ok(said)
    }
}

fn last(hops: &[Hop]) -> Option<IpAddr> {
    hops.last().and_then(|hop| hop.address)
}

fn is_host(host: &str) -> bool {
    !host.contains('@') && host.parse::<Authority>().is_ok()
}

/// The entries of a header that may be there several times, joined as RFC 9110, section 5.3, says.
fn entries(headers: &HeaderMap, name: &'static str) -> Vec<String> {
    let values = headers.get_all(HeaderName::from_static(name)).iter();
    let joined = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(",");
    let mut entries: Vec<String> =
        pieces(&joined, ',').map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect();
    let more = entries.len().saturating_sub(MOST);
    entries.drain(..more);
    entries
}

/// Proxies write one value for all of them, or one each.
fn from_right(headers: &HeaderMap, name: &'static str, steps: usize) -> Option<String> {
    let mut entries = entries(headers, name);
    let at = entries.len().checked_sub(steps.clamp(1, entries.len().max(1)))?;
    (at < entries.len()).then(|| entries.swap_remove(at))
}

fn x_forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let hop = |entry: String| Hop { address: address_of(&entry), ..Hop::default() };
    entries(headers, "x-forwarded-for").into_iter().map(hop).collect()
}

fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let hop = |entry: String| {
        let mut hop = Hop::default();
        for pair in pieces(&entry, ';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = unquoted(value.trim());
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => hop.address = address_of(&value),
                "proto" => hop.proto = Some(value),
                "host" => hop.host = Some(value),
                _ => {}
            }
        }
        hop
    };
    entries(headers, "forwarded").into_iter().map(hop).collect()
}

/// An address with or without a port; of IPv6 with or without brackets. None: `unknown`, or a name that hides it.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(bare, _)| bare);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

/// What `separator` divides outside of quotes.
fn pieces(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        c == separator && !is_quoted
    })
}

fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace('\\', ""),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn look(peer: &str, lines: &[(&'static str, &str)]) -> Forwarded {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        proxies.look(peer.parse().unwrap(), &headers(lines)).unwrap()
    }

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        look(peer, lines).address.to_string()
    }

    #[test]
    fn a_stranger_is_who_it_is_whatever_it_says() {
        let lines = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
        ];
        let said = look("192.0.2.9", &lines);
        assert_eq!(said.address.to_string(), "192.0.2.9");
        assert_eq!((said.is_proxied, said.is_secure, said.host), (false, None, None));
        assert_eq!(client("192.0.2.9", &[("forwarded", "for=198.51.100.1")]), "192.0.2.9");
    }

    #[test]
    fn what_a_client_writes_before_the_proxy_does_is_not_believed() {
        for (value, address) in [
            ("198.51.100.1", "198.51.100.1"),
            ("127.0.0.1, 198.51.100.1", "198.51.100.1"),
            ("10.9.9.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("198.51.100.1, 10.0.0.3, 10.0.0.2", "198.51.100.1"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("unknown", "10.0.0.1"),
            ("198.51.100.1, garbage", "10.0.0.1"),
            ("", "10.0.0.1"),
            (",,", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[("x-forwarded-for", value)]), address, "{value}");
        }
        let twice = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(client("10.0.0.1", &twice), "198.51.100.1", "two lines are one list");
        assert_eq!(client("::ffff:10.0.0.1", &[("x-forwarded-for", "198.51.100.1")]), "198.51.100.1");
    }

    #[test]
    fn the_standard_header_says_the_same() {
        for (value, address, is_secure, host) in [
            (
                "for=198.51.100.1;proto=https;host=etiqa.example",
                "198.51.100.1",
                Some(true),
                Some("etiqa.example"),
            ),
            ("For=\"[2001:db8::1]:4711\"; Proto=http", "2001:db8::1", Some(false), None),
            (
                "for=127.0.0.1;host=evil, for=198.51.100.1;host=\"etiqa:8443\"",
                "198.51.100.1",
                None,
                Some("etiqa:8443"),
            ),
            ("for=\"1,2;for=9\", for=198.51.100.1", "198.51.100.1", None, None),
            ("for=_hidden;proto=https", "10.0.0.1", Some(true), None),
            ("for=198.51.100.1;host=\"ada@evil\"", "198.51.100.1", None, None),
        ] {
            let said = look("10.0.0.1", &[("forwarded", value)]);
            let seen = (said.address.to_string(), said.is_secure, said.host);
            assert_eq!(seen, (address.to_owned(), is_secure, host.map(str::to_owned)), "{value}");
        }
    }

    #[test]
    fn scheme_and_host_are_those_that_the_outermost_trusted_proxy_saw() {
        let chain = [
            ("x-forwarded-for", "198.51.100.1, 10.0.0.2"),
            ("x-forwarded-proto", "gopher, https, http"),
            ("x-forwarded-host", "evil, etiqa.example, inner"),
        ];
        let said = look("10.0.0.1", &chain);
        assert_eq!((said.is_secure, said.host.as_deref()), (Some(true), Some("etiqa.example")));
        let one = look(
            "10.0.0.1",
            &[("x-forwarded-for", "198.51.100.1, 10.0.0.2"), ("x-forwarded-proto", "https")],
        );
        assert_eq!(one.is_secure, Some(true));
        let alone = look("10.0.0.1", &[("x-forwarded-proto", "https")]);
        assert_eq!((alone.is_secure, alone.address.to_string().as_str()), (Some(true), "10.0.0.1"));
    }

    #[test]
    fn two_headers_that_contradict_each_other_are_refused() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let both = |x: &str, rfc: &str| {
            let lines = headers(&[("x-forwarded-for", x), ("forwarded", rfc)]);
            proxies.look("10.0.0.1".parse().unwrap(), &lines)
        };
        assert!(both("127.0.0.1", "for=198.51.100.1").is_err());
        assert_eq!(both("198.51.100.1", "for=198.51.100.1").unwrap().address.to_string(), "198.51.100.1");
    }
}
