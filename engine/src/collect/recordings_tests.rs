//! Every built-in driver against the recorded sessions in `drivers/recordings/`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use etiqa_model::class::Class;
use etiqa_model::recording::Recording;
use futures::future::join_all;
use futures::{StreamExt as _, stream};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::clean::without_blank_end;
use super::driver::{Command, Driver, DriverSet, ITEM};
use super::rehearsal::rehearse_split;
use super::target::Limits;
use super::{rehearse, rehearse_identification};

fn recordings() -> Vec<(String, Recording)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../drivers/recordings");
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("ETIQA_TEST_RECORDING").ok();
    files
        .into_iter()
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| only.as_ref().is_none_or(|only| name.starts_with(only.as_str())))
        .map(|(name, path)| {
            let recording = Recording::parse(&std::fs::read_to_string(&path).unwrap());
            (name.clone(), recording.unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect()
}

fn limits() -> Limits {
    Limits { step: Duration::from_secs(4), deadline: Duration::from_secs(30), ..Limits::default() }
}

/// What the recording says to a command, as it should be stored.
fn expected(command: &Command, recording: &Recording, item: &str) -> Option<String> {
    let forms = [&command.send].into_iter().chain(&command.alternatives);
    let answers = forms.filter_map(|form| recording.answer_to(&form.replace(ITEM, item)));
    let answer = answers.map(str::to_owned).find(|answer| !answer.trim().is_empty())?;
    let start = command.strip_before.as_ref().and_then(|regex| regex.find(&answer)).map_or(0, |m| m.start());
    let answer = &answer[start..];
    let end = command.strip_after.as_ref().and_then(|regex| regex.find_iter(answer).last());
    let text = without_blank_end(&answer[..end.map_or(answer.len(), |m| m.end())]);
    Some(if text.is_empty() { String::new() } else { format!("{text}\n") })
}

/// The part's text as the recording has it; none for a part that comes of a loop or of alternatives.
fn whole_text(driver: &Driver, recording: &Recording, part: &str) -> Option<String> {
    let mut commands = driver.commands.iter().filter(|command| command.part.as_deref() == Some(part));
    commands.clone().next()?;
    let is_plain =
        commands.clone().all(|command| command.alternatives.is_empty() && command.conditions.is_empty());
    is_plain.then(|| commands.by_ref().filter_map(|command| expected(command, recording, "")).collect())
}

#[tokio::test]
async fn every_recorded_session_ends_as_it_should_and_gives_whole_texts() {
    let drivers = DriverSet::built_in();
    let recordings = recordings();
    let wrong = join_all(recordings.iter().map(|(name, recording)| problem(&drivers, name, recording))).await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), recordings.len(), wrong.join("\n"));
}

/// What is wrong with a rehearsal.
async fn problem(drivers: &DriverSet, name: &str, recording: &Recording) -> Option<String> {
    let Some(driver) = drivers.get(&recording.platform) else {
        return Some(format!("{name}: there is no driver {}", recording.platform));
    };
    let outcome = rehearse(&driver, recording, &limits()).await;
    if outcome.class != recording.expect {
        let transcript = outcome.transcript.unwrap_or_default();
        let end: Vec<&str> = transcript.lines().rev().take(12).collect();
        let end = end.into_iter().rev().collect::<Vec<_>>().join("\n    | ");
        return Some(format!("{name}: {}: {}\n    | {end}", outcome.class, outcome.message));
    }
    let differs = |part: &&super::PartText| {
        whole_text(&driver, recording, &part.part).is_some_and(|whole| whole != part.text)
    };
    let part = outcome.parts.iter().find(differs)?;
    Some(format!("{name}: the part {} is not what was recorded:\n{}", part.part, part.text))
}

#[tokio::test]
async fn however_a_session_is_split_its_texts_are_the_same() {
    let times = if std::env::var_os("ETIQA_TEST_LONG").is_some() { 100 } else { 4 };
    let limits =
        Limits { step: Duration::from_secs(30), deadline: Duration::from_mins(2), ..Limits::default() };
    let (drivers, recordings) = (DriverSet::built_in(), recordings());
    let mut runner = TestRunner::deterministic();
    let mut splits = Vec::new();
    for (name, recording) in recordings.iter().filter(|(_, recording)| !recording.is_exec) {
        for _ in 0..times {
            let places = proptest::collection::btree_set(1_usize..8_000, 1..120);
            // Shorter and longer than a device must rest at a prompt.
            let pause = proptest::sample::select(vec![0, 0, 2, 30]);
            let (places, pause) = (places, pause).new_tree(&mut runner).unwrap().current();
            splits.push((name, recording, places, Duration::from_millis(pause)));
        }
    }
    let wrong = stream::iter(splits).map(async |(name, recording, places, pause)| {
        let driver = drivers.get(&recording.platform)?;
        let whole = rehearse(&driver, recording, &limits).await;
        let split = rehearse_split(&driver, recording, &limits, places.clone(), pause).await?;
        let is_same = (split.class, &split.parts) == (whole.class, &whole.parts);
        (!is_same).then(|| format!("{name}, {pause:?} at {places:?}: {}: {}", split.class, split.message))
    });
    let wrong: Vec<String> = wrong.buffer_unordered(32).filter_map(async |wrong| wrong).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_built_in_driver_has_a_recorded_session_and_says_what_it_was_checked_against() {
    let recorded: BTreeSet<String> =
        recordings().into_iter().map(|(_, recording)| recording.platform).collect();
    for driver in DriverSet::built_in().iter() {
        assert!(recorded.contains(driver.name()), "{} has no recording", driver.name());
        assert!(driver.checked().is_some(), "{} does not say what it was checked against", driver.name());
        assert!(driver.warnings().is_empty(), "{}: {:?}", driver.name(), driver.warnings());
    }
}

#[tokio::test]
async fn every_recorded_device_is_recognised_as_what_it_is() {
    let drivers = DriverSet::built_in();
    let recordings = recordings();
    // One that is only chosen by hand says nothing of how it is recognised.
    let is_recognised = |platform: &str| {
        drivers.get(platform).is_some_and(|driver| {
            driver.text().contains("[identify]") || driver.text().contains("[[identify")
        })
    };
    let shells = recordings.iter().filter(|(_, recording)| {
        !recording.is_exec && recording.expect == Class::Ok && is_recognised(&recording.platform)
    });
    let wrong = join_all(shells.map(async |(name, recording)| {
        let found = rehearse_identification(&drivers, recording, &limits()).await;
        let is_right = found.as_deref() == Some(recording.platform.as_str());
        (!is_right).then(|| format!("{name} is taken for {found:?}"))
    }))
    .await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
