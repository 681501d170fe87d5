//! The fault matrix of vendors' backups: whatever breaks, no file that is not whole is kept, and the device is cleaned
//! up as far as it lets us.

use std::time::Duration;

use etiqa_model::class::Class;
use etiqa_simulator::{BackupFault, DeviceSpec, Faults, HttpFault, HttpsFaults, Personality, WireFault};
use tokio_util::sync::CancellationToken;

use crate::fetch::{Came, Errand, appliance, fetch, fetch_as, is_clean};

/// The platforms whose file comes in an HTTPS answer, and the call that brings it.
const DOWNLOADS: [(Personality, &str, &str); 4] = [
    (Personality::BigIp, "bigip", "GET /mgmt/shared/file-transfer/ucs-downloads"),
    (Personality::Nios, "nios", "GET /http_direct_file_io"),
    (Personality::FortiOs, "fortios", "config/backup"),
    (Personality::PanOs, "panos", "/api/"),
];

/// Which of these calls brings the file: an F5 is asked for the size first, PAN-OS for a key and the model.
fn call_of_the_file(personality: Personality) -> usize {
    match personality {
        Personality::BigIp => 2,
        Personality::PanOs => 3,
        _ => 1,
    }
}

async fn with(personality: Personality, platform: &str, https: HttpsFaults) -> (Came, bool) {
    let spec = DeviceSpec::new(personality).faults(Faults { https, ..Faults::default() });
    let device = appliance(spec).await;
    let came = fetch(&device, platform).await;
    (came, is_clean(&device))
}

#[tokio::test]
async fn a_download_that_breaks_off_anywhere_is_never_kept() {
    for (personality, platform, call) in DOWNLOADS {
        let nth = call_of_the_file(personality);
        for bytes in [0, 1, 1_000, 4_000] {
            for fault in [WireFault::Cut, WireFault::Reset, WireFault::Garble, WireFault::Hang] {
                let what = HttpFault::Wire(bytes, fault);
                let (came, is_clean) =
                    with(personality, platform, HttpsFaults::on_nth(nth, call, what)).await;
                let said = format!("{platform}, {fault:?} after {bytes}: {}", came.outcome.message);
                assert_ne!(came.class(), Class::Ok, "{said}");
                assert!(is_clean, "{said}");
                assert!(came.leftovers().is_empty(), "{said}");
            }
        }
    }
}

#[tokio::test]
async fn a_slow_download_is_whole_in_the_end() {
    for (personality, platform, call) in DOWNLOADS {
        let spec = DeviceSpec { artifact_size: 20_000, ..DeviceSpec::new(personality) }
            .faults(Faults { https: HttpsFaults::on(call, HttpFault::Drip), ..Faults::default() });
        let device = appliance(spec).await;
        let came = fetch(&device, platform).await;
        assert_eq!(came.class(), Class::Ok, "{platform}: {}", came.outcome.message);
    }
}

