//! Lists of devices that the inventory follows: a server like NetBox, files, and what each of them may do wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use etiqa_engine::inventory_sources::{
    Asked, ask_for_sync, detail, preview, queue_due, remove, save, sync_now,
};
use etiqa_engine::schedule::worker::work_on_one;
use etiqa_engine::store::device::device_list_all;
use etiqa_engine::store::inventory_source::{source_claim, source_release};
use etiqa_engine::store::job::{job_fetch_open_by_key, job_hurry_in_txn};
use etiqa_engine::time::now;
use etiqa_engine::{Result, inventory};
use etiqa_model::device::{Device, DeviceInput};
use etiqa_model::inventory_source::{InventorySourceInput, SyncFate, SyncReport};
use etiqa_model::scope::Scope;
use etiqa_model::{InventorySourceId, Secret};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::bulk::told as acts;
use crate::common::world::World;

const TOKEN: &str = "canary-netbox-8Rt5";

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Good,
    Status(u16),
    BrokenJson,
    /// It says how long its answer is and sends half of it.
    CutOff,
    /// It hangs before it answers.
    Slow,
    /// It answers once it is in another mode.
    Waiting,
    /// It loses its first device after its first page.
    Losing,
    /// Its pages disagree with its count.
    Shifting,
    /// It counts in words.
    Odd,
}

#[derive(Debug)]
struct Shared {
    devices: Vec<Value>,
    mode: Mode,
    /// At most so many devices a page, whatever is asked for.
    largest_page: usize,
    /// A file that it has besides, and its entity tag.
    file: Option<(String, String)>,
    /// Request lines, and whether the token came along.
    heard: Vec<(String, bool)>,
}

/// A server like NetBox, as far as a list of devices goes.
#[derive(Clone)]
struct Fake {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Fake {
    async fn start(devices: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared { devices, mode: Mode::Good, largest_page: 1_000, file: None, heard: Vec::new() };
        let fake = Self { url, shared: Arc::new(Mutex::new(shared)) };
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = serving.clone();
                tokio::spawn(async move { fake.answer(stream).await });
            }
        });
        fake
    }

    fn set(&self, change: impl FnOnce(&mut Shared)) {
        change(&mut self.shared.lock().unwrap());
    }

    fn heard(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.shared.lock().unwrap().heard)
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let has_token =
            head.lines().any(|line| line.eq_ignore_ascii_case(&format!("authorization: Token {TOKEN}")));
        let mode = {
            let mut shared = self.shared.lock().unwrap();
            shared.heard.push((path.clone(), has_token));
            shared.mode
        };
        if mode == Mode::Slow {
            // Whoever asked gives up, or the test ends.
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
        while self.shared.lock().unwrap().mode == Mode::Waiting {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let answer = self.answer_to(&path, &head);
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    fn answer_to(&self, path: &str, head: &str) -> String {
        let mut shared = self.shared.lock().unwrap();
        let mode = shared.mode;
        let answer = |status: &str, more: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n{body}",
                body.len()
            )
        };
        if let Mode::Status(status) = mode {
            return answer(&format!("{status} No"), "", "{\"detail\":\"no\"}");
        }
        if let Some((file, etag)) = shared.file.as_ref().filter(|_| path.starts_with("/devices.csv")) {
            return if head.to_lowercase().contains(&format!("if-none-match: {etag}")) {
                answer("304 Not Modified", "", "")
            } else {
                answer("200 OK", &format!("ETag: {etag}\r\n"), file)
            };
        }
        let number = |name: &str| -> usize {
            let value = path.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let (offset, limit) = (number("offset"), number("limit").min(shared.largest_page));
        let page: Vec<&Value> = shared.devices.iter().skip(offset).take(limit).collect();
        let ends = offset + page.len() >= shared.devices.len();
        let count = shared.devices.len() + usize::from(mode == Mode::Shifting);
        // An address of somebody else's, which must not be followed.
        let next = (!ends).then(|| format!("http://192.0.2.99/api/dcim/devices/?offset={}", offset + limit));
        let body = json!({ "count": count, "next": next, "previous": null, "results": page }).to_string();
        if mode == Mode::Losing && offset == 0 {
            shared.devices.remove(0);
        }
        match mode {
            Mode::BrokenJson => answer("200 OK", "", &body[..body.len() / 2]),
            Mode::Odd => answer("200 OK", "", &json!({ "count": "x".repeat(10_000) }).to_string()),
            Mode::CutOff => {
                let whole = answer("200 OK", "", &body);
                whole[..whole.len() - body.len() / 2].to_owned()
            }
            _ => answer("200 OK", "", &body),
        }
    }
}

