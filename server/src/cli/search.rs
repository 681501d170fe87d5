//! `etiqa search`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::history::search::{Shown, find, index_texts};
use etiqa_engine::{Engine, Error, Result};
use etiqa_model::search::{DeviceHits, HitLine, SearchInput, TextHits};
use etiqa_model::user::Role;

use super::follow::has_live_server;
use super::output;

/// Texts that are added to the index by a search, where no server keeps it.
const INDEXED_BESIDE: u64 = 256;

/// Search the active configurations of all devices
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = "Examples: etiqa search 'ntp server 10.0.0.1'\n          \
                  etiqa search --regex '^snmp-server community \\S+ RW' --type switch --context 2\n\n\
                  Exit code: 0 found, 1 nothing found, 2 it could not be searched.")]
pub(crate) struct Search {
    /// What to search for, within one line; in any case
    pattern: String,
    /// PATTERN is a regular expression
    #[arg(long)]
    regex: bool,
    /// Upper and lower case are two things
    #[arg(long)]
    case_sensitive: bool,
    /// Only devices of this type: check_point, f5_big_ip, infoblox, switch, router or other
    #[arg(long = "type", value_name = "TYPE")]
    device_type: Option<String>,
    /// Only devices of this site
    #[arg(long)]
    site: Option<String>,
    /// Only devices with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only this part, such as running
    #[arg(long, value_name = "P")]
    part: Option<String>,
    /// Lines around each hit, 0 to 5
    #[arg(long, value_name = "N", default_value = "0")]
    context: String,
    /// Print the names of the texts with hits alone
    #[arg(long, short = 'l', conflicts_with = "json")]
    files_with_matches: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Search {
    /// Codes as grep has them: that nothing was found is no failure, and not the same as one.
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self.search(engine).await {
            Ok(true) => Ok(ExitCode::SUCCESS),
            Ok(false) => Ok(ExitCode::FAILURE),
            Err(error) => {
                output::complain_about(&error.into_user_error());
                Ok(ExitCode::from(2))
            }
        }
    }

    /// Prints what is found, and says whether anything was.
    async fn search(&self, engine: &Arc<Engine>) -> Result<bool> {
        let search = self.input().parse()?;
        let shown = Shown { context: search.context, lines: usize::MAX, bytes: usize::MAX };
        // Whoever runs this may read the database anyway.
        let mut finding = find(engine, search, &Role::Operator.into(), shown, None).await?;
        let mut printer = Printer { style: self.style(), has_printed: false };
        let mut is_read = printer.begin();
        while is_read && let Some(device) = finding.next().await? {
            is_read = printer.print(&device)?;
        }
        printer.end();
        drop(finding);
        if !has_live_server(engine).await? {
            index_texts(engine, INDEXED_BESIDE).await?;
        }
        Ok(printer.has_printed)
    }

    fn input(&self) -> SearchInput {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        SearchInput {
            text: self.pattern.clone(),
            regex: self.regex,
            match_case: self.case_sensitive,
            device_type: text(&self.device_type),
            site: text(&self.site),
            tag: text(&self.tag),
            part: text(&self.part),
            context: self.context.clone(),
            after: String::new(),
        }
    }

    fn style(&self) -> Style {
        match (self.json, self.files_with_matches) {
            (true, _) => Style::Json,
            (_, true) => Style::Names,
            _ => Style::Lines,
        }
    }
}

/// How hits are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `hostname/part:line: text`, as grep does.
    Lines,
    /// `hostname/part`.
    Names,
    /// An array with an object a device.
    Json,
}

/// Prints devices as they are found, so that none has to wait for the last.
struct Printer {
    style: Style,
    has_printed: bool,
}

impl Printer {
    fn begin(&self) -> bool {
        self.style != Style::Json || output::try_print("[")
    }

    /// False: nobody reads any more.
    fn print(&mut self, device: &DeviceHits) -> Result<bool> {
        let is_first = !std::mem::replace(&mut self.has_printed, true);
        if self.style == Style::Json {
            let json =
                serde_json::to_string(device).map_err(|error| Error::io("writing JSON")(error.into()))?;
            let comma = if is_first { "" } else { "," };
            return Ok(output::try_print(&format!("{comma}{json}")));
        }
        let mut is_read = true;
        for (number, text) in device.texts.iter().enumerate() {
            let name = format!("{}/{}", device.hostname, text.part);
            is_read = is_read
                && match self.style {
                    Style::Names => output::try_print(&name),
                    _ => print_lines(&name, text, is_first && number == 0),
                };
        }
        Ok(is_read)
    }

    fn end(&self) {
        if self.style == Style::Json {
            output::print("]");
        }
    }
}

/// A line of `--` stands between lines that are not neighbours, where lines around hits are shown at all.
fn print_lines(name: &str, text: &TextHits, is_first: bool) -> bool {
    let has_context = text.lines.iter().any(|line| !line.is_hit);
    let mut before: Option<u32> = None;
    for line in &text.lines {
        let is_apart = before.map_or(!is_first, |number| number + 1 != line.number);
        before = Some(line.number);
        if has_context && is_apart && !output::try_print("--") {
            return false;
        }
        if !output::try_print(&printed(name, line)) {
            return false;
        }
    }
    true
}

fn printed(name: &str, line: &HitLine) -> String {
    let sign = if line.is_hit { ':' } else { '-' };
    let text: String = line.spans.iter().map(|span| span.text.as_str()).collect();
    format!("{name}{sign}{}{sign} {text}", line.number)
}
