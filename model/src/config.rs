//! Config versions: numbered texts of one part of one device, and the differences between them.

use serde::{Deserialize, Serialize};

use crate::compare::Reading;
use crate::field::{Fields, by_name, long_text, optional_text};
use crate::{ConfigVersionId, DeviceId, RunId, Timestamp, UserError};

/// What a version is to its part; exactly one of a part is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// The newest good text.
    Active,
    /// An older good text.
    Inactive,
    /// It shrank too much and waits for a person.
    Suspect,
    /// A person looked at a suspect one and refused it.
    Rejected,
}

impl VersionState {
    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Suspect => "suspect",
            Self::Rejected => "rejected",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name(
            "version state",
            name,
            &[Self::Active, Self::Inactive, Self::Suspect, Self::Rejected],
            Self::as_str,
        )
    }
}

/// One version, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigVersion {
    /// Row id.
    pub id: ConfigVersionId,
    /// Whose.
    pub device_id: DeviceId,
    /// `running`, `startup`, …
    pub part: String,
    /// 1, 2, 3, … per device and part.
    pub version: u32,
    /// What it is to its part.
    pub state: VersionState,
    /// Bytes of the text.
    pub size_bytes: u64,
    /// Lines of the text.
    pub lines: u32,
    /// Lines that are not in the version before; what its driver calls volatile does not count.
    pub added: u32,
    /// Lines of the version before that are not in this one.
    pub removed: u32,
    /// SHA-256 of the text, lower-case hex. It stays within the server: beside a masked text it would let a viewer try out
    /// what was masked.
    #[serde(skip)]
    pub sha256: String,
    /// The driver that took it.
    pub driver: String,
    /// When it was taken.
    pub collected_at: Timestamp,
    /// When a session last found it unchanged (or took it).
    pub last_seen_at: Timestamp,
    /// The run that took it.
    pub run_id: Option<RunId>,
    /// What a person calls it: "before the upgrade".
    pub label: Option<String>,
    /// What a person says of it.
    pub note: Option<String>,
}

/// A version with the name of its device, for lists across devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigVersionRow {
    /// The device's name.
    pub hostname: String,
    /// The device's address.
    pub address: String,
    /// The version.
    pub version: ConfigVersion,
    /// SHA-256 of the text, lower-case hex; only for those who may see the text as it is.
    pub sha256: Option<String>,
}

/// The newest versions of one part, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartVersions {
    /// `running`, `startup`, …
    pub part: String,
    /// How many there are in all.
    pub total: u64,
    /// The newest, newest first.
    pub versions: Vec<ConfigVersion>,
}

/// A text of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigText {
    /// The version.
    pub version: ConfigVersion,
    /// Its text; secrets masked where the reader may not see them.
    pub text: String,
    /// How it was read.
    pub reading: Reading,
}

/// What a person says of a version, as they fill it in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionWords {
    /// A few words; nothing takes the label away.
    pub label: String,
    /// As much as needs to be said; nothing takes the note away.
    pub note: String,
}

/// Longest label, in characters.
pub const LONGEST_LABEL: usize = 60;
/// Longest note, in characters.
pub const LONGEST_NOTE: usize = 2_000;

impl VersionWords {
    /// Label and note, without what is around them; none where nothing is said.
    pub fn parse(&self) -> Result<(Option<String>, Option<String>), UserError> {
        let mut fields = Fields::default();
        let label = fields.check("label", optional_text("The label", &self.label, LONGEST_LABEL));
        let note = fields.check("note", long_text("The note", &self.note, LONGEST_NOTE));
        fields.finish()?;
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok((said(label), said(note)))
    }
}

/// The difference of two versions of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionDiff {
    /// The older side; none: the first version, everything is new.
    pub from: Option<ConfigVersion>,
    /// The newer side.
    pub to: ConfigVersion,
    /// Line by line.
    pub diff: TextDiff,
    /// How both were read.
    pub reading: Reading,
}

/// What differs between two texts, as hunks of lines with context.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextDiff {
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// Changed places with the unchanged lines around them.
    pub hunks: Vec<DiffHunk>,
    /// Unchanged lines after the last hunk that are not shown.
    pub folded_after: u32,
    /// Hunks left out because the difference is too long for a page.
    pub hunks_left_out: u32,
}

/// A run of lines around changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffHunk {
    /// Unchanged lines before it that are not shown.
    pub folded_before: u32,
    /// Context, removed and added lines in reading order.
    pub lines: Vec<DiffLine>,
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// On which side it stands.
    pub kind: LineKind,
    /// Its number in the older text, from 1.
    pub old: Option<u32>,
    /// Its number in the newer text, from 1.
    pub new: Option<u32>,
    /// Its text in pieces, so that changed words can be marked.
    pub spans: Vec<DiffSpan>,
}

/// On which side a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// On both.
    Same,
    /// Only in the newer text.
    Added,
    /// Only in the older text.
    Removed,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffSpan {
    /// The text.
    pub text: String,
    /// Whether this piece is what changed within its line.
    pub marked: bool,
}
