//! The audit log: a chain that tells where it was touched.

use std::sync::Arc;

use etiqa_engine::audit::{
    Act, Acting, Actor, Changes, acting, action, check, check_newest, prune, record, record_all_in_txn,
    record_in_txn, sign, sign_checkpoint,
};
use etiqa_engine::db::Db;
use etiqa_engine::hex::to_hex;
use etiqa_engine::recovery::rotate_key;
use etiqa_engine::store::audit::{audit_begin_in_txn, audit_page};
use etiqa_engine::store::run::Span;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::audit::{AuditFilter, AuditOutcome, ChainState};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row};
use tempfile::TempDir;

use crate::common::postgres_url;

/// Runs a test with an instance on SQLite, then with one on PostgreSQL.
async fn on_both(test: impl AsyncFn(Arc<Engine>)) {
    for url in [None, Some(postgres_url().await)] {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder, url).await;
        test(Arc::clone(&engine)).await;
        engine.db.close().await;
    }
}

async fn open(folder: &TempDir, database_url: Option<String>) -> Arc<Engine> {
    let options = Options { data_dir: folder.path().join("data"), database_url, ..Options::default() };
    Engine::open(options, Role::Command).await.unwrap()
}

async fn act(db: &Db, name: &str) {
    record(db, Act::new(action::DEVICE_CHANGE).on(1, name)).await.unwrap();
}

async fn acts(db: &Db, count: u32) {
    let mut tx = db.write().await.unwrap();
    let acts = (1..=count).map(|number| Act::new(action::DEVICE_CHANGE).on(1, &format!("device-{number}")));
    record_all_in_txn(&mut tx, acts.collect()).await.unwrap();
    tx.commit().await.unwrap();
}

