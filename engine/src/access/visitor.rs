//! What is known of a browser before anybody has signed in with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use etiqa_model::Secret;

use super::random_secret;
use crate::error::Result;
use crate::vault::Vault;

/// What device cookies are sealed for.
const DEVICE: &str = "device cookie";

/// Who knocks.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// Where the request came from.
    pub address: String,
    /// What is shown of the browser.
    pub browser: String,
    /// The cookie that a browser gets when somebody signs in with it, and keeps when they sign out.
    pub device: Option<Secret>,
    /// The secret of the session that it has; signing in ends that one.
    pub session: Option<Secret>,
}

impl Visitor {
    /// What tells this browser from others that signed in as `name`; none where it never did. `name` is in lower case.
    ///
    /// This is the device cookie of OWASP's "Slow Down Online Guessing Attacks with Device Cookies"
    /// (<https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies>).
    pub(super) fn device_of(&self, vault: &Vault, name: &str) -> Option<String> {
        let opened = opened(vault, DEVICE, self.device.as_ref()?)?;
        let (of, nonce) = opened.split_once(' ')?;
        (of == name).then(|| nonce.to_owned())
    }
}

/// A fresh device cookie for a browser that has signed in as `name`, which is in lower case and has no space in it.
pub(super) fn device_cookie(vault: &Vault, name: &str) -> Result<Secret> {
    sealed(vault, DEVICE, &format!("{name} {}", random_secret()))
}

/// A text that only this instance can make and read, for a cookie.
pub(super) fn sealed(vault: &Vault, purpose: &str, text: &str) -> Result<Secret> {
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(vault.seal(purpose, text.as_bytes())?)))
}

/// Such a text again; none where this instance did not make it for this purpose.
pub(super) fn opened(vault: &Vault, purpose: &str, cookie: &Secret) -> Option<String> {
    let sealed = URL_SAFE_NO_PAD.decode(cookie.reveal()).ok()?;
    let opened = vault.open_sealed(purpose, &sealed).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}

/// What is shown of a browser: its kind and its system, as far as the `User-Agent` header tells. Nothing of the header itself,
/// which can hold anything.
pub fn browser_of(user_agent: &str) -> String {
    // Each says that it is those that come after it as well.
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iPadOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_by_kind_and_system() {
        for (header, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.6 Mobile/15E148 Safari/604.1",
                "Safari on iOS",
            ),
            ("curl/8.14.1", "curl"),
            ("<script>", "Unknown browser"),
        ] {
            assert_eq!(browser_of(header), name);
        }
    }

    #[test]
    fn a_device_cookie_is_of_one_name_and_of_this_instance() {
        let vault = Vault::from_text(&Secret::new("0f".repeat(32))).unwrap();
        let other = Vault::from_text(&Secret::new("f0".repeat(32))).unwrap();
        let visitor = Visitor { device: Some(device_cookie(&vault, "ada").unwrap()), ..Visitor::default() };
        assert!(visitor.device_of(&vault, "ada").is_some());
        assert_eq!(visitor.device_of(&vault, "adam"), None);
        assert_eq!(visitor.device_of(&other, "ada"), None);
        let nonsense = Visitor { device: Some(Secret::new("ada 1234")), ..Visitor::default() };
        assert_eq!(nonsense.device_of(&vault, "ada"), None);
    }
}
