//! What a rule asks of a text, ready to be asked, and what the text answers.

use std::ops::Range;

use etiqa_model::rule::{NewRule, Wants};
use etiqa_model::search::{Case, Pattern};
use etiqa_model::{FieldError, UserError};
use regex::Regex;

use super::blocks::{Block, blocks};
use crate::history::search::line_regex;

/// Numbers of lines that are kept of one text and rule; all of them are counted.
pub(super) const MOST_LINES: usize = 20;

/// What a rule asks: its patterns as expressions that match within lines, in linear time.
#[derive(Debug)]
pub(super) struct Question {
    wants_presence: bool,
    patterns: Vec<Regex>,
    block: Option<Regex>,
}

/// What a text answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Whether the rule is broken.
    pub(super) broken: bool,
    /// Numbers of the first lines that tell, from 1.
    pub(super) lines: Vec<u32>,
    /// How many tell in all.
    pub(super) hits: u32,
}

/// What else there is to say of an answer, for who tries a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Particulars {
    /// Blocks that were looked into; none: the whole text was.
    pub(super) blocks: Option<usize>,
    /// Places of the patterns that the text, or one of its blocks, lacks although it should have them.
    pub(super) missing: Vec<usize>,
}

impl Question {
    /// The error names the fields whose expression cannot be one, or would be too large.
    pub(super) fn of(rule: &NewRule) -> Result<Self, UserError> {
        Self::made_of(rule.wants, &rule.patterns, rule.match_case, rule.block.as_deref())
    }

    /// The same of its parts.
    pub(super) fn made_of(
        wants: Wants,
        patterns: &[String],
        match_case: bool,
        block: Option<&str>,
    ) -> Result<Self, UserError> {
        let mut wrong = Vec::new();
        let mut complain =
            |field: &str, message: String| wrong.push(FieldError { field: field.to_owned(), message });
        let case = if match_case { Case::Exact } else { Case::Any };
        let kind = if wants.is_regex() { Pattern::Regex } else { Pattern::Text };
        let mut compiled = Vec::with_capacity(patterns.len());
        for (place, pattern) in patterns.iter().enumerate() {
            match line_regex(pattern, kind, case) {
                Ok(regex) => compiled.push(regex),
                // One line of several: which.
                Err(sentence) if patterns.len() > 1 => {
                    complain("patterns", format!("Line {}: {sentence}", place + 1));
                    break;
                }
                Err(sentence) => complain("patterns", sentence),
            }
        }
        let block = block.and_then(|block| {
            let compiled = line_regex(block, Pattern::Regex, case);
            compiled.map_err(|sentence| complain("block", sentence)).ok()
        });
        if wrong.is_empty() {
            Ok(Self { wants_presence: wants.is_presence(), patterns: compiled, block })
        } else {
            Err(UserError::in_fields(wrong))
        }
    }

    /// What the text answers. Costs a walk over it for each pattern, and one more where it is looked for blocks.
    pub(super) fn ask(&self, text: &str) -> Answer {
        let telling = match (&self.block, self.wants_presence) {
            (None, true) => {
                let broken = self.patterns.iter().any(|pattern| !has_line(text, pattern));
                return Answer { broken, lines: Vec::new(), hits: 0 };
            }
            (None, false) => self.matching(text),
            (Some(header), true) => {
                let found = blocks_of(text, header);
                let lacking = self.lacking(text, &found);
                let mut headers: Vec<usize> = lacking
                    .into_iter()
                    .flat_map(|(_, places)| places)
                    .map(|place| found[place].header)
                    .collect();
                headers.sort_unstable();
                headers.dedup();
                headers
            }
            (Some(header), false) => {
                let found = blocks_of(text, header);
                let mut lines = self.matching(text);
                keep_covered(&mut lines, &found);
                lines
            }
        };
        let numbers = telling.iter().take(MOST_LINES);
        Answer {
            broken: !telling.is_empty(),
            lines: numbers.map(|line| u32::try_from(line + 1).unwrap_or(u32::MAX)).collect(),
            hits: u32::try_from(telling.len()).unwrap_or(u32::MAX),
        }
    }

    /// What else there is to say of it.
    pub(super) fn particulars(&self, text: &str) -> Particulars {
        let found = self.block.as_ref().map(|header| blocks_of(text, header));
        let missing = match &found {
            _ if !self.wants_presence => Vec::new(),
            None => {
                let patterns = self.patterns.iter().enumerate();
                patterns.filter(|(_, pattern)| !has_line(text, pattern)).map(|(place, _)| place).collect()
            }
            Some(found) => self.lacking(text, found).into_iter().map(|(place, _)| place).collect(),
        };
        Particulars { blocks: found.map(|found| found.len()), missing }
    }

