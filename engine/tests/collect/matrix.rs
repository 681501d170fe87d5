//! The fault matrix: every recorded device, with every fault, at many places. A text is stored only if it is whole, and
//! what only looks strange is no reason to refuse one.
//!
//! Runs a sample, always the same one; `ETIQA_TEST_LONG=1` runs all of it, `ETIQA_TEST_SEED` draws another one.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etiqa_engine::collect::{Limits, Outcome, PartText, rehearse};
use etiqa_model::class::Class;
use etiqa_model::device::Transport;
use etiqa_model::recording::Recording;
use etiqa_simulator::{Faults, LineEnd, Trick, WireFault};
use futures::StreamExt as _;
use futures::stream;

use crate::recorded::{Recorded, good_recordings, played};

/// Sessions at once.
const AT_ONCE: usize = 96;

/// Places of each fault that has one: in the sample, and in the whole matrix.
const PLACES: (usize, usize) = (2, 40);

/// Sessions of the sample.
const SAMPLE: usize = 900;

/// Platforms whose prompt holds what changes by itself, such as a clock, so that another host's is not told apart.
const CHANGING_PROMPTS: &[&str] = &["netscaler"];

/// A recording, and what a clean session with it gave.
struct Clean {
    recorded: Arc<Recorded>,
    parts: Vec<PartText>,
    /// Bytes of its connection after the login, and bytes that its shell said.
    wire: usize,
    said: usize,
}

/// What must come of a session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    /// Whole texts.
    GiveAll,
    /// Whole texts, where the fault did not strike before everything was confirmed, or none.
    GiveAllOrNothing,
    /// No text.
    GiveNothing,
    /// Whole texts, perhaps without some, or none.
    GiveWhatIsWhole,
}

struct Case {
    clean: Arc<Clean>,
    fault: &'static str,
    /// Lines on a page, where it is not as recorded.
    page: Option<usize>,
    faults: Faults,
    must: Must,
}

/// Long enough for a machine that has more to do.
fn patient() -> Limits {
    let minute = Duration::from_mins(1);
    Limits { connect: minute, step: minute / 2, deadline: minute * 2, ..Limits::default() }
}

/// Short: a device that says nothing costs little. A session that ends too early can only give less.
fn hurried() -> Limits {
    Limits {
        connect: Duration::from_secs(20),
        step: Duration::from_secs(1),
        deadline: Duration::from_secs(12),
        max_bytes: 40_000,
    }
}

