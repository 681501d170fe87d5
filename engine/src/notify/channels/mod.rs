//! Channels: a message becomes what the other side understands, and its answer is read. Nothing here knows the outbox.
//!
//! Every connection goes by `outgoing`, within a deadline. No answer and no error repeats a secret.

mod apprise;
mod chat;
mod email;
mod failure;
mod heartbeat;
mod http;
mod ntfy;
mod smtp;
mod syslog;
mod webhook;

use std::time::Duration;

use etiqa_model::Secret;
use etiqa_model::notify::{ChannelSecrets, ChannelSettings, Message};
use tokio::time::timeout;

pub(super) use failure::{Failure, Outlook};
pub(super) use webhook::key_of;

use crate::collect::Hush;
use crate::engine::Engine;
use crate::store::notify::delivery::Content;

/// How long a message may take, from the first look at a name to the last byte of the answer. A server that hangs holds up
/// its own channel for so long, and nothing else.
const DELIVER_WITHIN: Duration = Duration::from_mins(1);

/// Sends to a channel; gives what the other side answered.
pub(super) async fn deliver(
    engine: &Engine,
    settings: &ChannelSettings,
    secrets: &ChannelSecrets,
    content: &Content,
) -> Result<String, Failure> {
    let to = To { engine, secrets, own_network: settings.own_network() };
    let sent = timeout(DELIVER_WITHIN, Box::pin(send(&to, settings, content))).await;
    let sent = sent.unwrap_or_else(|_| {
        let seconds = DELIVER_WITHIN.as_secs();
        Err(Failure::temporary(format!("The server did not answer within {seconds} s.")))
    });
    // The other side may say back what it was told.
    let hush = hush_of(settings, secrets);
    match sent {
        Ok(answer) => Ok(hush.masked(&answer)),
        Err(failure) => Err(Failure { message: hush.masked(&failure.message), ..failure }),
    }
}

/// What the other side is told and nobody else may read.
fn hush_of(settings: &ChannelSettings, secrets: &ChannelSecrets) -> Hush {
    let ChannelSecrets { url, secret, token, password } = secrets;
    let mut hush = Hush::default();
    for told in [url, secret, token] {
        hush.add(told);
    }
    if matches!(settings, ChannelSettings::Apprise(_)) {
        // It speaks of its key, and of one address of several.
        let addresses = secret.reveal().split(|c: char| c == ',' || c.is_whitespace());
        for piece in addresses.chain(url.reveal().trim_end_matches('/').rsplit('/').take(1)) {
            // Less would mask letters of every word.
            if piece.len() >= 4 && piece != "notify" {
                hush.add(&Secret::new(piece));
            }
        }
    }
    let username = match settings {
        ChannelSettings::Email(email) => email.username.as_deref().unwrap_or_default(),
        _ => "",
    };
    hush.add_password(username, password);
    if !password.is_empty() {
        // As a mail server is told it (RFC 4616).
        hush.add(&Secret::new(format!("\0{username}\0{}", password.reveal())));
    }
    hush
}

/// Whom something is sent to.
struct To<'a> {
    engine: &'a Engine,
    secrets: &'a ChannelSecrets,
    own_network: bool,
}

async fn send(to: &To<'_>, settings: &ChannelSettings, content: &Content) -> Result<String, Failure> {
    match (settings, content) {
        (ChannelSettings::Email(email), Content::Message(message)) => email::send(to, email, message).await,
        (ChannelSettings::Webhook(_), Content::Message(message)) => webhook::send(to, message).await,
        (ChannelSettings::Slack(_), Content::Message(message)) => chat::slack(to, message).await,
        (ChannelSettings::Teams(_), Content::Message(message)) => chat::teams(to, message).await,
        (ChannelSettings::Ntfy(ntfy), Content::Message(message)) => ntfy::send(to, ntfy, message).await,
        (ChannelSettings::Syslog(syslog), Content::Message(message)) => {
            syslog::send(to, syslog, message).await
        }
        (ChannelSettings::Apprise(apprise), Content::Message(message)) => {
            apprise::send(to, apprise, message).await
        }
        (ChannelSettings::Heartbeat(_), Content::Ping(ping)) => heartbeat::ping(to, ping).await,
        (ChannelSettings::Heartbeat(_), Content::Message(message)) => heartbeat::log(to, message).await,
        (_, Content::Ping(_)) => {
            Err(Failure::of_message("This was a heartbeat, and the channel is none any more."))
        }
    }
}

/// The text of a message, with what is to be said of those that were given up before it.
fn text_of(message: &Message) -> String {
    match message.dropped {
        0 => message.text.clone(),
        dropped => format!("{}\n\n{}", message.text.trim_end(), words_of_dropped(dropped)),
    }
}

/// Says how many messages were given up before one.
pub(super) fn words_of_dropped(dropped: u64) -> String {
    format!(
        "{dropped} messages before this one were dropped, because too many waited while this channel did not work."
    )
}

/// At most so many bytes of a text, cut between characters.
fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let mut end = longest.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use etiqa_model::notify::ChannelInput;

    use super::*;

    #[test]
    fn what_a_mail_server_says_back_of_its_login_is_masked() {
        let input = ChannelInput {
            name: "noc".into(),
            kind: "email".into(),
            host: "mail.lan".into(),
            username: "etiqa".into(),
            from: "etiqa@example.com".into(),
            to: "noc@example.com".into(),
            password: Secret::new("hunter2-hunter2"),
            ..ChannelInput::default()
        };
        let new = input.parse().unwrap();
        let hush = hush_of(&new.settings, &new.secrets);
        let told = hush.masked("535 no AGV0aXFhAGh1bnRlcjItaHVudGVyMg== hunter2-hunter2");
        assert!(told.starts_with("535 no ") && !told.contains("hunter2"), "{told}");
        assert!(!told.contains("AGV0aXFh"), "{told}");
    }

    #[test]
    fn what_apprise_says_back_of_its_key_and_of_each_address_is_masked() {
        let input = ChannelInput {
            name: "all".into(),
            kind: "apprise".into(),
            secret_url: Secret::new("https://apprise.lan/notify/k3y-4Fz8"),
            secret: Secret::new("tgram://one-hunter2/1, tgram://two-hunter2/2"),
            ..ChannelInput::default()
        };
        let new = input.parse().unwrap();
        assert_eq!(new.settings.words(), "apprise.lan");
        let told = hush_of(&new.settings, &new.secrets).masked("no k3y-4Fz8, nor tgram://two-hunter2/2");
        assert!(told.starts_with("no ") && !told.contains("k3y-4Fz8") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcdefgh", 6), "abc…");
        assert_eq!(shortened("äöüäöü", 7), "äö…");
    }
}
