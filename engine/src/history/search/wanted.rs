//! What a pattern wants of a text: grams that every text has in which it matches. Some that have them do not match; the
//! regular expression decides about each.
//!
//! A pattern is walked for the strings that a match is made of: neighbours are joined, alternatives kept beside each
//! other as long as they are few. What could be anything (`.*`, `\d`) wants nothing and parts what is beside it.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::gram::{Gram, fold, fold_char};
use super::masked::unmasked_grams;

/// Strings that one place of a pattern may be, at most.
const MOST_STRINGS: usize = 16;
/// Alternatives that the index is asked for, at most.
const MOST_ALTERNATIVES: usize = 32;
/// Grams of one alternative, at most: more of them hardly narrow it further.
const MOST_GRAMS: usize = 16;
/// Characters of a class that is taken as so many strings, before those that differ in case only are joined.
const MOST_CHARACTERS: u32 = 48;
/// A string that repeats is written out so often at most.
const MOST_REPEATS: u32 = 4;

/// What is wanted of a text: all grams of one of these sets. An empty set is there in every text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    alternatives: Vec<Vec<Gram>>,
}

/// Which texts are searched, as they are or masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As they are.
    Plain,
    /// Secrets masked; the index knows only of what is under the mask.
    Masked,
}

impl Wanted {
    /// What every text has that `hir` matches in.
    pub(super) fn of(hir: &Hir, reading: Reading) -> Self {
        match walk(hir, reading) {
            Place::Strings(strings) => Self::of_strings(&strings, reading),
            Place::Wants(wanted) => wanted,
        }
    }

    /// The sets of grams; none: every text may match.
    pub fn alternatives(&self) -> Option<&[Vec<Gram>]> {
        (!self.alternatives.iter().any(Vec::is_empty)).then_some(&self.alternatives)
    }

    /// What every text has that `search` finds something in, searched as it is.
    #[cfg(test)]
    pub(crate) fn of_search(search: &etiqa_model::search::Search) -> Result<Self, etiqa_model::UserError> {
        super::pattern::Compiled::of(search, Reading::Plain).map(|compiled| compiled.wanted)
    }

    /// Nothing: every text may match.
    pub(super) fn nothing() -> Self {
        Self { alternatives: vec![Vec::new()] }
    }

    /// One of the strings.
    fn of_strings(strings: &[Vec<u8>], reading: Reading) -> Self {
        let grams = |string: &Vec<u8>| spread(unmasked_grams(string, reading));
        Self { alternatives: strings.iter().map(grams).collect() }.tidied()
    }

    /// Both.
    fn and(self, other: Self) -> Self {
        let all = self.alternatives.len() * other.alternatives.len();
        if all > MOST_ALTERNATIVES {
            // One of the two is wanted in any case: the one with fewer alternatives picks better.
            return if self.alternatives.len() <= other.alternatives.len() { self } else { other };
        }
        let mut alternatives = Vec::with_capacity(all);
        for ours in &self.alternatives {
            alternatives.extend(
                other.alternatives.iter().map(|theirs| spread(ours.iter().chain(theirs).copied().collect())),
            );
        }
        Self { alternatives }.tidied()
    }

    /// One of them.
    fn or(self, other: Self) -> Self {
        Self { alternatives: [self.alternatives, other.alternatives].concat() }.tidied()
    }

    fn tidied(mut self) -> Self {
        self.alternatives.sort();
        self.alternatives.dedup();
        if self.alternatives.iter().any(Vec::is_empty) || self.alternatives.len() > MOST_ALTERNATIVES {
            return Self::nothing();
        }
        self
    }
}

/// A place of a pattern.
enum Place {
    /// It is exactly one of these strings, folded.
    Strings(Vec<Vec<u8>>),
    /// It is something that has these grams.
    Wants(Wanted),
}

fn walk(hir: &Hir, reading: Reading) -> Place {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Place::Strings(vec![Vec::new()]),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => Place::Strings(vec![fold(text)]),
            Err(_) => Place::Wants(Wanted::nothing()),
        },
        HirKind::Class(class) => {
            strings_of(class).map_or_else(|| Place::Wants(Wanted::nothing()), Place::Strings)
        }
        HirKind::Capture(capture) => walk(&capture.sub, reading),
        HirKind::Repetition(repetition) => walk_repetition(repetition, reading),
        HirKind::Concat(places) => walk_row(places, reading),
        HirKind::Alternation(places) => walk_alternatives(places, reading),
    }
}

/// The strings of a class of few characters.
fn strings_of(class: &Class) -> Option<Vec<Vec<u8>>> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) if class.is_ascii() => {
            class.iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
        }
        Class::Bytes(_) => return None,
    };
    let count = |(first, last): &(char, char)| u32::from(*last) - u32::from(*first) + 1;
    if ranges.iter().map(count).sum::<u32>() > MOST_CHARACTERS {
        return None;
    }
    let mut folded: Vec<char> =
        ranges.into_iter().flat_map(|(first, last)| first..=last).map(fold_char).collect();
    folded.sort_unstable();
    folded.dedup();
    let strings = folded.into_iter().map(|c| c.to_string().into_bytes()).collect::<Vec<_>>();
    (strings.len() <= MOST_STRINGS).then_some(strings)
}

