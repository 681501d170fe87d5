//! The chain: what of a row is hashed, and with what.
//!
//! The hash of a row is SHA-256 over a word that names this encoding, the hash of the row before it, and every field of the
//! row in this order, each with its length in front, so that no two rows have the same bytes: number, time, who, means,
//! address, action, number and name of the object, result, words, changes as their JSON text is stored. Numbers are their
//! decimal digits. What is not there is told from what is empty.

use sha2::{Digest, Sha256};

use crate::hex::to_hex;
use crate::store::audit::StoredAct;

/// What the first row of all is chained to.
pub const GENESIS: &str = "";

const ENCODING: &str = "etiqa audit 1";

/// The hash of a row that comes after the one of this hash; in hexadecimal digits.
pub(super) fn hash(previous: &str, act: &StoredAct) -> String {
    let mut hash = Sha256::new();
    let (id, at) = (act.id.to_string(), act.at.millis().to_string());
    let object_id = act.object_id.map(|id| id.to_string());
    let fields = [
        Some(ENCODING),
        Some(previous),
        Some(&id),
        Some(&at),
        Some(&act.who),
        Some(&act.means),
        act.address.as_deref(),
        Some(&act.action),
        object_id.as_deref(),
        Some(&act.object),
        Some(&act.outcome),
        act.words.as_deref(),
        Some(&act.changes),
    ];
    for field in fields {
        match field {
            None => hash.update([0]),
            Some(text) => {
                hash.update([1]);
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
    }
    to_hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use etiqa_model::Timestamp;

    use super::*;

    fn act() -> StoredAct {
        StoredAct {
            id: 7,
            at: Timestamp(1_000),
            who: "ada".into(),
            means: "session".into(),
            address: Some("192.0.2.1".into()),
            action: "device.change".into(),
            object_id: Some(3),
            object: "core-sw-1".into(),
            outcome: "done".into(),
            words: None,
            changes: "[]".into(),
            hash: String::new(),
        }
    }

    #[test]
    fn every_field_and_the_row_before_are_in_the_hash() {
        let of_all = hash(GENESIS, &act());
        assert_eq!(of_all.len(), 64);
        let others = [
            StoredAct { id: 8, ..act() },
            StoredAct { at: Timestamp(1_001), ..act() },
            StoredAct { who: "bob".into(), ..act() },
            StoredAct { means: "token".into(), ..act() },
            StoredAct { address: None, ..act() },
            StoredAct { address: Some(String::new()), ..act() },
            StoredAct { action: "device.add".into(), ..act() },
            StoredAct { object_id: None, ..act() },
            StoredAct { object: "core-sw-2".into(), ..act() },
            StoredAct { outcome: "refused".into(), ..act() },
            StoredAct { words: Some(String::new()), ..act() },
            StoredAct { changes: "[{}]".into(), ..act() },
        ];
        let mut hashes: Vec<String> = others.iter().map(|other| hash(GENESIS, other)).collect();
        hashes.push(hash("00", &act()));
        hashes.push(of_all);
        let count = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }

    #[test]
    fn letters_that_move_from_one_field_to_the_next_change_the_hash() {
        let moved = StoredAct { who: "adas".into(), means: "ession".into(), ..act() };
        assert_ne!(hash(GENESIS, &act()), hash(GENESIS, &moved));
    }

    #[test]
    fn the_encoding_stays_as_it_is() {
        // Another one would break every chain that there is; made by another program, as docs/security.md says it.
        let known = "176200c7ae35301af05496defbcb44abe5e6ec9d51ef17998313204acef25246";
        assert_eq!(hash(GENESIS, &act()), known);
        let same = StoredAct { hash: "not a part of it".into(), ..act() };
        assert_eq!(hash(GENESIS, &act()), hash(GENESIS, &same));
    }
}
