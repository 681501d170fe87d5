//! Reads a CSV or JSON file of devices into rows.
//!
//! A wrong row is reported and never stops the ones around it; only a file in which no devices can be found is refused
//! as a whole. Rows are read as they are asked for. Nothing here knows which devices exist already.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use etiqa_model::UserError;
use etiqa_model::device::{DeviceInput, NewDevice};

mod columns;
mod csv;
mod json;
mod text;

#[cfg(test)]
mod tests;

pub use columns::{Column, Columns};

/// A file of devices, opened.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// Columns or keys that mean nothing here, the first 50 of them.
    pub unknown_columns: Vec<String>,
    /// The rows, in the order of the file.
    pub rows: Rows<'a>,
}

/// One row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedRow {
    /// The line where the row begins, from 1; for JSON the number of the element, from 1.
    pub line: u64,
    /// The columns in which the row says something: an update changes these and leaves the others alone.
    pub given: Columns,
    /// The device, or one sentence that says what is wrong, column by column.
    pub device: Result<NewDevice, String>,
}

/// Why a file is refused as a whole; the sentence is for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// There is nothing in it.
    #[error("The file is empty; it needs a first line with column names, or a JSON array.")]
    Empty,
    /// A workbook, or anything else that comes as a zip or in Microsoft's older container.
    #[error("The file is a spreadsheet or an archive, not text; save it as CSV and import that.")]
    Spreadsheet,
    /// Bytes that are no text.
    #[error("The file is not text; import a CSV or JSON file.")]
    Binary,
    /// The first line names no known column, and it is not JSON.
    #[error(
        "The file is neither CSV nor JSON: its first line has to name the columns, such as ip,hostname,device_type."
    )]
    NotATable,
    /// A table, but nothing says where the devices are.
    #[error("The file has no column ip or ip_address; its columns are {found}.")]
    NoAddressColumn {
        /// The columns it has, as it writes them.
        found: String,
    },
    /// It begins like JSON and is not.
    #[error("The file is not valid JSON at line {line}, column {column}: {problem}.")]
    BrokenJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        problem: String,
    },
    /// JSON without an array of devices.
    #[error("The JSON has no list of devices; write an array of objects, alone or under \"devices\".")]
    NoDeviceList,
    /// A list in which no element says where the device is.
    #[error("No device in the JSON has the key ip or ip_address.")]
    NoAddressKey,
}

/// Opens a file of devices: JSON where it begins with a bracket or a brace, else CSV.
///
/// Text is UTF-8, UTF-16 with a byte order mark, or Windows-1252. CSV is read as RFC 4180 with a header line, separated
/// by comma, semicolon or tab, whichever finds more known columns.
pub fn parse(bytes: &[u8]) -> Result<Parsed<'_>, ImportError> {
    let text = text::decode(bytes)?;
    let (source, unknown_columns) = if text.trim_start().starts_with(['[', '{']) {
        let list = json::read(&text)?;
        (Source::Json(list.rows.into_iter()), list.unknown_keys)
    } else {
        let (table, unknown_columns) = csv::Table::open(text)?;
        (Source::Csv(table), unknown_columns)
    };
    Ok(Parsed { unknown_columns, rows: Rows { source, seen: HashMap::new() } })
}

/// The device as a person would fill it in: what a preview shows of it.
pub fn as_input(device: &NewDevice) -> DeviceInput {
    DeviceInput {
        address: device.address.clone(),
        hostname: device.hostname.clone(),
        device_type: device.device_type.as_str().to_owned(),
        platform: device.platform.clone().unwrap_or_default(),
        port: device.port.to_string(),
        transport: device.transport.as_str().to_owned(),
        credential: device.credential.clone().unwrap_or_default(),
        jump_host: device.jump_host.clone().unwrap_or_default(),
        legacy_ssh: device.legacy_ssh,
        https_port: device.https_port.map(|port| port.to_string()).unwrap_or_default(),
        site: device.site.clone(),
        tags: device.tags.join(", "),
        description: device.description.clone(),
        status: device.status.as_str().to_owned(),
    }
}

/// The rows of a file.
#[derive(Debug)]
pub struct Rows<'a> {
    source: Source<'a>,
    /// The line of each device so far.
    seen: HashMap<Identity, u64>,
}

#[derive(Debug)]
enum Source<'a> {
    Csv(csv::Table<'a>),
    Json(std::vec::IntoIter<RawRow>),
}

/// What makes two rows the same device: site, address, port.
type Identity = (Box<str>, Box<str>, u16);

/// A row before its values are checked.
#[derive(Debug)]
struct RawRow {
    line: u64,
    /// What it says, or why it cannot be read at all.
    values: Result<Values, String>,
}

/// What a row says, by column.
#[derive(Debug, Default)]
struct Values {
    input: DeviceInput,
    given: Columns,
}

impl Values {
    /// Takes a value, unless the row has said something in that column before, or it is blank.
    fn set(&mut self, column: Column, value: &str) {
        let value = value.trim();
        if !value.is_empty() && !self.given.has(column) {
            // Line ends within a cell are those of the file.
            *column.of(&mut self.input) = value.replace("\r\n", "\n").replace('\r', "\n");
            self.given.insert(column);
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = ParsedRow;

    fn next(&mut self) -> Option<ParsedRow> {
        let RawRow { line, values } = match &mut self.source {
            Source::Csv(table) => table.next()?,
            Source::Json(rows) => rows.next()?,
        };
        let given = values.as_ref().map(|values| values.given).unwrap_or_default();
        let device = values
            .and_then(|values| values.input.parse().map_err(|error| sentence(&error)))
            .and_then(|device| self.first_of_its_kind(device, line));
        Some(ParsedRow { line, given, device })
    }
}

impl Rows<'_> {
    fn first_of_its_kind(&mut self, device: NewDevice, line: u64) -> Result<NewDevice, String> {
        let identity = (device.site.as_str().into(), device.address.as_str().into(), device.port);
        match self.seen.entry(identity) {
            Entry::Vacant(entry) => {
                entry.insert(line);
                Ok(device)
            }
            Entry::Occupied(first) => {
                let NewDevice { address, port, site, .. } = device;
                let place = if matches!(self.source, Source::Json(_)) { "element" } else { "line" };
                let first = first.get();
                Err(format!(
                    "The device {address}, port {port}, of site {site} is in {place} {first} already."
                ))
            }
        }
    }
}

/// All that is wrong with a row, each under its column's name.
fn sentence(error: &UserError) -> String {
    if error.fields.is_empty() {
        return error.message.clone();
    }
    let wrong = error.fields.iter().map(|wrong| {
        let column = if wrong.field == "address" { "ip" } else { &wrong.field };
        format!("{column}: {}", wrong.message.trim_end_matches('.'))
    });
    wrong.collect::<Vec<_>>().join("; ") + "."
}
