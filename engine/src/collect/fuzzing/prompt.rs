//! Prompts of the built-in drivers.

use crate::collect::driver::{DriverSet, Mode};

/// A driver's name, a line of the device and a command, each on a line of its own.
///
/// A prompt's identity is some of its line's text and never nothing; it does not depend on blanks behind the prompt, is
/// known again by itself and by nothing else, and is the one that stands before an echo.
///
/// # Panics
/// Where one of these does not hold.
pub fn prompt(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.splitn(3, '\n');
    let (Some(name), Some(line), command) = (lines.next(), lines.next(), lines.next()) else { return };
    let Some(driver) = DriverSet::built_in().get(name) else { return };
    let Mode::Shell(shell) = &driver.mode else { return };
    let rule = &shell.prompt;
    let Some(found) = rule.find(line) else {
        assert_eq!(rule.find_known(line, ""), None);
        return;
    };
    assert!(!found.identity.trim().is_empty(), "a prompt that anything is");
    assert!(line.contains(found.identity));
    assert_eq!(rule.find(&format!("{line} \t ")), Some(found), "blanks behind a prompt");
    assert_eq!(rule.find_known(line, found.identity), Some(found));
    assert_eq!(rule.find_known(line, &format!("{}x", found.identity)), None, "the prompt of another host");
    // As the driver's check leaves commands: of one line, and trimmed.
    let command = command.unwrap_or_default().split('\n').next().unwrap_or_default().trim();
    if !command.is_empty() {
        let echoed = format!("{line}{command}");
        assert_eq!(rule.before_echo(&echoed, command), Some(found), "an echo behind its prompt");
    }
}