fn listed(id: i64, name: &str, site: &str) -> Value {
    json!({
        "id": id, "name": name, "display": name, "primary_ip": {"address": format!("192.0.2.{id}/24")},
        "role": {"slug": "access-switch"}, "platform": {"slug": "cisco-ios"}, "site": {"slug": site},
        "device_type": {"manufacturer": {"slug": "cisco"}}, "tags": [{"slug": "from-netbox"}],
        "status": {"value": "active"}, "description": "",
    })
}

fn input(fake: &Fake) -> InventorySourceInput {
    InventorySourceInput {
        name: "NetBox".into(),
        place: fake.url.clone(),
        token: Secret::new(TOKEN),
        ..InventorySourceInput::default()
    }
}

async fn followed(world: &World, fake: &Fake) -> InventorySourceId {
    let id = save(&world.engine, None, &input(fake)).await.unwrap();
    sync(world, id).await.unwrap();
    id
}

async fn sync(world: &World, id: InventorySourceId) -> Result<SyncReport> {
    sync_now(&world.engine, id, Asked { by_person: true, all_the_same: false }).await
}

async fn devices(world: &World) -> Vec<Device> {
    device_list_all(&world.engine.db, &Scope::default()).await.unwrap()
}

/// `name site enabled` of each device.
async fn told(world: &World) -> Vec<String> {
    let all = devices(world).await;
    all.iter().map(|device| format!("{} {} {}", device.hostname, device.site, device.enabled)).collect()
}

#[tokio::test]
async fn netbox_is_read_page_by_page_and_shown_before_anything_is_written() {
    let world = World::new().await;
    let all: Vec<Value> = (1..=7).map(|id| listed(id, &format!("sw-{id}"), "vie")).collect();
    let fake = Fake::start(all).await;
    fake.set(|shared| shared.largest_page = 3);
    let mut input = input(&fake);
    input.filter = "site=vie&status=active".into();
    input.mappings = "site vie = vienna".into();
    let id = save(&world.engine, None, &input).await.unwrap();

    let shown = preview(&world.engine, id).await.unwrap();
    assert_eq!((shown.report.listed, shown.report.added, shown.guard), (7, 7, None));
    assert!(shown.rows.iter().all(|row| row.fate == SyncFate::Add));
    assert!(devices(&world).await.is_empty(), "a preview writes nothing");
    queue_due(&world.engine, now()).await.unwrap();
    let key = format!("inventory:{id}");
    assert_eq!(
        job_fetch_open_by_key(&world.engine.db, &key).await.unwrap(),
        None,
        "nobody has started it yet"
    );

    let report = sync(&world, id).await.unwrap();
    assert_eq!((report.listed, report.added, report.refused), (7, 7, 0));
    let device = devices(&world).await.remove(0);
    assert_eq!(
        (device.hostname.as_str(), device.site.as_str(), device.platform.as_deref(), device.tags.join(",")),
        ("sw-1", "vienna", Some("ios"), "from-netbox".to_owned())
    );
    let heard = fake.heard();
    assert_eq!(heard.len(), 6, "three pages each time: {heard:?}");
    assert!(
        heard.iter().all(|(path, has_token)| *has_token && path.contains("site=vie&status=active&limit=500"))
    );
    assert!(sync(&world, id).await.unwrap().changed == 0, "the second time changes nothing");
    let source = detail(&world.engine, id).await.unwrap().source;
    assert!(source.confirmed_at.is_some() && source.next_at.is_some() && source.devices == 7);
}

#[tokio::test]
async fn the_audit_log_tells_of_each_device_what_a_sync_did_with_it() {
    let world = World::new().await;
    let fake = Fake::start((1..=5).map(|id| listed(id, &format!("sw-{id}"), "vie")).collect()).await;
    let id = followed(&world, &fake).await;
    assert_eq!(acts(&world, "device.add").await.len(), 5);
    fake.set(|shared| {
        shared.devices[0] = listed(1, "sw-1", "graz");
        shared.devices.pop();
    });
    sync(&world, id).await.unwrap();
    let mut changed = acts(&world, "device.change").await;
    changed.sort();
    assert_eq!(changed, ["sw-1; site: vie → graz", "sw-5; enabled: true → false"]);
    sync(&world, id).await.unwrap();
    assert_eq!(acts(&world, "device.change").await.len(), 2, "what changed nothing is not told");
}

