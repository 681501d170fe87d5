//! Names for what things are: equal for equal things, and only for those.

use etiqa_model::UserError;
use serde::Serialize;

use crate::hex::sha256_hex;

/// Names a thing as people made it, by 128 bits of a SHA-256 in lower-case hex: an edit that knew another name was begun before
/// that.
pub fn stamp(of: &impl Serialize) -> Result<String, UserError> {
    let text = serde_json::to_vec(of).map_err(|_| UserError::internal())?;
    Ok(stamp_of(&text))
}

/// The same of bytes.
pub fn stamp_of(bytes: &[u8]) -> String {
    let mut hash = sha256_hex(bytes);
    hash.truncate(32);
    hash
}
