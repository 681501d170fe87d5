//! Heartbeats of a backup's runs, as Healthchecks takes them (<https://healthchecks.io/docs/http_api/>): the address itself
//! for a success, with `/start`, `/fail` and, for a test, `/log` behind it.

use etiqa_model::notify::{Message, Ping, PingKind};

use super::http::{Request, post};
use super::{Failure, To, shortened};
use crate::hex::sha256_hex;

/// Bytes of a text; Healthchecks keeps the first 100 kB.
const LONGEST: usize = 10_000;

pub(super) async fn ping(to: &To<'_>, ping: &Ping) -> Result<String, Failure> {
    let suffix = match ping.kind {
        PingKind::Start => "/start",
        PingKind::Success => "",
        PingKind::Fail => "/fail",
    };
    let own = format!("{}:{}", to.engine.vault.fingerprint(), ping.run);
    call(to, suffix, Some(&uuid_of(&own)), &ping.text).await
}

/// Says something that is neither a success nor a failure.
pub(super) async fn log(to: &To<'_>, message: &Message) -> Result<String, Failure> {
    call(to, "/log", None, &message.text).await
}

async fn call(to: &To<'_>, suffix: &str, run: Option<&str>, text: &str) -> Result<String, Failure> {
    let known = to.secrets.url.reveal();
    let url = if known.is_empty() { String::new() } else { address(known, suffix, run) };
    let body = shortened(text, LONGEST);
    post(to, Request { url, content_type: "text/plain; charset=utf-8", headers: Vec::new(), body }).await
}

/// The address with `suffix` behind its path, and the run's id, by which a start and its end find each other.
fn address(url: &str, suffix: &str, run: Option<&str>) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let run = run.map(|run| format!("rid={run}"));
    let query: Vec<&str> =
        [query, run.as_deref().unwrap_or_default()].into_iter().filter(|part| !part.is_empty()).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{suffix}{mark}{}", path.trim_end_matches('/'), query.join("&"))
}

/// A UUID (RFC 9562, version 8) that is always the same for the same text.
fn uuid_of(text: &str) -> String {
    let hex = sha256_hex(text.as_bytes());
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stands_behind_the_path_and_before_the_query() {
        assert_eq!(address("https://hc/abc", "/start", None), "https://hc/abc/start");
        assert_eq!(address("https://hc/abc/", "", Some("7")), "https://hc/abc?rid=7");
        assert_eq!(address("https://hc/abc?x=1", "/fail", Some("7")), "https://hc/abc/fail?x=1&rid=7");
    }

    #[test]
    fn a_run_has_one_uuid() {
        let id = uuid_of("x:7");
        assert_eq!(id, uuid_of("x:7"));
        assert_eq!(id.len(), 36);
        assert_eq!(id.matches('-').count(), 4);
    }
}
