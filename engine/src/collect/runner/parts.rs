//! From answers to parts: rejections, what is stripped, completeness, facts. All of it or nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use etiqa_model::class::Class;
use regex::Regex;

use super::plan::rejected;
use crate::collect::clean::without_blank_end;
use crate::collect::compare::{PLACEHOLDER, compare_text};
use crate::collect::completeness;
use crate::collect::driver::{AnswerRule, Command, Condition, Driver, ITEM, Unsaved, is_part_of};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::outcome::{Facts, PartText};
use crate::collect::redact::redact;
use crate::collect::rejection::rejecting_line;
use crate::collect::trace::lines_around;
use crate::hex::sha256_hex;

/// A device that lists more than this is not believed.
const MOST_ITEMS: usize = 500;
const LONGEST_ITEM: usize = 64;

/// What a whole session gave.
#[derive(Debug)]
pub(in crate::collect) struct Collected {
    pub(in crate::collect) parts: Vec<PartText>,
    /// Parts that the device may leave out and did, by name.
    pub(super) left_out: Vec<String>,
    pub(super) facts: Facts,
}

/// The answers to a driver's commands, in the order they came.
#[derive(Debug, Default)]
pub(in crate::collect) struct Answers {
    answers: Vec<Answer>,
    /// Whether the last answer may still get text that comes late.
    is_open: bool,
}

#[derive(Debug)]
struct Answer {
    /// The command's place in the driver.
    command: usize,
    item: Option<String>,
    /// What was sent.
    sent: String,
    /// None: the device left it out, which it may.
    text: Option<String>,
}

impl Answers {
    pub(super) fn push(&mut self, command: usize, item: Option<&str>, sent: String, text: String) {
        self.answers.push(Answer { command, item: item.map(str::to_owned), sent, text: Some(text) });
        self.is_open = true;
    }

    /// The device refused a command that it may refuse.
    pub(super) fn push_refused(&mut self, command: usize, item: Option<&str>) {
        self.answers.push(Answer { command, item: item.map(str::to_owned), sent: String::new(), text: None });
        self.is_open = false;
    }

    /// Adds what came late; before the first answer there is nothing that it could belong to.
    pub(super) fn append_to_last(&mut self, leftover: &str) {
        if let (true, Some(Answer { text: Some(text), .. })) = (self.is_open, self.answers.last_mut()) {
            text.push_str(leftover);
        }
    }

    /// What comes late from now on belongs to none of the answers.
    pub(super) fn close(&mut self) {
        self.is_open = false;
    }

    /// Whether all of `conditions` hold.
    pub(super) fn meet(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|condition| {
            let text = self.text_of(condition.rule.command);
            text.is_some_and(|text| condition.rule.pattern.is_match(text)) == condition.on_match
        })
    }

    /// The items that `rule` finds, each once. They become parts of commands, so hostile ones are refused.
    pub(super) fn items(&self, rule: &AnswerRule) -> Step<Vec<String>> {
        let Some(text) = self.text_of(rule.command) else { return Ok(Vec::new()) };
        let mut items: Vec<String> = Vec::new();
        let mut known = BTreeSet::new();
        for item in rule.pattern.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str().trim())) {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
            if item.is_empty() || item.len() > LONGEST_ITEM || !item.chars().all(is_plain) {
                let message =
                    format!("The device lists “{}”, which cannot be put into a command.", excerpt(item, 60));
                return Err(Failure::new(Class::CommandRejected, message));
            }
            if known.insert(item) {
                items.push(item.to_owned());
            }
        }
        if items.len() > MOST_ITEMS {
            let message = format!("The device lists {} items, more than {MOST_ITEMS}.", items.len());
            return Err(Failure::new(Class::TooLarge, message));
        }
        Ok(items)
    }

    fn text_of(&self, command: usize) -> Option<&str> {
        self.answers.iter().find(|answer| answer.command == command)?.text.as_deref()
    }

    /// Checks every answer and every part.
    pub(in crate::collect) fn into_collected(
        mut self,
        driver: &Driver,
        evidence: &mut Evidence,
    ) -> Step<Collected> {
        for answer in &mut self.answers {
            // Again, now that everything that came late is there.
            let Some(text) = &answer.text else { continue };
            // What stands in a file is no answer to a command.
            if driver.commands[answer.command].is_file {
                continue;
            }
            match rejecting_line(&driver.rejections, text) {
                Some(_) if driver.commands[answer.command].optional => answer.text = None,
                Some(line) => return Err(rejected(driver, &answer.sent, line)),
                None => {}
            }
        }
        let facts = self.facts(driver);
        let mut parts = Vec::new();
        let mut left_out = Vec::new();
        for (name, answers) in self.into_parts(driver) {
            match part(driver, &name, answers, evidence)? {
                Some(part) => parts.push(part),
                None => left_out.push(name),
            }
        }
        if parts.is_empty() {
            let message = "The device gave none of the parts: it rejected every command.";
            return Err(Failure::new(Class::CommandRejected, message));
        }
        let unsaved = compare(driver, &mut parts);
        let facts = Facts { unsaved: facts.unsaved.or(unsaved), ..facts };
        Ok(Collected { parts, left_out, facts })
    }

    fn facts(&self, driver: &Driver) -> Facts {
        let fact = |rule: &Option<AnswerRule>| {
            let rule = rule.as_ref()?;
            let value = rule.pattern.captures(self.text_of(rule.command)?)?.get(1)?.as_str().trim();
            (!value.is_empty()).then(|| value.chars().take(200).collect())
        };
        let unsaved = match &driver.unsaved {
            Some(Unsaved::Answer(rule)) => self.text_of(rule.command).map(|text| rule.pattern.is_match(text)),
            _ => None,
        };
        Facts {
            model: fact(&driver.facts.model),
            serial: fact(&driver.facts.serial),
            os_version: fact(&driver.facts.os_version),
            unsaved,
        }
    }

    /// The answers by part, in the order of the commands; the parts of a loop by item.
    fn into_parts(self, driver: &Driver) -> Vec<(String, Vec<Answer>)> {
        let mut parts: Vec<(String, Option<String>, Vec<Answer>)> = Vec::new();
        for answer in self.answers {
            let Some(template) = &driver.commands[answer.command].part else { continue };
            let same = |(_, item, answers): &&mut (String, Option<String>, Vec<Answer>)| {
                let of = answers.first().and_then(|first| driver.commands[first.command].part.as_ref());
                *item == answer.item && of == Some(template)
            };
            if let Some((_, _, answers)) = parts.iter_mut().find(same) {
                answers.push(answer);
                continue;
            }
            let name = part_name(template, answer.item.as_deref());
            let clashes = parts.iter().filter(|(known, ..)| *known == name).count();
            // Two items that differ in what a name cannot show.
            let name = if clashes > 0 { format!("{name}-{}", clashes + 1) } else { name };
            parts.push((name, answer.item.clone(), vec![answer]));
        }
        parts.into_iter().map(|(name, _, answers)| (name, answers)).collect()
    }
}

