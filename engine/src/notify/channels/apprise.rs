//! An Apprise API (<https://github.com/caronc/apprise-api>), which passes messages on to a hundred other services.
//!
//! Where some of those took a message and others did not, it says so by 424: such a message is not sent again, for those that
//! took it would get it twice.

use etiqa_model::notify::{AppriseSettings, Message, Severity};
use serde_json::json;

use super::http::{Request, post};
use super::{Failure, To, shortened, text_of};

/// Most services take less, and Apprise cuts it for them.
const LONGEST: usize = 30_000;

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
    post(to, Request::json(&apprise.url, &body)).await
}
