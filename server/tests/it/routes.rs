//! The table of who may ask what: every address that the server answers (`etiqa routes`, which the router is made of), asked by
//! everybody. Its statuses are committed beside this file; a route that has no sample here fails the test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Read};
use std::net::TcpListener;
use std::path::Path;

use etiqa_engine::access::{token_create, user_add};
use etiqa_engine::hex::{sha256_hex, to_hex};
use etiqa_engine::history::pack;
use etiqa_engine::{Engine, Options, Role as Process, backup, fleet, inventory};
use etiqa_model::Secret;
use etiqa_model::admin::Settings;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::credential::CredentialInput;
use etiqa_model::device::DeviceInput;
use etiqa_model::scope::Scope;
use etiqa_model::user::{Reach, Role};

use crate::harness::{Answer, Client, Server, World};

/// The device that is in the scope: it takes connections and says nothing, so that a run of it goes on.
type Silent = TcpListener;

/// A method and a path as the router has them, the least role that may ask, what it is about, and what is sent along. `{n}` is
/// the number of whatever is asked for: 1 is in the scope and 2 is not; `{host}` is the name of that device.
///
/// What it is about is `one` thing of a device or a backup, `some` of all that the asker sees, `all` devices, or `none`. Of pages
/// it is the snapshot alone that says who sees them (`page`): one may hold much that is for others.
const SAMPLES: &str = r#"
GET / page
GET /account page
GET /admin page
GET /admin/audit page
GET /admin/audit/export admin all
GET /admin/components page
GET /admin/config-versions page
GET /admin/credentials page
GET /admin/destinations page
GET /admin/drivers page
GET /admin/drivers/{name} page
GET /admin/inventory-sources page
GET /admin/jobs page
GET /admin/jump-hosts page
GET /admin/machines page
GET /admin/notifications page
GET /admin/recovery-kit page
GET /admin/settings page
GET /admin/tokens page
GET /admin/users page
GET /api/docs page
GET /api/openapi.json viewer none
GET /api/v1/archives operator all
GET /api/v1/archives/{id} operator all
GET /api/v1/archives/{id}/download operator all
GET /api/v1/audit admin all
GET /api/v1/backup-configs viewer some
GET /api/v1/backup-configs/{id} viewer one
GET /api/v1/configs viewer some
GET /api/v1/credentials admin all
GET /api/v1/credentials/{id} admin all
GET /api/v1/destinations operator all
GET /api/v1/destinations/{id} operator all
GET /api/v1/devices viewer some
GET /api/v1/devices/{id} viewer one
GET /api/v1/devices/{id}/results viewer one
GET /api/v1/devices/{id}/versions viewer one
GET /api/v1/diff viewer one old_device={host}&new_device={host}
GET /api/v1/jobs operator all
GET /api/v1/jobs/{id} operator all
GET /api/v1/me viewer none
GET /api/v1/notifications/channels operator all
GET /api/v1/notifications/channels/{id} operator all
GET /api/v1/notifications/deliveries operator all
GET /api/v1/notifications/deliveries/{id} operator all
GET /api/v1/notifications/rules operator all
GET /api/v1/notifications/rules/{id} operator all
GET /api/v1/runs viewer some
GET /api/v1/runs/{id} viewer one
GET /api/v1/runs/{id}/results viewer one
GET /api/v1/search viewer some text=hostname
GET /api/v1/tokens admin all
GET /api/v1/tokens/{id} admin all
GET /api/v1/users admin all
GET /api/v1/users/{id} admin all
GET /api/v1/versions/{id} viewer one
GET /api/v1/versions/{id}/diff viewer one
GET /api/v1/versions/{id}/text viewer one
GET /artifact/{id}/download operator one
GET /backup page
GET /backup/config/{id} page
GET /backup/config/{id}/edit page
GET /backup/config/{id}/retention page
GET /backup/download/{run} operator all
GET /backup/new page
GET /backup/run/{id} page
GET /backup/run/{id}/archive page
GET /backup/run/{run}/entry operator all name=x
GET /backup/status viewer some
GET /configs page
GET /configs/compare page
GET /configs/download viewer some
GET /configs/rules page
GET /configs/rules/new page
GET /configs/rules/starter page
GET /configs/rules/{id} page
GET /configs/rules/{id}/edit page
GET /configs/search page
GET /configs/version/{id} page
GET /configs/version/{id}/download viewer one
GET /devices page
GET /devices/export.csv viewer some
GET /devices/import page
GET /devices/new page
GET /devices/{id} page
GET /devices/{id}/download viewer one
GET /devices/{id}/media/{file} operator one
GET /devices/{id}/rules page
GET /events viewer some
GET /healthz open none
GET /login open none
GET /metrics viewer all
GET /pkg/{build}/{file} open none
GET /readyz open none
GET /rules/report.csv viewer some
GET /rules/report.json viewer some all=true
GET /setup open none
PATCH /api/v1/backup-configs/{id} operator all {"max_backups":11}
PATCH /api/v1/credentials/{id} admin all {"username":"backup"}
PATCH /api/v1/destinations/{id} admin all {"keep":"forever"}
PATCH /api/v1/devices/{id} operator one {"description":"x"}
PATCH /api/v1/notifications/channels/{id} admin all {"enabled":false}
PATCH /api/v1/notifications/rules/{id} admin all {"enabled":false}
PATCH /api/v1/tokens/{id} admin all {"name":"z"}
PATCH /api/v1/users/{id} admin all {"role":"viewer"}
PATCH /api/v1/versions/{id} operator one {"label":"x"}
POST /admin/drivers/{name} operator none transcript=x
POST /api/v1/archives/{id}/protect operator all
POST /api/v1/archives/{id}/unprotect operator all
POST /api/v1/archives/{id}/verify operator all
POST /api/v1/backup-configs operator all {"name":"api"}
POST /api/v1/backup-configs/{id}/run operator one
POST /api/v1/backup-configs/{id}/toggle operator one
POST /api/v1/credentials admin all {"name":"api","username":"u"}
POST /api/v1/credentials/{id}/rotate admin all {"password":"x"}
POST /api/v1/credentials/{id}/rotate/finish admin all
POST /api/v1/destinations admin all {"name":"api"}
POST /api/v1/destinations/{id}/retry operator all
POST /api/v1/destinations/{id}/test operator all
POST /api/v1/devices operator some {"address":"127.0.0.9","site":"vienna"}
POST /api/v1/devices/bulk operator one {"ids":[{n}],"action":"enable"}
POST /api/v1/devices/{id}/collect operator one
POST /api/v1/devices/{id}/host-key/accept operator one
POST /api/v1/jobs/{id}/retry operator all
POST /api/v1/notifications/channels admin all {"name":"api"}
POST /api/v1/notifications/channels/{id}/test operator all
POST /api/v1/notifications/deliveries/{id}/retry operator all
POST /api/v1/notifications/rules admin all {"name":"api"}
POST /api/v1/runs/{id}/cancel operator one
POST /api/v1/tokens admin all {"name":"api","role":"viewer"}
POST /api/v1/users admin all {"name":"api","role":"viewer","password":"long-enough-1"}
POST /api/v1/versions/{id}/accept operator one
POST /api/v1/versions/{id}/activate operator one
POST /api/v1/versions/{id}/reject operator one
POST /admin/recovery-kit/file admin all password=x
POST /backup/config/{id}/run operator one
POST /backup/config/{id}/toggle operator one
POST /configs/rules/new operator all rule[patterns]=x&device={host}
POST /configs/rules/{id}/edit operator all rule[patterns]=x&device={host}
POST /devices/import operator some
POST /devices/{id}/media operator one
POST /hooks/change operator one device={host}
POST /rpc/accept_certificate operator one id={n}&sha256=00
POST /rpc/accept_destination_key admin all id=1
POST /rpc/accept_host_key operator one id={n}
POST /rpc/accept_jump_host_key admin all id=1
POST /rpc/activate_version operator one id={n}
POST /rpc/add_starter_rules operator all names[]=x
POST /rpc/add_user admin all name=x&role=viewer&password=long-enough-1
POST /rpc/apply_import operator one id={n}
POST /rpc/begin_second_factor viewer none password=x
POST /rpc/bring_back operator all id=1&destination=1
POST /rpc/cancel_run operator one id={n}
POST /rpc/change_devices operator one ids[]={n}&change[what]=enable
POST /rpc/change_password viewer none current=x&new=y
POST /rpc/change_token admin all id=1&name=x&role=viewer
POST /rpc/change_user admin all id=2&role=viewer
POST /rpc/collect_device operator one id={n}
POST /rpc/compare_texts viewer one old[device]={host}&new[device]={host}
POST /rpc/confirm_second_factor viewer none code=x
POST /rpc/confirm_sign_in open none code=x
POST /rpc/create_token admin all name=y&role=viewer
POST /rpc/decide_version operator one id={n}
POST /rpc/describe_version operator one id={n}&words[label]=x
POST /rpc/drill_run operator all id=1
POST /rpc/enable_backup_config operator one id={n}&enabled=true
POST /rpc/enable_device operator one id={n}&enabled=true
POST /rpc/enable_rule operator all id=1&enabled=true
POST /rpc/end_other_sessions viewer none
POST /rpc/end_session viewer none name=x
POST /rpc/end_user_session admin all id=2&name=x
POST /rpc/fetch_artifact operator one id={n}
POST /rpc/find_page viewer some search=a
POST /rpc/finish_rotation admin all id=1
POST /rpc/forget_certificate operator one id={n}
POST /rpc/forget_job operator all id=1
POST /rpc/forget_machine admin all owner=x
POST /rpc/generate_passphrase operator all
POST /rpc/get_archive operator all id=1
POST /rpc/get_artifact_transcript operator one id={n}
POST /rpc/get_backup_choices operator all
POST /rpc/get_backup_config viewer one id={n}
POST /rpc/get_config viewer one id={n}
POST /rpc/get_connection_test viewer one id={n}
POST /rpc/get_device viewer one id={n}
POST /rpc/get_device_artifacts viewer one id={n}
POST /rpc/get_device_choices viewer some
POST /rpc/get_device_media viewer one id={n}
POST /rpc/get_device_rules viewer one id={n}
POST /rpc/get_diff viewer one to={n}
POST /rpc/get_driver viewer some name=ios
POST /rpc/get_import operator one id={n}
POST /rpc/get_inventory_source operator all id=1
POST /rpc/get_kit_state admin all
POST /rpc/get_overview viewer some
POST /rpc/get_pause viewer none
POST /rpc/get_rule viewer some id=1
POST /rpc/get_run viewer one id={n}
POST /rpc/get_second_factor viewer none
POST /rpc/get_settings admin all
POST /rpc/get_setup open none
POST /rpc/get_transcript operator one id={n}
POST /rpc/get_version viewer one id={n}
POST /rpc/list_admin_sections viewer some
POST /rpc/list_audit admin all
POST /rpc/list_backup_configs viewer some
POST /rpc/list_config_versions admin all page[number]=1&page[size]=10
POST /rpc/list_channels operator all
POST /rpc/list_configs viewer some page[number]=1&page[size]=10
POST /rpc/list_credentials admin all
POST /rpc/list_deliveries operator all
POST /rpc/list_destinations operator all
POST /rpc/list_devices viewer some filter[search]=&page[number]=1&page[size]=10
POST /rpc/list_drivers viewer some
POST /rpc/list_inventory_sources operator all
POST /rpc/list_jobs operator all
POST /rpc/list_jump_hosts operator all
POST /rpc/list_machines operator all
POST /rpc/list_notify_rules operator all
POST /rpc/list_results viewer one device={n}
POST /rpc/list_rules viewer some
POST /rpc/list_runs viewer some
POST /rpc/list_sessions viewer none
POST /rpc/list_starter_rules operator all
POST /rpc/list_tokens admin all
POST /rpc/list_user_sessions admin all id=2
POST /rpc/list_users admin all
POST /rpc/list_versions viewer one device={n}&part=running
POST /rpc/list_views viewer none page=runs
POST /rpc/look_at_retention operator all id=1&config[name]=x
POST /rpc/pause_schedules operator all
POST /rpc/preview_inventory_source operator all id=1
POST /rpc/preview_notify_rule operator all id=1
POST /rpc/preview_retention viewer all id=1
POST /rpc/preview_schedule operator all config[name]=x
POST /rpc/protect_archive operator all id=1
POST /rpc/recognise_device operator one id={n}
POST /rpc/reset_second_factor admin all id=2
POST /rpc/resume_schedules admin all
POST /rpc/retry_copy operator all id=1&destination=1
POST /rpc/retry_delivery operator all id=1
POST /rpc/retry_destination operator all id=1
POST /rpc/retry_job operator all id=1
POST /rpc/rotate_credential admin all id=1&secrets[password]=x
POST /rpc/run_backup operator one id={n}
POST /rpc/save_backup_config operator all config[name]=x
POST /rpc/save_channel admin all channel[name]=x
POST /rpc/save_credential admin all credential[name]=x
POST /rpc/save_destination admin all destination[name]=x
POST /rpc/save_device operator one id={n}&device[address]=127.0.0.{n}&device[port]=1&device[site]=vienna&device[credential]=lab
POST /rpc/save_inventory_source admin all source[name]=x
POST /rpc/save_jump_host admin all host[name]=x
POST /rpc/save_notify_rule admin all rule[name]=x
POST /rpc/save_rule operator all rule[name]=x&rule[patterns]=x
POST /rpc/save_settings admin all settings[tick_minutes]=5
POST /rpc/save_view viewer none page=runs&name=x&query=
POST /rpc/search_configs viewer some search[text]=hostname
POST /rpc/set_up open none code=x&name=x&password=long-enough-1
POST /rpc/share_destination admin all id=1
POST /rpc/sign_in open none name=nobody&password=x
POST /rpc/sign_out viewer none
POST /rpc/start_connection_test operator one id={n}
POST /rpc/stop_second_factor viewer none password_again=x
POST /rpc/sync_inventory_source admin all id=9
POST /rpc/take_recovery_kit admin all password=x
POST /rpc/test_channel operator all id=1
POST /rpc/test_destination operator all id=1
POST /rpc/try_driver operator none name=ios&transcript=x
POST /rpc/unpause_schedules operator all
POST /rpc/unshare_destination admin all
POST /rpc/verify_run operator all id=1
POST /rpc/whoami open none
POST /rpc/{function} viewer none
POST /setup/restore open none
POST /theme viewer none theme=dark
POST /rpc/remove_view viewer none id=1
POST /rpc/remove_media operator one id={n}
POST /rpc/delete_backup_config operator all id=1
POST /rpc/delete_device operator one id={n}
POST /rpc/remove_credential admin all id=1
POST /rpc/remove_channel admin all id=1
POST /rpc/remove_destination admin all id=1
POST /rpc/remove_inventory_source admin all id=1
POST /rpc/remove_jump_host admin all id=1
POST /rpc/remove_rule operator all id=1
POST /rpc/remove_notify_rule admin all id=1
POST /rpc/remove_user admin all id=2
POST /rpc/revoke_token admin all id=1
DELETE /api/v1/backup-configs/{id} operator all
DELETE /api/v1/credentials/{id} admin all
DELETE /api/v1/destinations/{id} admin all
DELETE /api/v1/devices/{id} operator one
DELETE /api/v1/jobs/{id} operator all
DELETE /api/v1/notifications/channels/{id} admin all
DELETE /api/v1/notifications/rules/{id} admin all
DELETE /api/v1/tokens/{id} admin all
DELETE /api/v1/users/{id} admin all
"#;

