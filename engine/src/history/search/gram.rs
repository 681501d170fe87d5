//! Grams: three bytes in a row of one line, without regard to case. What the index knows of a text is which it has.

/// Grams that there can be: three bytes are 24 bits.
const ALL: usize = 1 << 24;

/// Three bytes in a row, folded by [`fold_char`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gram(u32);

impl Gram {
    fn of(first: u8, second: u8, third: u8) -> Self {
        Self(u32::from_be_bytes([0, first, second, third]))
    }

    /// As a number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// The character that stands for `c` and all others that differ from it in case only. Characters that a search in any
/// case takes for equal need not get the same one: then no gram is made of them, and nothing is missed.
pub(super) fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (c, lower.next(), lower.next()) {
        // Its upper case is S, and so a search for s finds it.
        ('\u{17f}', ..) => 's',
        (_, Some(one), None) => one,
        _ => c,
    }
}

/// `text` with every character folded, as bytes.
pub(super) fn fold(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase().into_bytes();
    }
    text.chars().map(fold_char).collect::<String>().into_bytes()
}

/// The grams of folded bytes, in order, some of them twice; none goes across the end of a line.
pub(super) fn grams(folded: &[u8]) -> impl Iterator<Item = Gram> + '_ {
    folded
        .windows(3)
        .filter(|three| !three.contains(&b'\n'))
        .map(|three| Gram::of(three[0], three[1], three[2]))
}

/// Finds the distinct grams of one text after another; takes two megabytes, whatever the texts.
#[derive(Debug)]
pub(super) struct Distinct {
    seen: Vec<u64>,
}

impl Distinct {
    pub(super) fn new() -> Self {
        Self { seen: vec![0; ALL / 64] }
    }

    /// The grams of `text`, each once.
    pub(super) fn of(&mut self, text: &str) -> Vec<Gram> {
        let mut found = Vec::new();
        for gram in grams(&fold(text)) {
            let (word, bit) = (gram.0 as usize / 64, 1 << (gram.0 % 64));
            if self.seen[word] & bit == 0 {
                self.seen[word] |= bit;
                found.push(gram);
            }
        }
        for gram in &found {
            self.seen[gram.0 as usize / 64] = 0;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(grams: &[Gram]) -> Vec<String> {
        let text = |gram: &Gram| String::from_utf8_lossy(&gram.0.to_be_bytes()[1..]).into_owned();
        grams.iter().map(text).collect()
    }

    #[test]
    fn a_text_has_the_three_bytes_in_a_row_of_each_line_once_and_in_small_letters() {
        let mut distinct = Distinct::new();
        assert_eq!(texts(&distinct.of("NTP ntp\nab\nntp")), ["ntp", "tp ", "p n", " nt"]);
        assert_eq!(texts(&distinct.of("ntp")), ["ntp"], "what was seen in a text is forgotten after it");
        assert_eq!(distinct.of("ab\ncd\n"), []);
    }

    #[test]
    fn characters_that_a_search_in_any_case_takes_for_an_ascii_letter_fold_to_it() {
        for letter in 'a'..='z' {
            let regex = regex::RegexBuilder::new(&letter.to_string()).case_insensitive(true).build().unwrap();
            for c in '\0'..=char::MAX {
                if regex.is_match(c.encode_utf8(&mut [0; 4])) {
                    assert_eq!(fold_char(c), letter, "{c:?}");
                }
            }
        }
    }
}
