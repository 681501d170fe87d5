//! What a reader sees of a text: masked where they may not see secrets, without volatile spans where they ask for that.

use etiqa_model::UserError;
use etiqa_model::compare::Reading;
use etiqa_model::config::ConfigVersion;
use etiqa_model::user::Role;

use super::text::text_read;
use crate::collect::{compare_text, redact};
use crate::engine::Engine;
use crate::error::Result;

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

    /// The text of a version, as they may see it.
    pub(super) async fn read(self, engine: &Engine, version: &ConfigVersion) -> Result<String> {
        let text = text_read(&engine.db, &version.sha256).await?;
        self.see(engine, &version.driver, &version.part, text)
    }

    /// `text` of `part`, which `driver` took, as they may see it.
    pub(super) fn see(self, engine: &Engine, driver: &str, part: &str, mut text: String) -> Result<String> {
        let known = engine.drivers.current().get(driver);
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