/// How a route is asked so that it is understood: what refuses then refuses the person.
#[derive(Clone, Copy)]
struct Sample {
    method: &'static str,
    path: &'static str,
    least: &'static str,
    about: &'static str,
    fields: &'static str,
}

impl Sample {
    fn name(self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether somebody of this role is refused for that.
    fn is_above(self, role: Role) -> bool {
        Role::parse(self.least).is_ok_and(|least| least > role)
    }
}

/// In the order in which they are asked: what takes things away comes last.
fn samples() -> Vec<Sample> {
    let sample = |line: &'static str| {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or_default();
        Sample { method: next(), path: next(), least: next(), about: next(), fields: next() }
    };
    SAMPLES.lines().filter(|line| !line.is_empty()).map(sample).collect()
}

/// Stands in everything of the device that is not in the scope.
const CANARY: &str = "canary";
/// Stands in every text, where viewers' are masked.
const SECRET: &str = "s3cr3t-community-XyZ";

/// Who asks, and about which of the two devices.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Nobody,
    Expired,
    Viewer,
    Operator,
    Admin,
    /// An operator of the site `vienna`, about what is there.
    Inside,
    /// The same, about what is not.
    Outside,
}

/// The tokens of those who have one.
struct Tokens {
    viewer: String,
    operator: String,
    admin: String,
    scoped: String,
    expired: String,
}

