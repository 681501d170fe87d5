//! Slack and Microsoft Teams: blocks and cards.

use etiqa_model::notify::{Message, Severity};
use serde_json::{Value, json};

use super::http::{Request, post};
use super::{Failure, To, shortened, text_of};

/// What a header and a section of Slack's hold (Block Kit reference), and sections that are sent.
const SLACK_HEADER: usize = 150;
const SLACK_SECTION: usize = 2_900;
const SLACK_SECTIONS: usize = 4;
/// Bytes of the text that stands where blocks are not shown.
const SLACK_TEXT: usize = 8_000;
/// Bytes of a card's text, and of a whole message: Teams takes 28 KB, and what means something in a card is written longer.
const TEAMS_TEXT: usize = 12_000;
const TEAMS_WHOLE: usize = 26_000;
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
    let text = text_of(message);
    // Plain text: what a device wrote must neither be markup nor call anybody.
    blocks.extend(pieces(&text, SLACK_SECTION, SLACK_SECTIONS).iter().map(
        |piece| json!({"type": "section", "text": {"type": "plain_text", "text": piece, "emoji": false}}),
    ));
    if let Some(link) = &message.link {
        let open = format!("<{}|Open> · {}", escaped(link), escaped(&message.instance));
        blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": open}]}));
    }
    // Slack has it in its notifications; Mattermost and Rocket.Chat show this and no blocks.
    let all = shortened(&format!("{}\n{}", message.title, text.trim_end()), SLACK_TEXT);
    json!({"text": escaped(&calling_nobody(&all)), "blocks": blocks})
}

/// With a space that nobody sees behind each `@`, so that no name behind it is called.
fn calling_nobody(text: &str) -> String {
    text.replace('@', "@\u{200b}")
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

/// A card that Teams takes, with as much of the text as fits.
fn card(message: &Message) -> Value {
    let mut longest = TEAMS_TEXT;
    loop {
        let card = card_with(message, longest);
        if longest == 0 || card.to_string().len() <= TEAMS_WHOLE {
            return card;
        }
        longest /= 2;
    }
}

/// An adaptive card (<https://adaptivecards.io>, 1.4), as workflows of Teams take it, with so many bytes of text.
fn card_with(message: &Message, longest: usize) -> Value {
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
    let text = shortened(text_of(message).trim_end(), longest);
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
    use etiqa_model::Timestamp;

    use super::*;

    fn message(text: &str) -> Message {
        Message {
            id: "abc".into(),
            at: Timestamp(0),
            instance: "backup-1".into(),
            rule: String::new(),
            severity: Severity::Bad,
            title: "core-1".into(),
            text: text.into(),
            items: Vec::new(),
            link: None,
            dropped: 0,
        }
    }

    #[test]
    fn a_card_is_no_longer_than_teams_takes_it_however_much_in_it_is_markup() {
        for text in ["*_[x]\\ `".repeat(20_000), "\"\n".repeat(20_000), "é".repeat(20_000)] {
            let card = card(&message(&text)).to_string();
            assert!(card.len() <= TEAMS_WHOLE && card.len() > 1_000, "{}", card.len());
        }
    }

    #[test]
    fn what_is_cut_for_slack_is_cut_before_it_is_escaped() {
        let body = blocks(&message(&"&".repeat(20_000)));
        let section = body["blocks"][1]["text"]["text"].as_str().unwrap();
        assert!(section.trim_end_matches('…').chars().all(|c| c == '&'), "{section}");
        let text = body["text"].as_str().unwrap();
        assert!(text.ends_with("&amp;…"), "{}", &text[text.len() - 20..]);
    }

    #[test]
    fn nobody_is_called_by_what_a_device_wrote() {
        let body = blocks(&message("@here <!channel> @ada"));
        assert_eq!(body["text"], "core-1\n@\u{200b}here &lt;!channel&gt; @\u{200b}ada");
        assert_eq!(
            body["blocks"][1]["text"],
            json!({"type": "plain_text", "text": "@here <!channel> @ada", "emoji": false})
        );
    }

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
