//! Devices that behave otherwise than they were recorded, for tests of what must not be believed.

use super::{Exchange, Recording, Typed};

/// How often a device asks for a login before it hangs up.
const LOGINS: usize = 3;

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

    /// The device takes no login: it asks again, and in the end hangs up. False: its shell asks for none.
    pub fn refuse_login(&mut self) -> bool {
        let is_question = |exchange: &Exchange| !matches!(exchange.typed, Typed::Line(_));
        let asked = self.exchanges.iter().take_while(|exchange| is_question(exchange)).count();
        let is_secret = |exchange: &Exchange| exchange.typed == Typed::Secret;
        let Some(first) = self.exchanges[..asked].iter().position(is_secret) else { return false };
        let question = last_line(self.said_before(first)).to_owned();
        let mut again = self.exchanges[first..asked].to_vec();
        if let Some(last) = again.last_mut() {
            last.answer = format!("\nLogin incorrect\n\n{question}");
        }
        self.exchanges.truncate(first);
        for _ in 0..LOGINS {
            self.exchanges.extend(again.iter().cloned());
        }
        true
    }

    /// The device refuses the password for more rights, and stays where it is. False: it asks for none.
    pub fn refuse_enable(&mut self) -> bool {
        let enable = self
            .exchanges
            .windows(2)
            .position(|pair| matches!(pair[0].typed, Typed::Line(_)) && pair[1].typed == Typed::Secret);
        let Some(enable) = enable else { return false };
        let prompt = last_line(self.said_before(enable)).to_owned();
        self.exchanges[enable + 1].answer = format!("% Access denied\n{prompt}");
        true
    }

    /// What the device said last before exchange `index`.
    fn said_before(&self, index: usize) -> &str {
        index.checked_sub(1).map_or(&self.greeting, |before| &self.exchanges[before].answer)
    }
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Player;

    #[test]
    fn a_login_that_is_refused_is_asked_for_again_until_the_device_hangs_up() {
        let text = "platform: x\n---\nhi\nUser: «*»\nPassword: «*»\nsw>«a»\n1\nsw>«exit»\n";
        let mut recording = Recording::parse(text).unwrap();
        assert!(recording.refuse_login() && !recording.refuse_enable());
        let (mut player, _) = Player::begin(&recording);
        for _ in 0..2 {
            assert_eq!(player.hear(b"me\n").say, "\r\nPassword: ");
            assert_eq!(player.hear(b"x\n").say, "\r\n\r\nLogin incorrect\r\n\r\nUser: ");
        }
        player.hear(b"me\n");
        assert!(player.hear(b"x\n").ends);
    }

    #[test]
    fn a_device_that_refuses_more_rights_stays_at_its_prompt() {
        let text = "platform: x\n---\nsw>«enable»\nPassword: «*»\nsw#«a»\n1\nsw#«exit»\n";
        let mut recording = Recording::parse(text).unwrap();
        assert!(recording.refuse_enable() && !recording.refuse_login());
        let (mut player, _) = Player::begin(&recording);
        player.hear(b"enable\n");
        assert_eq!(player.hear(b"x\n").say, "\r\n% Access denied\r\nsw>");
    }

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