#[tokio::test]
async fn everybody_gets_of_every_route_what_they_may_have_and_no_more() {
    let listed = World::new().etiqa(["routes"]).await.good().stdout;
    let mut known: Vec<String> = samples().into_iter().map(Sample::name).collect();
    known.sort();
    // Files of the site are there once it is built.
    let is_file = |route: &&str| route.starts_with("GET /") && route.contains('.') && !is_answered(route);
    let routes: Vec<&str> = listed.lines().filter(|route| !is_file(route)).collect();
    assert_eq!(
        routes, known,
        "each route of the server has a sample of how it is asked, and each sample a route"
    );

    let mut table: BTreeMap<String, Vec<(Who, String)>> = BTreeMap::new();
    // Those who may change things have a world of their own.
    let askers = [
        &[Who::Nobody, Who::Expired, Who::Viewer, Who::Outside][..],
        &[Who::Operator],
        &[Who::Admin],
        &[Who::Inside],
    ];
    for askers in askers {
        let (world, tokens, _silent) = world().await;
        let server = world.serve().await;
        for who in askers {
            for sample in samples() {
                let answer = ask(&server, &tokens, *who, sample).await;
                check(*who, sample, &answer);
                let row = table.entry(sample.name()).or_default();
                row.push((*who, answer.status.as_u16().to_string()));
            }
        }
        server.stop().await;
    }
    insta::assert_snapshot!("routes", printed(table));
}

