//! Trying a driver, as it is or edited, against a session that somebody pasted. Nothing is stored, and no device is asked.

use std::time::Duration;

use etiqa_model::bench::Bench;
use etiqa_model::{FieldError, UserError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::warnings_of;
use crate::audit::{Act, action, record_if_asked};
use crate::collect::{Driver, Limits, Outcome, read_pasted, rehearse_traced};
use crate::engine::Engine;
use crate::error::Result;

/// The longest text of a driver, and the longest paste, in bytes. Escaped as a form they are below what a request may hold.
const LONGEST_DRIVER: usize = 96 << 10;
const LONGEST_PASTE: usize = 512 << 10;

/// A driver's regexes over a long paste may take a processor for seconds.
static TURNS: Semaphore = Semaphore::const_new(2);

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(1),
    // A device of text answers at once or never.
    step: Duration::from_secs(2),
    deadline: Duration::from_secs(20),
    max_bytes: 8 << 20,
};

/// What the driver `name` makes of `transcript`; `text` is its TOML, or empty for the one in use.
pub async fn try_driver(engine: &Engine, name: &str, text: &str, transcript: &str) -> Result<Bench> {
    let (text, transcript) = (text.replace("\r\n", "\n"), transcript.replace("\r\n", "\n"));
    if text.len() > LONGEST_DRIVER {
        return Err(wrong("text", "The driver is longer than 96 KiB.").into());
    }
    if transcript.len() > LONGEST_PASTE {
        return Err(wrong("transcript", "The paste is longer than 512 KiB; leave out what repeats.").into());
    }
    let text = if text.trim().is_empty() {
        let known = engine.drivers.current().get(name).map(|driver| driver.text().to_owned());
        known.ok_or_else(|| UserError::not_found(format!("driver named {name}")))?
    } else {
        text
    };
    record_if_asked(&engine.db, Act::new(action::DRIVER_TRY).on_named(name)).await?;
    let name = name.to_owned();
    // Never closed.
    let turn = TURNS.acquire().await.map_err(|_| UserError::internal())?;
    let work = tokio::task::spawn_blocking(move || {
        // It goes along with the work, which outlives whoever asked for it.
        let _turn = turn;
        Handle::current().block_on(rehearsed(&name, &text, &transcript))
    });
    Ok(work.await.map_err(|_| UserError::internal())??)
}

async fn rehearsed(name: &str, text: &str, transcript: &str) -> std::result::Result<Bench, UserError> {
    let mut driver = Driver::parse(name, text).map_err(|error| wrong("text", error.to_string()))?;
    let warnings = warnings_of(&driver);
    let (recording, pasted_as) =
        read_pasted(&mut driver, transcript).map_err(|message| wrong("transcript", message))?;
    let (outcome, trace) = rehearse_traced(&driver, &recording, &LIMITS).await;
    Ok(Bench {
        class: outcome.class,
        message: outcome.message.clone(),
        pasted_as,
        warnings,
        steps: trace.steps,
        more_steps: trace.more_steps,
        parts: trace.parts,
        left_out: outcome.left_out.clone(),
        facts: facts(&outcome),
    })
}

fn facts(outcome: &Outcome) -> Vec<(String, String)> {
    let facts = &outcome.facts;
    let saved = facts.unsaved.map(|unsaved| if unsaved { "no" } else { "yes" }.to_owned());
    [
        ("Model", facts.model.clone()),
        ("Serial number", facts.serial.clone()),
        ("Version", facts.os_version.clone()),
        ("Saved", saved),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

fn wrong(field: &str, message: impl Into<String>) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message: message.into() }])
}
