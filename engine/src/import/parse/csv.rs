//! Tables as text (RFC 4180), read so that one wrong quotation mark costs one row.
//!
//! The csv crate follows an unclosed quotation mark to the end of the file, or to the next one that comes along, and
//! with it go all the rows between. Here a row whose quotation marks do not add up ends with its line. What is well
//! formed is read as that crate reads it, which a test holds to.

use std::borrow::Cow;

use super::columns::{Column, Columns, Unknown};
use super::{ImportError, RawRow, Values};

/// Characters that are said of the columns of a file that has none for addresses.
const LONGEST_FOUND: usize = 200;

/// A table whose header has been read.
#[derive(Debug)]
pub(super) struct Table<'a> {
    text: Cow<'a, str>,
    delimiter: u8,
    /// What each column means; none: nothing.
    columns: Vec<Option<Column>>,
    /// Where the next record begins, in bytes.
    position: usize,
    /// Its line, from 1.
    line: u64,
}

impl<'a> Table<'a> {
    /// Reads the header; also gives the names of unknown columns.
    pub(super) fn open(text: Cow<'a, str>) -> Result<(Self, Vec<String>), ImportError> {
        let mut table = Self { text, delimiter: b',', columns: Vec::new(), position: 0, line: 1 };
        table.skip_blank_lines();
        let declared = table.declared_delimiter();
        if declared.is_some() {
            table.advance(end_of_line(&table.text, table.position));
            table.skip_blank_lines();
        }
        let header = match declared {
            Some(delimiter) => Header::read(&table.text, table.position, delimiter),
            // Commas win where it makes no difference.
            None => [b',', b';', b'\t']
                .into_iter()
                .filter_map(|delimiter| Header::read(&table.text, table.position, delimiter))
                .reduce(|best, other| if other.known() > best.known() { other } else { best }),
        };
        let header = header.filter(|header| header.known() > 0).ok_or(ImportError::NotATable)?;
        if !header.columns.contains(&Some(Column::Address)) {
            let found = header.names.join(", ").chars().take(LONGEST_FOUND).collect();
            return Err(ImportError::NoAddressColumn { found });
        }
        let mut unknown = Unknown::default();
        for (name, column) in header.names.iter().zip(&header.columns) {
            if column.is_none() {
                unknown.note(name);
            }
        }
        let Header { delimiter, columns, end, .. } = header;
        (table.delimiter, table.columns) = (delimiter, columns);
        table.advance(end);
        Ok((table, unknown.into_names()))
    }

    /// Excel's own way to say it: a first line `sep=;`.
    fn declared_delimiter(&self) -> Option<u8> {
        let line = &self.text[self.position..end_of_line(&self.text, self.position)];
        match line.trim_end_matches(['\r', '\n']).as_bytes() {
            [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter @ (b',' | b';' | b'\t')] => {
                Some(*delimiter)
            }
            _ => None,
        }
    }

    fn skip_blank_lines(&mut self) {
        while self.position < self.text.len() {
            let end = end_of_line(&self.text, self.position);
            if !self.text[self.position..end].trim().is_empty() {
                break;
            }
            self.advance(end);
        }
    }

    /// Goes on to byte `end`, counting the lines on the way.
    fn advance(&mut self, end: usize) {
        while self.position < end {
            self.position = end_of_line(&self.text, self.position);
            self.line += 1;
        }
    }

    fn values(&self, record: &Record<'_>) -> Result<Values, String> {
        if record.is_malformed {
            return Err("A quotation mark is not closed, or stands in the wrong place.".into());
        }
        let (has, needs) = (record.cells.len(), self.columns.len());
        if has != needs {
            let fields = if has == 1 { "field" } else { "fields" };
            return Err(format!("The row has {has} {fields}, but the first line names {needs} columns."));
        }
        let mut values = Values::default();
        for (column, cell) in self.columns.iter().zip(&record.cells) {
            if let Some(column) = column {
                values.set(*column, cell);
            }
        }
        Ok(values)
    }
}

