//! `etiqa device`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::history::{decide, read};
use etiqa_engine::{Engine, Result, fleet, inventory};
use etiqa_model::class::Class;
use etiqa_model::config::VersionWords;
use etiqa_model::device::{DeviceInput, TestStep};
use serde_json::json;

use super::device_versions::{Export, VersionOf};
use super::{exit, output};

/// Manage devices and look at their configurations
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa device list")]
pub(crate) enum Device {
    /// Add a device
    #[command(
        after_help = "Example: etiqa device add 10.20.0.1 --hostname core-rtr-1 --type router --platform ios"
    )]
    Add {
        /// IP address or host name
        address: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a device; what is not named stays as it is
    #[command(after_help = "Example: etiqa device edit core-rtr-1 --tags core,vienna")]
    Edit {
        /// Host name or address
        device: String,
        /// Its new address
        #[arg(long)]
        address: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Collect it again
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Never collect it
        #[arg(long)]
        disable: bool,
    },
    /// Remove a device with all its versions
    #[command(after_help = "Example: etiqa device remove core-rtr-1")]
    Remove {
        /// Host name or address
        device: String,
    },
    /// Test the connection to a device, and show each step as it happens
    #[command(after_help = "Example: etiqa device test core-rtr-1\nNo configuration is asked for.")]
    Test {
        /// Host name or address
        device: String,
        /// How it went, with every step, as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the devices
    #[command(after_help = "Example: etiqa device list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a device's configuration
    #[command(after_help = "Example: etiqa device show core-rtr-1 --part running > core-rtr-1.cfg")]
    Show {
        /// Host name or address
        device: String,
        /// Which part; the first when not named
        #[arg(long, value_name = "P")]
        part: Option<String>,
        /// Which version; the active one when not named
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        /// The version with its text, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what changed between two versions
    #[command(after_help = "Example: etiqa device diff core-rtr-1 36 37")]
    Diff {
        /// Host name or address
        device: String,
        /// The older version; the one before TO when not named
        from: Option<u32>,
        /// The newer version; the active one when not named
        to: Option<u32>,
        /// Which part; the first when not named
        #[arg(long, value_name = "P")]
        part: Option<String>,
        /// The newer version and the difference, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a suspect version the active one
    #[command(after_help = "Example: etiqa device accept core-rtr-1 --part running --version 37")]
    Accept(VersionOf),
    /// Refuse a suspect version
    #[command(after_help = "Example: etiqa device reject core-rtr-1 --part running --version 37")]
    Reject(VersionOf),
    /// Make an older version the active one; nothing is sent to the device
    #[command(after_help = "Example: etiqa device activate core-rtr-1 --part running --version 36")]
    Activate(VersionOf),
    /// Give a version a label or a note; what is not named stays as it is
    #[command(
        after_help = "Example: etiqa device label core-rtr-1 --part running --version 36 --label \"before the upgrade\""
    )]
    Label {
        #[command(flatten)]
        version: VersionOf,
        /// A few words; empty takes it away
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// As much as needs to be said; empty takes it away
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Write texts into a zip, as they are or as they were
    #[command(after_help = "Example: etiqa device export network.zip --at 2026-11-01")]
    Export(Export),
}

/// What can be said of a device.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// A name for people
    #[arg(long)]
    hostname: Option<String>,
    /// check_point, f5_big_ip, infoblox, switch, router or other
    #[arg(long = "type", value_name = "TYPE")]
    device_type: Option<String>,
    /// The driver's name; the device is recognised by itself when not named
    #[arg(long)]
    platform: Option<String>,
    /// TCP port; the transport's own when not named
    #[arg(long)]
    port: Option<String>,
    /// ssh, or telnet, over which passwords cross the network in clear
    #[arg(long, value_name = "ssh|telnet")]
    transport: Option<String>,
    /// The jump host that it is reached through; empty: as its site says, or straight
    #[arg(long, value_name = "NAME")]
    jump_host: Option<String>,
    /// Also offer it old SSH algorithms; =false to stop that
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    legacy_ssh: Option<bool>,
    /// TCP port of its HTTPS, for the backups that it makes of itself; 443 when not named
    #[arg(long, value_name = "PORT")]
    https_port: Option<String>,
    /// The name of its credential; its site's are tried when not named
    #[arg(long)]
    credential: Option<String>,
    /// Its site
    #[arg(long)]
    site: Option<String>,
    /// With commas between
    #[arg(long)]
    tags: Option<String>,
    /// Free text
    #[arg(long)]
    description: Option<String>,
}

impl Device {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add { address, fields } => {
                let mut input = DeviceInput { address, ..DeviceInput::default() };
                fields.fill(&mut input);
                inventory::save(engine, None, &input).await?;
            }
            Self::Edit { device, address, fields, enable, disable } => {
                let known = inventory::find(engine, &device).await?;
                let mut input = known.to_input();
                input.address = address.unwrap_or(input.address);
                fields.fill(&mut input);
                inventory::save(engine, Some(known.id), &input).await?;
                if enable || disable {
                    inventory::set_enabled(engine, known.id, enable).await?;
                }
            }
            Self::Remove { device } => {
                let known = inventory::find(engine, &device).await?;
                inventory::delete(engine, known.id).await?;
            }
            Self::Test { device, json } => {
                let known = inventory::find(engine, &device).await?;
                let tell = |step: &TestStep| output::say(&format!("{:>6} ms  {}", step.after_ms, step.what));
                let test = fleet::test_connection(engine, &known, tell).await?;
                if json {
                    output::print_json(&test)?;
                } else {
                    output::print(test.message.as_deref().unwrap_or_default());
                }
                return Ok(exit(test.class.is_some_and(Class::is_good)));
            }
            Self::List { json } => list(engine, json).await?,
            Self::Show { device, part, version, json } => {
                let known = inventory::find(engine, &device).await?;
                let version = read::find_version(engine, known.id, part.as_deref(), version).await?;
                let text = read::whole_text(engine, &version).await?;
                if json {
                    output::print_json(&json!({ "version": version, "text": text }))?;
                } else {
                    output::print_text(&text);
                }
            }
            Self::Diff { device, from, to, part, json } => {
                let known = inventory::find(engine, &device).await?;
                let to = read::find_version(engine, known.id, part.as_deref(), to).await?;
                let from = match from {
                    Some(from) => {
                        Some(read::find_version(engine, known.id, Some(&to.part), Some(from)).await?)
                    }
                    None => None,
                };
                let diff = read::unified(engine, &known.hostname, from, &to).await?;
                if json {
                    output::print_json(&json!({ "version": to, "diff": diff }))?;
                } else {
                    output::print_text(&diff);
                }
            }
            Self::Accept(version) => decide::decide(engine, version.find(engine).await?.id, true).await?,
            Self::Reject(version) => decide::decide(engine, version.find(engine).await?.id, false).await?,
            Self::Activate(version) => decide::activate(engine, version.find(engine).await?.id).await?,
            Self::Label { version, label, note } => {
                let known = version.find(engine).await?;
                let words = VersionWords {
                    label: label.or(known.label).unwrap_or_default(),
                    note: note.or(known.note).unwrap_or_default(),
                };
                decide::describe(engine, known.id, &words).await?;
            }
            Self::Export(export) => export.run(engine).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Fields {
    fn fill(self, input: &mut DeviceInput) {
        let pairs = [
            (self.hostname, &mut input.hostname),
            (self.device_type, &mut input.device_type),
            (self.platform, &mut input.platform),
            (self.port, &mut input.port),
            (self.transport, &mut input.transport),
            (self.https_port, &mut input.https_port),
            (self.credential, &mut input.credential),
            (self.jump_host, &mut input.jump_host),
            (self.site, &mut input.site),
            (self.tags, &mut input.tags),
            (self.description, &mut input.description),
        ];
        for (new, field) in pairs {
            if let Some(new) = new {
                *field = new;
            }
        }
        input.legacy_ssh = self.legacy_ssh.unwrap_or(input.legacy_ssh);
    }
}

async fn list(engine: &Engine, json: bool) -> Result<()> {
    let devices = inventory::all(engine).await?;
    if json {
        return output::print_json(&devices);
    }
    let mut table =
        vec![["HOSTNAME", "ADDRESS", "TYPE", "SITE", "LAST RESULT", "LAST GOOD"].map(str::to_owned).to_vec()];
    for device in &devices {
        let result = match (&device.last_result, device.enabled) {
            (_, false) => "disabled",
            (Some(result), true) => result.class.label(),
            (None, true) => "never collected",
        };
        table.push(vec![
            device.hostname.clone(),
            format!("{}:{}", device.address, device.port),
            device.device_type.label().to_owned(),
            device.site.clone(),
            result.to_owned(),
            output::time(device.last_good_at),
        ]);
    }
    if devices.is_empty() {
        output::say("There are no devices yet; `etiqa import-devices FILE` brings some.");
        return Ok(());
    }
    output::print_table(&table);
    Ok(())
}
