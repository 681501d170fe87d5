//! An instance as it is after years: devices, their versions, runs and what these came to.

use std::fmt::Write;

use etiqa_engine::db::Db;
use etiqa_engine::history::pack;
use etiqa_engine::store::restore::{Cell, rows_insert_in_txn, table_fill_in_txn};
use etiqa_engine::{Engine, Result, backup};
use etiqa_model::Timestamp;
use etiqa_model::admin::Settings;
use etiqa_model::backup::BackupConfigInput;

/// How much of each, at least one of each device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    /// Devices, ten at least.
    pub(crate) devices: i64,
    /// Config versions, as many of each device: what is left over is left out.
    pub(crate) versions: i64,
    /// Runs.
    pub(crate) runs: i64,
    /// Backup configs (twelve at most), destinations, credentials, jump hosts, users, tokens and jobs that were given up: so
    /// many of each, five at least.
    pub(crate) of_each: i64,
    /// Results that the first device has besides those of the runs.
    pub(crate) results_of_first: i64,
}

/// Backup configs, by the devices that they cover: each way of it is among the first five.
const COVERED: [&str; 12] = [
    "all",
    "type:switch",
    "tag:core",
    "site:site-01",
    "ids:1,2,3,4,5",
    "type:router",
    "type:check_point",
    "tag:rack-3",
    "tag:rack-7",
    "site:site-07",
    "site:site-12",
    "ids:6,7,8",
];
const SITES: i64 = 40;
const RACKS: i64 = 12;
/// Types, how their hosts are called, and what they run.
const TYPES: [(&str, &str, &str); 6] = [
    ("switch", "sw", "ios"),
    ("router", "rtr", "ios"),
    ("f5_big_ip", "lb", "bigip"),
    ("check_point", "fw", "gaia"),
    ("infoblox", "dns", "nios"),
    ("other", "box", "nxos"),
];
/// Runs that still have the results of their devices, ten of each; the last one has many.
const DETAILED_RUNS: i64 = 20_000;
const RESULTS_OF_LAST: i64 = 600;
/// Archives that are kept of each backup config.
const KEPT: i64 = 10;
const MINUTE_MS: i64 = 60_000;
const RUN_EVERY_MS: i64 = 5 * MINUTE_MS;
const VERSION_EVERY_MS: i64 = MINUTE_MS;
const RESULT_EVERY_MS: i64 = 10 * MINUTE_MS;
/// One in so many of the results that the first device has besides is not good.
const RARE: i64 = 1_000;
/// The last runs, which were sent to every destination.
const SENT_RUNS: i64 = 200;

/// Rows in a statement, and statements in a transaction. SQLite looks a placeholder up by walking all of a statement's.
const ROWS: usize = 20;
const STATEMENTS: usize = 250;

/// Fills an empty instance, the newest of everything at `now`.
pub(crate) async fn fill(engine: &Engine, amount: Amount, now: Timestamp) -> Result<()> {
    // Nobody is asked, and no archive is there to be read.
    let settings = Settings { reach_minutes: 0, verify_days: 0, drill_days: 0, ..Settings::default() };
    engine.save_settings(&settings).await?;
    let hour = 60 * MINUTE_MS;
    let now = now.millis() / hour * hour;
    let db = &engine.db;
    admins(db, amount, now).await?;
    for covered in &COVERED[..configs(amount)] {
        let config = BackupConfigInput {
            name: format!("Backup of {}", covered.replace([':', ','], " ")),
            frequency: "monthly".into(),
            at: "00:00".into(),
            time_zone: "UTC".into(),
            devices: (*covered).into(),
            ..BackupConfigInput::default()
        };
        backup::config::save(engine, None, &config).await?;
    }
    devices(db, amount, now).await?;
    versions(db, amount, now).await?;
    runs(db, amount, now).await?;
    copies(db, amount, now).await?;
    results(db, amount, now).await
}

fn configs(amount: Amount) -> usize {
    usize::try_from(amount.of_each).unwrap_or_default().min(COVERED.len())
}

