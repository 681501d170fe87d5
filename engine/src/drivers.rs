//! The drivers in use: the built-in ones, and the user's own from the folder `drivers/` of the data directory.
//!
//! The folder is read into the database, which every machine uses. A file that is not valid keeps the last good text
//! of its name in use, and the reason is shown. A session keeps the driver it began with.

pub mod bench;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use etiqa_model::UserError;
use etiqa_model::admin::{CheckedAgainst, DriverRow, DriverText};
use etiqa_model::device::{Device, DeviceFacts};
use etiqa_model::user::Reach;

use crate::collect::{Against, Driver, DriverSet};
use crate::data_dir::DataDir;
use crate::db::Db;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hex::sha256_hex;
use crate::store::device::device_count_by_platform;
use crate::store::driver::{OwnDriver, driver_delete, driver_list, driver_save};
use crate::time::now;

/// A driver file larger than this is not one.
const LARGEST_FILE: u64 = 1 << 20;

/// The drivers in use.
#[derive(Debug)]
pub struct Drivers {
    set: RwLock<DriverSet>,
}

impl Drivers {
    /// Reads the folder and the database.
    pub async fn load(db: &Db, dir: &DataDir) -> Result<Self> {
        let drivers = Self { set: RwLock::new(DriverSet::built_in()) };
        drivers.refresh(db, dir).await?;
        Ok(drivers)
    }

    /// The set as it stands.
    pub fn current(&self) -> DriverSet {
        self.set.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the folder again; what changed is in use from now on.
    pub async fn refresh(&self, db: &Db, dir: &DataDir) -> Result<()> {
        let folder = dir.drivers();
        let files = tokio::task::spawn_blocking(move || read_folder(&folder))
            .await
            .map_err(|_| UserError::internal())?
            .map_err(Error::io("reading the drivers folder"))?;
        let known = driver_list(db).await?;
        let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        // Only what was read from this folder is missing when it is not in it: other machines have folders as well.
        let is_ours = |own: &&OwnDriver| own.data_dir.as_deref() == Some(dir.id());
        for gone in known.iter().filter(is_ours).filter(|own| !names.contains(own.name.as_str())) {
            driver_delete(db, &gone.name).await?;
        }
        for (name, text) in &files {
            let before = known.iter().find(|own| &own.name == name);
            if let Some(own) = read_anew(name, text, before, dir.id()) {
                if let Some(problem) = &own.problem {
                    tracing::warn!(driver = %name, %problem, "a driver of the drivers folder is not valid");
                }
                driver_save(db, &own).await?;
            }
        }
        let own = driver_list(db).await?;
        let valid = own
            .iter()
            .filter_map(|own| own.text.as_deref().and_then(|text| Driver::parse(&own.name, text).ok()))
            .collect();
        let set = DriverSet::built_in().with_own(valid);
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }
}

/// The row for a file that is new or changed; none when it is as it was.
fn read_anew(name: &str, text: &str, before: Option<&OwnDriver>, data_dir: &str) -> Option<OwnDriver> {
    let sha256 = sha256_hex(text.as_bytes());
    let known = before.filter(|own| {
        own.refused_sha256.as_ref().or(own.sha256.as_ref()).is_some_and(|known| *known == sha256)
    });
    if let Some(known) = known {
        // One that nobody's folder was noted for is this one's from now on.
        let adopted = OwnDriver { data_dir: Some(data_dir.to_owned()), ..known.clone() };
        return known.data_dir.is_none().then_some(adopted);
    }
    let fresh = |text: Option<String>, sha256: Option<String>| OwnDriver {
        name: name.to_owned(),
        text,
        sha256,
        refused_sha256: None,
        problem: None,
        data_dir: Some(data_dir.to_owned()),
        updated_at: now(),
    };
    Some(match Driver::parse(name, text) {
        Ok(_) => fresh(Some(text.to_owned()), Some(sha256)),
        Err(error) => OwnDriver {
            refused_sha256: Some(sha256),
            problem: Some(error.to_string()),
            ..fresh(before.and_then(|own| own.text.clone()), before.and_then(|own| own.sha256.clone()))
        },
    })
}

/// Names (without `.toml`) and texts of the files in a folder.
fn read_folder(folder: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_lowercase);
        let is_driver = path.extension().is_some_and(|extension| extension == "toml");
        let (Some(name), true) = (name, is_driver && path.is_file()) else { continue };
        if fs::metadata(&path)?.len() <= LARGEST_FILE {
            files.push((name, String::from_utf8_lossy(&fs::read(&path)?).into_owned()));
        }
    }
    files.sort();
    Ok(files)
}