/// Whether an address with a dot in it is no file.
fn is_answered(route: &str) -> bool {
    let is_table = Path::new(route).extension().is_some_and(|extension| extension == "csv");
    is_table || route.starts_with("GET /api/") || route.contains("/report.")
}

/// What holds of every route, whatever the snapshot says.
#[track_caller]
fn check(who: Who, sample: Sample, answer: &Answer) {
    let status = answer.status.as_u16();
    let (name, text) = (sample.name(), text_of(answer));
    assert_ne!(status, 500, "{name}: {text}");
    let is_open = sample.least == "open";
    match who {
        Who::Nobody | Who::Expired => assert_eq!(status == 401, !is_open, "{name}: {status} {text}"),
        _ => assert_ne!(status, 401, "{name}: {text}"),
    }
    let role = match who {
        Who::Nobody | Who::Expired => None,
        Who::Viewer => Some(Role::Viewer),
        Who::Operator | Who::Inside | Who::Outside => Some(Role::Operator),
        Who::Admin => Some(Role::Admin),
    };
    let is_page = sample.least == "page";
    if let Some(role) = role.filter(|_| !is_page) {
        let is_of_all = matches!(who, Who::Inside | Who::Outside) && sample.about == "all";
        assert_eq!(status == 403, sample.is_above(role) || is_of_all, "{name}: {status} {text}");
    }
    if who == Who::Inside && sample.about == "one" && !sample.is_above(Role::Operator) {
        assert_ne!(status, 404, "{name}: it is in the scope: {text}");
    }
    if who == Who::Outside {
        if sample.about == "one" {
            // Comparing says which of its fields names nothing.
            let compares = name.ends_with("compare_texts") || name.ends_with("/api/v1/diff");
            assert!(status == 404 || (status == 422 && compares), "{name}: {status}");
        }
        if is_page && sample.path.contains("/{id}") {
            assert!(matches!(status, 403 | 404), "{name}: {status}");
        }
    }
    let has_named_it = sample.fields.contains("{host}");
    if matches!(who, Who::Inside | Who::Outside) && !has_named_it {
        assert!(!text.contains(CANARY), "{name} tells of a device that is not in the scope: {text}");
    }
    if who == Who::Viewer {
        assert!(!text.contains(SECRET), "{name} tells a viewer a secret: {text}");
    }
}

