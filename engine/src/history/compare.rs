//! Comparing any two texts: of versions, of devices, of times, of archives.

use etiqa_model::compare::{Comparison, Moment, SideInput, SideText, Which};
use etiqa_model::config::ConfigVersion;
use etiqa_model::device::Device;
use etiqa_model::opened::Opened;
use etiqa_model::user::Reach;
use etiqa_model::{ErrorKind, FieldError, RunId, Timestamp, UserError};

use super::archived::{listed_devices, named_device, same_device, text_of};
use super::read::{COMPARISONS, LONGEST_DIFF, diff_texts, find_version};
use super::reader::Reader;
use crate::access::About;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::inventory;
use crate::schedule::due::instant_of;
use crate::store::config_version::version_list_as_of;
use crate::store::device::device_list_by_name;

/// Compares two sides; what is wrong with one names its fields, `old[device]` and so on. Local times are those of
/// `zone`, an IANA name. Unchanged lines that are `opened` are in the difference as well. Devices that somebody of this reach
/// does not see are not there, and who has a scope reads no archive.
pub async fn compare(
    engine: &Engine,
    reach: &Reach,
    old: &SideInput,
    new: &SideInput,
    reader: Reader,
    zone: &str,
    opened: Opened,
) -> Result<Comparison> {
    // How large they are is known only once they are here.
    let turn = COMPARISONS.take().await?;
    let (old_side, old) = find(engine, reach, old, zone).await.map_err(|error| in_side("old", error))?;
    let (new_side, new) = find(engine, reach, new, zone).await.map_err(|error| in_side("new", error))?;
    let reader = reader.of_drivers(engine, [old.driver(), new.driver()]);
    let old = old.read(engine, &old_side.part, reader).await?;
    let new = new.read(engine, &new_side.part, reader).await?;
    Ok(Comparison {
        diff: diff_texts(old, new, LONGEST_DIFF, opened, Some(turn)).await?,
        old: old_side,
        new: new_side,
        reading: reader.reading(),
    })
}

/// Where a text is, as it was stored.
enum Source {
    Stored(Box<ConfigVersion>),
    Archived { driver: String, text: String },
}

impl Source {
    fn driver(&self) -> &str {
        match self {
            Self::Stored(version) => &version.driver,
            Self::Archived { driver, .. } => driver,
        }
    }

    async fn read(self, engine: &Engine, part: &str, reader: Reader) -> Result<String> {
        match self {
            Self::Stored(version) => reader.read(engine, &version).await,
            Self::Archived { driver, text } => reader.see(engine, &driver, part, text).await,
        }
    }
}

async fn find(engine: &Engine, reach: &Reach, input: &SideInput, zone: &str) -> Result<(SideText, Source)> {
    if input.device.trim().is_empty() {
        return Err(wrong("device", "Name a device.").into());
    }
    let which = Which::parse(&input.which).map_err(|message| wrong("which", message))?;
    let part = Some(input.part.trim()).filter(|part| !part.is_empty());
    let device = device_of(engine, reach, input).await;
    if let Which::Archive(run) = which {
        About::Everything.admit(engine, reach).await?;
        let device = match device {
            Ok(device) => Some(device),
            // An archive may hold what the inventory does not any more.
            Err(Error::User(error)) if error.kind == ErrorKind::NotFound => None,
            Err(error) => return Err(in_field("device", error)),
        };
        return archived(engine, run, device, input.device.trim(), part).await;
    }
    let device = device.map_err(|error| in_field("device", error))?;
    let version = version_of(engine, &device, part, which, zone).await;
    Ok(stored(device, version.map_err(|error| in_field("which", error))?))
}

/// The device that a person means: by its number (`#12`), its host name or its address.
async fn device_of(engine: &Engine, reach: &Reach, input: &SideInput) -> Result<Device> {
    if let Some(id) = input.device_number() {
        About::Device(id).admit(engine, reach).await?;
        return inventory::fetch(engine, id).await;
    }
    let name = input.device.trim();
    match inventory::find_seen(engine, reach, name).await {
        Err(Error::User(error)) if error.kind == ErrorKind::Conflict => {
            let devices = device_list_by_name(&engine.db, reach.scope(), name).await?;
            Err(several(name, &devices).into())
        }
        found => found,
    }
}

/// Two sites, or two ports, may have devices of one name and address: only their numbers tell them apart.
fn several(name: &str, devices: &[Device]) -> UserError {
    let ways: Vec<String> = devices
        .iter()
        .map(|device| {
            format!("#{} is {} port {} in site {}", device.id, device.address, device.port, device.site)
        })
        .collect();
    UserError::conflict(format!(
        "{} devices are called \"{name}\". Write the number of one: {}.",
        devices.len(),
        ways.join("; ")
    ))
}

fn stored(device: Device, version: ConfigVersion) -> (SideText, Source) {
    let side = SideText {
        device_id: Some(device.id),
        hostname: device.hostname,
        part: version.part.clone(),
        version: version.version,
        collected_at: version.collected_at,
        archive_of: None,
    };
    (side, Source::Stored(Box::new(version)))
}

/// A text out of an archive: of a device, or of the one of this name that is not in the inventory any more.
async fn archived(
    engine: &Engine,
    run: RunId,
    device: Option<Device>,
    name: &str,
    part: Option<&str>,
) -> Result<(SideText, Source)> {
    let in_which = |error| in_field("which", error);
    let listed = listed_devices(engine, run).await.map_err(in_which)?;
    let (device_id, hostname, listed) = match device {
        Some(device) => (Some(device.id), device.hostname.clone(), same_device(listed, &device)),
        None => {
            let named = named_device(listed, name, run);
            let named = named.map_err(|error| in_field("device", error.into()))?;
            (None, named.hostname.clone(), Some(named))
        }
    };
    let (found, text) = text_of(engine, run, listed, &hostname, part).await.map_err(in_which)?;
    let side = SideText {
        device_id,
        hostname,
        part: found.part,
        version: found.version,
        collected_at: found.collected_at,
        archive_of: Some(run),
    };
    Ok((side, Source::Archived { driver: found.driver, text }))
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
