//! What somebody with a scope does to devices.

use etiqa_engine::fleet::credential_save;
use etiqa_engine::import::Uploading;
use etiqa_engine::import::apply::{apply, preview};
use etiqa_engine::{backup, inventory, overview};
use etiqa_model::credential::CredentialInput;
use etiqa_model::device::{DeviceChange, DeviceInput};
use etiqa_model::history::{Outcome, RunFilter};
use etiqa_model::run::Trigger;
use etiqa_model::scope::Scope;
use etiqa_model::selector::Selector;
use etiqa_model::user::{Reach, Role};
use etiqa_model::{DeviceId, ErrorKind, Secret, UserError};

use crate::common::world::World;

fn reach(scope: &str) -> Reach {
    Reach::new(Role::Operator, Scope::parse(scope).unwrap()).unwrap()
}

async fn add(world: &World, address: &str, site: &str, tags: &str) -> DeviceId {
    let input = DeviceInput {
        address: address.into(),
        site: site.into(),
        tags: tags.into(),
        ..DeviceInput::default()
    };
    inventory::save(&world.engine, None, &input).await.unwrap()
}

async fn hostnames(world: &World) -> Vec<String> {
    let all = inventory::all(&world.engine).await.unwrap();
    all.into_iter().map(|device| device.hostname).collect()
}

#[tokio::test]
async fn an_import_refuses_the_rows_of_devices_that_are_not_in_the_scope() {
    let world = World::new().await;
    add(&world, "10.0.0.1", "vienna", "").await;
    add(&world, "10.0.0.2", "linz", "").await;
    let login = CredentialInput {
        name: "vienna".into(),
        username: "backup".into(),
        password: Secret::new("a secret"),
        site: "vienna".into(),
        ..CredentialInput::default()
    };
    credential_save(&world.engine, None, login).await.unwrap();
    let file = b"ip,hostname,site,credential\n10.0.0.1,renamed,vienna,vienna\n10.0.0.2,taken,linz,vienna\n\
                 10.0.0.3,new,vienna,vienna\n10.0.0.4,other,linz,vienna\n10.0.0.5,wide,vienna,sim\n10.0.0.6,bare,vienna,\n";
    let mut uploading = Uploading::begin(&world.engine).unwrap();
    for piece in file.chunks(7) {
        uploading.write(piece).await.unwrap();
    }
    let id = uploading.finish(&world.engine, "devices.csv", "user 7").await.unwrap();
    let vienna = reach("site:vienna");

    let shown = preview(&world.engine, ("user 7", &vienna), id, true).await.unwrap();
    assert_eq!((shown.report.created, shown.report.updated, shown.report.failed), (1, 1, 4));
    assert_eq!(shown.rows.len(), 2, "what is refused is not shown as if it were to be");
    let others = preview(&world.engine, ("token 7", &vienna), id, true).await.unwrap_err().into_user_error();
    assert_eq!(others.kind, ErrorKind::NotFound, "what others brought names devices of others");

    let report = apply(&world.engine, ("user 7", &vienna), id, true).await.unwrap();
    let reasons: Vec<_> = report.errors.iter().map(|error| error.reason.as_str()).collect();
    let reason = "Your scope is site vienna: the device would not be in it.";
    assert_eq!(reasons[..2], [reason; 2], "of one that is there and one that is not, the same");
    assert_eq!(reasons[2], "There is no credential named \"sim\"; add it first.", "it is one of all sites");
    assert!(reasons[3].starts_with("Name a credential of its site"), "{reasons:?}");
    assert_eq!(hostnames(&world).await, ["10.0.0.2", "new", "renamed"]);
}

