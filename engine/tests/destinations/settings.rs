//! What a person may say of a destination, and what is refused with a sentence.

use etiqa_engine::backup::destinations::{find, names, remove, save};
use etiqa_engine::backup::{config, find_run};
use etiqa_model::Secret;
use etiqa_model::destination::{DestinationInput, DestinationKind};
use etiqa_model::user::Role;

use crate::common::sshd::Sshd;
use crate::common::world::World;
use crate::servers::HttpServer;
use crate::support::{Place, bucket, run_and_send, sftp, world_with};

async fn refused(world: &World, input: &DestinationInput) -> (String, String) {
    let error = save(&world.engine, None, input).await.unwrap_err().into_user_error();
    (error.fields[0].field.clone(), error.message)
}

#[tokio::test]
async fn what_cannot_work_is_refused_where_it_was_filled_in() {
    let world = World::new().await;
    let place = Place::of(DestinationKind::Folder).await;
    let folder = |path: &str| DestinationInput { path: path.into(), ..place.input.clone() };
    let own = world.engine.dir.backups();
    for (path, expected) in [
        ("/no/such/folder", "There is no such folder"),
        (own.to_str().unwrap(), "outside of the data directory"),
        ("/", "outside of the data directory"),
        ("/etc/passwd", "This is no folder."),
    ] {
        let (field, message) = refused(&world, &folder(path)).await;
        assert!(field == "path" && message.contains(expected), "{path}: {field}: {message}");
    }
    let ssh = Sshd::start("").await;
    let key = DestinationInput { private_key: Secret::new("not a key"), ..sftp(&ssh, "x".as_ref()) };
    assert_eq!(refused(&world, &key).await.0, "private_key");
    let none = DestinationInput { private_key: Secret::default(), ..key };
    assert_eq!(refused(&world, &none).await.0, "password");
    save(&world.engine, None, &place.input).await.unwrap();
    assert_eq!(refused(&world, &place.input).await.0, "name");
}

#[tokio::test]
async fn an_address_of_a_mirror_with_a_secret_in_it_or_that_cannot_be_pushed_to_is_refused() {
    let world = World::new().await;
    for url in [
        "https://ada:canary@git.example.org/x.git",
        "https://git.example.org/x.git?private_token=canary",
        "ssh://ada:canary@git.example.org/x.git",
        "ada:canary@git.example.org:x.git",
        "ssh://git.example.org",
        "http://git.example.org/x.git",
    ] {
        let input = DestinationInput {
            name: "Texts".into(),
            kind: "git".into(),
            url: url.into(),
            ..DestinationInput::default()
        };
        let (field, message) = refused(&world, &input).await;
        assert!(field == "url" && !message.contains("canary"), "{url}: {field}: {message}");
    }
    assert_eq!(names(&world.engine).await.unwrap(), []);
}

#[tokio::test]
async fn a_private_address_is_asked_about_and_a_special_one_refused() {
    let world = World::new().await;
    let of = |kind: &str, place: &str| {
        let mut input = DestinationInput {
            name: format!("{kind} {place}"),
            kind: kind.into(),
            username: "ada".into(),
            password: Secret::new("secret"),
            ..DestinationInput::default()
        };
        match kind {
            "s3" => {
                input.endpoint = place.into();
                input.bucket = "configs".into();
                input.access_key_id = "id".into();
                input.secret_access_key = Secret::new("secret");
            }
            "sftp" => input.address = place.into(),
            _ => input.url = place.into(),
        }
        input
    };
    for (kind, place) in [
        ("s3", "https://192.168.1.5"),
        ("webdav", "https://10.0.0.5:5006/dav"),
        ("sftp", "fd12::5"),
        ("git", "https://172.16.0.5/x.git"),
        ("git", "git@192.168.1.5:x.git"),
    ] {
        let (field, message) = refused(&world, &of(kind, place)).await;
        assert!(
            field == "own_network" && message.contains("In our own network"),
            "{place}: {field}: {message}"
        );
        save(&world.engine, None, &DestinationInput { own_network: true, ..of(kind, place) }).await.unwrap();
        let known = find(&world.engine, &format!("{kind} {place}")).await.unwrap();
        assert!(known.to_input().own_network, "{place}");
    }
    for (kind, place, field) in [
        ("s3", "http://169.254.169.254", "endpoint"),
        ("s3", "http://2852039166", "endpoint"),
        ("webdav", "https://[fe80::1]/dav", "url"),
        ("webdav", "http://0.0.0.0/dav", "url"),
        ("sftp", "224.0.0.1", "address"),
        ("git", "https://[::ffff:169.254.169.254]/x.git", "url"),
    ] {
        let input = DestinationInput { own_network: true, ..of(kind, place) };
        assert_eq!(refused(&world, &input).await.0, field, "{place}");
    }
}

#[tokio::test]
async fn a_destination_stays_of_its_kind() {
    let server = HttpServer::s3().await;
    let (world, id, _) = world_with(&Place::of(DestinationKind::Folder).await.input).await;
    let error = save(&world.engine, Some(id), &bucket(&server)).await.unwrap_err().into_user_error();
    assert_eq!(error.fields[0].field, "kind");
}

#[tokio::test]
async fn a_removed_destination_is_sent_to_no_more_and_its_copies_stay() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, id, backup) = world_with(&place.input).await;
    let first = run_and_send(&world, backup).await;
    remove(&world.engine, id).await.unwrap();
    assert!(find(&world.engine, "NAS").await.is_err() && names(&world.engine).await.unwrap().is_empty());
    let run = run_and_send(&world, backup).await;
    assert_eq!(place.files(), [first.file.unwrap()]);
    assert!(find_run(&world.engine, run.id).await.unwrap().is_good());
    assert!(
        config::detail(&world.engine, &Role::Admin.into(), backup).await.unwrap().row.destinations.is_empty()
    );
    assert!(remove(&world.engine, id).await.is_err());
}

#[tokio::test]
async fn an_edit_that_says_nothing_of_destinations_leaves_them() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, id, backup) = world_with(&place.input).await;
    let sends_to = async || {
        let row = config::detail(&world.engine, &Role::Admin.into(), backup).await.unwrap().row;
        row.destinations.into_iter().map(|destination| destination.id).collect::<Vec<_>>()
    };
    let mut input = config::find(&world.engine, "Daily").await.unwrap().to_input();
    "Renamed".clone_into(&mut input.name);
    config::save(&world.engine, Some(backup), &input).await.unwrap();
    assert_eq!(sends_to().await, [id]);
    input.destinations = Some(Vec::new());
    config::save(&world.engine, Some(backup), &input).await.unwrap();
    assert_eq!(sends_to().await, []);
}
