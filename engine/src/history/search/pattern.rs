//! From what a person typed to a regular expression that matches within lines, and to what it wants of a text.

use etiqa_model::search::{Case, Pattern, Search};
use etiqa_model::{FieldError, UserError};
use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::ast::ErrorKind;
use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look,
};

use super::wanted::{Reading, Wanted};

/// Bytes that a compiled expression may take; a larger one was written to be large.
const LARGEST: usize = 4 << 20;
/// Bytes of what is remembered while it is searched with.
const LARGEST_CACHE: usize = 8 << 20;
/// Groups within groups.
const DEEPEST: u32 = 50;

/// A search, ready to look into texts.
#[derive(Debug)]
pub(super) struct Compiled {
    /// Matches within lines, in a text as a whole: no match goes across the end of a line.
    pub(super) regex: Regex,
    /// What the index is asked for.
    pub(super) wanted: Wanted,
}

impl Compiled {
    /// The error is for the field `text`, in one sentence.
    pub(super) fn of(search: &Search, reading: Reading) -> Result<Self, UserError> {
        let bounds = Bounds { program: LARGEST, cache: LARGEST_CACHE };
        let (hir, regex) = within_one_line(&search.text, search.pattern, search.case, bounds)
            .map_err(|sentence| wrong(&sentence))?;
        let wanted = Wanted::of(&hir, reading);
        Ok(Self { regex, wanted })
    }
}

/// Bytes that a compiled expression may take, and those of what is remembered while it is matched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) program: usize,
    pub(super) cache: usize,
}

/// A text or an expression as one that matches within lines. The error is one sentence.
pub(super) fn within_one_line(
    text: &str,
    pattern: Pattern,
    case: Case,
    bounds: Bounds,
) -> Result<(Hir, Regex), String> {
    let source = match pattern {
        Pattern::Text => regex_syntax::escape(text),
        Pattern::Regex => text.to_owned(),
    };
    let parsed = ParserBuilder::new()
        .case_insensitive(case == Case::Any)
        .multi_line(true)
        .crlf(true)
        .nest_limit(DEEPEST)
        .build()
        .parse(&source)
        .map_err(|error| what_is_wrong(&error))?;
    let hir = within_lines(&parsed).map_err(|AcrossLines| {
        "This looks for the end of a line, but a search looks at one line at a time; leave \\n out."
            .to_owned()
    })?;
    let regex = RegexBuilder::new(&hir.to_string())
        .size_limit(bounds.program)
        .dfa_size_limit(bounds.cache)
        .build()
        .map_err(|_| "This regular expression is too large; make its repetitions smaller.".to_owned())?;
    Ok((hir, regex))
}

fn wrong(message: &str) -> UserError {
    UserError::in_fields(vec![FieldError { field: "text".into(), message: message.into() }])
}

/// What the parser says, without its drawing of where.
fn what_is_wrong(error: &regex_syntax::Error) -> String {
    let (what, at) = match error {
        regex_syntax::Error::Parse(error) if matches!(error.kind(), ErrorKind::NestLimitExceeded(_)) => {
            return format!("This regular expression has more than {DEEPEST} groups within groups.");
        }
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.column),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span().start.column),
        _ => return "This is not a regular expression.".into(),
    };
    format!("This is not a regular expression: {what}, at character {at}.")
}

/// The pattern looks for the end of a line.
struct AcrossLines;

/// The same expression without what matches the end of a line, so that it matches in a text what it matches in each of
/// its lines alone.
fn within_lines(hir: &Hir) -> Result<Hir, AcrossLines> {
    let all = |places: &[Hir]| places.iter().map(within_lines).collect::<Result<Vec<_>, _>>();
    Ok(match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => return Err(AcrossLines),
        HirKind::Literal(literal) => Hir::literal(literal.0.clone()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(class)) => {
            let mut class = class.clone();
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Look(Look::Start) => Hir::look(Look::StartLF),
        HirKind::Look(Look::End) => Hir::look(Look::EndLF),
        HirKind::Look(look) => Hir::look(*look),
        HirKind::Repetition(repetition) => {
            let sub = Box::new(within_lines(&repetition.sub)?);
            Hir::repetition(regex_syntax::hir::Repetition { sub, ..repetition.clone() })
        }
        HirKind::Capture(capture) => within_lines(&capture.sub)?,
        HirKind::Concat(places) => Hir::concat(all(places)?),
        HirKind::Alternation(places) => Hir::alternation(all(places)?),
    })
}

