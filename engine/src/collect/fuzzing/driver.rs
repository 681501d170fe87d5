//! The language of drivers.

use crate::collect::driver::Driver;

/// A driver's text.
///
/// What is wrong with it has a line of it and a sentence; what is valid has parts, warnings with lines of it, and is the
/// same when it is read again.
///
/// # Panics
/// Where one of these does not hold.
pub fn driver(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let is_line = |line: usize| (1..=text.lines().count().max(1) + 1).contains(&line);
    let driver = match Driver::parse("fuzzed", text) {
        Ok(driver) => driver,
        Err(error) => {
            assert!(error.line.is_none_or(is_line), "{error}");
            assert!(error.message.ends_with(['.', '"']) && error.message.len() > 5, "{error}");
            return;
        }
    };
    assert!(!driver.parts().is_empty() && !driver.title().trim().is_empty());
    for part in driver.parts() {
        assert!((1..=100).contains(&driver.max_shrink(part)));
    }
    assert!(driver.warnings().iter().all(|warning| is_line(warning.line)));
    assert_eq!(driver.text(), text);
    let again = Driver::parse(driver.name(), driver.text()).map(|again| format!("{again:?}"));
    assert_eq!(again, Ok(format!("{driver:?}")), "read again it is another driver");
}
