//! Texts out of archives of this instance, also of devices that are not in the inventory any more.

use etiqa_model::device::Device;
use etiqa_model::{RunId, Timestamp, UserError};
use serde::Deserialize;

use crate::backup::inspect::open_entry;
use crate::engine::Engine;
use crate::error::Result;

/// Lists the texts of an archive.
const LIST: &str = "network_configs.json";
/// Bytes of an entry that is read as a whole.
const LARGEST: usize = 256 << 20;

/// What the archive's list says of a device, as far as its texts are looked for.
#[derive(Debug, Deserialize)]
pub(super) struct ListedDevice {
    pub(super) hostname: String,
    site: String,
    address: String,
    port: u16,
    configs: Vec<ListedText>,
}

/// What it says of a text.
#[derive(Debug, Deserialize)]
pub(super) struct ListedText {
    pub(super) part: String,
    pub(super) version: u32,
    pub(super) collected_at: Timestamp,
    pub(super) driver: String,
    file: String,
}

#[derive(Deserialize)]
struct Listed {
    devices: Vec<ListedDevice>,
}

impl ListedDevice {
    /// Its text of this part, or its first.
    fn text(self, part: Option<&str>) -> Option<ListedText> {
        self.configs.into_iter().find(|text| part.is_none_or(|part| text.part == part))
    }
}

/// The devices that the archive of a run holds texts of.
pub(super) async fn listed_devices(engine: &Engine, run: RunId) -> Result<Vec<ListedDevice>> {
    let list = read_whole(engine, run, LIST).await?;
    let listed: Listed = serde_json::from_slice(&list).map_err(|_| {
        UserError::conflict(format!("The archive's {LIST} cannot be read; verify the archive."))
    })?;
    Ok(listed.devices)
}

/// A device of the inventory among those of an archive: by where it is reached.
pub(super) fn same_device(listed: Vec<ListedDevice>, device: &Device) -> Option<ListedDevice> {
    let is_it = |listed: &ListedDevice| {
        (&listed.site, &listed.address, listed.port) == (&device.site, &device.address, device.port)
    };
    listed.into_iter().find(is_it)
}

/// The one device of an archive that has this host name or address.
pub(super) fn named_device(
    listed: Vec<ListedDevice>,
    name: &str,
    run: RunId,
) -> Result<ListedDevice, UserError> {
    let is_it = |listed: &ListedDevice| {
        listed.hostname.eq_ignore_ascii_case(name) || listed.address.eq_ignore_ascii_case(name)
    };
    let mut found: Vec<ListedDevice> = listed.into_iter().filter(is_it).collect();
    match found.len() {
        0 => {
            let what = format!("device named \"{name}\", neither here nor in the archive of run {run}");
            Err(UserError::not_found(what))
        }
        1 => Ok(found.remove(0)),
        count => Err(UserError::conflict(format!(
            "{count} devices in the archive of run {run} are called \"{name}\". Use the name or address that only one has."
        ))),
    }
}

/// A text of a device in the archive of a run, with what the archive says of it; of this part, or the first.
pub(super) async fn text_of(
    engine: &Engine,
    run: RunId,
    device: Option<ListedDevice>,
    hostname: &str,
    part: Option<&str>,
) -> Result<(ListedText, String)> {
    let listed = device.and_then(|device| device.text(part)).ok_or_else(|| {
        let what = part.map_or_else(String::new, |part| format!("{part} of "));
        UserError::not_found(format!("text of {what}{hostname} in the archive of run {run}"))
    })?;
    let text = read_whole(engine, run, &listed.file).await?;
    Ok((listed, String::from_utf8_lossy(&text).into_owned()))
}

/// All of an entry, up to [`LARGEST`].
async fn read_whole(engine: &Engine, run: RunId, name: &str) -> Result<Vec<u8>> {
    let mut entry = open_entry(engine, run, name).await?;
    let mut whole = Vec::new();
    while let Some(piece) = entry.pieces.recv().await {
        whole.extend(piece.map_err(|_| {
            UserError::conflict(format!("{name} in the archive is damaged; verify the archive."))
        })?);
        if whole.len() > LARGEST {
            return Err(UserError::conflict(format!("{name} in the archive is too large to compare.")).into());
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(hostname: &str, address: &str) -> ListedDevice {
        let (hostname, address) = (hostname.to_owned(), address.to_owned());
        ListedDevice { hostname, site: "default".into(), address, port: 22, configs: Vec::new() }
    }

    fn named(name: &str) -> Result<String, String> {
        let all = vec![listed("core-1", "10.0.0.1"), listed("fw", "10.0.0.2"), listed("FW", "10.0.0.3")];
        named_device(all, name, RunId(7)).map(|device| device.address).map_err(|error| error.message)
    }

    #[test]
    fn a_device_of_an_archive_is_found_by_a_name_or_address_that_only_it_has() {
        assert_eq!(named("Core-1").unwrap(), "10.0.0.1");
        assert_eq!(named("10.0.0.3").unwrap(), "10.0.0.3");
        assert!(named("fw").unwrap_err().starts_with("2 devices in the archive of run 7 are called \"fw\"."));
        assert!(
            named("gone").unwrap_err().starts_with("There is no device named \"gone\", neither here nor")
        );
    }
}