fn walk_repetition(repetition: &Repetition, reading: Reading) -> Place {
    let inner = walk(&repetition.sub, reading);
    let strings = match inner {
        Place::Strings(strings) => strings,
        Place::Wants(wanted) if repetition.min > 0 => return Place::Wants(wanted),
        Place::Wants(_) => return Place::Wants(Wanted::nothing()),
    };
    if repetition.min == 0 {
        // An optional string is one more of few; anything else may be there or not.
        if repetition.max == Some(1) && strings.len() < MOST_STRINGS {
            return Place::Strings([vec![Vec::new()], strings].concat());
        }
        return Place::Wants(Wanted::nothing());
    }
    let repeats = repetition.min.min(MOST_REPEATS);
    let mut row = strings.clone();
    let mut written = 1;
    while written < repeats {
        let Some(longer) = joined(&row, &strings) else { break };
        row = longer;
        written += 1;
    }
    if written == repetition.min && repetition.max == Some(repetition.min) {
        Place::Strings(row)
    } else {
        Place::Wants(Wanted::of_strings(&row, reading))
    }
}

fn walk_row(places: &[Hir], reading: Reading) -> Place {
    let mut row = vec![Vec::new()];
    let mut wanted: Option<Wanted> = None;
    let mut want = |more: Wanted| {
        wanted = Some(match wanted.take() {
            Some(before) => before.and(more),
            None => more,
        });
    };
    for place in places {
        match walk(place, reading) {
            Place::Strings(strings) => match joined(&row, &strings) {
                Some(longer) => row = longer,
                None => {
                    want(Wanted::of_strings(&row, reading));
                    row = strings;
                }
            },
            Place::Wants(inner) => {
                want(Wanted::of_strings(&row, reading));
                want(inner);
                row = vec![Vec::new()];
            }
        }
    }
    match wanted {
        None => Place::Strings(row),
        Some(wanted) => Place::Wants(wanted.and(Wanted::of_strings(&row, reading))),
    }
}

fn walk_alternatives(places: &[Hir], reading: Reading) -> Place {
    let walked: Vec<Place> = places.iter().map(|place| walk(place, reading)).collect();
    let strings = walked.iter().map(|place| match place {
        Place::Strings(strings) => strings.len(),
        Place::Wants(_) => MOST_STRINGS + 1,
    });
    if strings.sum::<usize>() <= MOST_STRINGS {
        let strings = walked.into_iter().flat_map(|place| match place {
            Place::Strings(strings) => strings,
            Place::Wants(_) => Vec::new(),
        });
        return Place::Strings(strings.collect());
    }
    let wanted = walked.into_iter().map(|place| match place {
        Place::Strings(strings) => Wanted::of_strings(&strings, reading),
        Place::Wants(wanted) => wanted,
    });
    Place::Wants(wanted.reduce(Wanted::or).unwrap_or_else(Wanted::nothing))
}

/// Each of the strings behind each of those before; none: they would be too many.
fn joined(before: &[Vec<u8>], behind: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let all = before.len() * behind.len();
    let join =
        |first: &Vec<u8>| behind.iter().map(|second| [first.as_slice(), second].concat()).collect::<Vec<_>>();
    (all <= MOST_STRINGS).then(|| before.iter().flat_map(join).collect())
}

