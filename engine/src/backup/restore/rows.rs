//! `database.json`, read row by row as it comes out of the archive: memory stays flat whatever its size.

use std::fmt;
use std::io::{self, Read};

use serde::de::{Deserialize, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokio::sync::mpsc;

use super::bounded::Bounded;
use super::value::Written;
use crate::store::dump::TABLES;
use crate::store::restore::Cell;

/// Rows that are sent at once, and bytes after which they are sent sooner.
const ROWS: usize = 200;
const BYTES: usize = 4 << 20;
/// No table has nearly as many columns.
const MOST_COLUMNS: usize = 200;
/// PostgreSQL takes no longer name (its manual, 4.1.1).
const LONGEST_NAME: usize = 63;

/// What comes out of `database.json`, in this order.
#[derive(Debug)]
pub(super) enum Piece {
    /// The schema number of the database that it was read from.
    Schema(i64),
    /// Rows of a table, with its columns.
    Rows { table: String, columns: Vec<String>, rows: Vec<Vec<Cell>> },
}

/// Reads all of `database.json` into `pieces`; refuses a value or a row that is longer than `bound`. Blocks.
pub(super) fn read_rows(source: impl Read, bound: u64, pieces: &mpsc::Sender<Piece>) -> io::Result<()> {
    let source = io::BufReader::with_capacity(1 << 17, Bounded::new(source, bound));
    let mut json = serde_json::Deserializer::from_reader(source);
    let sink = Sink { pieces, bound: usize::try_from(bound).unwrap_or(usize::MAX) };
    Document(sink).deserialize(&mut json)?;
    Ok(json.end()?)
}

/// Where rows go, and how long one of them may be.
#[derive(Clone, Copy)]
struct Sink<'a> {
    pieces: &'a mpsc::Sender<Piece>,
    bound: usize,
}

fn gone<E: serde::de::Error>() -> E {
    E::custom("nobody takes the rows any more")
}

struct Document<'a>(Sink<'a>);

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
                    self.0.pieces.blocking_send(Piece::Schema(schema)).map_err(|_| gone())?;
                }
                "tables" => map.next_value_seed(Tables(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Tables<'a>(Sink<'a>);

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
            let Some(name) = TABLES.iter().find(|known| **known == name) else {
                return Err(A::Error::custom("it names a table that there is none of"));
            };
            map.next_value_seed(Table { sink: self.0, name })?;
        }
        Ok(())
    }
}

struct Table<'a> {
    sink: Sink<'a>,
    name: &'static str,
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
        let mut columns = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "columns" => Columns(columns) = map.next_value()?,
                "rows" => {
                    let (sink, table) = (self.sink, self.name);
                    map.next_value_seed(Rows { sink, table, columns: &columns })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Names of columns, which the rows after them are held against.
struct Columns(Vec<String>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names of columns")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Columns, A::Error> {
                let mut names: Vec<String> = Vec::new();
                while let Some(name) = seq.next_element::<String>()? {
                    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
                    if names.len() == MOST_COLUMNS || name.len() > LONGEST_NAME || !name.bytes().all(is_plain)
                    {
                        return Err(A::Error::custom("it names columns that no table has"));
                    }
                    names.push(name);
                }
                Ok(Columns(names))
            }
        }

        json.deserialize_seq(Names)
    }
}

struct Rows<'a> {
    sink: Sink<'a>,
    table: &'static str,
    columns: &'a [String],
}

impl Rows<'_> {
    fn send<E: serde::de::Error>(&self, rows: Vec<Vec<Cell>>) -> Result<(), E> {
        if rows.is_empty() {
            return Ok(());
        }
        let (table, columns) = (self.table.to_owned(), self.columns.to_vec());
        self.sink.pieces.blocking_send(Piece::Rows { table, columns, rows }).map_err(|_| gone())
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
        let row = || Row { bound: self.sink.bound, table: self.table, columns: self.columns.len() };
        while let Some(row) = seq.next_element_seed(row())? {
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

struct Row {
    bound: usize,
    table: &'static str,
    columns: usize,
}

impl<'de> DeserializeSeed<'de> for Row {
    type Value = Vec<Cell>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Vec<Cell>, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row {
    type Value = Vec<Cell>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Cell>, A::Error> {
        let (mut row, mut bytes) = (Vec::with_capacity(self.columns), 0);
        while let Some(Written(cell)) = seq.next_element()? {
            bytes += cell.size();
            row.push(cell);
            // Said before the rest of it is held.
            if row.len() > self.columns || bytes > self.bound {
                break;
            }
        }
        let table = self.table;
        if bytes > self.bound {
            let message =
                format!("a row of {table} has more than {} MiB, made to fill a memory", self.bound >> 20);
            return Err(A::Error::custom(message));
        }
        if row.len() != self.columns {
            return Err(A::Error::custom(format!("a row of {table} has not one value a column")));
        }
        Ok(row)
    }
}
