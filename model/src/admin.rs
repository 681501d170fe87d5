//! What the admin pages and the forms' choices show.

use serde::{Deserialize, Serialize};

use crate::UserError;
use crate::audit::FEWEST_DAYS;
use crate::destination::DestinationName;
use crate::device::Transport;
use crate::field::{Fields, number};
use crate::user::Role;
use crate::{CredentialId, JumpHostId, Timestamp};

/// What a driver was checked against, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedAgainst {
    /// The platform's own software.
    Software,
    /// Recorded sessions.
    Capture,
    /// The vendor's documents.
    Document,
    /// Nothing, or its author does not say.
    Unverified,
}

impl CheckedAgainst {
    /// The word in driver files and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::Capture => "capture",
            Self::Document => "document",
            Self::Unverified => "unverified",
        }
    }
}

/// A driver, built in or the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverRow {
    /// The platform's name, such as `ios`.
    pub name: String,
    /// The platform's name for a person, such as `Cisco IOS and IOS XE`.
    pub title: String,
    /// Whether it comes from the folder `drivers/` of the data directory.
    pub is_own: bool,
    /// SHA-256 of its text, lower-case hex.
    pub sha256: String,
    /// Why the newest text of the folder is not used; the last good one is.
    pub problem: Option<String>,
    /// What it was checked against.
    pub checked: CheckedAgainst,
    /// Which of it, in words; may be empty.
    pub checked_source: String,
    /// What in the user's own driver is worth a second look, with the line.
    pub warnings: Vec<String>,
    /// When it was last read anew; none for a built-in one.
    pub updated_at: Option<Timestamp>,
    /// Devices that would be collected with it.
    pub devices: u64,
}

/// A driver with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverText {
    /// The driver.
    pub driver: DriverRow,
    /// The TOML.
    pub text: String,
}

/// What an admin can set for the whole program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The scheduler looks at least this often, in minutes.
    pub tick_minutes: u32,
    /// Device sessions at once.
    pub max_sessions: u32,
    /// Device sessions at once with one site; 0: only the limit of all.
    pub max_sessions_per_site: u32,
    /// Device sessions at once through one jump host; 0: only the limit of all.
    pub max_sessions_per_jump_host: u32,
    /// How often a device that may just be busy is tried again within a run.
    pub retries: u32,
    /// How often devices are looked at whether they answer, in minutes; 0: never.
    pub reach_minutes: u32,
    /// The longest session with one device, in seconds.
    pub device_deadline_seconds: u32,
    /// The longest output of one device, in MiB.
    pub max_text_mib: u32,
    /// Vendors' own backups at once.
    pub max_artifacts: u32,
    /// How long a vendor's own backup of one device may take, in minutes.
    pub artifact_deadline_minutes: u32,
    /// The largest vendor's backup, in GiB.
    pub max_artifact_gib: u32,
    /// Every archive is read back again within so many days; 0: only when somebody asks.
    pub verify_days: u32,
    /// The newest archive that the program can open is tried out by a restore drill every so many days; 0: only when somebody
    /// asks.
    pub drill_days: u32,
    /// The largest file that may be attached to a device, in MiB.
    pub max_media_mib: u32,
    /// Whether programs may tell of changes by `POST /hooks/change`.
    pub change_webhook: bool,
    /// The audit log is kept for so many days.
    pub audit_days: u32,
    /// A session that is not used for so long ends, in hours.
    pub session_idle_hours: u32,
    /// A session ends after so many days, used or not.
    pub session_days: u32,
    /// Who must have a second factor. 0: nobody; 1: admins; 2: operators as well; 3: everybody.
    pub second_factor_roles: u32,
}

impl Settings {
    /// Whether who has this role must have a second factor.
    pub fn needs_second_factor(&self, role: Role) -> bool {
        self.second_factor_roles
            >= match role {
                Role::Admin => 1,
                Role::Operator => 2,
                Role::Viewer => 3,
            }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tick_minutes: 5,
            max_sessions: 64,
            max_sessions_per_site: 0,
            max_sessions_per_jump_host: 8,
            retries: 2,
            reach_minutes: 5,
            device_deadline_seconds: 300,
            max_text_mib: 64,
            max_artifacts: 4,
            artifact_deadline_minutes: 45,
            max_artifact_gib: 16,
            verify_days: 14,
            drill_days: 7,
            max_media_mib: 100,
            change_webhook: false,
            audit_days: 400,
            session_idle_hours: 12,
            session_days: 7,
            second_factor_roles: 0,
        }
    }
}