fn part_name(template: &str, item: Option<&str>) -> String {
    let Some(item) = item else { return template.to_owned() };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    template.replace(ITEM, &item.chars().map(plain).collect::<String>())
}

/// Joins the answers of a part and checks that it is whole; none where every command of it was left out or, being
/// optional, said nothing.
fn part(
    driver: &Driver,
    name: &str,
    answers: Vec<Answer>,
    evidence: &mut Evidence,
) -> Step<Option<PartText>> {
    let is_optional = answers.iter().all(|answer| driver.commands[answer.command].optional);
    let mut joined: Option<String> = None;
    let mut cut = Vec::new();
    for Answer { command, text, .. } in answers {
        let Some(mut text) = text else { continue };
        let kept = kept(&driver.commands[command], &text);
        if evidence.trace.is_some() {
            cut.extend(lines_around(&text, &kept));
        }
        match &mut joined {
            Some(joined) => joined.push_str(&text[kept]),
            // Nearly always the only one: it stays where it is, for it may be large.
            None => {
                text.truncate(kept.end);
                text.drain(..kept.start);
                joined = Some(text);
            }
        }
        if let Some(joined) = joined.as_mut().filter(|joined| !joined.is_empty() && !joined.ends_with('\n')) {
            joined.push('\n');
        }
    }
    let Some(text) = joined else { return Ok(None) };
    let rule = driver.complete.iter().find(|rule| is_part_of(&rule.part, name));
    if text.is_empty() && rule.is_none() && is_optional {
        return Ok(None);
    }
    if let Some(trace) = &mut evidence.trace {
        trace.part(driver, name, &text, &cut);
    }
    let incomplete = |message: &str| Failure::new(Class::Incomplete, redact(driver, message));
    if let Some(rule) = rule {
        completeness::check(rule, name, &text).map_err(|message| incomplete(&message))?;
    }
    completeness::not_empty(name, &text).map_err(|message| incomplete(&message))?;
    Ok(Some(PartText { part: name.to_owned(), text, compare_sha256: String::new() }))
}

/// Where in `answer` the text stands that counts.
fn kept(command: &Command, answer: &str) -> Range<usize> {
    let start = command.strip_before.as_ref().and_then(|regex| regex.find(answer)).map_or(0, |m| m.start());
    let rest = &answer[start..];
    let end = command.strip_after.as_ref().and_then(|regex| regex.find_iter(rest).last());
    let text = without_blank_end(&rest[..end.map_or(rest.len(), |m| m.end())]);
    start..start + text.len()
}

