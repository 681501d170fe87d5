//! Prompts: which line is one, and which part of it stays the same through a session.

use regex::Regex;

/// What a prompt of the platform looks like. Each regex matches a whole line, white space at its end aside.
#[derive(Debug, Clone)]
pub(crate) struct PromptRule {
    /// The prompt before `enable`, where the platform has one.
    pub(crate) user: Option<Regex>,
    /// The prompt at which commands are sent.
    pub(crate) privileged: Option<Regex>,
}

/// Which prompt it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    User,
    Privileged,
}

/// A prompt on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prompt<'a> {
    pub(crate) level: Level,
    /// What must stay the same: the group `host` where the regex has one, else the whole prompt.
    pub(crate) identity: &'a str,
}

impl PromptRule {
    /// The prompt that `line` consists of. The privileged one is looked for first.
    pub(crate) fn find<'a>(&self, line: &'a str) -> Option<Prompt<'a>> {
        let line = line.trim_end();
        [(Level::Privileged, &self.privileged), (Level::User, &self.user)].into_iter().find_map(
            |(level, regex)| {
                let captures = regex.as_ref()?.captures(line)?;
                let identity = captures.name("host").or_else(|| captures.get(0))?.as_str();
                Some(Prompt { level, identity })
            },
        )
    }

    /// Like [`Self::find`], and the identity is the one learned at login.
    pub(crate) fn find_known<'a>(&self, line: &'a str, learned: &str) -> Option<Prompt<'a>> {
        self.find(line).filter(|prompt| prompt.identity == learned)
    }

    /// The prompt in front of the echo of `command`, where `line` is nothing but these two.
    pub(crate) fn before_echo<'a>(&self, line: &'a str, command: &str) -> Option<Prompt<'a>> {
        self.find(line.trim_end().strip_suffix(command)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ios() -> PromptRule {
        PromptRule {
            user: Regex::new(r"\A(?:(?P<host>[\w.-]+)>)\z").ok(),
            privileged: Regex::new(r"\A(?:(?P<host>[\w.-]+)(?:\([\w-]+\))?#)\z").ok(),
        }
    }

    #[test]
    fn a_prompt_is_a_whole_line() {
        let prompt = ios().find("core-1# ").map(|prompt| (prompt.level, prompt.identity));
        assert_eq!(prompt, Some((Level::Privileged, "core-1")));
        assert_eq!(ios().find("core-1>").map(|prompt| prompt.level), Some(Level::User));
        assert_eq!(ios().find("description to core-1#"), None);
        assert_eq!(ios().find("core-1# x"), None);
        assert_eq!(ios().find(""), None);
    }

    #[test]
    fn a_lone_sign_is_no_prompt_but_where_the_platform_has_no_other() {
        for driver in crate::collect::DriverSet::built_in().iter() {
            let crate::collect::driver::Mode::Shell(shell) = &driver.mode else { continue };
            let found = ["#", ">", "$", "%", " # ", " > "].map(|line| shell.prompt.find(line).is_some());
            let has_no_other = ["ftd", "netscaler"].contains(&driver.name());
            assert!(has_no_other || found == [false; 6], "{}: {found:?}", driver.name());
        }
    }

    #[test]
    fn the_prompt_of_another_host_is_text() {
        assert!(ios().find_known("core-1(config)#", "core-1").is_some());
        assert_eq!(ios().find_known("core-2#", "core-1"), None);
    }

    #[test]
    fn an_echo_stands_behind_a_prompt_and_nowhere_else() {
        assert!(ios().before_echo("core-1#show version", "show version").is_some());
        assert!(ios().before_echo("core-1# show version ", "show version").is_some());
        assert_eq!(ios().before_echo("! see show version", "show version"), None);
    }
}