#[tokio::test]
async fn a_server_that_fails_changes_nothing_and_is_said_to_fail() {
    let world = World::new().await;
    let fake = Fake::start(vec![listed(1, "core", "vie"), listed(2, "edge", "vie")]).await;
    let id = followed(&world, &fake).await;
    let before = told(&world).await;
    for (mode, words) in [
        (Mode::Status(401), "check the token"),
        (Mode::Status(403), "check the token"),
        (Mode::Status(404), "no list at this address"),
        (Mode::Status(500), "tried again later"),
        (Mode::Status(302), "not followed"),
        (Mode::BrokenJson, "broken"),
        (Mode::CutOff, "lost"),
        (Mode::Shifting, "changed while it was read"),
    ] {
        fake.set(|shared| {
            shared.mode = mode;
            shared.devices.clear();
        });
        let why = sync(&world, id).await.unwrap_err().into_user_error().message;
        assert!(why.contains(words), "{mode:?}: {why}");
        assert!(!why.contains(TOKEN), "{why}");
        let detail = detail(&world.engine, id).await.unwrap();
        assert_eq!(detail.source.problem.as_deref(), Some(why.as_str()), "{mode:?}");
        assert_eq!(detail.syncs[0].problem.as_deref(), Some(why.as_str()), "{mode:?}");
        assert!(!detail.source.is_going_on);
        assert_eq!(told(&world).await, before, "{mode:?}");
    }
    fake.set(|shared| {
        shared.mode = Mode::Good;
        shared.devices = vec![listed(1, "core", "vie"), listed(2, "edge", "vie")];
    });
    sync(&world, id).await.unwrap();
    assert_eq!(detail(&world.engine, id).await.unwrap().source.problem, None);
}

#[tokio::test]
async fn a_device_that_is_gone_is_disabled_with_all_of_its_history_and_an_emptied_list_disables_none() {
    let world = World::new().await;
    let all: Vec<Value> = (1..=5).map(|id| listed(id, &format!("sw-{id}"), "vie")).collect();
    let fake = Fake::start(all.clone()).await;
    let id = followed(&world, &fake).await;

    fake.set(|shared| shared.devices.truncate(4));
    assert_eq!(sync(&world, id).await.unwrap().disabled, 1);
    assert_eq!(told(&world).await.last().unwrap(), "sw-5 vie false");
    let gone = detail(&world.engine, id).await.unwrap().gone;
    assert_eq!((gone.len(), gone[0].hostname.as_str(), gone[0].is_disabled), (1, "sw-5", true));

    fake.set(|shared| shared.devices.clear());
    let why = sync(&world, id).await.unwrap_err().into_user_error().message;
    assert!(why.contains("4 of the 4 devices"), "{why}");
    assert_eq!(told(&world).await.iter().filter(|told| told.ends_with("true")).count(), 4);
    let shown = preview(&world.engine, id).await.unwrap();
    assert!(shown.guard.is_some() && shown.report.disabled == 4);
    let insisted = sync_now(&world.engine, id, Asked { by_person: true, all_the_same: true }).await.unwrap();
    assert_eq!(insisted.disabled, 4);
    assert_eq!(devices(&world).await.len(), 5, "none is ever deleted");

    fake.set(|shared| shared.devices = all);
    assert_eq!(sync(&world, id).await.unwrap().enabled, 5);
    assert!(told(&world).await.iter().all(|told| told.ends_with("true")));
}

#[tokio::test]
async fn an_address_that_changes_there_is_the_same_device_here() {
    let world = World::new().await;
    let fake = Fake::start(vec![listed(1, "core", "vie")]).await;
    let id = followed(&world, &fake).await;
    let before = devices(&world).await.remove(0);
    fake.set(|shared| shared.devices[0]["primary_ip"]["address"] = "192.0.2.77/24".into());
    assert_eq!(sync(&world, id).await.unwrap().changed, 1);
    let after = devices(&world).await.remove(0);
    assert_eq!((after.id, after.address.as_str()), (before.id, "192.0.2.77"));
    // Without an address it stays, and is said.
    fake.set(|shared| shared.devices[0]["primary_ip"] = Value::Null);
    let report = sync(&world, id).await.unwrap();
    assert_eq!((report.disabled, report.refused), (0, 1));
    assert!(report.notes[0].contains("no primary address"), "{:?}", report.notes);
}

