//! `etiqa rule`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::{Engine, Result, inventory, rules};
use etiqa_model::UserError;
use etiqa_model::rule::{
    DeviceRules, ReportFilter, ReportFormat, RuleInput, RuleLine, RuleResult, Severity, StarterRule, Wants,
};
use etiqa_model::user::{Reach, Role};

use super::{exit, output};

/// Hold configurations against rules
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa rule report --csv > rules.csv")]
pub(crate) enum Rule {
    /// Add a rule
    #[command(
        after_help = "Examples: etiqa rule add 'NTP server' --contain 'ntp server 192.0.2.1' --part running\n          \
                      etiqa rule add 'VTY by SSH' --match '^\\s+transport input ssh$' --block '^line vty' \\\n            \
                      --platform ios --severity critical --advice 'Set \"transport input ssh\" on every VTY line.'"
    )]
    Add {
        /// Its name
        name: String,
        #[command(flatten)]
        asks: Asks,
        #[command(flatten)]
        about: Box<About>,
    },
    /// List the rules, and how many devices break each
    #[command(after_help = "Example: etiqa rule list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Hold configurations against the rules now, and say which are broken
    #[command(after_help = "Exit code: 0 no critical rule is broken, 1 one is.\n\n\
                            Examples: etiqa rule check\n          etiqa rule check core-rtr-1")]
    Check {
        /// Host name or address; every device where none is named
        device: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what is broken, on all devices
    #[command(after_help = "Exit code: 0 no critical rule is broken, 1 one is.\n\n\
                            Examples: etiqa rule report --csv > rules.csv\n          \
                            etiqa rule report --json --all | jq '.[] | select(.broken)'")]
    Report {
        /// As a table for a spreadsheet
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Also what is kept
        #[arg(long)]
        all: bool,
        /// Only this rule
        #[arg(long, value_name = "NAME")]
        rule: Option<String>,
        /// Only this severity: critical, warning or info
        #[arg(long, value_name = "S")]
        severity: Option<String>,
    },
    /// Switch a rule on
    #[command(after_help = "Example: etiqa rule enable 'NTP server'")]
    Enable {
        /// Its name
        name: String,
    },
    /// Switch a rule off; what it came to is forgotten
    #[command(after_help = "Example: etiqa rule disable 'NTP server'")]
    Disable {
        /// Its name
        name: String,
    },
    /// Remove a rule with all that it came to
    #[command(after_help = "Example: etiqa rule remove 'NTP server'")]
    Remove {
        /// Its name
        name: String,
    },
    /// List the starter set, or add some of it
    #[command(
        after_help = "Examples: etiqa rule starter\n          etiqa rule starter --platform ios --add\n          \
                            etiqa rule starter 'Junos: no telnet' 'Junos: syslog host'"
    )]
    Starter {
        /// Names of those to add
        names: Vec<String>,
        /// Only those for this platform
        #[arg(long, value_name = "P", conflicts_with = "names")]
        platform: Option<String>,
        /// Add all that are listed
        #[arg(long, conflicts_with = "names")]
        add: bool,
        /// As JSON
        #[arg(long, conflicts_with_all = ["names", "add"])]
        json: bool,
    },
}

/// What a rule asks.
#[derive(Debug, Args)]
pub(crate) struct Asks {
    /// A text that some line must contain; may be given several times
    #[arg(long, value_name = "TEXT", group = "kind")]
    contain: Vec<String>,
    /// A text that no line may contain; may be given several times
    #[arg(long, value_name = "TEXT", group = "kind")]
    not_contain: Vec<String>,
    /// A regular expression that must match some line; may be given several times
    #[arg(long = "match", value_name = "REGEX", group = "kind", allow_hyphen_values = true)]
    matching: Vec<String>,
    /// A regular expression that may match no line; may be given several times
    #[arg(long, value_name = "REGEX", group = "kind", allow_hyphen_values = true)]
    not_match: Vec<String>,
    /// Upper and lower case are two things
    #[arg(long)]
    match_case: bool,
    /// Only within the blocks whose header this regular expression matches
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    block: Option<String>,
    /// How grave it is: critical, warning or info
    #[arg(long, value_name = "S", default_value = "warning")]
    severity: String,
    /// A sentence of what to do where it is broken
    #[arg(long, value_name = "SENTENCE", default_value = "", hide_default_value = true)]
    advice: String,
    /// Hold nothing against it yet
    #[arg(long)]
    disabled: bool,
}