#[tokio::test]
async fn an_import_tells_nothing_of_an_address_that_a_device_out_of_the_scope_has() {
    let world = World::new().await;
    add(&world, "10.0.0.2", "linz", "").await;
    add(&world, "10.0.0.4", "default", "core").await;
    let mut uploading = Uploading::begin(&world.engine).unwrap();
    uploading.write(b"ip,hostname\n10.0.0.2,taken\n10.0.0.3,free\n10.0.0.4,tagged\n").await.unwrap();
    let id = uploading.finish(&world.engine, "devices.csv", "user 7").await.unwrap();
    for (scope, counts) in [("site:vienna", (0, 0, 3)), ("tag:core", (0, 1, 2)), ("site:default", (0, 1, 2))]
    {
        let report = preview(&world.engine, ("user 7", &reach(scope)), id, true).await.unwrap().report;
        assert_eq!((report.created, report.updated, report.failed), counts, "{scope}");
        let reasons: Vec<_> = report.errors.iter().map(|error| &error.reason).collect();
        assert!(reasons.windows(2).all(|two| two[0] == two[1]), "{reasons:?}");
    }
}

#[tokio::test]
async fn many_devices_are_changed_only_where_all_of_them_are_in_the_scope_and_stay_there() {
    let world = World::new().await;
    let ours = add(&world, "10.0.0.1", "vienna", "core").await;
    let tagged = add(&world, "10.0.0.2", "linz", "core").await;
    let other = add(&world, "10.0.0.3", "linz", "").await;
    let refused = async |scope: &str, ids: &[DeviceId], what: DeviceChange| -> UserError {
        let changed = inventory::change(&world.engine, &reach(scope), ids, &what).await;
        changed.unwrap_err().into_user_error()
    };
    for what in [DeviceChange::Delete, DeviceChange::Collect, DeviceChange::SetEnabled(false)] {
        assert_eq!(refused("tag:core", &[ours, tagged, other], what.clone()).await.kind, ErrorKind::NotFound);
        assert_eq!(refused("site:vienna", &[ours, tagged], what).await.kind, ErrorKind::NotFound);
    }
    let leaving = refused("tag:core", &[ours, tagged], DeviceChange::RemoveTag("core".into())).await;
    assert!(leaving.field("tag").is_some(), "{leaving:?}");
    let login = refused("tag:core", &[tagged], DeviceChange::SetCredential(Some("sim".into()))).await;
    assert!(login.field("credential").is_some(), "{login:?}");
    assert_eq!(hostnames(&world).await.len(), 3);

    let core = reach("tag:core");
    let tag = DeviceChange::AddTag("rack-7".into());
    assert_eq!(inventory::change(&world.engine, &core, &[ours, tagged], &tag).await.unwrap(), 2);
    let vienna = reach("site:vienna");
    let what = DeviceChange::RemoveTag("core".into());
    assert_eq!(inventory::change(&world.engine, &vienna, &[ours], &what).await.unwrap(), 1);
}

#[tokio::test]
async fn a_run_shows_and_counts_the_devices_of_the_scope_alone() {
    let world = World::new().await;
    let (_first, ours) = world.add_ios().await;
    let (_second, other) = world.add_ios().await;
    for (id, site) in [(ours, "vienna"), (other, "linz")] {
        let input = DeviceInput { site: site.into(), ..world.device(id).await.to_input() };
        inventory::save(&world.engine, Some(id), &input).await.unwrap();
    }
    let config = world.add_config(|input| input.kind = "config".into()).await;
    let run = world.run(config).await;
    assert_eq!((run.devices_ok, run.file.is_some()), (2, true));

    let vienna = reach("site:vienna");
    let page = etiqa_model::page::Page::first(10);
    let seen = backup::run_detail(&world.engine, &vienna, run.id, false, page).await.unwrap();
    assert_eq!((seen.run.devices_ok, seen.results_total, seen.results.rows.len()), (1, 1, 1));
    assert_eq!(
        (seen.run.progress.done, seen.run.progress.total),
        (1, 1),
        "nor does it say how many others there are"
    );
    assert_eq!(seen.results.rows[0].device_id, ours);
    assert_eq!((seen.run.file, seen.run.sha256), (None, None), "an archive holds all devices");
    let first = overview::overview(&world.engine, &vienna).await.unwrap();
    assert_eq!((first.devices.total, first.recent_runs[0].devices_ok, first.archives), (1, 1, 0));
    assert!(first.days.is_empty(), "others' devices may have failed in those runs");
    let whole = overview::overview(&world.engine, &Role::Viewer.into()).await.unwrap();
    assert_eq!(whole.days.last().map(|today| today.good), Some(1));
    assert_eq!(first.configs[0].last_run.as_ref().map(|run| run.devices_ok), Some(1));
    let mut tx = world.engine.db.write().await.unwrap();
    sqlx::query("UPDATE backup_run SET devices_ok = 1, devices_failed = 1").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    for (reach, good, partial) in [(&vienna, 1, 0), (&Role::Viewer.into(), 0, 1)] {
        for (outcome, number) in [(Outcome::Good, good), (Outcome::Partial, partial)] {
            let filter = RunFilter { outcome: Some(outcome), ..RunFilter::default() };
            let found = backup::run_history(&world.engine, reach, &filter, None, "UTC").await.unwrap();
            assert_eq!(found.rows.len(), number, "{outcome:?}, of the devices that they see");
        }
    }
    let nowhere = overview::overview(&world.engine, &reach("site:nowhere")).await.unwrap();
    assert!(nowhere.configs.is_empty() && nowhere.recent_runs.is_empty() && nowhere.devices.total == 0);
}

