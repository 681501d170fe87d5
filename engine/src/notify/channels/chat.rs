//! Slack and Microsoft Teams: blocks and cards.

use etiqa_model::notify::{Message, Severity};
use serde_json::{Value, json};

use super::http::{Request, post};
use super::{Failure, To, shortened, text_of};

/// What a header and a section of Slack's hold (Block Kit reference), and sections that are sent.
const SLACK_HEADER: usize = 150;
const SLACK_SECTION: usize = 2_900;
const SLACK_SECTIONS: usize = 4;
/// A message of Teams has 28 KB at most; cards say everything more than once.
const TEAMS_TEXT: usize = 12_000;
const TEAMS_LINES: usize = 80;

/// An incoming webhook of Slack; Mattermost and Rocket.Chat take the same.
pub(super) async fn slack(to: &To<'_>, message: &Message) -> Result<String, Failure> {
    post(to, Request::json(to.secrets.url.reveal(), &blocks(message))).await
}

/// A workflow of Teams that posts what a webhook gets.
pub(super) async fn teams(to: &To<'_>, message: &Message) -> Result<String, Failure> {
    post(to, Request::json(to.secrets.url.reveal(), &card(message))).await
}

fn blocks(message: &Message) -> Value {
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": shortened(&message.title, SLACK_HEADER), "emoji": false},
    })];
    let sections = pieces(&escaped(&text_of(message)), SLACK_SECTION, SLACK_SECTIONS);
    blocks.extend(
        sections.iter().map(|piece| json!({"type": "section", "text": {"type": "mrkdwn", "text": piece}})),
    );
    if let Some(link) = &message.link {
        let open = format!("<{}|Open> · {}", escaped(link), escaped(&message.instance));
        blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": open}]}));
    }
    json!({"text": escaped(&message.title), "blocks": blocks})
}

/// The three characters that mean something in Slack's texts.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text in pieces of whole lines, each of at most `longest` bytes, at most `most` of them.
fn pieces(text: &str, longest: usize, most: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for line in text.trim_end().lines() {
        let line = shortened(line, longest);
        let fits = pieces.last().is_some_and(|piece| piece.len() + 1 + line.len() <= longest);
        let is_full = pieces.len() == most;
        if let Some(piece) = pieces.last_mut().filter(|_| fits) {
            piece.push('\n');
            piece.push_str(&line);
        } else if line.trim().is_empty() {
            // A section must not be empty.
        } else if let Some(last) = pieces.last_mut().filter(|_| is_full) {
            *last = shortened(&format!("{last}\n…"), longest);
            break;
        } else {
            pieces.push(line);
        }
    }
    pieces
}

/// An adaptive card (<https://adaptivecards.io>, 1.4), as workflows of Teams take it.
fn card(message: &Message) -> Value {
    let color = match message.severity {
        Severity::Good => "Good",
        Severity::Info => "Default",
        Severity::Warning => "Warning",
        Severity::Bad => "Attention",
    };
    let mut body = vec![json!({
        "type": "TextBlock", "text": plain(&shortened(&message.title, 300)), "size": "Large", "weight": "Bolder",
        "color": color, "wrap": true,
    })];
    let text = shortened(text_of(message).trim_end(), TEAMS_TEXT);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    body.extend(
        lines
            .by_ref()
            .take(TEAMS_LINES)
            .map(|line| json!({"type": "TextBlock", "text": plain(line), "wrap": true, "spacing": "Small"})),
    );
    if lines.next().is_some() {
        body.push(json!({"type": "TextBlock", "text": "…", "wrap": true}));
    }
    let actions =
        message.link.iter().map(|link| json!({"type": "Action.OpenUrl", "title": "Open", "url": link}));
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard", "version": "1.4", "body": body, "actions": actions.collect::<Vec<_>>(),
        "msteams": {"width": "Full"},
    });
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card,
        }],
    })
}

/// A text block knows some Markdown, which a configuration does not mean.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '_' | '[' | ']' | '`' | '\\') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_becomes_sections_of_whole_lines() {
        assert_eq!(pieces("a\nb\n\nc", 3, 9), ["a\nb", "c"]);
        assert_eq!(pieces("", 3, 9), Vec::<String>::new());
        let many = "line\n".repeat(100);
        let cut = pieces(&many, 9, 2);
        assert_eq!(cut.len(), 2);
        assert!(cut[1].ends_with('…'), "{cut:?}");
    }

    #[test]
    fn what_means_something_to_slack_or_teams_is_only_text() {
        assert_eq!(escaped("<!channel> & co"), "&lt;!channel&gt; &amp; co");
        assert_eq!(plain("snmp *_[x](y)"), "snmp \\*\\_\\[x\\](y)");
    }
}
