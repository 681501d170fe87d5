//! F5's iControl REST: the real sequence of calls, and its traps.

use std::time::Duration;

use etiqa_simulator::{
    BackupFault, DeviceSpec, Faults, HttpFault, HttpsFaults, Personality, SimulatedDevice,
};
use serde_json::{Value, json};

use crate::web::{Answer, Ask, ask, ask_as_admin, files_in, sha256};
use crate::{plain, started};

const TASKS: &str = "/mgmt/tm/task/sys/ucs";
const DOWNLOAD: &str = "/mgmt/shared/file-transfer/ucs-downloads/x.ucs";

async fn login(device: &SimulatedDevice) -> Answer {
    ask(device, "POST", "/mgmt/shared/authn/login")
        .body(json!({"username": "admin", "password": "admin", "loginProviderName": "tmos"}))
        .send()
        .await
}

/// A task of this state, made with these options.
async fn created(device: &SimulatedDevice, options: Value) -> String {
    let body = json!({"command": "save", "name": "x.ucs", "options": options});
    let made = ask_as_admin(device, "POST", TASKS).body(body).send().await;
    assert_eq!((made.status, &made.json()["_taskState"]), (200, &json!("CREATED")));
    format!("{TASKS}/{}", made.json()["_taskId"])
}

async fn begun(device: &SimulatedDevice, options: Value) -> String {
    let task = created(device, options).await;
    let told = ask_as_admin(device, "PUT", &task).body(json!({"_taskState": "VALIDATING"})).send().await;
    assert_eq!(told.status, 202);
    task
}

/// The state that the task ends in, and what it was before.
async fn followed(device: &SimulatedDevice, task: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let answer = ask_as_admin(device, "GET", task).send().await;
        let now = match answer.status {
            200 => answer.json()["_taskState"].as_str().unwrap().to_owned(),
            status => status.to_string(),
        };
        let is_over = !["CREATED", "VALIDATING", "STARTED"].contains(&now.as_str());
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        if is_over {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The whole file, in chunks of at most 1 MB.
async fn downloaded(device: &SimulatedDevice) -> Vec<u8> {
    let first = ask_as_admin(device, "GET", DOWNLOAD).send().await;
    let (_, total) = first.header("content-range").split_once('/').unwrap();
    let total: usize = total.parse().unwrap();
    let mut file = first.body;
    while file.len() < total {
        let range = format!("{}-{}/{total}", file.len(), (file.len() + 1_048_576).min(total) - 1);
        let part = chunk(device, &range).send().await;
        assert_eq!((part.status, part.header("content-range")), (206, range.as_str()));
        file.extend(part.body);
    }
    file
}

fn chunk<'a>(device: &'a SimulatedDevice, range: &str) -> Ask<'a> {
    ask_as_admin(device, "GET", DOWNLOAD).header("content-range", range)
}

#[tokio::test]
async fn nothing_is_made_before_the_task_is_told_to_validate() {
    let device = plain(Personality::BigIp).await;
    let task = created(&device, json!([])).await;
    for _ in 0..5 {
        let answer = ask_as_admin(&device, "GET", &task).send().await;
        assert_eq!(answer.json()["_taskState"], "CREATED");
    }
    assert!(device.backups_made().is_empty());
}

#[tokio::test]
async fn a_ucs_is_saved_fetched_in_chunks_and_deleted() {
    let device = started(DeviceSpec::new(Personality::BigIp).artifact_size(2_500_000)).await;
    let token = login(&device).await.json()["token"]["token"].as_str().unwrap().to_owned();
    assert_eq!(device.tokens_open(), 1);
    let task = begun(&device, json!([])).await;
    assert_eq!(followed(&device, &task).await, ["VALIDATING", "STARTED", "COMPLETED"]);
    assert_eq!(device.backups_left(), ["x.ucs"]);
    let list = ask(&device, "GET", "/mgmt/tm/sys/ucs").header("x-f5-auth-token", &token).send().await;
    let raw = &list.json()["items"][0]["apiRawValues"];
    assert_eq!(raw["filename"], "/var/local/ucs/x.ucs");

    let file = downloaded(&device).await;
    assert_eq!(raw["file_size"], format!("{} (in bytes)", file.len()));
    assert_eq!(device.backups_made(), [sha256(&file)]);
    assert_eq!(files_in(&file).unwrap(), 2);

    assert_eq!(ask_as_admin(&device, "DELETE", &task).send().await.status, 200);
    assert_eq!(ask_as_admin(&device, "GET", &task).send().await.status, 404);
    assert_eq!(ask_as_admin(&device, "DELETE", "/mgmt/tm/sys/ucs/x.ucs").send().await.status, 200);
    assert!(device.backups_left().is_empty());
    let path = format!("/mgmt/shared/authz/tokens/{token}");
    assert_eq!(ask(&device, "DELETE", &path).header("x-f5-auth-token", &token).send().await.status, 200);
    assert_eq!(device.tokens_open(), 0);
    let calls = device.calls();
    assert_eq!(
        calls[..3],
        ["POST /mgmt/shared/authn/login", "POST /mgmt/tm/task/sys/ucs", "PUT /mgmt/tm/task/sys/ucs/1"]
    );
    assert_eq!(calls.last().unwrap(), "DELETE /mgmt/shared/authz/tokens/*");
}