/// What admins see and nothing takes into its hands: nobody signs in, and no secret is one.
async fn admins(db: &Db, amount: Amount, now: i64) -> Result<()> {
    let each = 1..=amount.of_each;
    let user = |n: i64| {
        let name = format!("user-{n:02}");
        vec![text(name.clone()), text(name), text("viewer"), Cell::Int(now)]
    };
    insert(db, "app_user", "name, name_key, role, created_at", each.clone().map(user)).await?;
    let token = |n: i64| {
        vec![text(format!("token-{n:02}")), text("viewer"), text(format!("{n:064x}")), Cell::Int(now)]
    };
    insert(db, "api_token", "name, role, token_sha256, created_at", each.clone().map(token)).await?;
    let credential = |n: i64| {
        let (name, user, sealed) = (text(format!("login-{n:02}")), text("backup"), Cell::Bytes(vec![0]));
        vec![
            Cell::Int(n),
            name,
            user,
            sealed,
            Cell::Int(1),
            Cell::Int(0),
            Cell::Int(0),
            Cell::Int(now),
            Cell::Int(now),
        ]
    };
    let columns = "id, name, username, sealed, has_password, has_enable, has_key, created_at, updated_at";
    insert(db, "credential", columns, each.clone().map(credential)).await?;
    let jump_host = |n: i64| {
        let (name, address) = (text(format!("jump-{n:02}")), text(format!("192.0.2.{}", n % 250)));
        vec![
            Cell::Int(n),
            name,
            address,
            Cell::Int(22),
            Cell::Int(n),
            Cell::Int(0),
            Cell::Int(now),
            Cell::Int(now),
        ]
    };
    let columns = "id, name, address, port, credential_id, legacy_ssh, created_at, updated_at";
    insert(db, "jump_host", columns, each.clone().map(jump_host)).await?;
    let destination = |n: i64| {
        let settings = text(format!(r#"{{"kind":"folder","path":"/nowhere/{n}"}}"#));
        let name = text(format!("copies-{n:02}"));
        vec![
            Cell::Int(n),
            name,
            text("folder"),
            settings,
            text("retention"),
            Cell::Int(1),
            Cell::Int(now),
            Cell::Int(now),
        ]
    };
    let columns = "id, name, kind, settings, keep, enabled, created_at, updated_at";
    insert(db, "destination", columns, each.clone().map(destination)).await?;
    let job = |n: i64| {
        let payload = text(format!(r#"{{"kind":"verify","run":{n}}}"#));
        let error = text("The archive is not there.");
        vec![
            text("verify"),
            payload,
            Cell::Int(now),
            Cell::Int(5),
            Cell::Int(now),
            Cell::Int(1),
            error,
            Cell::Int(now),
        ]
    };
    let columns = "kind, payload, due_at, attempts, finished_at, dead, error, created_at";
    insert(db, "job", columns, each.map(job)).await
}

/// What the last collection of a device came to, and one sentence of it.
fn class_of(device: i64) -> Option<(&'static str, &'static str)> {
    match device {
        _ if device % 100 == 0 => None,
        _ if device % 500 == 3 => Some(("suspect", "The text shrank by more than half.")),
        _ if device % 40 == 1 => Some(("auth_failed", "The device refused the login.")),
        _ if device % 33 == 2 => Some(("timeout", "The device stopped answering.")),
        _ if device % 7 == 0 => Some(("ok", "Changed.")),
        _ => Some(("unchanged", "Unchanged.")),
    }
}

fn kind_of(device: i64) -> (&'static str, &'static str, &'static str) {
    TYPES[usize::try_from(device).unwrap_or_default() % TYPES.len()]
}

fn hostname(device: i64) -> String {
    format!("{}-{device:05}", kind_of(device).1)
}

async fn devices(db: &Db, amount: Amount, now: i64) -> Result<()> {
    let columns = "id, site, address, port, hostname, device_type, platform, transport, credential_id, jump_host_id, \
                   description, enabled, status, status_at, last_class, last_message, last_finished_at, last_good_at, created_at, updated_at";
    let row = |device: i64| {
        let (kind, _, platform) = kind_of(device);
        let class = class_of(device);
        let finished_at = class.map(|_| now - device * 1000);
        let is_good = class.is_some_and(|(class, _)| matches!(class, "ok" | "unchanged"));
        let last_good_at = if is_good { finished_at } else { class.map(|_| now - device * 60_000) };
        let status = match device % 20 {
            0 => "offline",
            1 => "unknown",
            _ => "online",
        };
        vec![
            Cell::Int(device),
            text(format!("site-{:02}", device % SITES)),
            text(format!("10.{}.{}.{}", device >> 16, (device >> 8) & 255, device & 255)),
            Cell::Int(22),
            text(hostname(device)),
            text(kind),
            // A third was recognised.
            if device % 3 == 0 { Cell::Null } else { text(platform) },
            text("ssh"),
            if device % 4 == 0 { Cell::Int(device % amount.of_each + 1) } else { Cell::Null },
            if device % 10 == 3 { Cell::Int(device % amount.of_each + 1) } else { Cell::Null },
            text(format!("Rack {}, unit {}", device % RACKS, device % 42)),
            Cell::Int(i64::from(device % 50 != 9)),
            text(status),
            Cell::Int(now - device * 1000),
            class.map_or(Cell::Null, |(class, _)| text(class)),
            class.map_or(Cell::Null, |(_, message)| text(message)),
            finished_at.map_or(Cell::Null, Cell::Int),
            last_good_at.map_or(Cell::Null, Cell::Int),
            Cell::Int(1),
            Cell::Int(1),
        ]
    };
    insert(db, "device", columns, (1..=amount.devices).map(row)).await?;
    let recognised = (1..=amount.devices).filter(|device| device % 3 == 0);
    let fact = |device| vec![Cell::Int(device), text(kind_of(device).2), Cell::Int(1)];
    insert(db, "device_fact", "device_id, platform, changed_at", recognised.map(fact)).await?;
    let rack = |device: i64| vec![Cell::Int(device), text(format!("rack-{}", device % RACKS))];
    let core = |device: i64| vec![Cell::Int(device), text("core")];
    let cores = (1..=amount.devices).filter(|device| device % 10 == 0);
    insert(db, "device_tag", "device_id, tag", (1..=amount.devices).map(rack).chain(cores.map(core))).await
}

/// A version before it has an id.
struct Version {
    device: i64,
    part: &'static str,
    number: i64,
    state: &'static str,
}

/// The `nth` version (from 0) of so many of a device. Every fifth device has two parts, and some wait for a person.
fn version_of(device: i64, nth: i64, of: i64) -> Version {
    if device % 5 == 0 {
        let (part, number) = (["running", "startup"][usize::from(nth % 2 == 1)], nth / 2 + 1);
        return Version { device, part, number, state: if nth + 2 >= of { "active" } else { "inactive" } };
    }
    let is_suspect = device % 500 == 3 && of > 1;
    let state = match of - nth {
        1 if is_suspect => "suspect",
        2 if is_suspect => "active",
        1 => "active",
        _ => "inactive",
    };
    Version { device, part: "running", number: nth + 1, state }
}

/// A text of a few kilobytes of which one line differs from version to version.
fn text_of(version: &Version) -> String {
    let Version { device, part, number, .. } = version;
    let mut text = format!(
        "! {part}\nversion 15.2\nhostname {}\n!\nsnmp-server community c0mmun1ty-{device} RO\n!\n",
        hostname(*device)
    );
    for port in 1..=24 {
        let vlan = if port == number % 24 + 1 { 100 + number } else { 10 + (device + port) % 40 };
        // To a string it never fails.
        let _ = write!(
            text,
            "interface GigabitEthernet0/{port}\n description port {port} of rack {}\n switchport access vlan {vlan}\n!\n",
            device % RACKS
        );
    }
    let _ = write!(text, "ntp server 10.0.{}.1\nend\n", device % 200);
    text
}

async fn versions(db: &Db, amount: Amount, now: i64) -> Result<()> {
    let each = (amount.versions / amount.devices).max(1);
    let total = each * amount.devices;
    let all = (0..each).flat_map(|nth| (1..=amount.devices).map(move |device| version_of(device, nth, each)));
    let mut all = all.zip(1_i64..).peekable();
    let text_columns = names("sha256, size_bytes, zstd");
    let columns = names(
        "id, device_id, part, version, state, text_sha256, compare_sha256, size_bytes, lines, added, removed, \
         collected_at, driver, driver_sha256",
    );
    while all.peek().is_some() {
        let mut tx = db.write().await?;
        for _ in 0..STATEMENTS {
            let (mut texts, mut rows) = (Vec::new(), Vec::new());
            for (version, id) in all.by_ref().take(ROWS) {
                let plain = text_of(&version);
                let packed = pack(&plain)?;
                let (size, lines) = (packed.size_bytes as i64, plain.lines().count() as i64);
                let (added, removed) = if version.number == 1 { (lines, 0) } else { (2, 2) };
                rows.push(vec![
                    Cell::Int(id),
                    Cell::Int(version.device),
                    text(version.part),
                    Cell::Int(version.number),
                    text(version.state),
                    text(packed.sha256.clone()),
                    text(packed.sha256.clone()),
                    Cell::Int(size),
                    Cell::Int(lines),
                    Cell::Int(added),
                    Cell::Int(removed),
                    Cell::Int(now - (total - id) * VERSION_EVERY_MS),
                    text("ios"),
                    text("0"),
                ]);
                texts.push(vec![text(packed.sha256), Cell::Int(size), Cell::Bytes(packed.zstd)]);
            }
            if rows.is_empty() {
                break;
            }
            rows_insert_in_txn(&mut tx, "config_text", &text_columns, &texts).await?;
            rows_insert_in_txn(&mut tx, "config_version", &columns, &rows).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

fn ended_at(amount: Amount, run: i64, now: i64) -> i64 {
    now - (amount.runs - run) * RUN_EVERY_MS
}

async fn runs(db: &Db, amount: Amount, now: i64) -> Result<()> {
    let columns = "id, backup_config_id, name, kind, status, phase, started_by, queued_at, started_at, finished_at, done, \
                   total, devices_ok, devices_failed, file, size_bytes, sha256, verified_at, removed_at, damaged, damage, error";
    let configs = configs(amount) as i64;
    let row = |run: i64| {
        let config = run % configs;
        let at = ended_at(amount, run, now);
        let is_good = run % 37 != 5;
        let devices_failed = i64::from(run % 9 == 0);
        let is_kept = run > amount.runs - configs * KEPT;
        let is_damaged = is_good && run == amount.runs - 20;
        let archive = |cell: Cell| if is_good { cell } else { Cell::Null };
        vec![
            Cell::Int(run),
            Cell::Int(config + 1),
            text(format!("Backup {config}")),
            text("config"),
            text(if is_good { "completed" } else { "failed" }),
            text("verifying"),
            text(if run % 20 == 0 { "manual" } else { "schedule" }),
            Cell::Int(at - 20_000),
            Cell::Int(at - 19_000),
            Cell::Int(at),
            Cell::Int(10),
            Cell::Int(10),
            Cell::Int(if is_good { 10 - devices_failed } else { 0 }),
            Cell::Int(if is_good { devices_failed } else { 10 }),
            archive(text(format!("backup_{config}_{run}.zip"))),
            archive(Cell::Int(400_000 + run % 1000)),
            archive(text(format!("{run:064x}"))),
            archive(Cell::Int(at)),
            if is_kept { Cell::Null } else { archive(Cell::Int(at)) },
            Cell::Int(i64::from(is_damaged)),
            if is_damaged { text("An entry is not as it was written.") } else { Cell::Null },
            if is_good { Cell::Null } else { text("No device answered.") },
        ]
    };
    insert(db, "backup_run", columns, (1..=amount.runs).map(row)).await
}

/// Where archives are sent to, and that the newest ones were.
async fn copies(db: &Db, amount: Amount, now: i64) -> Result<()> {
    let destinations = 1..=amount.of_each;
    let sends = (1..=configs(amount) as i64)
        .flat_map(|config| destinations.clone().map(move |place| vec![Cell::Int(config), Cell::Int(place)]));
    insert(db, "backup_config_destination", "backup_config_id, destination_id", sends).await?;
    let runs = (amount.runs - SENT_RUNS).max(0) + 1..=amount.runs;
    let pairs = runs.flat_map(|run| destinations.clone().map(move |place| (run, place)));
    let row = |(run, place): (i64, i64)| {
        let at = Cell::Int(ended_at(amount, run, now));
        let name = text(format!("backup_{run}.zip"));
        vec![Cell::Int(run), Cell::Int(place), text("sent"), Cell::Int(1), at.clone(), at, name]
    };
    let columns = "run_id, destination_id, state, attempts, due_at, sent_at, remote_name";
    insert(db, "archive_copy", columns, pairs.map(row)).await
}

async fn results(db: &Db, amount: Amount, now: i64) -> Result<()> {
    let columns =
        "device_id, run_id, class, message, size_bytes, driver, driver_sha256, started_at, finished_at";
    // All of them before the first run: ids follow the time.
    let before_runs = ended_at(amount, 1, now) - MINUTE_MS;
    let of_first = |nth: i64| {
        let at = before_runs - (amount.results_of_first - nth) * RESULT_EVERY_MS;
        let (class, message) = if nth % RARE == 7 {
            ("timeout", "The device stopped answering.")
        } else {
            ("unchanged", "Unchanged.")
        };
        let (begun, ended) = (Cell::Int(at - 15_000), Cell::Int(at - 12_000));
        let (size, driver) = (Cell::Int(2_300), text(kind_of(1).2));
        vec![Cell::Int(1), Cell::Null, text(class), text(message), size, driver, text("0"), begun, ended]
    };
    insert(db, "device_result", columns, (0..amount.results_of_first).map(of_first)).await?;
    let first = (amount.runs - DETAILED_RUNS).max(0) + 1;
    let pairs = (first..=amount.runs).flat_map(|run| {
        let many = if run == amount.runs { RESULTS_OF_LAST.min(amount.devices) } else { 10 };
        (0..many).map(move |nth| (run, (run * 10 + nth) % amount.devices + 1))
    });
    let row = |(run, device): (i64, i64)| {
        let at = ended_at(amount, run, now);
        let (class, message) = class_of(device).unwrap_or(("unreachable", "Nothing answers at its address."));
        let driver = kind_of(device).2;
        let size = Cell::Int(if matches!(class, "ok" | "unchanged") { 2_300 } else { 0 });
        let (begun, ended) = (Cell::Int(at - 15_000), Cell::Int(at - 12_000));
        let (device, run) = (Cell::Int(device), Cell::Int(run));
        vec![device, run, text(class), text(message), size, text(driver), text("0"), begun, ended]
    };
    insert(db, "device_result", columns, pairs.map(row)).await
}

async fn insert(
    db: &Db,
    table: &'static str,
    columns: &str,
    rows: impl Iterator<Item = Vec<Cell>>,
) -> Result<()> {
    let columns = names(columns);
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut tx = db.write().await?;
        for _ in 0..STATEMENTS {
            let some: Vec<Vec<Cell>> = rows.by_ref().take(ROWS).collect();
            if some.is_empty() {
                break;
            }
            table_fill_in_txn(&mut tx, table, &columns, &some).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

fn names(columns: &str) -> Vec<String> {
    columns.split(',').map(|name| name.trim().to_owned()).collect()
}

fn text(words: impl Into<String>) -> Cell {
    Cell::Text(words.into())
}
