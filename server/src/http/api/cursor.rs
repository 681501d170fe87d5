//! Where a list goes on: the key of the last item, in a form that nobody is tempted to make up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use etiqa_model::UserError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ask::has_nul;

/// The cursor that goes on after what has this key.
pub(super) fn to_cursor(key: &impl Serialize) -> String {
    // A key is a number or a few texts; it always has a form in JSON.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// The key of a cursor. Nobody was given one with the character U+0000 in it, which PostgreSQL does not take.
pub(super) fn from_cursor<K: DeserializeOwned>(cursor: &str) -> Result<K, UserError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| !has_nul(bytes));
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.ok_or_else(|| UserError::invalid("This cursor is not one of this list; begin without one."))
}

/// The key of a cursor, where there is one.
pub(super) fn after<K: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<K>, UserError> {
    cursor.map(from_cursor).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_where_it_was_made_and_is_no_place_for_anything_else() {
        let cursor = to_cursor(&("core-sw-1", 7));
        assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(from_cursor::<(String, i64)>(&cursor).unwrap(), ("core-sw-1".to_owned(), 7));
        assert!(from_cursor::<i64>(&cursor).is_err());
        assert!(from_cursor::<i64>("'; DROP").is_err());
        assert!(from_cursor::<(String, i64)>(&to_cursor(&("a\0b", 7))).is_err());
    }
}
