//! Devices that behave otherwise than they were recorded, for tests of what must not be believed.

use super::{Recording, Typed};

impl Recording {
    /// The device no longer knows the commands for which `is_forgotten` says so; it is given each command and what was
    /// recorded as its answer, the next prompt included. A shell's last one, which ends the session, is never forgotten.
    pub fn forget(&mut self, is_forgotten: impl Fn(&str, &str) -> bool) {
        let last = if self.is_exec { None } else { self.exchanges.pop() };
        self.exchanges.retain(|exchange| match &exchange.typed {
            Typed::Line(line) => !is_forgotten(line.trim(), &exchange.answer),
            Typed::Secret | Typed::Key => true,
        });
        self.exchanges.extend(last);
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
    fn a_device_can_forget_and_say_something_else() {
        let text = "platform: x\nunknown: %No\n---\nsw>«a»\n1\nsw>«b»\n2\nsw>«exit»\n";
        let mut recording = Recording::parse(text).unwrap();
        recording.forget(|command, answer| command == "a" && answer == "1\nsw>" || command == "exit");
        recording.rewrite("b", |answer| answer.replace("sw", "other"));
        let (mut player, _) = super::super::Player::begin(&recording);
        assert_eq!(player.hear(b"a\n").say, "a\r\n%No\r\nsw>");
        assert_eq!(player.hear(b"b\n").say, "b\r\n2\r\nother>");
        assert!(player.hear(b"exit\n").ends);
    }
}
