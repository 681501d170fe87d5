//! Importing devices from a file: what each row came to.

use serde::{Deserialize, Serialize};

use crate::device::DeviceInput;
use crate::{Timestamp, UploadId};

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// The line of the file where the row begins, from 1; for JSON the number of the element, from 1.
    pub line: u64,
    /// One sentence.
    pub reason: String,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Rows read.
    pub rows: u64,
    /// New devices.
    pub created: u64,
    /// Known devices that changed.
    pub updated: u64,
    /// Known devices that stayed as they are.
    pub skipped: u64,
    /// Rows refused.
    pub failed: u64,
    /// The first so many refused rows, by line.
    pub errors: Vec<RowError>,
    /// Columns of the file that mean nothing here.
    pub unknown_columns: Vec<String>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

/// What would become of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFate {
    /// It becomes a new device.
    Create,
    /// It changes a known device.
    Update,
    /// It is known and stays as it is.
    Skip,
}

/// One row of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewRow {
    /// The line of the file, from 1.
    pub line: u64,
    /// What would become of it.
    pub fate: RowFate,
    /// The device as it would be stored.
    pub device: DeviceInput,
}

/// An uploaded file, before or after it was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPreview {
    /// The upload.
    pub id: UploadId,
    /// The file's name.
    pub file_name: String,
    /// What an import without `update` would do, or has done.
    pub report: ImportReport,
    /// The first rows that would be written.
    pub rows: Vec<PreviewRow>,
    /// When it was imported; none: not yet.
    pub imported_at: Option<Timestamp>,
}
