//! Time zones by their IANA names.

use chrono_tz::{TZ_VARIANTS, Tz};

/// The zone of this IANA name, or a sentence that says what to write instead.
pub fn find_zone(name: &str) -> Result<Tz, String> {
    let name = name.trim();
    if let Ok(zone) = name.parse() {
        return Ok(zone);
    }
    let shown: String = name.chars().take(60).collect();
    let known = format!("\"{shown}\" is not a known time zone");
    Err(match suggestion(name) {
        Some(zone) => format!("{known}; did you mean {zone}?"),
        None => format!("{known}; use an IANA name such as Europe/Vienna, or UTC."),
    })
}

/// The zone of this name, or UTC where it is not one: stored names were checked when they were set.
pub fn zone_or_utc(name: &str) -> Tz {
    find_zone(name).unwrap_or(Tz::UTC)
}

/// The machine's own zone, or `UTC` where it has none that is known here.
pub fn machine_zone() -> String {
    iana_time_zone::get_timezone()
        .ok()
        .filter(|name| name.parse::<Tz>().is_ok())
        .unwrap_or_else(|| "UTC".to_owned())
}

/// Every zone name, sorted.
pub fn zone_names() -> Vec<&'static str> {
    let mut names: Vec<_> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
    names.sort_unstable();
    names
}

/// The zone that a person who wrote `name` most likely means: in another case, with spaces, or only its city.
fn suggestion(name: &str) -> Option<&'static str> {
    let wanted = folded(name);
    if wanted.is_empty() {
        return None;
    }
    let city = |zone: &'static str| zone.rsplit('/').next().unwrap_or(zone);
    let names = zone_names();
    let find = |is_meant: &dyn Fn(&'static str) -> bool| names.iter().copied().find(|zone| is_meant(zone));
    find(&|zone| folded(zone) == wanted)
        .or_else(|| find(&|zone| folded(city(zone)) == wanted))
        .or_else(|| find(&|zone| wanted.len() >= 4 && folded(city(zone)).starts_with(&wanted)))
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || *c == '/').flat_map(char::to_lowercase).collect()
}
