//! Reports: what rules came to with all devices, as a table for a spreadsheet or as JSON, piece by piece.

use std::sync::Arc;

use etiqa_model::rule::{ReportFilter, ReportFormat, RuleResult};
use etiqa_model::user::Reach;
use tokio::sync::mpsc;

use crate::engine::Engine;
use crate::error::Result;
use crate::inventory::export::push_row;
use crate::store::rule_result::{ReportedUpTo, rule_result_list_report};

/// Results of one piece.
const ROWS: u32 = 1_000;
/// Pieces that wait for who takes them.
const WAITING: usize = 2;

const COLUMNS: [&str; 14] = [
    "rule",
    "severity",
    "result",
    "hostname",
    "address",
    "site",
    "platform",
    "part",
    "version",
    "since",
    "newly_broken",
    "lines_that_tell",
    "lines",
    "advice",
];

/// The results in `filter` of enabled devices that somebody of this reach sees, by device, part and rule: it takes memory for a
/// few of them, however many there are. No pattern is in it, and of texts only numbers of lines.
pub async fn report(
    engine: &Arc<Engine>,
    reach: &Reach,
    filter: ReportFilter,
    format: ReportFormat,
) -> Result<mpsc::Receiver<Result<Vec<u8>>>> {
    if let Some(rule) = filter.rule {
        // A report of a rule that is gone would say that nothing breaks it.
        super::find(engine, rule).await?;
    }
    let (pieces, taken) = mpsc::channel(WAITING);
    let (engine, scope) = (Arc::clone(engine), reach.scope().clone());
    tokio::spawn(async move {
        let mut piece = begin(format);
        let (mut after, mut is_first) = (ReportedUpTo::default(), true);
        loop {
            let (results, last) =
                match rule_result_list_report(&engine.db, &scope, &filter, &after, ROWS).await {
                    Ok(read) => read,
                    Err(error) => {
                        let _ = pieces.send(Err(error.into())).await;
                        return;
                    }
                };
            after = last;
            let is_end = results.len() < ROWS as usize;
            for result in results {
                write(&mut piece, result, format, std::mem::take(&mut is_first));
            }
            if is_end && format == ReportFormat::Json {
                piece.push_str("\n]\n");
            }
            // Whoever asked for it may have gone away.
            if pieces.send(Ok(std::mem::take(&mut piece).into_bytes())).await.is_err() || is_end {
                return;
            }
        }
    });
    Ok(taken)
}

fn begin(format: ReportFormat) -> String {
    let mut begin = String::new();
    match format {
        ReportFormat::Csv => push_row(&mut begin, &COLUMNS.map(str::to_owned)),
        ReportFormat::Json => begin.push('['),
    }
    begin
}

fn write(piece: &mut String, result: RuleResult, format: ReportFormat, is_first: bool) {
    match format {
        ReportFormat::Csv => push_row(piece, &cells(result)),
        ReportFormat::Json => {
            piece.push_str(if is_first { "\n" } else { ",\n" });
            piece.push_str(&serde_json::to_string(&result).unwrap_or_default());
        }
    }
}

fn cells(result: RuleResult) -> [String; 14] {
    let lines: Vec<String> = result.lines.iter().map(u32::to_string).collect();
    [
        result.rule,
        result.severity.as_str().to_owned(),
        if result.broken { "broken" } else { "kept" }.to_owned(),
        result.hostname,
        result.address,
        result.site,
        result.platform,
        result.part,
        result.version.to_string(),
        result.since.to_whole_seconds().to_string(),
        if result.newly { "yes" } else { "no" }.to_owned(),
        result.hits.to_string(),
        lines.join(" "),
        result.advice,
    ]
}
