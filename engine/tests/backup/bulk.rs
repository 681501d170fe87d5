use std::time::Duration;

use etiqa_engine::import::apply::{ImportOptions, import};
use etiqa_engine::inventory;
use etiqa_engine::schedule::{Work, enqueue, jobs};
use etiqa_engine::store::audit::audit_page;
use etiqa_engine::store::job::{Taker, job_claim, job_finish};
use etiqa_engine::store::run::Span;
use etiqa_engine::time::now;
use etiqa_model::audit::{AuditChange, AuditFilter, AuditRow};
use etiqa_model::device::{Device, DeviceChange, DeviceFilter, DeviceOrder, MOST_CHANGED};
use etiqa_model::user::Role;
use etiqa_model::{DeviceId, ErrorKind};

use crate::common::world::World;

/// A world with three devices, and their ids.
async fn three() -> (World, Vec<DeviceId>) {
    let world = World::new().await;
    let text = b"ip,hostname,tags\n10.0.0.1,a,core\n10.0.0.2,b,\n10.0.0.3,c,\n";
    import(&world.engine, text, ImportOptions::default()).await.unwrap();
    let ids = all(&world).await.into_iter().map(|device| device.id).collect();
    (world, ids)
}

async fn all(world: &World) -> Vec<Device> {
    inventory::all(&world.engine).await.unwrap()
}

async fn change(world: &World, ids: &[DeviceId], what: DeviceChange) -> u64 {
    inventory::change(&world.engine, &Role::Operator.into(), ids, &what).await.unwrap()
}

#[tokio::test]
async fn only_the_chosen_devices_are_changed_and_only_those_that_were_not_so_already_count() {
    let (world, ids) = three().await;
    let chosen = &ids[..2];
    assert_eq!(change(&world, chosen, DeviceChange::AddTag("core".into())).await, 1);
    let tags: Vec<String> = all(&world).await.iter().map(|device| device.tags.join(",")).collect();
    assert_eq!(tags, ["core", "core", ""]);
    assert_eq!(change(&world, chosen, DeviceChange::RemoveTag("core".into())).await, 2);
    assert!(all(&world).await.iter().all(|device| device.tags.is_empty()));

    assert_eq!(change(&world, chosen, DeviceChange::SetEnabled(false)).await, 2);
    assert_eq!(change(&world, &ids, DeviceChange::SetEnabled(false)).await, 1);
    assert_eq!(change(&world, &ids[2..], DeviceChange::SetEnabled(true)).await, 1);
    let enabled: Vec<bool> = all(&world).await.iter().map(|device| device.enabled).collect();
    assert_eq!(enabled, [false, false, true]);

    assert_eq!(change(&world, chosen, DeviceChange::SetCredential(Some("sim".into()))).await, 2);
    assert_eq!(change(&world, &ids, DeviceChange::SetCredential(Some("sim".into()))).await, 1);
    assert!(all(&world).await.iter().all(|device| device.credential.as_deref() == Some("sim")));
    assert_eq!(change(&world, &ids, DeviceChange::SetCredential(None)).await, 3);

    // Disabled ones are left out, and one that is named twice counts once.
    assert_eq!(change(&world, &[ids[0], ids[2], ids[2]], DeviceChange::Collect).await, 1);
    assert!(inventory::detail(&world.engine, ids[2]).await.unwrap().collecting);

    assert_eq!(change(&world, chosen, DeviceChange::Delete).await, 2);
    assert_eq!(change(&world, &ids, DeviceChange::Delete).await, 1);
    assert!(all(&world).await.is_empty());
}

/// What the audit log tells of these acts, oldest first: on what, and each field before and after.
pub(crate) async fn told(world: &World, what: &str) -> Vec<String> {
    let filter = AuditFilter { what: what.into(), ..AuditFilter::default() };
    let mut rows = audit_page(&world.engine.db, &filter, Span::default(), None).await.unwrap().rows;
    rows.reverse();
    let text = |row: AuditRow| {
        let changes = row.changes.iter().map(|AuditChange { field, before, after, .. }| {
            let [before, after] = [before, after].map(|value| value.as_deref().unwrap_or("–"));
            format!("; {field}: {before} → {after}")
        });
        row.object + &changes.collect::<String>()
    };
    rows.into_iter().map(text).collect()
}

