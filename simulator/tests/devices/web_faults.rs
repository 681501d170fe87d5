//! What can befall an answer of a web server, and how much of it arrives then.

use std::time::Duration;

use etiqa_simulator::{DeviceSpec, Faults, HttpFault, HttpsFaults, Personality, SimulatedDevice, WireFault};

use crate::started;
use crate::web::{Answer, Ask, ask, sha256};

/// Big enough for several records of TLS.
const SIZE: u64 = 400_000;

async fn faulty(what: HttpFault) -> SimulatedDevice {
    let faults = Faults::https(HttpsFaults::on("device-state", what));
    started(DeviceSpec::new(Personality::PanOs).artifact_size(SIZE).faults(faults)).await
}

/// The call of a file.
async fn file(device: &SimulatedDevice) -> Ask<'_> {
    let answer = ask(device, "GET", "/api/?type=keygen&user=admin&password=admin").send().await;
    let key = answer.text().split(['<', '>']).find(|part| part.starts_with("LUFRPT1")).unwrap().to_owned();
    ask(device, "GET", "/api/?type=export&category=device-state").header("x-pan-key", &key)
}

async fn fetched(device: &SimulatedDevice) -> Answer {
    file(device).await.send().await
}

#[tokio::test]
async fn a_cut_comes_after_exactly_so_many_bytes_of_the_body() {
    for at in [0, 1, 16_384, 16_385, 300_000] {
        let answer = fetched(&faulty(HttpFault::Wire(at, WireFault::Cut)).await).await;
        assert_eq!((answer.status, answer.body.len() as u64), (200, at));
        assert!(answer.header("content-length").parse::<u64>().unwrap() > at);
        // TLS is closed in order, so it is HTTP that notices.
        let broken = answer.broken.unwrap();
        assert!(broken.contains("IncompleteBody"), "{at}: {broken}");
    }
}

#[tokio::test]
async fn a_reset_and_a_garbled_byte_break_the_connection() {
    for at in [0, 100_000] {
        let device = faulty(HttpFault::Wire(at, WireFault::Reset)).await;
        // A reset may overtake what was sent before it.
        if let Ok(reset) = file(&device).await.try_send().await {
            assert!(reset.body.len() as u64 <= at && reset.broken.is_some());
        }
        let garbled = fetched(&faulty(HttpFault::Wire(at, WireFault::Garble)).await).await;
        assert_eq!(garbled.body.len() as u64, at);
        assert!(garbled.broken.is_some());
    }
}

#[tokio::test]
async fn a_device_that_hangs_keeps_the_connection_open() {
    let device = faulty(HttpFault::Wire(1_000, WireFault::Hang)).await;
    let hung = tokio::time::timeout(Duration::from_millis(300), fetched(&device)).await;
    assert!(hung.is_err());
    assert_eq!(device.sessions_open(), 1);
}

#[tokio::test]
async fn a_dripping_answer_is_whole() {
    let faults = Faults::https(HttpsFaults::on("device-state", HttpFault::Drip));
    let device = started(DeviceSpec::new(Personality::PanOs).artifact_size(20_000).faults(faults)).await;
    let answer = fetched(&device).await;
    assert_eq!(device.backups_made(), [sha256(&answer.body)]);
}

#[tokio::test]
async fn a_wrong_length_promises_too_much_or_too_little() {
    let device = faulty(HttpFault::ContentLength(10)).await;
    let answer = fetched(&device).await;
    assert_eq!(device.backups_made(), [sha256(&answer.body)]);
    assert_eq!(answer.header("content-length"), (answer.body.len() + 10).to_string());
    assert!(answer.broken.is_some());

    let device = faulty(HttpFault::ContentLength(-10)).await;
    let answer = fetched(&device).await;
    assert_ne!(device.backups_made(), [sha256(&answer.body)]);
    assert!(answer.broken.is_none());
}

#[tokio::test]
async fn the_nth_call_is_refused_and_does_nothing() {
    let faults = Faults::https(HttpsFaults::on_nth(1, "device-state", HttpFault::Status(503)).and_on(
        "device-state",
        Some(2),
        HttpFault::Status(401),
    ));
    let device = started(DeviceSpec::new(Personality::PanOs).faults(faults)).await;
    assert_eq!(fetched(&device).await.status, 503);
    assert_eq!(fetched(&device).await.status, 401);
    assert!(device.backups_made().is_empty());
    assert_eq!(fetched(&device).await.status, 200);
}

#[tokio::test]
async fn an_endless_answer_goes_on_until_the_client_leaves() {
    use tokio::time::timeout;
    let device = faulty(HttpFault::Endless).await;
    assert!(timeout(Duration::from_millis(300), fetched(&device)).await.is_err());
    while device.sessions_open() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
