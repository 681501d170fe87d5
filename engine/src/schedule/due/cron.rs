//! Cron expressions of five fields: minute, hour, day of month, month, day of week.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

static PARSER: LazyLock<CronParser> =
    LazyLock::new(|| CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build());

/// The five fields in order: what each is called and what it takes.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31, or L for the last"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of week", "0 to 7, or SUN to SAT"),
];

/// Reads the expression, or says in one sentence what is wrong with it. One that never comes true, such as the 30th of
/// February, is refused.
pub(super) fn parse(expression: &str) -> Result<Cron, String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let is_nickname = matches!(fields[..], [name] if name.starts_with('@'));
    if fields.len() != FIELDS.len() && !is_nickname {
        return Err("A cron expression has five fields: minute, hour, day of month, month and day of week, \
                    such as 30 2 * * 1-5."
            .into());
    }
    let cron = PARSER.parse(expression).map_err(|_| explain(&fields))?;
    // The calendar repeats within 400 years and croner looks ahead for thousands, so any start will do.
    match cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, true) {
        Ok(_) => Ok(cron),
        Err(_) => Err(format!(
            "The cron expression \"{}\" never comes true; check its day and month.",
            fields.join(" ")
        )),
    }
}

/// Names the first field that is wrong by itself.
fn explain(fields: &[&str]) -> String {
    for (position, (name, range)) in FIELDS.iter().enumerate() {
        let Some(field) = fields.get(position) else { continue };
        let mut alone = ["*"; 5];
        alone[position] = field;
        if PARSER.parse(&alone.join(" ")).is_err() {
            let shown: String = field.chars().take(60).collect();
            return format!(
                "\"{shown}\" is not valid as the {name} of a cron expression; it takes {range}, lists, \
                 ranges and steps such as */2."
            );
        }
    }
    "The cron expression is not valid; write five fields such as 30 2 * * 1-5, or @daily.".into()
}
