//! Restore drills: what is called restorable was restored.

use etiqa_engine::backup::inspect::archive_detail;
use etiqa_engine::backup::restore::drill::drill_run;
use etiqa_engine::schedule::tidy::tidy;
use etiqa_engine::schedule::worker::work_on_one;
use etiqa_engine::store::job::job_fetch_open_by_key;
use etiqa_engine::time::now;
use etiqa_model::archive::Encryption;

use crate::support::{full_backup, key};

#[tokio::test]
async fn a_drill_restores_every_row_and_file_and_leaves_nothing_behind() {
    for encryption in [Encryption::None, Encryption::Passphrase, Encryption::Age] {
        let (world, _device, run) = full_backup(encryption).await;
        let given = (encryption == Encryption::Age).then(|| key(encryption));
        let drill = drill_run(&world.engine, run.id, given).await.unwrap();
        assert_eq!(drill.problem, None, "{encryption:?}");
        let held = archive_detail(&world.engine, run.id, "").await.unwrap();
        assert_eq!(held.drill, Some(drill.clone()));
        if let Ok(contents) = held.contents {
            assert_eq!((drill.rows, drill.files), (contents.rows, contents.total));
        }
        let left = std::fs::read_dir(world.engine.dir.root()).unwrap();
        let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".drill")), "{names:?}");
    }
}

#[tokio::test]
async fn a_drill_of_what_is_sealed_for_others_says_what_it_needs() {
    let (world, _device, run) = full_backup(Encryption::Age).await;
    let refused = drill_run(&world.engine, run.id, None).await.unwrap_err().into_user_error();
    assert!(refused.message.contains("needs an identity"), "{}", refused.message);
}

#[tokio::test]
async fn the_program_has_the_newest_archive_tried_out_and_old_ones_read_back() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    tidy(&world.engine, now()).await.unwrap();
    let drill = job_fetch_open_by_key(&world.engine.db, &format!("drill:{}", run.id)).await.unwrap().unwrap();
    work_on_one(&world.engine, drill).await.unwrap();
    let detail = archive_detail(&world.engine, run.id, "").await.unwrap();
    assert_eq!(detail.drill.unwrap().problem, None);

    let verify = format!("verify:{}", run.id);
    let verified_at = detail.run.verified_at.unwrap();
    assert_eq!(job_fetch_open_by_key(&world.engine.db, &verify).await.unwrap(), None, "it was just made");
    world.set(|settings| settings.verify_days = 14).await;
    let later = now().plus(std::time::Duration::from_hours(15 * 24));
    tidy(&world.engine, later).await.unwrap();
    let job = job_fetch_open_by_key(&world.engine.db, &verify).await.unwrap();
    assert!(job.is_some());
    // The job is due at that time; here its work is what counts.
    etiqa_engine::backup::verify::verify_run(&world.engine, run.id).await.unwrap();
    let checked = archive_detail(&world.engine, run.id, "").await.unwrap().run.verified_at.unwrap();
    assert!(checked > verified_at);
}
