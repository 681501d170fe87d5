//! The headers that every answer has, whatever it is an answer to.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What nobody but a page may load: nothing. Pages bring a policy of their own, with a nonce.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What pages do with a browser: they copy to the clipboard, and no more.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
                           magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(self), \
                           screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()";
/// A year, of this name alone: what else is under it is not ours to decide about.
const TRANSPORT: &str = "max-age=31536000";

/// Puts them to an answer. `is_secure` is whether the browser speaks HTTPS.
pub(super) fn secure(headers: &mut HeaderMap, is_secure: bool) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT));
        for (name, value) in headers.iter_mut() {
            if *name == header::SET_COOKIE {
                over_nothing_else(value);
            }
        }
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Whoever sets a cookie need not know how it goes: over HTTPS every one of them goes over that alone.
fn over_nothing_else(cookie: &mut HeaderValue) {
    let is_marked = cookie.to_str().is_ok_and(|cookie| cookie.split("; ").any(|part| part == "Secure"));
    let marked = [cookie.as_bytes(), b"; Secure"].concat();
    if let (false, Ok(marked)) = (is_marked, HeaderValue::from_bytes(&marked)) {
        *cookie = marked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_every_cookie_goes_over_that_alone() {
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("theme=dark; Path=/"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("__Host-a=b; Path=/; Secure"));
        let mut plain = headers.clone();
        secure(&mut headers, true);
        secure(&mut plain, false);
        let cookies = |headers: &HeaderMap| -> Vec<String> {
            let values = headers.get_all(header::SET_COOKIE).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(cookies(&headers), ["theme=dark; Path=/; Secure", "__Host-a=b; Path=/; Secure"]);
        assert_eq!(cookies(&plain), ["theme=dark; Path=/", "__Host-a=b; Path=/; Secure"]);
    }
}