    /// Lines that one of the patterns matches, counted from 0, in order.
    fn matching(&self, text: &str) -> Vec<usize> {
        let mut lines: Vec<usize> =
            self.patterns.iter().flat_map(|pattern| matching_lines(text, pattern)).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// The patterns that some block lacks, each with the places of those blocks.
    fn lacking(&self, text: &str, found: &[Block]) -> Vec<(usize, Vec<usize>)> {
        let mut lacking = Vec::new();
        for (place, pattern) in self.patterns.iter().enumerate() {
            let lines = matching_lines(text, pattern);
            let has_none = |block: &Block| !has_one_within(&lines, &block.lines);
            let without: Vec<usize> = (0..found.len()).filter(|block| has_none(&found[*block])).collect();
            if !without.is_empty() {
                lacking.push((place, without));
            }
        }
        lacking
    }
}

/// Whether a line matches. Behind the end of the last line there is none.
fn has_line(text: &str, pattern: &Regex) -> bool {
    pattern.find(text).is_some_and(|hit| !is_behind(text, hit.start()))
}

fn is_behind(text: &str, at: usize) -> bool {
    at == text.len() && (text.is_empty() || text.ends_with('\n'))
}

/// The lines that a pattern matches, counted from 0, in order.
fn matching_lines(text: &str, pattern: &Regex) -> Vec<usize> {
    let (mut lines, mut number, mut counted, mut at) = (Vec::new(), 0, 0, 0);
    while let Some(hit) = pattern.find_at(text, at).filter(|hit| !is_behind(text, hit.start())) {
        number += text[counted..hit.start()].bytes().filter(|byte| *byte == b'\n').count();
        counted = hit.start();
        lines.push(number);
        let Some(end) = text[hit.start()..].find('\n') else { break };
        at = hit.start() + end + 1;
    }
    lines
}

fn blocks_of(text: &str, header: &Regex) -> Vec<Block> {
    let headers = matching_lines(text, header);
    let mut next = headers.into_iter().peekable();
    blocks(text.split('\n'), move |number| {
        while next.peek().is_some_and(|header| *header < number) {
            next.next();
        }
        next.peek() == Some(&number)
    })
}

/// Whether one of the sorted `lines` is within the range.
fn has_one_within(lines: &[usize], range: &Range<usize>) -> bool {
    let first = lines.partition_point(|line| *line < range.start);
    lines.get(first).is_some_and(|line| *line < range.end)
}

/// Keeps of the sorted `lines` those within one of the blocks, which are sorted by their beginning.
fn keep_covered(lines: &mut Vec<usize>, found: &[Block]) {
    let mut blocks = found.iter().peekable();
    let mut covered_to = 0;
    lines.retain(|line| {
        while let Some(block) = blocks.peek().filter(|block| block.lines.start <= *line) {
            covered_to = covered_to.max(block.lines.end);
            blocks.next();
        }
        *line < covered_to
    });
}

#[cfg(test)]
mod tests {
    use etiqa_model::rule::RuleInput;
    use proptest::prelude::*;

    use super::*;

    const CONFIG: &str = "hostname core\nsnmp-server community public RO\n!\nline con 0\n exec-timeout 5 0\n\
                          line vty 0 4\n transport input ssh\nline vty 5 15\n transport input telnet ssh\n!\nend\n";

    fn input(wants: &str, patterns: &str, block: &str) -> RuleInput {
        RuleInput {
            name: "x".into(),
            wants: wants.into(),
            patterns: patterns.into(),
            block: block.into(),
            ..RuleInput::default()
        }
    }

    fn question(wants: &str, patterns: &str, block: &str) -> Result<Question, UserError> {
        Question::of(&input(wants, patterns, block).parse().unwrap())
    }

    /// Whether it is broken, and the lines that tell.
    fn answer(wants: &str, patterns: &str, block: &str) -> (bool, Vec<u32>) {
        let Answer { broken, lines, hits } = question(wants, patterns, block).unwrap().ask(CONFIG);
        assert_eq!(hits as usize, lines.len());
        (broken, lines)
    }

    #[test]
    fn each_pattern_must_be_there_and_none_must_not() {
        assert_eq!(answer("contain", "HOSTNAME core\nend", ""), (false, vec![]));
        assert_eq!(answer("contain", "hostname core\nntp server", ""), (true, vec![]));
        assert_eq!(answer("not_contain", "telnet\ncommunity public", ""), (true, vec![2, 9]));
        assert_eq!(answer("not_contain", "ftp", ""), (false, vec![]));
        assert_eq!(answer("match", r"^hostname \S+$", ""), (false, vec![]));
        assert_eq!(answer("not_match", r"^snmp-server community (public|private)\b", ""), (true, vec![2]));
        let missing = question("contain", "end\nntp server\nsyslog", "").unwrap().particulars(CONFIG);
        assert_eq!(missing, Particulars { blocks: None, missing: vec![1, 2] });
    }

