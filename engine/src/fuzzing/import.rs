//! Files of devices.

use crate::import::parse::{as_input, parse};

/// A CSV or JSON file.
///
/// What is refused is refused in a sentence. Rows come in the order of the file, no more of them than it has bytes; what a
/// preview shows of a device is the device that is imported.
///
/// # Panics
/// Where one of these does not hold.
pub fn import(input: &[u8]) {
    let parsed = match parse(input) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(error.to_string().ends_with('.'), "{error}");
            return;
        }
    };
    assert!(parsed.unknown_columns.len() <= 50, "a list without an end");
    let (mut line, mut rows) = (0, 0);
    for row in parsed.rows {
        assert!(row.line > line, "rows out of order");
        line = row.line;
        rows += 1;
        match row.device {
            Ok(device) => assert_eq!(as_input(&device).parse(), Ok(device), "another device than was shown"),
            Err(sentence) => assert!(!sentence.trim().is_empty(), "no word of what is wrong"),
        }
    }
    assert!(rows <= input.len(), "rows out of nothing");
}
