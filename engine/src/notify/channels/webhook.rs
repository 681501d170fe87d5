//! Any program that takes JSON. Signed as Standard Webhooks has it (<https://www.standardwebhooks.com>), for which there are
//! libraries in most languages: HMAC-SHA-256 over id, time and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etiqa_model::notify::Message;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::http::{Request, post};
use super::{Failure, To, text_of};
use crate::time::now;

/// Begins a secret whose rest is the key in base64.
const ENCODED: &str = "whsec_";

pub(super) async fn send(to: &To<'_>, message: &Message) -> Result<String, Failure> {
    let mut request =
        Request::json(to.secrets.url.reveal(), &body(message)).with_token(to.secrets.token.reveal());
    let seconds = (now().millis() / 1_000).to_string();
    request.headers.push(("webhook-id", message.id.clone()));
    request.headers.push(("webhook-timestamp", seconds.clone()));
    if !to.secrets.secret.is_empty() {
        let signature = signature(to.secrets.secret.reveal(), &message.id, &seconds, &request.body)
            .ok_or_else(|| Failure::permanent("The secret that signs is no key: fill it in again."))?;
        request.headers.push(("webhook-signature", format!("v1,{signature}")));
    }
    post(to, request).await
}

fn body(message: &Message) -> Value {
    let mut body = json!(message);
    if let Value::Object(fields) = &mut body {
        fields.insert("version".to_owned(), json!(1));
        fields.insert("text".to_owned(), json!(text_of(message)));
    }
    body
}

/// The key that a secret is; none where it says that it is base64, and is not, or is empty.
pub(in crate::notify) fn key_of(secret: &str) -> Option<Vec<u8>> {
    let key = match secret.strip_prefix(ENCODED) {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    (!key.is_empty()).then_some(key)
}

/// In base64.
fn signature(secret: &str, id: &str, seconds: &str, body: &str) -> Option<String> {
    let key = key_of(secret)?;
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own documentation.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "{\"test\": 2432232314}",
        );
        assert_eq!(signed.as_deref(), Some("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(signature("whsec_?", "", "", ""), None);
        assert_eq!(signature("whsec_", "", "", ""), None, "an empty key signs for anybody");
    }
}
