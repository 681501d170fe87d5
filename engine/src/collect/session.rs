//! The conversation with a shell: send a line, see its echo, take everything up to the next prompt.
//!
//! Two things keep a prompt-like line within the output from ending it. A prompt counts only where the device rests:
//! as the unfinished last line, with nothing behind it for a moment that grows with the device's own pauses. And
//! every line that is sent must come back as the echo behind a prompt: what stands before that echo still belongs
//! to the answer before it.

use std::time::Duration;

use etiqa_model::Secret;
use etiqa_model::bench::StepKind;
use etiqa_model::class::Class;
use tokio::time::{Instant, timeout, timeout_at};

use super::driver::{Driver, Enable, Shell};
use super::evidence::Evidence;
use super::failure::{Failure, Step, excerpt};
use super::pace::{Pace, SETTLE_MAX};
use super::prompt::Level;
use super::redact::redact;
use super::target::{Limits, Login};
use super::terminal::Terminal;
use super::transport::Line;

/// No prompt and no pager is longer; a longer line is not looked at.
const LONGEST_PROMPT: usize = 400;

/// A pager that is answered so often without a single line in between is no pager.
const MOST_IDLE_PAGES: u32 = 8;

/// Questions at login; a device that never stops asking is given up.
const MOST_QUESTIONS: usize = 12;

/// How long a device may take to close the connection, once nothing depends on it.
const GOODBYE: Duration = Duration::from_millis(300);

/// A shell that was opened.
pub(super) struct Session<'a, L> {
    line: L,
    driver: &'a Driver,
    shell: &'a Shell,
    limits: &'a Limits,
    evidence: &'a mut Evidence,
    terminal: Terminal,
    /// The part of the prompt that stays the same; none until a prompt was seen.
    identity: Option<String>,
    /// The last prompt as it stood on the screen, without white space at its end.
    prompt: Option<String>,
    /// The last answer ended in the middle of a line, with the prompt right behind it.
    is_glued: bool,
    saw_echo: bool,
    pace: Pace,
    /// Bytes of finished lines at the last pager, and how many pagers in a row brought none.
    paged_at: usize,
    idle_pages: u32,
    longest_silence: Duration,
    banner: String,
}

/// The answer to a command.
pub(super) struct Answer {
    /// Text that came after the last answer's prompt and still belongs to that answer. Hardly ever anything.
    pub(super) leftover: String,
    /// The lines between the echo and the prompt.
    pub(super) text: String,
}

/// Where a device rests, other than in silence.
#[derive(Clone, Copy)]
enum Rest {
    Prompt(Level),
    /// The prompt, of so many characters, behind a text that did not end in a newline.
    Glued(usize),
    Pager(usize),
    Username,
    Password,
    /// One of the driver's questions at login.
    Question(usize),
}

/// Which questions may come instead of a prompt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Nothing,
    /// For a name, a password, and whatever else the driver knows of.
    Login,
    /// For the enable password.
    Enable,
}

impl<'a, L: Line> Session<'a, L> {
    pub(super) fn new(
        line: L,
        driver: &'a Driver,
        shell: &'a Shell,
        limits: &'a Limits,
        evidence: &'a mut Evidence,
    ) -> Self {
        Self {
            line,
            driver,
            shell,
            limits,
            evidence,
            terminal: Terminal::default(),
            identity: None,
            prompt: None,
            is_glued: false,
            saw_echo: false,
            pace: Pace::default(),
            paged_at: 0,
            idle_pages: 0,
            longest_silence: limits.step,
            banner: String::new(),
        }
    }

    /// What the session does next, should its deadline pass meanwhile.
    pub(super) fn doing(&mut self, what: impl Into<String>) {
        self.evidence.doing(what);
    }