#[tokio::test]
async fn another_netbox_is_looked_at_first_and_its_numbers_are_other_devices() {
    let world = World::new().await;
    let fake = Fake::start((1..=4).map(|id| listed(id, &format!("sw-{id}"), "vie")).collect()).await;
    let id = followed(&world, &fake).await;
    let addresses = async || {
        let all = devices(&world).await;
        all.into_iter().map(|device| (device.id, device.address)).collect::<Vec<_>>()
    };
    let before = addresses().await;
    // The same devices under other numbers, and one that is new.
    let renumbered = (1..=5).map(|id| {
        let of = id % 5 + 1;
        let mut device = listed(of, &format!("sw-{of}"), "vie");
        device["id"] = json!(id);
        device
    });
    let other = Fake::start(renumbered.collect()).await;
    save(&world.engine, Some(id), &InventorySourceInput { place: other.url.clone(), ..input(&fake) })
        .await
        .unwrap();
    let source = detail(&world.engine, id).await.unwrap().source;
    assert_eq!((source.confirmed_at, source.next_at), (None, None), "nobody has looked at it yet");

    let report = sync(&world, id).await.unwrap();
    assert_eq!((report.added, report.changed, report.disabled, report.refused), (1, 0, 0, 0));
    let after = addresses().await;
    assert!(before.iter().all(|device| after.contains(device)), "{before:?} {after:?}");
    assert!(detail(&world.engine, id).await.unwrap().source.next_at.is_some(), "it is followed again");
}

#[tokio::test]
async fn most_devices_get_other_addresses_only_where_a_person_insists() {
    let world = World::new().await;
    let fake = Fake::start((1..=5).map(|id| listed(id, &format!("sw-{id}"), "vie")).collect()).await;
    let id = followed(&world, &fake).await;
    fake.set(|shared| {
        for (place, device) in shared.devices.iter_mut().enumerate() {
            device["primary_ip"]["address"] = json!(format!("192.0.2.{}/24", 101 + place));
        }
    });
    let why = sync(&world, id).await.unwrap_err().into_user_error().message;
    assert!(why.contains("5 of the 5 devices of this source other addresses"), "{why}");
    assert!(devices(&world).await.iter().all(|device| device.address.len() == "192.0.2.1".len()));
    let insisted = sync_now(&world.engine, id, Asked { by_person: true, all_the_same: true }).await.unwrap();
    assert_eq!(insisted.changed, 5);
}

#[tokio::test]
async fn a_device_that_vanishes_there_while_the_list_is_read_has_none_disabled_here() {
    let world = World::new().await;
    let fake = Fake::start((1..=7).map(|id| listed(id, &format!("sw-{id}"), "vie")).collect()).await;
    fake.set(|shared| shared.largest_page = 3);
    let id = followed(&world, &fake).await;
    fake.set(|shared| shared.mode = Mode::Losing);
    let why = sync(&world, id).await.unwrap_err().into_user_error().message;
    assert!(why.contains("changed while it was read"), "{why}");
    assert!(told(&world).await.iter().all(|told| told.ends_with("true")));
    fake.set(|shared| shared.mode = Mode::Good);
    assert_eq!(sync(&world, id).await.unwrap().disabled, 1);
    assert_eq!(told(&world).await[0], "sw-1 vie false");
}

#[tokio::test]
async fn a_source_that_is_changed_while_its_list_is_read_is_not_synchronised_as_it_was() {
    let world = World::new().await;
    let fake = Fake::start(vec![listed(1, "core", "vie")]).await;
    let id = followed(&world, &fake).await;
    fake.heard();
    fake.set(|shared| {
        shared.devices = vec![listed(1, "renamed", "vie")];
        shared.mode = Mode::Waiting;
    });
    let (engine, asked) = (world.engine.clone(), Asked { by_person: true, all_the_same: false });
    let going_on = tokio::spawn(async move { sync_now(&engine, id, asked).await });
    while fake.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let site_only = InventorySourceInput { owns: "site".into(), ..input(&fake) };
    save(&world.engine, Some(id), &site_only).await.unwrap();
    fake.set(|shared| shared.mode = Mode::Good);
    let why = going_on.await.unwrap().unwrap_err().into_user_error().message;
    assert!(why.contains("was changed while its list was read"), "{why}");
    assert_eq!(told(&world).await, ["core vie true"]);
    let source = detail(&world.engine, id).await.unwrap().source;
    assert!(source.next_at.unwrap() <= now(), "it is looked at anew, as it is now");
    assert_eq!(source.problem.as_deref(), Some(&*why), "who asked for it sees it on the page as well");
}

