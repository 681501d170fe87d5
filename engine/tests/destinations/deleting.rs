//! What retention gives up here goes from destinations as well, and nothing else does.

use etiqa_engine::backup::destinations::{save, send_now};
use etiqa_engine::backup::{config, prune};
use etiqa_model::Secret;
use etiqa_model::destination::{CopyState, DestinationInput, DestinationKind};

use crate::servers::HttpServer;
use crate::support::{
    KINDS, Place, bucket, copies, copy, dav, execute, is_sent, keep_one, nas, notes, pause_minutes,
    run_and_send, world_with,
};

#[tokio::test]
async fn what_retention_removes_goes_from_every_kind_of_place() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, _, config) = world_with(&place.input).await;
        keep_one(&world).await;
        let first = run_and_send(&world, config).await;
        assert!(is_sent(&world, first.id).await, "{kind:?}");
        let second = run_and_send(&world, config).await;
        assert_eq!(copy(&world, first.id).await.state, CopyState::Gone, "{kind:?}");
        assert_eq!(place.files(), [second.file.unwrap()], "{kind:?}");
        let notes = notes(&world, first.id).await;
        assert_eq!(notes.len(), 2, "{kind:?}: {notes:?}");
        assert!(notes[0].starts_with("Removed by retention") && notes[1] == "Deleted at NAS.", "{notes:?}");
    }
}

#[tokio::test]
async fn a_destination_that_keeps_for_ever_keeps() {
    let place = Place::of(DestinationKind::Folder).await;
    let input = DestinationInput { keep: "forever".into(), ..place.input.clone() };
    let (world, _, config) = world_with(&input).await;
    keep_one(&world).await;
    let first = run_and_send(&world, config).await;
    run_and_send(&world, config).await;
    assert!(is_sent(&world, first.id).await, "its archive is gone here, and its copy is there");
    assert_eq!(place.files().len(), 2);
}

#[tokio::test]
async fn what_was_never_sent_is_forgotten_and_what_came_there_unnoticed_is_deleted() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, _, config) = world_with(&place.input).await;
    keep_one(&world).await;
    let never_sent = world.run(config).await;
    world.run(config).await;
    assert_eq!(copies(&world, never_sent.id).await, []);

    send_now(&world.engine).await.unwrap();
    // As after a kill between the upload and its note: it is there, and nobody knows.
    execute(&world, "UPDATE archive_copy SET state = 'waiting', remote_name = NULL, sent_at = NULL").await;
    let newest = run_and_send(&world, config).await;
    assert_eq!(place.files(), [newest.file.unwrap()]);
}

#[tokio::test]
async fn what_somebody_put_in_place_of_a_copy_is_not_deleted() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, _, config) = world_with(&place.input).await;
        keep_one(&world).await;
        let first = run_and_send(&world, config).await;
        let file = first.file.unwrap();
        place.put(&file, "somebody's own");
        let second = run_and_send(&world, config).await;
        assert_eq!(place.files(), [file, second.file.unwrap()], "{kind:?}");
        let notes = notes(&world, first.id).await;
        assert!(notes[1].starts_with("Not deleted at NAS: "), "{kind:?}: {notes:?}");
        let left = copy(&world, first.id).await;
        assert_eq!(left.state, CopyState::Gone, "{kind:?}: nothing more is to be done");
        let why = left.problem.expect("it is not shown as one that was deleted");
        assert!(why.contains("is another file there by now"), "{kind:?}: {why}");
    }
}

