//! What can be wrong with a recorded device, and what must come of it.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::collect::PartText;
use etiqa_model::device::Transport;
use etiqa_model::recording::Recording;
use etiqa_simulator::{Faults, LineEnd, Trick, WireFault};

use crate::recorded::Recorded;

/// Platforms whose prompt holds what changes by itself, such as a clock, so that another host's is not told apart.
const CHANGING_PROMPTS: &[&str] = &["netscaler"];

/// Recordings of devices that are privileged from the first prompt on: `enable` is in them, and nobody has to type it.
const PRIVILEGED_AT_ONCE: &[&str] = &["procurve-ansi"];

/// A recording, and what a clean session with it gave.
pub(super) struct Clean {
    pub(super) recorded: Arc<Recorded>,
    pub(super) parts: Vec<PartText>,
    /// Bytes of its connection after the login, and bytes that its shell said.
    pub(super) wire: usize,
    pub(super) said: usize,
}

/// What must come of a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Must {
    /// Whole texts.
    All,
    /// Whole texts, where the fault did not strike before everything was confirmed, or none.
    AllOrNothing,
    /// No text.
    Nothing,
    /// No text, since the device takes no login.
    NoLogin,
    /// Whole texts, perhaps without some, or none.
    WhatIsWhole,
}

pub(super) struct Case {
    pub(super) clean: Arc<Clean>,
    pub(super) fault: &'static str,
    /// Lines on a page, where it is not as recorded.
    pub(super) page: Option<usize>,
    pub(super) faults: Faults,
    pub(super) must: Must,
}

/// Kinds of places in a stream.
pub(super) const PLACES: usize = 4;

/// Numbers that look random and are the same every time (xorshift64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    /// A place in a stream of `length` bytes, by turns: at its beginning, anywhere, near its end, where the last answers
    /// are confirmed, and among its very last bytes.
    fn place(&mut self, turn: usize, length: usize) -> usize {
        match turn % PLACES {
            0 => self.below(length / 10),
            1 => self.below(length),
            2 => length.saturating_sub(self.below(250)),
            _ => length.saturating_sub(self.below(12)),
        }
    }

    fn pieces(&mut self) -> Option<usize> {
        [None, Some(1), Some(3), Some(40)][self.below(4)]
    }

    /// A device that looks odd in some way, or in several, and does nothing wrong.
    fn odd(&mut self, clean: &Clean) -> Faults {
        let recording = &clean.recorded.recording;
        let line_ends = [LineEnd::Usual, LineEnd::CrCrLf, LineEnd::CrNulLf, LineEnd::Lf, LineEnd::LfCr];
        Faults {
            chunk_bytes: self.pieces(),
            // Without a terminal a single command's output is what it is.
            line_end: line_ends[self.below(if recording.is_exec { 3 } else { 5 })],
            colours: !recording.is_exec && self.below(2) == 0,
            always_pages: recording.pager.is_some() && self.below(2) == 0,
            ..Faults::default()
        }
    }
}

/// The commands that give the parts, as they were recorded: those without which a text is not whole, or those that are
/// the only ones of a part which the device may leave out.
fn commands(recorded: &Recorded, is_optional: bool) -> Vec<String> {
    let driver: toml::Table = recorded.driver.text().parse().unwrap();
    let all = driver["command"].as_array().unwrap();
    let commands = all.iter().filter_map(|command| {
        let part = command.get("part")?;
        let is_only_one = all.iter().filter(|other| other.get("part") == Some(part)).count() == 1;
        let is_wanted = command.get("optional").is_some() == is_optional
            && (is_only_one || !is_optional)
            && ["each", "when", "unless"].iter().all(|key| command.get(key).is_none());
        let alternatives = command.get("alternatives").and_then(|list| list.as_array());
        let forms = [command.get("send")?].into_iter().chain(alternatives.into_iter().flatten());
        let known: Vec<&str> = forms
            .filter_map(|form| form.as_str())
            .filter(|form| recorded.recording.answer_to(form).is_some())
            .collect();
        // Where the device knows two forms, the other one is as good.
        let [only] = known[..] else { return None };
        is_wanted.then(|| only.to_owned())
    });
    commands.collect()
}

