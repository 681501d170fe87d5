//! A syslog message as far as it matters here: the names that its head may give its sender, and its text.
//!
//! RFC 3164 describes what programs sent, RFC 5424 what they should send; devices do neither, so the head is read leniently
//! and nothing is ever refused. Names are only looked up among devices, and what is none of them is left aside.

/// Bytes of a message that are looked at; RFC 5424 asks for 2,048.
pub(super) const MOST_BYTES: usize = 8 << 10;
/// Words at the beginning among which the head is looked for.
const HEAD_WORDS: usize = 16;
/// Names of one head.
const MOST_NAMES: usize = 8;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// What the sender may be called, in lower case: host names and addresses.
    pub(super) senders: Vec<String>,
    /// Everything behind the priority.
    pub(super) text: String,
}

impl Message {
    /// Reads whatever was sent.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes.get(..MOST_BYTES).unwrap_or(bytes));
        let text = without_priority(text.trim_matches(|c: char| c.is_whitespace() || c == '\0'));
        Self { senders: senders(text), text: text.to_owned() }
    }
}

/// What stands behind `<189>`.
fn without_priority(text: &str) -> &str {
    let Some((priority, rest)) = text.strip_prefix('<').and_then(|text| text.split_once('>')) else {
        return text;
    };
    let is_priority = matches!(priority.len(), 1..=3) && are_digits(priority);
    if is_priority { rest.trim_start() } else { text }
}

/// The words around time stamps: RFC 3164 has the host's name behind it, NX-OS and IOS (`logging origin-id`) before it. A relay
/// may have set a head of its own before the device's. FortiOS sends no head, and names itself.
fn senders(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_ascii_whitespace().take(HEAD_WORDS).collect();
    let mut found = Vec::new();
    for at in 0..words.len() {
        let Some(length) = stamp_length(&words[at..]) else { continue };
        found.extend(at.checked_sub(1).and_then(|before| words.get(before)));
        let after = at + length;
        found.extend(words.get(after));
        if words.get(after).is_some_and(|word| is_zone(word)) {
            found.extend(words.get(after + 1));
        }
    }
    let own = words.iter().find_map(|word| word.strip_prefix("devname="));
    let names = found.into_iter().copied().chain(own).filter_map(name);
    names.take(MOST_NAMES).collect()
}

/// A word as a name, if it can be one.
fn name(word: &str) -> Option<String> {
    let word = word.trim_matches('"').trim_end_matches(':');
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let can_be = !word.is_empty() && word.len() <= 253 && word.chars().all(is_name);
    can_be.then(|| word.to_lowercase())
}

/// How many words the time stamp has that begins here; none: none does.
fn stamp_length(words: &[&str]) -> Option<usize> {
    match words {
        [stamp, ..] if is_rfc_3339(stamp) => Some(1),
        [month, day, time, ..] if is_month(month) && is_day(day) && is_time(time) => Some(3),
        [month, day, year, time, ..] if is_month(month) && is_day(day) && is_year(year) && is_time(time) => {
            Some(4)
        }
        [year, month, day, time, ..] if is_year(year) && is_month(month) && is_day(day) && is_time(time) => {
            Some(4)
        }
        _ => None,
    }
}

/// `Oct`, `*Oct` of a clock that is not set, `RP/0/RP0/CPU0:Oct`.
fn is_month(word: &str) -> bool {
    let word = word.rsplit(':').next().unwrap_or_default().trim_start_matches(['*', '.']);
    MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word))
}

fn is_day(word: &str) -> bool {
    matches!(word.len(), 1 | 2) && are_digits(word)
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && are_digits(word)
}

/// `22:14:15`, and whatever follows without a blank.
fn is_time(word: &str) -> bool {
    begins_like(word, "00:00:00")
}

/// `2003-10-11T22:14:15.003Z`.
fn is_rfc_3339(word: &str) -> bool {
    begins_like(word, "0000-00-00T00:00:00")
}

