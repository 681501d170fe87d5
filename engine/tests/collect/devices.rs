//! Healthy devices of every platform.

use std::time::Duration;

use etiqa_engine::collect::{Driver, Login, compare_text, redact};
use etiqa_model::Secret;
use etiqa_model::class::Class;
use etiqa_simulator::{DeviceSpec, Faults, Personality};
use futures::future::join_all;

use crate::support::{at, collected, device, driver_of, login, main_part, main_text, run, target};

#[tokio::test]
async fn every_platform_is_collected_whole_and_again_unchanged() {
    for &personality in Personality::ALL {
        let device = device(DeviceSpec::new(personality).config_size(60_000)).await;
        let first = collected(&device, personality).await;
        assert_eq!(first.class, Class::Ok, "{}\n{:?}", first.message, first.transcript);
        assert_eq!(main_text(&first, personality), device.config(), "{personality:?}");
        assert_eq!(first.login.as_deref(), Some("net"));
        assert!(first.transcript.is_none() && first.bytes > 50_000);
        assert!(first.facts.os_version.is_some(), "{personality:?}: {:?}", first.facts);
        let fingerprint = first.host_key.as_ref().map(|key| key.fingerprint.clone());
        assert_eq!(fingerprint, Some(device.host_key_fingerprint()));

        let second = collected(&device, personality).await;
        let driver = driver_of(personality);
        assert_eq!(first.parts.len(), second.parts.len());
        for (one, other) in first.parts.iter().zip(&second.parts) {
            let compared = |text| compare_text(&driver, &one.part, text);
            assert_eq!(compared(&one.text), compared(&other.text), "{personality:?} {}", one.part);
        }

        device.change_config();
        let third = collected(&device, personality).await;
        let compared = |text| compare_text(&driver, main_part(personality), text);
        let (before, after) = (main_text(&first, personality), main_text(&third, personality));
        assert_ne!(compared(before), compared(after), "{personality:?}");
    }
}

#[tokio::test]
async fn facts_say_what_a_device_is() {
    let ios = device(DeviceSpec::new(Personality::Ios)).await;
    let facts = collected(&ios, Personality::Ios).await.facts;
    assert_eq!(facts.model.as_deref(), Some("WS-C2960X-48FPD-L"));
    assert_eq!(facts.os_version.as_deref(), Some("15.2(7)E7"));
    assert!(facts.serial.as_ref().unwrap().starts_with("FOC"));
    assert_eq!(facts.unsaved, Some(false));
    ios.change_config();
    let changed = collected(&ios, Personality::Ios).await.facts;
    assert_eq!(changed.unsaved, Some(true), "it was changed, and not saved since");
    let gaia = device(DeviceSpec::new(Personality::Gaia)).await;
    let facts = collected(&gaia, Personality::Gaia).await.facts;
    assert_eq!(facts.os_version.as_deref(), Some("R81.10"));
    assert!(facts.serial.is_some() && facts.model.is_some());
}

#[tokio::test]
async fn a_slow_device_and_output_in_any_pieces_make_no_difference() {
    let matrix =
        Personality::ALL.iter().flat_map(|&personality| [1, 7, 1_000].map(|bytes| (personality, bytes)));
    join_all(matrix.map(async |(personality, bytes)| {
        let slow = Some(Duration::from_millis(60));
        let faults = Faults { chunk_bytes: Some(bytes), slow, ..Faults::default() };
        let device = device(DeviceSpec::new(personality).config_size(3_000).faults(faults)).await;
        let outcome = collected(&device, personality).await;
        assert_eq!(main_text(&outcome, personality), device.config(), "{personality:?} by {bytes}");
    }))
    .await;
}

#[tokio::test]
async fn a_pager_that_cannot_be_turned_off_is_paged_through_and_an_unknown_one_gives_no_text() {
    let disable = r#"disable = ["terminal length 0", "terminal width 511"]"#;
    let text = driver_of(Personality::Ios).text().replace(disable, "");
    let device = device(DeviceSpec::new(Personality::Ios).config_size(9_000)).await;
    let logins = [login("net", "admin")];
    let paging = Driver::parse("ios", &text).unwrap();
    let outcome = run(&target(&device), &paging, &logins).await;
    assert_eq!(main_text(&outcome, Personality::Ios), device.config());

    let blind = Driver::parse("ios", &text.replace("[Mm]ore", "page")).unwrap();
    let outcome = run(&target(&device), &blind, &logins).await;
    assert_eq!(outcome.class, Class::Timeout);
    assert!(outcome.parts.is_empty() && outcome.message.contains("--More--"), "{}", outcome.message);
}

#[tokio::test]
async fn enable_asks_for_its_own_password() {
    let device = device(DeviceSpec::new(Personality::Ios).enable_password("privileged")).await;
    let driver = driver_of(Personality::Ios);
    let with =
        |password: &str| [Login { enable_password: Some(Secret::new(password)), ..login("net", "admin") }];
    let outcome = run(&target(&device), &driver, &with("privileged")).await;
    assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
    let outcome = run(&target(&device), &driver, &with("wrong-secret")).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}", outcome.message);
    assert!(!outcome.transcript.unwrap().contains("wrong-secret"));
}

#[tokio::test]
async fn a_device_may_be_named_instead_of_numbered() {
    let device = device(DeviceSpec::new(Personality::Linux)).await;
    let named = at("localhost", device.addr().port());
    let outcome = run(&named, &driver_of(Personality::Linux), &[login("net", "admin")]).await;
    assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
}

#[tokio::test]
async fn viewers_see_no_hash_of_the_device_and_every_line() {
    for &personality in Personality::ALL {
        let device = device(DeviceSpec::new(personality)).await;
        let outcome = collected(&device, personality).await;
        let text = main_text(&outcome, personality);
        let masked = redact(&driver_of(personality), text);
        for word in text.split_whitespace().filter(|word| word.starts_with("$9$") || word.starts_with("$6$"))
        {
            assert!(!masked.contains(word), "{personality:?}: {word}");
        }
        assert_eq!(masked.lines().count(), text.lines().count());
    }
}

#[tokio::test]
async fn many_devices_at_once_are_all_whole() {
    let mut devices = Vec::new();
    for seed in 0..40 {
        devices.push(device(DeviceSpec::new(Personality::Ios).seed(seed)).await);
    }
    let all = devices.iter().map(|device| collected(device, Personality::Ios));
    for (device, outcome) in devices.iter().zip(join_all(all).await) {
        assert_eq!(main_text(&outcome, Personality::Ios), device.config());
    }
}
