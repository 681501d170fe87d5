//! `devices.json`: which folder of the mirror is whose. It stands in the tree beside the folders, so a repository that comes
//! back from its remote knows everything that it knew.

use std::collections::HashSet;

use etiqa_model::{DeviceId, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::archive::names::safe_name;

/// Its name; no folder has it.
pub(super) const FILE: &str = "devices.json";
/// Ends the names of texts.
pub(super) const ENDING: &str = ".cfg";

/// No safe name is longer, but for its number.
const LONGEST: usize = 100;
/// The shape of the file; one of a later program is not touched.
const FORMAT: u32 = 1;

/// Every device in the mirror, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    format: u32,
    pub(super) devices: Vec<Entry>,
}

/// A device, and the folder that it keeps from commit to commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: DeviceId,
    pub(super) folder: String,
    pub(super) hostname: String,
    pub(super) address: String,
    pub(super) site: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) platform: Option<String>,
    pub(super) parts: Vec<Part>,
}

/// A text. What stands here changes only where the text does: an unchanged one gives no difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the name in the file, as in network_configs.json")]
pub(super) struct Part {
    pub(super) part: String,
    /// Its name within the folder.
    pub(super) file: String,
    pub(super) version: u32,
    pub(super) collected_at: Timestamp,
    /// Whose rules masked it; none where it is whole. Other rules may mask more, so the text is masked anew by them. There is no
    /// hash of the text: beside a masked one it would let strangers try out what was masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) masked_by: Option<String>,
}

impl Listing {
    pub(super) fn new(devices: Vec<Entry>) -> Self {
        Self { format: FORMAT, devices }
    }

    /// Reads the file. The error ends the sentence "`devices.json` …".
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let listing: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("cannot be read: {error}"))?;
        if listing.format != FORMAT {
            return Err(format!("has the format {}, of another version of this program", listing.format));
        }
        match listing.first_unsafe() {
            // The file may have been at a remote meanwhile, where others can write.
            Some(name) => Err(format!("names {name:?}, which this program has not written")),
            None => Ok(listing),
        }
    }

    pub(super) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The first name that is not safe, or not the only one of its kind.
    fn first_unsafe(&self) -> Option<&str> {
        let mut folders = HashSet::from([FILE.to_owned()]);
        let mut ids = HashSet::new();
        for entry in &self.devices {
            if !is_safe(&entry.folder)
                || !folders.insert(entry.folder.to_lowercase())
                || !ids.insert(entry.id)
            {
                return Some(&entry.folder);
            }
            let mut files = HashSet::new();
            for Part { file, .. } in &entry.parts {
                if !file.strip_suffix(ENDING).is_some_and(is_safe) || !files.insert(file.to_lowercase()) {
                    return Some(file);
                }
            }
        }
        None
    }
}

/// Whether a name is one that [`safe_name`] gives, perhaps with a number that was put to it where the name was taken.
fn is_safe(name: &str) -> bool {
    let (first, rest) = name.split_at_checked(LONGEST).unwrap_or((name, ""));
    safe_name(first) == first
        && rest.len() <= 20
        && rest.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(folder: &str, file: &str) -> Listing {
        let part = Part {
            part: "running".into(),
            file: file.into(),
            version: 7,
            collected_at: Timestamp(1_795_399_200_000),
            masked_by: None,
        };
        Listing::new(vec![Entry {
            id: DeviceId(1),
            folder: folder.into(),
            hostname: "core-1".into(),
            address: "10.0.0.1".into(),
            site: String::new(),
            kind: "switch".into(),
            platform: Some("ios".into()),
            parts: vec![part],
        }])
    }

    #[test]
    fn a_listing_comes_back_as_it_was() {
        let written = listing("core-1", "running.cfg");
        assert_eq!(Listing::parse(&written.to_bytes().unwrap()).unwrap(), written);
    }

    #[test]
    fn a_listing_with_names_that_leave_their_folder_is_refused() {
        for (folder, file) in [
            ("..", "running.cfg"),
            (".git", "running.cfg"),
            ("a/b", "running.cfg"),
            ("DEVICES.json", "running.cfg"),
            ("core-1", "../running.cfg"),
            ("core-1", "running"),
            ("core-1", ".cfg"),
        ] {
            let refused = Listing::parse(&listing(folder, file).to_bytes().unwrap()).unwrap_err();
            assert!(refused.contains("has not written"), "{folder} {file}: {refused}");
        }
        let mut twice = listing("core-1", "running.cfg");
        let mut other = twice.devices[0].clone();
        (other.id, other.folder) = (DeviceId(2), "CORE-1".into());
        twice.devices.push(other);
        assert!(Listing::parse(&twice.to_bytes().unwrap()).is_err());
    }

    #[test]
    fn a_listing_of_a_later_program_is_not_touched() {
        let later = r#"{"format":2,"devices":[]}"#;
        assert!(Listing::parse(later.as_bytes()).unwrap_err().contains("format 2"));
    }
}
