//! Servers and folders at their worst: what passes is tried again later, what does not waits for a person, and neither
//! keeps another destination from its copies.

use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::backup::destinations::deliver::{Parcel, deliver};
use etiqa_engine::backup::destinations::object_store::ObjectStore;
use etiqa_engine::backup::destinations::place::{Headway, Place as _};
use etiqa_engine::backup::destinations::{accept_key, retry, save, send_now, test};
use etiqa_engine::hex::sha256_hex;
use etiqa_engine::schedule::worker::worker;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::Secret;
use etiqa_model::destination::{CopyState, DestinationInput, DestinationKind};
use etiqa_simulator::SimulatedCa;
use opendal::Operator;
use opendal::layers::ChaosLayer;
use opendal::services::Memory;
use tokio_util::sync::CancellationToken;

use crate::common::here;
use crate::common::sshd::Sshd;
use crate::servers::HttpServer;
use crate::support::{
    KINDS, Place, bucket, copy, dav, execute, files, is_sent, nas, pause_minutes, quick, run_and_send,
    run_by_worker, sftp, world_with,
};

#[tokio::test]
async fn a_server_that_is_busy_twice_is_asked_a_third_time() {
    let server = HttpServer::s3().await;
    let (world, _, config) = world_with(&bucket(&server)).await;
    server.fault(|faults| faults.next.extend([503, 503]));
    let run = run_and_send(&world, config).await;
    assert!(is_sent(&world, run.id).await, "{:?}", copy(&world, run.id).await);
    assert_eq!(nas(&world).await.failures, 0);
}

#[tokio::test]
async fn a_server_that_stays_busy_is_left_alone_for_longer_each_time_and_asked_again() {
    let server = HttpServer::s3().await;
    let (world, id, config) = world_with(&bucket(&server)).await;
    server.fault(|faults| faults.always = Some(503));
    let run = run_and_send(&world, config).await;
    let waiting = copy(&world, run.id).await;
    assert_eq!(waiting.state, CopyState::Waiting);
    assert!(waiting.problem.unwrap().contains("503"));
    assert_eq!(pause_minutes(&world).await, Some(1));

    let asked = server.calls().len();
    send_now(&world.engine).await.unwrap();
    assert_eq!(server.calls().len(), asked, "it is left alone meanwhile");

    execute(&world, "UPDATE destination SET paused_until = 0").await;
    execute(&world, "UPDATE archive_copy SET due_at = 0").await;
    send_now(&world.engine).await.unwrap();
    assert_eq!((nas(&world).await.failures, pause_minutes(&world).await), (2, Some(2)));

    server.fault(|faults| faults.always = None);
    retry(&world.engine, id).await.unwrap();
    send_now(&world.engine).await.unwrap();
    assert!(is_sent(&world, run.id).await);
    let known = nas(&world).await;
    assert_eq!((known.failures, known.problem, known.paused_until), (0, None, None));
}

#[tokio::test]
async fn a_server_that_refuses_waits_for_a_person_and_is_asked_once_a_day() {
    let server = HttpServer::s3().await;
    let (world, id, config) = world_with(&bucket(&server)).await;
    server.fault(|faults| faults.always = Some(403));
    let run = run_and_send(&world, config).await;
    let problem = copy(&world, run.id).await.problem.unwrap();
    assert!(problem.contains("403") && problem.contains("check the access key"), "{problem}");
    assert_eq!(nas(&world).await.problem, Some(problem));
    assert_eq!(pause_minutes(&world).await, Some(24 * 60));

    // Whoever changes the settings has mended it, as far as is known.
    server.fault(|faults| faults.always = None);
    save(&world.engine, Some(id), &nas(&world).await.to_input()).await.unwrap();
    send_now(&world.engine).await.unwrap();
    assert!(is_sent(&world, run.id).await);
}