async fn ask(server: &Server, tokens: &Tokens, who: Who, sample: Sample) -> Answer {
    let (number, host) = match (who, sample.method, sample.path) {
        (Who::Outside, ..) => ("2", "linz-canary"),
        // The page has removed the first one before.
        (_, "DELETE", "/api/v1/devices/{id}") => ("3", "vie-spare"),
        _ => ("1", "vie-rtr"),
    };
    let client = match who {
        Who::Nobody => server.stranger().with_own_origin(),
        Who::Expired => server.with_token(&tokens.expired),
        Who::Viewer => server.with_token(&tokens.viewer),
        Who::Operator => server.with_token(&tokens.operator),
        Who::Admin => server.with_token(&tokens.admin),
        Who::Inside | Who::Outside => server.with_token(&tokens.scoped),
    };
    let (path, fields) = (filled(sample.path, number, host), filled(sample.fields, number, host));
    let pairs: Vec<(&str, &str)> = fields.split('&').filter_map(|pair| pair.split_once('=')).collect();
    match (sample.method, sample.path) {
        ("GET", "/events") => only_the_status(&client, &path).await,
        (method, path_of_api) if path_of_api.starts_with("/api/v1/") && method != "GET" => {
            // Whatever it is: what is changed is looked at elsewhere.
            let body = Some(fields.as_str()).filter(|body| !body.is_empty());
            client.and_header("if-match", "*").json(method, &path, body).await
        }
        ("GET", _) if fields.is_empty() => client.get(&path).await,
        ("GET", _) => client.get(&format!("{path}?{fields}")).await,
        (_, "/devices/import") => client.upload(&path, "a.csv", "ip,site\n127.0.0.7,vienna\n").await,
        (_, "/devices/{id}/media") => client.upload(&path, "b.txt", "b").await,
        (_, "/setup/restore") => client.upload(&path, "a.zip", "a").await,
        _ => client.form(&path, &pairs).await,
    }
}

