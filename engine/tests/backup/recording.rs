use etiqa_engine::backup::start;
use etiqa_engine::history::{decide, read};
use etiqa_engine::inventory;
use etiqa_engine::store::result::{NewResult, result_insert_in_txn, result_page_of_run};
use etiqa_engine::time::now;
use etiqa_model::ErrorKind;
use etiqa_model::class::Class;
use etiqa_model::config::VersionState;
use etiqa_model::device::DeviceInput;
use etiqa_model::opened::Opened;
use etiqa_model::page::Page;
use etiqa_model::run::Trigger;
use etiqa_model::scope::Scope;
use etiqa_model::user::{Reach, Role};
use etiqa_simulator::{DeviceSpec, Faults, Personality};

use crate::common::world::World;

#[tokio::test]
async fn a_version_is_stored_only_where_something_changed() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    assert_eq!(world.collect(id).await.class, Class::Ok);
    assert_eq!(world.collect(id).await.class, Class::Unchanged, "only the volatile lines differ");
    assert_eq!(world.versions(id).await.len(), 1);
    simulated.change_config();
    assert_eq!(world.collect(id).await.class, Class::Ok);
    let versions = world.versions(id).await;
    let states: Vec<_> = versions.iter().map(|version| (version.version, version.state)).collect();
    assert_eq!(states, [(2, VersionState::Active), (1, VersionState::Inactive)]);
    let text = read::config_text(&world.engine, versions[0].id, Role::Admin.into()).await.unwrap();
    assert!(simulated.same_config(&text.text));
}

#[tokio::test]
async fn what_is_measured_of_a_device_is_no_change_of_what_its_form_was_filled_with() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    let stamp = async || inventory::detail(&world.engine, id).await.unwrap().stamp;
    let before = stamp().await;
    world.collect(id).await;
    assert_eq!(stamp().await, before, "it is online by now");
    let device = inventory::fetch(&world.engine, id).await.unwrap();
    inventory::set_enabled(&world.engine, id, false).await.unwrap();
    assert_eq!(stamp().await, before, "whether it is enabled is in no field of the form");
    let moved = DeviceInput { site: "linz".into(), ..device.to_input() };
    inventory::save(&world.engine, Some(id), &moved).await.unwrap();
    assert_ne!(stamp().await, before);
    assert_eq!(inventory::stamp_now(&world.engine, id).await.unwrap(), stamp().await);
}

#[tokio::test]
async fn a_truncated_config_is_never_stored() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    let before = world.versions(id).await;
    simulated.change_config();
    for faults in [Faults::drop_after(4_000), Faults::reject_commands()] {
        simulated.set_faults(faults);
        let result = world.collect(id).await;
        assert!(!result.class.is_good(), "{}: {}", result.class, result.message);
        assert_eq!(world.versions(id).await[0].id, before[0].id, "the active version stays");
        assert_eq!(world.versions(id).await.len(), 1);
    }
    let results = inventory::detail(&world.engine, id).await.unwrap().results;
    let transcript = inventory::transcript(&world.engine, results[0].id).await.unwrap();
    assert!(transcript.contains("% Invalid input"), "{transcript}");
    let device = world.device(id).await;
    assert!(device.last_good_at < device.last_result.map(|result| result.finished_at));
}

#[tokio::test]
async fn a_config_that_shrinks_by_more_than_half_waits_for_a_person() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    simulated.set_config(a_quarter(&simulated.config()));
    let result = world.collect(id).await;
    assert_eq!(result.class, Class::Suspect);
    assert!(result.message.contains("version 1 stays active"), "{}", result.message);
    assert_eq!(world.collect(id).await.class, Class::Suspect);
    let versions = world.versions(id).await;
    let states: Vec<_> = versions.iter().map(|version| version.state).collect();
    assert_eq!(states, [VersionState::Suspect, VersionState::Active], "no second one for the same text");

    decide::decide(&world.engine, versions[0].id, true).await.unwrap();
    assert_eq!(world.collect(id).await.class, Class::Unchanged);
    assert_eq!(world.versions(id).await[0].state, VersionState::Active);
}

#[tokio::test]
async fn a_rejected_text_is_not_stored_again_and_never_becomes_active() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    let whole = simulated.config();
    simulated.set_config(a_quarter(&whole));
    world.collect(id).await;
    let suspect = world.versions(id).await[0].id;
    decide::decide(&world.engine, suspect, false).await.unwrap();
    let result = world.collect(id).await;
    assert_eq!(result.class, Class::Suspect);
    assert!(result.message.contains("was rejected"), "{}", result.message);
    assert_eq!(world.versions(id).await.len(), 2);
    simulated.set_config(whole);
    assert!(world.collect(id).await.class.is_good());
}

