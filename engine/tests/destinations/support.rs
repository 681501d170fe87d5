//! A world whose backups need no device, and places for their copies.

use std::any::Any;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use etiqa_engine::backup::destinations::{find, save, send_now};
use etiqa_engine::backup::{config, find_run, start};
use etiqa_engine::store::archive_copy::copy_list_of_run;
use etiqa_engine::store::run_note::run_note_list;
use etiqa_engine::time::now;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::destination::{ArchiveCopy, CopyState, Destination, DestinationInput, DestinationKind};
use etiqa_model::run::{Run, Trigger};
use etiqa_model::{BackupConfigId, DestinationId, RunId};

use crate::common::sshd::Sshd;
use crate::common::world::World;
use crate::servers::{ACCESS_KEY, BUCKET, HttpServer, PASSWORD, SECRET_KEY, USER};

/// Every kind that archives are sent to.
pub(crate) const KINDS: [DestinationKind; 4] =
    [DestinationKind::Folder, DestinationKind::S3, DestinationKind::Webdav, DestinationKind::Sftp];

/// A place that runs for as long as this lives.
pub(crate) struct Place {
    pub(crate) input: DestinationInput,
    folder: PathBuf,
    _server: Box<dyn Any>,
}

impl Place {
    pub(crate) async fn of(kind: DestinationKind) -> Self {
        match kind {
            DestinationKind::Folder => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().to_owned();
                let input = DestinationInput { path: text(&path), ..named(kind) };
                Self { input, folder: path, _server: Box::new(folder) }
            }
            DestinationKind::S3 => {
                let server = HttpServer::s3().await;
                Self {
                    input: bucket(&server),
                    folder: server.folder().join("vienna"),
                    _server: Box::new(server),
                }
            }
            DestinationKind::Webdav => {
                let server = HttpServer::dav().await;
                Self {
                    input: dav(&server),
                    folder: server.folder().join("copies"),
                    _server: Box::new(server),
                }
            }
            DestinationKind::Sftp => {
                let server = Sshd::start("Subsystem sftp internal-sftp").await;
                let path = PathBuf::from(server.path("made/here"));
                Self { input: sftp(&server, &path), folder: path, _server: Box::new(server) }
            }
            DestinationKind::Git => unreachable!("a mirror holds no archives"),
        }
    }

    /// Files that are there, but for those of a server's own and the mark in a folder.
    pub(crate) fn files(&self) -> Vec<String> {
        files(&self.folder)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts a file there that is not ours.
    pub(crate) fn put(&self, name: &str, content: &str) {
        std::fs::create_dir_all(&self.folder).unwrap();
        std::fs::write(self.file(name), content).unwrap();
    }
}

pub(crate) fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".etiqa-destination");
    names.sort();
    names
}

fn named(kind: DestinationKind) -> DestinationInput {
    DestinationInput { name: "NAS".into(), kind: kind.as_str().into(), ..DestinationInput::default() }
}

/// The bucket of a server.
pub(crate) fn bucket(server: &HttpServer) -> DestinationInput {
    DestinationInput {
        endpoint: server.url.clone(),
        bucket: BUCKET.into(),
        prefix: "vienna".into(),
        path_style: true,
        access_key_id: ACCESS_KEY.into(),
        secret_access_key: etiqa_model::Secret::new(SECRET_KEY),
        ..named(DestinationKind::S3)
    }
}

/// A folder of a WebDAV server that is not there yet.
pub(crate) fn dav(server: &HttpServer) -> DestinationInput {
    DestinationInput {
        url: format!("{}/copies", server.url),
        username: USER.into(),
        password: etiqa_model::Secret::new(PASSWORD),
        ..named(DestinationKind::Webdav)
    }
}

