//! What holds for every command, those that come later among them.

use std::collections::BTreeSet;

use clap::{Arg, Command};

use super::tree;

/// Commands that print no result, or whose result is a text of a form of its own, with what it is.
const WITHOUT_JSON: &[(&str, &str)] = &[
    ("etiqa serve", "works until it is stopped"),
    ("etiqa worker", "works until it is stopped"),
    ("etiqa healthcheck", "its exit code"),
    ("etiqa recovery-kit", "a page to be put on paper"),
    ("etiqa audit export", "CSV, or JSON a line"),
    ("etiqa openapi", "it is JSON"),
    ("etiqa completions", "a script for a shell"),
    ("etiqa man", "pages for man(1)"),
    ("etiqa device add", "nothing"),
    ("etiqa device edit", "nothing"),
    ("etiqa device remove", "nothing"),
    ("etiqa device accept", "nothing"),
    ("etiqa device reject", "nothing"),
    ("etiqa device activate", "nothing"),
    ("etiqa device label", "nothing"),
    ("etiqa device export", "a zip"),
    ("etiqa media add", "nothing"),
    ("etiqa media save", "nothing"),
    ("etiqa media remove", "nothing"),
    ("etiqa inventory-source add", "nothing"),
    ("etiqa inventory-source edit", "nothing"),
    ("etiqa inventory-source remove", "nothing"),
    ("etiqa notify retry", "nothing"),
    ("etiqa notify channel add", "nothing"),
    ("etiqa notify channel edit", "nothing"),
    ("etiqa notify channel remove", "nothing"),
    ("etiqa notify rule add", "nothing"),
    ("etiqa notify rule edit", "nothing"),
    ("etiqa notify rule preview", "a message as it is sent"),
    ("etiqa notify rule remove", "nothing"),
    ("etiqa rule add", "nothing"),
    ("etiqa rule enable", "nothing"),
    ("etiqa rule disable", "nothing"),
    ("etiqa rule remove", "nothing"),
    ("etiqa credential add", "nothing"),
    ("etiqa credential rotate", "nothing"),
    ("etiqa credential remove", "nothing"),
    ("etiqa jump-host add", "nothing"),
    ("etiqa jump-host edit", "nothing"),
    ("etiqa jump-host remove", "nothing"),
    ("etiqa jump-host accept-key", "nothing"),
    ("etiqa destination add", "nothing"),
    ("etiqa destination edit", "nothing"),
    ("etiqa destination retry", "nothing"),
    ("etiqa destination bring-back", "nothing"),
    ("etiqa destination accept", "nothing"),
    ("etiqa destination share", "nothing"),
    ("etiqa destination unshare", "nothing"),
    ("etiqa destination remove", "nothing"),
    ("etiqa backup-config add", "nothing, or the passphrase alone"),
    ("etiqa backup-config edit", "nothing, or the passphrase alone"),
    ("etiqa backup-config remove", "nothing"),
    ("etiqa host-key accept", "nothing"),
    ("etiqa certificate forget", "nothing"),
    ("etiqa user add", "nothing"),
    ("etiqa user passwd", "nothing"),
    ("etiqa user reset-totp", "nothing"),
    ("etiqa user remove", "nothing"),
    ("etiqa token revoke", "nothing"),
];

/// Every command that people see, with its whole name; groups of commands, too.
fn commands() -> Vec<(String, Command)> {
    let mut root = tree();
    root.build();
    let mut all = Vec::new();
    walk(&root, "etiqa".to_owned(), &mut all);
    all
}

fn walk(command: &Command, name: String, all: &mut Vec<(String, Command)>) {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        walk(below, format!("{name} {}", below.get_name()), all);
    }
    all.push((name, command.clone()));
}

fn is_group(command: &Command) -> bool {
    command.get_subcommands().next().is_some()
}

/// Lines of the help's end that are commands of ours, as words: what is before a pipe or behind an arrow is the shell's.
fn examples(command: &Command) -> Vec<Vec<String>> {
    let end = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let end = end.replace("\\\n", " ");
    let lines = end.lines().map(|line| {
        let line = line.trim_start();
        line.strip_prefix("Examples: ").or(line.strip_prefix("Example: ")).unwrap_or(line).trim_start()
    });
    lines.filter_map(|line| pieces(line).into_iter().find(|words| words[0] == "etiqa")).collect()
}

/// The commands of a line, each as its words, as a shell takes it apart.
fn pieces(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word, mut quote) = (Vec::new(), Vec::new(), None::<String>, None);
    let mut is_aside = false;
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('|', None) => {
                words.extend(word.take().filter(|_| !is_aside));
                all.push(std::mem::take(&mut words));
                is_aside = false;
            }
            ('>' | '<', None) => is_aside = true,
            (' ', None) => words.extend(word.take().filter(|_| !is_aside)),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.filter(|_| !is_aside));
    all.push(words);
    all.retain(|words: &Vec<String>| !words.is_empty());
    all
}

#[test]
fn lines_are_taken_apart_as_a_shell_does() {
    let taken = pieces("printf '%s\\n' \"$PASSWORD\" | etiqa user add \"Anna B\" > /tmp/x");
    assert_eq!(taken, [vec!["printf", "%s\\n", "$PASSWORD"], vec!["etiqa", "user", "add", "Anna B"]]);
}

