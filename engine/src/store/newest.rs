//! Pages of histories, which nothing deletes: the newest rows first, and never more of them read than a bound.
//!
//! `LIMIT` bounds what is found, not what is read to find it: a rare outcome of a backup would read all of its history. What
//! an index finds is read from that index, the newest rows first; whatever else is asked is asked of so many of these alone.

use etiqa_model::Timestamp;
use etiqa_model::history::{HISTORY_ROWS, HistoryPage, MOST_COUNTED, MOST_READ};
use sqlx::any::AnyRow;

use super::run::Span;
use crate::db::{Db, Filter, Result, RowExt};

/// Rows of about the same time among which ids may not follow the clock, as after it was set back.
const OUT_OF_ORDER: u32 = 1_000;

/// A table that holds a history, its ids in the order in which things happened.
pub(super) struct History<T> {
    /// The table.
    pub(super) table: &'static str,
    /// Those of its columns that are asked about, and its id.
    pub(super) columns: &'static str,
    /// The column with the time of a row.
    pub(super) time: &'static str,
    /// That the time is a value or earlier.
    pub(super) until: &'static str,
    /// What is read of the rows of a page, and how their id is called there.
    pub(super) select: &'static str,
    /// How the id is called in `select`.
    pub(super) id: &'static str,
    /// Reads such a row.
    pub(super) row: fn(&AnyRow) -> Result<T>,
}

impl<T> History<T> {
    /// Narrows `rows`, which an index holds by their time, to those until `to`.
    pub(super) async fn narrow_until(&self, db: &Db, rows: &mut Filter, to: Option<Timestamp>) -> Result<()> {
        let Some(to) = to else { return Ok(()) };
        let Self { table, time, .. } = self;
        let mut earlier = rows.clone();
        let latest = earlier.and_int(self.until, to.millis()).query(
            &format!("SELECT COALESCE(MAX(id), 0) AS newest FROM (SELECT id FROM {table}"),
            &format!(" ORDER BY {time} DESC LIMIT {OUT_OF_ORDER}) AS latest"),
        );
        let newest = latest.fetch_one(db.reader()).await?.int("newest")?;
        rows.and_int("id <= ?", newest);
        Ok(())
    }

    /// A page of those of `rows` of which `ask` is true: before `before`, newest first. One index must hold `rows` in the
    /// order of their ids. None is older than `span` has it.
    pub(super) async fn page(
        &self,
        db: &Db,
        rows: &Filter,
        ask: impl FnOnce(&mut Filter),
        span: Span,
        before: Option<i64>,
    ) -> Result<HistoryPage<T>> {
        let Self { table, select, id, .. } = self;
        let mut asked = rows.clone();
        let question = asked.aside(ask);
        let is_asked = !question.is_empty();
        let question = if is_asked { format!(" WHERE {question}") } else { question };
        let columns = if is_asked { self.columns } else { "id" };

        let counted = if is_asked { u64::from(MOST_READ) } else { MOST_COUNTED };
        let counted = asked.query(
            &format!("SELECT COUNT(*) AS n FROM (SELECT {columns} FROM {table}"),
            &format!(" ORDER BY id DESC LIMIT {counted}) AS newest{question}"),
        );
        let total = counted.fetch_one(db.reader()).await?.count("n")?;
        let unread = if is_asked { self.unread(db, rows, span).await? } else { None };
        let is_among_newest = unread.is_some();

        let unread = match before {
            Some(before) => {
                asked.and_int("id < ?", before);
                let mut older = rows.clone();
                older.and_int("id < ?", before);
                if is_asked { self.unread(db, &older, span).await? } else { None }
            }
            None => unread,
        };
        // One more than is shown tells whether there are older ones.
        let shown = HISTORY_ROWS + 1;
        let read = if is_asked { MOST_READ } else { shown };
        let found = asked.query(
            &format!("{select} WHERE {id} IN (SELECT id FROM (SELECT {columns} FROM {table}"),
            &format!(
                " ORDER BY id DESC LIMIT {read}) AS newest{question} ORDER BY id DESC LIMIT {shown}) \
                 ORDER BY {id} DESC"
            ),
        );
        let mut found = found.fetch_all(db.reader()).await?;
        let has_more = found.len() > HISTORY_ROWS as usize;
        found.truncate(HISTORY_ROWS as usize);
        let older = match found.last().filter(|_| has_more) {
            Some(oldest) => Some(oldest.int("id")?),
            None => unread.map(|newest| newest + 1),
        };
        let rows = found.iter().map(self.row).collect::<Result<_>>()?;
        Ok(HistoryPage { rows, total, is_among_newest, older })
    }

    /// The newest of `rows` that is not read, where `span` does not end before it.
    async fn unread(&self, db: &Db, rows: &Filter, span: Span) -> Result<Option<i64>> {
        let Self { table, time, .. } = self;
        let next = rows.query(
            &format!("SELECT id, {time} AS at FROM {table}"),
            &format!(" ORDER BY id DESC LIMIT 1 OFFSET {MOST_READ}"),
        );
        let Some(row) = next.fetch_optional(db.reader()).await? else { return Ok(None) };
        let (id, at) = (row.int("id")?, row.time("at")?);
        Ok(span.from.is_none_or(|from| at >= from).then_some(id))
    }
}
