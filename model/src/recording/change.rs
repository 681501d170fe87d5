//! Devices that behave otherwise than they were recorded, for tests of what must not be believed.

use super::{Recording, Typed};

impl Recording {
    /// The device no longer knows the commands for which `is_forgotten` says so; it is given each command and what was
    /// recorded as its answer, the next prompt included. What leads to a secret or a key, and a shell's last command, which
    /// ends the session, are never forgotten.
    pub fn forget(&mut self, is_forgotten: impl Fn(&str, &str) -> bool) {
        let mut leads_on = !self.is_exec;
        let mut kept = Vec::with_capacity(self.exchanges.len());
        for exchange in self.exchanges.drain(..).rev() {
            let is_question = std::mem::replace(&mut leads_on, !matches!(exchange.typed, Typed::Line(_)));
            let is_lost =
                matches!(&exchange.typed, Typed::Line(line) if is_forgotten(line.trim(), &exchange.answer));
            if is_question || leads_on || !is_lost {
                kept.push(exchange);
            }
        }
        kept.reverse();
        self.exchanges = kept;
    }

    /// The device says something else to `command`: `change` is given what was recorded, the next prompt included.
    pub fn rewrite(&mut self, command: &str, change: impl Fn(&str) -> String) {
        for exchange in &mut self.exchanges {
            if matches!(&exchange.typed, Typed::Line(line) if line.trim() == command.trim()) {
                exchange.answer = change(&exchange.answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_a_secret_is_not_forgotten() {
        let text = "platform: x\n---\nsw>«a»\nPassword: «*»\n1\nsw>«b»\n2\nsw>«exit»\n";
        let mut recording = Recording::parse(text).unwrap();
        recording.forget(|_, _| true);
        assert!(recording.answer_to("a").is_some() && recording.answer_to("b").is_none());
    }

    #[test]
    fn a_device_can_forget_and_say_something_else() {
        let text = "platform: x\nunknown: %No\n---\nsw>«a»\n1\nsw>«b»\n2\nsw>«exit»\n";
        let mut recording = Recording::parse(text).unwrap();
        recording.forget(|command, answer| command == "a" && answer == "1\nsw>" || command == "exit");
        recording.rewrite("b", |answer| answer.replace("sw", "other"));
        let (mut player, _) = crate::recording::Player::begin(&recording);
        assert_eq!(player.hear(b"a\n").say, "a\r\n%No\r\nsw>");
        assert_eq!(player.hear(b"b\n").say, "b\r\n2\r\nother>");
        assert!(player.hear(b"exit\n").ends);
    }
}