#[tokio::test]
async fn what_a_person_insists_on_is_done_after_the_sync_that_goes_on() {
    let world = World::new().await;
    let fake = Fake::start((1..=3).map(|id| listed(id, &format!("sw-{id}"), "vie")).collect()).await;
    let id = followed(&world, &fake).await;
    fake.set(|shared| shared.devices.clear());
    let due = detail(&world.engine, id).await.unwrap().source.next_at.unwrap();
    queue_due(&world.engine, due).await.unwrap();
    ask_for_sync(&world.engine, id, true).await.unwrap();
    let (db, key) = (&world.engine.db, format!("inventory:{id}:insisted"));
    let job = job_fetch_open_by_key(db, &key).await.unwrap().expect("it is a job of its own");

    let at = now();
    assert!(source_claim(db, id, "another", at, at.plus(Duration::from_mins(1))).await.unwrap());
    work_on_one(&world.engine, job).await.unwrap();
    assert_eq!(job_fetch_open_by_key(db, &key).await.unwrap(), Some(job), "it waits");
    source_release(db, id, "another").await.unwrap();
    let mut tx = db.write().await.unwrap();
    job_hurry_in_txn(&mut tx, "inventory", now()).await.unwrap();
    tx.commit().await.unwrap();
    work_on_one(&world.engine, job).await.unwrap();
    assert!(told(&world).await.iter().all(|told| told.ends_with("false")));
}

#[tokio::test]
async fn the_page_says_of_a_device_that_is_gone_what_it_is_now() {
    let world = World::new().await;
    let fake = Fake::start((1..=5).map(|id| listed(id, &format!("sw-{id}"), "vie")).collect()).await;
    let id = followed(&world, &fake).await;
    fake.set(|shared| shared.devices.truncate(4));
    sync(&world, id).await.unwrap();
    let gone = detail(&world.engine, id).await.unwrap().gone.remove(0);
    assert!(gone.is_disabled);
    inventory::set_enabled(&world.engine, gone.id, true).await.unwrap();
    sync(&world, id).await.unwrap();
    assert!(!detail(&world.engine, id).await.unwrap().gone.remove(0).is_disabled);
    // A person disables it again: it is theirs, whatever the list has.
    inventory::set_enabled(&world.engine, gone.id, false).await.unwrap();
    fake.set(|shared| shared.devices.push(listed(5, "sw-5", "vie")));
    assert_eq!(sync(&world, id).await.unwrap().enabled, 0);
}

#[tokio::test]
async fn an_answer_that_is_broken_is_not_repeated() {
    let world = World::new().await;
    let fake = Fake::start(Vec::new()).await;
    let id = followed(&world, &fake).await;
    fake.set(|shared| shared.mode = Mode::Odd);
    let why = sync(&world, id).await.unwrap_err().into_user_error().message;
    assert!(why.contains("broken at line 1") && !why.contains("xxx"), "{why}");
}

#[tokio::test]
async fn what_a_person_changed_here_stays() {
    let world = World::new().await;
    let fake = Fake::start(vec![listed(1, "core", "vie")]).await;
    let id = followed(&world, &fake).await;
    let device = devices(&world).await.remove(0);
    let by_hand = DeviceInput { hostname: "core-by-hand".into(), ..device.to_input() };
    inventory::save(&world.engine, Some(device.id), &by_hand).await.unwrap();
    fake.set(|shared| shared.devices = vec![listed(1, "core-renamed", "graz")]);
    let report = sync(&world, id).await.unwrap();
    assert_eq!((report.changed, report.kept), (1, 1));
    assert_eq!(told(&world).await, ["core-by-hand graz true"]);
}