#[tokio::test]
async fn a_wrong_length_is_noticed() {
    for (personality, platform, call) in DOWNLOADS {
        for length in [-1, -100, 50] {
            let nth = call_of_the_file(personality);
            let faults = HttpsFaults::on_nth(nth, call, HttpFault::ContentLength(length));
            let (came, _) = with(personality, platform, faults).await;
            assert_ne!(came.class(), Class::Ok, "{platform} {length}: {}", came.outcome.message);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_none_or_only_half_of_one_is_refused() {
    let appliances =
        [(Personality::BigIp, "bigip"), (Personality::Nios, "nios"), (Personality::Gaia, "gaia")];
    for (personality, platform) in appliances {
        for fault in [BackupFault::NotGzip, BackupFault::Truncated] {
            let (came, is_clean) = with(personality, platform, HttpsFaults::backup(fault)).await;
            let said = format!("{platform}, {fault:?}: {}", came.outcome.message);
            assert_eq!(came.class(), Class::Incomplete, "{said}");
            assert!(came.outcome.message.contains("Nothing was stored"), "{said}");
            assert!(is_clean, "{said}");
        }
    }
}

#[tokio::test]
async fn a_backup_that_fails_on_the_device_is_said_so() {
    for (personality, platform) in [(Personality::BigIp, "bigip"), (Personality::Gaia, "gaia")] {
        let (came, is_clean) = with(personality, platform, HttpsFaults::backup(BackupFault::Fails)).await;
        assert_eq!(came.class(), Class::Incomplete, "{platform}: {}", came.outcome.message);
        assert!(came.outcome.message.contains("could not make"), "{platform}: {}", came.outcome.message);
        assert!(is_clean, "{platform}");
    }
}

#[tokio::test]
async fn a_task_that_the_device_forgot_still_gives_its_file_if_there_is_one() {
    let (came, is_clean) =
        with(Personality::BigIp, "bigip", HttpsFaults::backup(BackupFault::VanishesWithFile)).await;
    assert_eq!(came.class(), Class::Ok, "{}", came.outcome.message);
    assert!(is_clean);
}

#[tokio::test]
async fn a_restart_of_the_web_server_while_a_ucs_is_made_is_sat_out() {
    let what = HttpFault::Restart(Duration::from_millis(700));
    let spec = DeviceSpec { backup_time: Duration::from_secs(1), ..DeviceSpec::new(Personality::BigIp) };
    let https = HttpsFaults::on_nth(1, "GET /mgmt/tm/task/sys/ucs", what);
    let device = appliance(spec.faults(Faults { https, ..Faults::default() })).await;
    let came = fetch(&device, "bigip").await;
    assert_eq!(came.class(), Class::Ok, "{}", came.outcome.message);
    assert!(is_clean(&device));
}

#[tokio::test]
async fn a_token_that_ended_is_replaced() {
    let https = HttpsFaults::on_nth(1, "GET /mgmt/tm/task/sys/ucs", HttpFault::Status(401));
    let (came, is_clean) = with(Personality::BigIp, "bigip", https).await;
    assert_eq!(came.class(), Class::Ok, "{}", came.outcome.message);
    assert!(is_clean);
}

#[tokio::test]
async fn errors_of_an_api_are_named_with_their_status() {
    for (personality, platform, call) in DOWNLOADS {
        let (came, is_clean) =
            with(personality, platform, HttpsFaults::on(call, HttpFault::Status(503))).await;
        assert_eq!(came.class(), Class::HttpStatus, "{platform}: {}", came.outcome.message);
        assert!(came.outcome.message.contains("503"), "{platform}: {}", came.outcome.message);
        assert!(is_clean, "{platform}");
    }
}

#[tokio::test]
async fn an_address_on_another_host_is_not_asked() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let host = elsewhere.local_addr().unwrap().to_string();
    let https = HttpsFaults { download_host: Some(host), ..HttpsFaults::default() };
    let (came, is_clean) = with(Personality::Nios, "nios", https).await;
    assert!(elsewhere.accept().is_err(), "the login went to the asked host alone");
    assert_eq!(came.class(), Class::Ok, "{}", came.outcome.message);
    assert!(is_clean);
}

#[tokio::test]
async fn an_endless_file_is_too_large() {
    for (personality, platform, call) in DOWNLOADS {
        let nth = call_of_the_file(personality);
        let https = HttpsFaults::on_nth(nth, call, HttpFault::Endless);
        let device =
            appliance(DeviceSpec::new(personality).faults(Faults { https, ..Faults::default() })).await;
        let came = fetch_as(&device, platform, Errand { largest: 1 << 20, ..Errand::default() }).await;
        assert_eq!(came.class(), Class::TooLarge, "{platform}: {}", came.outcome.message);
        assert!(is_clean(&device), "{platform}");
        assert!(came.leftovers().is_empty());
    }
}

#[tokio::test]
async fn a_device_that_never_finishes_is_left_at_the_deadline() {
    let https = HttpsFaults::backup(BackupFault::NeverEnds);
    let spec = DeviceSpec::new(Personality::BigIp).faults(Faults { https, ..Faults::default() });
    let device = appliance(spec).await;
    let mut errand = Errand::default();
    errand.limits.deadline = Duration::from_secs(2);
    let came = fetch_as(&device, "bigip", errand).await;
    assert_eq!(came.class(), Class::Timeout);
    let said = &came.outcome.message;
    assert!(
        said.starts_with("The deadline passed while waiting for the UCS. The device goes on making"),
        "{said}"
    );
    assert_eq!(device.tokens_open(), 0);
}

#[tokio::test]
async fn an_errand_that_is_cancelled_cleans_up_before_it_ends() {
    for (personality, platform) in [(Personality::BigIp, "bigip"), (Personality::Nios, "nios")] {
        let call =
            if personality == Personality::Nios { "GET /http_direct_file_io" } else { "ucs-downloads" };
        let https = HttpsFaults::on(call, HttpFault::Wire(2_000, WireFault::Hang));
        let device =
            appliance(DeviceSpec::new(personality).faults(Faults { https, ..Faults::default() })).await;
        let cancel = CancellationToken::new();
        let errand = Errand { cancel: cancel.clone(), ..Errand::default() };
        let stop = async {
            while !device.calls().iter().any(|made| made.contains(call)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            cancel.cancel();
        };
        let (came, ()) = tokio::join!(fetch_as(&device, platform, errand), stop);
        assert_eq!(came.class(), Class::Cancelled, "{platform}: {}", came.outcome.message);
        assert!(is_clean(&device), "{platform}");
    }
}

#[tokio::test]
async fn a_copy_that_cannot_be_removed_is_named_to_a_person() {
    let https = HttpsFaults { keeps_backups: true, ..HttpsFaults::default() };
    let (came, is_clean) = with(Personality::BigIp, "bigip", https).await;
    assert_eq!(came.class(), Class::Ok, "the file is whole all the same");
    assert!(
        came.outcome.message.contains("could not be removed: delete etiqa-test.ucs"),
        "{}",
        came.outcome.message
    );
    assert!(!is_clean);
}
