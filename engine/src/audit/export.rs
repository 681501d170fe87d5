//! The log written out: a table for a spreadsheet, or a JSON object a line.

use std::sync::Arc;

use etiqa_model::audit::{AuditChange, AuditFilter, AuditFormat, AuditRow};
use etiqa_model::shown::escaped;
use tokio::sync::mpsc;

use crate::backup::span;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::inventory::export::push_row;
use crate::store::audit::{audit_head_in_txn, audit_list_after_in_txn};

/// Rows of one piece.
const ROWS: u32 = 500;
/// Pieces that wait for who takes them.
const WAITING: usize = 2;

const COLUMNS: [&str; 12] = [
    "id",
    "at",
    "who",
    "means",
    "address",
    "action",
    "object_id",
    "object",
    "outcome",
    "words",
    "changes",
    "hash",
];

/// The rows in `filter`, oldest first, piece by piece: it takes memory for a few hundred of them, however many there are.
/// Days are those of `zone`. What is recorded meanwhile is not among them.
pub async fn export(
    engine: &Arc<Engine>,
    filter: AuditFilter,
    zone: &str,
    format: AuditFormat,
) -> Result<mpsc::Receiver<Result<Vec<u8>>>> {
    let span = span(filter.from.as_deref(), filter.to.as_deref(), zone)?;
    let mut tx = engine.db.read().await?;
    let last = audit_head_in_txn(&mut tx).await?.unwrap_or_default().last;
    tx.rollback().await?;
    let (pieces, taken) = mpsc::channel(WAITING);
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        let mut head = String::new();
        if format == AuditFormat::Csv {
            push_row(&mut head, &COLUMNS.map(str::to_owned));
        }
        let mut piece = head;
        let mut after = 0;
        loop {
            let read = async {
                let mut tx = engine.db.read().await?;
                let rows = audit_list_after_in_txn(&mut tx, &filter, span, after, ROWS).await?;
                tx.rollback().await?;
                Ok::<_, Error>(rows)
            };
            let rows = match read.await {
                Ok(rows) => rows,
                Err(error) => {
                    let _ = pieces.send(Err(error)).await;
                    return;
                }
            };
            let is_end = rows.len() < ROWS as usize;
            after = rows.last().map_or(after, |(row, _)| row.id);
            for (row, hash) in rows.into_iter().filter(|(row, _)| row.id <= last) {
                write(&mut piece, row, hash, format);
            }
            // Whoever asked for it may have gone away.
            if pieces.send(Ok(std::mem::take(&mut piece).into_bytes())).await.is_err()
                || is_end
                || after >= last
            {
                return;
            }
        }
    });
    Ok(taken)
}

fn write(text: &mut String, row: AuditRow, hash: String, format: AuditFormat) {
    match format {
        AuditFormat::Csv => push_row(text, &cells(row, hash)),
        AuditFormat::Lines => {
            let line = serde_json::to_value(row).map(|mut line| {
                line["hash"] = hash.into();
                line.to_string()
            });
            // The same text to whoever reads JSON, and nothing that a terminal obeys.
            text.push_str(&escaped(&line.unwrap_or_default()));
            text.push('\n');
        }
    }
}

fn cells(row: AuditRow, hash: String) -> [String; 12] {
    [
        row.id.to_string(),
        row.at.to_string(),
        row.who,
        row.means,
        row.address.unwrap_or_default(),
        row.action,
        row.object_id.map(|id| id.to_string()).unwrap_or_default(),
        row.object,
        row.outcome.as_str().to_owned(),
        row.words.unwrap_or_default(),
        row.changes.iter().map(told).collect::<Vec<_>>().join("; "),
        hash,
    ]
}

fn told(change: &AuditChange) -> String {
    let AuditChange { field, before, after, secret } = change;
    if *secret {
        return format!("{field}: changed");
    }
    let [before, after] = [before, after].map(|value| value.as_deref().unwrap_or("–"));
    format!("{field}: {before} → {after}")
}

#[cfg(test)]
mod tests {
    use etiqa_model::Timestamp;
    use etiqa_model::audit::AuditOutcome;

    use super::*;

    fn row(object: &str) -> AuditRow {
        AuditRow {
            id: 7,
            at: Timestamp(0),
            who: "ada".into(),
            means: "session".into(),
            address: None,
            action: "device.change".into(),
            object_id: None,
            object: object.into(),
            outcome: AuditOutcome::Done,
            words: None,
            changes: vec![
                AuditChange {
                    field: "port".into(),
                    before: Some("22".into()),
                    after: Some("23".into()),
                    secret: false,
                },
                AuditChange { field: "password".into(), before: None, after: None, secret: true },
            ],
        }
    }

    fn written(object: &str, format: AuditFormat) -> String {
        let mut text = String::new();
        write(&mut text, row(object), "00".into(), format);
        text
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(
            written("=1+1", AuditFormat::Csv),
            "7,1970-01-01T00:00:00Z,ada,session,,device.change,,'=1+1,done,,port: 22 → 23; password: changed,00\r\n"
        );
    }

    #[test]
    fn a_line_holds_nothing_that_a_terminal_obeys_and_reads_as_what_it_is() {
        let name = "a\u{1b}[2J\u{9b}2J\u{202e}b\u{2028}c";
        let line = written(name, AuditFormat::Lines);
        assert!(!line.trim_end().chars().any(etiqa_model::shown::misleads), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["object"].as_str(), Some(name));
    }

    #[test]
    fn a_line_is_one_object_with_its_hash() {
        let line = written("a\nb", AuditFormat::Lines);
        assert_eq!(line.matches('\n').count(), 1);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((read["object"].as_str(), read["hash"].as_str()), (Some("a\nb"), Some("00")));
        assert_eq!(read["changes"][1], serde_json::json!({"field": "password", "secret": true}));
    }
}
