//! `etiqa migrate-to`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use etiqa_engine::handover::{HandedOver, Step, hand_over, take_back};
use etiqa_engine::{Options, Result};
use etiqa_model::Secret;
use serde_json::json;

use super::progress::Progress;
use super::{exit, output};

/// Move an instance from its SQLite file to PostgreSQL
///
/// Every row is copied and read back before any of it counts. Files (archives, vendor backups, attached files, the key)
/// stay in the data directory. No server and no other command may work with it meanwhile.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: etiqa migrate-to postgres://etiqa@db.example.net/etiqa --data-dir /srv/etiqa\n\n\
                  A password need not be in the URL: PGPASSWORD and ~/.pgpass are read as by other programs."
)]
pub(crate) struct MigrateTo {
    /// An empty PostgreSQL database: postgres://user:password@host/name
    #[arg(value_name = "URL", required_unless_present = "take_back", value_parser = super::secret())]
    url: Option<Secret>,
    /// Go back to the SQLite file, as it was when it was moved
    #[arg(long, conflicts_with = "url")]
    take_back: bool,
    /// What was moved as JSON: tables with their rows
    #[arg(long)]
    json: bool,
}

impl MigrateTo {
    pub(super) async fn run(self, options: Options) -> Result<ExitCode> {
        match self.url {
            Some(url) => {
                let mut progress = Progress::start("");
                let moved = hand_over(options, url.reveal(), |step| progress.at(&words(step), 0, 0)).await?;
                drop(progress);
                if self.json {
                    print_json(&moved)?;
                } else {
                    print_moved(&moved);
                }
                say_how_to_go_on(&moved);
                Ok(exit(true))
            }
            None => go_back(&options.data_dir, self.json).await,
        }
    }
}

fn words(step: Step) -> String {
    match step {
        Step::Copied(table, count) => format!("{table}: {} copied", rows(count)),
        Step::Compared(table, count) => format!("{table}: {} read back, the same", rows(count)),
    }
}

fn print_json(moved: &HandedOver) -> Result<()> {
    let tables: Vec<_> =
        moved.tables.iter().map(|(table, rows)| json!({ "table": table, "rows": rows })).collect();
    output::print_json(&json!({ "to": moved.to, "tables": tables }))
}

fn print_moved(moved: &HandedOver) {
    let mut table = vec![["TABLE", "ROWS"].map(str::to_owned).to_vec()];
    for (name, count) in &moved.tables {
        table.push(vec![(*name).to_owned(), output::count(*count)]);
    }
    output::print_table(&table);
    let total: u64 = moved.tables.iter().map(|(_, count)| count).sum();
    output::print(&format!("verified row by row: {} tables, {}", moved.tables.len(), rows(total)));
}

fn say_how_to_go_on(moved: &HandedOver) {
    let folder = moved.data_dir.display();
    output::say(&format!(
        "Moved to {}. From now on start the server, and run every other command, with --data-dir {folder} --database-url \
         URL. Archives stay in {folder}/backups, and all other files in {folder} as well. The SQLite file is kept as it \
         was, and does not start any more.",
        moved.to
    ));
}

async fn go_back(data_dir: &Path, json: bool) -> Result<ExitCode> {
    let taken_back = take_back(data_dir).await?;
    if json {
        output::print_json(&match taken_back {
            Some(moved) => json!({ "taken_back": true, "moved_to": moved.to, "moved_at": moved.at }),
            None => json!({ "taken_back": false }),
        })?;
        return Ok(exit(true));
    }
    let Some(moved) = taken_back else {
        output::print("Nothing to take back: this instance was not moved.");
        return Ok(exit(true));
    };
    output::print(&format!(
        "This instance is its SQLite file again, as it was at {}. What was done on {} since then is not in it: let no server \
         work with that any more.",
        output::time(Some(moved.at)),
        moved.to
    ));
    Ok(exit(true))
}

/// `1 row`, `120,000 rows`.
fn rows(count: u64) -> String {
    format!("{} row{}", output::count(count), if count == 1 { "" } else { "s" })
}