    /// Waits for the first prompt, and answers what the device asks before it: a name and a password (on telnet, or
    /// behind SSH's own login), and the driver's questions.
    pub(super) async fn log_in(&mut self, login: &Login) -> Step<Level> {
        self.pace.expect_banners();
        let (mut has_named, mut has_sent_password, mut asked) = (false, false, String::new());
        for _ in 0..MOST_QUESTIONS {
            let rest = match self.rest("the prompt", Asking::Login).await {
                Err(failure) if has_sent_password && self.was_refused() => {
                    return Err(wrong_login(login, &failure));
                }
                Err(Failure { class: Class::Timeout, .. }) => {
                    return Err(self.no_prompt("No prompt came after login"));
                }
                rest => rest?,
            };
            match rest {
                Rest::Prompt(level) => {
                    // Whatever came before the prompt is a banner.
                    self.banner = self.terminal.take_all() + &asked;
                    return Ok(level);
                }
                Rest::Glued(_) => return Err(self.no_prompt("Text stands where the prompt is expected")),
                Rest::Pager(index) => self.answer_pager(index).await?,
                Rest::Question(index) => {
                    asked = asked + &self.terminal.unfinished() + "\n";
                    let answer = self.shell.login.questions[index].answer.clone();
                    self.answer(answer.as_bytes()).await?;
                }
                Rest::Username if has_named => return Err(refused_login(login)),
                Rest::Username => {
                    has_named = true;
                    let name = format!("{}{}", login.username, self.newline());
                    self.answer(name.as_bytes()).await?;
                }
                Rest::Password if has_sent_password => return Err(refused_login(login)),
                Rest::Password => {
                    has_sent_password = true;
                    let Some(password) = &login.password else {
                        let message = format!(
                            "The device asks for a password, and the credential {} has none.",
                            login.name
                        );
                        return Err(Failure::new(Class::AuthFailed, message));
                    };
                    self.send_secret(password).await.map_err(|failure| wrong_login(login, &failure))?;
                }
            }
        }
        Err(self.no_prompt("The device goes on asking instead of showing a prompt"))
    }

    /// Tells whoever watches which prompt was found.
    pub(super) fn found_prompt(&self) {
        let prompt = redact(self.driver, self.prompt());
        self.evidence.found(&format!("the prompt is {}", excerpt(&prompt, 80)));
    }

    /// What the device showed between login and its first prompt.
    pub(super) fn banner(&self) -> &str {
        &self.banner
    }

    /// The last prompt as it stood on the screen.
    pub(super) fn prompt(&self) -> &str {
        self.prompt.as_deref().unwrap_or_default()
    }

    /// Sends `command`, sees its echo, and takes the answer up to the next prompt. Answers known pagers. `longest` is
    /// the longest silence meanwhile, where it is not the usual one.
    pub(super) async fn command(&mut self, command: &str, longest: Option<Duration>) -> Step<Answer> {
        self.send(command).await?;
        let leftover = self.echo_of(command).await?;
        self.longest_silence = self.limits.silence(longest);
        let answer = self.answer_of(command).await;
        self.longest_silence = self.limits.step;
        let text = answer?;
        self.evidence.step(StepKind::Kept, || format!("{} lines of `{command}`", text.lines().count()));
        Ok(Answer { leftover, text })
    }

    async fn answer_of(&mut self, command: &str) -> Step<String> {
        loop {
            match self.rest(command, Asking::Nothing).await? {
                Rest::Prompt(_) => return Ok(self.terminal.take_all()),
                Rest::Glued(count) => {
                    self.terminal.break_before_last(count);
                    self.is_glued = true;
                    return Ok(self.terminal.take_all());
                }
                Rest::Pager(index) => self.answer_pager(index).await?,
                Rest::Username | Rest::Password | Rest::Question(_) => {}
            }
        }
    }

    /// Sends the enable command and answers its questions: for the name of the login, and for the password with
    /// `password`. Gives the prompt that follows, or none where the device asks again or there is no password to give.
    pub(super) async fn enable(
        &mut self,
        enable: &Enable,
        login: &Login,
        password: Option<&Secret>,
    ) -> Step<Option<Level>> {
        self.send(&enable.command).await?;
        self.echo_of(&enable.command).await?;
        // The prompt's whole text may be its identity, and it changes now.
        self.identity = None;
        let mut rest = self.rest(&enable.command, Asking::Enable).await?;
        if matches!(rest, Rest::Username) {
            let name = format!("{}{}", login.username, self.newline());
            self.answer(name.as_bytes()).await?;
            rest = self.rest(&enable.command, Asking::Enable).await?;
        }
        if matches!(rest, Rest::Password) {
            let Some(password) = password else { return Ok(None) };
            self.send_secret(password).await?;
            rest = self.rest(&enable.command, Asking::Enable).await?;
        }
        self.terminal.take_all();
        match rest {
            Rest::Prompt(level) => Ok(Some(level)),
            _ => Ok(None),
        }
    }

