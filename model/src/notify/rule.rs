//! Rules: what is told to which channels, when, and in which words.

use serde::{Deserialize, Serialize};

use super::{ChannelName, NotifyEvent, Template};
use crate::blackout::Blackouts;
use crate::device::DeviceType;
use crate::field::{Fields, by_name, number, optional_text, short_text};
use crate::schedule::{Frequency, Schedule, TimeOfDay, Weekday};
use crate::{BackupConfigId, ChannelId, NotifyRuleId, UserError};

/// Sites, tags and types that one rule names.
const MOST_NAMES: usize = 100;

/// What happens while something lasts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It is told when it begins and when it is over.
    #[default]
    Once,
    /// It is told each time that it happens again.
    Every,
}

impl Repeat {
    /// Both.
    pub const ALL: &[Self] = &[Self::Once, Self::Every];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Every => "every",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Once => "When it begins and when it is over",
            Self::Every => "Each time that it happens",
        }
    }

    /// The choice of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("way to repeat", name, Self::ALL, Self::as_str)
    }
}

/// When it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "timing", rename_all = "snake_case")]
pub enum Timing {
    /// At once.
    Now,
    /// What came since the last one, together, every day.
    Daily {
        /// Local time.
        at: TimeOfDay,
    },
    /// The same every week.
    Weekly {
        /// On this day.
        weekday: Weekday,
        /// Local time.
        at: TimeOfDay,
    },
}

impl Timing {
    /// The name in the database, in JSON and on the command line.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Daily { .. } => "daily",
            Self::Weekly { .. } => "weekly",
        }
    }
}

/// What becomes of what comes within quiet hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuietThen {
    /// It is told together when they end; what is over by then is told as over.
    #[default]
    Hold,
    /// It is not told at all.
    Drop,
}

impl QuietThen {
    /// Both.
    pub const ALL: &[Self] = &[Self::Hold, Self::Drop];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Drop => "drop",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hold => "Told together when they end",
            Self::Drop => "Not told at all",
        }
    }

    /// The choice of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("end of quiet hours", name, Self::ALL, Self::as_str)
    }
}

/// What a rule says, but for its name and its channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSettings {
    /// What is told.
    pub events: Vec<NotifyEvent>,
    /// Of which backups; none: of all.
    pub backups: Vec<BackupConfigId>,
    /// Of devices of these types; none: of all.
    pub device_types: Vec<DeviceType>,
    /// Of devices and machines of these sites; none: of all.
    pub sites: Vec<String>,
    /// Of devices with one of these tags; none: of all.
    pub tags: Vec<String>,
    /// A device counts as failing after so many failures in a row, 1 to 50.
    pub after: u32,
    /// Whether it is told that something is over.
    pub recovered: bool,
    /// What happens while it lasts.
    pub repeat: Repeat,
    /// It is told again after so many hours while it lasts; 0: never.
    pub remind_hours: u32,
    /// Whether a changed configuration is told with what changed, secrets masked.
    pub with_diff: bool,
    /// When it is told.
    pub timing: Timing,
    /// The IANA zone of all these times.
    pub time_zone: String,
    /// When nothing is told.
    pub quiet: Blackouts,
    /// What becomes of what comes then.
    pub quiet_then: QuietThen,
    /// The line above; empty: the program's own.
    pub title: Template,
    /// The text; empty: the program's own.
    pub text: Template,
}

impl RuleSettings {
    /// The schedule of a digest; none where it is told at once.
    pub fn digest(&self) -> Option<Schedule> {
        let frequency = match self.timing {
            Timing::Now => return None,
            Timing::Daily { at } => Frequency::Daily { at },
            Timing::Weekly { weekday, at } => Frequency::Weekly { weekday, at },
        };
        Some(Schedule::plain(frequency, self.time_zone.clone()))
    }

    /// When it is told, in words.
    pub fn words(&self) -> String {
        let mut words = match self.digest() {
            None => "at once".to_owned(),
            Some(schedule) => schedule.words(),
        };
        if !self.quiet.is_empty() {
            words = format!("{words}; quiet {}", self.quiet);
        }
        words
    }
}

/// A rule as pages show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Row id.
    pub id: NotifyRuleId,
    /// Unique.
    pub name: String,
    /// Whether it tells anything.
    pub enabled: bool,
    /// What it says.
    pub settings: RuleSettings,
    /// Whom it tells.
    pub channels: Vec<ChannelId>,
    /// How many things last that it has told of.
    pub open: u64,
    /// How many things wait for a digest, or for the end of quiet hours.
    pub held: u64,
}