#[tokio::test]
async fn two_syncs_at_once_are_one_and_a_note() {
    let world = World::new().await;
    let fake = Fake::start(vec![listed(1, "core", "vie")]).await;
    let id = followed(&world, &fake).await;
    fake.heard();
    fake.set(|shared| shared.mode = Mode::Slow);
    let (engine, asked) = (world.engine.clone(), Asked { by_person: true, all_the_same: false });
    let first = tokio::spawn(async move { sync_now(&engine, id, asked).await });
    while fake.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let second = world.another_engine().await;
    let why = sync_now(&second, id, asked).await.unwrap_err().into_user_error().message;
    assert!(why.contains("goes on already"), "{why}");
    assert!(remove(&world.engine, id).await.is_err(), "and nobody takes it away meanwhile");
    // What hangs does not keep the program from stopping.
    world.engine.stopping.cancel();
    assert!(first.await.unwrap().is_err());
    assert!(!detail(&second, id).await.unwrap().source.is_going_on);
}

#[tokio::test]
async fn a_list_that_is_the_same_as_before_is_not_taken_again() {
    let world = World::new().await;
    let fake = Fake::start(Vec::new()).await;
    let csv = "ip,hostname,site\n192.0.2.1,core,vienna\n192.0.2.2,edge,graz\n";
    fake.set(|shared| shared.file = Some((csv.into(), "\"one\"".into())));
    let url = InventorySourceInput {
        kind: "url".into(),
        place: format!("{}/devices.csv", fake.url),
        token: Secret::default(),
        ..input(&fake)
    };
    let id = save(&world.engine, None, &url).await.unwrap();
    assert_eq!(sync(&world, id).await.unwrap().added, 2);
    let by_schedule = Asked::default();
    assert!(sync_now(&world.engine, id, by_schedule).await.unwrap().is_same);
    let edited = csv.replace("core", "core-2");
    fake.set(|shared| shared.file = Some((edited, "\"two\"".into())));
    assert_eq!(sync_now(&world.engine, id, by_schedule).await.unwrap().changed, 1);
    assert_eq!(told(&world).await, ["core-2 vienna true", "edge graz true"]);
}

#[tokio::test]
async fn a_file_is_followed_by_schedule_and_rows_that_are_broken_are_named() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("devices.json");
    std::fs::write(&file, r#"[{"ip":"192.0.2.1","hostname":"core"},{"ip":"300.1.1.1"}]"#).unwrap();
    let input = InventorySourceInput {
        name: "file".into(),
        kind: "file".into(),
        place: file.to_str().unwrap().into(),
        ..InventorySourceInput::default()
    };
    let id = save(&world.engine, None, &input).await.unwrap();
    let report = sync(&world, id).await.unwrap();
    assert_eq!((report.added, report.refused), (1, 1));
    assert!(report.notes[0].contains("300.1.1.1"), "{:?}", report.notes);

    std::fs::write(&file, r#"[{"ip":"192.0.2.1","hostname":"core-2"}]"#).unwrap();
    let due = detail(&world.engine, id).await.unwrap().source.next_at.unwrap();
    queue_due(&world.engine, due).await.unwrap();
    let job = job_fetch_open_by_key(&world.engine.db, &format!("inventory:{id}")).await.unwrap().unwrap();
    work_on_one(&world.engine, job).await.unwrap();
    assert_eq!(told(&world).await, ["core-2 default true"]);
    let syncs = detail(&world.engine, id).await.unwrap().syncs;
    assert_eq!(syncs.iter().map(|sync| sync.started_by.as_str()).collect::<Vec<_>>(), ["schedule", "manual"]);

    std::fs::remove_file(&file).unwrap();
    let why = sync(&world, id).await.unwrap_err().into_user_error().message;
    assert!(why.contains("cannot be read"), "{why}");
    remove(&world.engine, id).await.unwrap();
    assert_eq!(told(&world).await, ["core-2 default true"], "its devices stay");
}

#[tokio::test]
async fn a_token_is_not_sent_to_another_server_than_the_one_it_was_given_for() {
    let world = World::new().await;
    let (fake, other) = (Fake::start(Vec::new()).await, Fake::start(Vec::new()).await);
    let id = save(&world.engine, None, &input(&fake)).await.unwrap();
    let moved = InventorySourceInput { place: other.url.clone(), token: Secret::default(), ..input(&fake) };
    save(&world.engine, Some(id), &moved).await.unwrap();
    sync(&world, id).await.unwrap();
    assert!(other.heard().iter().all(|(_, has_token)| !has_token));
    let stored = format!("{:?}", detail(&world.engine, id).await.unwrap());
    assert!(!stored.contains(TOKEN));
    // The cloud's keys are nobody's list of devices.
    let metadata = InventorySourceInput { place: "http://169.254.169.254/".into(), ..input(&fake) };
    assert!(save(&world.engine, None, &metadata).await.is_err());
}
