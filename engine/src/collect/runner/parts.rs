//! From answers to parts: rejections, what is stripped, completeness, facts. All of it or nothing.

use std::collections::BTreeSet;
use std::ops::Range;

use etiqa_model::class::Class;

use super::plan::rejected;
use crate::collect::clean::without_blank_end;
use crate::collect::compare::{PLACEHOLDER, compare_text};
use crate::collect::completeness;
use crate::collect::driver::{AnswerRule, Command, Condition, Driver, ITEM, Unsaved, is_part_of};
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::outcome::{Facts, PartText};
use crate::collect::redact::redact;
use crate::collect::rejection::rejecting_line;

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
    pub(in crate::collect) fn into_collected(mut self, driver: &Driver) -> Step<Collected> {
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
            match part(driver, &name, answers)? {
                Some(part) => parts.push(part),
                None => left_out.push(name),
            }
        }
        if parts.is_empty() {
            let message = "The device gave none of the parts: it rejected every command.";
            return Err(Failure::new(Class::CommandRejected, message));
        }
        let unsaved = unsaved(driver, &parts);
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
fn part(driver: &Driver, name: &str, answers: Vec<Answer>) -> Step<Option<PartText>> {
    let is_optional = answers.iter().all(|answer| driver.commands[answer.command].optional);
    let mut joined: Option<String> = None;
    for Answer { command, text, .. } in answers {
        let Some(mut text) = text else { continue };
        let kept = kept(&driver.commands[command], &text);
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
    let incomplete = |message: &str| Failure::new(Class::Incomplete, redact(driver, message));
    if let Some(rule) = rule {
        completeness::check(rule, name, &text).map_err(|message| incomplete(&message))?;
    }
    if text.is_empty() {
        return Err(incomplete(&format!("The part {name} is empty.")));
    }
    Ok(Some(PartText { part: name.to_owned(), text }))
}

/// Where in `answer` the text stands that counts.
fn kept(command: &Command, answer: &str) -> Range<usize> {
    let start = command.strip_before.as_ref().and_then(|regex| regex.find(answer)).map_or(0, |m| m.start());
    let rest = &answer[start..];
    let end = command.strip_after.as_ref().and_then(|regex| regex.find_iter(rest).last());
    let text = without_blank_end(&rest[..end.map_or(rest.len(), |m| m.end())]);
    start..start + text.len()
}

/// Whether two parts that should say the same differ, volatile spans and ignored lines aside.
fn unsaved(driver: &Driver, parts: &[PartText]) -> Option<bool> {
    let Some(Unsaved::Parts { running, startup, ignore }) = &driver.unsaved else { return None };
    let text = |name: &str| {
        let part = parts.iter().find(|part| part.part == name)?;
        Some(compare_text(driver, name, &part.text))
    };
    let (running, startup) = (text(running)?, text(startup)?);
    let [mut running, mut startup] =
        [&running, &startup].map(|text| text.lines().map(str::trim_end).peekable());
    // A line that changes by itself, as a whole, may stand in one of the texts only.
    let is_left_out = |line: &str| {
        line.is_empty() || line.trim() == PLACEHOLDER || ignore.iter().any(|regex| regex.is_match(line))
    };
    // Lines that stand in both need no look at the rules: whatever these say, they say it of both.
    loop {
        match (running.peek(), startup.peek()) {
            (Some(one), Some(other)) if one == other => {
                running.next();
                startup.next();
            }
            (Some(line), _) if is_left_out(line) => drop(running.next()),
            (_, Some(line)) if is_left_out(line) => drop(startup.next()),
            (one, other) => return Some(one.is_some() || other.is_some()),
        }
    }
}
