use std::fmt::Write;
use std::time::Duration;

use etiqa_engine::import::Uploading;
use etiqa_engine::import::apply::{ImportOptions, import, preview};
use etiqa_engine::inventory;
use etiqa_model::ErrorKind;
use etiqa_model::import::ImportReport;
use etiqa_model::user::Role;

use crate::common::world::World;

async fn bring(world: &World, text: &str, update: bool) -> ImportReport {
    let options = ImportOptions { update, dry_run: false };
    import(&world.engine, text.as_bytes(), options).await.unwrap()
}

fn counts(report: &ImportReport) -> (u64, u64, u64, u64) {
    (report.created, report.updated, report.skipped, report.failed)
}

#[tokio::test]
async fn a_known_device_is_skipped_without_update_and_changed_with_it() {
    let world = World::new().await;
    let first = "ip,hostname,description,tags\n10.0.0.1,one,first,core\n10.0.0.2,two,,\n";
    assert_eq!(counts(&bring(&world, first, false).await), (2, 0, 0, 0));
    let second = "ip,hostname\n10.0.0.1,renamed\n10.0.0.2,two\n10.0.0.3,three\n";
    assert_eq!(counts(&bring(&world, second, false).await), (1, 0, 2, 0));
    assert_eq!(counts(&bring(&world, second, true).await), (0, 1, 2, 0));
    let device = inventory::find(&world.engine, "renamed").await.unwrap();
    assert_eq!(
        (device.description.as_str(), device.tags.join(",")),
        ("first", "core".to_owned()),
        "not in the file: kept"
    );
}

#[tokio::test]
async fn a_bad_row_is_named_and_never_stops_the_good_ones() {
    let world = World::new().await;
    let text = "ip,type,credential,platform\n10.0.0.1,router,sim,ios\n300.0.0.1,router,,\n10.0.0.2,toaster,,\n\
                10.0.0.3,router,nobody,\n10.0.0.4,router,,cobol\n10.0.0.5,switch,,\n";
    let report = bring(&world, text, false).await;
    assert_eq!(counts(&report), (2, 0, 0, 4));
    let errors: Vec<_> = report.errors.iter().map(|error| (error.line, error.reason.as_str())).collect();
    assert_eq!(errors.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert!(errors[0].1.contains("300.0.0.1") && errors[1].1.contains("toaster"), "{errors:?}");
    assert!(errors[2].1.contains("nobody") && errors[3].1.contains("cobol"), "{errors:?}");
}

#[tokio::test]
async fn an_address_is_narrowed_by_site_and_port_where_the_row_has_them() {
    let world = World::new().await;
    bring(&world, "ip,port,hostname\n10.0.0.1,22,a\n10.0.0.1,2222,b\n", false).await;
    let report = bring(&world, "ip,hostname\n10.0.0.1,which\n", true).await;
    assert_eq!(counts(&report), (0, 0, 0, 1));
    assert!(report.errors[0].reason.contains("say which by site and port"), "{:?}", report.errors);
    assert_eq!(counts(&bring(&world, "ip,port,hostname\n10.0.0.1,2222,c\n", true).await), (0, 1, 0, 0));
    assert!(inventory::find(&world.engine, "c").await.is_ok());
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let world = World::new().await;
    let options = ImportOptions { update: true, dry_run: true };
    let report = import(&world.engine, b"ip\n10.0.0.1\n", options).await.unwrap();
    assert_eq!((counts(&report), report.dry_run), ((1, 0, 0, 0), true));
    assert!(inventory::all(&world.engine).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_hundred_thousand_devices_come_in() {
    let world = World::new().await;
    let mut text = "ip,hostname,type,tags\n".to_owned();
    for n in 0..100_000 {
        writeln!(text, "10.{}.{}.{},sw-{n},switch,lab", n / 65_536, n / 256 % 256, n % 256).unwrap();
    }
    let report = bring(&world, &text, false).await;
    assert_eq!(counts(&report), (100_000, 0, 0, 0));
    let last = inventory::find(&world.engine, "sw-99999").await.unwrap();
    assert_eq!((last.address.as_str(), last.tags.join(",")), ("10.1.134.159", "lab".to_owned()));
}

#[tokio::test]
async fn looking_at_an_import_waits_for_nobody_who_writes() {
    let world = World::new().await;
    let text = b"ip\n10.0.0.1\n";
    let mut uploading = Uploading::begin(&world.engine).unwrap();
    uploading.write(text).await.unwrap();
    let file = uploading.finish(&world.engine, "devices.csv", "user 7").await.unwrap();
    let writing = world.engine.db.write().await.unwrap();
    let look = async {
        let dry_run = ImportOptions { update: false, dry_run: true };
        assert_eq!(import(&world.engine, text, dry_run).await.unwrap().created, 1);
        assert_eq!(
            preview(&world.engine, ("user 7", &Role::Operator.into()), file, false)
                .await
                .unwrap()
                .report
                .created,
            1
        );
    };
    tokio::time::timeout(Duration::from_secs(5), look).await.unwrap();
    writing.rollback().await.unwrap();
}

#[tokio::test]
async fn a_device_that_was_deleted_meanwhile_is_not_said_to_be_saved() {
    let world = World::new().await;
    bring(&world, "ip\n10.0.0.1\n", false).await;
    let device = inventory::find(&world.engine, "10.0.0.1").await.unwrap();
    inventory::delete(&world.engine, device.id).await.unwrap();
    let error = inventory::save(&world.engine, Some(device.id), &device.to_input()).await.unwrap_err();
    assert_eq!(error.into_user_error().kind, ErrorKind::NotFound);
}