#[tokio::test]
async fn the_audit_log_tells_of_each_device_of_many_what_it_was_before() {
    let (world, ids) = three().await;
    assert_eq!(told(&world, "device.add").await.len(), 3);
    change(&world, &ids, DeviceChange::AddTag("core".into())).await;
    change(&world, &ids[..1], DeviceChange::SetEnabled(false)).await;
    change(&world, &ids[..2], DeviceChange::SetCredential(Some("sim".into()))).await;
    change(&world, &ids[..1], DeviceChange::RemoveTag("core".into())).await;
    let changes = told(&world, "device.change").await;
    assert_eq!(
        changes,
        [
            "b; tags: – → core",
            "c; tags: – → core",
            "a; enabled: true → false",
            "a; credential: – → sim",
            "b; credential: – → sim",
            "a; tags: core → –",
        ],
        "of those that were so already nothing"
    );
    let update = ImportOptions { update: true, dry_run: false };
    import(&world.engine, b"ip,hostname,description\n10.0.0.2,b,new words\n", update).await.unwrap();
    let of_import = told(&world, "device.change").await.pop().unwrap();
    assert_eq!(of_import, "b; description: – → new words");
    change(&world, &ids, DeviceChange::Delete).await;
    let removed = told(&world, "device.remove").await;
    assert_eq!(removed.len(), 3);
    assert!(removed[0].starts_with("a; ") && removed[0].contains("credential: sim → –"), "{removed:?}");
    assert!(etiqa_engine::audit::check(&world.engine).await.unwrap().is_whole());
}

#[tokio::test]
async fn a_device_that_is_to_be_collected_is_queued_once_however_often_somebody_asks() {
    let (world, ids) = three().await;
    let queued = async || jobs::list(&world.engine).await.unwrap();
    for _ in 0..3 {
        inventory::collect_one(&world.engine, ids[0]).await.unwrap();
    }
    let first = queued().await;
    assert_eq!(first.len(), 1);
    let device = inventory::fetch(&world.engine, ids[0]).await.unwrap();
    let same = inventory::collect_now(&world.engine, &[device]).await.unwrap();
    assert_eq!(same, [first[0].id], "whoever follows it follows that one");

    change(&world, &ids, DeviceChange::Collect).await;
    inventory::collect_one(&world.engine, ids[1]).await.unwrap();
    assert_eq!(queued().await.len(), 2, "it is queued with others");

    let engine = &world.engine;
    let by = Taker { owner: "a worker", folders: [engine.dir.id(); 2], site: None, takes: &["collect"] };
    let claimed =
        job_claim(&engine.db, by, now(), now().plus(Duration::from_mins(1))).await.unwrap().unwrap();
    assert_eq!(claimed.id, first[0].id);
    job_finish(&engine.db, claimed.id, "a worker", None, now()).await.unwrap();
    let again = Work::Collect { devices: vec![ids[0]] };
    assert_ne!(enqueue(engine, &again).await.unwrap(), first[0].id, "what was done is done again");
}

#[tokio::test]
async fn a_change_that_cannot_be_made_says_why_and_changes_nothing() {
    let (world, ids) = three().await;
    let refused = async |ids: &[DeviceId], what: DeviceChange| {
        let error = inventory::change(&world.engine, &Role::Operator.into(), ids, &what).await;
        let error = error.unwrap_err().into_user_error();
        (error.kind, error.message)
    };
    let (_, words) = refused(&[], DeviceChange::Delete).await;
    assert_eq!(words, "Choose at least one device.");
    let many: Vec<DeviceId> = (0..=MOST_CHANGED as i64).map(DeviceId).collect();
    let (_, words) = refused(&many, DeviceChange::Delete).await;
    assert_eq!(words, "10001 devices are too many at once; choose 10000 at most.");
    let (_, words) = refused(&ids, DeviceChange::SetCredential(Some("nobody".into()))).await;
    assert_eq!(words, "There is no credential named \"nobody\"; add it first.");
    change(&world, &ids, DeviceChange::SetEnabled(false)).await;
    let (kind, _) = refused(&ids, DeviceChange::Collect).await;
    assert_eq!(kind, ErrorKind::Conflict);
    assert_eq!(all(&world).await.len(), 3);
}

#[tokio::test]
async fn what_is_exported_can_be_imported_elsewhere() {
    let (world, _) = three().await;
    let order = DeviceOrder::default();
    let table =
        inventory::csv(&world.engine, &Role::Viewer.into(), &DeviceFilter::default(), order).await.unwrap();
    let elsewhere = World::new().await;
    let report = import(&elsewhere.engine, table.as_bytes(), ImportOptions::default()).await.unwrap();
    assert_eq!((report.created, report.failed), (3, 0), "{:?}", report.errors);
    assert_eq!(report.unknown_columns, ["last_class", "last_good_at"]);
    assert_eq!(inventory::find(&elsewhere.engine, "a").await.unwrap().tags, ["core"]);
}
