//! The inventory as a table that an import takes, and that opens in a spreadsheet (RFC 4180).

use etiqa_model::Timestamp;
use etiqa_model::device::{Device, DeviceFilter, DeviceOrder};
use etiqa_model::user::Reach;

use crate::engine::Engine;
use crate::error::Result;
use crate::store::device::device_list_matching_promised;

const COLUMNS: [&str; 13] = [
    "ip",
    "hostname",
    "device_type",
    "status",
    "description",
    "platform",
    "port",
    "transport",
    "credential",
    "site",
    "tags",
    "last_class",
    "last_good_at",
];

/// What begins a formula, or comes to stand before one, in some spreadsheet: also in the wide form of East Asian keyboards,
/// which their versions read as the narrow one.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Every device in `filter` that somebody of this reach sees, a row each. The last two columns are for people: an import
/// leaves them out.
pub async fn csv(
    engine: &Engine,
    reach: &Reach,
    filter: &DeviceFilter,
    order: DeviceOrder,
) -> Result<String> {
    let promises = super::promises_of(engine, filter).await?;
    let devices = device_list_matching_promised(&engine.db, reach.scope(), filter, &promises, order).await?;
    let mut table = String::with_capacity(160 * (devices.len() + 1));
    push_row(&mut table, &COLUMNS.map(str::to_owned));
    for device in devices {
        push_row(&mut table, &cells(device));
    }
    Ok(table)
}

fn cells(device: Device) -> [String; 13] {
    [
        device.address,
        device.hostname,
        device.device_type.as_str().to_owned(),
        device.status.as_str().to_owned(),
        device.description,
        device.platform.unwrap_or_default(),
        device.port.to_string(),
        device.transport.as_str().to_owned(),
        device.credential.unwrap_or_default(),
        device.site,
        device.tags.join(";"),
        device.last_result.map(|result| result.class.as_str().to_owned()).unwrap_or_default(),
        device.last_good_at.map(Timestamp::to_whole_seconds).map(|at| at.to_string()).unwrap_or_default(),
    ]
}

/// Adds a row to a table, its cells as RFC 4180 has them.
pub(crate) fn push_row(table: &mut String, cells: &[String]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            table.push(',');
        }
        push_cell(table, cell);
    }
    table.push_str("\r\n");
}

/// A cell that a spreadsheet would take for a formula gets an apostrophe, which makes it text (OWASP, CSV injection).
fn push_cell(table: &mut String, cell: &str) {
    let guard = if cell.trim_start_matches(' ').starts_with(FORMULA) { "'" } else { "" };
    if cell.contains([',', '"', '\r', '\n']) {
        table.push('"');
        table.push_str(guard);
        table.push_str(&cell.replace('"', "\"\""));
        table.push('"');
    } else {
        table.push_str(guard);
        table.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> String {
        let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        let mut table = String::new();
        push_row(&mut table, &cells);
        table
    }

    #[test]
    fn what_would_end_a_cell_is_quoted() {
        assert_eq!(
            row(&["a", "b,c", "say \"hi\"", "two\nlines", ""]),
            "a,\"b,c\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(row(&["=1+1", "@x", "-2", "+3", "\tx", "a=b"]), "'=1+1,'@x,'-2,'+3,'\tx,a=b\r\n");
        assert_eq!(row(&["  =1+1", "＝1", "＠x", " a"]), "'  =1+1,'＝1,'＠x, a\r\n");
        assert_eq!(row(&["=HYPERLINK(\"x\",\"y\")"]), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"\r\n");
    }

    #[test]
    fn what_is_written_is_what_a_reader_of_csv_reads() {
        let cells = ["a,b", "\"q\"", "line\r\nend", " plain "];
        let written = row(&cells);
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(written.as_bytes());
        let read = reader.records().next().unwrap().unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), cells);
    }
}
