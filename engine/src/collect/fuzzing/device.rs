//! Whole sessions with a device that says what it likes.

use std::collections::VecDeque;
use std::time::Duration;

use etiqa_model::class::Class;
use etiqa_model::recording::{Player, Recording};

use super::pieces;
use crate::collect::clean::without_blank_end;
use crate::collect::driver::{Command, Driver, DriverSet, Mode, Shell};
use crate::collect::evidence::Evidence;
use crate::collect::outcome::Outcome;
use crate::collect::rehearsal::{Played, login, rehearse};
use crate::collect::runner::{collected, converse};
use crate::collect::target::Limits;
use crate::collect::terminal::{LONGEST_LINE, Terminal};
use crate::collect::transport::{Closed, Line};

/// A recorded session, and behind a NUL one byte that says how it is split.
fn read(input: &[u8]) -> Option<(Recording, u8)> {
    let mut halves = input.splitn(2, |byte| *byte == 0);
    let text = std::str::from_utf8(halves.next()?).ok()?;
    let seed = halves.next().and_then(|rest| rest.first()).copied().unwrap_or_default();
    Some((Recording::parse(text).ok()?, seed))
}

fn limits() -> Limits {
    Limits {
        step: Duration::from_secs(1),
        deadline: Duration::from_mins(2),
        max_bytes: 1 << 20,
        ..Limits::default()
    }
}

/// A recorded session.
///
/// What is typed into it may be split anywhere; it says what was recorded, and nothing behind its end.
///
/// # Panics
/// Where one of these does not hold.
pub fn recording(input: &[u8]) {
    let Some((recording, seed)) = read(input) else { return };
    assert!(!recording.platform.is_empty());
    if recording.is_exec {
        return;
    }
    let (mut whole, greeting) = Player::begin(&recording);
    let mut split = whole.clone();
    assert!(!greeting.ends);
    // What is recorded as typed is in the input itself, so all of it is typed.
    let typed = input.split(|byte| *byte == b'\n').map(|line| [line, b"\n"].concat());
    let mut is_over = false;
    for line in typed.filter(|line| std::str::from_utf8(line).is_ok_and(str::is_ascii)) {
        let reaction = whole.hear(&line);
        let heard: Vec<_> = pieces(&line, seed).map(|piece| split.hear(piece)).collect();
        let said: String = heard.iter().map(|reaction| reaction.say.as_str()).collect();
        assert_eq!(said, reaction.say, "the split matters");
        assert_eq!(heard.last().map(|reaction| reaction.ends), Some(reaction.ends));
        assert!(!is_over || reaction.say.is_empty(), "a device that is gone goes on");
        is_over |= reaction.ends;
    }
}

/// A recorded session of a platform that is built in; the device says what the recording has, whatever that is.
///
/// It gives texts only where it is good, and these are all that the device said between
/// the echo of a command and the next prompt; however the device's words are split, the end is the same. What is kept for
/// a person holds no password.
///
/// # Panics
/// Where one of these does not hold.
pub async fn device(input: &[u8]) {
    let Some((recording, seed)) = read(input) else { return };
    let Some(driver) = DriverSet::built_in().get(&recording.platform) else { return };
    let whole = rehearse(&driver, &recording, &limits()).await;
    assert_sound(&whole, &recording);
    let Mode::Shell(shell) = &driver.mode else { return };
    if recording.is_exec {
        return;
    }
    let (split, said) = split(&driver, shell, &recording, seed).await;
    assert_sound(&split, &recording);
    assert_eq!(
        (split.class, &split.parts),
        (whole.class, &whole.parts),
        "the split matters: {}",
        split.message
    );
    if split.class == Class::Ok {
        assert_whole(&split, &driver, shell, &said);
    }
}

fn assert_sound(outcome: &Outcome, recording: &Recording) {
    assert_eq!(
        outcome.parts.is_empty(),
        outcome.class != Class::Ok,
        "{}: {}",
        outcome.class,
        outcome.message
    );
    let length: usize = outcome.parts.iter().map(|part| part.text.len()).sum();
    assert!(length <= limits().max_bytes + LONGEST_LINE, "text out of nothing");
    for part in &outcome.parts {
        assert_eq!(part.text, format!("{}\n", without_blank_end(&part.text)));
    }
    for secret in login(recording).secrets() {
        assert!(!outcome.message.contains(secret));
        assert!(outcome.transcript.as_ref().is_none_or(|text| !text.contains(secret)));
    }
}

