//! Secrets of destinations go in and never come out, and are sealed anew with all others.

use etiqa_engine::backup::destinations::{find, list, save, send_now};
use etiqa_engine::recovery::rotate_key;
use etiqa_model::Secret;
use etiqa_model::destination::{DestinationInput, DestinationKind};

use crate::servers::{HttpServer, PASSWORD, SECRET_KEY};
use crate::support::{Place, bucket, copy, dav, is_sent, nas, run_and_send, world_with};

#[tokio::test]
async fn no_secret_is_in_what_is_shown_stored_or_archived() {
    let (s3, webdav) = (HttpServer::s3().await, HttpServer::dav().await);
    let (world, _, config) = world_with(&bucket(&s3)).await;
    save(&world.engine, None, &DestinationInput { name: "Dav".into(), ..dav(&webdav) }).await.unwrap();
    let mut input = etiqa_engine::backup::config::find(&world.engine, "Daily").await.unwrap().to_input();
    "full".clone_into(&mut input.kind);
    etiqa_engine::backup::config::save(&world.engine, Some(config), &input).await.unwrap();
    s3.fault(|faults| faults.always = Some(403));
    let run = run_and_send(&world, config).await;
    let known = list(&world.engine).await.unwrap();
    let archived = world.entry(&run.file.unwrap(), "database.json");
    assert!(archived.contains("\"destination\""), "destinations are archived");
    let database = std::fs::read(world.engine.dir.database()).unwrap();
    let log = std::fs::read(world.engine.dir.root().join("etiqa.db-wal")).unwrap_or_default();
    let seen = [
        format!("{known:?}{:?}", copy(&world, run.id).await),
        serde_json::to_string(&known).unwrap(),
        format!("{:?} {:?}", bucket(&s3), bucket(&s3).parse().unwrap()),
        archived,
        String::from_utf8_lossy(&database).into_owned(),
        String::from_utf8_lossy(&log).into_owned(),
    ];
    for seen in seen {
        assert!(!seen.contains(SECRET_KEY) && !seen.contains(PASSWORD), "{}", &seen[..seen.len().min(400)]);
    }
}

#[tokio::test]
async fn a_new_key_seals_destinations_anew_and_they_go_on() {
    let server = HttpServer::s3().await;
    let (world, _, config) = world_with(&bucket(&server)).await;
    rotate_key(&world.engine).await.unwrap();
    world.engine.db.close().await;
    let again = world.another_engine().await;
    let queued =
        etiqa_engine::backup::start::start(&again, config, etiqa_model::run::Trigger::Manual).await.unwrap();
    etiqa_engine::backup::execute_run(&again, queued.run).await.unwrap();
    send_now(&again).await.unwrap();
    let known = find(&again, "NAS").await.unwrap();
    assert_eq!((known.sent, known.problem), (1, None));
}

#[tokio::test]
async fn a_secret_is_never_sent_to_another_server_than_the_one_that_it_was_given_for() {
    let server = HttpServer::s3().await;
    let (world, id, config) = world_with(&bucket(&server)).await;
    let kept = DestinationInput { secret_access_key: Secret::default(), ..bucket(&server) };
    save(&world.engine, Some(id), &kept).await.unwrap();
    let run = run_and_send(&world, config).await;
    assert!(is_sent(&world, run.id).await, "an empty secret keeps the one before");

    let other = DestinationInput { endpoint: "http://127.0.0.1:1".into(), ..kept };
    let refused = save(&world.engine, Some(id), &other).await.unwrap_err().into_user_error();
    assert_eq!(refused.field("secret_access_key"), Some("Fill in the secret access key."));
    assert_eq!(nas(&world).await.to_input().endpoint, server.url);
}

#[tokio::test]
async fn a_destination_whose_secret_is_lost_says_so() {
    let server = HttpServer::dav().await;
    let (world, _, config) = world_with(&dav(&server)).await;
    crate::support::execute(&world, "UPDATE destination SET sealed = NULL").await;
    run_and_send(&world, config).await;
    assert!(nas(&world).await.problem.unwrap().contains("fill it in again"));
    assert_eq!(server.calls(), [] as [&str; 0]);
    assert_eq!(Place::of(DestinationKind::Folder).await.files(), [] as [&str; 0]);
}
