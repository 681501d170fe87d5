//! What is valid and yet dangerous: a driver reads, so a command that would change the device is a mistake, and so is one
//! that is taken for a change when the device logs it.

use regex::Regex;

use crate::collect::driver::DriverWarning;
use crate::collect::driver::file::{File, Text};
use crate::collect::driver::regexes::Source;

/// First words that change something on one platform or another.
const CHANGING: &[&str] = &[
    "add",
    "chmod",
    "chown",
    "clear",
    "commit",
    "configure",
    "conf",
    "copy",
    "cp",
    "create",
    "dd",
    "debug",
    "del",
    "delete",
    "erase",
    "format",
    "import",
    "install",
    "kill",
    "mkdir",
    "mkfs",
    "modify",
    "move",
    "mv",
    "no",
    "passwd",
    "reboot",
    "reload",
    "remove",
    "rename",
    "request",
    "reset",
    "restart",
    "restore",
    "rm",
    "rollback",
    "save",
    "set",
    "shutdown",
    "systemctl",
    "tee",
    "touch",
    "undo",
    "unset",
    "upgrade",
    "useradd",
    "write",
];

/// Beginnings that look like these, but end with the session or only show.
const HARMLESS: &[&str] = &[
    "no cli pager",
    "no cli session",
    "no length",
    "no more",
    "no page",
    "no pager",
    "no paging",
    "no terminal",
    "set cli ",
    "set clienv ",
    "set length",
    "set lines",
    "set terminal",
    "set virtual-system ",
    "undo terminal",
    "write t",
];

/// As many of a driver's commands are held against its messages of changes.
const MOST_COMPARED: usize = 1_000;

/// `changes` are the compiled messages of the file's `[change]`, in their order.
pub(super) fn warnings(source: &Source, file: &File, changes: &[Regex]) -> Vec<DriverWarning> {
    let mut warnings = changing(source, file);
    warnings.extend(endless(source, file, changes));
    warnings
}

/// Everything that a session types, in the order of the file's tables.
fn typed(file: &File) -> impl Iterator<Item = &Text> {
    let commands = file.command.iter().flat_map(|command| {
        [&command.send].into_iter().chain(&command.alternatives).chain(&command.enter).chain(&command.leave)
    });
    let paging = file.paging.iter().flat_map(|paging| &paging.get_ref().disable);
    let probes = file.identify.command.iter().map(|probe| &probe.send);
    commands.chain(paging).chain(probes).chain(&file.logout)
}

fn changing(source: &Source, file: &File) -> Vec<DriverWarning> {
    typed(file)
        .filter(|text| may_change(text.get_ref()))
        .map(|text: &Text| DriverWarning {
            line: source.line(text.span().start),
            message: format!(
                "`{}` looks like a command that changes the device; a driver only reads.",
                text.get_ref()
            ),
        })
        .collect()
}

/// A device that logs what is typed would be collected again for having been collected.
fn endless(source: &Source, file: &File, changes: &[Regex]) -> Vec<DriverWarning> {
    let patterns = file.change.messages.iter().zip(changes);
    let matching = patterns.filter_map(|(pattern, regex)| {
        let own = typed(file).take(MOST_COMPARED).find(|text| regex.is_match(text.get_ref()))?;
        let message = format!(
            "The message of a change matches `{}`, which this driver sends: each collection could cause the next.",
            own.get_ref()
        );
        Some(DriverWarning { line: source.line(pattern.span().start), message })
    });
    matching.collect()
}

/// Looks at the first word of each piece of a command line, and for a redirection into a file.
fn may_change(command: &str) -> bool {
    let pieces = command.split(['|', ';', '\n']).flat_map(|piece| piece.split("&&"));
    pieces.map(|piece| piece.trim().to_lowercase()).any(|piece| {
        let first = piece.split_whitespace().next().unwrap_or_default();
        let is_harmless = HARMLESS.iter().any(|beginning| piece.starts_with(beginning));
        (CHANGING.contains(&first) && !is_harmless) || writes_a_file(&piece)
    })
}

fn writes_a_file(piece: &str) -> bool {
    let Some((before, after)) = piece.split_once(" >") else { return false };
    // `2>/dev/null` and `>&2` write no file.
    !before.ends_with('<')
        && !after.trim_start_matches('>').trim_start().starts_with(['&', '-'])
        && !after.trim_start_matches('>').trim_start().starts_with("/dev/null")
}

#[cfg(test)]
mod tests {
    use super::may_change;

    #[test]
    fn commands_that_change_a_device_are_told_from_those_that_read() {
        for changes in [
            "write memory",
            "copy running-config startup-config",
            "configure terminal",
            "reload",
            "rm -f x",
            "show running-config | tee /var/x",
            "tmsh modify cli preference pager disabled",
            "cat a > b",
            "sh -c 'true; rm x'",
            "no ip http server",
        ] {
            // The words behind another program's name are not looked at: only the first one is known to be a verb.
            assert_eq!(
                may_change(changes),
                changes != "tmsh modify cli preference pager disabled",
                "{changes}"
            );
        }
        for reads in [
            "show running-config",
            "write terminal",
            "no paging",
            "set clienv rows 0",
            "set cli pager off",
            "display current-configuration",
            "/export show-sensitive",
            "cat /etc/hosts 2>/dev/null",
            "show configuration | display set",
            "terminal length 0",
            "for f in *; do cat \"$f\" || exit 1; done",
        ] {
            assert!(!may_change(reads), "{reads}");
        }
    }
}
