//! `database.json` of an archive: what Django's `dumpdata` writes, a list of `{"model", "pk", "fields"}`; or an object with a
//! list per model, should somebody have written that.

use std::collections::{BTreeMap, HashMap};

use etiqa_model::UserError;
use serde_json::{Map, Value};

use super::record::Record;
use super::source::Kind;
use super::versions::DEVICE;

/// Rows that are in memory.
#[derive(Debug, Default)]
pub(super) struct Dump {
    rows: BTreeMap<Kind, Vec<Record>>,
    /// Configurations by what they call their device.
    configs: HashMap<String, Vec<Record>>,
    /// Kinds that it has a list of, be that empty.
    known: Vec<Kind>,
    /// Configurations come from `network_configs.json`.
    has_file_of_configs: bool,
}

impl Dump {
    /// Reads a dump; its configurations from `configs` where it has none itself.
    pub(super) fn read(database: &[u8], configs: Option<&[u8]>) -> Result<Self, UserError> {
        let mut dump = Self::default();
        dump.take(&parsed("database.json", database)?, None);
        if dump.rows.get(&Kind::Config).is_none_or(Vec::is_empty)
            && let Some(configs) = configs
        {
            dump.take(&parsed("network_configs.json", configs)?, Some(Kind::Config));
            dump.has_file_of_configs = true;
        }
        if dump.rows.values().all(Vec::is_empty) {
            let message = "There are no rows of the Django edition in it: write one with `python manage.py dumpdata`, or \
                           name its db.sqlite3.";
            return Err(UserError::invalid(message));
        }
        for record in dump.rows.remove(&Kind::Config).unwrap_or_default() {
            let device = record.text(DEVICE).unwrap_or_default().to_owned();
            dump.configs.entry(device).or_default().push(record);
        }
        Ok(dump)
    }

    fn take(&mut self, value: &Value, unnamed: Option<Kind>) {
        match value {
            Value::Array(rows) => {
                for row in rows {
                    let model = row.get("model").and_then(Value::as_str);
                    if let Some(kind) = model.map_or(unnamed, Kind::named) {
                        self.push(kind, row);
                    }
                }
                self.known.extend(unnamed);
            }
            Value::Object(lists) => {
                for (name, list) in lists {
                    let Some(kind) = Kind::named(name).or(unnamed) else { continue };
                    self.known.push(kind);
                    for row in list.as_array().into_iter().flatten() {
                        self.push(kind, row);
                    }
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, kind: Kind, row: &Value) {
        let Some(object) = row.as_object() else { return };
        let fields = object.get("fields").and_then(Value::as_object).unwrap_or(object);
        let mut cells = cells(fields);
        if let Some(key) = object.get("pk").or_else(|| object.get("id")).and_then(text_of) {
            cells.push(("id".to_owned(), key));
        }
        self.known.push(kind);
        self.rows.entry(kind).or_default().push(cells.into_iter().collect());
    }

    pub(super) fn words(&self) -> &'static str {
        if self.has_file_of_configs {
            "database.json and network_configs.json of an archive"
        } else {
            "a dump of the Django edition's database"
        }
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.known.contains(&kind)
    }

    pub(super) fn all(&self, kind: Kind) -> Vec<Record> {
        self.rows.get(&kind).cloned().unwrap_or_default()
    }

    /// How many configurations there are, whosever they are.
    pub(super) fn count_configs(&self) -> u64 {
        self.configs.values().map(|configs| configs.len() as u64).sum()
    }

    /// What configurations call their devices, each once, in order.
    pub(super) fn named_devices(&self) -> Vec<String> {
        let mut names: Vec<String> = self.configs.keys().filter(|name| !name.is_empty()).cloned().collect();
        names.sort_unstable();
        names
    }

    /// Those of the device of this number; `network_configs.json` may call it by its address or its name instead.
    pub(super) fn configs_of(&self, key: &str, names: &[&str]) -> Vec<Record> {
        let found = std::iter::once(key).chain(names.iter().copied()).find_map(|name| self.configs.get(name));
        found.cloned().unwrap_or_default()
    }
}

fn parsed(name: &str, text: &[u8]) -> Result<Value, UserError> {
    serde_json::from_slice(text).map_err(|error| {
        UserError::invalid(format!("{name} is not valid JSON: {error}. Name the db.sqlite3 itself instead."))
    })
}

fn cells(fields: &Map<String, Value>) -> Vec<(String, String)> {
    fields.iter().filter_map(|(name, value)| Some((name.clone(), text_of(value)?))).collect()
}

/// A value as a text; of an object, which stands for the row it refers to, what names that row.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Object(of) => ["id", "pk", "ip_address", "ip", "hostname", "name"]
            .iter()
            .find_map(|name| text_of(of.get(*name)?)),
        Value::Array(_) => Some(value.to_string()),
    }
}
