//! Small writes that share a transaction. On SQLite every commit waits for the disk, and only one transaction writes at
//! a time: whoever comes meanwhile goes along with the next one. A write that fails takes none of the others with it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use sqlx::Executor;
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query;
use tokio::sync::oneshot;

use super::{Db, DbError, DbKind, Result, Tx};

/// Writes in one transaction; with more, the first of them would wait for long.
const MOST_TOGETHER: usize = 64;

/// A write that was handed in, whatever it gives.
trait Handed: Send {
    /// Whether somebody still waits for it.
    fn is_wanted(&self) -> bool;

    /// Does it; false: what it did is to be undone.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;

    /// Tells how it ended, now that its transaction has.
    fn tell(self: Box<Self>, committed: Result<(), Arc<DbError>>);
}

struct Work<T, W> {
    todo: Option<W>,
    done: Option<Result<T>>,
    told: oneshot::Sender<Result<T>>,
}

/// Writes that wait for the next transaction.
#[derive(Default)]
pub(super) struct Together {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    works: VecDeque<Box<dyn Handed>>,
    /// Somebody takes them from here until none is left.
    has_writer: bool,
}

/// Takes the works until none is left; where it breaks off, those that wait hear of it by being dropped.
struct Writer<'a> {
    together: &'a Together,
    is_done: bool,
}

impl Db {
    /// Does `work` within a transaction that it may share with others, and gives its result once that is committed. An
    /// error undoes this work alone; `work` must not end the transaction itself.
    pub async fn write_together<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        if self.kind == DbKind::Postgres {
            // It syncs the commits of several connections at once by itself, and two transactions that hold many
            // rows each could meet crosswise.
            let mut tx = self.write().await?;
            let done = work(&mut tx).await?;
            tx.commit().await?;
            return Ok(done);
        }
        let (told, answer) = oneshot::channel();
        if self.together.push(Box::new(Work { todo: Some(work), done: None, told })) {
            let db = self.clone();
            tokio::spawn(async move {
                let mut writer = Writer { together: &db.together, is_done: false };
                while let Some(works) = writer.next() {
                    db.write_all(works).await;
                }
            });
        }
        answer.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }

    /// Executes one statement that writes, alone or together with others, and gives the row that it returns.
    pub async fn write_one(&self, statement: Query<'static, Any, AnyArguments>) -> Result<Option<AnyRow>> {
        if self.kind == DbKind::Postgres {
            // A statement is a transaction by itself, in one round trip instead of three.
            // To the end of the answer, which comes after the commit.
            return Ok(statement.fetch_all(&self.writer).await?.into_iter().next());
        }
        self.write_together(|tx| Box::pin(async move { Ok(statement.fetch_optional(&mut **tx).await?) }))
            .await
    }

    async fn write_all(&self, mut works: Vec<Box<dyn Handed>>) {
        works.retain(|work| work.is_wanted());
        let committed = self.in_one_transaction(&mut works).await.map_err(Arc::new);
        for work in works {
            work.tell(committed.clone());
        }
    }

    async fn in_one_transaction(&self, works: &mut [Box<dyn Handed>]) -> Result<()> {
        let mut tx = self.write().await?;
        if let [only] = works {
            let is_good = only.run(&mut tx).await;
            if is_good {
                tx.commit().await?;
            } else {
                tx.rollback().await?;
            }
            return Ok(());
        }
        tx.execute("SAVEPOINT work").await?;
        let mut works = works.iter_mut().peekable();
        while let Some(work) = works.next() {
            // Where SQLite undid the whole transaction, as on a full disk, the savepoint is gone as well: an error,
            // and so none of the works is told that it is stored.
            let next = match (work.run(&mut tx).await, works.peek().is_some()) {
                (true, true) => "RELEASE work; SAVEPOINT work",
                (true, false) => "RELEASE work",
                (false, true) => "ROLLBACK TO work",
                (false, false) => "ROLLBACK TO work; RELEASE work",
            };
            tx.execute(next).await?;
        }
        Ok(tx.commit().await?)
    }
}

impl<T, W> Handed for Work<T, W>
where
    T: Send + 'static,
    W: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    fn is_wanted(&self) -> bool {
        !self.told.is_closed()
    }

    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            let Some(work) = self.todo.take() else { return false };
            self.done.insert(work(tx).await).is_ok()
        })
    }

    fn tell(self: Box<Self>, committed: Result<(), Arc<DbError>>) {
        let done = match (self.done, committed) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(shared)) => Err(DbError::Shared(shared)),
            (Some(done), Ok(())) => done,
            (None, Ok(())) => return,
        };
        // Gone means that nobody waits any more.
        let _ = self.told.send(done);
    }
}

impl Together {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `work`; whether somebody has to begin to take the works.
    fn push(&self, work: Box<dyn Handed>) -> bool {
        let mut waiting = self.waiting();
        waiting.works.push_back(work);
        !std::mem::replace(&mut waiting.has_writer, true)
    }
}

impl Writer<'_> {
    fn next(&mut self) -> Option<Vec<Box<dyn Handed>>> {
        let mut waiting = self.together.waiting();
        if waiting.works.is_empty() {
            waiting.has_writer = false;
            self.is_done = true;
            return None;
        }
        let count = waiting.works.len().min(MOST_TOGETHER);
        Some(waiting.works.drain(..count).collect())
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            *self.together.waiting() = Waiting::default();
        }
    }
}

impl fmt::Debug for Together {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together").field("waiting", &self.waiting().works.len()).finish()
    }
}