#[tokio::test]
async fn half_a_body_is_read_again_and_never_taken_for_the_whole() {
    let server = HttpServer::s3().await;
    let (world, _, config) = world_with(&bucket(&server)).await;
    server.fault(|faults| faults.halved = 1);
    let run = run_and_send(&world, config).await;
    assert!(is_sent(&world, run.id).await, "{:?}", copy(&world, run.id).await);

    server.fault(|faults| faults.halved = 1000);
    let run = run_and_send(&world, config).await;
    let waiting = copy(&world, run.id).await;
    assert_eq!(waiting.state, CopyState::Waiting, "what cannot be read back is not called sent");
    assert!(waiting.problem.is_some());
}

#[tokio::test]
async fn wrong_logins_are_told_apart_from_servers_that_are_down() {
    let s3 = HttpServer::s3().await;
    let dav_server = HttpServer::dav().await;
    let ssh = Sshd::start("Subsystem sftp internal-sftp").await;
    let other_key = ssh.login_with("host_ed25519", None).private_key.unwrap();
    let wrong = [
        (DestinationInput { secret_access_key: Secret::new("wrong"), ..bucket(&s3) }, "check the access key"),
        (DestinationInput { access_key_id: "nobody".into(), ..bucket(&s3) }, "check the access key"),
        (
            DestinationInput { password: Secret::new("wrong"), ..dav(&dav_server) },
            "check user name and password",
        ),
        (
            DestinationInput { private_key: other_key, ..sftp(&ssh, ssh.path("copies").as_ref()) },
            "refuses the user root",
        ),
    ];
    for (input, expected) in wrong {
        let (world, id, config) = world_with(&input).await;
        run_and_send(&world, config).await;
        let known = nas(&world).await;
        let problem = known.problem.unwrap_or_else(|| panic!("{input:?} is taken"));
        assert!(problem.contains(expected), "{}: {problem}", input.kind);
        assert_eq!(pause_minutes(&world).await, Some(24 * 60), "{problem}");
        let tested = test(&world.engine, id).await.unwrap();
        assert!(!tested.is_good && tested.message.contains(expected), "{}", tested.message);
    }

    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = [
        DestinationInput { endpoint: format!("http://{gone}"), ..bucket(&s3) },
        DestinationInput { url: format!("http://{gone}/copies"), ..dav(&dav_server) },
        DestinationInput { port: gone.port().to_string(), ..sftp(&ssh, "copies".as_ref()) },
    ];
    for input in down {
        let (world, _, config) = world_with(&input).await;
        run_and_send(&world, config).await;
        let problem = nas(&world).await.problem.unwrap();
        assert!(problem.contains("refused"), "{}: {problem}", input.kind);
        assert_eq!(pause_minutes(&world).await, Some(1), "{problem}");
    }
}

#[tokio::test]
async fn what_a_server_says_of_a_refusal_is_told_in_words_and_without_its_own() {
    let server = HttpServer::s3().await;
    let (world, id, _) = world_with(&bucket(&server)).await;
    for (code, expected) in [
        ("NoSuchBucket", "There is no such bucket: check its name and the endpoint."),
        ("SignatureDoesNotMatch", "The secret access key is wrong."),
        ("AuthorizationHeaderMalformed", "The bucket is in another region, or at another endpoint."),
    ] {
        let words = format!("<Error><Code>{code}</Code><Message>internal-name-7</Message></Error>");
        server.fault(|faults| faults.no_uploads = Some((400, words.leak())));
        let tested = test(&world.engine, id).await.unwrap();
        assert!(!tested.is_good && tested.message.ends_with(expected), "{code}: {}", tested.message);
    }
    let problem = nas(&world).await.problem.unwrap();
    assert!(problem.contains("another region") && !problem.contains("internal-name-7"), "{problem}");
}

