//! From what a text answers to the rows that are kept of it: only what is asked anew is asked, and only what differs is written.

use etiqa_model::rule::{Rule, Subject};
use etiqa_model::{RuleId, Timestamp};

use super::question::{Answer, Question};
use crate::store::rule_result::{Checked, CheckedText, StoredResult};

/// A rule that is in force.
#[derive(Debug)]
pub(super) struct Force {
    pub(super) rule: Rule,
    /// Grows with each change of what it asks, and of whom.
    pub(super) revision: i64,
    pub(super) question: Question,
}

impl Force {
    /// Whether it is about this text.
    pub(super) fn is_about(&self, text: &CheckedText) -> bool {
        self.rule.target.holds(Subject {
            platform: &text.driver,
            device_type: text.device_type,
            site: &text.site,
            tags: &text.tags,
            part: &text.part,
        })
    }
}

/// A text that is to be held against rules.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) text: CheckedText,
    /// Names the rules that are about it, as they are now.
    pub(super) hash: String,
    /// The places of those that it was not held against yet, among all that are in force.
    asked: Vec<usize>,
    /// What rules came to with it before.
    known: Vec<StoredResult>,
    /// Rules that are about it no more.
    gone: Vec<RuleId>,
}

impl Due {
    /// Of a text, the places of the rules that are about it, and what rules came to with it before.
    pub(super) fn of(
        rules: &[Force],
        text: CheckedText,
        about: &[usize],
        hash: String,
        known: Vec<StoredResult>,
    ) -> Self {
        let is_same_text = text.checked_version == Some(text.version_id);
        let is_answered = |force: &Force| {
            is_same_text
                && known.iter().any(|it| it.rule_id == force.rule.id && it.revision == force.revision)
        };
        let asked = about.iter().copied().filter(|place| !is_answered(&rules[*place])).collect();
        let is_about = |rule: RuleId| about.iter().any(|place| rules[*place].rule.id == rule);
        let gone = known.iter().map(|it| it.rule_id).filter(|rule| !is_about(*rule)).collect();
        Self { text, hash, asked, known, gone }
    }

    /// Whether the text itself is needed.
    pub(super) fn must_read(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Asks it, and gives what is to be noted.
    pub(super) fn answer(self, rules: &[Force], text: &str, at: Timestamp) -> Checked {
        let mut changed = Vec::new();
        for place in &self.asked {
            let force = &rules[*place];
            let before = self.known.iter().find(|it| it.rule_id == force.rule.id);
            let result = self.result(force, force.question.ask(text), before, at);
            if before != Some(&result) {
                changed.push(result);
            }
        }
        Checked {
            device_id: self.text.device_id,
            part: self.text.part,
            version_id: self.text.version_id,
            rules: self.hash,
            changed,
            gone: self.gone,
        }
    }

    /// What came to the same as before is as old as it was. Broken newly is what was kept before, by the same rule.
    fn result(
        &self,
        force: &Force,
        answer: Answer,
        before: Option<&StoredResult>,
        at: Timestamp,
    ) -> StoredResult {
        let Answer { broken, lines, hits } = answer;
        let before = before.filter(|it| it.revision == force.revision);
        let (newly, version_id, since) = match before {
            Some(before) if before.broken == broken => (before.newly, before.version_id, before.since),
            before => (broken && before.is_some(), self.text.version_id, at),
        };
        StoredResult {
            rule_id: force.rule.id,
            revision: force.revision,
            broken,
            newly,
            hits,
            lines,
            version_id,
            since,
        }
    }
}

#[cfg(test)]
mod tests {
    use etiqa_model::device::DeviceType;
    use etiqa_model::rule::{RuleInput, Target};
    use etiqa_model::{ConfigVersionId, DeviceId};

    use super::*;

