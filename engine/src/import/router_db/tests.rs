//! Files as Oxidized and RANCID have them.

use etiqa_model::Secret;

use super::logins::{Known, Shared, name_all, shared};
use super::*;

fn oxidized(columns: &str) -> Oxidized {
    Oxidized { columns: OxidizedColumns::parse(columns).unwrap(), ..Oxidized::default() }
}

#[test]
fn a_router_db_of_oxidized_is_read_by_its_own_column_map() {
    let file = "# routers\n\nrtr01.local:192.0.2.1:ios:vie:oxidized:5uP3R:T0p\nsw01:192.0.2.2:toaster::::\n";
    let reader = Oxidized {
        groups: names("--group-map", "vie=vienna").unwrap(),
        ..oxidized("name=0,ip=1,model=2,group=3,username=4,password=5,enable=6")
    };
    let [router, switch] = reader.read(file.as_bytes()).unwrap().try_into().unwrap();
    let device = &router.device;
    assert_eq!(
        (router.line, device.address.as_str(), device.hostname.as_str(), device.site.as_str()),
        (3, "192.0.2.1", "rtr01.local", "vienna")
    );
    assert_eq!((device.platform.as_str(), device.device_type.as_str()), ("ios", "router"));
    let login = router.login.unwrap();
    assert_eq!((login.username.as_str(), login.secrets.password.reveal()), ("oxidized", "5uP3R"));
    assert_eq!(login.secrets.enable_password.reveal(), "T0p");
    assert_eq!((switch.device.platform.as_str(), switch.login), ("", None));
    assert!(switch.notes[0].contains("\"toaster\""), "{:?}", switch.notes);
}

#[test]
fn delimiters_and_inputs_are_those_of_oxidized_s_configuration() {
    for (delimiter, line) in [
        ("!ruby/regexp /;/", "core;telnet;23"),
        ("\\t", "core\ttelnet\t23"),
        ("/\\|/", "core|telnet|23"),
        (" ", "core telnet 23"),
    ] {
        let reader =
            Oxidized { delimiter: delimiter.into(), ..oxidized("name=0,input=1,telnet_port=2,model=3") };
        let reader = Oxidized { default_model: "procurve".into(), ..reader };
        let [listed] = reader.read(line.as_bytes()).unwrap().try_into().unwrap();
        assert_eq!(
            [&listed.device.address, &listed.device.transport, &listed.device.port, &listed.device.platform],
            ["core", "telnet", "23", "procurve"],
            "{delimiter}"
        );
    }
    assert!(OxidizedColumns::parse("name=x").unwrap_err().contains("name=x"));
    assert!(oxidized("model=0").read(b"ios").is_err(), "no device can be found");
}

#[test]
fn a_router_db_of_rancid_is_read_in_both_of_its_forms() {
    let file = "core1.example.net;cisco;up\ncore2;juniper;ticketed;waits for a card\nold.example.net:hp:up:\n\
                2001:db8::1;cisco-nx;up\nalteon1;alteon;up\n";
    let listed = Rancid::default().read(file.as_bytes()).unwrap();
    let told: Vec<_> = listed
        .iter()
        .map(|row| (row.device.address.as_str(), row.device.platform.as_str(), row.is_down))
        .collect();
    assert_eq!(
        told,
        [
            ("core1.example.net", "ios", false),
            ("core2", "junos", true),
            ("old.example.net", "procurve", false),
            ("2001:db8::1", "nxos", false),
            ("alteon1", "", false),
        ]
    );
    assert_eq!(listed[1].device.description, "waits for a card");
    assert!(listed[4].notes[0].contains("alteon"), "{:?}", listed[4].notes);
    let own = Rancid { types: names("--type-map", "alteon=linux").unwrap() };
    assert_eq!(own.read(b"alteon1;alteon;up").unwrap()[0].device.platform, "linux");
}

/// The logins of a file with the names that they get, and what was said of its lines.
fn named(file: &str, known: &HashMap<String, Known>) -> (Vec<Shared>, Vec<RowError>) {
    let mut listed = oxidized("name=0,username=1,password=2").read(file.as_bytes()).unwrap();
    let options = RouterDbOptions { with_credentials: true, ..RouterDbOptions::default() };
    let mut notes = Vec::new();
    let mut logins = shared(&mut listed, &options, &mut notes);
    name_all(&mut logins, known);
    (logins, notes)
}

fn names_of(logins: &[Shared]) -> Vec<&str> {
    logins.iter().map(|login| login.name.as_str()).collect()
}

#[test]
fn the_same_file_gives_its_logins_the_same_names() {
    let (logins, notes) = named("a:ada:one\nb:ada:two\nc:ada:one\nd:bob:three\n", &HashMap::new());
    assert_eq!(names_of(&logins), ["oxidized ada", "oxidized ada 2", "oxidized bob"]);
    assert_eq!(logins[0].rows, [0, 2]);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn another_file_does_not_get_the_logins_of_the_first_one() {
    let login = |password: &str| Some(("ada".to_owned(), [Secret::new(password), Secret::default()]));
    let known = HashMap::from([
        ("oxidized ada".to_owned(), login("one")),
        ("oxidized ada 2".to_owned(), login("two")),
        ("oxidized ada 3".to_owned(), None),
    ]);
    let (logins, _) = named("a:ada:two\nb:ada:one\n", &known);
    assert_eq!(names_of(&logins), ["oxidized ada 2", "oxidized ada"]);
    let (logins, _) = named("a:ada:other\n", &known);
    assert_eq!(names_of(&logins), ["oxidized ada 4"]);
}

#[test]
fn a_user_name_without_a_password_is_said_and_becomes_no_login() {
    let (logins, notes) = named("a:ada:\nb:bob:two\n", &HashMap::new());
    assert_eq!(names_of(&logins), ["oxidized bob"]);
    assert_eq!(notes.iter().map(|note| note.line).collect::<Vec<_>>(), [1]);
    assert!(notes[0].reason.contains("no password"), "{}", notes[0].reason);
}