/// Numbers that look random and are the same every time (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    /// A place in a stream: anywhere, or as often near its end, where the last answers are confirmed.
    fn place(&mut self, length: usize) -> usize {
        if self.below(2) == 0 { self.below(length) } else { length.saturating_sub(self.below(250)) }
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

async fn clean(recorded: Arc<Recorded>) -> Clean {
    let limits = patient();
    let (outcome, wire) = played(&recorded, None, Faults::default(), &limits).await;
    let name = &recorded.name;
    let transcript = outcome.transcript.as_deref().unwrap_or_default();
    assert_eq!(outcome.class, Class::Ok, "{name}: {}\n{transcript}", outcome.message);
    let rehearsed = rehearse(&recorded.driver, &recorded.recording, &limits).await;
    assert!(
        outcome.parts == rehearsed.parts,
        "{name} gives other texts over the network than in a rehearsal"
    );
    let said = outcome.bytes as usize;
    Clean { recorded, parts: outcome.parts, wire, said }
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

/// Every case of one recording, with so many places for each fault that has one.
fn cases(clean: &Arc<Clean>, places: usize, dice: &mut Dice) -> Vec<Case> {
    let recording = &clean.recorded.recording;
    let mut cases = Vec::new();
    let mut add = |fault, faults, must| {
        cases.push(Case { clean: Arc::clone(clean), fault, page: None, faults, must });
    };
    for _ in 0..places {
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
            add(name, Faults { wire: Some((dice.place(length), fault)), ..base }, Must::GiveAllOrNothing);
        }
        let base = if dice.below(2) == 0 { Faults::default() } else { dice.odd(clean) };
        let place = Some(dice.place(clean.said));
        add("drop", Faults { drop_after: place, ..base.clone() }, Must::GiveAllOrNothing);
        add("silence", Faults { hang_after: place, ..base.clone() }, Must::GiveAllOrNothing);
        add("split", Faults { pause_after: place, ..Faults::default() }, Must::GiveAll);
        add("split", Faults { pause_after: Some(dice.place(clean.said)), ..base }, Must::GiveAll);
    }
    add("odd in every way", dice.odd(clean), Must::GiveAll);
    let usual = Faults::default;
    let pieces = |count| Faults { chunk_bytes: Some(count), ..Faults::default() };
    add("slow", Faults::slow(Duration::from_millis(90)), Must::GiveAll);
    add("drip", Faults { drip: true, ..usual() }, Must::GiveAll);
    add("pieces", pieces(1), Must::GiveAll);
    add("pieces", pieces(2 + dice.below(30)), Must::GiveAll);
    for line_end in [LineEnd::CrCrLf, LineEnd::CrNulLf] {
        add("line ends", Faults { line_end, ..pieces(1 + dice.below(500)) }, Must::GiveAll);
    }
    if !recording.is_exec {
        for line_end in [LineEnd::Lf, LineEnd::LfCr] {
            add("line ends", Faults { line_end, ..pieces(1 + dice.below(500)) }, Must::GiveAll);
        }
        add("colours", Faults { colours: true, ..usual() }, Must::GiveAll);
        add("colours", Faults { colours: true, ..pieces(1 + dice.below(8)) }, Must::GiveAll);
    }
    if recording.pager.is_some() {
        let pages = || Faults { always_pages: true, ..Faults::default() };
        for _ in 0..places {
            add("pager ignored", pages(), Must::GiveAll);
            let split = Faults { pause_after: Some(dice.below(clean.said)), ..pages() };
            add("pager ignored", split, Must::GiveAll);
            add("pager ignored", Faults { always_pages: true, ..dice.odd(clean) }, Must::GiveAll);
        }
    }
    for command in commands(&clean.recorded, false) {
        let trick = |trick| Faults::trick(&command, trick);
        add("refusal", trick(Trick::Refuse), Must::GiveNothing);
        add("endless text", trick(Trick::Endless), Must::GiveNothing);
        if recording.pager.is_some() {
            add("endless pager", trick(Trick::EndlessPages), Must::GiveNothing);
        }
        let answer = recording.answer_to(&command).unwrap_or_default();
        if !recording.is_exec && !answer.is_empty() && has_a_name(recording, &command) {
            let is_known = CHANGING_PROMPTS.contains(&recording.platform.as_str());
            let must = if is_known { Must::GiveAllOrNothing } else { Must::GiveNothing };
            add("wrong prompt", trick(Trick::WrongPrompt), must);
        }
    }
    for command in commands(&clean.recorded, true) {
        add("refusal of a part", Faults::trick(command, Trick::Refuse), Must::GiveWhatIsWhole);
    }
    add("refusal", Faults::reject_commands(), Must::GiveNothing);
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

/// What went wrong, if anything did: whether a text was stored that is not whole, and how it came.
fn problem(case: &Case, outcome: &Outcome) -> Option<(bool, String)> {
    let is_whole = outcome.parts == case.clean.parts;
    let is_ok = outcome.class == Class::Ok;
    let is_wrongly_stored = match case.must {
        Must::GiveNothing => is_ok || !outcome.parts.is_empty(),
        Must::GiveWhatIsWhole => !outcome.parts.iter().all(|part| case.clean.parts.contains(part)),
        Must::GiveAll | Must::GiveAllOrNothing => is_ok != is_whole || !is_ok && !outcome.parts.is_empty(),
    };
    let is_wrongly_refused = case.must == Must::GiveAll && !is_ok;
    if !is_wrongly_stored && !is_wrongly_refused {
        return None;
    }
    let (name, fault, page, faults) = (&case.clean.recorded.name, case.fault, case.page, &case.faults);
    let mut told =
        format!("{name}, {fault}: {}: {}\n    page {page:?}, {faults:?}", outcome.class, outcome.message);
    for (part, whole) in outcome.parts.iter().zip(&case.clean.parts) {
        let lines = part.text.lines().zip(whole.text.lines());
        if let Some((line, meant)) = lines.clone().find(|(line, meant)| line != meant) {
            told += &format!("\n    {}: {line:?} instead of {meant:?}", part.part);
        } else if part.text != whole.text {
            let (length, meant) = (part.text.lines().count(), whole.text.lines().count());
            told += &format!("\n    {}: {length} lines instead of {meant}", part.part);
        }
    }
    if std::env::var_os("ETIQA_TEST_TRANSCRIPT").is_some() {
        told += outcome.transcript.as_deref().unwrap_or_default();
    }
    Some((is_ok, told))
}

/// `count` of `cases`, drawn without putting back.
fn sample(mut cases: Vec<Case>, count: usize, dice: &mut Dice) -> Vec<Case> {
    for place in 0..count.min(cases.len()) {
        let other = place + dice.below(cases.len() - place);
        cases.swap(place, other);
    }
    cases.truncate(count);
    cases
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_makes_a_text_that_is_not_whole_and_no_oddity_refuses_one() {
    let is_long = std::env::var_os("ETIQA_TEST_LONG").is_some();
    let seed = std::env::var("ETIQA_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_260_801);
    let mut dice = Dice(seed);
    let began = Instant::now();

    let clean = stream::iter(good_recordings()).map(|recorded| tokio::spawn(clean(recorded)));
    let clean: Vec<Clean> = clean.buffered(AT_ONCE).map(Result::unwrap).collect().await;
    let devices = clean.len();
    let places = if is_long { PLACES.1 } else { PLACES.0 };
    let mut all: Vec<Case> =
        clean.into_iter().map(Arc::new).flat_map(|clean| cases(&clean, places, &mut dice)).collect();
    if let Ok(only) = std::env::var("ETIQA_TEST_FAULT") {
        all.retain(|case| case.fault == only);
    }
    let cases = if is_long { all } else { sample(all, SAMPLE, &mut dice) };
    let prepared = began.elapsed().as_secs_f32();
    println!("{devices} recorded devices are whole without a fault, in {prepared:.1} s");

    let sessions = cases.len();
    let ended = stream::iter(cases).map(|case| {
        tokio::spawn(async move {
            let began = Instant::now();
            let limits = match case.must {
                Must::GiveAll | Must::GiveWhatIsWhole => patient(),
                // A refusal is no silence, and must not look like one.
                Must::GiveNothing if case.fault == "refusal" => {
                    Limits { step: Duration::from_secs(8), ..patient() }
                }
                Must::GiveNothing | Must::GiveAllOrNothing => hurried(),
            };
            let (outcome, _) = played(&case.clean.recorded, case.page, case.faults.clone(), &limits).await;
            (problem(&case, &outcome), case.fault, outcome.class, began.elapsed())
        })
    });
    let ended: Vec<_> = ended.buffer_unordered(AT_ONCE).map(Result::unwrap).collect().await;

    let mut classes: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    let mut spent: BTreeMap<&str, Duration> = BTreeMap::new();
    for (_, fault, class, time) in &ended {
        *classes.entry(fault).or_default().entry(class.to_string()).or_default() += 1;
        *spent.entry(fault).or_default() += *time;
    }
    let problems: Vec<(bool, String)> = ended.into_iter().filter_map(|(problem, ..)| problem).collect();
    let stored = problems.iter().filter(|(is_stored, _)| *is_stored).count();
    let refused = problems.len() - stored;
    for (fault, classes) in &classes {
        println!("{fault}: {classes:?} in {:.0} s", spent[fault].as_secs_f32());
    }
    for (_, told) in problems.iter().take(60) {
        println!("{told}");
    }
    let seconds = began.elapsed().as_secs_f32();
    println!("{sessions} sessions with {devices} recorded devices in {seconds:.1} s, seed {seed}");
    println!("texts stored as good that are not the device's whole text: {stored}");
    println!("whole texts refused under benign faults: {refused}");
    assert_eq!((stored, refused), (0, 0));
}
