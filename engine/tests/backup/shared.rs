//! Several machines that keep their files in one folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etiqa_engine::backup::orphans::find_orphans;
use etiqa_engine::backup::verify::verify_run;
use etiqa_engine::backup::{config, execute_run, find_run, start};
use etiqa_engine::schedule::tidy::tidy;
use etiqa_engine::shared_dir::SharedDir;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Result, Role};
use etiqa_model::RunId;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::run::{RunStatus, Trigger};

use crate::common::postgres_url;

struct Machines {
    folder: tempfile::TempDir,
    url: String,
}

impl Machines {
    async fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: postgres_url().await }
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    async fn open_as(&self, role: Role, name: &str, shared_dir: SharedDir) -> Result<Arc<Engine>> {
        let options = Options {
            data_dir: self.folder(name),
            database_url: Some(self.url.clone()),
            secret_key_file: Some(self.folder.path().join("secret.key")),
            shared_dir,
            ..Options::default()
        };
        Engine::open(options, role).await
    }

    async fn open(&self, name: &str, shared: &str) -> Arc<Engine> {
        self.open_as(Role::Server, name, SharedDir::Known(self.folder(shared))).await.unwrap()
    }

    async fn refusal(&self, name: &str, shared_dir: SharedDir) -> String {
        self.open_as(Role::Server, name, shared_dir).await.unwrap_err().into_user_error().message
    }
}

async fn run_backup(engine: &Arc<Engine>) -> RunId {
    let mut input = BackupConfigInput { name: "Daily".into(), ..BackupConfigInput::default() };
    input.kind = "data".into();
    let backup = config::save(engine, None, &input).await.unwrap();
    let queued = start::start(engine, backup, Trigger::Manual).await.unwrap();
    execute_run(engine, queued.run).await.unwrap();
    assert_eq!(find_run(engine, queued.run).await.unwrap().status, RunStatus::Completed);
    queued.run
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

#[tokio::test]
async fn what_one_machine_archives_another_reads_and_looks_after() {
    let machines = Machines::new().await;
    let vienna = machines.open("vienna", "share").await;
    let graz = machines.open("graz", "share").await;
    let run = run_backup(&vienna).await;
    let archive = only_file(&machines.folder("share/backups"));
    assert!(verify_run(&graz, run).await.unwrap().damage.is_none());
    assert_eq!(std::fs::read_dir(machines.folder("vienna/backups")).unwrap().count(), 0);

    std::fs::remove_file(archive).unwrap();
    assert_eq!(find_orphans(&graz).await.unwrap().missing.len(), 1, "gone for both of them");
}

#[tokio::test]
async fn a_folder_that_is_not_mounted_or_another_ones_is_refused_before_anything_is_written_there() {
    let machines = Machines::new().await;
    drop(machines.open("vienna", "share").await);
    let refused = machines.refusal("graz", SharedDir::Known(machines.folder("mountpoint"))).await;
    assert!(refused.contains("Is its share mounted?"), "{refused}");
    assert_eq!(std::fs::read_dir(machines.folder("mountpoint")).unwrap().count(), 0);
    let refused = machines.refusal("graz", SharedDir::Known(machines.folder.path().join("nowhere"))).await;
    assert!(refused.contains("Mount it"), "{refused}");
    assert!(!machines.folder.path().join("nowhere").exists());
    std::fs::write(machines.folder("others").join("instance"), "of another database").unwrap();
    let listed = |name: &str| std::fs::read_dir(machines.folder(name)).unwrap().count();
    let refused = machines.refusal("graz", SharedDir::Known(machines.folder("others"))).await;
    assert!(refused.contains("is not the one that the machines of this database share"), "{refused}");
    let refused = machines.refusal("graz", SharedDir::None).await;
    assert!(refused.contains("name it with --shared-dir"), "{refused}");
    let refused = machines.refusal("graz", SharedDir::Known(machines.folder("graz"))).await;
    assert!(refused.contains("this machine's own"), "{refused}");
    assert_eq!(listed("others"), 1);
    // A worker that has no such folder collects texts.
    machines.open_as(Role::Worker, "linz", SharedDir::None).await.unwrap();

    let adopted = SharedDir::Adopted(machines.folder("others"));
    machines.open_as(Role::Command, "graz", adopted.clone()).await.unwrap_err();
    drop(machines.open_as(Role::Server, "graz", adopted).await.unwrap());
    machines.open("vienna", "others").await;
    let refused = machines.refusal("graz", SharedDir::Known(machines.folder("share"))).await;
    assert!(refused.contains("--adopt-shared-dir"), "{refused}");
}

#[tokio::test]
async fn archives_that_are_moved_into_the_folder_are_known_there_when_they_are_whole() {
    let machines = Machines::new().await;
    let alone = machines.open_as(Role::Command, "vienna", SharedDir::None).await.unwrap();
    let run = run_backup(&alone).await;
    drop(alone);
    let own = only_file(&machines.folder("vienna/backups"));
    let vienna = machines.open("vienna", "share").await;
    let shared = machines.folder("share/backups").join(own.file_name().unwrap());
    std::fs::write(&shared, "half of it").unwrap();
    tidy(&vienna, now()).await.unwrap();
    assert!(verify_run(&vienna, run).await.unwrap().damage.is_none(), "it is read where it was made");

    std::fs::rename(own, shared).unwrap();
    tidy(&vienna, now()).await.unwrap();
    assert!(verify_run(&vienna, run).await.unwrap().damage.is_none());
    let graz = machines.open("graz", "share").await;
    assert!(verify_run(&graz, run).await.unwrap().damage.is_none());
}

#[tokio::test]
async fn a_fresh_database_does_not_take_the_folder_of_another_one_and_no_command_takes_one_into_use() {
    let first = Machines::new().await;
    drop(first.open("vienna", "share").await);
    let fresh = Machines::new().await;
    let refused = fresh.refusal("vienna", SharedDir::Known(first.folder("share"))).await;
    assert!(refused.contains("may be another database's"), "{refused}");
    assert_eq!(std::fs::read_dir(first.folder("share/backups")).unwrap().count(), 0);

    let by_command = SharedDir::Known(fresh.folder("share"));
    fresh.open_as(Role::Command, "vienna", by_command.clone()).await.unwrap_err();
    assert_eq!(std::fs::read_dir(fresh.folder("share")).unwrap().count(), 0);
    drop(fresh.open_as(Role::Server, "vienna", by_command.clone()).await.unwrap());
    fresh.open_as(Role::Command, "vienna", by_command).await.unwrap();
}
