//! A paste as a recorded session: what a person copied from a terminal becomes a device that plays it.

use etiqa_model::bench::PastedAs;
use etiqa_model::recording::Recording;
use regex::Regex;

use super::driver::{Command, Driver, ITEM, Mode, Shell};
use super::prompt::PromptRule;

/// What the device says to a command that is not in the paste; the driver takes it for a rejection.
const MISSING: &str = "(not in what was pasted)";

/// A prompt with its command is looked for in so much of a line.
const LONGEST_PROMPT: usize = 160;

/// Reads `text` as `driver` would have seen it. A command that is not in it counts as rejected by the device, which
/// `driver` is taught. The error is one sentence.
pub fn read_pasted(driver: &mut Driver, text: &str) -> Result<(Recording, PastedAs), String> {
    let text = text.replace("\r\n", "\n");
    let (session, pasted_as) = session(driver, &text)?;
    let mut recording = Recording::parse(&session).map_err(|error| match pasted_as {
        PastedAs::Recording if session == text => error.to_string(),
        // The lines of a head that the person did not write would be counted.
        _ => error.message,
    })?;
    if recording.unknown.is_empty() {
        MISSING.clone_into(&mut recording.unknown);
        driver.rejections.extend(Regex::new(&format!(r"\A\s*{}\s*\z", regex::escape(MISSING))));
    }
    Ok((recording, pasted_as))
}

/// The recorded session that the paste is, or stands for.
fn session(driver: &Driver, text: &str) -> Result<(String, PastedAs), String> {
    if text.trim().is_empty() {
        return Err("Paste what the device printed.".into());
    }
    let head = |mode: &str, body: &str| format!("platform: {}\nmode: {mode}\n---\n{body}", driver.name());
    if text.starts_with("platform:") || text.contains("\nplatform:") && text.contains("\n---\n") {
        return Ok((text.to_owned(), PastedAs::Recording));
    }
    if let Some(answers) = marked_answers(text) {
        return Ok((head("exec", &answers), PastedAs::Answers));
    }
    if text.contains('«') {
        return Ok((head("shell", text), PastedAs::Recording));
    }
    match &driver.mode {
        Mode::Shell(shell) => {
            let session = terminal(driver, shell, text).ok_or_else(no_command)?;
            Ok((head("shell", &session), PastedAs::Terminal))
        }
        Mode::Exec => {
            Ok((head("exec", &plain_answers(driver, text).ok_or_else(no_command)?), PastedAs::Answers))
        }
    }
}

fn no_command() -> String {
    "No line of this is one of the driver's commands behind its prompt. Paste the prompts with what was typed, or put \
     each command as «command» on a line of its own above its answer."
        .into()
}

/// `«command»` on lines of their own, as the format of single commands has it; none where there is no such line.
fn marked_answers(text: &str) -> Option<String> {
    let is_command = |line: &str| {
        let line = line.trim();
        line.starts_with("$ «") || line.starts_with('«') && line.ends_with('»')
    };
    // In a shell's session `«` stands behind a prompt.
    if !text.lines().filter(|line| line.contains('«')).all(is_command) || !text.lines().any(is_command) {
        return None;
    }
    let line = |line: &str| match line.trim() {
        command if command.starts_with('«') => format!("$ {command}\n"),
        _ => format!("{line}\n"),
    };
    Some(text.lines().map(line).collect())
}

/// The answers to single commands, as a Unix terminal showed them.
fn plain_answers(driver: &Driver, text: &str) -> Option<String> {
    let commands = forms(&driver.commands);
    let mut session = String::new();
    let mut has_command = false;
    for line in text.lines() {
        let typed = commands.iter().find(|command| {
            let before = line.trim_end().strip_suffix(**command).map(str::trim_end);
            before.is_some_and(|before| before.is_empty() || before.ends_with(['$', '#', '>', '%']))
        });
        match typed {
            Some(command) => session.extend(["$ «", *command, "»\n"]),
            // What stands before the first command is a banner.
            None if has_command => session.extend([line, "\n"]),
            None => {}
        }
        has_command |= typed.is_some();
    }
    has_command.then_some(session)
}