#[tokio::test]
async fn a_changed_host_key_stops_the_device_until_a_person_accepts_it() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    simulated.new_host_key();
    let result = world.collect(id).await;
    assert_eq!(result.class, Class::HostKeyChanged);
    let key = inventory::detail(&world.engine, id).await.unwrap().host_key.unwrap();
    assert_eq!(key.offered.as_deref(), Some(simulated.host_key_fingerprint().as_str()));
    assert_ne!(key.offered, Some(key.fingerprint));
    let elsewhere = Reach::new(Role::Operator, Scope::parse("site:linz\ntag:core").unwrap()).unwrap();
    let refused = inventory::accept_host_key(&world.engine, &elsewhere, id).await.unwrap_err();
    assert_eq!(refused.into_user_error().kind, ErrorKind::Forbidden, "the site's logins would go there");
    inventory::accept_host_key(&world.engine, &Role::Operator.into(), id).await.unwrap();
    assert!(world.collect(id).await.class.is_good());
    assert!(
        inventory::accept_host_key(&world.engine, &Role::Operator.into(), id).await.is_err(),
        "nothing more to accept"
    );
}

#[tokio::test]
async fn a_device_without_a_fitting_credential_says_what_to_do() {
    let world = World::new().await;
    let spec = DeviceSpec::new(Personality::Ios).login("admin", "another");
    let (_simulated, id) = world.add(spec).await;
    let result = world.collect(id).await;
    assert_eq!(result.class, Class::AuthFailed);
    assert!(world.versions(id).await.is_empty());
    assert!(!result.message.contains("another") && !result.message.contains("admin/admin"));
}

#[tokio::test]
async fn two_who_ask_at_once_share_one_session_at_a_time() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let (first, second) = tokio::join!(world.collect(id), world.collect(id));
    assert!(first.class.is_good() && second.class.is_good());
    assert_eq!(world.versions(id).await.len(), 1);
    assert_eq!(simulated.sessions_total(), 2);
    assert_eq!(simulated.sessions_open(), 0);
}

#[tokio::test]
async fn viewers_read_texts_with_their_secrets_masked() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let secret = "snmp-server community c4n4ry RO\nend\n";
    simulated.set_config(simulated.config().replace("\nend\n", &format!("\n{secret}")));
    world.collect(id).await;
    let version = world.versions(id).await[0].id;
    let whole = read::config_text(&world.engine, version, Role::Operator.into()).await.unwrap();
    assert!(whole.text.contains("c4n4ry") && !whole.reading.masked);
    let masked = read::config_text(&world.engine, version, Role::Viewer.into()).await.unwrap();
    assert!(!masked.text.contains("c4n4ry") && masked.reading.masked, "{}", masked.text);
    let diff = read::version_diff(&world.engine, version, None, Role::Viewer.into(), Opened::default())
        .await
        .unwrap();
    assert!(!format!("{diff:?}").contains("c4n4ry"));
}

/// The first quarter of a config, ended as a whole one is.
fn a_quarter(whole: &str) -> String {
    let quarter: Vec<&str> = whole.lines().take(whole.lines().count() / 4).collect();
    format!("{}\nend\n", quarter.join("\n"))
}

#[tokio::test]
async fn a_run_has_one_result_of_each_device_and_a_good_one_stays() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    let config = world.add_config(|_| {}).await;
    let run = start::start(&world.engine, config, Trigger::Manual).await.unwrap().run;
    let insert = async |class: Class| {
        let new = NewResult {
            device_id: id,
            run_id: Some(run),
            job_id: None,
            class,
            message: class.as_str().into(),
            size_bytes: 0,
            driver: None,
            driver_sha256: None,
            started_at: now(),
            finished_at: now(),
            reused: false,
            transcript: None,
        };
        let mut tx = world.engine.db.write().await.unwrap();
        result_insert_in_txn(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        let all = result_page_of_run(&world.engine.db, &Scope::default(), run, false, Page::first(10))
            .await
            .unwrap();
        all.into_iter().map(|result| result.class).collect::<Vec<_>>()
    };
    assert_eq!(insert(Class::Cancelled).await, [Class::Cancelled]);
    assert_eq!(insert(Class::Timeout).await, [Class::Timeout]);
    assert_eq!(insert(Class::Ok).await, [Class::Ok]);
    assert_eq!(insert(Class::Timeout).await, [Class::Ok], "who was late takes nothing back");
    assert_eq!(world.device(id).await.last_result.unwrap().class, Class::Ok);
}
