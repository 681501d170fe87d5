//! ntfy: published as JSON (<https://docs.ntfy.sh/publish/#publish-as-json>), for headers hold no more than ASCII.

use etiqa_model::notify::{Message, NtfySettings, Severity};
use serde_json::json;

use super::http::{Request, post};
use super::{Failure, To, shortened, text_of};

/// A longer text becomes an attachment.
const LONGEST: usize = 3_900;

pub(super) async fn send(to: &To<'_>, ntfy: &NtfySettings, message: &Message) -> Result<String, Failure> {
    let (priority, tag) = match message.severity {
        Severity::Good => (3, "white_check_mark"),
        Severity::Info => (3, "information_source"),
        Severity::Warning => (3, "warning"),
        Severity::Bad => (4, "rotating_light"),
    };
    let mut body = json!({
        "topic": ntfy.topic,
        "title": shortened(&message.title, 250),
        "message": shortened(text_of(message).trim_end(), LONGEST),
        "priority": priority,
        "tags": [tag],
    });
    if let Some(link) = &message.link {
        body["click"] = json!(link);
    }
    post(to, Request::json(&ntfy.server, &body).with_token(to.secrets.token.reveal())).await
}