fn filled(text: &str, number: &str, host: &str) -> String {
    let known = [("{n}", number), ("{host}", host), ("{name}", "ios"), ("{function}", "no_such_function")];
    let filled = known.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value));
    ["{id}", "{run}", "{file}", "{build}"].iter().fold(filled, |text, place| text.replace(place, number))
}

/// Every method and address that the server answers, filled in; one that is looked at with what it is asked by.
pub(super) fn addresses() -> Vec<(&'static str, String)> {
    let address = |sample: Sample| {
        let path = filled(sample.path, "1", "vie-rtr");
        match (sample.method, sample.fields) {
            ("GET", "") => ("GET", path),
            ("POST" | "PATCH" | "DELETE", _) => (sample.method, path),
            (method, fields) => (method, format!("{path}?{}", filled(fields, "1", "vie-rtr"))),
        }
    };
    samples().into_iter().map(address).collect()
}

/// A stream has no end to wait for.
async fn only_the_status(client: &Client, path: &str) -> Answer {
    let answer = client.open(path).await;
    let (status, headers) = (answer.status(), answer.headers().clone());
    if status.is_success() {
        return Answer { status, headers, bytes: Vec::new() };
    }
    Answer { status, headers, bytes: answer.bytes().await.unwrap().to_vec() }
}

/// What an answer says, also where it is packed.
fn text_of(answer: &Answer) -> String {
    if answer.header("content-type") != "application/zip" {
        return answer.text();
    }
    let mut zip = zip::ZipArchive::new(Cursor::new(&answer.bytes)).unwrap();
    let mut text = String::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        writeln!(text, "{}", entry.name().unwrap()).unwrap();
        entry.read_to_string(&mut text).unwrap();
    }
    text
}

fn printed(table: BTreeMap<String, Vec<(Who, String)>>) -> String {
    let columns = ["nobody", "expired", "viewer", "operator", "admin", "inside", "outside"];
    let mut text = format!("{:<42}", "");
    for column in columns {
        write!(text, " {column:>8}").unwrap();
    }
    for (route, mut row) in table {
        row.sort_by_key(|(who, _)| *who);
        write!(text, "\n{route:<42}").unwrap();
        for (_, status) in row {
            write!(text, " {status:>8}").unwrap();
        }
    }
    text
}