#[tokio::test]
async fn a_destination_that_hangs_delays_itself_alone() {
    let hanging = HttpServer::s3().await;
    hanging.fault(|faults| faults.hangs = true);
    let place = Place::of(DestinationKind::Folder).await;
    let (world, first, config) = world_with(&bucket(&hanging)).await;
    let second = DestinationInput { name: "Shelf".into(), ..place.input.clone() };
    let second = save(&world.engine, None, &second).await.unwrap();
    let mut input = etiqa_engine::backup::config::find(&world.engine, "Daily").await.unwrap().to_input();
    input.destinations = Some(vec![first, second]);
    etiqa_engine::backup::config::save(&world.engine, Some(config), &input).await.unwrap();
    let working = tokio::spawn(worker(Arc::clone(&world.engine), None));
    let mut made = Vec::new();
    for _ in 0..2 {
        made.push(run_by_worker(&world, config).await.file.unwrap());
    }
    made.sort();
    let there = async {
        while place.files() != made {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), there).await.expect("the hanging one holds up the other");
    assert!(!hanging.calls().is_empty(), "it was asked, and hangs");
    world.engine.stopping.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(8), working).await;
    stopped.expect("a hanging upload does not keep the program from stopping").unwrap();
    let known = nas(&world).await;
    assert_eq!((known.failures, known.waiting), (0, 2), "what a stop cuts off is no failure");
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_not_kept_in_memory() {
    let (s3, webdav) = (HttpServer::s3().await, HttpServer::dav().await);
    for (server, method, input) in [(&s3, "PUT", bucket(&s3)), (&webdav, "PROPFIND", dav(&webdav))] {
        let (world, id, _) = world_with(&input).await;
        server.fault(|faults| faults.floods = vec![method]);
        let tested = test(&world.engine, id).await.unwrap();
        assert!(!tested.is_good && tested.message.contains("longer than 1 MiB"), "{}", tested.message);
    }
}

#[tokio::test]
async fn a_changed_host_key_stops_the_destination_until_a_person_accepts_it() {
    let first = Sshd::start("Subsystem sftp internal-sftp").await;
    let (world, id, config) = world_with(&sftp(&first, first.path("copies").as_ref())).await;
    run_and_send(&world, config).await;
    let remembered = nas(&world).await.fingerprint.unwrap();

    // Another server at the same address.
    let second = Sshd::start("Subsystem sftp internal-sftp").await;
    let moved = second.target().endpoint.port;
    let key = second.login().private_key.unwrap();
    let input = DestinationInput {
        private_key: key,
        port: moved.to_string(),
        ..sftp(&first, first.path("copies").as_ref())
    };
    save(&world.engine, Some(id), &input).await.unwrap();
    let mut tx = world.engine.db.write().await.unwrap();
    sqlx::query("UPDATE destination SET openssh = $1, fingerprint = $2")
        .bind(first.host_key("ed25519").trim().to_owned())
        .bind(remembered.clone())
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let run = run_and_send(&world, config).await;
    let known = nas(&world).await;
    assert!(known.problem.unwrap().contains("another host key"), "{:?}", known.fingerprint);
    assert_eq!(known.fingerprint, Some(remembered));
    let offered = known.offered.unwrap();
    assert!(offered.starts_with("SHA256:"));
    assert!(!second.log().contains("Accepted"), "no login was tried");

    accept_key(&world.engine, id).await.unwrap();
    send_now(&world.engine).await.unwrap();
    assert!(is_sent(&world, run.id).await, "{:?}", nas(&world).await.problem);
    assert_eq!(nas(&world).await.fingerprint, Some(offered));
    assert!(accept_key(&world.engine, id).await.is_err(), "there is nothing to accept any more");
}

