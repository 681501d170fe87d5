use etiqa_engine::db::Db;
use etiqa_engine::store::backup_config::{
    backup_config_advance_in_txn, backup_config_fetch, backup_config_insert_in_txn, backup_config_list_due,
};
use etiqa_engine::store::lease::leases_expire_of;
use etiqa_engine::store::run::{Span, run_fetch, run_list_abandoned, run_list_leftover, run_page};
use etiqa_engine::store::run_write::{
    Ending, run_cancel, run_claim, run_finish, run_insert_in_txn, run_interrupt_in_txn, run_progress,
    run_renew, run_reserve_file,
};
use etiqa_model::backup::{BackupConfig, BackupConfigInput, BackupKind};
use etiqa_model::history::{MOST_READ, Outcome, RunFilter};
use etiqa_model::run::{Phase, Progress, RunStatus, Trigger};
use etiqa_model::{RunId, Timestamp};

use crate::common::{at, on_both};

async fn add_config(db: &Db, name: &str, next: Option<Timestamp>) -> BackupConfig {
    let new = BackupConfigInput { name: name.into(), ..BackupConfigInput::default() }.parse("UTC").unwrap();
    let mut tx = db.write().await.unwrap();
    let id = backup_config_insert_in_txn(&mut tx, &new, name, next, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    backup_config_fetch(db, id).await.unwrap().unwrap()
}

async fn add_run(db: &Db, config: &BackupConfig) -> Result<RunId, etiqa_engine::db::DbError> {
    let mut tx = db.write().await.unwrap();
    let id = run_insert_in_txn(&mut tx, config, Trigger::Manual, None, at(0)).await?;
    tx.commit().await?;
    Ok(id)
}

fn failed() -> Ending {
    Ending {
        status: RunStatus::Failed,
        devices_ok: 0,
        devices_failed: 1,
        artifacts_ok: 0,
        artifacts_failed: 0,
        archive: None,
        error: Some("No device answered.".into()),
    }
}

#[tokio::test]
async fn a_config_has_one_live_run_at_most() {
    on_both(async |db| {
        let config = add_config(&db, "daily", None).await;
        let run = add_run(&db, &config).await.unwrap();
        assert!(add_run(&db, &config).await.unwrap_err().is_unique_violation());
        assert!(run_claim(&db, run, "a", at(0), at(30)).await.unwrap());
        assert!(add_run(&db, &config).await.unwrap_err().is_unique_violation());
        assert!(run_finish(&db, run, "a", &failed(), at(5)).await.unwrap());
        add_run(&db, &config).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn only_its_owner_moves_a_live_run() {
    on_both(async |db| {
        let config = add_config(&db, "daily", None).await;
        let run = add_run(&db, &config).await.unwrap();
        assert!(run_claim(&db, run, "a", at(0), at(30)).await.unwrap());
        assert!(!run_claim(&db, run, "b", at(0), at(30)).await.unwrap());
        assert!(!run_renew(&db, run, "b", at(60)).await.unwrap());
        assert!(!run_finish(&db, run, "b", &failed(), at(5)).await.unwrap());
        let mut tx = db.write().await.unwrap();
        assert_eq!(run_interrupt_in_txn(&mut tx, run, at(29)).await.unwrap(), None, "its lease is not over");
        tx.commit().await.unwrap();
        assert_eq!(run_fetch(&db, run).await.unwrap().unwrap().status, RunStatus::Running);
    })
    .await;
}

#[tokio::test]
async fn a_run_whose_lease_is_over_is_given_up_by_whoever_is_first() {
    on_both(async |db| {
        let config = add_config(&db, "daily", None).await;
        let run = add_run(&db, &config).await.unwrap();
        run_claim(&db, run, "server-1", at(0), at(30)).await.unwrap();
        assert!(run_list_abandoned(&db, at(29)).await.unwrap().is_empty());
        leases_expire_of(&db, "server-", at(10)).await.unwrap();
        assert_eq!(run_list_abandoned(&db, at(10)).await.unwrap().len(), 1);
        let mut tx = db.write().await.unwrap();
        assert_eq!(run_interrupt_in_txn(&mut tx, run, at(10)).await.unwrap(), Some(RunStatus::Failed));
        assert_eq!(run_interrupt_in_txn(&mut tx, run, at(10)).await.unwrap(), None);
        tx.commit().await.unwrap();
        let run = run_fetch(&db, run).await.unwrap().unwrap();
        assert_eq!(run.status, RunStatus::Failed);
        assert!(run.error.unwrap().starts_with("Interrupted"));
    })
    .await;
}

#[tokio::test]
async fn a_waiting_run_is_cancelled_at_once_and_a_running_one_is_told() {
    on_both(async |db| {
        let config = add_config(&db, "daily", None).await;
        let waiting = add_run(&db, &config).await.unwrap();
        assert!(run_cancel(&db, waiting, at(1)).await.unwrap());
        assert_eq!(run_fetch(&db, waiting).await.unwrap().unwrap().status, RunStatus::Cancelled);
        assert!(!run_cancel(&db, waiting, at(2)).await.unwrap());
        let running = add_run(&db, &config).await.unwrap();
        run_claim(&db, running, "a", at(0), at(30)).await.unwrap();
        assert!(run_cancel(&db, running, at(1)).await.unwrap());
        let run = run_fetch(&db, running).await.unwrap().unwrap();
        assert!(run.cancelling && run.status == RunStatus::Running);
    })
    .await;
}

#[tokio::test]
async fn a_due_time_is_taken_by_one_scheduler_only() {
    on_both(async |db| {
        let config = add_config(&db, "daily", Some(at(0))).await;
        add_config(&db, "later", Some(at(100))).await;
        let due = backup_config_list_due(&db, at(1)).await.unwrap();
        assert_eq!(due.len(), 1);
        let mut tx = db.write().await.unwrap();
        assert!(
            backup_config_advance_in_txn(&mut tx, config.id, Some(at(0)), Some(at(86_400))).await.unwrap()
        );
        assert!(
            !backup_config_advance_in_txn(&mut tx, config.id, Some(at(0)), Some(at(86_400))).await.unwrap()
        );
        tx.commit().await.unwrap();
        assert!(backup_config_list_due(&db, at(1)).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn runs_are_found_by_what_they_came_to_and_when_a_page_at_a_time() {
    on_both(async |db| {
        let (daily, other) = (add_config(&db, "daily", None).await, add_config(&db, "other", None).await);
        for _ in 0..60 {
            let run = add_run(&db, &daily).await.unwrap();
            run_cancel(&db, run, at(1)).await.unwrap();
        }
        let run = add_run(&db, &other).await.unwrap();
        assert!(run_claim(&db, run, "a", at(0), at(30)).await.unwrap());
        assert!(run_finish(&db, run, "a", &failed(), at(5)).await.unwrap());
        let waiting = add_run(&db, &other).await.unwrap();
        let any = Span::default();
        let found = async |filter: RunFilter, span| {
            let page = run_page(&db, None, &filter, span, None).await.unwrap();
            (page.total, page.rows.len(), page.older.is_some())
        };
        let of = |outcome| RunFilter { outcome: Some(outcome), ..RunFilter::default() };
        assert_eq!(found(RunFilter::default(), any).await, (62, 50, true));
        assert_eq!(found(of(Outcome::Cancelled), any).await, (60, 50, true));
        assert_eq!(found(of(Outcome::Failed), any).await, (1, 1, false));
        assert_eq!(found(of(Outcome::Good), any).await, (0, 0, false));
        let live = run_page(&db, None, &of(Outcome::Live), any, None).await.unwrap();
        assert_eq!(live.rows.iter().map(|run| run.id).collect::<Vec<_>>(), [waiting]);
        let narrow = RunFilter {
            config: Some(other.id),
            trigger: Some(Trigger::Manual),
            kind: Some(other.kind),
            ..RunFilter::default()
        };
        assert_eq!(found(narrow.clone(), any).await, (2, 2, false));
        assert_eq!(found(RunFilter { trigger: Some(Trigger::Cli), ..narrow }, any).await.0, 0);
        assert_ne!(other.kind, BackupKind::Data);
        let data = RunFilter { kind: Some(BackupKind::Data), ..RunFilter::default() };
        assert_eq!(found(data, any).await.0, 0);
        let later = Span { from: Some(at(1)), to: None };
        assert_eq!(found(RunFilter::default(), later).await.0, 0, "all were queued before");
        let until = Span { from: None, to: Some(at(0)) };
        assert_eq!(found(RunFilter::default(), until).await.0, 62);

        let first = run_page(&db, None, &of(Outcome::Cancelled), any, None).await.unwrap();
        assert_eq!(first.older, first.rows.last().map(|run| run.id.0));
        let second = run_page(&db, None, &of(Outcome::Cancelled), any, first.older).await.unwrap();
        assert_eq!((second.rows.len(), second.total, second.older), (10, 60, None));
        let ids: Vec<_> = first.rows.iter().chain(&second.rows).map(|run| run.id.0).collect();
        assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    })
    .await;
}

/// So many more runs of a config that were cancelled: the first one was queued then, the others a second apart.
async fn add_cancelled(db: &Db, config: &BackupConfig, first: Timestamp, many: u32) {
    let mut tx = db.write().await.unwrap();
    sqlx::query(
        "WITH RECURSIVE nth(n) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM nth WHERE n + 1 < $2)
         INSERT INTO backup_run (backup_config_id, name, kind, status, phase, started_by, queued_at)
         SELECT c.id, c.name, c.kind, 'cancelled', 'collecting', 'schedule', $3 + 1000 * nth.n
         FROM nth JOIN backup_config c ON c.id = $1 ORDER BY nth.n",
    )
    .bind(config.id.0)
    .bind(i64::from(many))
    .bind(first.millis())
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_filter_that_matches_little_reads_a_bounded_number_of_runs_and_goes_on_behind_them() {
    on_both(async |db| {
        let (daily, other) = (add_config(&db, "daily", None).await, add_config(&db, "other", None).await);
        let rare = add_run(&db, &daily).await.unwrap();
        assert!(run_claim(&db, rare, "a", at(0), at(30)).await.unwrap());
        assert!(run_finish(&db, rare, "a", &failed(), at(5)).await.unwrap());
        add_cancelled(&db, &daily, at(1), 2 * MOST_READ + 7).await;
        add_cancelled(&db, &other, at(20_000), 5).await;
        let failed =
            RunFilter { config: Some(daily.id), outcome: Some(Outcome::Failed), ..RunFilter::default() };
        let (mut before, mut pages) = (None, 0);
        let found = loop {
            let page = run_page(&db, None, &failed, Span::default(), before).await.unwrap();
            assert_eq!((page.total, page.is_among_newest), (0, true), "it is counted among the newest alone");
            pages += 1;
            if !page.rows.is_empty() {
                break page;
            }
            assert!(page.older < before.or(Some(i64::MAX)), "it goes on: {page:?}");
            before = page.older;
        };
        assert_eq!((pages, found.rows[0].id, found.rows.len(), found.older), (3, rare, 1, None));

        // What one index tells is found at once, however old it is.
        let failed = RunFilter { config: None, ..failed };
        let page = run_page(&db, None, &failed, Span::default(), None).await.unwrap();
        assert_eq!((page.rows[0].id, page.total, page.is_among_newest), (rare, 1, false));

        // So are days: those of them that are newest, in the middle of all.
        let days = Span { from: Some(at(100)), to: Some(at(103)) };
        let cancelled = RunFilter { config: Some(daily.id), ..RunFilter::default() };
        let page = run_page(&db, None, &cancelled, days, None).await.unwrap();
        assert_eq!((page.rows.len(), page.total, page.is_among_newest, page.older), (4, 4, false, None));
        let before_all = Span { from: None, to: Some(Timestamp(-1)) };
        let page = run_page(&db, None, &RunFilter::default(), before_all, None).await.unwrap();
        assert_eq!((page.rows.len(), page.total, page.older), (0, 0, None));
    })
    .await;
}

#[tokio::test]
async fn only_its_owner_says_how_far_a_run_is_and_what_its_file_will_be_called() {
    on_both(async |db| {
        let config = add_config(&db, "daily", None).await;
        let run = add_run(&db, &config).await.unwrap();
        assert!(run_claim(&db, run, "a", at(0), at(30)).await.unwrap());
        let progress = Progress { done: 1, total: 2 };
        run_progress(&db, run, "b", Phase::Packing, progress).await.unwrap();
        assert_eq!(run_fetch(&db, run).await.unwrap().unwrap().phase, Phase::Collecting);
        run_progress(&db, run, "a", Phase::Packing, progress).await.unwrap();
        assert_eq!(run_fetch(&db, run).await.unwrap().unwrap().phase, Phase::Packing);
        assert!(!run_reserve_file(&db, run, "b", "x.zip", "here").await.unwrap());
        assert!(run_reserve_file(&db, run, "a", "x.zip", "here").await.unwrap());
        assert!(run_list_leftover(&db, "here").await.unwrap().is_empty(), "the run goes on");
        assert!(run_finish(&db, run, "a", &failed(), at(5)).await.unwrap());
        assert_eq!(run_list_leftover(&db, "here").await.unwrap(), [(run, "x.zip".to_owned())]);
        assert!(run_list_leftover(&db, "elsewhere").await.unwrap().is_empty(), "another machine's file");
    })
    .await;
}

#[tokio::test]
async fn a_run_that_somebody_cancelled_is_cancelled_even_when_its_process_is_gone() {
    on_both(async |db| {
        let config = add_config(&db, "daily", None).await;
        let run = add_run(&db, &config).await.unwrap();
        run_claim(&db, run, "gone", at(0), at(30)).await.unwrap();
        run_cancel(&db, run, at(1)).await.unwrap();
        let mut tx = db.write().await.unwrap();
        assert_eq!(run_interrupt_in_txn(&mut tx, run, at(31)).await.unwrap(), Some(RunStatus::Cancelled));
        tx.commit().await.unwrap();
        assert_eq!(run_fetch(&db, run).await.unwrap().unwrap().status, RunStatus::Cancelled);
    })
    .await;
}
