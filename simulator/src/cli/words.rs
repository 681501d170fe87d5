//! How command lines match what was typed against what they know.

/// Whether `line` is `command`, each word perhaps shortened, as network platforms allow: `sh run` is
/// `show running-config`.
pub(super) fn is_command(line: &str, command: &str) -> bool {
    let mut typed = line.split_whitespace();
    let mut known = command.split(' ');
    loop {
        match (typed.next(), known.next()) {
            (None, None) => return true,
            (Some(word), Some(full)) if full.starts_with(&word.to_lowercase()) => {}
            _ => return false,
        }
    }
}

/// Splits a POSIX shell's command into words: single and double quotes group, a backslash takes the next
/// character as it is. Nothing is expanded.
pub(super) fn shell_words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_shortened_but_not_left_out() {
        assert!(is_command("sh  run", "show running-config"));
        assert!(is_command("SHOW running-config", "show running-config"));
        assert!(!is_command("show", "show running-config"));
        assert!(!is_command("show running-config all", "show running-config"));
    }

    #[test]
    fn quotes_group_words() {
        assert_eq!(
            shell_words(r#"tmsh -q -c 'cd /; show' "a b" c\ d"#),
            ["tmsh", "-q", "-c", "cd /; show", "a b", "c d"]
        );
    }
}
