use super::*;

const SMALL: &str = r#"title = "Small"
mode = "shell"

[prompt]
privileged = '(?P<host>\w+)#'

[[command]]
send = "show config"
part = "running"
"#;

fn error(text: &str) -> DriverError {
    Driver::parse("small", text).unwrap_err()
}

#[test]
fn every_built_in_driver_is_valid_and_every_device_type_has_one_default() {
    let set = DriverSet::built_in();
    let unread: Vec<(String, String)> = set.titles().map(|(name, title)| (name.to_owned(), title)).collect();
    assert_eq!(set.iter().count(), built_in::BUILT_IN.len());
    let read: Vec<_> =
        set.iter().map(|driver| (driver.name().to_owned(), driver.title().to_owned())).collect();
    assert_eq!(unread, read);
    for device_type in DeviceType::ALL {
        let defaults = set.iter().filter(|driver| driver.default_for().contains(device_type)).count();
        assert_eq!(defaults, 1, "{device_type}");
    }
}

#[test]
fn the_example_of_the_reference_is_a_valid_driver() {
    let page = include_str!("../../../../docs/drivers.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let driver = Driver::parse("example", example).unwrap();
    assert_eq!(driver.parts(), ["running", "startup"]);
}

#[test]
fn every_key_of_the_language_has_a_row_in_the_reference() {
    let page = include_str!("../../../../docs/drivers.md");
    let fields = include_str!("file.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(super) ")?.split_once(": ").map(|(name, _)| name));
    for field in fields {
        let is_named = page.contains(&format!("`{field}`")) || page.contains(&format!("`[{field}]`"));
        let is_table = page.contains(&format!("`[[{field}]]`")) || page.contains(&format!("`[{field}."));
        assert!(is_named || is_table, "docs/drivers.md does not explain `{field}`");
    }
}

#[test]
fn every_built_in_driver_has_a_row_in_the_table_of_platforms_that_says_what_it_was_checked_against() {
    let page = include_str!("../../../../docs/platforms.md");
    let (_, platforms) = page.split_once("\n## The platforms\n").unwrap();
    let rows: Vec<Vec<&str>> = platforms
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').splitn(5, '|').map(str::trim).collect())
        .collect();
    let set = DriverSet::built_in();
    for driver in set.iter() {
        let name = driver.name();
        let row = rows.iter().find(|row| row[0] == format!("`{name}`"));
        let row = row.unwrap_or_else(|| panic!("docs/platforms.md has no row for {name}"));
        assert_eq!(row[1], driver.title(), "{name}");
        assert_eq!(row[2], if matches!(driver.mode, Mode::Exec) { "exec" } else { "shell" }, "{name}");
        assert_eq!(row[3].replace('`', ""), driver.parts().join(", "), "{name}");
        let against = match driver.checked().unwrap().against {
            Against::Software => "software",
            Against::Capture => "capture",
            Against::Document => "document",
            Against::Unverified => "unverified",
        };
        assert_eq!(row[4].split(':').next(), Some(against), "{name}");
    }
    assert_eq!(rows.len(), set.iter().count(), "a row of docs/platforms.md names no built-in driver");
}

#[test]
fn an_error_names_its_line_and_reason() {
    for (wrong, line, reason) in [
        (SMALL.replace("send =", "sned ="), 8, "Unknown field `sned`"),
        (SMALL.replace(r"\w+)#", r"\w+#"), 5, "The regex is wrong: unclosed group."),
        (SMALL.replace("title = \"Small\"", "title = \"\""), 1, "The title is empty."),
        (SMALL.replace("[prompt]\n", "[prompt]\nuser = 'a>'\n"), 4, "needs an [enable]"),
        (format!("{SMALL}\n[complete.startup]\n"), 11, "No [[command]] has the part \"startup\""),
        (format!("{SMALL}\n[[secret]]\npattern = 'x*'\n"), 12, "matches an empty text"),
        (format!("{SMALL}exit = [0]\n"), 10, "no exit status"),
        (SMALL.replace("show config", "show\\nconfig"), 8, "one line of text"),
        (SMALL.replace("shell", "exec"), 4, "[prompt] belongs to mode"),
        (format!("{SMALL}\n[facts]\nmodel = {{ command = \"show\", pattern = 'x' }}\n"), 12, "sends `show`"),
        (
            format!("{SMALL}\n[facts]\nmodel = {{ command = \"show config\", pattern = 'x' }}\n"),
            12,
            "needs a group",
        ),
        (SMALL.replace("mode = \"shell\"", "mode = \"shell\"\ndefault_for = [\"toaster\"]"), 3, "toaster"),
        (format!("{SMALL}\n[change]\nmessages = ['%SYS-5-CONFIG_I:', '(']\n"), 12, "The regex is wrong"),
        (format!("{SMALL}\n[change]\nmessages = ['x*']\n"), 12, "matches an empty text"),
        (format!("{SMALL}\n[change]\nmessage = ['x']\n"), 12, "Unknown field `message`"),
    ] {
        let error = error(&wrong);
        assert!(error.message.contains(reason), "{error} should say: {reason}");
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.to_string().starts_with(&format!("Line {line}: ")));
    }
}

#[test]
fn a_driver_that_keeps_nothing_is_refused() {
    assert!(error(&SMALL.replace("part = \"running\"\n", "")).message.contains("nothing would be kept"));
    assert!(Driver::parse("Not a name", SMALL).is_err());
}

#[test]
fn an_own_driver_takes_the_place_of_a_built_in_one() {
    let own = SMALL.replace("mode", "default_for = [\"router\"]\nmode");
    let built_in = DriverSet::built_in();
    let set = built_in.with_own(vec![Driver::parse("small", &own).unwrap()]);
    let name = |platform, kind| set.for_device(platform, kind).map(|driver| driver.name().to_owned());
    assert_eq!(name(None, DeviceType::Router).as_deref(), Some("small"));
    assert_eq!(name(None, DeviceType::Switch).as_deref(), Some("ios"));
    assert_eq!(name(Some("ios"), DeviceType::Router).as_deref(), Some("ios"));
    assert_eq!(name(Some("iso"), DeviceType::Router), None);
    assert!(set.is_own("small") && !set.is_own("ios") && built_in.get("small").is_none());
}

#[test]
fn a_driver_of_very_many_regexes_or_warnings_is_read_within_bounds() {
    let many =
        |count: usize, regex: &str| format!("{SMALL}\n[errors]\npatterns = [{}]\n", regex.repeat(count));
    assert!(Driver::parse("small", &many(400, "'^% Error',")).is_ok());
    let error = error(&many(100_000, r"'\w{15}',"));
    assert!(error.message.contains("take too much memory together"), "{error}");
    // As many as the largest file holds; each is looked up in it.
    let warned = format!("{SMALL}{}", "[[command]]\nsend = \"reload\"\n".repeat(30_000));
    assert_eq!(Driver::parse("small", &warned).unwrap().warnings().len(), 30_000);
}

#[test]
fn a_drivers_hash_is_that_of_its_text() {
    let driver = Driver::parse("small", SMALL).unwrap();
    assert_eq!(driver.sha256().len(), 64);
    assert_ne!(driver.sha256(), Driver::parse("small", &format!("{SMALL}\n")).unwrap().sha256());
}