    fn force(id: i64, wants: &str, patterns: &str) -> Force {
        let input = RuleInput {
            name: "x".into(),
            wants: wants.into(),
            patterns: patterns.into(),
            ..RuleInput::default()
        };
        let new = input.parse().unwrap();
        let question = Question::of(&new).unwrap();
        let rule = Rule {
            id: RuleId(id),
            name: new.name,
            wants: new.wants,
            patterns: new.patterns,
            match_case: false,
            block: None,
            target: Target::default(),
            severity: new.severity,
            advice: String::new(),
            enabled: true,
            is_checked: false,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        };
        Force { rule, revision: 1, question }
    }

    fn text(version: i64, checked: Option<i64>) -> CheckedText {
        CheckedText {
            device_id: DeviceId(1),
            device_type: DeviceType::Router,
            site: "vienna".into(),
            tags: Vec::new(),
            part: "running".into(),
            version_id: ConfigVersionId(version),
            driver: "ios".into(),
            text_sha256: "0".into(),
            size_bytes: 1,
            checked_version: checked.map(ConfigVersionId),
            checked_rules: None,
        }
    }

    /// Holds version after version against the same rule, as each text says.
    fn states(texts: &[&str]) -> Vec<(bool, bool, i64)> {
        let rules = [force(1, "contain", "ntp server")];
        let mut known: Vec<StoredResult> = Vec::new();
        let mut states = Vec::new();
        for (index, content) in texts.iter().enumerate() {
            let version = index as i64 + 1;
            let due = Due::of(&rules, text(version, Some(version - 1)), &[0], "h".into(), known.clone());
            assert!(due.must_read());
            for result in due.answer(&rules, content, Timestamp(version)).changed {
                known = vec![result];
            }
            let now = &known[0];
            states.push((now.broken, now.newly, now.since.millis()));
        }
        states
    }

    #[test]
    fn what_was_kept_and_is_broken_is_newly_broken_until_it_is_kept_again() {
        assert_eq!(states(&["x\n", "y\n"]), [(true, false, 1), (true, false, 1)], "it was so at first sight");
        assert_eq!(
            states(&["ntp server a\n", "ntp server b\n", "x\n", "y\n", "ntp server c\n", "z\n"]),
            [
                (false, false, 1),
                (false, false, 1),
                (true, true, 3),
                (true, true, 3),
                (false, false, 5),
                (true, true, 6),
            ]
        );
    }

    #[test]
    fn a_new_version_with_the_same_answer_writes_nothing() {
        let rules = [force(1, "contain", "ntp server")];
        let first = Due::of(&rules, text(1, None), &[0], "h".into(), Vec::new());
        let known = first.answer(&rules, "ntp server a\n", Timestamp(1)).changed;
        assert_eq!(known.len(), 1);
        let second = Due::of(&rules, text(2, Some(1)), &[0], "h".into(), known);
        let done = second.answer(&rules, "hostname b\nntp server a\n", Timestamp(2));
        assert_eq!((done.changed.len(), done.version_id), (0, ConfigVersionId(2)));
    }

    #[test]
    fn a_rule_that_is_added_changed_or_about_something_else_is_asked_alone() {
        let mut rules = [force(1, "contain", "ntp"), force(2, "not_contain", "telnet")];
        let first = Due::of(&rules, text(1, None), &[0], "h".into(), Vec::new());
        let known = first.answer(&rules, "ntp\n", Timestamp(1)).changed;
        let added = Due::of(&rules, text(1, Some(1)), &[0, 1], "i".into(), known.clone());
        let done = added.answer(&rules, "ntp\n", Timestamp(2));
        assert_eq!(done.changed.iter().map(|it| it.rule_id).collect::<Vec<_>>(), [RuleId(2)]);
        rules[0].revision = 2;
        let changed = Due::of(&rules, text(1, Some(1)), &[0], "j".into(), known.clone());
        let done = changed.answer(&rules, "x\n", Timestamp(3));
        assert_eq!(
            (done.changed[0].broken, done.changed[0].newly),
            (true, false),
            "the rule changed, not the device"
        );
        let gone = Due::of(&rules, text(1, Some(1)), &[], "k".into(), known);
        assert!(!gone.must_read());
        assert_eq!(gone.answer(&rules, "", Timestamp(4)).gone, [RuleId(1)]);
    }
}
