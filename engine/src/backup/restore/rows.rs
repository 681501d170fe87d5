//! `database.json`, read row by row as it comes out of the archive: memory stays flat whatever its size.

use std::fmt;
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokio::sync::mpsc;

use crate::store::restore::Cell;

/// Rows that are sent at once, and bytes after which they are sent sooner.
const ROWS: usize = 200;
const BYTES: usize = 4 << 20;

/// What comes out of `database.json`, in this order.
#[derive(Debug)]
pub(super) enum Piece {
    /// The schema number of the database that it was read from.
    Schema(i64),
    /// Rows of a table, with its columns.
    Rows { table: String, columns: Vec<String>, rows: Vec<Vec<Cell>> },
}

/// Reads all of `database.json` into `pieces`. Blocks.
pub(super) fn read_rows(source: impl Read, pieces: &mpsc::Sender<Piece>) -> io::Result<()> {
    let mut json = serde_json::Deserializer::from_reader(io::BufReader::with_capacity(1 << 17, source));
    Document { pieces }.deserialize(&mut json)?;
    Ok(json.end()?)
}

fn gone<E: serde::de::Error>() -> E {
    E::custom("nobody takes the rows any more")
}

struct Document<'a> {
    pieces: &'a mpsc::Sender<Piece>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tables of a database")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "schema" => {
                    let schema = map.next_value()?;
                    self.pieces.blocking_send(Piece::Schema(schema)).map_err(|_| gone())?;
                }
                "tables" => map.next_value_seed(Tables { pieces: self.pieces })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Tables<'a> {
    pieces: &'a mpsc::Sender<Piece>,
}

impl<'de> DeserializeSeed<'de> for Tables<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tables<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Table { pieces: self.pieces, name })?;
        }
        Ok(())
    }
}

struct Table<'a> {
    pieces: &'a mpsc::Sender<Piece>,
    name: String,
}

impl<'de> DeserializeSeed<'de> for Table<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Table<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("columns and rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut columns: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "columns" => columns = map.next_value()?,
                "rows" => {
                    let (pieces, table) = (self.pieces, self.name.as_str());
                    map.next_value_seed(Rows { pieces, table, columns: &columns })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Rows<'a> {
    pieces: &'a mpsc::Sender<Piece>,
    table: &'a str,
    columns: &'a [String],
}

impl Rows<'_> {
    fn send<E: serde::de::Error>(&self, rows: Vec<Vec<Cell>>) -> Result<(), E> {
        if rows.is_empty() {
            return Ok(());
        }
        let (table, columns) = (self.table.to_owned(), self.columns.to_vec());
        self.pieces.blocking_send(Piece::Rows { table, columns, rows }).map_err(|_| gone())
    }
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(row) = seq.next_element::<Vec<Written>>()? {
            if row.len() != self.columns.len() {
                return Err(A::Error::custom(format!("a row of {} has not one value a column", self.table)));
            }
            let row: Vec<Cell> = row
                .into_iter()
                .map(Written::into_cell)
                .collect::<Result<_, _>>()
                .map_err(A::Error::custom)?;
            bytes += row.iter().map(Cell::size).sum::<usize>();
            rows.push(row);
            if rows.len() >= ROWS || bytes >= BYTES {
                self.send(std::mem::take(&mut rows))?;
                bytes = 0;
            }
        }
        self.send(rows)
    }
}

/// A value as it is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Null,
    Int(i64),
    Double(f64),
    Text(String),
    Bytes { base64: String },
}

impl Written {
    fn into_cell(self) -> Result<Cell, &'static str> {
        Ok(match self {
            Self::Null => Cell::Null,
            Self::Int(value) => Cell::Int(value),
            Self::Double(value) => Cell::Double(value),
            Self::Text(text) => Cell::Text(text),
            Self::Bytes { base64 } => {
                Cell::Bytes(STANDARD.decode(base64).map_err(|_| "bytes are no base64")?)
            }
        })
    }
}
