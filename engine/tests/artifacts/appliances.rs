//! Every vendor's backup comes whole, and the device is as it was before.

use etiqa_engine::collect::Login;
use etiqa_model::Secret;
use etiqa_model::class::Class;
use etiqa_simulator::{DeviceSpec, Faults, HttpsFaults, HttpsSpec, Personality};

use crate::fetch::{Errand, appliance, fetch, fetch_as, is_clean};

const APPLIANCES: [(Personality, &str); 5] = [
    (Personality::BigIp, "bigip"),
    (Personality::Nios, "nios"),
    (Personality::Gaia, "gaia"),
    (Personality::FortiOs, "fortios"),
    (Personality::PanOs, "panos"),
];

#[tokio::test]
async fn every_vendors_backup_comes_whole_and_leaves_nothing_on_the_device() {
    for (personality, platform) in APPLIANCES {
        let device = appliance(DeviceSpec::new(personality)).await;
        let came = fetch(&device, platform).await;
        assert_eq!(came.class(), Class::Ok, "{platform}: {}", came.outcome.message);
        if let Some(last) = device.backups_made().last() {
            assert_eq!(came.sha256.as_ref(), Some(last), "{platform}: not the file that the device made");
        }
        assert!(
            is_clean(&device),
            "{platform}: {:?}, {} tokens",
            device.backups_left(),
            device.tokens_open()
        );
        assert!(came.outcome.transcript.is_none());
        assert!(came.leftovers().is_empty(), "{platform}: what nobody kept is gone");
    }
}

#[tokio::test]
async fn a_backup_of_many_pieces_is_put_together_in_order() {
    let spec = DeviceSpec { artifact_size: 5 * 1024 * 1024 + 7, ..DeviceSpec::new(Personality::BigIp) };
    let device = appliance(spec).await;
    let came = fetch(&device, "bigip").await;
    assert_eq!(came.sha256, device.backups_made().last().cloned(), "{}", came.outcome.message);
    assert!(came.outcome.made.unwrap().file.size_bytes > 5 * 1024 * 1024);
}

#[tokio::test]
async fn a_device_that_needs_a_while_is_waited_for() {
    for (personality, platform) in [(Personality::BigIp, "bigip"), (Personality::Gaia, "gaia")] {
        let spec = DeviceSpec {
            backup_time: std::time::Duration::from_millis(1_500),
            ..DeviceSpec::new(personality)
        };
        let device = appliance(spec).await;
        assert_eq!(fetch(&device, platform).await.class(), Class::Ok);
        // The status of an earlier backup is on show; the second one is waited for all the same.
        let second = fetch(&device, platform).await;
        assert_eq!(second.sha256, device.backups_made().last().cloned(), "{platform}");
        assert_eq!(device.backups_made().len(), 2, "{platform}");
        assert!(is_clean(&device), "{platform}");
    }
}

#[tokio::test]
async fn a_ucs_with_a_passphrase_is_known_as_encrypted_and_the_passphrase_is_nowhere() {
    let device = appliance(DeviceSpec::new(Personality::BigIp)).await;
    let login = Login { backup_passphrase: Some(Secret::new("correct horse")), ..Errand::default().login };
    let came = fetch_as(&device, "bigip", Errand { login, ..Errand::default() }).await;
    assert_eq!(came.class(), Class::Ok, "{}", came.outcome.message);
    assert!(came.outcome.made.as_ref().unwrap().is_encrypted);
    assert_eq!(came.sha256, device.backups_made().last().cloned());
    assert!(device.calls().iter().all(|call| !call.contains("correct horse")));
}

#[tokio::test]
async fn fortios_is_asked_with_its_token_or_as_a_session_and_by_post_where_it_wants_that() {
    for is_post_only in [false, true] {
        let https = HttpsSpec { is_post_only, ..HttpsSpec::default().api_token("t0ken") };
        let spec = DeviceSpec { https: Some(https), ..DeviceSpec::new(Personality::FortiOs) };
        let device = appliance(spec).await;
        let usual = Errand::default().login;
        let login = Login { api_token: Some(Secret::new("t0ken")), password: None, ..usual.clone() };
        for login in [login, usual] {
            let came = fetch_as(&device, "fortios", Errand { login, ..Errand::default() }).await;
            assert_eq!(came.class(), Class::Ok, "{}", came.outcome.message);
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_so_and_shows_nowhere() {
    for (personality, platform) in APPLIANCES {
        let device = appliance(DeviceSpec::new(personality)).await;
        let login = Login { password: Some(Secret::new("hunter2")), ..Errand::default().login };
        let came = fetch_as(&device, platform, Errand { login, ..Errand::default() }).await;
        assert_eq!(came.class(), Class::AuthFailed, "{platform}: {}", came.outcome.message);
        assert!(!came.outcome.message.contains("hunter2"), "{platform}");
        assert!(!came.outcome.transcript.as_ref().unwrap().contains("hunter2"), "{platform}");
        assert!(device.backups_made().is_empty() && is_clean(&device), "{platform}");
    }
}

#[tokio::test]
async fn a_member_of_a_grid_says_who_its_master_is() {
    let https = HttpsSpec::default().member_of("grid-master.example.net");
    let spec = DeviceSpec { https: Some(https), ..DeviceSpec::new(Personality::Nios) };
    let device = appliance(spec).await;
    let came = fetch(&device, "nios").await;
    assert_eq!(came.class(), Class::HttpStatus, "{}", came.outcome.message);
    assert!(came.outcome.message.contains("grid-master.example.net"), "{}", came.outcome.message);
}

#[tokio::test]
async fn a_gaia_login_that_gives_no_files_is_said_so_and_its_backup_is_removed() {
    let spec = DeviceSpec { clish_login: true, ..DeviceSpec::new(Personality::Gaia) };
    let device = appliance(spec).await;
    let came = fetch(&device, "gaia").await;
    assert_eq!(came.class(), Class::CommandRejected, "{}", came.outcome.message);
    assert!(came.outcome.message.contains("neither by SFTP nor by SCP"), "{}", came.outcome.message);
    assert!(is_clean(&device));
}

#[tokio::test]
async fn what_another_errand_left_on_an_f5_is_not_taken_for_the_new_one() {
    let device = appliance(DeviceSpec::new(Personality::BigIp)).await;
    let https = HttpsFaults { keeps_backups: true, ..HttpsFaults::default() };
    device.set_faults(Faults { https, ..Faults::default() });
    assert_eq!(fetch(&device, "bigip").await.class(), Class::Ok);
    assert_eq!(device.backups_left(), ["etiqa-test.ucs"]);
    let refused = fetch(&device, "bigip").await;
    assert_eq!(
        refused.class(),
        Class::HttpStatus,
        "the old one cannot be removed: {}",
        refused.outcome.message
    );
    device.set_faults(Faults::default());
    let second = fetch(&device, "bigip").await;
    assert_eq!(second.sha256, device.backups_made().last().cloned(), "{}", second.outcome.message);
    assert!(is_clean(&device));
}

#[tokio::test]
async fn a_gaia_that_does_not_remove_its_copy_is_said_so() {
    let https = HttpsFaults { keeps_backups: true, ..HttpsFaults::default() };
    let device =
        appliance(DeviceSpec::new(Personality::Gaia).faults(Faults { https, ..Faults::default() })).await;
    let came = fetch(&device, "gaia").await;
    assert_eq!(came.class(), Class::Ok, "the file is whole all the same: {}", came.outcome.message);
    assert!(came.outcome.message.contains("The device may still hold backup"), "{}", came.outcome.message);
}
