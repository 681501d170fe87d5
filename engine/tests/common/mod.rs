//! What tests of the engine share: databases, and a world with an engine, devices and a clock of its own.
#![allow(dead_code, reason = "each test crate uses its part")]

pub(crate) mod pam_server;
pub(crate) mod sshd;
pub(crate) mod world;

use std::sync::atomic::{AtomicU32, Ordering};

use etiqa_engine::db::Db;
use etiqa_engine::outgoing::Reach;
use etiqa_engine::store::device_write::DeviceRow;
use etiqa_model::Timestamp;
use etiqa_model::device::{DeviceInput, NewDevice};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// This machine, where everything is that tests connect to.
pub(crate) fn here() -> Reach {
    Reach::new(["127.0.0.0/8", "::1"].map(|network| network.parse().unwrap()).to_vec())
}

/// 2026-11-23T02:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp(1_795_399_200_000);

/// So many seconds after [`NOON`].
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(NOON.0 + seconds * 1_000)
}

/// Runs a test on SQLite, then on PostgreSQL, each in an empty database of its own.
pub(crate) async fn on_both(test: impl AsyncFn(Db)) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Db::open_sqlite(&folder.path().join("etiqa.db")).await.unwrap();
    test(sqlite.clone()).await;
    sqlite.close().await;

    let postgres = Db::open_postgres(&postgres_url().await).await.unwrap();
    test(postgres.clone()).await;
    postgres.close().await;
}

/// The URL of a fresh, empty PostgreSQL database.
pub(crate) async fn postgres_url() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("ETIQA_TEST_POSTGRES")
        .expect("this test needs a PostgreSQL: run it through `make test` or scripts/with-postgres.sh");
    let name = format!("etiqa_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(&server).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

/// A device at an address, as a person would add it.
pub(crate) fn device(address: &str, change: impl FnOnce(&mut DeviceInput)) -> DeviceRow {
    let mut input = DeviceInput { address: address.to_owned(), ..DeviceInput::default() };
    change(&mut input);
    DeviceRow { device: parsed(&input), credential_id: None, jump_host_id: None }
}

fn parsed(input: &DeviceInput) -> NewDevice {
    input.parse().unwrap()
}