#[cfg(test)]
mod tests {
    use etiqa_model::search::SearchInput;
    use proptest::prelude::*;

    use super::*;

    fn compile(text: &str, regex: bool) -> Result<Compiled, String> {
        let input = SearchInput { text: text.into(), regex, ..SearchInput::default() };
        let search = input.parse().map_err(|error| error.message)?;
        Compiled::of(&search, Reading::Plain).map_err(|error| error.field("text").unwrap().to_owned())
    }

    #[test]
    fn a_text_is_found_as_it_stands_and_an_expression_within_one_line() {
        let found =
            |text: &str, regex: bool, within: &str| compile(text, regex).unwrap().regex.is_match(within);
        assert!(found("10.0.0.1 (a+b)*", false, "ip 10.0.0.1 (A+B)*"));
        assert!(!found("10.0.0.1", false, "10x0.0.1"));
        assert!(found(r"10\.\d+", true, "10.7"));
        assert!(!found(r"a\s+b", true, "a\nb") && found(r"a\s+b", true, "a  b"));
        assert!(!found(r"a[^x]b", true, "a\nb") && !found("(?s)a.b", true, "a\nb"));
        assert!(found("^b$", true, "a\nb\nc") && found(r"\Ab\z", true, "a\nb\nc"));
    }

    #[test]
    fn a_wrong_expression_is_explained_in_one_sentence() {
        let explained = |text: &str| compile(text, true).unwrap_err();
        insta::assert_snapshot!(explained("interface ("), @"This is not a regular expression: unclosed group, at character 11.");
        insta::assert_snapshot!(explained("*"), @"This is not a regular expression: repetition operator missing expression, at character 1.");
        insta::assert_snapshot!(explained(r"\p{Nonsense}"), @"This is not a regular expression: Unicode property not found, at character 1.");
        insta::assert_snapshot!(explained("a\\n"), @r"This looks for the end of a line, but a search looks at one line at a time; leave \n out.");
        insta::assert_snapshot!(explained("(a{1000}){1000}"), @"This regular expression is too large; make its repetitions smaller.");
        insta::assert_snapshot!(explained(&("(".repeat(200) + &")".repeat(200))), @"This regular expression has more than 50 groups within groups.");
        insta::assert_snapshot!(explained(r"(?-u:\xff)"), @"This is not a regular expression: pattern can match invalid UTF-8, at character 6.");
        insta::assert_snapshot!(explained(&"x".repeat(10_000_000)), @"What is searched for is longer than 1000 characters; a part of it finds the same.");
    }

    #[test]
    fn many_wildcards_are_only_slow_to_write() {
        assert!(compile(&".*".repeat(400), true).unwrap().regex.is_match("x"));
    }

    proptest! {
        #[test]
        fn what_matches_in_a_text_is_what_matches_in_its_lines(
            text in "([ab ]|\\n){0,12}",
            pattern in "(a|b| |\\.|\\^|\\$|\\\\b|\\\\B|\\\\A|\\\\z|\\[\\^a\\]|\\\\s|\\(a\\|b \\)|b\\*|a\\+|\\.\\*\\?){1,5}",
        ) {
            let (Ok(compiled), Ok(alone)) = (
                compile(&pattern, true),
                RegexBuilder::new(&pattern).case_insensitive(true).build(),
            ) else {
                return Ok(());
            };
            let marked: Vec<String> = text.split('\n').map(|line| alone.replace_all(line, "<$0>").into_owned()).collect();
            prop_assert_eq!(compiled.regex.replace_all(&text, "<$0>"), marked.join("\n"));
        }
    }
}
