//! Chaos: four processes on one PostgreSQL, of which one after the other is killed or made to stand still, and the database
//! with them. Afterwards every due time has had its run once, and every run has one result of each of its devices.
//!
//! A short one with a seed of its own always runs. `ETIQA_TEST_LONG=1` goes on for two minutes with a seed that is printed;
//! `ETIQA_TEST_SEED` draws it again, as far as machines do the same twice.

mod account;
mod service;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etiqa_simulator::SimulatedDevice;
use reqwest::Method;
use sqlx::{AnyConnection, Connection, Executor, Row};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use self::account::{Account, Config};
use self::service::{Service, address_in};
use crate::harness::devices::router;
use crate::harness::postgres::Postgres;
use crate::harness::{Client, World};

/// The default one, which anybody collects, and those of the two workers.
const SITES: [&str; 3] = ["default", "graz", "linz"];
/// Devices of each site.
const DEVICES: usize = 8;
/// Backup configs of each site.
const CONFIGS: usize = 2;
/// A device takes so long to begin each answer: whoever is killed is killed in the middle of sessions.
const LATENCY: Duration = Duration::from_millis(150);
/// Until the first backup is due, and from one to the next.
const FIRST_DUE_MS: i64 = 6_000;
const DUE_EVERY_MS: i64 = 2_500;

/// Which chaos.
struct Plan {
    seed: u64,
    length: Duration,
    /// The longest that anything stands still, in seconds.
    longest_pause: u64,
}

impl Plan {
    fn chosen() -> Self {
        let is_long = std::env::var_os("ETIQA_TEST_LONG").is_some();
        let given = std::env::var("ETIQA_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        if is_long {
            let seed = given.unwrap_or_else(|| now_ms().unsigned_abs());
            Self { seed, length: Duration::from_mins(2), longest_pause: 20 }
        } else {
            Self { seed: given.unwrap_or(7), length: Duration::from_secs(20), longest_pause: 5 }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_or_stands_still_every_due_run_happens_once_with_one_result_of_each_device() {
    let plan = Plan::chosen();
    eprintln!("chaos seed {}", plan.seed);
    let (postgres, database) = Postgres::start_new().await;
    let world = World::on(database);
    let _devices = inventory(&world).await;
    let configs = backups(&world).await;
    let token = world.token("operator").await;

    let mut chaos = Chaos::begin(&world, &postgres, &plan).await;
    let seen = Arc::default();
    let watching = watch_schedules(world.database.url().to_owned(), Arc::clone(&seen));
    let accepted = Arc::default();
    let asking = ask_by_hand(chaos.servers(), token, plan.seed, Arc::clone(&accepted));
    chaos.rage(plan.length).await;
    asking.abort();
    watching.abort();
    world.database.execute("UPDATE backup_config SET enabled = 0").await;
    chaos.calm_down().await;
    let counts = chaos.end().await;
    assert!(counts.kills > 0 && counts.pauses > 0 && counts.database_stops > 0, "{counts}");

    let mut accepted = accepted.lock().unwrap().clone();
    accepted.sort_unstable();
    let seen = seen.lock().unwrap().clone();
    let account = Account::of(&world, &configs, &seen, &accepted).await;
    account.archives(&world, &[world.data(), world.place().join("second")]).await;
    eprintln!("chaos seed {}: {account}, {counts}", plan.seed);
}

/// A few devices of each site.
async fn inventory(world: &World) -> Vec<SimulatedDevice> {
    world.add_credential().await;
    let mut devices = Vec::new();
    let mut csv = "ip,port,hostname,device_type,platform,site\n".to_owned();
    for site in SITES {
        for number in 1..=DEVICES {
            let spec = router(&format!("{site}-{number}")).latency(LATENCY);
            let device = etiqa_simulator::start(spec, ([127, 0, 0, 1], 0)).await.unwrap();
            let port = device.addr().port();
            writeln!(csv, "127.0.0.1,{port},{site}-{number},router,ios,{site}").unwrap();
            devices.push(device);
        }
    }
    let file = world.file("devices.csv", csv);
    world.etiqa(["import-devices", file.to_str().unwrap()]).await.good();
    // The lease of a device outlives who had it by its longest session, which is minutes unless somebody says so.
    let settings = r#"{"device_deadline_seconds":10,"reach_minutes":0}"#;
    world
        .database
        .execute(&format!("INSERT INTO setting (name, value) VALUES ('settings', '{settings}')"))
        .await;
    devices
}

/// Backup configs that are due every minute, and each at a moment of its own for the first time.
async fn backups(world: &World) -> Vec<Config> {
    let mut configs = Vec::new();
    for number in 1..=CONFIGS {
        for site in SITES {
            let (name, devices) = (format!("{site} {number}"), format!("site:{site}"));
            let add =
                ["backup-config", "add", &name, "--type", "config", "--zone", "UTC", "--devices", &devices];
            let when = ["--frequency", "cron", "--cron", "* * * * *", "--max-backups", "1000"];
            world.etiqa(add.into_iter().chain(when)).await.good();
            configs.push(Config { id: configs.len() as i64 + 1, first_due: 0, devices: DEVICES as i64 });
        }
    }
    let begin = now_ms() + FIRST_DUE_MS;
    for config in &mut configs {
        config.first_due = begin + config.id * DUE_EVERY_MS;
        let (id, due) = (config.id, config.first_due);
        world
            .database
            .execute(&format!("UPDATE backup_config SET next_run_at = {due} WHERE id = {id}"))
            .await;
    }
    configs
}

/// Who is killed, who stands still, and how often.
struct Chaos<'a> {
    world: &'a World,
    postgres: &'a Postgres,
    services: Vec<Service>,
    dice: Dice,
    deck: Vec<Deed>,
    longest_pause: u64,
    counts: Counts,
}

/// What is done to them.
#[derive(Clone, Copy)]
enum Deed {
    Kill,
    Pause,
    StopDatabase,
    PauseDatabase,
}

/// Each comes so often before any of them comes again.
const DECK: [Deed; 8] = [
    Deed::Kill,
    Deed::Kill,
    Deed::Kill,
    Deed::Pause,
    Deed::Pause,
    Deed::Pause,
    Deed::StopDatabase,
    Deed::PauseDatabase,
];

#[derive(Default)]
struct Counts {
    kills: u32,
    pauses: u32,
    database_stops: u32,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kills, pauses, database_stops } = self;
        write!(f, "{kills} kills, {pauses} pauses, {database_stops} database stops")
    }
}