impl Rule {
    /// The same rule as a person would fill it in.
    pub fn to_input(&self) -> RuleInput {
        let RuleSettings {
            events,
            backups,
            device_types,
            sites,
            tags,
            after,
            recovered,
            repeat,
            remind_hours,
            with_diff,
            timing,
            time_zone,
            quiet,
            quiet_then,
            title,
            text,
        } = self.settings.clone();
        let (at, weekday) = match timing {
            Timing::Now => (None, None),
            Timing::Daily { at } => (Some(at), None),
            Timing::Weekly { weekday, at } => (Some(at), Some(weekday)),
        };
        let usual = RuleInput::default();
        let names: Vec<&str> = device_types.iter().map(|kind| kind.as_str()).collect();
        RuleInput {
            name: self.name.clone(),
            enabled: self.enabled,
            events: events.iter().map(|event| event.as_str().to_owned()).collect(),
            channels: self.channels.clone(),
            backups,
            device_types: names.join(", "),
            sites: sites.join(", "),
            tags: tags.join(", "),
            after: after.to_string(),
            recovered,
            repeat: repeat.as_str().to_owned(),
            remind_hours: remind_hours.to_string(),
            with_diff,
            timing: timing.as_str().to_owned(),
            at: at.map_or(usual.at, |at| at.to_string()),
            weekday: weekday.map_or(usual.weekday, |day| day.as_str().to_owned()),
            time_zone,
            quiet: quiet.to_string(),
            quiet_then: quiet_then.as_str().to_owned(),
            title: title.to_string(),
            text: text.to_string(),
        }
    }
}

/// Every rule, and what a rule can name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleList {
    /// By name.
    pub rules: Vec<Rule>,
    /// Channels that a rule can tell, by name.
    pub channels: Vec<ChannelName>,
    /// Backups, by name.
    pub backups: Vec<(BackupConfigId, String)>,
    /// The machine's own zone.
    pub time_zone: String,
}

/// A rule as a person fills it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleInput {
    /// Unique; required.
    pub name: String,
    /// Whether it tells anything.
    pub enabled: bool,
    /// Names of events; at least one.
    pub events: Vec<String>,
    /// Whom it tells; at least one.
    pub channels: Vec<ChannelId>,
    /// Of which backups; all when empty.
    pub backups: Vec<BackupConfigId>,
    /// Device types with commas between; all when empty.
    pub device_types: String,
    /// Sites with commas between; all when empty.
    pub sites: String,
    /// Tags with commas between; all when empty.
    pub tags: String,
    /// Failures in a row, 1 to 50; 2 when empty.
    pub after: String,
    /// Whether it is told that something is over.
    pub recovered: bool,
    /// `once` or `every`; the first when empty.
    pub repeat: String,
    /// Hours, 0 to 720; 0 when empty.
    pub remind_hours: String,
    /// Whether a changed configuration is told with what changed.
    pub with_diff: bool,
    /// `now`, `daily` or `weekly`; the first when empty.
    pub timing: String,
    /// `HH:MM`, for digests.
    pub at: String,
    /// For weekly digests.
    pub weekday: String,
    /// An IANA name; the machine's own when empty.
    pub time_zone: String,
    /// Quiet hours, as blackouts of schedules are written: `mon-fri 22:00-06:00; sat,sun`.
    pub quiet: String,
    /// `hold` or `drop`; the first when empty.
    pub quiet_then: String,
    /// A template of one line; the program's own when empty.
    pub title: String,
    /// A template; the program's own when empty.
    pub text: String,
}

impl Default for RuleInput {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            events: Vec::new(),
            channels: Vec::new(),
            backups: Vec::new(),
            device_types: String::new(),
            sites: String::new(),
            tags: String::new(),
            after: "2".to_owned(),
            recovered: true,
            repeat: Repeat::default().as_str().to_owned(),
            remind_hours: "0".to_owned(),
            with_diff: true,
            timing: Timing::Now.as_str().to_owned(),
            at: "08:00".to_owned(),
            weekday: Weekday::Monday.as_str().to_owned(),
            time_zone: String::new(),
            quiet: String::new(),
            quiet_then: QuietThen::default().as_str().to_owned(),
            title: String::new(),
            text: String::new(),
        }
    }
}

/// A rule ready to be stored. The engine still looks at its zone, its channels and its backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// Unique.
    pub name: String,
    /// Whether it tells anything.
    pub enabled: bool,
    /// What it says.
    pub settings: RuleSettings,
    /// Whom it tells.
    pub channels: Vec<ChannelId>,
}