/// Every driver, by name, with how many devices it would collect of those that somebody of this reach sees.
pub async fn driver_rows(engine: &Engine, reach: &Reach) -> Result<Vec<DriverRow>> {
    engine.drivers.refresh(&engine.db, &engine.dir).await?;
    let set = engine.drivers.current();
    let own = driver_list(&engine.db).await?;
    let counts = device_count_by_platform(&engine.db, reach.scope()).await?;
    let devices_of = |name: &str| {
        counts
            .iter()
            .filter(|(platform, kind, _)| {
                set.for_device(platform.as_deref(), *kind).is_some_and(|driver| driver.name() == name)
            })
            .map(|(_, _, count)| count)
            .sum()
    };
    let mut rows: Vec<DriverRow> = set
        .iter()
        .map(|driver| {
            let own = own.iter().find(|own| own.name == driver.name());
            let is_own = own.is_some_and(|own| own.text.is_some());
            DriverRow {
                name: driver.name().to_owned(),
                title: driver.title().to_owned(),
                is_own,
                sha256: driver.sha256().to_owned(),
                problem: own.and_then(|own| own.problem.clone()),
                checked: checked_against(driver),
                checked_source: driver.checked().map(|checked| checked.source.clone()).unwrap_or_default(),
                warnings: if is_own { warnings_of(driver) } else { Vec::new() },
                updated_at: own.map(|own| own.updated_at),
                devices: devices_of(driver.name()),
            }
        })
        .collect();
    // A file that was never valid has no driver, but its reason must be seen.
    for broken in own.iter().filter(|own| own.text.is_none() && set.get(&own.name).is_none()) {
        rows.push(DriverRow {
            name: broken.name.clone(),
            title: "Not valid".into(),
            is_own: true,
            sha256: broken.refused_sha256.clone().unwrap_or_default(),
            problem: broken.problem.clone(),
            checked: CheckedAgainst::Unverified,
            checked_source: String::new(),
            warnings: Vec::new(),
            updated_at: Some(broken.updated_at),
            devices: 0,
        });
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rows)
}

/// How many drivers there are, and how many of them have a problem.
pub async fn driver_counts(engine: &Engine) -> Result<(u64, u64)> {
    engine.drivers.refresh(&engine.db, &engine.dir).await?;
    let set = engine.drivers.current();
    let own = driver_list(&engine.db).await?;
    let never_valid = own.iter().filter(|own| own.text.is_none() && set.get(&own.name).is_none()).count();
    let problems = own.iter().filter(|own| own.problem.is_some()).count();
    Ok(((set.iter().count() + never_valid) as u64, problems as u64))
}

fn checked_against(driver: &Driver) -> CheckedAgainst {
    match driver.checked().map(|checked| checked.against) {
        Some(Against::Software) => CheckedAgainst::Software,
        Some(Against::Capture) => CheckedAgainst::Capture,
        Some(Against::Document) => CheckedAgainst::Document,
        Some(Against::Unverified) | None => CheckedAgainst::Unverified,
    }
}

fn warnings_of(driver: &Driver) -> Vec<String> {
    driver.warnings().iter().map(|warning| format!("Line {}: {}", warning.line, warning.message)).collect()
}

/// One driver with its text.
pub async fn driver_text(engine: &Engine, reach: &Reach, name: &str) -> Result<DriverText> {
    let row = driver_rows(engine, reach).await?.into_iter().find(|row| row.name == name);
    let text = engine.drivers.current().get(name).map(|driver| driver.text().to_owned());
    let row = row.ok_or_else(|| UserError::not_found(format!("driver named {name}")))?;
    Ok(DriverText { driver: row, text: text.unwrap_or_default() })
}

/// The name of the driver that would collect a device now: the chosen one, the one that it was recognised as, or its
/// type's.
pub fn platform_of(engine: &Engine, device: &Device, facts: &DeviceFacts) -> Option<String> {
    let drivers = engine.drivers.current();
    let recognised = facts.platform.as_deref().filter(|name| drivers.get(name).is_some());
    let driver = drivers.for_device(device.platform.as_deref().or(recognised), device.device_type)?;
    Some(driver.name().to_owned())
}