impl<'a> Chaos<'a> {
    /// Starts all four, and waits until each has said that it is alive.
    async fn begin(world: &'a World, postgres: &'a Postgres, plan: &Plan) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let services = vec![
            Service::start(world, "first", world.data(), &serve),
            Service::start(world, "second", world.place().join("second"), &serve),
            Service::start(world, "graz", world.place().join("graz"), &["worker", "--site", "graz"]),
            Service::start(world, "linz", world.place().join("linz"), &["worker", "--site", "linz"]),
        ];
        let (dice, counts) = (Dice(plan.seed.max(1)), Counts::default());
        let longest_pause = plan.longest_pause;
        let chaos = Self { world, postgres, services, dice, deck: Vec::new(), longest_pause, counts };
        crate::harness::until("the beat of all four", async || {
            let alive = "SELECT COUNT(*) FROM machine";
            (world.database.number(alive).await == 4).then_some(())
        })
        .await;
        chaos
    }

    /// Where the servers write their addresses.
    fn servers(&self) -> Vec<PathBuf> {
        self.services[..2].iter().map(Service::log).collect()
    }

    async fn rage(&mut self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            let deed = self.draw();
            self.act(deed).await;
            let calm = self.dice.between(500, 2_500);
            self.look_after(Duration::from_millis(calm)).await;
        }
    }

    fn draw(&mut self) -> Deed {
        if self.deck.is_empty() {
            self.deck.extend(DECK);
        }
        let place = self.dice.below(self.deck.len());
        self.deck.swap_remove(place)
    }

    async fn act(&mut self, deed: Deed) {
        let seconds = Duration::from_secs(self.dice.between(1, self.longest_pause));
        let service = self.dice.below(self.services.len());
        match deed {
            Deed::Kill => self.counts.kills += u32::from(self.services[service].kill()),
            Deed::Pause => self.counts.pauses += u32::from(self.services[service].pause(seconds)),
            Deed::StopDatabase => {
                self.postgres.stop_at_once();
                self.counts.database_stops += 1;
                let seconds = self.dice.between(1, 5);
                self.look_after(Duration::from_secs(seconds)).await;
                self.postgres.start();
            }
            Deed::PauseDatabase => {
                self.postgres.pause();
                self.counts.pauses += 1;
                self.look_after(seconds).await;
                self.postgres.resume();
            }
        }
    }

    /// Starts again what has ended, and lets go on what stood still for long enough.
    async fn look_after(&mut self, length: Duration) {
        let end = Instant::now() + length;
        loop {
            for service in &mut self.services {
                service.look_after(self.world);
            }
            if Instant::now() >= end {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the end of all that was begun, while everything is there.
    async fn calm_down(&mut self) {
        for service in &mut self.services {
            service.resume();
        }
        let open = "SELECT (SELECT COUNT(*) FROM backup_run WHERE status IN ('pending', 'running'))
            + (SELECT COUNT(*) FROM job WHERE kind IN ('run', 'part') AND finished_at IS NULL)
            + (SELECT COUNT(*) FROM backup_run WHERE leftover_file IS NOT NULL)";
        // Far longer than every lease, wait and second attempt one after the other.
        for _ in 0..1_500 {
            self.look_after(Duration::from_millis(200)).await;
            if self.world.database.number(open).await == 0 {
                return;
            }
        }
        let runs = "SELECT id || ' ' || status || ' ' || COALESCE(owner, '') FROM backup_run
            WHERE status IN ('pending', 'running') OR leftover_file IS NOT NULL";
        let jobs =
            "SELECT kind || ' ' || COALESCE(site, '') || ' ' || payload FROM job WHERE finished_at IS NULL";
        let (runs, jobs) = (self.world.database.texts(runs).await, self.world.database.texts(jobs).await);
        panic!("this never came to its end: runs {runs:#?}, jobs {jobs:#?}\n{}", self.said());
    }

    /// What all of them have said that was no mere news.
    fn said(&self) -> String {
        self.services.iter().map(Service::warnings).collect()
    }

    /// Ends them in order.
    async fn end(self) -> Counts {
        for service in self.services {
            service.stop().await;
        }
        self.counts
    }
}

/// Numbers that look random, and are the same for the same seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    /// Both of them are among the numbers.
    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below((most - least + 1) as usize) as u64
    }
}