/// Which texts a rule is about.
#[derive(Debug, Args)]
pub(crate) struct About {
    /// Only texts of this platform
    #[arg(long, value_name = "P")]
    platform: Option<String>,
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
}

impl Rule {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add { name, asks, about } => {
                rules::save(engine, None, &input(name, asks, *about)?).await?;
            }
            Self::List { json } => list(engine, json).await?,
            Self::Check { device: Some(device), json } => return check_one(engine, &device, json).await,
            Self::Check { device: None, json } => return check_all(engine, json).await,
            Self::Report { csv, json, all, rule, severity } => {
                let format = match (csv, json) {
                    (true, _) => Some(ReportFormat::Csv),
                    (_, true) => Some(ReportFormat::Json),
                    _ => None,
                };
                let rule = match rule {
                    Some(name) => Some(rules::find_by_name(engine, &name).await?.id),
                    None => None,
                };
                let severity = severity.as_deref().map(Severity::parse).transpose();
                let severity = severity.map_err(UserError::invalid)?;
                rules::check_all(engine).await?;
                print_report(engine, ReportFilter { rule, severity, all }, format).await?;
                return Ok(exit(!rules::is_any_broken(engine, Severity::Critical, None).await?));
            }
            Self::Enable { name } => set_enabled(engine, &name, true).await?,
            Self::Disable { name } => set_enabled(engine, &name, false).await?,
            Self::Remove { name } => {
                let known = rules::find_by_name(engine, &name).await?;
                rules::remove(engine, known.id).await?;
            }
            Self::Starter { names, platform, add, json } => {
                starter(engine, names, platform.as_deref(), add, json).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Whoever runs this may read the database anyway.
fn everybody() -> Reach {
    Role::Admin.into()
}

fn input(name: String, asks: Asks, about: About) -> Result<RuleInput> {
    let Asks { contain, not_contain, matching, not_match, match_case, block, severity, advice, disabled } =
        asks;
    let kinds = [
        (Wants::Contain, contain),
        (Wants::NotContain, not_contain),
        (Wants::Match, matching),
        (Wants::NotMatch, not_match),
    ];
    let Some((wants, patterns)) = kinds.into_iter().find(|(_, patterns)| !patterns.is_empty()) else {
        let message = "Say what is looked for with --contain, --not-contain, --match or --not-match.";
        return Err(UserError::invalid(message).into());
    };
    Ok(RuleInput {
        name,
        wants: wants.as_str().to_owned(),
        patterns: patterns.join("\n"),
        match_case,
        block: block.unwrap_or_default(),
        platform: about.platform.unwrap_or_default(),
        device_type: about.device_type.unwrap_or_default(),
        site: about.site.unwrap_or_default(),
        tag: about.tag.unwrap_or_default(),
        part: about.part.unwrap_or_default(),
        severity,
        advice,
        enabled: !disabled,
    })
}

async fn set_enabled(engine: &Engine, name: &str, enabled: bool) -> Result<()> {
    let known = rules::find_by_name(engine, name).await?;
    rules::enable(engine, known.id, enabled).await
}

async fn list(engine: &Engine, json: bool) -> Result<()> {
    let rules = rules::list(engine, &everybody()).await?;
    if json {
        return output::print_json(&rules);
    }
    let head = ["NAME", "WANTS", "ABOUT", "SEVERITY", "STATE", "BROKEN BY"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for row in rules {
        let rule = row.rule;
        let state = match (rule.enabled, rule.is_checked) {
            (false, _) => "off",
            (true, false) => "being checked",
            (true, true) => "on",
        };
        table.push(vec![
            rule.name,
            rule.wants.label().to_owned(),
            rule.target.words(),
            rule.severity.to_string(),
            state.to_owned(),
            output::devices(row.broken),
        ]);
    }
    output::print_table(&table);
    Ok(())
}

async fn check_one(engine: &Engine, device: &str, json: bool) -> Result<ExitCode> {
    let device = inventory::find(engine, device).await?;
    rules::check_one(engine, device.id).await?;
    let found = rules::of_device(engine, device.id).await?;
    let is_critical = found.broken.iter().any(|(result, _)| result.severity == Severity::Critical);
    if json {
        output::print_json(&found)?;
    } else {
        let DeviceRules { broken, kept, .. } = found;
        for (result, lines) in &broken {
            print_result(result);
            lines.iter().for_each(print_line);
        }
        output::print(&format!("{} broken, {} kept", broken.len(), kept.len()));
    }
    Ok(exit(!is_critical))
}

async fn check_all(engine: &Arc<Engine>, json: bool) -> Result<ExitCode> {
    rules::check_all(engine).await?;
    let format = json.then_some(ReportFormat::Json);
    print_report(engine, ReportFilter::default(), format).await?;
    if !json {
        let words = rules::broken(engine, &everybody()).await?.map(|broken| broken.words);
        output::print(&words.unwrap_or_else(|| "No rule is broken.".to_owned()));
    }
    Ok(exit(!rules::is_any_broken(engine, Severity::Critical, None).await?))
}

/// Without a format a line for each result.
async fn print_report(
    engine: &Arc<Engine>,
    filter: ReportFilter,
    format: Option<ReportFormat>,
) -> Result<()> {
    let mut pieces =
        rules::report(engine, &everybody(), filter, format.unwrap_or(ReportFormat::Json)).await?;
    let mut text = String::new();
    while let Some(piece) = pieces.recv().await {
        let piece = piece?;
        text.push_str(&String::from_utf8_lossy(&piece));
        if format.is_some() {
            output::print_text(&std::mem::take(&mut text));
        }
    }
    if format.is_none() {
        let results: Vec<RuleResult> = serde_json::from_str(&text)
            .map_err(|error| etiqa_engine::Error::io("reading a report")(error.into()))?;
        results.iter().for_each(print_result);
    }
    Ok(())
}

fn print_result(result: &RuleResult) {
    let state = if result.broken { result.severity.as_str() } else { "kept" };
    let advice = if result.broken && !result.advice.is_empty() {
        format!(" {}", result.advice)
    } else {
        String::new()
    };
    let numbers: Vec<String> = result.lines.iter().map(u32::to_string).collect();
    let lines = if numbers.is_empty() { String::new() } else { format!(":{}", numbers.join(",")) };
    output::print(&format!("{state}: {}/{}{lines}: {}.{advice}", result.hostname, result.part, result.rule));
}

fn print_line(line: &RuleLine) {
    if let Some(text) = &line.text {
        output::print(&format!("  {}: {text}", line.number));
    }
}

async fn starter(
    engine: &Engine,
    names: Vec<String>,
    platform: Option<&str>,
    add: bool,
    json: bool,
) -> Result<()> {
    if !names.is_empty() {
        return add_starters(engine, &names).await;
    }
    let mut set = rules::starters(engine, &everybody()).await?;
    set.retain(|starter| platform.is_none_or(|platform| starter.rule.platform == platform));
    if add {
        if set.is_empty() {
            return Err(UserError::invalid("The starter set has no rule for this platform.").into());
        }
        let names: Vec<String> = set.into_iter().map(|starter| starter.rule.name).collect();
        return add_starters(engine, &names).await;
    }
    if json {
        return output::print_json(&set);
    }
    print_starters(&set);
    Ok(())
}

fn print_starters(set: &[StarterRule]) {
    let head = ["NAME", "PLATFORM", "SEVERITY", "DEVICES", "STATE", "SOURCE"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for starter in set {
        table.push(vec![
            starter.rule.name.clone(),
            starter.rule.platform.clone(),
            starter.rule.severity.clone(),
            starter.devices.to_string(),
            if starter.is_there { "there" } else { "" }.to_owned(),
            starter.source.clone(),
        ]);
    }
    output::print_table(&table);
}

async fn add_starters(engine: &Engine, names: &[String]) -> Result<()> {
    let added = rules::add_starters(engine, names).await?;
    let noun = if added == 1 { "rule" } else { "rules" };
    output::print(&format!("{added} {noun} added."));
    Ok(())
}
