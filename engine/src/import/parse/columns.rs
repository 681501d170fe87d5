//! What the columns of a file mean.

use etiqa_model::device::DeviceInput;

/// A column or key that an import knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `ip` or `ip_address`: an IP address or a host name.
    Address,
    /// `hostname`.
    Hostname,
    /// `device_type` or `type`.
    DeviceType,
    /// `status`.
    Status,
    /// `description`.
    Description,
    /// `platform`.
    Platform,
    /// `port`.
    Port,
    /// `transport`.
    Transport,
    /// `credential`.
    Credential,
    /// `site`.
    Site,
    /// `tags`.
    Tags,
    /// `https_port`.
    HttpsPort,
}

impl Column {
    /// The column of this name in any case; spaces, hyphens and underscores do not count.
    pub(super) fn named(name: &str) -> Option<Self> {
        let folded: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        Some(match folded.as_str() {
            "ip" | "ipaddress" => Self::Address,
            "hostname" => Self::Hostname,
            "devicetype" | "type" => Self::DeviceType,
            "status" => Self::Status,
            "description" => Self::Description,
            "platform" => Self::Platform,
            "port" => Self::Port,
            "transport" => Self::Transport,
            "credential" => Self::Credential,
            "site" => Self::Site,
            "tags" => Self::Tags,
            "httpsport" => Self::HttpsPort,
            _ => return None,
        })
    }

    /// Its place in the form.
    pub(super) fn of(self, input: &mut DeviceInput) -> &mut String {
        match self {
            Self::Address => &mut input.address,
            Self::Hostname => &mut input.hostname,
            Self::DeviceType => &mut input.device_type,
            Self::Status => &mut input.status,
            Self::Description => &mut input.description,
            Self::Platform => &mut input.platform,
            Self::Port => &mut input.port,
            Self::Transport => &mut input.transport,
            Self::Credential => &mut input.credential,
            Self::Site => &mut input.site,
            Self::Tags => &mut input.tags,
            Self::HttpsPort => &mut input.https_port,
        }
    }
}

/// A set of columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Columns(u16);

impl Columns {
    /// Whether it has the column.
    pub fn has(self, column: Column) -> bool {
        self.0 & (1 << column as u16) != 0
    }

    /// Adds the column.
    pub(super) fn insert(&mut self, column: Column) {
        self.0 |= 1 << column as u16;
    }

    /// How many there are.
    pub(super) fn len(self) -> u32 {
        self.0.count_ones()
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        let mut set = Self::default();
        columns.into_iter().for_each(|column| set.insert(column));
        set
    }
}

/// Names that mean nothing here, each once, in the order met. A file may have a million of them: 50 are kept.
#[derive(Debug, Default)]
pub(super) struct Unknown(Vec<String>);

impl Unknown {
    pub(super) fn note(&mut self, name: &str) {
        let name: String = name.trim().chars().take(60).collect();
        if self.0.len() < 50 && !name.is_empty() && !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}
