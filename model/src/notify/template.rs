//! Texts of a person's own, with places that are filled in: `{{title}}`. Nothing else has a meaning in them, so that a
//! template can neither fail nor take long.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::shortened;

/// Characters of a template.
const LONGEST: usize = 4_000;

/// What can stand between the braces, and what stands there then.
pub const PLACEHOLDERS: [(&str, &str); 9] = [
    ("title", "what happened, in one line"),
    ("items", "a line for each thing that happened, with changes"),
    ("count", "how many things happened"),
    ("severity", "good, info, warning or bad"),
    ("subjects", "the devices, backups and destinations that it is about"),
    ("rule", "the rule's name"),
    ("instance", "the name of the machine that sends it"),
    ("time", "when it was made, in the rule's time zone"),
    ("link", "the address of the page about it; empty where that is not known"),
];

/// A text with places to be filled in, all of which there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Template(String);

/// A piece of a template.
enum Piece<'a> {
    Text(&'a str),
    Place(&'a str),
}

impl Template {
    /// Reads a template. The error names the place that there is none of, and those that there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().count() > LONGEST {
            return Err(format!("A template is longer than {LONGEST} characters."));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err("A template has a control character in it.".to_owned());
        }
        for piece in pieces(text) {
            if let Piece::Place(name) = piece?
                && !PLACEHOLDERS.iter().any(|(known, _)| *known == name)
            {
                let known: Vec<&str> = PLACEHOLDERS.iter().map(|(known, _)| *known).collect();
                return Err(format!("There is no {{{{{}}}}}; use: {}.", shortened(name), known.join(", ")));
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with every place filled in by what `value` gives for its name. What is filled in is not looked at again.
    pub fn fill(&self, value: impl Fn(&str) -> String) -> String {
        let mut filled = String::with_capacity(self.0.len());
        for piece in pieces(&self.0) {
            match piece {
                Ok(Piece::Text(text)) => filled.push_str(text),
                Ok(Piece::Place(name)) => filled.push_str(&value(name)),
                // Such a template was refused.
                Err(_) => {}
            }
        }
        filled
    }
}

/// The pieces of a template, in their order; an error for braces that are not closed, which is the last.
fn pieces(text: &str) -> impl Iterator<Item = Result<Piece<'_>, String>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(begin) = rest.find("{{") else {
            return Some(Ok(Piece::Text(std::mem::take(&mut rest))));
        };
        if begin > 0 {
            let (text, after) = rest.split_at(begin);
            rest = after;
            return Some(Ok(Piece::Text(text)));
        }
        let Some(end) = rest.find("}}") else {
            rest = "";
            return Some(Err("A {{ is not closed by }}.".to_owned()));
        };
        let name = rest[2..end].trim();
        rest = &rest[end + 2..];
        Some(Ok(Piece::Place(name)))
    })
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.0
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_and_what_is_filled_in_is_not_looked_at_again() {
        let template = Template::parse("[{{ severity }}] {{title}} {x}").unwrap();
        let filled =
            template.fill(|name| if name == "title" { "{{link}}".into() } else { name.to_uppercase() });
        assert_eq!(filled, "[SEVERITY] {{link}} {x}");
    }

    #[test]
    fn a_place_that_there_is_none_of_is_refused_by_its_name() {
        let refused = Template::parse("{{titel}}").unwrap_err();
        assert!(refused.contains("{{titel}}") && refused.contains("title, items"), "{refused}");
        assert!(Template::parse("{{title").unwrap_err().contains("not closed"));
        assert!(Template::parse(&"x".repeat(5_000)).is_err());
        assert!(Template::parse("").unwrap().is_empty());
    }
}
