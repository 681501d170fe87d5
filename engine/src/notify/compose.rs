//! One message of everything that a rule has to tell at one time.

use etiqa_model::Timestamp;
use etiqa_model::notify::{Item, Message, RuleSettings, Severity, default_text, default_title};

use crate::engine::Engine;
use crate::hex::to_hex;
use crate::machines::host_name;
use crate::schedule::due::zone_or_utc;

/// Things that a message holds one by one; its text counts the others.
const MOST_ITEMS: usize = 500;
/// Devices and other things that are named in one line.
const SUBJECTS: usize = 20;
/// Bytes of a text, and of all differences that items hold besides.
const LONGEST: usize = 200_000;

/// Makes the message of a rule; the gravest comes first.
pub(super) fn compose(
    engine: &Engine,
    rule: &str,
    settings: &RuleSettings,
    mut items: Vec<Item>,
    at: Timestamp,
) -> Message {
    items.sort_by(|a, b| b.severity().cmp(&a.severity()).then_with(|| a.event.cmp(&b.event)));
    let base = engine.public_url.get().map(String::as_str);
    let mut message = blank(rule, at);
    message.severity = items.first().map_or(Severity::Info, Item::severity);
    message.link = base.map(|base| link(base, &items));
    message.title = one_line(&default_title(&items));
    message.text = default_text(&items, base);
    let value = |message: &Message, name: &str| match name {
        "title" => message.title.clone(),
        "items" => message.text.trim_end().to_owned(),
        "count" => items.len().to_string(),
        "severity" => message.severity.as_str().to_owned(),
        "subjects" => subjects(&items),
        "rule" => rule.to_owned(),
        "instance" => message.instance.clone(),
        "time" => {
            let zone = zone_or_utc(&settings.time_zone);
            at.to_utc().with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
        }
        "link" => message.link.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let title =
        (!settings.title.is_empty()).then(|| one_line(&settings.title.fill(|name| value(&message, name))));
    let text = (!settings.text.is_empty()).then(|| settings.text.fill(|name| value(&message, name)));
    message.title = title.filter(|title| !title.is_empty()).unwrap_or(message.title);
    message.text = shortened(text.unwrap_or(message.text));
    items.truncate(MOST_ITEMS);
    drop_diffs_beyond(&mut items, LONGEST);
    message.items = items;
    message
}

/// Leaves out differences where all of them would be longer than this.
fn drop_diffs_beyond(items: &mut [Item], longest: usize) {
    let mut room = longest;
    for item in items {
        match room.checked_sub(item.diff.as_ref().map_or(0, String::len)) {
            Some(left) => room = left,
            None => item.diff = None,
        }
    }
}

/// A message that says that the channel works.
pub(super) fn test_message(engine: &Engine, channel: &str, at: Timestamp) -> Message {
    Message {
        title: format!("Test of the channel {channel}"),
        text: "This is a test. Messages of Etiqa Auto Backup reach this place.".to_owned(),
        link: engine.public_url.get().map(|base| format!("{base}/admin/notifications")),
        ..blank("", at)
    }
}

/// Another one each time.
pub(super) fn new_id() -> String {
    let mut unique = [0_u8; 16];
    rand::fill(&mut unique);
    to_hex(&unique)
}

fn blank(rule: &str, at: Timestamp) -> Message {
    Message {
        id: new_id(),
        at,
        instance: host_name(),
        rule: rule.to_owned(),
        severity: Severity::Info,
        title: String::new(),
        text: String::new(),
        items: Vec::new(),
        link: None,
        dropped: 0,
    }
}

/// The page of what is told, where that is one thing; else the first page.
fn link(base: &str, items: &[Item]) -> String {
    match items {
        [Item { path: Some(path), .. }] => format!("{base}{path}"),
        _ => format!("{base}/"),
    }
}

fn subjects(items: &[Item]) -> String {
    let mut subjects: Vec<&str> = items.iter().map(|item| item.subject.as_str()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let more = subjects.len().saturating_sub(SUBJECTS);
    subjects.truncate(SUBJECTS);
    let named = subjects.join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    line.trim().to_owned()
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str("\n…\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use etiqa_model::notify::{ItemState, NotifyEvent};

    use super::*;

    #[test]
    fn differences_are_left_out_of_a_message_that_would_grow_too_large() {
        let item = Item {
            event: NotifyEvent::ConfigChanged,
            state: ItemState::New,
            subject: "core-1".into(),
            words: "running changed.".into(),
            at: Timestamp(0),
            path: None,
            site: None,
            diff: Some("+line\n".repeat(1_000)),
        };
        let mut items = vec![item; 100];
        drop_diffs_beyond(&mut items, 30_000);
        assert_eq!(items.iter().filter(|item| item.diff.is_some()).count(), 5);
        assert!(items[0].diff.is_some());
    }
}
