//! The address by which people open the pages, where it is not the one that the server sees.

use axum::http::uri::Authority;
use etiqa_model::UserError;

/// `https://etiqa.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicUrl {
    /// Whether it is HTTPS.
    pub(super) is_secure: bool,
    authority: Authority,
}

impl PublicUrl {
    pub(super) fn parse(text: &str) -> Result<Self, UserError> {
        let read = || {
            let (scheme, rest) = text.trim().split_once("://")?;
            let is_secure = match scheme.to_ascii_lowercase().as_str() {
                "https" => true,
                "http" => false,
                _ => return None,
            };
            let authority = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase().parse().ok()?;
            Some(Self { is_secure, authority })
        };
        read().filter(|url: &Self| !url.authority.as_str().contains('@')).ok_or_else(|| {
            UserError::invalid(format!(
                "{text:?} is not an address for --public-url; give scheme and host, such as https://etiqa.example.com."
            ))
        })
    }

    /// The name without a port.
    pub(super) fn host(&self) -> &str {
        self.authority.host()
    }

    /// The name, with a port where it has one.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether a page with this `Origin` is one of ours.
    pub(super) fn is_origin(&self, origin: &str) -> bool {
        let scheme = if self.is_secure { "https" } else { "http" };
        origin.split_once("://").is_some_and(|(its, host)| {
            its.eq_ignore_ascii_case(scheme) && host.eq_ignore_ascii_case(self.authority())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_and_host() {
        let url = PublicUrl::parse("https://Etiqa.example.com:8443/").unwrap();
        assert_eq!(
            (url.host(), url.authority(), url.is_secure),
            ("etiqa.example.com", "etiqa.example.com:8443", true)
        );
        assert!(url.is_origin("https://etiqa.example.com:8443"));
        for other in [
            "http://etiqa.example.com:8443",
            "https://etiqa.example.com",
            "https://x.etiqa.example.com:8443",
            "null",
        ] {
            assert!(!url.is_origin(other), "{other}");
        }
        for wrong in [
            "etiqa.example.com",
            "ftp://etiqa",
            "https://",
            "https://etiqa/pages",
            "https://ada@etiqa",
            "https://a b",
        ] {
            assert!(PublicUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