impl Iterator for Table<'_> {
    type Item = RawRow;

    fn next(&mut self) -> Option<RawRow> {
        while self.position < self.text.len() {
            let record = Record::read(&self.text, self.position, self.delimiter);
            let line = self.line;
            let end = record.end;
            // A line of delimiters alone is how spreadsheets write an empty row.
            let is_blank = !record.is_malformed && record.cells.iter().all(|cell| cell.trim().is_empty());
            let row = (!is_blank).then(|| RawRow { line, values: self.values(&record) });
            self.advance(end);
            if row.is_some() {
                return row;
            }
        }
        None
    }
}

/// A first line, split at one delimiter.
struct Header {
    delimiter: u8,
    names: Vec<String>,
    columns: Vec<Option<Column>>,
    end: usize,
}

impl Header {
    fn read(text: &str, position: usize, delimiter: u8) -> Option<Self> {
        let record = Record::read(text, position, delimiter);
        let names: Vec<String> = record.cells.iter().map(|cell| cell.trim().to_owned()).collect();
        let columns = names.iter().map(|name| Column::named(name)).collect();
        (!record.is_malformed).then_some(Self { delimiter, names, columns, end: record.end })
    }

    /// How many different columns it knows.
    fn known(&self) -> u32 {
        self.columns.iter().flatten().copied().collect::<Columns>().len()
    }
}

/// One record: a line, or several where a quoted cell has line ends in it.
pub(super) struct Record<'t> {
    /// Unquoted.
    pub(super) cells: Vec<Cow<'t, str>>,
    /// Where the next record begins, in bytes.
    pub(super) end: usize,
    /// Its quotation marks do not add up; the next record begins with the next line.
    pub(super) is_malformed: bool,
}

impl<'t> Record<'t> {
    /// Reads the record that begins at byte `start`.
    ///
    /// Reading stays in proportion to the file even when every row is malformed, because each quotation mark ends the
    /// search that the one before it began.
    pub(super) fn read(text: &'t str, start: usize, delimiter: u8) -> Self {
        let mut cells = Vec::new();
        let mut at = start;
        loop {
            let Some((cell, end)) = read_cell(text, at, delimiter) else {
                return Self { cells, end: end_of_line(text, start), is_malformed: true };
            };
            cells.push(cell);
            if text.as_bytes().get(end) != Some(&delimiter) {
                return Self { cells, end: end_of_line(text, end), is_malformed: false };
            }
            at = end + 1;
        }
    }
}

/// The cell that begins at byte `start`, and where it ends: at a delimiter, a line end or the end of the text. None
/// where its quotation marks do not add up.
fn read_cell(text: &str, start: usize, delimiter: u8) -> Option<(Cow<'_, str>, usize)> {
    let ends_cell = |byte: &u8| *byte == delimiter || matches!(byte, b'\n' | b'\r');
    let rest = &text[start..];
    let indent = rest.len() - rest.trim_start_matches(' ').len();
    let Some(quoted) = rest[indent..].strip_prefix('"') else {
        let length = rest.bytes().position(|byte| ends_cell(&byte)).unwrap_or(rest.len());
        return Some((rest[..length].into(), start + length));
    };

    let mut closing = quoted.find('"')?;
    let mut has_doubled = false;
    while quoted[closing + 1..].starts_with('"') {
        has_doubled = true;
        closing = closing + 2 + quoted[closing + 2..].find('"')?;
    }
    let content = &quoted[..closing];
    let after = &quoted[closing + 1..];
    let blank = after.len() - after.trim_start_matches(' ').len();
    if after.as_bytes().get(blank).is_some_and(|byte| !ends_cell(byte)) {
        return None;
    }
    let content = if has_doubled { content.replace("\"\"", "\"").into() } else { content.into() };
    Some((content, text.len() - after.len() + blank))
}

/// Where the line after the one at byte `start` begins. Lines end with LF, CRLF or CR.
fn end_of_line(text: &str, start: usize) -> usize {
    let rest = &text.as_bytes()[start..];
    match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(end) if rest[end..].starts_with(b"\r\n") => start + end + 2,
        Some(end) => start + end + 1,
        None => text.len(),
    }
}
