//! An archive that is lost or damaged here comes back from where it was sent to.

use std::time::Duration;

use etiqa_engine::backup::destinations::bring_back;
use etiqa_engine::backup::verify::verify_run;
use etiqa_model::ErrorKind;
use etiqa_model::destination::DestinationKind;

use crate::servers::HttpServer;
use crate::support::{KINDS, Place, bucket, files, notes, run_and_send, world_with};

#[tokio::test]
async fn a_lost_archive_comes_back_from_every_kind_of_place() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, id, config) = world_with(&place.input).await;
        let run = run_and_send(&world, config).await;
        let file = run.file.clone().unwrap();
        let path = world.engine.dir.backups().join(&file);
        let before = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(verify_run(&world.engine, run.id).await.unwrap().damage.is_some());
        bring_back(&world.engine, run.id, id).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), before, "{kind:?}");
        assert_eq!(verify_run(&world.engine, run.id).await.unwrap().damage, None, "{kind:?}");
        assert_eq!(world.archives(), std::slice::from_ref(&file), "{kind:?}: nothing else is left");
        assert!(notes(&world, run.id).await.contains(&"Brought back from NAS.".to_owned()), "{kind:?}");
    }
}

#[tokio::test]
async fn a_damaged_archive_is_kept_beside_the_one_that_comes_back() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, id, config) = world_with(&place.input).await;
    let run = run_and_send(&world, config).await;
    let file = run.file.clone().unwrap();
    let path = world.engine.dir.backups().join(&file);
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[50] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    bring_back(&world.engine, run.id, id).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    let aside = format!("{file}.damaged-1");
    assert_eq!(std::fs::read(world.engine.dir.backups().join(&aside)).unwrap(), damaged);
    let orphans = etiqa_engine::backup::orphans::find_orphans(&world.engine).await.unwrap();
    assert_eq!((orphans.files, orphans.missing), (vec![], vec![]), "nobody takes it for an archive");
}

#[tokio::test]
async fn a_whole_archive_is_left_alone_and_a_spoilt_copy_is_not_brought_back() {
    let server = HttpServer::s3().await;
    let (world, id, config) = world_with(&bucket(&server)).await;
    let run = run_and_send(&world, config).await;
    let refused = bring_back(&world.engine, run.id, id).await.unwrap_err().into_user_error();
    assert_eq!(
        (refused.kind, refused.message.contains("nothing to bring back")),
        (ErrorKind::Conflict, true)
    );

    let file = run.file.clone().unwrap();
    let local = world.engine.dir.backups().join(&file);
    std::fs::write(&local, "damaged").unwrap();
    let there = server.folder().join("vienna").join(&file);
    let mut spoilt = std::fs::read(&there).unwrap();
    spoilt[10] ^= 1;
    std::fs::write(&there, spoilt).unwrap();
    let refused = bring_back(&world.engine, run.id, id).await.unwrap_err().into_user_error();
    assert!(refused.message.contains("is not what was sent"), "{}", refused.message);
    assert_eq!(std::fs::read_to_string(&local).unwrap(), "damaged", "what is here stays as it is");
    assert_eq!(files(&world.engine.dir.backups()), [file]);

    server.fault(|faults| faults.always = Some(503));
    let refused = bring_back(&world.engine, run.id, id).await.unwrap_err().into_user_error();
    assert_eq!(refused.kind, ErrorKind::Unavailable, "{}", refused.message);
}

#[tokio::test]
async fn each_archive_grows_in_a_file_of_its_own_and_what_the_dead_left_goes() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, id, config) = world_with(&place.input).await;
    let run = run_and_send(&world, config).await;
    let file = run.file.clone().unwrap();
    let backups = world.engine.dir.backups();
    std::fs::remove_file(backups.join(&file)).unwrap();
    let others = format!(".run-{}.part", run.id);
    std::fs::write(backups.join(&others), "somebody else's").unwrap();
    let (dead, living) = (format!(".run-{}.bring-dead.part", run.id), ".run-7.bring-living.part");
    std::fs::write(backups.join(&dead), "the first half").unwrap();
    // Who brings one back holds its lock for as long as they live.
    let held = std::fs::File::create(backups.join(living)).unwrap();
    held.lock().unwrap();
    bring_back(&world.engine, run.id, id).await.unwrap();
    assert_eq!(std::fs::read_to_string(backups.join(&others)).unwrap(), "somebody else's");
    let mut expected = vec![others, living.to_owned(), file];
    expected.sort();
    assert_eq!(world.archives(), expected);
}

#[tokio::test]
async fn two_who_bring_the_same_back_at_once_find_it_whole() {
    for kind in [DestinationKind::Folder, DestinationKind::S3] {
        let place = Place::of(kind).await;
        let (world, id, config) = world_with(&place.input).await;
        let run = run_and_send(&world, config).await;
        let file = run.file.clone().unwrap();
        let path = world.engine.dir.backups().join(&file);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, "damaged").unwrap();
        let (first, second) =
            tokio::join!(bring_back(&world.engine, run.id, id), bring_back(&world.engine, run.id, id));
        assert!(first.is_ok() || second.is_ok(), "{kind:?}: {first:?} {second:?}");
        for late in [first, second].into_iter().filter_map(Result::err) {
            let message = late.into_user_error().message;
            assert!(message.contains("nothing to bring back"), "{kind:?}: {message}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), whole, "{kind:?}");
        assert_eq!(world.archives(), [file.clone(), format!("{file}.damaged-1")], "{kind:?}");
        let notes = notes(&world, run.id).await;
        assert_eq!(notes.iter().filter(|note| note.starts_with("Brought back")).count(), 1, "{notes:?}");
    }
}

#[tokio::test]
async fn who_gives_up_waiting_for_an_archive_leaves_nothing_of_it() {
    let server = HttpServer::s3().await;
    let (world, id, config) = world_with(&bucket(&server)).await;
    let run = run_and_send(&world, config).await;
    std::fs::remove_file(world.engine.dir.backups().join(run.file.unwrap())).unwrap();
    server.fault(|faults| faults.hangs = true);
    let bringing = bring_back(&world.engine, run.id, id);
    assert!(tokio::time::timeout(Duration::from_secs(1), bringing).await.is_err());
    assert_eq!(world.archives(), [] as [&str; 0]);
}
