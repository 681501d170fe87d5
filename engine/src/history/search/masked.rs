//! Searching masked texts by an index of plain ones: only those grams of a string are wanted that cannot lie in a mask.
//!
//! In a masked line every mask is whole, and between two pieces of the plain text there is one (see [`redact`]). So a
//! string that stands in such a line holds bytes of masks where it holds the mask itself, where it begins as a mask ends,
//! where it ends as one begins, or where it is all within one. Its other bytes are in a row in the plain line as well.
//!
//! [`redact`]: crate::collect::redact

use super::gram::{Gram, grams};
use super::wanted::Reading;
use crate::collect::MASK;

/// The grams of a folded string that a text has in which it stands, read in this way.
pub(super) fn unmasked_grams(string: &[u8], reading: Reading) -> Vec<Gram> {
    if reading == Reading::Plain {
        return grams(string).collect();
    }
    let may_be_mask = mask_bytes(string);
    let plain = may_be_mask.split(|is_mask| *is_mask).scan(0, |at, piece| {
        let from = *at;
        *at += piece.len() + 1;
        Some(&string[from..from + piece.len()])
    });
    plain.flat_map(grams).collect()
}

/// Which bytes of the string may be those of a mask.
fn mask_bytes(string: &[u8]) -> Vec<bool> {
    let mask = MASK.as_bytes();
    let mut found = vec![false; string.len()];
    // The mask slid along the string from before its beginning to behind its end: where the two agree in all bytes that
    // they share, those may be its.
    for start in 1 - mask.len() as isize..string.len() as isize {
        let from = start.max(0) as usize;
        let to = (start + mask.len() as isize).min(string.len() as isize) as usize;
        let in_mask = (from as isize - start) as usize;
        if string[from..to] == mask[in_mask..in_mask + to - from] {
            found[from..to].fill(true);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_bytes(string: &str) -> String {
        let bytes = string.bytes().zip(mask_bytes(string.as_bytes()));
        bytes.map(|(byte, is_mask)| if is_mask { '·' } else { char::from(byte) }).collect()
    }

    #[test]
    fn only_what_the_mask_could_have_put_there_is_left_aside() {
        assert_eq!(plain_bytes("snmp-server community"), "snmp-server community");
        assert_eq!(plain_bytes("community <removed> ro"), "community ········· ro");
        assert_eq!(plain_bytes("ed> ro"), "··· ro", "it begins as a mask ends");
        assert_eq!(plain_bytes("community <re"), "community ···", "it ends as a mask begins");
        assert_eq!(plain_bytes("move"), "····", "it is within a mask");
        assert_eq!(plain_bytes("removed"), "·······");
        assert_eq!(plain_bytes("remove it"), "remove it");
        assert_eq!(plain_bytes("<removed><removed>"), "··················");
    }
}