/// Two devices, one at `vienna` and one that is not, each with one of everything under its own number.
async fn world() -> (World, Tokens, Silent) {
    let world = World::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let options = Options { data_dir: world.data(), ..Options::default() };
    let engine = Engine::open(options, Process::Command).await.unwrap();
    // Nobody looks at devices, and programs may tell of changes.
    let settings = Settings {
        reach_minutes: 0,
        verify_days: 0,
        drill_days: 0,
        change_webhook: true,
        ..Settings::default()
    };
    engine.save_settings(&settings).await.unwrap();
    for (name, role) in [("ada", Role::Admin), ("bob", Role::Viewer)] {
        user_add(&engine.db, name, role, &Secret::new(World::password_of(name))).await.unwrap();
    }
    let login = CredentialInput {
        name: "lab".into(),
        site: "vienna".into(),
        username: "backup".into(),
        password: Secret::new("device-pass-7Qx"),
        ..CredentialInput::default()
    };
    fleet::credential_save(&engine, None, login).await.unwrap();
    for (number, site, host) in [("1", "vienna", "vie-rtr"), ("2", "linz", "linz-canary")] {
        let device = DeviceInput {
            address: format!("127.0.0.{number}"),
            port: if number == "1" { port.clone() } else { "1".into() },
            hostname: host.into(),
            site: site.into(),
            platform: "ios".into(),
            tags: format!("{host}-tag"),
            description: format!("{host} in the cellar"),
            ..DeviceInput::default()
        };
        inventory::save(&engine, None, &device).await.unwrap();
        let config = BackupConfigInput {
            name: format!("Backup of {host}"),
            kind: "config".into(),
            frequency: "monthly".into(),
            at: "00:00".into(),
            time_zone: "UTC".into(),
            devices: format!("ids:{number}"),
            ..BackupConfigInput::default()
        };
        backup::config::save(&engine, None, &config).await.unwrap();
    }
    let spare = DeviceInput {
        address: "127.0.0.6".into(),
        port: "1".into(),
        hostname: "vie-spare".into(),
        site: "vienna".into(),
        ..DeviceInput::default()
    };
    assert_eq!(inventory::save(&engine, None, &spare).await.unwrap().0, 3);
    let tokens = Tokens {
        // The first one is for whoever removes it.
        expired: token(&engine, "expired", Role::Admin.into()).await,
        viewer: token(&engine, "viewer", Role::Viewer.into()).await,
        operator: token(&engine, "operator", Role::Operator.into()).await,
        admin: token(&engine, "admin", Role::Admin.into()).await,
        scoped: token(
            &engine,
            "scoped",
            Reach::new(Role::Operator, Scope::parse("site:vienna").unwrap()).unwrap(),
        )
        .await,
    };
    engine.db.close().await;
    drop(engine);
    world.database.execute("UPDATE api_token SET expires_at = 1 WHERE name = 'expired'").await;
    for (number, host) in [("1", "vie-rtr"), ("2", "linz-canary")] {
        one_of_everything(&world, number, host).await;
    }
    for sql in [
        "INSERT INTO jump_host (name, address, port, credential_id, legacy_ssh, created_at, updated_at)
         VALUES ('bastion', '127.0.0.3', 1, 1, 0, 1, 1)",
        r#"INSERT INTO destination (name, kind, settings, keep, enabled, created_at, updated_at)
         VALUES ('copies', 'folder', '{"kind":"folder","path":"/nowhere/canary"}', 'retention', 1, 1, 1)"#,
        // Every text breaks it, and what it looks for is a secret.
        &format!(
            "INSERT INTO config_rule (name, wants, patterns, match_case, block, platform, device_type, site, tag, part,
                severity, advice, enabled, revision, checked, created_at, updated_at)
             VALUES ('Known community', 'not_contain', '{SECRET}', 0, '', '', '', '', '', 'running', 'critical', '', 1, 1,
                1, 1, 1)"
        ),
        "INSERT INTO rule_check (device_id, part, version_id, rules) SELECT id, 'running', id, '' FROM device",
        "INSERT INTO rule_result (device_id, part, rule_id, revision, broken, newly, hits, lines, version_id, since)
         SELECT id, 'running', 1, 1, 1, 1, 1, '4', id, 1 FROM device",
        r#"INSERT INTO inventory_source (name, kind, settings, enabled, created_at, updated_at)
         VALUES ('list', 'file', '{"kind":"file","place":"/nowhere/canary","own_network":false,"filter":"",
            "every_minutes":60,"owns":[],"gone":"disable","site":"","mappings":[]}', 1, 1, 1)"#,
        "INSERT INTO job (kind, payload, due_at, attempts, finished_at, dead, error, created_at)
         VALUES ('verify', '{\"kind\":\"verify\",\"run\":2}', 1, 5, 9000000000000, 1, 'canary', 1)",
    ] {
        world.database.execute(sql).await;
    }
    (world, tokens, silent)
}