/// Notes every due time of every backup config that it sees, each with the config's id.
fn watch_schedules(url: String, seen: Arc<Mutex<BTreeSet<(i64, i64)>>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            // The database may be gone, or stand still: what it says then is not seen.
            if let Ok(Ok(now)) = timeout(Duration::from_secs(2), due_times(&url)).await {
                seen.lock().unwrap().extend(now);
            }
            sleep(Duration::from_millis(200)).await;
        }
    })
}

async fn due_times(url: &str) -> sqlx::Result<Vec<(i64, i64)>> {
    let mut connection = AnyConnection::connect(url).await?;
    let rows = connection.fetch_all("SELECT id, next_run_at FROM backup_config").await?;
    let times: sqlx::Result<Vec<(i64, i64)>> =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect();
    connection.close().await?;
    times
}

/// Asks for runs as an operator does, now at one server and then at another; notes those that were accepted.
fn ask_by_hand(
    servers: Vec<PathBuf>,
    token: String,
    seed: u64,
    accepted: Arc<Mutex<Vec<i64>>>,
) -> JoinHandle<()> {
    let mut dice = Dice(seed.wrapping_add(1).max(1));
    tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(dice.between(500, 2_500))).await;
            let config = dice.between(1, (SITES.len() * CONFIGS) as u64);
            let Some(address) = address_in(&servers[dice.below(servers.len())]) else { continue };
            let operator = Client::new(&address).and_header("authorization", &format!("Bearer {token}"));
            let answer = operator.ask(Method::POST, &format!("/backup/config/{config}/run/")).await;
            if let Some(answer) = answer.filter(|answer| answer.status == 202) {
                accepted.lock().unwrap().push(answer.json()["run_id"].as_i64().unwrap());
            }
        }
    })
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
