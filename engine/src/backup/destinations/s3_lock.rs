//! The retention that a bucket gives every object by itself (S3 object lock). The object store library does not know it,
//! so this one request is signed and sent here.

use std::time::Duration;

use etiqa_model::Secret;
use etiqa_model::destination::S3Settings;
use hyper::Request;
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{Context, SignRequest};
use reqwest::{Client, Response};

use super::object_store::endpoint_of;

/// The whole answer comes within this time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of the answer; what it has to say takes a few hundred.
const LONGEST: usize = 64 << 10;

/// How long the bucket keeps objects, in words; none where it does not, or does not say.
pub(super) async fn default_retention(
    settings: &S3Settings,
    secret: &Secret,
    client: &Client,
) -> Option<String> {
    let request = Request::get(address(settings)).body(()).ok()?;
    let (mut parts, ()) = request.into_parts();
    let credential = Credential {
        access_key_id: settings.access_key_id.clone(),
        secret_access_key: secret.reveal().to_owned(),
        session_token: None,
        expires_in: None,
    };
    let signer = RequestSigner::new("s3", &settings.region);
    signer.sign_request(&Context::new(), &mut parts, Some(&credential), None).await.ok()?;
    let asked = client.get(parts.uri.to_string()).headers(parts.headers).timeout(PATIENCE);
    let answer = asked.send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    words(&text_of(answer).await?)
}

/// The text of an answer; none where it is too long or does not come.
async fn text_of(mut answer: Response) -> Option<String> {
    let mut text = Vec::new();
    while let Some(piece) = answer.chunk().await.ok()? {
        text.extend_from_slice(&piece);
        if text.len() > LONGEST {
            return None;
        }
    }
    String::from_utf8(text).ok()
}

/// GetObjectLockConfiguration of the Amazon S3 API Reference.
fn address(settings: &S3Settings) -> String {
    let endpoint = endpoint_of(settings);
    match (settings.path_style, endpoint.split_once("://")) {
        (false, Some((scheme, host))) => format!("{scheme}://{}.{host}/?object-lock", settings.bucket),
        _ => format!("{endpoint}/{}?object-lock", settings.bucket),
    }
}

fn words(xml: &str) -> Option<String> {
    let within = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(text, _)| text.trim())
    };
    let many = |number: &str, unit: &str| {
        let count: u32 = number.parse().ok()?;
        Some(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
    };
    let mode = match within("Mode")? {
        "COMPLIANCE" => "compliance",
        "GOVERNANCE" => "governance",
        _ => return None,
    };
    let span = within("Days").and_then(|days| many(days, "day"));
    let span = span.or_else(|| within("Years").and_then(|years| many(years, "year")))?;
    Some(format!("{span}, {mode} mode"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_retention_is_told_in_words() {
        let xml = "<?xml version=\"1.0\"?><ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>\
                   <DefaultRetention><Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule>\
                   </ObjectLockConfiguration>";
        assert_eq!(words(xml).as_deref(), Some("30 days, compliance mode"));
        let years = "<Mode>GOVERNANCE</Mode><Years>1</Years>";
        assert_eq!(words(years).as_deref(), Some("1 year, governance mode"));
        for none in ["", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>", "<Mode>X</Mode><Days>1</Days>"] {
            assert_eq!(words(none), None, "{none}");
        }
    }
}
