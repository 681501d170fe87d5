//! What a reader sees of a text: masked where they may not see secrets, without volatile spans where they ask for that.

use etiqa_model::UserError;
use etiqa_model::compare::Reading;
use etiqa_model::config::{ConfigVersion, ConfigVersionRow};
use etiqa_model::user::Role;

use super::text::{off_runtime, unpack};
use super::turns::{Turn, Turns};
use crate::collect::{DriverSet, compare_text, redact};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::config_version::text_fetch;

/// Large texts that are unpacked and masked at once.
static READINGS: Turns = Turns::new(2);

/// Somebody who reads texts, and how. The one place that decides who sees secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader(Reading);

impl Reader {
    /// A person of this role who asks to read so. Whoever is less than an operator sees no secret, whatever they ask.
    pub fn new(role: Role, asked: Reading) -> Self {
        Self(Reading { masked: asked.masked || role < Role::Operator, ..asked })
    }

    /// How they read.
    pub fn reading(self) -> Reading {
        self.0
    }

    /// Whether they see what is masked for others, and what would let them try that out.
    pub fn sees_secrets(self) -> bool {
        !self.0.masked
    }

    /// The same reader of texts that these drivers took. One that is gone cannot say what is volatile: then that stays in
    /// all of them, so that nobody takes it for left out, and none of it for a difference.
    pub(super) fn of_drivers<'a>(self, engine: &Engine, drivers: impl IntoIterator<Item = &'a str>) -> Self {
        if !self.0.without_volatile {
            return self;
        }
        let known = engine.drivers.current();
        let without_volatile = drivers.into_iter().all(|driver| known.get(driver).is_some());
        Self(Reading { without_volatile, ..self.0 })
    }

    /// A version with the name of its device, with the hash of its text where they may see all of that: beside a masked
    /// text it would let them try out what was masked.
    pub(super) fn row(self, mut row: ConfigVersionRow) -> ConfigVersionRow {
        row.sha256 = self.sees_secrets().then(|| row.version.sha256.clone());
        row
    }

    /// The text of a version, as they may see it.
    pub(super) async fn read(self, engine: &Engine, version: &ConfigVersion) -> Result<String> {
        let turn = READINGS.take_for(version.size_bytes).await?;
        let packed = text_fetch(&engine.db, &version.sha256).await?;
        let packed = packed.ok_or_else(|| UserError::not_found("text of this version"))?;
        self.prepare(engine, &version.driver, &version.part, turn, move || unpack(&packed)).await
    }

    /// `text` of `part`, which `driver` took, as they may see it.
    pub(super) async fn see(self, engine: &Engine, driver: &str, part: &str, text: String) -> Result<String> {
        let turn = READINGS.take_for(text.len() as u64).await?;
        self.prepare(engine, driver, part, turn, move || Ok(text)).await
    }

    /// Unpacking and masking a large text takes a second: off the runtime's threads.
    async fn prepare(
        self,
        engine: &Engine,
        driver: &str,
        part: &str,
        turn: Option<Turn>,
        text: impl FnOnce() -> Result<String> + Send + 'static,
    ) -> Result<String> {
        let (drivers, driver, part) = (engine.drivers.current(), driver.to_owned(), part.to_owned());
        off_runtime("reading a text", move || {
            let shown = text().and_then(|text| self.shown(&drivers, &driver, &part, text));
            drop(turn);
            shown
        })
        .await
    }

    fn shown(self, drivers: &DriverSet, driver: &str, part: &str, mut text: String) -> Result<String> {
        let known = drivers.get(driver);
        if self.0.masked {
            // A driver that is gone cannot say what is secret: then nothing is shown rather than too much.
            let Some(driver) = &known else {
                let what = format!("driver named {driver} to mask this text with");
                return Err(UserError::not_found(what).into());
            };
            text = redact(driver, &text);
        }
        if let Some(driver) = known.filter(|_| self.0.without_volatile) {
            text = compare_text(&driver, part, &text).into_owned();
        }
        Ok(text)
    }
}

impl From<Role> for Reader {
    /// A person of this role, who reads as much as they may.
    fn from(role: Role) -> Self {
        Self::new(role, Reading::default())
    }
}