/// What was typed, and what was said from then on.
#[derive(Default)]
struct Exchange {
    typed: Vec<u8>,
    said: Vec<u8>,
}

/// A device whose words come in pieces, and are noted.
struct Noted<'a> {
    played: Played<'a>,
    waiting: VecDeque<Vec<u8>>,
    said: &'a mut Vec<Exchange>,
    seed: u8,
}

impl Noted<'_> {
    fn listen(&mut self) {
        let said = self.played.said();
        self.waiting.extend(pieces(&said, self.seed).map(<[u8]>::to_vec));
        if let Some(exchange) = self.said.last_mut() {
            exchange.said.extend(said);
        }
    }
}

impl Line for Noted<'_> {
    async fn receive(&mut self) -> Option<Vec<u8>> {
        self.listen();
        match self.waiting.pop_front() {
            Some(piece) => Some(piece),
            // Nothing is said, so that the device is gone or waits for ever.
            None => self.played.receive().await,
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.listen();
        self.said.push(Exchange { typed: bytes.to_vec(), said: Vec::new() });
        self.played.send(bytes).await
    }
}

async fn split(driver: &Driver, shell: &Shell, recording: &Recording, seed: u8) -> (Outcome, Vec<Exchange>) {
    let (login, limits) = (login(recording), limits());
    let mut evidence = Evidence::default();
    let mut said = vec![Exchange::default()];
    let line = Noted { played: Played::new(recording), waiting: VecDeque::new(), said: &mut said, seed };
    let work = converse(line, driver, shell, &login, &limits, &mut evidence);
    // As long as a rehearsal has.
    let Ok(result) = tokio::time::timeout(limits.deadline, work).await else {
        let late = crate::collect::failure::Failure::new(Class::Timeout, "The rehearsal did not end.");
        return (collected(Err(late), evidence, driver, &[login]), said);
    };
    (collected(result, evidence, driver, &[login]), said)
}

/// Every part that is the answer to one command, taken as it is, is all that was said between that command's echo and the
/// prompt behind it. A session in which pages were asked for is not looked at: what wipes a question is no text.
fn assert_whole(outcome: &Outcome, driver: &Driver, shell: &Shell, said: &[Exchange]) {
    if said.iter().any(|exchange| !exchange.typed.is_empty() && !exchange.typed.ends_with(b"\n")) {
        return;
    }
    for part in &outcome.parts {
        let of_part = |command: &&Command| command.part.as_ref() == Some(&part.part);
        let mut commands = driver.commands.iter().filter(of_part);
        let (Some(command), None) = (commands.next(), commands.next()) else { continue };
        if command.strip_before.is_some() || command.strip_after.is_some() {
            continue;
        }
        let forms: Vec<&String> = [&command.send].into_iter().chain(&command.alternatives).collect();
        let typed = |exchange: &Exchange| {
            let line = String::from_utf8_lossy(&exchange.typed);
            forms.iter().find(|form| line.trim_end() == form.as_str()).map(|form| form.as_str())
        };
        // The last form that was tried is the one that was taken.
        let Some((at, form)) =
            said.iter().enumerate().rev().find_map(|(at, exchange)| typed(exchange).map(|form| (at, form)))
        else {
            continue;
        };
        let mut terminal = Terminal::default();
        for exchange in &said[..=at] {
            terminal.take_all();
            terminal.feed(&exchange.said);
        }
        let shown = terminal.take_all() + &terminal.unfinished();
        let Some((echo, rest)) = shown.split_once('\n') else { continue };
        let goes_on_late = said.get(at + 1).is_none_or(|next| !begins_with_its_echo(next));
        if goes_on_late || shell.prompt.before_echo(echo, form).is_none() {
            continue;
        }
        let text = part.text.trim_end_matches('\n');
        let behind = rest.strip_prefix(text);
        assert!(
            behind.is_some_and(|behind| shell.prompt.find(behind.trim_start()).is_some()),
            "of {rest:?} only {text:?} was taken"
        );
    }
}

/// Whether nothing came before the echo of what was typed.
fn begins_with_its_echo(exchange: &Exchange) -> bool {
    let typed = exchange.typed.trim_ascii_end();
    !typed.is_empty() && exchange.said.strip_prefix(typed).is_some_and(|rest| rest.starts_with(b"\r\n"))
}
