//! FortiOS and PAN-OS, whose backups are answers of their web servers.

use etiqa_simulator::{DeviceSpec, HttpsSpec, Personality};

use crate::client::connect;
use crate::web::{ask, files_in, sha256};
use crate::{plain, started};

const FORTIOS: &str = "/api/v2/monitor/system/config/backup?scope=global";

#[tokio::test]
async fn fortios_gives_its_configuration_to_the_rest_administrator() {
    let device = plain(Personality::FortiOs).await;
    for method in ["GET", "POST"] {
        let backup = ask(&device, method, FORTIOS).header("authorization", "Bearer api-token").send().await;
        assert_eq!((backup.status, backup.text()), (200, device.config().as_str()));
        assert!(backup.text().starts_with("#config-version="));
        assert_eq!(device.backups_made().last(), Some(&sha256(&backup.body)));
    }
    assert_eq!(ask(&device, "GET", FORTIOS).send().await.status, 401);
    let wrong = ask(&device, "GET", FORTIOS).header("authorization", "Bearer wrong").send().await;
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn newer_fortios_gives_it_by_post_alone() {
    let https = HttpsSpec::default().post_only();
    let device = started(DeviceSpec::new(Personality::FortiOs).https(https)).await;
    let by = |method| ask(&device, method, FORTIOS).header("authorization", "Bearer api-token").send();
    assert_eq!((by("GET").await.status, by("POST").await.status), (405, 200));
}

#[tokio::test]
async fn fortios_takes_a_login_with_its_cookies() {
    let device = plain(Personality::FortiOs).await;
    let login = |password: &str| {
        ask(&device, "POST", "/logincheck").body(format!("username=admin&secretkey={password}")).send()
    };
    assert_eq!(login("wrong").await.text(), "0");
    let answer = login("admin").await;
    assert!(answer.text().starts_with('1'));
    let cookies: Vec<_> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
        .collect();
    let csrf = cookies[1].strip_prefix("ccsrftoken=").unwrap().trim_matches('"');
    let cookies = cookies.join("; ");
    assert_eq!(ask(&device, "GET", FORTIOS).header("cookie", &cookies).send().await.status, 200);
    assert_eq!(ask(&device, "POST", FORTIOS).header("cookie", &cookies).send().await.status, 401);
    let post = ask(&device, "POST", FORTIOS).header("cookie", &cookies).header("x-csrftoken", csrf);
    assert_eq!(post.send().await.status, 200);
}

#[tokio::test]
async fn panos_exports_its_configuration_and_its_state_to_whoever_has_a_key() {
    let device = plain(Personality::PanOs).await;
    let keygen = |password: &str| {
        ask(&device, "POST", "/api/?type=keygen").body(format!("user=admin&password={password}")).send()
    };
    let refused = keygen("wrong").await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.text(),
        "<response status = 'error' code = '403'><result><msg>Invalid Credential</msg></result></response>"
    );
    let answer = keygen("admin").await;
    let key = answer
        .text()
        .strip_prefix("<response status=\"success\"><result><key>")
        .and_then(|rest| rest.strip_suffix("</key></result></response>"))
        .unwrap();

    let configuration = ask(&device, "POST", "/api/?type=export&category=configuration")
        .header("x-pan-key", key)
        .send()
        .await;
    assert_eq!((configuration.status, configuration.text()), (200, device.config().as_str()));
    let state =
        ask(&device, "GET", &format!("/api/?type=export&category=device-state&key={key}")).send().await;
    assert_eq!(files_in(&state.body).unwrap(), 2);
    assert_eq!(device.backups_made(), [sha256(&configuration.body), sha256(&state.body)]);
    assert!(device.backups_left().is_empty());
    let wrong = ask(&device, "GET", "/api/?type=export&category=configuration").send().await;
    assert_eq!(wrong.status, 403);
    assert!(device.calls().iter().all(|call| !call.contains(key)), "a key is a secret");
}

#[tokio::test]
async fn a_firewall_without_a_command_line_lets_nobody_in_by_ssh() {
    let device = plain(Personality::PanOs).await;
    let (mut handle, _) = connect(&device).await;
    assert!(!handle.authenticate_password("admin", "admin").await.unwrap().success());
}
