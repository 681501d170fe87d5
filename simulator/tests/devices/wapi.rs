//! Infoblox's WAPI: the real sequence of calls, and its traps.

use etiqa_simulator::{DeviceSpec, Faults, HttpsFaults, HttpsSpec, Personality, SimulatedDevice};
use serde_json::json;

use crate::web::{Answer, ask, ask_as_admin, files_in, host, sha256};
use crate::{plain, started};

const FILEOP: &str = "/wapi/v2.12/fileop?_function=";

async fn grid_data(device: &SimulatedDevice) -> Answer {
    ask_as_admin(device, "POST", &format!("{FILEOP}getgriddata")).body(json!({"type": "BACKUP"})).send().await
}

async fn complete(device: &SimulatedDevice, token: &str) -> Answer {
    let path = format!("{FILEOP}downloadcomplete");
    ask_as_admin(device, "POST", &path).body(json!({"token": token})).send().await
}

#[tokio::test]
async fn a_grid_backup_is_made_fetched_and_completed() {
    let device = plain(Personality::Nios).await;
    let made = grid_data(&device).await.json();
    assert_eq!((device.tokens_open(), device.backups_left().len()), (1, 1));
    let url = made["url"].as_str().unwrap();
    let path = url.strip_prefix(&format!("https://{}", host(&device))).unwrap();
    assert!(path.starts_with("/http_direct_file_io/req_id-DOWNLOAD-") && path.ends_with("/database.bak"));

    let refused = ask_as_admin(&device, "GET", path).send().await;
    assert_eq!(refused.status, 415);
    let file =
        ask_as_admin(&device, "GET", path).header("content-type", "application/force-download").send().await;
    assert_eq!(device.backups_made(), [sha256(&file.body)]);
    assert_eq!(files_in(&file.body).unwrap(), 2);

    let completed = complete(&device, made["token"].as_str().unwrap()).await;
    assert_eq!((completed.status, completed.json()), (200, json!({})));
    assert_eq!((device.tokens_open(), device.backups_left().len()), (0, 0));
    let gone =
        ask_as_admin(&device, "GET", path).header("content-type", "application/force-download").send().await;
    assert_eq!(gone.status, 404);
    assert_eq!(complete(&device, "unknown").await.status, 400);
}

#[tokio::test]
async fn the_schema_lists_the_versions_and_others_are_refused() {
    let device = plain(Personality::Nios).await;
    let schema = ask_as_admin(&device, "GET", "/wapi/v1.0/?_schema").send().await.json();
    assert!(schema["supported_versions"].as_array().unwrap().contains(&json!("2.12")));
    let refused = ask_as_admin(&device, "GET", "/wapi/v9.9/grid").send().await;
    assert_eq!((refused.status, refused.text()), (400, "Version 9.9 not supported"));
}

#[tokio::test]
async fn a_backup_of_no_type_is_refused() {
    let device = plain(Personality::Nios).await;
    let path = format!("{FILEOP}getgriddata");
    let refused = ask_as_admin(&device, "POST", &path).body(json!({})).send().await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("Client.Ibap.Proto")));
    assert!(device.backups_made().is_empty());
}

#[tokio::test]
async fn the_cookie_of_a_login_is_enough_until_the_logout() {
    let device = plain(Personality::Nios).await;
    assert_eq!(ask(&device, "GET", "/wapi/v2.12/grid").send().await.status, 401);
    let login = ask_as_admin(&device, "GET", "/wapi/v2.12/grid").send().await;
    let cookie = login.header("set-cookie").split(';').next().unwrap();
    assert!(cookie.starts_with("ibapauth=\""));
    let by_cookie = |method, path| ask(&device, method, path).header("cookie", cookie).send();
    assert_eq!(by_cookie("GET", "/wapi/v2.12/grid").await.status, 200);
    assert_eq!(by_cookie("POST", "/wapi/v2.12/logout").await.status, 200);
    assert_eq!(by_cookie("GET", "/wapi/v2.12/grid").await.status, 401);
}

#[tokio::test]
async fn a_member_sends_clients_to_the_grid_master() {
    let https = HttpsSpec::default().member_of("192.0.2.53");
    let device = started(DeviceSpec::new(Personality::Nios).https(https)).await;
    let sent = grid_data(&device).await;
    assert_eq!((sent.status, sent.header("location")), (302, "https://192.0.2.53/wapi/v2.12/fileop"));
}

#[tokio::test]
async fn a_download_may_be_named_on_another_host() {
    let faults = HttpsFaults { download_host: Some("203.0.113.9".to_owned()), ..HttpsFaults::default() };
    let device = started(DeviceSpec::new(Personality::Nios).faults(Faults::https(faults))).await;
    let url = grid_data(&device).await.json()["url"].clone();
    assert!(url.as_str().unwrap().starts_with("https://203.0.113.9/http_direct_file_io/"));
}