#[test]
fn the_help_of_every_command_ends_with_an_example_of_that_command() {
    for (name, command) in commands() {
        let shown: Vec<String> = examples(&command).iter().map(|words| words.join(" ")).collect();
        let begins = |shown: &String| *shown == name || shown.starts_with(&format!("{name} "));
        assert!(shown.iter().any(begins), "the help of `{name}` has no example of it: {shown:?}");
        let help = command.clone().render_help().to_string();
        let end = command.get_after_help().unwrap().to_string();
        // Lines are wrapped to the terminal's width.
        assert_eq!(help.split_whitespace().last(), end.split_whitespace().last(), "{name}: {help}");
    }
}

#[test]
fn every_example_is_understood() {
    for (name, command) in commands() {
        for example in examples(&command) {
            if let Err(error) = tree().try_get_matches_from(&example) {
                panic!("an example of `{name}`, {example:?}: {error}");
            }
        }
    }
}

#[test]
fn every_command_has_its_underscore_name() {
    for (name, command) in commands().into_iter().filter(|(_, command)| command.get_name().contains('-')) {
        let underscored = command.get_name().replace('-', "_");
        assert!(command.get_all_aliases().any(|alias| alias == underscored), "{name}");
    }
}

#[test]
fn results_can_be_had_as_json() {
    let known: BTreeSet<&str> = WITHOUT_JSON.iter().map(|(name, _)| *name).collect();
    let mut without = BTreeSet::new();
    for (name, command) in commands().into_iter().filter(|(_, command)| !is_group(command)) {
        if !command.get_arguments().any(|argument| argument.get_long() == Some("json")) {
            without.insert(name);
        }
    }
    let without: BTreeSet<&str> = without.iter().map(String::as_str).collect();
    assert_eq!(without, known);
}

#[test]
fn no_command_or_option_is_without_a_word_of_help() {
    for (name, command) in commands() {
        assert!(command.get_about().is_some(), "{name}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name}: {}", argument.get_id());
        }
    }
}

/// The reference of the command line, as it is in docs/.
fn reference() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/command-line.md");
    std::fs::read_to_string(file).unwrap()
}

/// What the reference says of each command: by its heading up to the next one.
fn sections(text: &str) -> Vec<(&str, &str)> {
    let headings = text.split("\n### `").skip(1);
    headings.map(|section| section.split_once("`\n").expect("a heading is a line `### `etiqa …``")).collect()
}

fn own_options(command: &Command) -> impl Iterator<Item = &Arg> {
    let is_own = |argument: &&Arg| !argument.is_global_set() && !argument.is_hide_set();
    command.get_arguments().filter(is_own).filter(|argument| argument.get_id() != "help")
}

#[test]
fn the_reference_has_every_command_with_every_option_and_no_other() {
    let text = reference();
    let sections = sections(&text);
    let documented: BTreeSet<String> = sections.iter().map(|(name, _)| (*name).to_owned()).collect();
    let known: Vec<(String, Command)> =
        commands().into_iter().filter(|(_, command)| !is_group(command)).collect();
    let names: BTreeSet<String> = known.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(documented, names);
    for (name, command) in &known {
        let (_, section) = sections.iter().find(|(heading, _)| heading == name).unwrap();
        let mut options = BTreeSet::new();
        for argument in own_options(command) {
            let shown = match argument.get_long() {
                Some(long) => format!("--{long}"),
                None => argument.get_value_names().unwrap()[0].to_string(),
            };
            assert!(section.contains(&format!("`{shown}")), "{name}: {shown} is not in docs/command-line.md");
            options.insert(shown);
        }
        for line in section.lines().filter_map(|line| line.strip_prefix("- `--")) {
            let option = line.split(['`', ' ', '=', '[']).next().unwrap();
            assert!(options.contains(&format!("--{option}")), "{name} has no option --{option}");
        }
    }
}

#[test]
fn the_examples_of_the_reference_are_understood() {
    let text = reference().replace("\\\n", " ");
    let mut count = 0;
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for words in block.lines().flat_map(pieces).filter(|words| words[0] == "etiqa") {
            if let Err(error) = tree().try_get_matches_from(&words) {
                // Asking for help is an error to the library.
                assert!(!error.use_stderr(), "{words:?}: {error}");
            }
            count += 1;
        }
    }
    assert!(count > 70, "{count}");
}

#[test]
fn the_reference_of_settings_has_every_key() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");
    let text = std::fs::read_to_string(file).unwrap();
    let root = tree();
    for (table, command) in [
        ("", Some(&root)),
        ("serve", root.find_subcommand("serve")),
        ("worker", root.find_subcommand("worker")),
    ] {
        let section = match table {
            "" => text.split("\n## `[").next().unwrap(),
            table => text.split(&format!("\n## `[{table}]`")).nth(1).unwrap().split("\n## ").next().unwrap(),
        };
        for argument in command.unwrap().get_arguments() {
            let Some(key) = super::super::settings::key_of(argument) else { continue };
            assert!(section.contains(&format!("| `{key}` |")), "[{table}] {key} is not in docs/settings.md");
            let variable = argument.get_env().unwrap().to_str().unwrap();
            assert!(section.contains(&format!("`{variable}`")), "{variable} is not in docs/settings.md");
        }
    }
}
