//! One value of a row in `database.json`: nothing is within it, but for bytes, which are `{"base64":"…"}`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::store::restore::Cell;

/// A value, as it is written.
pub(super) struct Written(pub(super) Cell);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(OneValue).map(Written)
    }
}

struct OneValue;

impl<'de> Visitor<'de> for OneValue {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a number, a text or bytes")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Cell, E> {
        i64::try_from(value).map(Cell::Int).map_err(|_| E::custom("a number is larger than any column takes"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(Cell::Double(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        let is_bytes = map.next_key::<String>()?.is_some_and(|name| name == "base64");
        if !is_bytes {
            return Err(A::Error::custom("bytes are not written as base64"));
        }
        let Bytes(bytes) = map.next_value()?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(Cell::Bytes(bytes)),
            Some(_) => Err(A::Error::custom("bytes are more than base64")),
        }
    }
}

/// Decoded where they stand: the text is not held beside them.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Base64;

        impl Visitor<'_> for Base64 {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                STANDARD.decode(text).map(Bytes).map_err(|_| E::custom("bytes are no base64"))
            }
        }

        json.deserialize_str(Base64)
    }
}