async fn token(engine: &Engine, name: &str, reach: Reach) -> String {
    token_create(&engine.db, name, reach, None).await.unwrap().secret.reveal().to_owned()
}

/// A version, a run, a result, a vendor's backup and an attempt at one, an attached file and an upload of a device.
async fn one_of_everything(world: &World, number: &str, host: &str) {
    let text = format!(
        "version 15.2\nhostname {host}\n!\nsnmp-server community {SECRET} RO\nenable secret 5 {SECRET}\n!\nend\n"
    );
    let (text, session) = (pack(&text).unwrap(), pack(&format!("session with {host}\n")).unwrap());
    let (sha256, zstd) = (&text.sha256, to_hex(&text.zstd));
    let session = to_hex(&session.zstd);
    let (size, file) = (text.size_bytes, format!("{host}.txt"));
    let file_sha256 = sha256_hex(file.as_bytes());
    let csv = to_hex(format!("ip,hostname,site\n127.0.0.8,{host}-new,vienna\n").as_bytes());
    let by = if number == "1" {
        "(SELECT 'token ' || id FROM api_token WHERE name = 'scoped')"
    } else {
        "'user 1'"
    };
    for sql in [
        format!(
            "INSERT INTO backup_run (id, backup_config_id, name, kind, status, phase, started_by, queued_at, started_at,
                finished_at, devices_failed, error)
             VALUES ({number}, {number}, 'Backup of {host}', 'config', 'failed', 'collecting', 'manual', 1, 1, 2, 1,
                'No text of {host} came.')"
        ),
        format!("INSERT INTO config_text (sha256, size_bytes, zstd) VALUES ('{sha256}', {size}, X'{zstd}')"),
        format!(
            "INSERT INTO config_version (id, device_id, part, version, state, text_sha256, compare_sha256, size_bytes,
                lines, added, removed, collected_at, run_id, driver, driver_sha256, note)
             VALUES ({number}, {number}, 'running', 1, 'active', '{sha256}', '{sha256}', {size}, 7, 7, 0, 1, {number},
                'ios', '0', 'of {host}')"
        ),
        format!(
            "INSERT INTO device_result (id, device_id, run_id, class, message, size_bytes, started_at, finished_at,
                transcript)
             VALUES ({number}, {number}, {number}, 'timeout', '{host} was silent.', 0, 1, 2, X'{session}')"
        ),
        format!(
            "UPDATE device SET last_class = 'timeout', last_message = '{host} was silent.', last_finished_at = 2
             WHERE id = {number}"
        ),
        format!(
            "INSERT INTO artifact_blob (sha256, size_bytes, data_dir, stored_at)
             VALUES ('{file_sha256}', 1, 'here', 1)"
        ),
        format!(
            "INSERT INTO artifact (id, device_id, kind, file_name, sha256, size_bytes, encrypted, collected_at)
             VALUES ({number}, {number}, 'f5_ucs', '{host}.ucs', '{file_sha256}', 1, 0, 1)"
        ),
        format!(
            "INSERT INTO artifact_result (id, device_id, run_id, kind, class, message, started_at, finished_at, transcript)
             VALUES ({number}, {number}, {number}, 'f5_ucs', 'timeout', '{host} was silent.', 1, 2, X'{session}')"
        ),
        format!(
            "INSERT INTO media (id, device_id, file_name, size_bytes, sha256, uploaded_by, uploaded_at)
             VALUES ({number}, {number}, '{file}', {}, '{file_sha256}', 'ada', 1)",
            file.len()
        ),
        format!(
            "INSERT INTO upload (id, file_name, content, created_by, created_at)
             VALUES ({number}, '{host}.csv', X'{csv}', {by}, 9000000000000)"
        ),
    ] {
        world.database.execute(&sql).await;
    }
    let attached = world.data().join("media").join(number);
    let fetched = world.data().join("artifacts").join(&file_sha256[..2]);
    for folder in [&attached, &fetched] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(attached.join(&file), &file).unwrap();
    std::fs::write(fetched.join(&file_sha256), &file).unwrap();
}
