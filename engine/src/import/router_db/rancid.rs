//! RANCID's `router.db`: name, type and state, with semicolons between; before RANCID 3 with colons. router.db(5).

use etiqa_model::UserError;
use etiqa_model::device::DeviceInput;

use super::{Listed, Names, RouterDbOptions, RouterDbReport, import, lines, set_platform, text_of};
use crate::engine::Engine;
use crate::error::Result;

/// How a `router.db` of RANCID's is read.
#[derive(Debug, Clone, Default)]
pub struct Rancid {
    /// What types mean here, besides those that are known.
    pub types: Names,
}

impl Rancid {
    /// Imports a `router.db`.
    pub async fn import(
        &self,
        engine: &Engine,
        content: &[u8],
        options: &RouterDbOptions,
    ) -> Result<RouterDbReport> {
        import(engine, self.read(content)?, options).await
    }

    /// The devices of a file.
    pub fn read(&self, content: &[u8]) -> Result<Vec<Listed>, UserError> {
        let text = text_of(content)?;
        Ok(lines(&text).map(|(line, words)| self.listed(line, words)).collect())
    }

    fn listed(&self, line: u64, words: &str) -> Listed {
        // A name has no semicolon, and an IPv6 address has colons: whatever has a semicolon is of the new kind.
        let delimiter = if words.contains(';') { ';' } else { ':' };
        let mut cells = words.splitn(4, delimiter).map(str::trim);
        let mut next = || cells.next().unwrap_or_default();
        let (name, kind, state, comment) = (next(), next(), next(), next());
        let mut listed = Listed {
            line,
            device: DeviceInput {
                address: name.to_owned(),
                description: comment.trim_end_matches(delimiter).to_owned(),
                ..DeviceInput::default()
            },
            // Whatever else it says: "If the device is not marked up, it is not collected."
            is_down: !state.eq_ignore_ascii_case("up"),
            ..Listed::default()
        };
        if kind.is_empty() {
            listed
                .notes
                .push("The line names no type; the device is recognised at its first session.".into());
        }
        set_platform(&mut listed, "type", kind, &self.types);
        if listed.is_down {
            let state = if state.is_empty() { "no state" } else { state };
            listed.notes.push(format!("RANCID does not collect it ({state}): a new device is disabled."));
        }
        listed
    }
}