#[tokio::test]
async fn what_was_to_be_deleted_is_there_and_stays_where_copies_are_kept_from_now_on() {
    for is_known_there in [true, false] {
        let server = HttpServer::s3().await;
        let (world, id, config) = world_with(&bucket(&server)).await;
        keep_one(&world).await;
        let first = run_and_send(&world, config).await;
        server.fault(|faults| faults.refused_methods = vec!["DELETE"]);
        run_and_send(&world, config).await;
        assert_eq!(copy(&world, first.id).await.state, CopyState::Leaving);
        if !is_known_there {
            // As after a kill between the upload and its note, before the archive was given up.
            execute(
                &world,
                "UPDATE archive_copy SET remote_name = NULL, sent_at = NULL WHERE state = 'leaving'",
            )
            .await;
        }
        server.fault(|faults| faults.refused_methods.clear());
        let keeps = DestinationInput { keep: "forever".into(), ..bucket(&server) };
        save(&world.engine, Some(id), &keeps).await.unwrap();
        send_now(&world.engine).await.unwrap();
        let kept = copy(&world, first.id).await;
        assert_eq!((kept.state, kept.problem), (CopyState::Sent, None), "{is_known_there}");
        assert_eq!(kept.remote_name, first.file);
        assert!(server.folder().join("vienna").join(first.file.unwrap()).is_file());
        assert_eq!(notes(&world, first.id).await.len(), 1, "nothing was deleted there");
    }
}

#[tokio::test]
async fn a_copy_that_is_gone_already_is_gone() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, _, config) = world_with(&place.input).await;
        keep_one(&world).await;
        let first = run_and_send(&world, config).await;
        std::fs::remove_file(place.file(&first.file.unwrap())).unwrap();
        run_and_send(&world, config).await;
        assert_eq!(copy(&world, first.id).await.state, CopyState::Gone, "{kind:?}");
        assert_eq!(notes(&world, first.id).await.len(), 1, "{kind:?}: nothing was deleted there");
    }
}

#[tokio::test]
async fn a_login_that_may_not_delete_still_sends() {
    let server = HttpServer::s3().await;
    let (world, _, config) = world_with(&bucket(&server)).await;
    keep_one(&world).await;
    let first = run_and_send(&world, config).await;
    server.fault(|faults| faults.refused_methods = vec!["DELETE"]);
    let second = run_and_send(&world, config).await;
    let leaving = copy(&world, first.id).await;
    assert_eq!(leaving.state, CopyState::Leaving);
    assert!(leaving.problem.unwrap().contains("403"));
    assert!(is_sent(&world, second.id).await);
    let third = run_and_send(&world, config).await;
    assert!(is_sent(&world, third.id).await);
    assert_eq!(nas(&world).await.problem, None, "it works, but for that one thing");
}

#[tokio::test]
async fn what_keeps_a_destination_from_working_pauses_it_though_only_deletions_are_due() {
    let server = HttpServer::dav().await;
    let (world, id, config) = world_with(&dav(&server)).await;
    keep_one(&world).await;
    let first = run_and_send(&world, config).await;
    server.fault(|faults| faults.refused_methods = vec!["DELETE"]);
    run_and_send(&world, config).await;
    assert_eq!(copy(&world, first.id).await.state, CopyState::Leaving);
    assert_eq!((nas(&world).await.problem, pause_minutes(&world).await), (None, None));

    let wrong = DestinationInput { password: Secret::new("wrong"), ..dav(&server) };
    save(&world.engine, Some(id), &wrong).await.unwrap();
    send_now(&world.engine).await.unwrap();
    let problem = nas(&world).await.problem.expect("nobody hears of the refused login");
    assert!(problem.contains("check user name and password"), "{problem}");
    assert_eq!(pause_minutes(&world).await, Some(24 * 60));

    save(&world.engine, Some(id), &dav(&server)).await.unwrap();
    execute(&world, "UPDATE destination SET sealed = NULL").await;
    send_now(&world.engine).await.unwrap();
    let problem = nas(&world).await.problem.expect("nobody hears of the lost secret");
    assert!(problem.contains("fill it in again"), "{problem}");
    assert_eq!(pause_minutes(&world).await, Some(24 * 60));
}

#[tokio::test]
async fn a_copy_stays_while_the_archive_is_spared() {
    let server = HttpServer::s3().await;
    let (world, _, config) = world_with(&bucket(&server)).await;
    let first = run_and_send(&world, config).await;
    std::fs::remove_file(world.engine.dir.backups().join(first.file.as_ref().unwrap())).unwrap();
    keep_one(&world).await;
    run_and_send(&world, config).await;
    let known = config::find(&world.engine, "Daily").await.unwrap();
    prune::prune(&world.engine, &known).await.unwrap();
    assert!(is_sent(&world, first.id).await, "the only whole one is there");
}