/// [`Settings`] as a person fills them in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsInput {
    /// 1 to 60.
    pub tick_minutes: String,
    /// 1 to 1,000.
    pub max_sessions: String,
    /// 0 to 1,000.
    pub max_sessions_per_site: String,
    /// 0 to 1,000.
    pub max_sessions_per_jump_host: String,
    /// 0 to 5.
    pub retries: String,
    /// 0 to 1,440.
    pub reach_minutes: String,
    /// 10 to 7,200.
    pub device_deadline_seconds: String,
    /// 1 to 1,024.
    pub max_text_mib: String,
    /// 1 to 64.
    pub max_artifacts: String,
    /// 1 to 600.
    pub artifact_deadline_minutes: String,
    /// 1 to 1,024.
    pub max_artifact_gib: String,
    /// 0 to 365.
    pub verify_days: String,
    /// 0 to 365.
    pub drill_days: String,
    /// 1 to 10,240.
    pub max_media_mib: String,
    /// A box that is ticked or not.
    pub change_webhook: bool,
    /// 30 to 3,650.
    pub audit_days: String,
    /// 1 to 720.
    pub session_idle_hours: String,
    /// 1 to 90.
    pub session_days: String,
    /// 0 to 3.
    pub second_factor_roles: String,
}

impl SettingsInput {
    /// Checks every field; the error names each wrong one.
    pub fn parse(&self) -> Result<Settings, UserError> {
        let mut fields = Fields::default();
        let mut take = |field: &str, what: &str, value: &str, range| {
            fields.check(field, number(what, value, range, None)).unwrap_or_default()
        };
        let settings = Settings {
            tick_minutes: take("tick_minutes", "The interval", &self.tick_minutes, 1..=60),
            max_sessions: take("max_sessions", "The number of sessions", &self.max_sessions, 1..=1_000),
            max_sessions_per_site: take(
                "max_sessions_per_site",
                "The number of sessions",
                &self.max_sessions_per_site,
                0..=1_000,
            ),
            max_sessions_per_jump_host: take(
                "max_sessions_per_jump_host",
                "The number of sessions",
                &self.max_sessions_per_jump_host,
                0..=1_000,
            ),
            retries: take("retries", "The number of retries", &self.retries, 0..=5),
            reach_minutes: take("reach_minutes", "The interval", &self.reach_minutes, 0..=1_440),
            device_deadline_seconds: take(
                "device_deadline_seconds",
                "The deadline",
                &self.device_deadline_seconds,
                10..=7_200,
            ),
            max_text_mib: take("max_text_mib", "The size limit", &self.max_text_mib, 1..=1_024),
            max_artifacts: take("max_artifacts", "The number of vendor backups", &self.max_artifacts, 1..=64),
            artifact_deadline_minutes: take(
                "artifact_deadline_minutes",
                "The deadline",
                &self.artifact_deadline_minutes,
                1..=600,
            ),
            max_artifact_gib: take("max_artifact_gib", "The size limit", &self.max_artifact_gib, 1..=1_024),
            verify_days: take("verify_days", "The number of days", &self.verify_days, 0..=365),
            drill_days: take("drill_days", "The number of days", &self.drill_days, 0..=365),
            max_media_mib: take("max_media_mib", "The size limit", &self.max_media_mib, 1..=10_240),
            change_webhook: self.change_webhook,
            audit_days: take("audit_days", "The number of days", &self.audit_days, FEWEST_DAYS..=3_650),
            session_idle_hours: take("session_idle_hours", "The limit", &self.session_idle_hours, 1..=720),
            session_days: take("session_days", "The limit", &self.session_days, 1..=90),
            second_factor_roles: take("second_factor_roles", "The choice", &self.second_factor_roles, 0..=3),
        };
        fields.finish()?;
        Ok(settings)
    }
}

/// What the device forms and filters offer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceChoices {
    /// Sites in use.
    pub sites: Vec<String>,
    /// Tags in use.
    pub tags: Vec<String>,
    /// Known drivers: name and title.
    pub platforms: Vec<(String, String)>,
    /// Platforms of devices that are there, chosen or recognised.
    pub platforms_in_use: Vec<String>,
    /// Names of the credentials.
    pub credentials: Vec<String>,
    /// Names of the jump hosts.
    pub jump_hosts: Vec<String>,
}