/// Notes what each part is compared by. Whether two that should say the same differ, where the driver names such.
fn compare(driver: &Driver, parts: &mut [PartText]) -> Option<bool> {
    let compared: Vec<Cow<'_, str>> =
        parts.iter().map(|part| compare_text(driver, &part.part, &part.text)).collect();
    let unsaved = match &driver.unsaved {
        Some(Unsaved::Parts { running, startup, ignore }) => {
            let text = |name: &str| Some(&*compared[parts.iter().position(|part| part.part == name)?]);
            text(running).zip(text(startup)).map(|(running, startup)| differ(running, startup, ignore))
        }
        _ => None,
    };
    let hashes: Vec<String> = compared.iter().map(|text| sha256_hex(text.as_bytes())).collect();
    for (part, hash) in parts.iter_mut().zip(hashes) {
        part.compare_sha256 = hash;
    }
    unsaved
}

/// Whether two texts differ in more than the lines that `ignore` names.
fn differ(mut running: &str, mut startup: &str, ignore: &[Regex]) -> bool {
    // A line that changes by itself, as a whole, may stand in one of the texts only.
    let is_left_out = |line: &str| {
        line.is_empty() || line.trim() == PLACEHOLDER || ignore.iter().any(|regex| regex.is_match(line))
    };
    loop {
        // Lines that stand in both need no look at the rules: whatever these say, they say it of both.
        let same = common_lines(running, startup);
        (running, startup) = (&running[same..], &startup[same..]);
        let (one, after_one) = first_line(running);
        let (other, after_other) = first_line(startup);
        match (one, other) {
            (Some(one), Some(other)) if one == other => (running, startup) = (after_one, after_other),
            (Some(line), _) if is_left_out(line) => running = after_one,
            (_, Some(line)) if is_left_out(line) => startup = after_other,
            (one, other) => return one.is_some() || other.is_some(),
        }
    }
}

/// The first line without the white space at its end, and what follows it.
fn first_line(text: &str) -> (Option<&str>, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    ((!text.is_empty()).then_some(line.trim_end()), rest)
}

/// How many bytes of whole lines both texts begin with.
fn common_lines(one: &str, other: &str) -> usize {
    const AT_ONCE: usize = 64;
    let chunks = one.as_bytes().chunks(AT_ONCE).zip(other.as_bytes().chunks(AT_ONCE));
    let same = chunks.take_while(|(one, other)| one == other).count() * AT_ONCE;
    let same = same.min(one.len()).min(other.len());
    let rest = one.bytes().zip(other.bytes()).skip(same).take_while(|(one, other)| one == other).count();
    one.as_bytes()[..same + rest].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::collect::DriverSet;

    fn ignored() -> Vec<Regex> {
        [r"^!", r"^ntp clock-period", r"^\s+quit\s*$"].map(|rule| Regex::new(rule).unwrap()).into()
    }

    #[test]
    fn what_is_saved_is_told_from_what_is_not() {
        let driver = DriverSet::built_in().get("ios").unwrap();
        let running = "Building configuration...\n\nCurrent configuration : 44 bytes\n!\nhostname a\nend\n";
        let saved = "Using 44 out of 2097152 bytes\n!\nhostname a \nend\n";
        let part = |part: &str, text: &str| PartText {
            part: part.into(),
            text: text.into(),
            compare_sha256: String::new(),
        };
        let said =
            |startup: &str| compare(&driver, &mut [part("running", running), part("startup", startup)]);
        assert_eq!(said(saved), Some(false));
        assert_eq!(said(&saved.replace("hostname a", "hostname b")), Some(true));
        assert_eq!(said(&saved.replace("end\n", "")), Some(true));
        assert_eq!(compare(&driver, &mut [part("running", running)]), None);
    }

    proptest! {
        #[test]
        fn skipping_common_lines_changes_nothing(
            running in "((hostname a|interface b| shutdown|!|quit| quit|ntp clock-period 1|end) {0,2}\n){0,12}",
            startup in "((hostname a|interface b| shutdown|!|quit| quit|ntp clock-period 2|end) {0,2}\n){0,12}",
        ) {
            let rules = ignored();
            let kept = |text: &str| -> Vec<String> {
                let lines = text.lines().map(str::trim_end);
                let kept = lines.filter(|line| !line.is_empty() && !rules.iter().any(|rule| rule.is_match(line)));
                kept.map(str::to_owned).collect()
            };
            prop_assert_eq!(differ(&running, &startup, &rules), kept(&running) != kept(&startup));
        }

        #[test]
        fn common_lines_are_common(text in "[ab\n]{0,200}", other in "[ab\n]{0,20}", at in 0_usize..200) {
            let at = at.min(text.len());
            let changed = format!("{}{other}{}", &text[..at], &text[at..]);
            let same = common_lines(&text, &changed);
            prop_assert_eq!(&text[..same], &changed[..same]);
            prop_assert!(same == 0 || text[..same].ends_with('\n'));
            prop_assert!(!text[same..at.max(same)].contains('\n'), "a whole line is left");
        }
    }
}
