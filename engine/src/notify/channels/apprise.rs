//! An Apprise API (<https://github.com/caronc/apprise-api>), which passes messages on to a hundred other services.
//!
//! Where not all of those took a message, it says so by 424: such a message is not sent again, for those that took it would
//! get it twice. That it sent nothing, because it knows nobody to send to, it says by 204.

use etiqa_model::notify::{AppriseSettings, Message, Severity};
use serde_json::json;

use super::http::{Request, post_for_status};
use super::{Failure, To, shortened, text_of};

/// Most services take less, and Apprise cuts it for them.
const LONGEST: usize = 30_000;
/// The status where a key is unknown or empty, or no address is one.
const NOBODY: u16 = 204;

pub(super) async fn send(
    to: &To<'_>,
    apprise: &AppriseSettings,
    message: &Message,
) -> Result<String, Failure> {
    let kind = match message.severity {
        Severity::Good => "success",
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Bad => "failure",
    };
    let mut body = json!({
        "title": message.title,
        "body": shortened(text_of(message).trim_end(), LONGEST),
        "type": kind,
        "format": "text",
    });
    if !apprise.tag.is_empty() {
        body["tag"] = json!(apprise.tag);
    }
    if !to.secrets.secret.is_empty() {
        body["urls"] = json!(to.secrets.secret.reveal());
    }
    let (status, told) = post_for_status(to, Request::json(to.secrets.url.reveal(), &body)).await?;
    if status == NOBODY {
        return Err(Failure::permanent(
            "Apprise knows no service under this address: check the key, or the addresses.",
        ));
    }
    Ok(told)
}