/// What the backup config form offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupChoices {
    /// IANA zones.
    pub time_zones: Vec<String>,
    /// The server's zone.
    pub default_zone: String,
    /// Sites in use.
    pub sites: Vec<String>,
    /// Tags in use.
    pub tags: Vec<String>,
    /// Where archives can be sent to.
    pub destinations: Vec<DestinationName>,
}

/// When a schedule would run, shown while a person edits it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePreview {
    /// In words: "daily at 02:00, Europe/Vienna".
    pub words: String,
    /// The next five times.
    pub times: Vec<Timestamp>,
}

/// What a check of an archive found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyOutcome {
    /// Entries read back.
    pub entries: u64,
    /// Bytes read back, unpacked.
    pub bytes: u64,
    /// It is sealed for others: its bytes are those that were read back when it was made, and nobody here can open it.
    #[serde(default)]
    pub sealed: bool,
    /// What is wrong, naming the entry; none: all is well.
    pub damage: Option<String>,
}

/// Whether a recovery kit was taken that holds everything that is needed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitState {
    /// When it was taken last.
    pub taken_at: Option<Timestamp>,
    /// Whether neither the key nor a passphrase is newer.
    pub is_current: bool,
    /// How many passphrases there are.
    pub passphrases: u64,
}

/// A server that passes connections on to devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JumpHost {
    /// Row id.
    pub id: JumpHostId,
    /// Unique.
    pub name: String,
    /// It serves the devices of this site that name none.
    pub site: Option<String>,
    /// IP address or host name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// What it is logged in to with.
    pub credential_id: Option<CredentialId>,
    /// That credential's name.
    pub credential: Option<String>,
    /// The jump host that it is itself reached through.
    pub via_id: Option<JumpHostId>,
    /// That jump host's name.
    pub via: Option<String>,
    /// Whether old SSH algorithms are offered to it.
    pub legacy_ssh: bool,
    /// Its remembered key, `SHA256:…`; none until it was first reached.
    pub fingerprint: Option<String>,
    /// The changed key that waits for a person, `SHA256:…`.
    pub offered: Option<String>,
    /// Devices that name it.
    pub devices: u64,
}

impl JumpHost {
    /// The same jump host as a person would fill it in.
    pub fn to_input(&self) -> JumpHostInput {
        JumpHostInput {
            name: self.name.clone(),
            address: self.address.clone(),
            port: if self.port == Transport::Ssh.default_port() {
                String::new()
            } else {
                self.port.to_string()
            },
            credential: self.credential.clone().unwrap_or_default(),
            via: self.via.clone().unwrap_or_default(),
            site: self.site.clone().unwrap_or_default(),
            legacy_ssh: self.legacy_ssh,
        }
    }
}

/// A jump host as a person fills it in, every field a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JumpHostInput {
    /// Required.
    pub name: String,
    /// IP address or host name; required.
    pub address: String,
    /// 22 when empty.
    pub port: String,
    /// The name of a credential; required.
    pub credential: String,
    /// The jump host that it is itself reached through, or empty.
    pub via: String,
    /// It serves the devices of this site that name none; empty: only those that name it.
    pub site: String,
    /// Also offer old SSH algorithms.
    pub legacy_ssh: bool,
}

/// How many there are, and how many of them need a hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub count: u64,
    /// Those that need a hand.
    pub in_need: u64,
}

/// What there is to administer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminCounts {
    /// Devices, disabled ones among them; in need as the first page of all tells.
    pub devices: Tally,
    /// Backup configs; in need: the last run failed.
    pub backups: Tally,
    /// Users.
    pub users: u64,
    /// API tokens; in need: expired.
    pub tokens: Tally,
    /// Credentials; in need: being rotated.
    pub credentials: Tally,
    /// Jump hosts; in need: with another key than the known one.
    pub jump_hosts: Tally,
    /// Drivers; in need: with a newest text that is not valid.
    pub drivers: Tally,
    /// Destinations; in need: with a problem.
    pub destinations: Tally,
    /// Channels of notifications; in need: with a problem.
    pub channels: Tally,
    /// Jobs that wait, are worked on or were given up; in need: given up.
    pub jobs: Tally,
    /// Servers and workers; in need: vanished.
    pub machines: Tally,
    /// The recovery kit.
    pub kit: KitState,
}

/// A section of the admin's pages, as its first page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminSection {
    /// Its name.
    pub name: String,
    /// Its address.
    pub to: String,
    /// How much is in it, in words.
    pub count: String,
    /// What it is for.
    pub words: String,
    /// What needs a hand, in a few words.
    pub needs: Option<String>,
}
