//! Messages by HTTP: one POST each, no redirect, and a few words of the answer.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use etiqa_model::notify::ChannelSecrets;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response};

use super::{Failure, Outlook, To, shortened};
use crate::collect::{MASK, certificate_problem};
use crate::outgoing::refused_in;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest wait for the whole answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read, and those that are kept.
const READ: usize = 4_096;
const KEPT: usize = 300;
/// The longest time that the other side may ask for.
const LONGEST_RETRY_AFTER: u64 = 3_600;

/// What is posted, and where.
pub(super) struct Request {
    pub(super) url: String,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        Self {
            url: url.into(),
            content_type: "application/json",
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    /// With a token, where there is one.
    pub(super) fn with_token(mut self, token: &str) -> Self {
        if !token.is_empty() {
            self.headers.push(("authorization", format!("Bearer {token}")));
        }
        self
    }
}

/// Posts; gives the status and a few words of the answer.
pub(super) async fn post(to: &To<'_>, request: Request) -> Result<String, Failure> {
    Ok(post_for_status(to, request).await?.1)
}

/// Posts; gives the status by itself, too.
pub(super) async fn post_for_status(to: &To<'_>, request: Request) -> Result<(u16, String), Failure> {
    if request.url.is_empty() {
        return Err(Failure::permanent("Its address is not known here; fill it in again."));
    }
    let client = client(to, &request.url)?;
    let mut asked = client.post(&request.url).header("content-type", request.content_type);
    for (name, value) in request.headers {
        asked = asked.header(name, value);
    }
    let mut answer = asked.body(request.body).send().await.map_err(|error| no_answer(&error))?;
    let status = answer.status().as_u16();
    let retry_after = retry_after(&answer);
    let words = words(&mut answer, to.secrets).await;
    let told = if words.is_empty() { status.to_string() } else { format!("{status}: {words}") };
    if answer.status().is_success() {
        return Ok((status, told));
    }
    Err(Failure { retry_after, ..refused(status, &told) })
}

fn client(to: &To<'_>, url: &str) -> Result<Client, Failure> {
    let outgoing = to.engine.reach.outgoing(to.own_network);
    let builder =
        outgoing.client(&to.engine.trust(), url).map_err(|error| Failure::permanent(error.to_string()))?;
    builder
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .user_agent(concat!("etiqa/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| Failure::permanent("TLS cannot be set up on this machine."))
}

/// Seconds of the header alone: a date there is of another clock.
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds: u64 = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)))
}

/// A few words of the answer, on one line, without the secrets that it may repeat. What cannot be read is no answer to the
/// message, which was taken or not.
async fn words(answer: &mut Response, secrets: &ChannelSecrets) -> String {
    let mut read = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        read.extend_from_slice(&piece);
        if read.len() >= READ {
            read.truncate(READ);
            break;
        }
    }
    let text = hidden(&String::from_utf8_lossy(&read), secrets);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    shortened(&words.join(" "), KEPT)
}

/// Masks what an answer repeats of the secrets: each of them, and the path of an address that is one.
fn hidden(text: &str, secrets: &ChannelSecrets) -> String {
    let ChannelSecrets { url, secret, token, password } = secrets;
    let path = url.reveal().splitn(4, '/').nth(3).unwrap_or_default();
    let mut hidden = text.to_owned();
    for secret in [url.reveal(), path, secret.reveal(), token.reveal(), password.reveal()] {
        // Less would mask letters of every word.
        if secret.len() >= 4 {
            hidden = hidden.replace(secret, MASK);
        }
    }
    hidden
}

/// Why a request got no answer, as one sentence. The client's own words are never told: they hold the address.
fn no_answer(error: &reqwest::Error) -> Failure {
    if let Some(refused) = refused_in(error) {
        return Failure::permanent(refused.to_string());
    }
    if let Some(problem) = certificate_problem(error) {
        return untrusted(problem);
    }
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            return Failure::of_connection(io);
        }
        next = source.source();
    }
    match () {
        () if error.is_timeout() => Failure::temporary("The server did not answer in time."),
        () if error.is_builder() => Failure::permanent(
            "The address, or what is sent along with it, cannot be used: fill it in again.",
        ),
        () if error.is_connect() => Failure::temporary(
            "The server cannot be reached: its name cannot be resolved, or nothing answers.",
        ),
        () => Failure::temporary("The connection to the server was lost."),
    }
}

/// A certificate that nobody vouches for.
pub(super) fn untrusted(problem: &str) -> Failure {
    Failure::permanent(format!(
        "The server's certificate is not trusted: {problem}. Where an authority of your own signed it, name that one with \
         --ca-file."
    ))
}

/// What a status says that is not a good one.
fn refused(status: u16, told: &str) -> Failure {
    let (outlook, words) = match status {
        300..=399 => {
            (Outlook::Permanent, "The server leads to another address, which is not followed: name that one")
        }
        401 | 403 => (Outlook::Permanent, "The server refuses the login, or the address itself"),
        404 | 405 | 410 => (Outlook::Permanent, "The server takes no message at this address: check it"),
        400 | 413 | 415 | 422 | 424 => (Outlook::OneMessage, "The server does not take this message"),
        408 | 425 | 429 | 500..=599 => (Outlook::Temporary, "The server cannot take it just now"),
        _ => (Outlook::Permanent, "The server refuses the message"),
    };
    Failure { message: format!("{words} ({told})."), outlook, retry_after: None }
}

#[cfg(test)]
mod tests {
    use etiqa_model::Secret;

    use super::*;

    #[test]
    fn an_answer_that_repeats_the_address_does_not_give_it_away() {
        let secrets = ChannelSecrets {
            url: Secret::new("https://hooks.example/services/T0/hunter2"),
            token: Secret::new("abcd"),
            ..ChannelSecrets::default()
        };
        let told =
            hidden("no /services/T0/hunter2 for abcd at https://hooks.example/services/T0/hunter2", &secrets);
        assert!(!told.contains("hunter2") && !told.contains("abcd"), "{told}");
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_is_refused_is_not() {
        for (status, outlook) in [
            (302, Outlook::Permanent),
            (400, Outlook::OneMessage),
            (401, Outlook::Permanent),
            (404, Outlook::Permanent),
            (413, Outlook::OneMessage),
            (429, Outlook::Temporary),
            (500, Outlook::Temporary),
            (503, Outlook::Temporary),
        ] {
            assert_eq!(refused(status, "").outlook, outlook, "{status}");
        }
    }
}