/// What a terminal showed, with what was typed marked; none where no line is a prompt with a command of the driver.
fn terminal(driver: &Driver, shell: &Shell, text: &str) -> Option<String> {
    let mut known = forms(&driver.commands);
    known.extend(shell.paging_disable.iter().map(String::as_str));
    known.extend(shell.enable.iter().map(|enable| enable.command.as_str()));
    let identity = text.lines().find_map(|line| {
        let (prompt, typed) = typed_line(&shell.prompt, line, None)?;
        known.contains(&typed).then(|| shell.prompt.find(prompt).map(|prompt| prompt.identity.to_owned()))?
    })?;
    let mut session = Marked { shell, identity: &identity, text: String::new(), prompt: None, asks: true };
    let lines: Vec<&str> = text.trim_end().lines().collect();
    for (index, line) in lines.iter().enumerate() {
        session.line(line, index + 1 == lines.len());
    }
    Some(session.finish())
}

/// The forms of commands that are one line and the same for every item.
fn forms(commands: &[Command]) -> Vec<&str> {
    let forms =
        commands.iter().flat_map(|command| std::iter::once(&command.send).chain(&command.alternatives));
    forms
        .map(String::as_str)
        .filter(|form| !form.contains(['\n', '«', '»']) && !form.contains(ITEM))
        .collect()
}

/// A line as a prompt and what was typed behind it. The prompt is the one of `identity`, where that is known.
fn typed_line<'a>(rule: &PromptRule, line: &'a str, identity: Option<&str>) -> Option<(&'a str, &'a str)> {
    let ends = line.char_indices().map(|(at, c)| at + c.len_utf8()).take(LONGEST_PROMPT);
    // A prompt ends in a sign, and one more blank belongs to it.
    let mut ends =
        ends.filter(|at| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c.is_whitespace()));
    ends.find_map(|at| {
        let prompt = rule.find(&line[..at])?;
        if identity.is_some_and(|identity| identity != prompt.identity) {
            return None;
        }
        let at = line.len() - line[at..].trim_start().len();
        let typed = line[at..].trim_end();
        (!typed.is_empty()).then_some((&line[..at], typed))
    })
}

/// A session that is being marked.
struct Marked<'a> {
    shell: &'a Shell,
    identity: &'a str,
    text: String,
    /// The last prompt; none until one was seen.
    prompt: Option<String>,
    /// Whether a question for a name or a password may stand here: before the first prompt, and behind `enable`.
    asks: bool,
}

