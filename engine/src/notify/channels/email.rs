//! E-mail: a message in plain text to each receiver, with an id that stays the same however often it is sent.

use std::error::Error as _;
use std::time::Duration;

use etiqa_model::notify::{EmailSettings, Message};
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message as Letter};
use tokio::time::timeout;

use super::smtp::open;
use super::{Failure, Outlook, To, shortened, text_of};
use crate::machines::host_name;

/// Characters of a subject.
const SUBJECT: usize = 200;
/// How long a server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// Bytes of a text.
const LONGEST: usize = 500_000;

pub(super) async fn send(to: &To<'_>, email: &EmailSettings, message: &Message) -> Result<String, Failure> {
    let letter = letter(email, message)?.formatted();
    let own_name = own_name();
    let stream = open(to, email, &own_name.to_string()).await?;
    let connected = AsyncSmtpConnection::connect_with_transport(stream, &own_name).await;
    let mut connection = connected.map_err(|error| said(&error))?;
    if let Some(username) = &email.username {
        let login = Credentials::new(username.clone(), to.secrets.password.reveal().to_owned());
        let ways = [Mechanism::Plain, Mechanism::Login];
        connection.auth(&ways, &login).await.map_err(|error| refused_login(&error))?;
    }
    let sent = hand_over(&mut connection, email, &letter).await;
    // It has the message, or does not: whether it says goodbye changes nothing, and one that hangs now must not have it sent
    // twice.
    let _ = timeout(GOODBYE, connection.quit()).await;
    sent
}

/// The conversation of one mail. Receivers whom the server does not take are named; the others get it. Only what the server
/// says of the text is a matter of this mail: a sender or a receiver is refused for every other one as well.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    email: &EmailSettings,
    letter: &[u8],
) -> Result<String, Failure> {
    let from = address(&email.from)?;
    connection.command(Mail::new(Some(from), Vec::new())).await.map_err(|error| said(&error))?;
    let (mut refused, mut put_off) = (Vec::new(), Vec::new());
    let mut failure: Option<Failure> = None;
    for receiver in &email.to {
        let asked = connection.command(Rcpt::new(address(receiver)?, Vec::new())).await;
        let Err(error) = asked else { continue };
        let said = said(&error);
        if error.status().is_none() {
            return Err(said);
        }
        let of = if error.is_permanent() { &mut refused } else { &mut put_off };
        of.push(receiver.as_str());
        // Where one of them may be taken later, all of them are asked again soon.
        if failure.as_ref().is_none_or(|known| known.outlook == Outlook::Permanent) {
            failure = Some(said);
        }
    }
    if let Some(failure) = failure.filter(|_| refused.len() + put_off.len() == email.to.len()) {
        return Err(failure);
    }
    connection.command(Data).await.map_err(|error| said(&error))?;
    let answer = connection.message(letter).await.map_err(|error| said_of_text(&error))?;
    let words = format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" "));
    let mut words = shortened(words.trim(), 300);
    for (whom, how) in [(refused, "does not take"), (put_off, "did not take just now")] {
        if !whom.is_empty() {
            words = format!("{words} – but the server {how} {}.", whom.join(", "));
        }
    }
    Ok(words)
}

fn letter(email: &EmailSettings, message: &Message) -> Result<Letter, Failure> {
    let title: String = message.title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut letter = Letter::builder()
        .from(Mailbox::new(Some("Etiqa".to_owned()), address(&email.from)?))
        .message_id(Some(message_id(email, &message.id)))
        .subject(shortened(&format!("[Etiqa] {title}"), SUBJECT))
        .header(ContentType::TEXT_PLAIN);
    for receiver in &email.to {
        letter = letter.to(Mailbox::new(None, address(receiver)?));
    }
    // No holiday reply to a machine (RFC 3834).
    if let Ok(name) = HeaderName::new_from_ascii("Auto-Submitted".to_owned()) {
        letter = letter.raw_header(HeaderValue::new(name, "auto-generated".to_owned()));
    }
    let text = format!(
        "{}\n\n-- \nEtiqa Auto Backup on {}{}\n",
        shortened(text_of(message).trim_end(), LONGEST),
        message.instance,
        if message.rule.is_empty() { String::new() } else { format!(", rule {}", message.rule) }
    );
    letter.body(text).map_err(|error| Failure::of_message(format!("The mail could not be written: {error}.")))
}

/// Of the sender's domain, as mail servers expect it.
fn message_id(email: &EmailSettings, id: &str) -> String {
    let domain = email.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    format!("<{id}@{domain}>")
}

fn address(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|_| Failure::permanent(format!("\"{text}\" is no mail address.")))
}

/// The machine's name, where that is one that a server takes.
fn own_name() -> ClientId {
    let name = host_name();
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if is_name { ClientId::Domain(name) } else { ClientId::default() }
}

/// What the server said, or why it said nothing. What it refuses for good it refuses the channel.
fn said(error: &lettre::transport::smtp::Error) -> Failure {
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let words: String = words.chars().filter(|c| !c.is_control()).take(300).collect();
    match error.status() {
        Some(code) if error.is_permanent() => {
            Failure::permanent(format!("The mail server refuses it: {code} {words}"))
        }
        Some(code) => Failure::temporary(format!("The mail server cannot take it just now: {code} {words}")),
        None if error.is_client() => {
            Failure::permanent(format!("The mail server cannot do what is needed: {words}."))
        }
        None => Failure::temporary(format!("The conversation with the mail server broke off: {words}.")),
    }
}

/// What it said of the text itself: one that it refuses says nothing of the next.
fn said_of_text(error: &lettre::transport::smtp::Error) -> Failure {
    let failure = said(error);
    if error.is_permanent() { Failure::of_message(failure.message) } else { failure }
}

fn refused_login(error: &lettre::transport::smtp::Error) -> Failure {
    let failure = said(error);
    if error.is_permanent() {
        return Failure::permanent(failure.message.replacen("refuses it", "refuses the login", 1));
    }
    failure
}

#[cfg(test)]
mod tests {
    use etiqa_model::Timestamp;
    use etiqa_model::notify::{MailSecurity, Severity};

    use super::*;

    #[test]
    fn a_mail_has_one_id_and_no_line_of_its_title_becomes_a_header() {
        let email = EmailSettings {
            host: "mail.lan".into(),
            port: 25,
            security: MailSecurity::None,
            username: None,
            from: "etiqa@example.com".into(),
            to: vec!["noc@example.com".into(), "ada@example.com".into()],
            own_network: true,
        };
        let message = Message {
            id: "abc".into(),
            at: Timestamp(0),
            instance: "backup-1".into(),
            rule: "On call".into(),
            severity: Severity::Bad,
            title: "core-1: Größe\r\nBcc: eve@example.com".into(),
            text: "Grüße\n.\nEnde".into(),
            items: Vec::new(),
            link: None,
            dropped: 0,
        };
        let letter = String::from_utf8(letter(&email, &message).unwrap().formatted()).unwrap();
        assert!(letter.contains("Message-ID: <abc@example.com>"), "{letter}");
        assert!(letter.is_ascii(), "{letter}");
        assert!(!letter.lines().any(|line| line.starts_with("Bcc:")), "{letter}");
        assert!(letter.contains("Auto-Submitted: auto-generated"), "{letter}");
    }
}