#[tokio::test]
async fn a_certificate_is_trusted_where_its_authority_was_named_and_nowhere_else() {
    let ca = SimulatedCa::new().unwrap();
    let server = HttpServer::s3_over(Some(ca.server_config([127, 0, 0, 1].into()).unwrap())).await;
    let (world, _, config) = world_with(&bucket(&server)).await;
    run_and_send(&world, config).await;
    let problem = nas(&world).await.problem.unwrap();
    assert!(problem.contains("certificate is not trusted") && problem.contains("--ca-file"), "{problem}");
    assert_eq!(server.calls(), [] as [&str; 0], "nothing was sent to it");

    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca.pem()).unwrap();
    let data_dir = folder.path().join("data");
    let options = Options { data_dir, ca_file: Some(ca_file), reach: here(), ..Options::default() };
    let trusting = Engine::open(options, Role::Command).await.unwrap();
    let id = save(&trusting, None, &bucket(&server)).await.unwrap();
    let tested = test(&trusting, id).await.unwrap();
    assert!(tested.is_good, "{}", tested.message);
}

#[tokio::test]
async fn an_archive_that_is_damaged_here_is_not_sent_and_others_are() {
    for kind in KINDS {
        let place = Place::of(kind).await;
        let (world, _, config) = world_with(&place.input).await;
        let damaged = world.run(config).await;
        let path = world.engine.dir.backups().join(damaged.file.as_ref().unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let whole = run_and_send(&world, config).await;
        let waiting = copy(&world, damaged.id).await;
        assert_eq!(waiting.state, CopyState::Waiting, "{kind:?}");
        assert!(waiting.problem.unwrap().contains("damaged here"), "{kind:?}");
        assert!(is_sent(&world, whole.id).await, "{kind:?}");
        assert_eq!(place.files(), [whole.file.unwrap()], "{kind:?}");
    }
}

#[tokio::test]
async fn through_any_chaos_a_file_is_there_whole_or_not_called_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut content = vec![0_u8; 3 << 20];
    rand::fill(content.as_mut_slice());
    let path = folder.path().join("a.zip");
    std::fs::write(&path, &content).unwrap();
    let sha256 = sha256_hex(&content);
    let parcel =
        Parcel { path: &path, name: "a.zip", size: content.len() as u64, sha256: &sha256, stage: ".a.part" };
    let tries = (0..40).map(|_| async {
        let memory = Operator::new(Memory::default()).unwrap();
        let store = ObjectStore::over(memory.clone().layer(ChaosLayer::new(0.5)));
        let headway = Headway::new(&CancellationToken::new());
        if deliver(&store, &parcel, &headway).await.is_ok() {
            assert_eq!(memory.read("a.zip").await.unwrap().to_vec(), content);
            return true;
        }
        // Whatever was left, the next try brings it there, under this name or beside what is broken.
        let calm = ObjectStore::over(memory.clone());
        let name = deliver(&calm, &parcel, &headway).await.unwrap();
        assert_eq!(memory.read(&name).await.unwrap().to_vec(), content);
        assert_eq!(calm.size_of(&name).await, Ok(Some(parcel.size)));
        false
    });
    let came = futures::future::join_all(tries).await.into_iter().filter(|came| *came).count();
    assert!(came > 0 && came < 40, "{came} of 40 came: such chaos tells nothing");
}

#[tokio::test]
async fn a_second_destination_gets_what_a_disabled_one_does_not() {
    let (off, on) = (Place::of(DestinationKind::Folder).await, Place::of(DestinationKind::Folder).await);
    let disabled = DestinationInput { enabled: false, ..off.input.clone() };
    let (world, first, _) = world_with(&disabled).await;
    let enabled = DestinationInput { name: "Shelf".into(), ..on.input.clone() };
    let second = save(&world.engine, None, &enabled).await.unwrap();
    let config = world
        .add_config(|input| {
            quick(input);
            "Both".clone_into(&mut input.name);
            input.destinations = Some(vec![first, second]);
        })
        .await;
    let run = run_and_send(&world, config).await;
    assert!(is_sent(&world, run.id).await);
    assert_eq!((off.files(), files(on.input.path.as_ref()).len()), (vec![], 1));
}
