//! Grams: three bytes in a row of one line, without regard to case. What the index knows of a text is which it has.
//!
//! Nearly every configuration has all threes of digits and dots that an address is made of. So five of those in a row are
//! a gram as well: they pick few texts.

/// Grams of three bytes that there can be: 24 bits.
const THREES: usize = 1 << 24;
/// Bytes of the longer grams.
const FIVE: usize = 5;
/// The bytes that those are made of, by their place here: addresses and other numbers.
const NUMERIC: &[u8] = b".0123456789";
/// Grams that there can be.
const ALL: usize = THREES + NUMERIC.len().pow(FIVE as u32);

/// Three bytes in a row, folded by [`fold_char`], or five that are digits and dots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gram(u32);

impl Gram {
    fn of(first: u8, second: u8, third: u8) -> Self {
        Self(u32::from_be_bytes([0, first, second, third]))
    }

    /// None: not all of them are digits and dots.
    fn of_five(five: &[u8]) -> Option<Self> {
        let place = |byte: &u8| NUMERIC.iter().position(|numeric| numeric == byte);
        let number = five.iter().try_fold(0, |number, byte| Some(number * NUMERIC.len() + place(byte)?))?;
        u32::try_from(THREES + number).ok().map(Self)
    }

    /// As a number: 24 bits for three bytes, more for five.
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

/// The grams of folded bytes, some of them twice; none goes across the end of a line.
pub(super) fn grams(folded: &[u8]) -> impl Iterator<Item = Gram> + '_ {
    let threes = folded.windows(3).filter(|three| !three.contains(&b'\n'));
    let fives = folded.windows(FIVE).filter_map(Gram::of_five);
    threes.map(|three| Gram::of(three[0], three[1], three[2])).chain(fives)
}

/// Finds the distinct grams of one text after another; takes two megabytes, whatever the texts.
#[derive(Debug)]
pub(super) struct Distinct {
    seen: Vec<u64>,
}

impl Distinct {
    pub(super) fn new() -> Self {
        Self { seen: vec![0; ALL.div_ceil(64)] }
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
    fn digits_and_dots_are_grams_of_five_as_well_each_a_number_of_its_own() {
        let fives = |text: &str| grams(text.as_bytes()).filter(|gram| gram.0 >= 1 << 24).collect::<Vec<_>>();
        let found = fives("10.20.3");
        assert_eq!(found, [fives("10.20"), fives("0.20."), fives(".20.3")].concat());
        assert_eq!(found.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
        assert_eq!(fives("10.2a.3\n10.2\n0"), [], "nothing else is in between, no end of a line either");
        let last = fives("99999")[0].0 as usize;
        assert_eq!(last, ALL - 1);
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
