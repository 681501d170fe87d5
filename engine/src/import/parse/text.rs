//! Bytes to text, whatever wrote them.

use std::borrow::Cow;

use super::ImportError;

/// The text of a file.
///
/// Excel writes UTF-8 with a byte order mark, UTF-16 ("Unicode text") or Windows-1252 ("CSV"), depending on what was
/// clicked. The last has no mark, so what is not UTF-8 is read as Windows-1252, piece by piece: one such byte in a
/// UTF-8 file does not spoil the rest.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, ImportError> {
    let text = match bytes {
        [b'P', b'K', 3 | 5, 4 | 6, ..] | [0xD0, 0xCF, 0x11, 0xE0, ..] => {
            return Err(ImportError::Spreadsheet);
        }
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf_8_or_windows_1252(rest),
        _ => utf_8_or_windows_1252(bytes),
    };
    if text.contains('\0') {
        return Err(ImportError::Binary);
    }
    if text.trim().is_empty() {
        return Err(ImportError::Empty);
    }
    Ok(text)
}

fn utf_16<'a>(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'a, str> {
    let units = bytes.chunks(2).map(|pair| match pair {
        [first, second] => unit([*first, *second]),
        // Half a unit at the end: the replacement character.
        _ => 0xFFFD,
    });
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into()
}

fn utf_8_or_windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().copied().map(windows_1252));
    }
    text.into()
}

/// The character of a byte, by the WHATWG Encoding Standard's index of windows-1252: Latin-1 but for 0x80 to 0x9F.
fn windows_1252(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => FROM_80[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