/// `UTC:`, `CEST`.
fn is_zone(word: &str) -> bool {
    let word = word.trim_end_matches(':');
    matches!(word.len(), 1..=5) && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn are_digits(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word begins as `model` does, in which `0` is any digit.
fn begins_like(word: &str, model: &str) -> bool {
    let is_alike =
        |(byte, model): (u8, u8)| if model == b'0' { byte.is_ascii_digit() } else { byte == model };
    word.len() >= model.len() && word.bytes().zip(model.bytes()).all(is_alike)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sender_is_found_in_the_heads_that_devices_send() {
        for (message, sender) in [
            ("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick", "mymachine"),
            (
                "<165>1 2003-10-11T22:14:15.003Z Core-1.example.com mgd 3046 UI_COMMIT - text",
                "core-1.example.com",
            ),
            ("<189>38702: sw1: *Mar  9 06:50:48.163: %SYS-5-CONFIG_I: Configured", "sw1"),
            (
                "<190>sw01.pdx01: 2017 Jul 28 14:42:46 UTC: %VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured",
                "sw01.pdx01",
            ),
            ("<187>Jul 28 14:42:46 UTC core-2 %SYS-5-CONFIG_I: Configured", "core-2"),
            (
                "<189>354: xr1 RP/0/RP0/CPU0:Jul 17 16:46:21.568 UTC: config[1]: %MGBL-SYS-5-CONFIG_I : x",
                "xr1",
            ),
            (
                "<189>Oct 11 22:14:15 192.0.2.11 354: xr1 RP/0/RP0/CPU0:Jul 17 16:46:21.568 UTC: config[1]: x",
                "192.0.2.11",
            ),
            (
                "<189>Oct 11 22:14:15 192.0.2.11 354: xr1 RP/0/RP0/CPU0:Jul 17 16:46:21.568 UTC: config[1]: x",
                "xr1",
            ),
            ("<165>Nov 08 2013 10:18:30 fw1 : %ASA-5-111005: console end configuration: OK", "fw1"),
            ("<189>date=2025-04-10 time=05:01:53 devname=\"FW-1\" logid=\"0100044547\"", "fw-1"),
            ("<189>2024-05-09T12:00:00+02:00 2001:db8::1 mgd[1]: UI_COMMIT: x", "2001:db8::1"),
        ] {
            let read = Message::read(message.as_bytes());
            assert!(read.senders.contains(&sender.to_owned()), "{message}: {:?}", read.senders);
            assert!(!read.text.starts_with('<'), "{message}");
        }
    }

    #[test]
    fn a_message_without_a_head_has_its_text_and_no_sender() {
        for text in ["%ASA-5-111005: console end configuration: OK", "", "<>", "<abc>x", "<1234>x", "Oct 11"]
        {
            let read = Message::read(text.as_bytes());
            assert_eq!((read.text.as_str(), read.senders.len()), (text, 0));
        }
        assert_eq!(Message::read(b"<13>text\r\n\0").text, "text");
    }

    #[test]
    fn what_is_too_long_is_read_as_far_as_messages_go() {
        let long =
            [b'<', b'1', b'>'].into_iter().chain(std::iter::repeat_n(b'x', 100_000)).collect::<Vec<u8>>();
        assert_eq!(Message::read(&long).text.len(), MOST_BYTES - 3);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let read = Message::read(&bytes);
            prop_assert!(read.senders.len() <= MOST_NAMES);
        }

        #[test]
        fn heads_of_all_kinds_are_read(text in r"(<[0-9]{0,4}>)?([0-9]{1,5}: )?([*.]?(Jan|Oct|x) {1,2}[0-9]{1,3} ?([0-9]{4} )?[0-9:.]{0,12}:? ?)?(\PC{0,30} ?){0,6}") {
            let read = Message::read(text.as_bytes());
            prop_assert!(read.text.len() <= text.len() && read.senders.len() <= MOST_NAMES);
        }
    }
}
