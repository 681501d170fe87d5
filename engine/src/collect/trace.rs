//! What a rehearsal writes down for whoever writes a driver: each step, and what became of each part.

use std::ops::Range;

use etiqa_model::bench::{BenchCheck, BenchPart, BenchStep, StepKind};

use super::completeness;
use super::driver::{Driver, is_part_of};
use super::failure::excerpt;

/// Steps that are kept; a device that pages makes many.
const MOST_STEPS: usize = 300;
/// Lines of one kind that are kept of a part, and how long each may be.
const MOST_LINES: usize = 40;
const LONGEST_LINE: usize = 160;
/// What no rule need demand.
const NOT_EMPTY: &str = "not empty";
/// Bytes of a part's text that are kept.
const LONGEST_TEXT: usize = 128 * 1024;

/// Bounded, whatever the device says.
#[derive(Debug, Default)]
pub struct Trace {
    /// The first steps.
    pub steps: Vec<BenchStep>,
    /// How many more there were.
    pub more_steps: u64,
    /// Every part that was looked at.
    pub parts: Vec<BenchPart>,
}

impl Trace {
    pub(super) fn step(&mut self, kind: StepKind, text: &str) {
        if self.steps.len() < MOST_STEPS {
            self.steps.push(BenchStep { kind, text: excerpt(text, LONGEST_LINE) });
        } else {
            self.more_steps += 1;
        }
    }

    /// The text of a part before it is checked; `cut` are the lines that were stripped around it.
    pub(super) fn part(&mut self, driver: &Driver, name: &str, text: &str, cut: &[String]) {
        let mut spans = driver
            .volatile
            .iter()
            .filter(|rule| rule.part.as_deref().is_none_or(|only| is_part_of(only, name)))
            .flat_map(|rule| rule.pattern.find_iter(text));
        let shown = spans.by_ref().take(MOST_LINES);
        let volatile: Vec<String> = shown.map(|found| excerpt(found.as_str(), LONGEST_LINE)).collect();
        let volatile_spans = volatile.len() + spans.count();
        let masked: usize = driver.secrets.iter().map(|secret| secret.find_iter(text).count()).sum();
        let rule = driver.complete.iter().find(|rule| is_part_of(&rule.part, name));
        let checks = match rule {
            Some(rule) => completeness::findings(rule, name, text),
            // Without a rule it must say anything at all.
            None => {
                let empty = completeness::not_empty(name, text).err();
                empty.map(|problem| (NOT_EMPTY, Some(problem))).into_iter().collect()
            }
        };
        let shown = &text[..text.floor_char_boundary(LONGEST_TEXT)];
        self.parts.push(BenchPart {
            part: name.to_owned(),
            text: shown.to_owned(),
            lines: count(text.lines().count()),
            is_shortened: shown.len() < text.len(),
            cut: cut.iter().take(MOST_LINES).map(|line| excerpt(line, LONGEST_LINE)).collect(),
            cut_lines: count(cut.len()),
            volatile,
            volatile_spans: count(volatile_spans),
            masked: count(masked),
            checks: checks
                .into_iter()
                .map(|(rule, problem)| BenchCheck { rule: rule.to_owned(), problem })
                .collect(),
        });
    }
}

/// The lines of `answer` outside of what is kept of it.
pub(super) fn lines_around(answer: &str, kept: &Range<usize>) -> Vec<String> {
    let outside = answer[..kept.start].lines().chain(answer[kept.end..].lines());
    outside.filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A driver that demands nothing of its part.
    const DRIVER: &str = r#"title = "Small"
mode = "shell"

[prompt]
privileged = '(?P<host>\w+)#'

[[command]]
send = "show config"
part = "running"

[[volatile]]
pattern = '^uptime \d+'
"#;

    fn traced(text: &str) -> BenchPart {
        let mut trace = Trace::default();
        trace.part(&Driver::parse("small", DRIVER).unwrap(), "running", text, &[]);
        trace.parts.remove(0)
    }

    #[test]
    fn what_changes_by_itself_is_counted_further_than_it_is_shown() {
        let part = traced(&"uptime 7\n".repeat(MOST_LINES + 7));
        assert_eq!((part.volatile.len(), part.volatile_spans), (MOST_LINES, count(MOST_LINES + 7)));
    }

    #[test]
    fn a_part_without_a_rule_is_not_checked_unless_it_is_empty() {
        assert_eq!(traced("hostname sw\n").checks, []);
        let problems: Vec<_> = traced("").checks.into_iter().filter_map(|check| check.problem).collect();
        assert_eq!(problems, ["The part running is empty."]);
    }
}
