//! Reads columns as our types: `Any` knows neither booleans nor dates.

use etiqa_model::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{DbError, Result};

/// A value as the JSON that [`RowExt::json`] reads; an error where it cannot be written.
pub fn json_text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)).into())
}

/// Columns by name, as our types.
pub trait RowExt {
    /// A whole number.
    fn int(&self, column: &'static str) -> Result<i64>;
    /// A whole number or NULL.
    fn opt_int(&self, column: &'static str) -> Result<Option<i64>>;
    /// A count; what does not fit becomes 0.
    fn count<N: TryFrom<i64> + Default>(&self, column: &'static str) -> Result<N>;
    /// A flag, stored as 0 or 1.
    fn flag(&self, column: &'static str) -> Result<bool>;
    /// A text.
    fn text(&self, column: &'static str) -> Result<String>;
    /// A text or NULL.
    fn opt_text(&self, column: &'static str) -> Result<Option<String>>;
    /// Bytes.
    fn bytes(&self, column: &'static str) -> Result<Vec<u8>>;
    /// Bytes or NULL.
    fn opt_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>>;
    /// A time.
    fn time(&self, column: &'static str) -> Result<Timestamp>;
    /// A time or NULL.
    fn opt_time(&self, column: &'static str) -> Result<Option<Timestamp>>;
    /// A text that names a value, read by `parse`.
    fn named<T>(&self, column: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T>;
    /// JSON.
    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T>;
}

impl RowExt for AnyRow {
    fn int(&self, column: &'static str) -> Result<i64> {
        Ok(self.try_get(column)?)
    }

    fn opt_int(&self, column: &'static str) -> Result<Option<i64>> {
        Ok(self.try_get(column)?)
    }

    fn count<N: TryFrom<i64> + Default>(&self, column: &'static str) -> Result<N> {
        Ok(N::try_from(self.int(column)?).unwrap_or_default())
    }

    fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    fn text(&self, column: &'static str) -> Result<String> {
        Ok(self.try_get(column)?)
    }

    fn opt_text(&self, column: &'static str) -> Result<Option<String>> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: &'static str) -> Result<Vec<u8>> {
        Ok(self.try_get(column)?)
    }

    fn opt_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>> {
        Ok(self.try_get(column)?)
    }

    fn time(&self, column: &'static str) -> Result<Timestamp> {
        self.int(column).map(Timestamp)
    }

    fn opt_time(&self, column: &'static str) -> Result<Option<Timestamp>> {
        Ok(self.opt_int(column)?.map(Timestamp))
    }

    fn named<T>(&self, column: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T> {
        parse(&self.text(column)?).map_err(|message| DbError::Value { column, message })
    }

    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        serde_json::from_str(&self.text(column)?)
            .map_err(|error| DbError::Value { column, message: error.to_string() })
    }
}
