//! Comparing any two texts: of versions, of devices, of times, of archives.

use etiqa_model::compare::{Comparison, Moment, SideInput, SideText, Which};
use etiqa_model::config::ConfigVersion;
use etiqa_model::device::Device;
use etiqa_model::{ErrorKind, FieldError, RunId, Timestamp, UserError};

use super::read::{LONGEST_DIFF, diff_texts, find_version};
use super::reader::Reader;
use crate::backup::inspect::{ArchivedText, archived_text};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::inventory;
use crate::schedule::due::instant_of;
use crate::store::config_version::version_list_as_of;

/// Compares two sides; what is wrong with one names its fields, `old[device]` and so on. Local times are those of
/// `zone`, an IANA name.
pub async fn compare(
    engine: &Engine,
    old: &SideInput,
    new: &SideInput,
    reader: Reader,
    zone: &str,
) -> Result<Comparison> {
    let (old_side, old_text) =
        side(engine, old, reader, zone).await.map_err(|error| in_side("old", error))?;
    let (new_side, new_text) =
        side(engine, new, reader, zone).await.map_err(|error| in_side("new", error))?;
    Ok(Comparison {
        diff: diff_texts(old_text, new_text, LONGEST_DIFF).await?,
        old: old_side,
        new: new_side,
        reading: reader.reading(),
    })
}

async fn side(engine: &Engine, input: &SideInput, reader: Reader, zone: &str) -> Result<(SideText, String)> {
    if input.device.trim().is_empty() {
        return Err(wrong("device", "Name a device.").into());
    }
    let which = Which::parse(&input.which).map_err(|message| wrong("which", message))?;
    let device =
        inventory::find(engine, input.device.trim()).await.map_err(|error| in_field("device", error))?;
    let part = Some(input.part.trim()).filter(|part| !part.is_empty());
    match which {
        Which::Archive(run) => {
            let found = archived_text(engine, run, &device, part).await;
            archived(engine, &device, run, found.map_err(|error| in_field("which", error))?, reader)
        }
        Which::Active | Which::Number(_) | Which::AsOf(_) => {
            let version = version_of(engine, &device, part, which, zone).await;
            let version = version.map_err(|error| in_field("which", error))?;
            let text = reader.read(engine, &version).await?;
            let side = SideText {
                device_id: Some(device.id),
                hostname: device.hostname,
                part: version.part,
                version: version.version,
                collected_at: version.collected_at,
                archive_of: None,
            };
            Ok((side, text))
        }
    }
}

fn archived(
    engine: &Engine,
    device: &Device,
    run: RunId,
    found: ArchivedText,
    reader: Reader,
) -> Result<(SideText, String)> {
    let text = reader.see(engine, &found.driver, &found.part, found.text)?;
    let side = SideText {
        device_id: Some(device.id),
        hostname: device.hostname.clone(),
        part: found.part,
        version: found.version,
        collected_at: found.collected_at,
        archive_of: Some(run),
    };
    Ok((side, text))
}

async fn version_of(
    engine: &Engine,
    device: &Device,
    part: Option<&str>,
    which: Which,
    zone: &str,
) -> Result<ConfigVersion> {
    let moment = match which {
        Which::AsOf(moment) => moment,
        Which::Number(number) => return find_version(engine, device.id, part, Some(number)).await,
        Which::Active | Which::Archive(_) => return find_version(engine, device.id, part, None).await,
    };
    let at = instant(moment, zone)?;
    let then = version_list_as_of(&engine.db, device.id, at).await?;
    let found = then.into_iter().find(|version| part.is_none_or(|part| version.part == part));
    Ok(found.ok_or_else(|| UserError::not_found("stored configuration from that time or before"))?)
}

/// The instant that a person means. Local times are those of `zone`, an IANA name; UTC where it is none.
pub fn instant(moment: Moment, zone: &str) -> Result<Timestamp, UserError> {
    match moment {
        Moment::Exact(at) => Ok(at),
        Moment::Local(reading) => {
            instant_of(zone, reading).ok_or_else(|| UserError::invalid("There is no such time."))
        }
    }
}

fn wrong(field: &str, message: impl Into<String>) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message: message.into() }])
}

/// What is not found, or cannot be read, belongs to the field that asked for it.
fn in_field(field: &str, error: Error) -> Error {
    match error {
        Error::User(error)
            if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Invalid) =>
        {
            wrong(field, error.message).into()
        }
        error => error,
    }
}

fn in_side(side: &str, error: Error) -> Error {
    match error {
        Error::User(mut error) => {
            for field in &mut error.fields {
                field.field = format!("{side}_{}", field.field);
            }
            Error::User(error)
        }
        error => error,
    }
}