impl Marked<'_> {
    fn line(&mut self, line: &str, is_last: bool) {
        if let Some((prompt, typed)) = typed_line(&self.shell.prompt, line, Some(self.identity)) {
            self.asks = self.shell.enable.as_ref().is_some_and(|enable| enable.command == typed);
            self.typed(prompt, typed);
            return;
        }
        if self.shell.prompt.find_known(line, self.identity).is_some() {
            self.prompt = Some(line.to_owned());
            // Only Enter was pressed there; at the end, nothing yet.
            if !is_last {
                self.typed(line, "");
            }
            return;
        }
        if self.asks && self.is_question(line) {
            // The answer to a question for a name was echoed; what it was does not matter.
            let question = line.find(':').map_or(line, |at| &line[..=at]);
            self.text.extend([question, " «*»\n"]);
            return;
        }
        // What erases a pager begins with a control character.
        let (shown, rest) =
            line.split_at(line.find(|c: char| c.is_control() && c != '\t').unwrap_or(line.len()));
        if self.shell.pagers.iter().any(|pager| pager.pattern.is_match(shown.trim_end())) {
            let blanks = " ".repeat(shown.chars().count());
            self.text.extend([shown, "« »\n\r", blanks.as_str(), "\r", rest]);
            if !rest.is_empty() {
                self.text.push('\n');
            }
            return;
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn typed(&mut self, prompt: &str, typed: &str) {
        self.prompt = Some(prompt.to_owned());
        self.text.extend([prompt, "«", typed, "»\n"]);
    }

    fn is_question(&self, line: &str) -> bool {
        let line = line.trim_end();
        let question = line.find(':').map_or(line, |at| &line[..=at]);
        let enable = self.shell.enable.as_ref().and_then(|enable| enable.password_prompt.as_ref());
        let login = &self.shell.login;
        [Some(&login.username_prompt), Some(&login.password_prompt), enable]
            .into_iter()
            .flatten()
            .any(|pattern| pattern.is_match(question))
    }

    /// The device shows its prompt once more and takes the goodbye: what ends a paste is no loss of the connection.
    fn finish(mut self) -> String {
        let goodbye = self.shell.logout.first().map_or("exit", String::as_str);
        let prompt = self.prompt.take().unwrap_or_default();
        let is_over = self.text.ends_with(&format!("«{goodbye}»\n"));
        if !is_over {
            self.typed(&prompt, goodbye);
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::{DriverSet, Limits, rehearse_traced};
    use etiqa_model::bench::StepKind;
    use etiqa_model::class::Class;
    use std::time::Duration;

    const CONFIG: &str = "Building configuration...\n\nCurrent configuration : 80 bytes\n!\nversion 15.2\nhostname sw\n\
                          !\ninterface Gi0/1\n description to sw#7\n!\nend\n";

    fn ios() -> Driver {
        Driver::parse("ios", DriverSet::built_in().get("ios").unwrap().text()).unwrap()
    }

    fn limits() -> Limits {
        Limits { step: Duration::from_secs(2), deadline: Duration::from_secs(20), ..Limits::default() }
    }

    async fn pasted(text: &str) -> (Class, String, super::super::Trace) {
        let mut driver = ios();
        let (recording, _) = read_pasted(&mut driver, text).unwrap();
        let (outcome, trace) = rehearse_traced(&driver, &recording, &limits()).await;
        (outcome.class, outcome.message, trace)
    }

    #[tokio::test]
    async fn what_a_terminal_showed_is_collected_as_from_the_device() {
        let text =
            format!("sw>enable\nPassword: \nsw#terminal length 0\nsw#show running-config\n{CONFIG}sw#\n");
        let (class, message, trace) = pasted(&text).await;
        assert_eq!(class, Class::Ok, "{message} {:?}", trace.steps);
        assert!(trace.parts[0].text.contains("description to sw#7"), "{:?}", trace.parts);
        let has =
            |kind, words: &str| trace.steps.iter().any(|step| step.kind == kind && step.text.contains(words));
        assert!(
            has(StepKind::Sent, "show running-config") && has(StepKind::Seen, "sw#"),
            "{:?}",
            trace.steps
        );
        assert!(has(StepKind::Cut, "the echo “sw#show running-config”"), "{:?}", trace.steps);
    }

    #[tokio::test]
    async fn a_pager_in_a_paste_is_answered_and_cut() {
        let text = format!("sw#show running-config\n{}sw#", CONFIG.replace("!\nend", " --More-- \n!\nend"));
        let (class, message, trace) = pasted(&text).await;
        assert_eq!(class, Class::Ok, "{message} {:?}", trace.steps);
        assert!(!trace.parts[0].text.contains("More"), "{}", trace.parts[0].text);
        assert!(
            trace.steps.iter().any(|step| step.text.contains("the pager “--More--”")),
            "{:?}",
            trace.steps
        );
    }

    #[tokio::test]
    async fn a_cut_text_says_which_demand_does_not_hold() {
        let text = format!("«show running-config»\n{}", CONFIG.replace("end\n", ""));
        let (class, _, trace) = pasted(&text).await;
        assert_eq!(class, Class::Incomplete);
        let marker = trace.parts[0].checks.iter().find(|check| check.rule == "end_marker").unwrap();
        assert!(marker.problem.as_ref().unwrap().contains("end marker"), "{marker:?}");
    }

    #[test]
    fn a_paste_without_a_command_says_how_to_paste() {
        let refused = read_pasted(&mut ios(), "hostname sw\nend\n").unwrap_err();
        assert!(refused.contains("«command»"), "{refused}");
        assert_eq!(read_pasted(&mut ios(), " \n").unwrap_err(), "Paste what the device printed.");
    }

    #[test]
    fn a_recorded_session_is_taken_as_it_is() {
        let text = "platform: ios\n---\nsw#«show running-config»\nend\nsw#«exit»\n";
        assert_eq!(read_pasted(&mut ios(), text).unwrap().1, PastedAs::Recording);
        let refused = read_pasted(&mut ios(), "platform: ios\ncolour: red\n---\nsw#«exit»\n").unwrap_err();
        assert!(refused.starts_with("Line 2: "), "{refused}");
    }
}
