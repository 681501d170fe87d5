//! Devices as JSON: an array of objects, alone or under `devices`.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

use super::columns::{Column, Unknown};
use super::{ImportError, RawRow, Values};

/// All rows of a JSON file.
pub(super) struct List {
    pub(super) rows: Vec<RawRow>,
    pub(super) unknown_keys: Vec<String>,
}

/// Reads the whole file: whether it is JSON shows only at its end.
pub(super) fn read(text: &str) -> Result<List, ImportError> {
    let mut found = Found::default();
    let mut json = serde_json::Deserializer::from_str(text);
    Document(&mut found).deserialize(&mut json).and_then(|()| json.end()).map_err(|error| refusal(&error))?;
    if !found.has_list {
        return Err(ImportError::NoDeviceList);
    }
    if !found.has_address && found.rows.iter().any(|row| row.values.is_ok()) {
        return Err(ImportError::NoAddressKey);
    }
    Ok(List { rows: found.rows, unknown_keys: found.unknown.into_names() })
}

fn refusal(error: &serde_json::Error) -> ImportError {
    if error.classify() == Category::Data {
        return ImportError::NoDeviceList;
    }
    let (line, column) = (error.line(), error.column());
    let place = format!(" at line {line} column {column}");
    ImportError::BrokenJson { line, column, problem: error.to_string().replace(&place, "") }
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    rows: Vec<RawRow>,
    unknown: Unknown,
    has_list: bool,
    has_address: bool,
}

impl Found {
    fn add(&mut self, element: Value) {
        let line = self.rows.len() as u64 + 1;
        let values = match element {
            Value::Object(object) => self.values(&object),
            _ => Err("The element is not an object with keys such as ip and hostname.".into()),
        };
        self.rows.push(RawRow { line, values });
    }

    fn values(&mut self, object: &serde_json::Map<String, Value>) -> Result<Values, String> {
        let mut values = Values::default();
        let mut wrong = Vec::new();
        for (key, value) in object {
            let Some(column) = Column::named(key) else {
                self.unknown.note(key);
                continue;
            };
            self.has_address |= column == Column::Address;
            match (text_of(value), value) {
                (Some(text), _) => values.set(column, &text),
                (None, Value::Array(tags)) if column == Column::Tags => {
                    match tags.iter().map(text_of).collect::<Option<Vec<_>>>() {
                        Some(tags) => values.set(column, &tags.join(",")),
                        None => wrong.push(format!("{key}: takes texts only")),
                    }
                }
                (None, _) => wrong.push(format!("{key}: takes a text or a number, not a list or an object")),
            }
        }
        if wrong.is_empty() { Ok(values) } else { Err(wrong.join("; ") + ".") }
    }
}

/// A plain value as a person would write it; none for lists and objects.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        // Spreadsheets make 22.0 of 22.
        Value::Number(number) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").map(str::to_owned).unwrap_or(text))
        }
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The whole file.
struct Document<'f>(&'f mut Found);

/// The array of devices. Its elements are taken one by one, so that the file is never in memory a second time as a
/// tree.
struct Devices<'f>(&'f mut Found);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of devices, alone or under \"devices\"")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        Devices(self.0).visit_seq(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<(), A::Error> {
        while let Some(key) = keys.next_key::<String>()? {
            if key.trim().eq_ignore_ascii_case("devices") {
                keys.next_value_seed(Devices(self.0))?;
            } else {
                keys.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Devices<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Devices<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of devices")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.has_list = true;
        while let Some(element) = elements.next_element()? {
            self.0.add(element);
        }
        Ok(())
    }
}
