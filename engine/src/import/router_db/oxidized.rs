//! Oxidized's source `csv`: one device a line, columns by number, as its configuration maps them.
//!
//! Its documents: `docs/Sources.md`. There the delimiter is a regular expression; that of its every example is one character.

use etiqa_model::device::DeviceInput;
use etiqa_model::{Secret, UserError};

use super::{
    Listed, ListedLogin, Names, RouterDbOptions, RouterDbReport, import, lines, set_platform, text_of,
};
use crate::engine::Engine;
use crate::error::Result;

/// What a column of Oxidized's is called in `map` or `vars_map`, and whether it means something here.
const KNOWN: &[&str] =
    &["name", "ip", "model", "group", "username", "password", "input", "enable", "ssh_port", "telnet_port"];
/// A line with more columns is none of a `router.db`.
const MOST_COLUMNS: usize = 100;

/// Which column holds what: the name that Oxidized's configuration gives it, and its number from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OxidizedColumns(Vec<(String, usize)>);

impl Default for OxidizedColumns {
    /// As Oxidized has it where nothing is said.
    fn default() -> Self {
        Self(vec![("name".into(), 0), ("model".into(), 1)])
    }
}

impl OxidizedColumns {
    /// Reads `name=0,ip=1,model=2`; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut columns = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let split = pair.split_once(['=', ':']);
            let read = split.and_then(|(name, number)| {
                let number = number.trim().parse::<usize>().ok().filter(|number| *number < MOST_COLUMNS)?;
                Some((name.trim().to_lowercase(), number))
            });
            let Some(column) = read.filter(|(name, _)| !name.is_empty()) else {
                return Err(format!(
                    "The column map takes pairs such as name=0,ip=1,model=2, counted from 0; \"{pair}\" is none."
                ));
            };
            columns.push(column);
        }
        Ok(Self(columns))
    }

    /// These columns and those.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    fn of<'l>(&self, name: &str, cells: &[&'l str]) -> &'l str {
        let column = self.0.iter().find(|(known, _)| known == name);
        column.and_then(|(_, number)| cells.get(*number)).map_or("", |cell| cell.trim())
    }
}

/// An Oxidized's configuration, as far as it says how its `router.db` is read.
#[derive(Debug, Clone, Default)]
pub struct Oxidized {
    /// `delimiter`; a colon where it is empty.
    pub delimiter: String,
    /// `map` and `vars_map`.
    pub columns: OxidizedColumns,
    /// `model_map`, and what models mean here.
    pub models: Names,
    /// Which site a group is; a group that is not named is a site of its name.
    pub groups: Names,
    /// `model`: of devices that name none.
    pub default_model: String,
}

impl Oxidized {
    /// Imports a `router.db`.
    pub async fn import(
        &self,
        engine: &Engine,
        content: &[u8],
        options: &RouterDbOptions,
    ) -> Result<RouterDbReport> {
        import(engine, self.read(content)?, options).await
    }

    /// The devices of a file.
    pub fn read(&self, content: &[u8]) -> Result<Vec<Listed>, UserError> {
        let text = text_of(content)?;
        let has = |name: &str| self.columns.0.iter().any(|(known, _)| known == name);
        if !has("name") && !has("ip") {
            return Err(UserError::invalid(
                "The column map names neither name nor ip: no device can be found.",
            ));
        }
        let delimiter = self.delimiter();
        Ok(lines(&text).map(|(line, words)| self.listed(line, words, &delimiter)).collect())
    }

    /// The delimiter without what makes a regular expression of it in Ruby: `/:/`, `!ruby/regexp /:/`.
    fn delimiter(&self) -> String {
        let bare = match self.delimiter.strip_prefix("!ruby/regexp") {
            Some(regexp) => regexp.trim_matches(' '),
            None => self.delimiter.as_str(),
        };
        let inner = bare.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap_or(bare);
        match inner {
            "" => ":".to_owned(),
            "\\t" | "tab" => "\t".to_owned(),
            inner => inner.strip_prefix('\\').unwrap_or(inner).to_owned(),
        }
    }

    fn listed(&self, line: u64, words: &str, delimiter: &str) -> Listed {
        let cells: Vec<&str> = words.split(delimiter).take(MOST_COLUMNS).collect();
        let of = |name: &str| self.columns.of(name, &cells);
        let (name, ip) = (of("name"), of("ip"));
        let mut listed = Listed {
            line,
            device: DeviceInput {
                address: if ip.is_empty() { name } else { ip }.to_owned(),
                hostname: name.to_owned(),
                ..DeviceInput::default()
            },
            ..Listed::default()
        };
        let model = if of("model").is_empty() { self.default_model.as_str() } else { of("model") };
        set_platform(&mut listed, "model", model, &self.models);
        let group = of("group");
        let site = self.groups.get(&group.to_lowercase()).map_or(group, String::as_str);
        site.clone_into(&mut listed.device.site);
        Self::set_transport(&mut listed, of("input"), of("ssh_port"), of("telnet_port"));
        if !of("username").is_empty() {
            let mut login = ListedLogin { username: of("username").to_owned(), ..ListedLogin::default() };
            login.secrets.password = Secret::new(of("password"));
            // Oxidized writes `true` where a device enters its privileged mode without a password.
            let enable = Some(of("enable")).filter(|word| *word != "true").unwrap_or_default();
            login.secrets.enable_password = Secret::new(enable);
            listed.login = Some(login);
        }
        for (name, number) in &self.columns.0 {
            let is_said = cells.get(*number).is_some_and(|cell| !cell.trim().is_empty());
            if is_said && !KNOWN.contains(&name.as_str()) {
                listed.notes.push(format!("\"{name}\" means nothing here and is left out."));
            }
        }
        listed
    }

    fn set_transport(listed: &mut Listed, input: &str, ssh_port: &str, telnet_port: &str) {
        let mut ways = input.split([',', ' ']).map(str::trim).filter(|way| !way.is_empty());
        let (transport, port) = match ways.next() {
            Some(way) if way.eq_ignore_ascii_case("telnet") => ("telnet", telnet_port),
            None if ssh_port.is_empty() && !telnet_port.is_empty() => ("telnet", telnet_port),
            None => ("", ssh_port),
            Some(way) if way.eq_ignore_ascii_case("ssh") => ("ssh", ssh_port),
            Some(way) => {
                listed.notes.push(format!("The input \"{way}\" is none here; the device is reached by SSH."));
                ("", ssh_port)
            }
        };
        transport.clone_into(&mut listed.device.transport);
        port.clone_into(&mut listed.device.port);
    }
}