#[tokio::test]
async fn a_ucs_can_be_removed_as_a_file_too() {
    let device = plain(Personality::BigIp).await;
    let task = begun(&device, json!([])).await;
    followed(&device, &task).await;
    let remove = || {
        ask_as_admin(&device, "POST", "/mgmt/tm/util/unix-rm")
            .body(json!({"command": "run", "utilCmdArgs": "/var/local/ucs/x.ucs"}))
    };
    assert!(remove().send().await.json()["commandResult"].is_null());
    assert!(device.backups_left().is_empty());
    assert!(remove().send().await.json()["commandResult"].is_string());
}

#[tokio::test]
async fn too_much_at_once_and_what_lies_behind_the_file_are_refused() {
    let device = plain(Personality::BigIp).await;
    let task = begun(&device, json!([])).await;
    followed(&device, &task).await;
    let total = downloaded(&device).await.len();
    for range in ["0-1048576/0".to_owned(), format!("0-{total}/0"), "nonsense".to_owned()] {
        assert_eq!(chunk(&device, &range).send().await.status, 400, "{range}");
    }
    // The refusal tells the size.
    let refused = chunk(&device, &format!("0-{total}/0")).send().await;
    assert!(refused.header("content-range").ends_with(&format!("/{total}")));
    let whole = chunk(&device, &format!("0-{}/0", total - 1)).send().await;
    assert_eq!((whole.status, whole.body.len()), (200, total));
}

#[tokio::test]
async fn every_ucs_is_another_and_a_passphrase_hides_it() {
    let device = plain(Personality::BigIp).await;
    for options in [json!([]), json!([]), json!([{"passphrase": "s3cret"}])] {
        let task = begun(&device, options).await;
        followed(&device, &task).await;
    }
    let made = device.backups_made();
    assert!(made.len() == 3 && made[0] != made[1]);
    let file = downloaded(&device).await;
    assert_eq!(sha256(&file), made[2]);
    assert!(files_in(&file).is_err());
}

#[tokio::test]
async fn the_101st_login_is_refused_until_a_token_is_given_back() {
    let device = plain(Personality::BigIp).await;
    let token = login(&device).await.json()["token"]["token"].as_str().unwrap().to_owned();
    for _ in 1..100 {
        assert_eq!(login(&device).await.status, 200);
    }
    let refused = login(&device).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["message"], "user admin has reached maximum active login tokens");
    let path = format!("/mgmt/shared/authz/tokens/{token}");
    ask(&device, "DELETE", &path).header("x-f5-auth-token", &token).send().await;
    assert_eq!(login(&device).await.status, 200);
}

#[tokio::test]
async fn without_a_login_every_call_is_refused() {
    let device = plain(Personality::BigIp).await;
    for call in [
        ask(&device, "GET", TASKS),
        ask(&device, "GET", TASKS).header("x-f5-auth-token", "wrong"),
        ask(&device, "POST", "/mgmt/shared/authn/login").body(json!({"username": "admin", "password": "no"})),
    ] {
        let refused = call.send().await;
        assert_eq!((refused.status, &refused.json()["code"]), (401, &json!(401)));
    }
}

#[tokio::test]
async fn a_task_can_fail_and_can_vanish_with_or_without_its_file() {
    for (fault, end, left) in [
        (BackupFault::Fails, "FAILED", 0),
        (BackupFault::VanishesWithFile, "404", 1),
        (BackupFault::VanishesWithoutFile, "404", 0),
    ] {
        let spec = DeviceSpec::new(Personality::BigIp).faults(Faults::https(HttpsFaults::backup(fault)));
        let device = started(spec).await;
        let task = begun(&device, json!([])).await;
        assert_eq!(followed(&device, &task).await.last().unwrap(), end, "{fault:?}");
        assert_eq!(device.backups_left().len(), left, "{fault:?}");
    }
}

#[tokio::test]
async fn spoilt_files_are_no_archives_and_come_whole() {
    for fault in [BackupFault::NotGzip, BackupFault::Truncated] {
        let spec = DeviceSpec::new(Personality::BigIp).faults(Faults::https(HttpsFaults::backup(fault)));
        let device = started(spec).await;
        let task = begun(&device, json!([])).await;
        followed(&device, &task).await;
        let file = downloaded(&device).await;
        assert_eq!(device.backups_made(), [sha256(&file)]);
        assert!(files_in(&file).is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_device_may_refuse_to_delete() {
    let faults = HttpsFaults { keeps_backups: true, ..HttpsFaults::default() };
    let device = started(DeviceSpec::new(Personality::BigIp).faults(Faults::https(faults))).await;
    let task = begun(&device, json!([])).await;
    followed(&device, &task).await;
    assert_eq!(ask_as_admin(&device, "DELETE", "/mgmt/tm/sys/ucs/x.ucs").send().await.status, 400);
    assert_eq!(device.backups_left(), ["x.ucs"]);
}

#[tokio::test]
async fn a_web_server_that_restarts_refuses_connections_and_comes_back() {
    let fault = HttpsFaults::on_nth(2, "GET /mgmt/tm/task", HttpFault::Restart(Duration::from_millis(200)));
    let device = started(DeviceSpec::new(Personality::BigIp).faults(Faults::https(fault))).await;
    let task = begun(&device, json!([])).await;
    let poll = || ask_as_admin(&device, "GET", &task);
    login(&device).await;
    assert_eq!((poll().send().await.status, device.tokens_open()), (200, 1));
    assert!(poll().try_send().await.is_err());
    assert!(poll().try_send().await.unwrap_err().contains("ConnectionRefused"));
    while poll().try_send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(followed(&device, &task).await.last().unwrap(), "COMPLETED");
    assert_eq!(device.tokens_open(), 0, "a login does not outlive the web server");
}