    /// Ends the session with `goodbye`, which must be echoed behind the last prompt. Without one, or where its echo may
    /// be lost with the connection, an empty line must bring that prompt again. Gives what still belonged to the last
    /// answer.
    pub(super) async fn log_out(&mut self, goodbye: &str) -> Step<String> {
        if goodbye.is_empty() || !self.line.keeps_last_words() {
            let leftover = self.end("").await?;
            if !goodbye.is_empty() && self.send(goodbye).await.is_ok() {
                let silence = async { while self.read_once().await.is_ok() {} };
                timeout(GOODBYE, silence).await.ok();
            }
            return Ok(leftover);
        }
        self.end(goodbye).await
    }

    /// Sends `command` and sees its echo; an empty one must bring the prompt again.
    async fn end(&mut self, command: &str) -> Step<String> {
        self.send(command).await?;
        let leftover = self.echo_of(command).await?;
        if command.is_empty() {
            let rest = self.rest("an empty line", Asking::Nothing).await?;
            if !matches!(rest, Rest::Prompt(_)) || !self.terminal.take_all().trim().is_empty() {
                return Err(self.failure(Class::Incomplete, "The device went on after its prompt."));
            }
        }
        Ok(leftover)
    }

    async fn send(&mut self, command: &str) -> Step<()> {
        self.evidence.transcript.note(&format!("sent: {command}"));
        self.evidence.step(StepKind::Sent, || {
            if command.is_empty() { "Enter".into() } else { format!("`{command}`") }
        });
        self.pace.restart();
        let line = format!("{command}{}", self.newline());
        self.line.send(line.as_bytes()).await.map_err(|_| self.lost())
    }