/// Every case of one recording, with so many places of each kind for each fault that has one.
pub(super) fn cases(clean: &Arc<Clean>, times: usize, dice: &mut Dice) -> Vec<Case> {
    let recording = &clean.recorded.recording;
    let mut cases = Vec::new();
    let mut add = |fault, faults, must| {
        cases.push(Case { clean: Arc::clone(clean), fault, page: None, faults, must });
    };
    for turn in 0..times * PLACES {
        for (name, fault) in [
            ("cut", WireFault::Cut),
            ("reset", WireFault::Reset),
            ("hang", WireFault::Hang),
            ("garble", WireFault::Garble),
        ] {
            // Telnet has nothing by which a changed byte could be told.
            if fault == WireFault::Garble && recording.transport == Transport::Telnet {
                continue;
            }
            let plain = Faults { chunk_bytes: dice.pieces(), ..Faults::default() };
            let base = if dice.below(2) == 0 { plain } else { dice.odd(clean) };
            // Small pieces make a longer stream, but not by telnet.
            let is_ssh = recording.transport == Transport::Ssh;
            let length = match base.chunk_bytes {
                Some(1) if is_ssh => clean.wire * 12,
                Some(3) if is_ssh => clean.wire * 6,
                _ => clean.wire,
            };
            add(name, Faults { wire: Some((dice.place(turn, length), fault)), ..base }, Must::AllOrNothing);
        }
        let base = if dice.below(2) == 0 { Faults::default() } else { dice.odd(clean) };
        let place = Some(dice.place(turn, clean.said));
        add("drop", Faults { drop_after: place, ..base.clone() }, Must::AllOrNothing);
        add("silence", Faults { hang_after: place, ..base.clone() }, Must::AllOrNothing);
        add("split", Faults { pause_after: place, ..Faults::default() }, Must::All);
        add("split", Faults { pause_after: Some(dice.place(turn, clean.said)), ..base }, Must::All);
    }
    add("odd in every way", dice.odd(clean), Must::All);
    let usual = Faults::default;
    let pieces = |count| Faults { chunk_bytes: Some(count), ..Faults::default() };
    add("slow", Faults::slow(Duration::from_millis(90)), Must::All);
    add("drip", Faults { drip: true, ..usual() }, Must::All);
    add("pieces", pieces(1), Must::All);
    add("pieces", pieces(2 + dice.below(30)), Must::All);
    for line_end in [LineEnd::CrCrLf, LineEnd::CrNulLf] {
        add("line ends", Faults { line_end, ..pieces(1 + dice.below(500)) }, Must::All);
    }
    if !recording.is_exec {
        for line_end in [LineEnd::Lf, LineEnd::LfCr] {
            add("line ends", Faults { line_end, ..pieces(1 + dice.below(500)) }, Must::All);
        }
        add("colours", Faults { colours: true, ..usual() }, Must::All);
        add("colours", Faults { colours: true, ..pieces(1 + dice.below(8)) }, Must::All);
    }
    if recording.pager.is_some() {
        let pages = || Faults { always_pages: true, ..Faults::default() };
        for _ in 0..times * PLACES {
            add("pager ignored", pages(), Must::All);
            let split = Faults { pause_after: Some(dice.below(clean.said)), ..pages() };
            add("pager ignored", split, Must::All);
            add("pager ignored", Faults { always_pages: true, ..dice.odd(clean) }, Must::All);
        }
    }
    for command in commands(&clean.recorded, false) {
        let trick = |trick| Faults::trick(&command, trick);
        add("refusal", trick(Trick::Refuse), Must::Nothing);
        add("endless text", trick(Trick::Endless), Must::Nothing);
        if recording.pager.is_some() {
            add("endless pager", trick(Trick::EndlessPages), Must::Nothing);
        }
        let answer = recording.answer_to(&command).unwrap_or_default();
        if !recording.is_exec && !answer.is_empty() && has_a_name(recording, &command) {
            let is_known = CHANGING_PROMPTS.contains(&recording.platform.as_str());
            let must = if is_known { Must::AllOrNothing } else { Must::Nothing };
            add("wrong prompt", trick(Trick::WrongPrompt), must);
        }
    }
    for command in commands(&clean.recorded, true) {
        add("refusal of a part", Faults::trick(command, Trick::Refuse), Must::WhatIsWhole);
    }
    add("refusal", Faults::reject_commands(), Must::Nothing);
    add("wrong password", Faults::wrong_password(), Must::NoLogin);
    let is_user_first = !PRIVILEGED_AT_ONCE.contains(&clean.recorded.name.as_str());
    if is_user_first && recording.has_enable && recording.clone().refuse_enable() {
        add("wrong enable password", Faults { wrong_enable: true, ..usual() }, Must::NoLogin);
    }
    for case in cases.iter_mut().filter(|case| case.faults.always_pages) {
        // Any line may be the first of a page.
        case.page = Some(2 + dice.below(28));
    }
    cases
}

/// Whether every prompt behind an answer to `command` has letters by which another host's could differ.
fn has_a_name(recording: &Recording, command: &str) -> bool {
    let has_name = Cell::new(true);
    recording.clone().rewrite(command, |answer| {
        let prompt = answer.rsplit('\n').next().unwrap_or_default();
        has_name.set(has_name.get() && prompt.contains(|c: char| c.is_ascii_alphabetic()));
        answer.to_owned()
    });
    has_name.get()
}

/// `count` of `cases`, drawn without putting back.
pub(super) fn sample(mut cases: Vec<Case>, count: usize, dice: &mut Dice) -> Vec<Case> {
    for place in 0..count.min(cases.len()) {
        let other = place + dice.below(cases.len() - place);
        cases.swap(place, other);
    }
    cases.truncate(count);
    cases
}