#[tokio::test]
async fn a_backup_names_of_its_chosen_devices_those_of_the_scope_and_not_where_its_archives_go() {
    let world = World::new().await;
    let ours = add(&world, "10.0.0.1", "vienna", "").await;
    let other = add(&world, "10.0.0.2", "linz", "").await;
    let config = world.add_config(|input| input.devices = format!("ids:{other},{ours}")).await;
    let mut tx = world.engine.db.write().await.unwrap();
    for sql in [
        r#"INSERT INTO destination (name, kind, settings, keep, enabled, created_at, updated_at)
           VALUES ('copies', 'folder', '{"kind":"folder","path":"/nowhere"}', 'retention', 1, 1, 1)"#,
        "INSERT INTO backup_config_destination (backup_config_id, destination_id)
         SELECT c.id, d.id FROM backup_config c, destination d",
        r#"UPDATE backup_config SET recipients = '["age1someone"]'"#,
    ] {
        sqlx::query(sql).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let vienna = reach("site:vienna");
    for (reach, ids, others) in [(&vienna, vec![ours], 0), (&Role::Operator.into(), vec![other, ours], 1)] {
        let listed = backup::config::list(&world.engine, reach).await.unwrap().remove(0);
        let shown = backup::config::detail(&world.engine, reach, config).await.unwrap().row;
        for row in [listed, shown] {
            assert_eq!(row.config.devices, Selector::Chosen(ids.clone()));
            assert_eq!((row.destinations.len(), row.config.recipients.len()), (others, others));
        }
    }
}

#[tokio::test]
async fn a_backup_is_acted_on_by_who_has_all_of_its_devices_in_their_scope() {
    use etiqa_engine::access::About;

    let world = World::new().await;
    add(&world, "10.0.0.1", "vienna", "").await;
    add(&world, "10.0.0.2", "linz", "").await;
    let whole = world.add_config(|_| {}).await;
    let ours = world
        .add_config(|input| {
            input.name = "Vienna".into();
            input.devices = "site:vienna".into();
        })
        .await;
    let asked = async |about: About<'_>, scope: &str| {
        about.admit(&world.engine, &reach(scope)).await.map_err(|error| error.into_user_error().kind)
    };
    assert_eq!(asked(About::WholeBackup(ours), "site:vienna").await, Ok(()));
    assert_eq!(asked(About::Backup(whole), "site:vienna").await, Ok(()), "it covers one of theirs");
    assert_eq!(asked(About::WholeBackup(whole), "site:vienna").await, Err(ErrorKind::Forbidden));
    assert_eq!(asked(About::WholeBackup(whole), "site:vienna\nsite:linz").await, Ok(()));
    assert_eq!(asked(About::Backup(ours), "site:linz").await, Err(ErrorKind::NotFound));
    assert_eq!(asked(About::Everything, "site:vienna\nsite:linz").await, Err(ErrorKind::Forbidden));
    let queued = backup::start::start(&world.engine, ours, Trigger::Manual).await.unwrap();
    assert_eq!(asked(About::WholeRun(queued.run), "site:vienna").await, Ok(()));
    assert_eq!(asked(About::Run(queued.run), "site:linz").await, Err(ErrorKind::NotFound));
}
