//! The fault matrix: every recorded device, with every fault, at many places. A text is stored only if it is whole, and
//! what only looks strange is no reason to refuse one.
//!
//! Runs a sample, always the same one; `ETIQA_TEST_LONG=1` runs all of it, `ETIQA_TEST_SEED` draws another one,
//! `ETIQA_TEST_FAULT` and `ETIQA_TEST_RECORDING` run one fault and one device. A program of its own, since it keeps a
//! machine so busy that other tests would wait too long.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod recorded;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etiqa_engine::collect::{Limits, Outcome, rehearse};
use etiqa_model::class::Class;
use etiqa_simulator::Faults;
use futures::StreamExt as _;
use futures::stream;

use crate::cases::{Case, Clean, Dice, Must, cases, sample};
use crate::recorded::{Recorded, assert_every_driver_is_played, good_recordings, played};

/// Sessions at once.
const AT_ONCE: usize = 96;

/// Places of each kind for each fault that has one: in the sample, and in the whole matrix.
const TIMES: (usize, usize) = (1, 10);

/// Sessions of the sample.
const SAMPLE: usize = 900;

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

/// What can go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// A text was stored that is not whole.
    Stored,
    /// A whole text was not taken.
    Refused,
    /// A login was refused, and something else is said to be wrong.
    Misnamed,
}

/// What went wrong, if anything did, and how it came.
fn problem(case: &Case, outcome: &Outcome) -> Option<(Wrong, String)> {
    let is_whole = outcome.parts == case.clean.parts;
    let is_ok = outcome.class == Class::Ok;
    let is_wrongly_stored = match case.must {
        Must::Nothing | Must::NoLogin => is_ok || !outcome.parts.is_empty(),
        Must::WhatIsWhole => !outcome.parts.iter().all(|part| case.clean.parts.contains(part)),
        Must::All | Must::AllOrNothing => is_ok != is_whole || !is_ok && !outcome.parts.is_empty(),
    };
    let wrong = if is_wrongly_stored {
        Wrong::Stored
    } else if case.must == Must::All && !is_ok {
        Wrong::Refused
    } else if case.must == Must::NoLogin && outcome.class != Class::AuthFailed {
        Wrong::Misnamed
    } else {
        return None;
    };
    let (name, fault, page, faults) = (&case.clean.recorded.name, case.fault, case.page, &case.faults);
    let mut told =
        format!("{name}, {fault}: {}: {}\n    page {page:?}, {faults:?}", outcome.class, outcome.message);
    for (part, whole) in outcome.parts.iter().zip(&case.clean.parts) {
        let lines = part.text.lines().zip(whole.text.lines());
        if let Some((line, meant)) = lines.clone().find(|(line, meant)| line != meant) {
            let _ = write!(told, "\n    {}: {line:?} instead of {meant:?}", part.part);
        } else if part.text != whole.text {
            let (length, meant) = (part.text.lines().count(), whole.text.lines().count());
            let _ = write!(told, "\n    {}: {length} lines instead of {meant}", part.part);
        }
    }
    if std::env::var_os("ETIQA_TEST_TRANSCRIPT").is_some() {
        told += outcome.transcript.as_deref().unwrap_or_default();
    }
    Some((wrong, told))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_makes_a_text_that_is_not_whole_and_no_oddity_refuses_one() {
    let is_long = std::env::var_os("ETIQA_TEST_LONG").is_some();
    let seed = std::env::var("ETIQA_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_260_801);
    let mut dice = Dice(seed);
    let began = Instant::now();

    let recordings = good_recordings();
    assert_every_driver_is_played(&recordings);
    let clean = stream::iter(recordings).map(|recorded| tokio::spawn(clean(recorded)));
    let clean: Vec<Clean> = clean.buffered(AT_ONCE).map(Result::unwrap).collect().await;
    let devices = clean.len();
    let times = if is_long { TIMES.1 } else { TIMES.0 };
    let mut all: Vec<Case> =
        clean.into_iter().map(Arc::new).flat_map(|clean| cases(&clean, times, &mut dice)).collect();
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
                Must::All | Must::WhatIsWhole => patient(),
                // A refusal is no silence, and must not look like one.
                Must::Nothing if case.fault == "refusal" => {
                    Limits { step: Duration::from_secs(8), ..patient() }
                }
                Must::NoLogin => Limits { step: Duration::from_secs(8), ..patient() },
                Must::Nothing | Must::AllOrNothing => hurried(),
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
    let problems: Vec<(Wrong, String)> = ended.into_iter().filter_map(|(problem, ..)| problem).collect();
    let count = |wrong| problems.iter().filter(|(found, _)| *found == wrong).count();
    let (stored, refused, misnamed) = (count(Wrong::Stored), count(Wrong::Refused), count(Wrong::Misnamed));
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
    println!("refused logins that are called something else: {misnamed}");
    assert_eq!((stored, refused, misnamed), (0, 0, 0));
}