/// Each gram once; of many only some, from all over: those side by side say nearly the same.
fn spread(mut grams: Vec<Gram>) -> Vec<Gram> {
    grams.sort_unstable();
    grams.dedup();
    if grams.len() > MOST_GRAMS {
        grams = (0..MOST_GRAMS).map(|at| grams[at * (grams.len() - 1) / (MOST_GRAMS - 1)]).collect();
    }
    grams
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::gram::grams;
    use super::super::pattern::Compiled;
    use super::*;
    use crate::collect::{Driver, DriverSet, redact};
    use etiqa_model::search::SearchInput;

    fn compiled(text: &str, regex: bool, match_case: bool, reading: Reading) -> Option<Compiled> {
        let input = SearchInput { text: text.into(), regex, match_case, ..SearchInput::default() };
        Compiled::of(&input.parse().ok()?, reading).ok()
    }

    /// The alternatives in words, those of one set with commas between.
    fn wanted(pattern: &str) -> Vec<String> {
        let compiled = compiled(pattern, true, false, Reading::Plain).unwrap();
        let text = |gram: &Gram| match gram.number().to_be_bytes() {
            [0, three @ ..] => String::from_utf8_lossy(&three).into_owned(),
            _ => "five".to_owned(),
        };
        let set = |set: &Vec<Gram>| set.iter().map(text).collect::<Vec<_>>().join(",");
        compiled.wanted.alternatives().map(|sets| sets.iter().map(set).collect()).unwrap_or_default()
    }

    /// Whether the index would pick `text` for this.
    fn picks(wanted: &Wanted, text: &str) -> bool {
        let grams: BTreeSet<Gram> = grams(&fold(text)).collect();
        wanted
            .alternatives()
            .is_none_or(|sets| sets.iter().any(|set| set.iter().all(|gram| grams.contains(gram))))
    }

    #[test]
    fn a_pattern_wants_the_grams_of_the_strings_that_a_match_is_made_of() {
        assert_eq!(wanted("NTP server"), [" se,erv,ntp,p s,rve,ser,tp ,ver"]);
        assert_eq!(wanted("ntp.*peer"), ["eer,ntp,pee"]);
        assert_eq!(wanted("10\\.20$"), [".20,0.2,10.,five"], "an address is looked for by fives as well");
        assert_eq!(wanted("vlan(s)?10"), ["an1,lan,n10,vla", "ans,lan,ns1,s10,vla"]);
        assert_eq!(
            wanted("(tacacs|radius) key"),
            [" ke,aca,acs,cac,cs ,key,s k,tac", " ke,adi,diu,ius,key,rad,s k,us "]
        );
        assert_eq!(
            wanted("10\\.[0-3]\\."),
            [".0.,0.0,10.,five", ".1.,0.1,10.,five", ".2.,0.2,10.,five", ".3.,0.3,10.,five"]
        );
        assert_eq!(wanted("(abc){2}"), ["abc,bca,cab"]);
        assert_eq!(wanted("(abc)+d"), ["abc"]);
        assert_eq!(wanted("task"), ["ask,tas"], "a long s and the sign of kelvin fold as well");
        assert_eq!(wanted("^hostname$"), ["ame,hos,nam,ost,stn,tna"]);
    }

    #[test]
    fn a_pattern_that_may_be_anything_wants_nothing() {
        for pattern in ["..", ".*", "ab", "[0-9]+", "(secret)?", "secret|.", "\\w{3}", "x*", "^"] {
            assert_eq!(wanted(pattern), [""; 0], "{pattern}");
        }
    }

    #[test]
    fn a_long_pattern_wants_no_more_than_an_index_likes_to_be_asked() {
        let words = (0..100).map(|n| format!("word{n}")).collect::<Vec<_>>().join("|");
        assert_eq!(wanted(&words), ["ord,wor"], "of so many words only what all begin with");
        let long = (0..60).map(|n| format!("part{n}x")).collect::<Vec<_>>().concat();
        assert_eq!(wanted(&long)[0].split(',').count(), MOST_GRAMS);
    }

    /// Masks in every way that there is: a word, the rest of a line, whole lines, over the end of a line.
    static MASKING: LazyLock<Driver> = LazyLock::new(|| {
        let ios = DriverSet::built_in().get("ios").unwrap();
        let own = [
            "^word ([a-z<>]+)",
            "^rest (.*)$",
            "^(gone .*\\n)",
            "^line (.*\\n)",
            "over\\{([^}]*)\\}",
            "e([dm]+)>",
        ];
        let list = own.map(|pattern| format!("[[secret]]\npattern = '{pattern}'\n")).concat();
        Driver::parse("masking", &format!("{}\n{list}", ios.text())).unwrap()
    });

    const LINE: &str = "(word |rest |gone |line |over\\{|enable secret )?([abkKsS<>}\u{212a}\u{17f}äÄ ]|removed|<rem|ved>|1|\\.2){0,9}";
    const PATTERN: &str = "([abkKs<>äÄ. ]|1|\\\\.2|removed|<rem|ved>|\\(a\\|bk\\)|\\[ab\\]|s\\?|\\(ka\\)\\{2\\}|b\\+|\\^|\\$|\\\\b){1,6}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_text_that_a_pattern_matches_in_is_picked(
            lines in proptest::collection::vec(LINE, 1..5),
            pattern in PATTERN,
            regex: bool,
            match_case: bool,
        ) {
            let text = lines.join("\n");
            if let Some(compiled) = compiled(&pattern, regex, match_case, Reading::Plain)
                && compiled.regex.is_match(&text)
            {
                prop_assert!(picks(&compiled.wanted, &text), "{:?}", compiled.wanted);
            }
        }

        #[test]
        fn every_text_is_picked_whose_masked_form_a_pattern_matches_in(
            lines in proptest::collection::vec(LINE, 1..5),
            pattern in PATTERN,
            regex: bool,
            match_case: bool,
        ) {
            let text = lines.join("\n");
            if let Some(compiled) = compiled(&pattern, regex, match_case, Reading::Masked) {
                let masked = redact(&MASKING, &text);
                if compiled.regex.is_match(&masked) {
                    prop_assert!(picks(&compiled.wanted, &text), "{:?} {:?}", compiled.wanted, masked);
                }
            }
        }
    }
}