/// A folder of an SSH server.
pub(crate) fn sftp(server: &Sshd, path: &Path) -> DestinationInput {
    let login = server.login();
    DestinationInput {
        address: "127.0.0.1".into(),
        port: server.target().endpoint.port.to_string(),
        username: login.username,
        private_key: login.private_key.unwrap(),
        path: text(path),
        ..named(DestinationKind::Sftp)
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A backup that makes a small archive at once.
pub(crate) fn quick(input: &mut BackupConfigInput) {
    "data".clone_into(&mut input.kind);
}

/// A world with one destination and a backup that sends to it.
pub(crate) async fn world_with(input: &DestinationInput) -> (World, DestinationId, BackupConfigId) {
    let world = World::new().await;
    let id = save(&world.engine, None, input).await.unwrap();
    let config = world
        .add_config(|input| {
            quick(input);
            input.destinations = Some(vec![id]);
        })
        .await;
    (world, id, config)
}

/// Lets only the newest archive stay.
pub(crate) async fn keep_one(world: &World) {
    let known = config::find(&world.engine, "Daily").await.unwrap();
    let mut input = known.to_input();
    "1".clone_into(&mut input.max_backups);
    config::save(&world.engine, Some(known.id), &input).await.unwrap();
}

/// Runs a backup and sends what is due.
pub(crate) async fn run_and_send(world: &World, config: BackupConfigId) -> Run {
    let run = world.run(config).await;
    assert!(run.is_good(), "{run:?}");
    send_now(&world.engine).await.unwrap();
    run
}

/// Has the worker run a backup, and waits for its end.
pub(crate) async fn run_by_worker(world: &World, config: BackupConfigId) -> Run {
    let queued = start::start(&world.engine, config, Trigger::Manual).await.unwrap();
    let ended = async {
        loop {
            let run = find_run(&world.engine, queued.run).await.unwrap();
            if run.status.is_over() {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let run = tokio::time::timeout(Duration::from_mins(1), ended).await.expect("the run does not end");
    assert!(run.is_good(), "{run:?}");
    run
}

/// What destinations have of a run.
pub(crate) async fn copies(world: &World, run: RunId) -> Vec<ArchiveCopy> {
    copy_list_of_run(&world.engine.db, run).await.unwrap()
}

/// The one copy of a run.
pub(crate) async fn copy(world: &World, run: RunId) -> ArchiveCopy {
    let mut copies = copies(world, run).await;
    assert_eq!(copies.len(), 1, "{copies:?}");
    copies.remove(0)
}

pub(crate) async fn is_sent(world: &World, run: RunId) -> bool {
    copy(world, run).await.state == CopyState::Sent
}

pub(crate) async fn nas(world: &World) -> Destination {
    find(&world.engine, "NAS").await.unwrap()
}

/// What is noted of a run, oldest first.
pub(crate) async fn notes(world: &World, run: RunId) -> Vec<String> {
    let notes = run_note_list(&world.engine.db, run, 100).await.unwrap();
    notes.into_iter().rev().map(|note| note.note).collect()
}

/// Changes rows as something outside of the program would.
pub(crate) async fn execute(world: &World, sql: &'static str) {
    let mut tx = world.engine.db.write().await.unwrap();
    sqlx::query(sql).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Minutes from now until a destination is tried again; none: at once.
pub(crate) async fn pause_minutes(world: &World) -> Option<u64> {
    let until = nas(world).await.paused_until?;
    Some(until.since(now()).as_secs().div_ceil(60))
}

/// The mark of a folder, as a share has it that hangs: who reads it waits for an answer.
pub(crate) struct HangingMark {
    path: PathBuf,
    text: String,
}

impl HangingMark {
    /// Takes the place of the mark that is there.
    pub(crate) fn of(folder: &str) -> Self {
        let path = Path::new(folder).join(".etiqa-destination");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self { path, text }
    }

    /// Waits until somebody reads it. Who does waits until what this gives is dropped.
    pub(crate) async fn asked(&self) -> File {
        // Only while somebody reads can a pipe be opened for writing in this way.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        loop {
            if let Ok(pipe) = File::options().write(true).custom_flags(flags).open(&self.path) {
                return pipe;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Gives what the mark says.
    pub(crate) fn answer(&self, mut asked: File) {
        asked.write_all(self.text.as_bytes()).unwrap();
    }
}
