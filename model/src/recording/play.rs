//! Playing a shell's session: what the device says to what is typed, byte for byte.

use super::{Recording, Typed};

/// A device that plays a recording. It echoes, asks, pages, and says `unknown` to what it does not know.
#[derive(Debug, Clone)]
pub struct Player<'a> {
    recording: &'a Recording,
    /// The exchange that comes next.
    next: usize,
    typed: String,
    after_return: bool,
    pages: bool,
    /// The lines that wait behind a pager.
    waiting: Vec<String>,
    /// The last prompt or question.
    prompt: String,
    is_over: bool,
}

/// What the device does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reaction {
    /// Sends this; lines end in CR LF.
    pub say: String,
    /// And ends the session.
    pub ends: bool,
}

impl<'a> Player<'a> {
    /// A session that begins; the greeting comes first.
    pub fn begin(recording: &'a Recording) -> (Self, Reaction) {
        let mut player = Self {
            recording,
            next: 0,
            typed: String::new(),
            after_return: false,
            pages: recording.pager.is_some(),
            waiting: Vec::new(),
            prompt: String::new(),
            is_over: false,
        };
        let mut reaction = Reaction::default();
        player.say_unpaged(&recording.greeting, &mut reaction);
        (player, reaction)
    }

    /// Takes what was typed.
    pub fn hear(&mut self, bytes: &[u8]) -> Reaction {
        let mut reaction = Reaction::default();
        for c in String::from_utf8_lossy(bytes).chars() {
            if self.is_over {
                break;
            }
            let is_second_half = c == '\n' && std::mem::take(&mut self.after_return);
            self.after_return = c == '\r';
            if is_second_half {
                continue;
            }
            if !self.waiting.is_empty() {
                self.next_page(&mut reaction);
            } else if self.expects(&Typed::Key) {
                self.go_to(self.next, &mut reaction);
            } else if matches!(c, '\r' | '\n') {
                self.enter(&mut reaction);
            } else {
                self.typed.push(c);
                if !self.expects(&Typed::Secret) {
                    reaction.say.push(c);
                }
            }
        }
        reaction.ends = self.is_over;
        reaction
    }

    fn expects(&self, typed: &Typed) -> bool {
        self.recording.exchanges.get(self.next).is_some_and(|exchange| exchange.typed == *typed)
    }

    fn enter(&mut self, reaction: &mut Reaction) {
        let line = std::mem::take(&mut self.typed);
        reaction.say.push_str("\r\n");
        if self.expects(&Typed::Secret) {
            return self.go_to(self.next, reaction);
        }
        let line = line.trim();
        if self.recording.paging_off.iter().any(|off| off == line) {
            self.pages = false;
        }
        match self.recording.find(self.next, line) {
            Some(index) => self.go_to(index, reaction),
            None if line.is_empty() || self.recording.paging_off.iter().any(|off| off == line) => {
                reaction.say.push_str(&self.prompt);
            }
            None => {
                let answer = format!("{}\n{}", self.recording.unknown, self.prompt);
                self.say_unpaged(&answer, reaction);
            }
        }
    }

    /// Says what exchange `index` has, and ends the session behind the last one.
    fn go_to(&mut self, index: usize, reaction: &mut Reaction) {
        self.next = index + 1;
        self.say(&self.recording.exchanges[index].answer, reaction);
        self.is_over = self.next == self.recording.exchanges.len() && self.waiting.is_empty();
    }

    fn say(&mut self, text: &str, reaction: &mut Reaction) {
        let lines = text.matches('\n').count();
        if self.recording.pager.as_ref().is_some_and(|pager| self.pages && lines > pager.lines) {
            self.waiting = text.split_inclusive('\n').rev().map(str::to_owned).collect();
            self.page(reaction);
        } else {
            self.say_unpaged(text, reaction);
        }
    }

    fn next_page(&mut self, reaction: &mut Reaction) {
        if let Some(pager) = &self.recording.pager {
            reaction.say.push_str(&pager.erase);
        }
        self.page(reaction);
        self.is_over = self.next == self.recording.exchanges.len() && self.waiting.is_empty();
    }

    /// One page of what waits, and the question, unless it was the last page.
    fn page(&mut self, reaction: &mut Reaction) {
        let Some(pager) = &self.recording.pager else { return };
        let rest = self.waiting.len().saturating_sub(pager.lines);
        let page: String = self.waiting.drain(rest..).rev().collect();
        self.say_unpaged(&page, reaction);
        if self.waiting.iter().any(|line| line.ends_with('\n')) {
            reaction.say.push_str(&pager.question);
        } else if !self.waiting.is_empty() {
            let last: String = self.waiting.drain(..).rev().collect();
            self.say_unpaged(&last, reaction);
        }
    }

    fn say_unpaged(&mut self, text: &str, reaction: &mut Reaction) {
        text.rsplit('\n').next().unwrap_or_default().clone_into(&mut self.prompt);
        reaction.say.push_str(&text.replace('\n', "\r\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(text: &str, typed: &[&str]) -> (String, bool) {
        let recording = Recording::parse(text).unwrap();
        let (mut player, mut all) = Player::begin(&recording);
        for line in typed {
            let reaction = player.hear(line.as_bytes());
            all.say.push_str(&reaction.say);
            all.ends = reaction.ends;
        }
        (all.say, all.ends)
    }

    #[test]
    fn a_device_echoes_hides_secrets_and_says_no_to_what_it_does_not_know() {
        let text = "platform: x\nunknown: % Invalid␤\n---\nhi\nsw>«enable»\nPassword: «*»\nsw#«show a»\none\nsw#«exit»\n";
        let (said, ends) = play(text, &["enable\n", "secret\r\n", "what\n", "\n", "show a\n", "exit\n"]);
        assert_eq!(
            said,
            "hi\r\nsw>enable\r\nPassword: \r\nsw#what\r\n% Invalid\r\n\r\nsw#\r\nsw#show a\r\none\r\nsw#exit\r\n"
        );
        assert!(ends);
    }

    #[test]
    fn a_device_pages_until_it_is_told_not_to() {
        let text = "platform: x\npager: --More--\nerase: ␈\npage: 2\npaging off: no page\n---\n\
                    sw#«show a»\n1\n2\n3\n4\n5\nsw#«exit»\n";
        let (said, _) = play(text, &["show a\n", " ", " "]);
        assert_eq!(said, "sw#show a\r\n1\r\n2\r\n--More--\x083\r\n4\r\n--More--\x085\r\nsw#");
        let (said, _) = play(text, &["no page\n", "show a\n"]);
        assert_eq!(said, "sw#no page\r\nsw#show a\r\n1\r\n2\r\n3\r\n4\r\n5\r\nsw#");
    }

    #[test]
    fn commands_may_come_in_another_order() {
        let text = "platform: x\n---\nsw#«a»\n1\nsw#«b»\n2\nsw#«exit»\n";
        assert_eq!(play(text, &["b\n", "a\n"]).0, "sw#b\r\n2\r\nsw#a\r\n1\r\nsw#");
    }
}