impl RuleInput {
    /// Checks every field; the error names each wrong one. `zone` is that of a rule which names none.
    pub fn parse(&self, zone: &str) -> Result<NewRule, UserError> {
        let mut fields = Fields::default();
        let name = fields.check("name", short_text("The name", &self.name, 100));
        let mut events: Vec<NotifyEvent> =
            self.events.iter().filter_map(|name| fields.check("events", NotifyEvent::parse(name))).collect();
        events.sort_unstable();
        events.dedup();
        if events.is_empty() {
            fields.wrong("events", "Choose at least one thing to be told.");
        }
        if self.channels.is_empty() {
            fields.wrong("channels", "Choose at least one channel.");
        }
        let device_types: Vec<DeviceType> = names(&self.device_types)
            .filter_map(|name| fields.check("device_types", DeviceType::parse(name)))
            .collect();
        let sites = fields.check("sites", list("The sites", &self.sites));
        let tags = fields.check("tags", list("The tags", &self.tags));
        let after = number("The number of failures", &self.after, 1..=50, Some(2));
        let after = fields.check("after", after);
        let remind = number("The hours between reminders", &self.remind_hours, 0..=720, Some(0));
        let remind_hours = fields.check("remind_hours", remind);
        let repeat = match self.repeat.trim() {
            "" => Some(Repeat::default()),
            repeat => fields.check("repeat", Repeat::parse(repeat)),
        };
        let timing = self.timing(&mut fields);
        let quiet = fields.check("quiet", Blackouts::parse(&self.quiet));
        let quiet_then = match self.quiet_then.trim() {
            "" => Some(QuietThen::default()),
            then => fields.check("quiet_then", QuietThen::parse(then)),
        };
        let own_zone = self.time_zone.trim();
        let zone = if own_zone.is_empty() { zone } else { own_zone };
        let title = fields.check("title", Template::parse(&self.title));
        if self.title.trim().contains(['\n', '\r']) {
            fields.wrong("title", "The line above is one line.");
        }
        let text = fields.check("text", Template::parse(&self.text));
        fields.finish()?;
        let settings = RuleSettings {
            events,
            backups: self.backups.clone(),
            device_types,
            sites: sites.unwrap_or_default(),
            tags: tags.unwrap_or_default(),
            after: after.unwrap_or(1),
            recovered: self.recovered,
            repeat: repeat.unwrap_or_default(),
            remind_hours: remind_hours.unwrap_or_default(),
            with_diff: self.with_diff,
            timing: timing.unwrap_or(Timing::Now),
            time_zone: zone.to_owned(),
            quiet: quiet.unwrap_or_default(),
            quiet_then: quiet_then.unwrap_or_default(),
            title: title.unwrap_or_default(),
            text: text.unwrap_or_default(),
        };
        let name = name.unwrap_or_default();
        Ok(NewRule { name, enabled: self.enabled, settings, channels: self.channels.clone() })
    }

    fn timing(&self, fields: &mut Fields) -> Option<Timing> {
        let timing = self.timing.trim().to_lowercase();
        match timing.as_str() {
            "" | "now" => Some(Timing::Now),
            "daily" => Some(Timing::Daily { at: fields.check("at", TimeOfDay::parse(&self.at))? }),
            "weekly" => {
                let at = fields.check("at", TimeOfDay::parse(&self.at));
                let weekday = fields.check("weekday", Weekday::parse(&self.weekday));
                Some(Timing::Weekly { weekday: weekday?, at: at? })
            }
            _ => {
                fields.wrong("timing", "It is told now, daily or weekly.");
                None
            }
        }
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty())
}

fn list(what: &str, text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> =
        names(text).map(|name| optional_text(what, name, 100)).collect::<Result<_, _>>()?;
    if names.len() > MOST_NAMES {
        return Err(format!("{what} are more than {MOST_NAMES}."));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(change: impl FnOnce(&mut RuleInput)) -> RuleInput {
        let mut input = RuleInput {
            name: "On call".into(),
            events: vec!["run_failed".into()],
            channels: vec![ChannelId(1)],
            ..RuleInput::default()
        };
        change(&mut input);
        input
    }

    fn wrong(change: impl FnOnce(&mut RuleInput)) -> Vec<String> {
        let error = input(change).parse("UTC").unwrap_err();
        error.fields.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_rule_needs_something_to_tell_and_somebody_to_tell_it_to() {
        assert_eq!(wrong(|input| input.events.clear()), ["events"]);
        assert_eq!(wrong(|input| input.channels.clear()), ["channels"]);
        assert_eq!(wrong(|input| input.events.push("nothing".into())), ["events"]);
        assert_eq!(wrong(|input| input.after = "0".into()), ["after"]);
        assert_eq!(wrong(|input| input.quiet = "25:00-26:00".into()), ["quiet"]);
        assert_eq!(wrong(|input| input.text = "{{hello}}".into()), ["text"]);
        assert_eq!(wrong(|input| input.title = "{{title}}\n{{items}}".into()), ["title"]);
    }

    #[test]
    fn a_rule_is_filled_in_again_as_it_was() {
        let before = input(|input| {
            input.events.push("config_changed".into());
            input.device_types = "switch, router".into();
            input.sites = "vienna".into();
            input.timing = "weekly".into();
            input.weekday = "friday".into();
            input.at = "07:30".into();
            input.quiet = "mon-fri 22:00-06:00; sat,sun".into();
            input.quiet_then = "drop".into();
            input.title = "{{title}}".into();
            input.time_zone = "Europe/Vienna".into();
        });
        let NewRule { name, enabled, settings, channels } = before.parse("UTC").unwrap();
        let rule = Rule { id: NotifyRuleId(1), name, enabled, settings, channels, open: 0, held: 0 };
        assert_eq!(rule.to_input(), before);
        assert_eq!(
            rule.settings.words(),
            "every Friday at 07:30, Europe/Vienna; quiet mon-fri 22:00-06:00; sat,sun"
        );
    }
}
