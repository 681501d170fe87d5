//! The index of active texts, and which of them a search has to look into.

use std::fmt::Write;

use etiqa_model::DeviceId;
use etiqa_model::scope::Scope;
use etiqa_model::search::Search;
use sqlx::any::AnyRow;

use super::scope::narrow;
use crate::db::{Db, DbKind, Filter, Result, RowExt, Tx, built};
use crate::history::search::{Gram, Wanted};

/// An active text that may hold what is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose text.
    pub device_id: DeviceId,
    /// Its name.
    pub hostname: String,
    /// Its address.
    pub address: String,
    /// `running`, `startup`, …
    pub part: String,
    /// The number of the version.
    pub version: u32,
    /// The driver that took it.
    pub driver: String,
    /// Where the text is.
    pub text_sha256: String,
}

const CANDIDATES: &str = "SELECT v.device_id, d.hostname, d.address, v.part, v.version, v.driver, v.text_sha256 \
     FROM config_version v JOIN device d ON d.id = v.device_id";
const IN_ORDER: &str = " ORDER BY d.hostname, d.id, v.part";

/// Active texts behind $1 that are not in the index.
const MISSING: &str = "SELECT DISTINCT n.text_sha256 AS text_sha256 FROM config_version n \
     WHERE n.state = 'active' AND n.text_sha256 > $1 \
     AND NOT EXISTS (SELECT 1 FROM search_text t WHERE t.text_sha256 = n.text_sha256) ORDER BY n.text_sha256";
/// What of the index is active no more.
const STALE: &str = "SELECT t.id FROM search_text t WHERE NOT EXISTS \
     (SELECT 1 FROM config_version v WHERE v.text_sha256 = t.text_sha256 AND v.state = 'active')";

/// Active versions of the texts that the index picks, and of those that are not in it yet.
macro_rules! picked {
    ($texts:literal) => {
        concat!(
            "v.id IN (SELECT i.id FROM search_text s JOIN config_version i ON i.text_sha256 = s.text_sha256 ",
            "AND i.state = 'active' WHERE s.id IN (",
            $texts,
            ") UNION ALL SELECT n.id FROM config_version n WHERE n.state = 'active' ",
            "AND NOT EXISTS (SELECT 1 FROM search_text t WHERE t.text_sha256 = n.text_sha256))"
        )
    };
}
const PICKED_BY_SQLITE: &str = picked!("SELECT rowid FROM search_gram WHERE search_gram MATCH ?");
/// An array of grams per alternative; each is looked up in the index of arrays.
const PICKED_BY_POSTGRES: &str = picked!(
    "SELECT g.id FROM unnest(string_to_array(?, ';')) AS wanted (grams)
     JOIN search_gram g ON g.grams @> CAST(wanted.grams AS INTEGER[])"
);

/// The active texts of the scope that `search` has to look into, by host name and part: those that have what is `wanted`, and
/// those that are not in the index yet.
pub async fn search_candidates(
    db: &Db,
    scope: &Scope,
    search: &Search,
    wanted: &Wanted,
) -> Result<Vec<Candidate>> {
    let filter = candidates(db.kind(), scope, search, wanted);
    let rows = filter.query(CANDIDATES, IN_ORDER).fetch_all(db.reader()).await?;
    rows.iter().map(candidate).collect()
}

fn candidates(kind: DbKind, scope: &Scope, search: &Search, wanted: &Wanted) -> Filter {
    let mut filter = Filter::new();
    filter.and("v.state = 'active'");
    narrow(&mut filter, scope, "v.device_id");
    if let Some(alternatives) = wanted.alternatives() {
        match kind {
            DbKind::Sqlite => filter.and_text(PICKED_BY_SQLITE, match_of(alternatives)),
            DbKind::Postgres => filter.and_text(PICKED_BY_POSTGRES, arrays_of(alternatives)),
        };
    }
    if let Some(kind) = search.device_type {
        filter.and_text("d.device_type = ?", kind.as_str());
    }
    if let Some(site) = &search.site {
        filter.and_text("d.site = ?", site);
    }
    if let Some(tag) = &search.tag {
        filter.and_text("d.id IN (SELECT device_id FROM device_tag WHERE tag = ?)", tag);
    }
    if let Some(part) = &search.part {
        filter.and_text("v.part = ?", part);
    }
    if let Some(after) = search.after {
        filter
            .and_int("(d.hostname, d.id) > (SELECT a.hostname, a.id FROM device a WHERE a.id = ?)", after.0);
    }
    filter
}