    #[test]
    fn within_blocks_each_of_them_is_asked_and_without_one_there_is_nothing_to_ask() {
        assert_eq!(answer("contain", "transport input", "^line vty"), (false, vec![]));
        assert_eq!(answer("match", "^ transport input ssh$", "^line vty"), (true, vec![8]));
        assert_eq!(answer("contain", "exec-timeout", "^line"), (true, vec![6, 8]));
        assert_eq!(answer("not_match", r"^\s+transport input.*\btelnet\b", "^line vty"), (true, vec![9]));
        assert_eq!(
            answer("not_contain", "exec-timeout", "^line vty"),
            (false, vec![]),
            "it is in another block"
        );
        assert_eq!(answer("contain", "anything", "^line aux"), (false, vec![]));
        let particulars = question("contain", "exec-timeout", "^line").unwrap().particulars(CONFIG);
        assert_eq!(particulars, Particulars { blocks: Some(3), missing: vec![0] });
    }

    #[test]
    fn case_counts_where_the_rule_says_so() {
        let exact = |patterns: &str| {
            let input = RuleInput { match_case: true, ..input("contain", patterns, "") };
            Question::of(&input.parse().unwrap()).unwrap().ask(CONFIG).broken
        };
        assert!(exact("HOSTNAME core") && !exact("hostname core"));
    }

    #[test]
    fn a_hostile_expression_is_refused_with_a_sentence_at_its_field() {
        let refused = |patterns: &str, block: &str| {
            let error = question("match", patterns, block).unwrap_err();
            (error.fields[0].field.clone(), error.message)
        };
        let too_large = "This regular expression is too large; make its repetitions smaller.";
        assert_eq!(refused("(a{1000}){1000}", ""), ("patterns".into(), too_large.into()));
        assert_eq!(refused("x", r"(\w{100}){100}"), ("block".into(), too_large.into()));
        assert_eq!(
            refused("x\n(a", "").1,
            "Line 2: This is not a regular expression: unclosed group, at character 1."
        );
        assert_eq!(refused("(a|a)*\\1", "").0, "patterns", "there are no back-references");
        assert!(question("contain", "(a", "").is_ok(), "a text is no expression");
    }

    #[test]
    fn what_takes_others_for_ever_takes_a_walk() {
        let evil = question("match", "^(a+)+$\n^(a|aa)+b$\n(.*)*x", "").unwrap();
        let text = format!("{}!\n", "a".repeat(100_000));
        assert!(evil.ask(&text).broken);
    }

    #[test]
    fn many_lines_that_tell_are_counted_and_the_first_are_kept() {
        let text = "telnet\n".repeat(1_000);
        let answer = question("not_contain", "telnet", "").unwrap().ask(&text);
        assert_eq!((answer.hits, answer.lines.len(), answer.lines[19]), (1_000, MOST_LINES, 20));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn the_lines_that_match_are_those_that_match_alone(
            lines in proptest::collection::vec("[ab ]{0,4}", 0..8),
            pattern in "(a|b| |\\.|\\^|\\$|a\\*|b\\+){1,4}",
            ends: bool,
        ) {
            let text = lines.join("\n") + if ends && !lines.is_empty() { "\n" } else { "" };
            let Ok(regex) = line_regex(&pattern, Pattern::Regex, Case::Exact) else { return Ok(()) };
            let alone = text.lines().enumerate().filter(|(_, line)| regex.is_match(line));
            let alone: Vec<usize> = alone.map(|(number, _)| number).collect();
            prop_assert_eq!(has_line(&text, &regex), !alone.is_empty());
            prop_assert_eq!(matching_lines(&text, &regex), alone);
        }

        #[test]
        fn blocks_answer_as_if_each_were_asked_alone(
            lines in proptest::collection::vec("[ ]{0,2}(h|x|y|\\}|h \\{)", 0..12),
            wants in "(not_)?contain",
        ) {
            let text = lines.join("\n");
            let asked = question(&wants, "x", "^ *h").unwrap().ask(&text);
            let texts: Vec<&str> = text.split('\n').collect();
            let found = blocks(texts.iter().copied(), |number| texts[number].trim_start().starts_with('h'));
            let has_x = |block: &Block| texts[block.lines.clone()].iter().any(|line| line.contains('x'));
            let broken = if wants == "contain" { !found.iter().all(has_x) } else { found.iter().any(has_x) };
            prop_assert_eq!(asked.broken, broken);
        }
    }
}
