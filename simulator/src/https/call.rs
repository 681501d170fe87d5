//! A call of a web server, taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Limited};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap};
use serde_json::Value;

/// The biggest body that a call may have.
const BODY_LIMIT: usize = 1024 * 1024;

/// What stands for a secret where calls are listed.
const SECRET: &str = "*";

/// The parameters of a query that are secrets.
const SECRET_PARAMETERS: &[&str] = &["access_token", "key", "passphrase", "password", "secretkey"];

/// What a client asks for.
pub(super) struct Call {
    pub(super) method: String,
    /// Percent-decoded.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    /// Reads the call; none where its body is too long or does not come.
    pub(super) async fn read(request: Request<Incoming>) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await.ok()?.to_bytes();
        Some(Self {
            method: head.method.to_string(),
            path: decoded(head.uri.path(), false),
            query: pairs(head.uri.query().unwrap_or_default()),
            headers: head.headers,
            body,
        })
    }

    /// Method, path and query without secrets, as a list of calls has it.
    pub(super) fn listed(&self) -> String {
        let path = match self.path.strip_prefix(super::icontrol::TOKENS) {
            Some(token) if !token.is_empty() => format!("{}{SECRET}", super::icontrol::TOKENS),
            _ => self.path.clone(),
        };
        let mut listed = format!("{} {path}", self.method);
        for (index, (name, value)) in self.query.iter().enumerate() {
            let value = if SECRET_PARAMETERS.contains(&name.as_str()) { SECRET } else { value };
            listed.push(if index == 0 { '?' } else { '&' });
            listed.push_str(name);
            if !value.is_empty() {
                listed.push('=');
                listed.push_str(value);
            }
        }
        listed
    }

    pub(super) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The body as JSON; null where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as a form.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body))
    }

    /// The name and password of HTTP's basic authentication, RFC 7617.
    pub(super) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
    }

    /// The token of `Authorization: Bearer`, RFC 6750.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
    }

    /// A cookie's value, without quotes.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(known, value)| (known == name).then(|| value.trim_matches('"')))
    }
}

/// The value of this name.
pub(super) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
}

fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name, true), decoded(value, true))
        })
        .collect()
}

/// Without percent-encoding; in a form a plus sign is a space.
fn decoded(text: &str, is_form: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let hex = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (byte, hex.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) if is_form => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str, query: &str) -> Call {
        Call {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: pairs(query),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    #[test]
    fn secrets_are_not_listed() {
        assert_eq!(call("/api/", "type=export&key=abc%3D").listed(), "GET /api/?type=export&key=*");
        assert_eq!(call("/mgmt/shared/authz/tokens/ABC", "").listed(), "GET /mgmt/shared/authz/tokens/*");
        assert_eq!(call("/wapi/v1.0/", "_schema").listed(), "GET /wapi/v1.0/?_schema");
    }

    #[test]
    fn forms_are_decoded() {
        assert_eq!(
            pairs("user=a+b&password=%24x%"),
            [("user".to_owned(), "a b".to_owned()), ("password".to_owned(), "$x%".to_owned())]
        );
    }
}