/// FTS5's language: `("6e7470" AND "747020") OR ("…")`.
fn match_of(alternatives: &[Vec<Gram>]) -> String {
    let token = |gram: &Gram| format!("\"{:06x}\"", gram.number());
    let set = |grams: &Vec<Gram>| format!("({})", grams.iter().map(token).collect::<Vec<_>>().join(" AND "));
    // Where nothing can match, a gram that no text has: it would go across the end of a line.
    if alternatives.is_empty() {
        "\"0a0a0a\"".to_owned()
    } else {
        alternatives.iter().map(set).collect::<Vec<_>>().join(" OR ")
    }
}

/// PostgreSQL's arrays: `{7238768,7632928};{…}`.
fn arrays_of(alternatives: &[Vec<Gram>]) -> String {
    alternatives.iter().map(|grams| array_of(grams)).collect::<Vec<_>>().join(";")
}

fn array_of(grams: &[Gram]) -> String {
    let numbers: Vec<String> = grams.iter().map(|gram| gram.number().to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

/// Stored texts, still compressed, by their SHA-256; those that are gone are left out.
pub async fn text_list(db: &Db, sha256s: &[String]) -> Result<Vec<(String, Vec<u8>)>> {
    if sha256s.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (1..=sha256s.len()).map(|place| format!("${place}")).collect();
    let sql = format!("SELECT sha256, zstd FROM config_text WHERE sha256 IN ({})", places.join(","));
    let query = sha256s.iter().fold(sqlx::query(built(sql)), |query, sha256| query.bind(sha256.clone()));
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok((row.text("sha256")?, row.bytes("zstd")?))).collect()
}

/// Active texts behind `after` that are not in the index, in order, `limit` at most.
pub async fn search_list_missing(db: &Db, after: &str, limit: u32) -> Result<Vec<String>> {
    let sql = format!("{MISSING} LIMIT {limit}");
    let rows = sqlx::query(built(sql)).bind(after.to_owned()).fetch_all(db.reader()).await?;
    rows.iter().map(|row| row.text("text_sha256")).collect()
}

/// Ids of the index whose text is active no more, `limit` at most.
pub async fn search_list_stale(db: &Db, limit: u32) -> Result<Vec<i64>> {
    let sql = format!("{STALE} LIMIT {limit}");
    let rows = sqlx::query(built(sql)).fetch_all(db.reader()).await?;
    rows.iter().map(|row| row.int("id")).collect()
}

/// Adds a text to the index; one that is there stays as it is.
pub async fn search_insert_in_txn(tx: &mut Tx, kind: DbKind, sha256: &str, grams: &[Gram]) -> Result<()> {
    let sql =
        "INSERT INTO search_text (text_sha256) VALUES ($1) ON CONFLICT (text_sha256) DO NOTHING RETURNING id";
    let Some(row) = sqlx::query(sql).bind(sha256.to_owned()).fetch_optional(&mut **tx).await? else {
        return Ok(());
    };
    let id = row.int("id")?;
    let (sql, grams) = match kind {
        DbKind::Sqlite => ("INSERT INTO search_gram (rowid, grams) VALUES ($1, $2)", tokens_of(grams)),
        DbKind::Postgres => {
            ("INSERT INTO search_gram (id, grams) VALUES ($1, CAST($2 AS INTEGER[]))", array_of(grams))
        }
    };
    sqlx::query(sql).bind(id).bind(grams).execute(&mut **tx).await?;
    Ok(())
}

/// Six hex digits or more a gram, with spaces between.
fn tokens_of(grams: &[Gram]) -> String {
    let mut tokens = String::with_capacity(grams.len() * 8);
    for gram in grams {
        // To a string it never fails.
        let _ = write!(tokens, "{:06x} ", gram.number());
    }
    tokens
}

/// Takes texts out of the index.
pub async fn search_delete_in_txn(tx: &mut Tx, kind: DbKind, ids: &[i64]) -> Result<()> {
    let row_id = match kind {
        DbKind::Sqlite => "rowid",
        DbKind::Postgres => "id",
    };
    for (table, column) in [("search_gram", row_id), ("search_text", "id")] {
        let mut filter = Filter::new();
        filter.and_one_of(column, ids.iter().copied());
        filter.query(&format!("DELETE FROM {table}"), "").execute(&mut **tx).await?;
    }
    Ok(())
}

/// How many texts are in the index.
pub async fn search_count(db: &Db) -> Result<u64> {
    sqlx::query("SELECT COUNT(*) AS n FROM search_text").fetch_one(db.reader()).await?.count("n")
}

fn candidate(row: &AnyRow) -> Result<Candidate> {
    Ok(Candidate {
        device_id: DeviceId(row.int("device_id")?),
        hostname: row.text("hostname")?,
        address: row.text("address")?,
        part: row.text("part")?,
        version: row.count("version")?,
        driver: row.text("driver")?,
        text_sha256: row.text("text_sha256")?,
    })
}

#[cfg(test)]
mod tests {
    use etiqa_model::search::SearchInput;
    use sqlx::Row;

    use super::*;

    /// 200 devices, each with 100 versions, of which the last is active.
    const HISTORY: &str = "
        WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 19999)
        INSERT INTO config_version (device_id, part, version, state, text_sha256, compare_sha256, size_bytes, lines,
            added, removed, collected_at, driver, driver_sha256)
        SELECT n % 200 + 1, 'running', n / 200 + 1, iif(n >= 19800, 'active', 'inactive'), 'text ' || n, '', 1, 1, 1, 1, n,
            'ios', '' FROM n";
    const TEXTS: &str = "INSERT INTO config_text (sha256, size_bytes, zstd)
        WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 19999) SELECT 'text ' || n, 1, x'00' FROM n";
    const DEVICES: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
        INSERT INTO device (id, site, address, port, hostname, device_type, transport, description, enabled, status,
            created_at, updated_at) SELECT n, 's', 'd' || n, 22, 'd' || n, 'router', 'ssh', '', 1, 'unknown', 1, 1 FROM n";
    const INDEXED: &str =
        "INSERT INTO search_text (text_sha256) SELECT text_sha256 FROM config_version WHERE state = 'active'";

    #[tokio::test]
    async fn no_statement_walks_history() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join("etiqa.db")).await.unwrap();
        let mut tx = db.write().await.unwrap();
        for sql in [DEVICES, TEXTS, HISTORY, INDEXED] {
            sqlx::query(sql).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        for has_statistics in [false, true] {
            for (text, regex) in [("needle", false), (".", true)] {
                let input = SearchInput { text: text.into(), regex, ..SearchInput::default() };
                let search = input.parse().unwrap();
                let wanted = Wanted::of_search(&search).unwrap();
                let explain = format!("EXPLAIN QUERY PLAN {CANDIDATES}");
                for scope in ["", "site:s\ntag:core"] {
                    let scope = Scope::parse(scope).unwrap();
                    let asked = candidates(DbKind::Sqlite, &scope, &search, &wanted);
                    let plan = asked.query(&explain, IN_ORDER).fetch_all(db.reader()).await.unwrap();
                    assert_walks_no_history(&plan);
                }
            }
            for statement in [MISSING, STALE] {
                let plan = sqlx::query(built(format!("EXPLAIN QUERY PLAN {statement}"))).bind("");
                assert_walks_no_history(&plan.fetch_all(db.reader()).await.unwrap());
            }
            if !has_statistics {
                let mut tx = db.write().await.unwrap();
                sqlx::query("ANALYZE").execute(&mut *tx).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }

    /// Versions are found by their id, or by an index that has active ones alone.
    fn assert_walks_no_history(plan: &[AnyRow]) {
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        for step in &steps {
            let is_of_versions = [" v", " n", " i"]
                .iter()
                .any(|name| step.contains(&format!("{name} USING")) || step.ends_with(name));
            let is_short =
                ["PRIMARY KEY (rowid=?)", "config_version_active"].iter().any(|way| step.contains(way));
            assert!(!is_of_versions || is_short, "{steps:#?}");
        }
        assert!(steps.iter().any(|step| step.contains("config_version_active")), "{steps:#?}");
    }
}