/// As who has the database and takes the triggers away would.
async fn tamper(db: &Db, statements: &[&str]) {
    let guards = match db.kind() {
        etiqa_engine::db::DbKind::Sqlite => ["DROP TRIGGER audit_log_stays", "DROP TRIGGER audit_log_keeps"],
        etiqa_engine::db::DbKind::Postgres => {
            ["DROP TRIGGER audit_log_stays ON audit_log", "DROP TRIGGER audit_log_keeps ON audit_log"]
        }
    };
    let mut tx = db.write().await.unwrap();
    for sql in guards.iter().chain(statements) {
        sqlx::query(AssertSqlSafe((*sql).to_owned())).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Writes the chain anew from its row `from` on, as docs/security.md says it is hashed: done by somebody else, and every number
/// less by `less`.
async fn forge(db: &Db, from: i64, less: i64) {
    let mut tx = db.write().await.unwrap();
    let before = sqlx::query("SELECT COALESCE(MAX(hash), '') FROM audit_log WHERE id = $1").bind(from - 1);
    let mut previous: String = before.fetch_one(&mut *tx).await.unwrap().get(0);
    let rows = sqlx::query(
        "SELECT id, at, means, action, object_id, object, outcome, changes FROM audit_log WHERE id >= $1 ORDER BY id",
    );
    for row in rows.bind(from).fetch_all(&mut *tx).await.unwrap() {
        let id: i64 = row.get("id");
        let [number, at, object_id] =
            [id - less, row.get("at"), row.get("object_id")].map(|number: i64| number.to_string());
        let [means, action, object, outcome, changes] =
            ["means", "action", "object", "outcome", "changes"].map(|column| row.get::<String, _>(column));
        let fields = [
            Some("etiqa audit 1"),
            Some(&previous),
            Some(&number),
            Some(&at),
            Some("mallory"),
            Some(&means),
            None,
            Some(&action),
            Some(&object_id),
            Some(&object),
            Some(&outcome),
            None,
            Some(&changes),
        ];
        let mut hash = Sha256::new();
        for field in fields {
            match field {
                None => hash.update([0]),
                Some(text) => {
                    hash.update([1]);
                    hash.update((text.len() as u64).to_be_bytes());
                    hash.update(text.as_bytes());
                }
            }
        }
        previous = to_hex(&hash.finalize());
        sqlx::query(
            "UPDATE audit_log SET id = $1, who = 'mallory', who_key = 'mallory', hash = $2 WHERE id = $3",
        )
        .bind(id - less)
        .bind(previous.clone())
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    let end = "UPDATE audit_head SET hash = $1, last = (SELECT MAX(id) FROM audit_log) WHERE id = 1";
    sqlx::query(end).bind(previous).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn execute(db: &Db, sql: &str) {
    let mut tx = db.write().await.unwrap();
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn count(db: &Db, sql: &str) -> i64 {
    let mut tx = db.read().await.unwrap();
    let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut *tx).await.unwrap();
    row.get(0)
}

async fn refused_by_database(db: &Db, sql: &str) -> bool {
    let mut tx = db.write().await.unwrap();
    let answer = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await;
    tx.rollback().await.unwrap();
    answer.is_err()
}

fn broken_at(chain: &ChainState) -> Option<i64> {
    chain.broken.as_ref().map(|broken| broken.row)
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_whole() {
    on_both(async |engine| {
        assert_eq!(check(&engine).await.unwrap().broken, None, "an empty one, too");
        acts(&engine.db, 5).await;
        let chain = check(&engine).await.unwrap();
        assert_eq!((chain.checked, chain.up_to, chain.broken), (5, 5, None));
        assert_eq!(check_newest(&engine.db, &engine.vault).await.unwrap().checked, 5);
    })
    .await;
}

#[tokio::test]
async fn an_edited_a_removed_and_an_inserted_row_are_found_and_it_is_said_where() {
    let copy = "INSERT INTO audit_log SELECT 6, at, who, means, address, action, object_id, object, outcome, words, changes,
                hash, who_key, kind, object_key FROM audit_log WHERE id = 5";
    for (what, statements, row) in [
        ("edited", &["UPDATE audit_log SET who = 'somebody else' WHERE id = 3"][..], 3),
        ("edited for look-ups", &["UPDATE audit_log SET who_key = 'x' WHERE id = 3"], 3),
        ("removed", &["DELETE FROM audit_log WHERE id = 2"], 2),
        ("the first removed", &["DELETE FROM audit_log WHERE id = 1"], 1),
        ("the last removed", &["DELETE FROM audit_log WHERE id = 5"], 5),
        ("inserted", &[copy, "UPDATE audit_head SET last = 6"], 6),
        (
            "pruned without a signature",
            &["UPDATE audit_head SET pruned = 2", "DELETE FROM audit_log WHERE id <= 2"],
            3,
        ),
    ] {
        on_both(async |engine| {
            acts(&engine.db, 5).await;
            tamper(&engine.db, statements).await;
            let chain = check(&engine).await.unwrap();
            assert_eq!(broken_at(&chain), Some(row), "{what}: {chain:?}");
            assert_eq!(
                broken_at(&check_newest(&engine.db, &engine.vault).await.unwrap()),
                Some(row),
                "{what}"
            );
        })
        .await;
    }
}

#[tokio::test]
async fn the_database_itself_changes_and_deletes_no_row() {
    on_both(async |engine| {
        acts(&engine.db, 3).await;
        assert!(refused_by_database(&engine.db, "UPDATE audit_log SET who = 'x' WHERE id = 1").await);
        assert!(refused_by_database(&engine.db, "DELETE FROM audit_log WHERE id = 1").await);
        assert_eq!(check(&engine).await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test]
async fn pruning_keeps_the_chain_whole_from_a_signed_checkpoint_on() {
    on_both(async |engine| {
        let old = i64::from(etiqa_model::audit::FEWEST_DAYS + 400) * 86_400_000;
        acts(&engine.db, 4).await;
        assert_eq!(prune(&engine, now()).await.unwrap(), 0, "nothing is old");
        // Seen from far in the future the four are old; what is recorded of pruning is of today.
        let later = etiqa_model::Timestamp(now().millis() + old);
        assert_eq!(prune(&engine, later).await.unwrap(), 4);
        acts(&engine.db, 2).await;
        let chain = check(&engine).await.unwrap();
        assert_eq!(
            (chain.checked, chain.up_to, chain.broken),
            (3, 7, None),
            "the pruning is a row of its own"
        );
        assert!(refused_by_database(&engine.db, "DELETE FROM audit_log WHERE id = 6").await);

        let behind = "INSERT INTO audit_log SELECT 3, at, who, means, address, action, object_id, object, outcome, words,
                      changes, hash, who_key, kind, object_key FROM audit_log WHERE id = 5";
        tamper(&engine.db, &[behind]).await;
        assert_eq!(broken_at(&check(&engine).await.unwrap()), Some(3), "a row where others were given up");
        execute(&engine.db, "DELETE FROM audit_log WHERE id = 3").await;
        assert!(check(&engine).await.unwrap().is_whole());
        execute(&engine.db, "UPDATE audit_checkpoint SET hash = '00' WHERE through = 4").await;
        assert!(check(&engine).await.unwrap().broken.is_some(), "nobody else can sign");
    })
    .await;
}

#[tokio::test]
async fn what_was_signed_cannot_be_written_anew() {
    on_both(async |engine| {
        acts(&engine.db, 1_000).await;
        sign_checkpoint(&engine, now()).await.unwrap();
        acts(&engine.db, 1).await;
        let newest = check_newest(&engine.db, &engine.vault).await.unwrap();
        assert_eq!((newest.checked, newest.up_to), (1, 1_001), "a page looks at what came since");
        tamper(
            &engine.db,
            &[
                "DELETE FROM audit_log WHERE id > 900",
                "UPDATE audit_head SET last = 900, hash = (SELECT hash FROM audit_log WHERE id = 900)",
            ],
        )
        .await;
        assert!(check(&engine).await.unwrap().broken.is_some(), "a chain that ends before it is not whole");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_not_made_leaves_no_row_and_its_row_goes_with_it() {
    on_both(async |engine| {
        acts(&engine.db, 1).await;
        let mut tx = engine.db.write().await.unwrap();
        record_in_txn(&mut tx, Act::new(action::DEVICE_REMOVE).on(1, "x")).await.unwrap();
        tx.rollback().await.unwrap();
        act(&engine.db, "after").await;
        let chain = check(&engine).await.unwrap();
        assert_eq!((chain.checked, chain.broken), (2, None), "no number is left out");
    })
    .await;
}

#[tokio::test]
async fn many_writers_at_once_make_one_chain() {
    on_both(async |engine| {
        let writers = (0..8).map(|writer| {
            let db = engine.db.clone();
            tokio::spawn(async move {
                for number in 0..10 {
                    act(&db, &format!("writer {writer}, act {number}")).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let chain = check(&engine).await.unwrap();
        assert_eq!((chain.checked, chain.up_to, chain.broken), (80, 80, None));
    })
    .await;
}

#[tokio::test]
async fn on_postgres_a_second_writer_waits_for_the_first_ones_commit() {
    let url = postgres_url().await;
    let (one, other) = (Db::open_postgres(&url).await.unwrap(), Db::open_postgres(&url).await.unwrap());
    let mut first = one.write().await.unwrap();
    record_in_txn(&mut first, Act::new(action::PAUSE)).await.unwrap();
    let waiting = tokio::spawn(async move {
        let mut second = other.write().await.unwrap();
        let head = audit_begin_in_txn(&mut second, 1).await.unwrap();
        second.rollback().await.unwrap();
        (head.last, head.hash.len())
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "it must not see a hash that may come to nothing");
    first.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap(), (1, 64));
    one.close().await;
}

#[tokio::test]
async fn a_row_says_who_from_where_how_and_what_was_changed() {
    on_both(async |engine| {
        let ada = Actor {
            name: "Ada".into(),
            means: etiqa_engine::audit::Means::Session,
            address: Some("192.0.2.7".into()),
        };
        acting(Acting::new(ada), async {
            let changes = Changes::none()
                .and("port", Some("22".into()), Some("23".into()))
                .and_secret("password", true);
            let act = Act::new(action::CREDENTIAL_CHANGE).on(7, "lab").changing(changes);
            record(&engine.db, act).await.unwrap();
        })
        .await;
        acts(&engine.db, 3).await;
        let refused = Act::new(action::DEVICE_REMOVE).on(3, "core").refused("This needs the role operator.");
        record(&engine.db, refused).await.unwrap();
        let find = async |change: fn(&mut AuditFilter)| {
            let mut filter = AuditFilter::default();
            change(&mut filter);
            let page = audit_page(&engine.db, &filter, Span::default(), None).await.unwrap();
            page.rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(find(|_| {}).await, [5, 4, 3, 2, 1], "newest first");
        assert_eq!(find(|filter| filter.who = "ada".into()).await, [1]);
        assert_eq!(find(|filter| filter.what = "credential".into()).await, [1]);
        assert_eq!(find(|filter| filter.what = "device.change".into()).await, [4, 3, 2]);
        assert_eq!(find(|filter| filter.object = "CORE".into()).await, [5]);
        assert_eq!(find(|filter| filter.outcome = Some(AuditOutcome::Refused)).await, [5]);
        assert_eq!(find(|filter| filter.text = "Role Operator".into()).await, [5]);
        let of_ada = AuditFilter { who: "ada".into(), ..AuditFilter::default() };
        let mut page = audit_page(&engine.db, &of_ada, Span::default(), None).await.unwrap();
        let row = page.rows.remove(0);
        assert_eq!((row.means.as_str(), row.address.as_deref()), ("session", Some("192.0.2.7")));
        assert_eq!(row.changes.len(), 2);
        assert!(row.changes[1].secret && row.changes[1].after.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_page_reads_by_an_index_and_a_bounded_number_of_rows() {
    on_both(async |engine| {
        acts(&engine.db, 120).await;
        let first = audit_page(&engine.db, &AuditFilter::default(), Span::default(), None).await.unwrap();
        assert_eq!((first.rows.len(), first.rows[0].id, first.total), (50, 120, 120));
        let second =
            audit_page(&engine.db, &AuditFilter::default(), Span::default(), first.older).await.unwrap();
        assert_eq!(second.rows[0].id, first.rows[49].id - 1);
        let mut tx = engine.db.read().await.unwrap();
        let rows = sqlx::query("SELECT COUNT(*) FROM audit_log").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(rows.get::<i64, _>(0), 120);
    })
    .await;
}

/// What somebody does who has the database and not the key: statements, and from which row on, with numbers that are less by so
/// much, they write the chain anew.
type Forgery = (&'static str, &'static [&'static str], Option<(i64, i64)>);

const FORGERIES: [Forgery; 7] = [
    ("its checkpoints taken away", &["DELETE FROM audit_checkpoint"], Some((5, 0))),
    (
        "its checkpoints said to be of another key",
        &["UPDATE audit_checkpoint SET fingerprint = 'x'"],
        Some((5, 0)),
    ),
    (
        "its first rows taken away and the others numbered anew",
        &["DELETE FROM audit_log WHERE id <= 10", "DELETE FROM audit_checkpoint"],
        Some((11, 10)),
    ),
    (
        "its last rows cut off",
        &[
            "DELETE FROM audit_log WHERE id > 1500",
            "DELETE FROM audit_checkpoint WHERE through > 1500",
            "UPDATE audit_head SET signed = 1000, last = 1500, hash = (SELECT hash FROM audit_log WHERE id = 1500)",
        ],
        None,
    ),
    ("only the newest checkpoint taken away", &["DELETE FROM audit_checkpoint WHERE through = 2000"], None),
    (
        "all of it taken away",
        &["DELETE FROM audit_log", "DELETE FROM audit_checkpoint", "DELETE FROM audit_head"],
        None,
    ),
    (
        "all of it taken away but an empty end",
        &[
            "DELETE FROM audit_log",
            "DELETE FROM audit_checkpoint",
            "UPDATE audit_head SET last = 0, hash = '', signed = 0, pruned = 0",
        ],
        None,
    ),
];

#[tokio::test]
async fn a_log_that_was_forged_or_shortened_is_found_and_the_program_never_signs_it() {
    on_both(async |engine| {
        let db = &engine.db;
        for _ in 0..2 {
            acts(db, 1_000).await;
            sign_checkpoint(&engine, now()).await.unwrap();
        }
        assert!(check(&engine).await.unwrap().is_whole());
        assert_eq!(count(db, "SELECT COUNT(*) FROM audit_checkpoint").await, 2);
    })
    .await;
    for (what, statements, forged) in FORGERIES {
        on_both(async |engine| {
            let db = &engine.db;
            for _ in 0..2 {
                acts(db, 1_000).await;
                sign_checkpoint(&engine, now()).await.unwrap();
            }
            tamper(db, statements).await;
            if let Some((from, less)) = forged {
                forge(db, from, less).await;
            }
            let checkpoints = count(db, "SELECT COUNT(*) FROM audit_checkpoint").await;
            assert!(!check(&engine).await.unwrap().is_whole(), "{what}");
            let newest = check_newest(db, &engine.vault).await.unwrap();
            assert!(!newest.is_whole(), "{what}: a page says so as well");
            // What the program does by itself makes it no better.
            acts(db, 2_000).await;
            sign_checkpoint(&engine, now()).await.unwrap();
            let later = etiqa_model::Timestamp(now().millis() + 500 * 86_400_000);
            assert_eq!(prune(&engine, later).await.unwrap(), 0, "{what}");
            assert!(!check(&engine).await.unwrap().is_whole(), "{what}");
            let signed = count(db, "SELECT COUNT(*) FROM audit_checkpoint").await;
            assert_eq!(signed, checkpoints, "{what}: nothing was signed");
        })
        .await;
    }
}

#[tokio::test]
async fn a_person_signs_what_fits_together_and_nobody_what_does_not() {
    on_both(async |engine| {
        acts(&engine.db, 5).await;
        assert!(sign(&engine).await.unwrap().is_whole(), "nothing to do");
        assert_eq!(count(&engine.db, "SELECT COUNT(*) FROM audit_log").await, 5);
        // As a restore without the key leaves it.
        tamper(
            &engine.db,
            &[
                "INSERT INTO audit_checkpoint SELECT id, hash, 1, 'another key', '00' FROM audit_log WHERE id = 3",
                "UPDATE audit_head SET signed = 3, signature = '00'",
            ],
        )
        .await;
        let found = check(&engine).await.unwrap();
        assert_eq!((found.foreign_checkpoints, found.is_whole()), (1, false));
        acts(&engine.db, 1).await;
        assert!(!check(&engine).await.unwrap().is_whole(), "another row does not sign it");
        assert!(!sign(&engine).await.unwrap().is_whole(), "it says what it found");
        acts(&engine.db, 1).await;
        let chain = check(&engine).await.unwrap();
        assert_eq!((chain.is_whole(), chain.up_to), (true, 8), "{chain:?}");
        assert_eq!(count(&engine.db, "SELECT COUNT(*) FROM audit_log WHERE action = 'audit.sign'").await, 1);

        execute(&engine.db, "UPDATE audit_log SET who = 'somebody else' WHERE id = 2").await;
        let refused = sign(&engine).await.unwrap_err().into_user_error().message;
        assert!(refused.starts_with("Row 2: It was changed"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn the_log_is_signed_anew_when_the_key_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder, None).await;
    acts(&engine.db, 1_000).await;
    sign_checkpoint(&engine, now()).await.unwrap();
    rotate_key(&engine).await.unwrap();
    act(&engine.db, "after").await;
    engine.db.close().await;
    let engine = open(&folder, None).await;
    act(&engine.db, "after the next start").await;
    let chain = check(&engine).await.unwrap();
    assert_eq!((chain.is_whole(), chain.checked), (true, 1_003), "{chain:?}");
    engine.db.close().await;
}

#[tokio::test]
async fn ten_thousand_acts_at_once_are_one_chain() {
    on_both(async |engine| {
        act(&engine.db, "before").await;
        let many = (0..10_000).map(|number| {
            let changes = Changes::none().and("enabled", Some("true".into()), Some("false".into()));
            Act::new(action::DEVICE_CHANGE).on(number, &format!("device-{number}")).changing(changes)
        });
        let began = std::time::Instant::now();
        let mut tx = engine.db.write().await.unwrap();
        record_all_in_txn(&mut tx, many.collect()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
        act(&engine.db, "after").await;
        let chain = check(&engine).await.unwrap();
        assert_eq!((chain.is_whole(), chain.checked), (true, 10_002), "{chain:?}");
    })
    .await;
}
