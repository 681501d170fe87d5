//! Which words of a changed line changed.

use etiqa_model::config::DiffSpan;
use imara_diff::{Algorithm, Diff, InternedInput, TokenSource};

use super::span;

/// Two lines are the same line, changed, when at least half of their letters are in words they share.
const SIMILAR_ENOUGH: f64 = 0.5;

/// A removed line is compared with so many added ones: enough for a few lines put in between, and the cost of a long
/// hunk stays in proportion to its length.
const REACH: usize = 8;

/// Longer lines (certificates, blobs) are shown without marks, in bytes.
const LONGEST: usize = 4_096;

/// In a longer change, in lines of both sides, words are not marked: it is a new text, not an edited one.
const LONGEST_CHANGE: usize = 400;

/// The spans of each removed and each added line.
pub(super) struct Marked {
    pub(super) removed: Vec<Vec<DiffSpan>>,
    pub(super) added: Vec<Vec<DiffSpan>>,
}

/// Pairs removed with added lines, in order, and marks what differs in each pair. A line without a pair is one span
/// without a mark. The spans of a line make up the whole line.
pub(super) fn mark(removed: &[&str], added: &[&str]) -> Marked {
    let plain = |lines: &[&str]| lines.iter().map(|line| vec![span(line, false)]).collect::<Vec<_>>();
    let mut marked = Marked { removed: plain(removed), added: plain(added) };
    if removed.len() + added.len() > LONGEST_CHANGE {
        return marked;
    }
    let mut next = 0;
    for (position, old) in removed.iter().enumerate() {
        let within_reach = added.iter().enumerate().skip(next).take(REACH);
        let best = within_reach
            .filter_map(|(partner, new)| compare(old, new).map(|pair| (partner, pair)))
            // The first of equally similar ones: `max_by` would take the last.
            .reduce(|best, other| if other.1.similarity > best.1.similarity { other } else { best });
        if let Some((partner, pair)) = best {
            marked.removed[position] = pair.old;
            marked.added[partner] = pair.new;
            next = partner + 1;
        }
    }
    marked
}

/// Two lines that are one line, changed.
struct Pair {
    similarity: f64,
    old: Vec<DiffSpan>,
    new: Vec<DiffSpan>,
}

/// The lines as a pair; none where they have too little in common.
fn compare(old: &str, new: &str) -> Option<Pair> {
    if old.len().max(new.len()) > LONGEST {
        return None;
    }
    let input = InternedInput::new(Line(old), Line(new));
    let diff = Diff::compute(Algorithm::Myers, &input);
    let letters = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).count();
    let is_common = |word: &usize| !diff.is_removed(*word as u32);
    let words: Vec<&str> = input.before.iter().map(|word| input.interner[*word]).collect();
    let common: usize = (0..words.len()).filter(is_common).map(|word| letters(words[word])).sum();
    let all = letters(old) + letters(new);
    let similarity = if all == 0 { 0.0 } else { 2.0 * common as f64 / all as f64 };
    (similarity >= SIMILAR_ENOUGH).then(|| Pair {
        similarity,
        old: spans(words.iter().enumerate().map(|(word, text)| (*text, diff.is_removed(word as u32)))),
        new: spans(
            input
                .after
                .iter()
                .enumerate()
                .map(|(word, token)| (input.interner[*token], diff.is_added(word as u32))),
        ),
    })
}

/// Joins neighbours with the same mark.
fn spans<'a>(words: impl Iterator<Item = (&'a str, bool)>) -> Vec<DiffSpan> {
    let mut spans: Vec<DiffSpan> = Vec::new();
    for (text, marked) in words {
        match spans.last_mut() {
            Some(last) if last.marked == marked => last.text.push_str(text),
            _ => spans.push(span(text, marked)),
        }
    }
    if spans.is_empty() { vec![span("", false)] } else { spans }
}

/// A line, to be taken as words.
struct Line<'a>(&'a str);

/// The words of a line. An address, an interface name and a hash are one word each, because a person reads them as
/// one: only white space and the marks that structure a configuration separate words.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = Class::of(self.0.chars().next()?);
        let end = match first {
            Class::Mark => self.0.chars().next().map_or(0, char::len_utf8),
            class => self.0.find(|c| Class::of(c) != class).unwrap_or(self.0.len()),
        };
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(word)
    }
}

#[derive(PartialEq)]
enum Class {
    Space,
    Mark,
    Word,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            c if c.is_whitespace() => Self::Space,
            '{' | '}' | '[' | ']' | '(' | ')' | '<' | '>' | ',' | ';' | '=' | '|' | '"' | '\'' => Self::Mark,
            _ => Self::Word,
        }
    }
}

impl<'a> TokenSource for Line<'a> {
    type Token = &'a str;
    type Tokenizer = Words<'a>;

    fn tokenize(&self) -> Words<'a> {
        Words(self.0)
    }

    fn estimate_tokens(&self) -> u32 {
        (self.0.len() / 4) as u32
    }
}
