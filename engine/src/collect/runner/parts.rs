//! From answers to parts: rejections, what is stripped, completeness, facts. All of it or nothing.

use etiqa_model::class::Class;

use crate::collect::clean::with_one_newline_at_the_end;
use crate::collect::completeness;
use crate::collect::driver::{Command, Driver, FactRule};
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::outcome::{Facts, PartText};
use crate::collect::redact::redact;
use crate::collect::rejection::rejecting_line;

/// What a whole session gave.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) parts: Vec<PartText>,
    pub(super) facts: Facts,
}

/// The answers to a driver's commands, in order; none for one that the device may leave out and did.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<Option<String>>);

impl Answers {
    pub(super) fn push(&mut self, answer: String) {
        self.0.push(Some(answer));
    }

    pub(super) fn push_nothing(&mut self) {
        self.0.push(None);
    }

    /// Adds what came late; before the first answer there is nothing that it could belong to.
    pub(super) fn append_to_last(&mut self, leftover: &str) {
        if let Some(Some(answer)) = self.0.last_mut() {
            answer.push_str(leftover);
        }
    }

    /// Checks every answer and every part.
    pub(super) fn into_collected(mut self, driver: &Driver) -> Step<Collected> {
        for (answer, command) in self.0.iter_mut().zip(&driver.commands) {
            let rejection = answer.as_deref().and_then(|text| rejecting_line(&driver.rejections, text));
            match rejection {
                Some(_) if command.optional => *answer = None,
                Some(line) => return Err(rejected(driver, command, line)),
                None => {}
            }
        }
        let facts = Facts {
            model: self.fact(driver, driver.facts.model.as_ref()),
            serial: self.fact(driver, driver.facts.serial.as_ref()),
            os_version: self.fact(driver, driver.facts.os_version.as_ref()),
        };
        let mut parts = Vec::new();
        for name in driver.parts() {
            if let Some(part) = self.take_part(driver, name)? {
                parts.push(part);
            }
        }
        if parts.is_empty() {
            let message = "The device gave none of the parts: it rejected every command.";
            return Err(Failure::new(Class::CommandRejected, message));
        }
        Ok(Collected { parts, facts })
    }

    /// Joins the answers of a part; none where every command of it was left out or, being optional, said nothing.
    fn take_part(&mut self, driver: &Driver, name: &str) -> Step<Option<PartText>> {
        let mut joined: Option<String> = None;
        for (answer, command) in self.0.iter_mut().zip(&driver.commands) {
            if command.part.as_deref() != Some(name) {
                continue;
            }
            if let Some(answer) = answer.take() {
                joined
                    .get_or_insert_default()
                    .push_str(&with_one_newline_at_the_end(stripped(command, &answer)));
            }
        }
        let Some(text) = joined else { return Ok(None) };
        let rule = driver.complete.iter().find(|rule| rule.part == name);
        if text.is_empty() && rule.is_none() && is_optional(driver, name) {
            return Ok(None);
        }
        let incomplete = |message: &str| Failure::new(Class::Incomplete, redact(driver, message));
        if let Some(rule) = rule {
            completeness::check(rule, &text).map_err(|message| incomplete(&message))?;
        }
        if text.is_empty() {
            return Err(incomplete(&format!("The part {name} is empty.")));
        }
        Ok(Some(PartText { part: name.to_owned(), text }))
    }

    fn fact(&self, driver: &Driver, rule: Option<&FactRule>) -> Option<String> {
        let rule = rule?;
        let index = driver.commands.iter().position(|command| command.send == rule.command)?;
        let value = rule.pattern.captures(self.0.get(index)?.as_deref()?)?.get(1)?.as_str().trim();
        (!value.is_empty()).then(|| value.chars().take(200).collect())
    }
}

/// A device need not have what only optional commands ask for.
fn is_optional(driver: &Driver, part: &str) -> bool {
    let mut commands = driver.commands.iter().filter(|command| command.part.as_deref() == Some(part));
    commands.all(|command| command.optional)
}

fn stripped<'a>(command: &Command, answer: &'a str) -> &'a str {
    let start = command.strip_before.as_ref().and_then(|regex| regex.find(answer)).map_or(0, |m| m.start());
    &answer[start..]
}

fn rejected(driver: &Driver, command: &Command, line: &str) -> Failure {
    let line = excerpt(&redact(driver, line), 120);
    let message = format!("The device rejected `{}`: “{line}”.", excerpt(&command.send, 60));
    Failure::new(Class::CommandRejected, message)
}