    fn newline(&self) -> &'a str {
        &self.shell.terminal.newline
    }

    /// Answers a question; its echo, if there is one, is dropped with the rest of what comes before the prompt.
    async fn answer(&mut self, keys: &[u8]) -> Step<()> {
        self.pace.restart();
        self.terminal.wipe(false);
        self.line.send(keys).await.map_err(|_| self.lost())?;
        self.read(self.limits.step, "what follows its question").await
    }

    /// What is sent here is never echoed, so the question before it is finished by hand.
    async fn send_secret(&mut self, secret: &Secret) -> Step<()> {
        self.evidence.transcript.note("sent: (the password)");
        self.evidence.step(StepKind::Sent, || "(the password)".to_owned());
        let line = zeroize::Zeroizing::new(format!("{}{}", secret.reveal(), self.newline()));
        self.answer(line.as_bytes()).await
    }

    async fn answer_pager(&mut self, index: usize) -> Step<()> {
        let Some(pager) = self.shell.pagers.get(index) else { return Ok(()) };
        let has_moved =
            self.terminal.lines().len() != std::mem::replace(&mut self.paged_at, self.terminal.lines().len());
        self.idle_pages = if has_moved { 0 } else { self.idle_pages + 1 };
        if self.idle_pages > MOST_IDLE_PAGES {
            let last = self.last_line();
            let message =
                format!("The device asks for the next page again and again, but sends none: “{last}”.");
            return Err(Failure::new(Class::PromptNotFound, message));
        }
        let question = self.terminal.unfinished();
        self.evidence.step(StepKind::Cut, || format!("the pager “{}”", question.trim()));
        self.pace.restart();
        self.terminal.wipe(pager.erases);
        self.line.send(pager.answer.as_bytes()).await.map_err(|_| self.lost())
    }

    /// Reads until the echo of `command` behind a prompt; gives the lines before it.
    async fn echo_of(&mut self, command: &str) -> Step<String> {
        let mut looked_at = 0;
        loop {
            while let Some(length) = self.terminal.lines()[looked_at..].find('\n') {
                let line = &self.terminal.lines()[looked_at..looked_at + length];
                let identity = self.identity.as_deref();
                let echo = self.shell.prompt.before_echo(line, command);
                // What was learned at login may have been a banner; the first echo shows the true prompt.
                let echo = echo.filter(|prompt| {
                    !self.saw_echo || identity.is_none_or(|identity| identity == prompt.identity)
                });
                if let Some(identity) = echo.map(|prompt| prompt.identity.to_owned()) {
                    self.evidence.step(StepKind::Cut, || format!("the echo “{}”", line.trim_end()));
                    self.identity = Some(identity);
                    let end = looked_at + length + 1;
                    let before = self.terminal.take_lines(end);
                    let leftover = before[..looked_at].to_owned();
                    if self.terminal.is_blank() {
                        self.pace.echoed();
                    }
                    return self.checked_leftover(leftover, command);
                }
                looked_at += length + 1;
            }
            self.read(self.limits.step, &format!("the echo of `{command}`")).await?;
        }
    }

    /// Text before the first echo is a banner; later, it is good only while nothing that we typed stands in it.
    fn checked_leftover(&mut self, leftover: String, command: &str) -> Step<String> {
        if !std::mem::replace(&mut self.saw_echo, true) {
            return Ok(String::new());
        }
        // A line was broken there that the device went on with.
        let was_glued = std::mem::take(&mut self.is_glued);
        if was_glued && !leftover.is_empty() {
            return Err(self.failure(Class::Incomplete, "The device went on behind its prompt."));
        }
        if !command.is_empty() && leftover.contains(command) {
            return Err(self.failure(Class::Incomplete, "The device's answers came mixed up with its echo."));
        }
        Ok(leftover)
    }

    /// Waits until the device rests at a prompt, at a pager, or (where one may come) at a question.
    async fn rest(&mut self, waiting_for: &str, asking: Asking) -> Step<Rest> {
        loop {
            let Some(rest) = self.resting_place(asking) else {
                self.read(self.longest_silence, waiting_for).await?;
                continue;
            };
            let settle = if matches!(rest, Rest::Glued(_)) { SETTLE_MAX } else { self.pace.settle() };
            let rested_at = Instant::now() + settle;
            if let Ok(read) = timeout_at(rested_at, self.read_once()).await {
                read?;
            } else {
                self.pace.was_late(Instant::now().saturating_duration_since(rested_at));
                if matches!(rest, Rest::Prompt(_)) {
                    self.learn_prompt();
                }
                self.trace_rest(rest);
                return Ok(rest);
            }
        }
    }

    fn trace_rest(&mut self, rest: Rest) {
        let what = match rest {
            Rest::Prompt(Level::User) => "the user's prompt",
            Rest::Prompt(Level::Privileged) => "the privileged prompt",
            Rest::Glued(_) => "the prompt, behind a line that did not end:",
            Rest::Username => "the question for a name",
            Rest::Password => "the question for a password",
            Rest::Question(_) => "a question of [[login.question]]",
            // It is noted where it is cut.
            Rest::Pager(_) => return,
        };
        let line = self.terminal.unfinished();
        self.evidence.step(StepKind::Seen, || format!("{what} “{}”", line.trim()));
    }

    fn learn_prompt(&mut self) {
        let line = self.terminal.unfinished();
        if self.identity.is_none() {
            self.identity = self.shell.prompt.find(&line).map(|prompt| prompt.identity.to_owned());
        }
        self.prompt = Some(line.trim_end().to_owned());
    }

    /// What the unfinished line is.
    fn resting_place(&self, asking: Asking) -> Option<Rest> {
        if !(1..=LONGEST_PROMPT).contains(&self.terminal.unfinished_len()) {
            return None;
        }
        let line = self.terminal.unfinished();
        let prompt = match &self.identity {
            Some(identity) => self.shell.prompt.find_known(&line, identity),
            None => self.shell.prompt.find(&line),
        };
        if let Some(prompt) = prompt {
            return Some(Rest::Prompt(prompt.level));
        }
        let line = line.trim_end();
        if let Some(question) = self.question(line, asking) {
            return Some(question);
        }
        if let Some(index) = self.shell.pagers.iter().position(|pager| pager.pattern.is_match(line)) {
            return Some(Rest::Pager(index));
        }
        let prompt = self.prompt.as_deref().filter(|prompt| self.saw_echo && line.ends_with(prompt))?;
        let blanks = self.terminal.unfinished_len() - line.chars().count();
        Some(Rest::Glued(prompt.chars().count() + blanks))
    }

    fn question(&self, line: &str, asking: Asking) -> Option<Rest> {
        let rules = &self.shell.login;
        match asking {
            Asking::Nothing => None,
            Asking::Enable => {
                let prompt = self.shell.enable.as_ref()?.password_prompt.as_ref()?;
                let is_name = || rules.username_prompt.is_match(line).then_some(Rest::Username);
                prompt.is_match(line).then_some(Rest::Password).or_else(is_name)
            }
            Asking::Login => {
                let question = rules.questions.iter().position(|question| question.pattern.is_match(line));
                let is_name = || rules.username_prompt.is_match(line).then_some(Rest::Username);
                let is_password = || rules.password_prompt.is_match(line).then_some(Rest::Password);
                question.map(Rest::Question).or_else(is_name).or_else(is_password)
            }
        }
    }

    /// Whether the device said that the login is wrong.
    fn was_refused(&self) -> bool {
        let unfinished = self.terminal.unfinished();
        let mut lines = self.terminal.lines().lines().chain([unfinished.as_str()]);
        lines.any(|line| self.shell.login.refused.iter().any(|regex| regex.is_match(line)))
    }

    /// Reads once; silence for longer than `longest` is a failure that names what was waited for.
    async fn read(&mut self, longest: Duration, waiting_for: &str) -> Step<()> {
        match timeout(longest, self.read_once()).await {
            Ok(read) => read,
            Err(_) => Err(self.silence(longest, waiting_for)),
        }
    }

    async fn read_once(&mut self) -> Step<()> {
        let Some(bytes) = self.line.receive().await else { return Err(self.lost()) };
        self.pace.heard(Instant::now());
        self.evidence.bytes += bytes.len();
        self.evidence.transcript.received(&bytes);
        if self.evidence.bytes > self.limits.max_bytes {
            let message = format!(
                "The device sent more than {} bytes while {}.",
                self.limits.max_bytes, self.evidence.doing
            );
            return Err(Failure::new(Class::TooLarge, message));
        }
        self.terminal.feed(&bytes);
        if self.terminal.is_endless() {
            let message = format!("The device sent an endless line while {}.", self.evidence.doing);
            return Err(Failure::new(Class::TooLarge, message));
        }
        Ok(())
    }

    fn silence(&self, longest: Duration, waiting_for: &str) -> Failure {
        let seconds = longest.as_secs_f32();
        let last = self.last_line();
        let message = format!(
            "The device was silent for {seconds} s while {} (waiting for {waiting_for}); its last line is “{last}”.",
            self.evidence.doing
        );
        Failure::new(Class::Timeout, message)
    }

    fn no_prompt(&self, what: &str) -> Failure {
        let last = self.last_line();
        Failure::new(Class::PromptNotFound, format!("{what}; the device's last line is “{last}”."))
    }

    fn lost(&self) -> Failure {
        self.failure(Class::Disconnected, "The device closed the connection.")
    }

    fn failure(&self, class: Class, what: &str) -> Failure {
        let what = what.trim_end_matches('.');
        Failure::new(class, format!("{what} while {}.", self.evidence.doing))
    }

    /// The last line with text, fit for a message: short and with secrets masked.
    fn last_line(&self) -> String {
        let unfinished = self.terminal.unfinished();
        let lines = || self.terminal.lines().lines().rev();
        let last = std::iter::once(unfinished.as_str()).chain(lines()).find(|line| !line.trim().is_empty());
        excerpt(&redact(self.driver, last.unwrap_or_default()), 80)
    }
}

fn refused_login(login: &Login) -> Failure {
    let message = format!("The device refused the credential {} (user {}).", login.name, login.username);
    Failure::new(Class::AuthFailed, message)
}

/// A device that hangs up on a wrong password says no by that.
fn wrong_login(login: &Login, failure: &Failure) -> Failure {
    if failure.class == Class::Disconnected { refused_login(login) } else { failure.clone() }
}
