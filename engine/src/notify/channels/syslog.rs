//! Syslog (RFC 5424): a line for each thing that is told, by UDP (RFC 5426), TCP (RFC 6587, counted) or TLS (RFC 5425).
//!
//! No syslog server answers: that a message was taken means that it was handed to the network.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::SecondsFormat;
use etiqa_model::notify::{Message, Severity, SyslogSettings, SyslogTransport};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;

use super::smtp::{connect, tls};
use super::{Failure, To, shortened, words_of_dropped};

/// Bytes of a line: what every receiver should take (RFC 5424, section 6.1), and what those behind TCP do.
const DATAGRAM: usize = 2_048;
const FRAME: usize = 8_192;
/// Lines of one message; more are counted in a last one.
const LINES: usize = 500;
/// The number that RFC 5612 keeps for examples: the program has none of its own.
const ENTERPRISE: u32 = 32_473;

pub(super) async fn send(to: &To<'_>, syslog: &SyslogSettings, message: &Message) -> Result<String, Failure> {
    let lines = lines(syslog, message);
    match syslog.transport {
        SyslogTransport::Udp => by_udp(to, syslog, &lines).await?,
        SyslogTransport::Tcp => write(connect(to, &syslog.host, syslog.port).await?, &lines).await?,
        SyslogTransport::Tls => {
            let tcp = connect(to, &syslog.host, syslog.port).await?;
            write(tls(to, &syslog.host, tcp).await?, &lines).await?;
        }
    }
    Ok(match lines.len() {
        1 => "1 line handed over; no syslog server answers.".to_owned(),
        count => format!("{count} lines handed over; no syslog server answers."),
    })
}

async fn by_udp(to: &To<'_>, syslog: &SyslogSettings, lines: &[String]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::of_connection(&error);
    let addresses = to.engine.reach.outgoing(to.own_network).resolve(&syslog.host).await?;
    let Some(address) = addresses.first() else {
        return Err(Failure::temporary("The server's name has no address."));
    };
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    socket.connect((*address, syslog.port)).await.map_err(failed)?;
    for line in lines {
        socket.send(line.as_bytes()).await.map_err(failed)?;
    }
    Ok(())
}

/// Each line with its length before it.
async fn write(mut stream: impl AsyncWrite + Unpin, lines: &[String]) -> Result<(), Failure> {
    let frames: String = lines.iter().fold(String::new(), |mut frames, line| {
        // Writing to a String cannot fail.
        let _ = write!(frames, "{} {line}", line.len());
        frames
    });
    let failed = |error: std::io::Error| Failure::of_connection(&error);
    stream.write_all(frames.as_bytes()).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    stream.shutdown().await.map_err(failed)
}

fn lines(syslog: &SyslogSettings, message: &Message) -> Vec<String> {
    let longest = if syslog.transport == SyslogTransport::Udp { DATAGRAM } else { FRAME };
    let of_all = |kind: &str, severity: Severity, words: &str| {
        line(syslog, message, severity, kind, "", words, longest)
    };
    let mut lines: Vec<String> = message
        .items
        .iter()
        .take(LINES)
        .map(|item| {
            let words = format!("{}: {}: {}", item.label(), item.subject, item.words);
            let data = format!(
                " event=\"{}\" state=\"{}\" subject=\"{}\"",
                item.event.as_str(),
                item.state.as_str(),
                value(&item.subject)
            );
            line(syslog, message, item.severity(), item.event.as_str(), &data, &words, longest)
        })
        .collect();
    if let Some(more) = message.items.len().checked_sub(LINES).filter(|more| *more > 0) {
        let words = format!("{} and {more} more", message.title);
        lines.push(of_all("more", message.severity, &words));
    }
    if lines.is_empty() {
        lines.push(of_all("test", message.severity, &message.title));
    }
    if message.dropped > 0 {
        lines.push(of_all("dropped", Severity::Warning, &words_of_dropped(message.dropped)));
    }
    lines
}

fn line(
    syslog: &SyslogSettings,
    message: &Message,
    severity: Severity,
    kind: &str,
    data: &str,
    words: &str,
    longest: usize,
) -> String {
    let severity: u8 = match severity {
        Severity::Bad => 3,
        Severity::Warning => 4,
        Severity::Good => 5,
        Severity::Info => 6,
    };
    let priority = syslog.facility * 8 + severity;
    let at = message.at.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true);
    let host = printable(&message.instance);
    let words: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // A text that is not ASCII begins with the mark of UTF-8 (RFC 5424, section 6.4).
    let mark = if words.is_ascii() { "" } else { "\u{feff}" };
    let id = value(&message.id);
    let line = format!(
        "<{priority}>1 {at} {host} etiqa - {kind} [etiqa@{ENTERPRISE} id=\"{id}\"{data}] {mark}{words}"
    );
    shortened(&line, longest)
}

/// A name as the header takes it: printable ASCII without spaces, 255 characters at most.
fn printable(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// A value of structured data: three characters are escaped (RFC 5424, section 6.3.3).
fn value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()).take(255) {
        if matches!(c, '"' | '\\' | ']') {
            value.push('\\');
        }
        value.push(c);
    }
    value
}

#[cfg(test)]
mod tests {
    use etiqa_model::Timestamp;
    use etiqa_model::notify::{Item, ItemState, NotifyEvent};

    use super::*;

    fn message(items: Vec<Item>) -> Message {
        Message {
            id: "abc".into(),
            at: Timestamp(1_795_399_205_000),
            instance: "backup 1".into(),
            rule: String::new(),
            severity: Severity::Bad,
            title: "A test".into(),
            text: String::new(),
            items,
            link: None,
            dropped: 0,
        }
    }

    fn settings(transport: SyslogTransport) -> SyslogSettings {
        SyslogSettings { host: "log.lan".into(), port: 514, transport, facility: 16, own_network: true }
    }

    #[test]
    fn a_line_is_one_line_with_what_happened_in_its_data() {
        let item = Item {
            event: NotifyEvent::DeviceFailing,
            state: ItemState::New,
            subject: "core\"1]".into(),
            words: "It does\nnot answer.".into(),
            at: Timestamp(0),
            path: None,
            site: None,
            diff: None,
        };
        let lines = lines(&settings(SyslogTransport::Tcp), &message(vec![item]));
        assert_eq!(
            lines,
            ["<131>1 2026-11-23T02:00:05.000Z backup1 etiqa - device_failing [etiqa@32473 id=\"abc\" \
              event=\"device_failing\" state=\"new\" subject=\"core\\\"1\\]\"] Device failing: core\"1]: It does not answer."]
        );
    }

    #[test]
    fn a_line_of_its_own_says_how_many_messages_were_dropped() {
        let dropped = Message { dropped: 7, ..message(Vec::new()) };
        let lines = lines(&settings(SyslogTransport::Tcp), &dropped);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with("<132>1 ") && lines[1].contains(" etiqa - dropped ["), "{lines:?}");
        assert!(lines[1].contains("] 7 messages before this one were dropped"), "{lines:?}");
    }

    #[test]
    fn a_datagram_is_as_short_as_every_receiver_takes_it() {
        let mut long = message(Vec::new());
        long.title = "ö".repeat(5_000);
        let lines = lines(&settings(SyslogTransport::Udp), &long);
        assert!(lines.len() == 1 && lines[0].len() <= DATAGRAM, "{}", lines[0].len());
        assert!(lines[0].contains("] \u{feff}ö"), "{}", &lines[0][..200]);
    }
}
