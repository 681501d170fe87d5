//! The drivers that are in force: the built-in ones, overridden and joined by a person's own.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use etiqa_model::device::DeviceType;

use super::Driver;
use super::built_in::BUILT_IN;

/// Every driver by name. Cheap to clone; a session keeps the driver it began with.
#[derive(Debug, Clone)]
pub struct DriverSet {
    drivers: Arc<BTreeMap<String, Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    driver: Arc<Driver>,
    is_own: bool,
}

impl DriverSet {
    /// The drivers that the program brings along; they are parsed once.
    pub fn built_in() -> Self {
        static SET: LazyLock<DriverSet> = LazyLock::new(DriverSet::parse_built_in);
        SET.clone()
    }

    fn parse_built_in() -> Self {
        let drivers = BUILT_IN.iter().filter_map(|(name, text)| match Driver::parse(name, text) {
            Ok(driver) => Some((driver.name().to_owned(), Entry { driver: Arc::new(driver), is_own: false })),
            // A test parses each of them, so this tells of a broken build, and the others still work.
            Err(error) => {
                tracing::error!(driver = name, %error, "the built-in driver {name} is broken");
                None
            }
        });
        Self { drivers: Arc::new(drivers.collect()) }
    }

    /// The same set with a person's own drivers: one with a known name takes the place of the built-in one.
    #[must_use]
    pub fn with_own(&self, own: Vec<Driver>) -> Self {
        let mut drivers = (*self.drivers).clone();
        for driver in own {
            drivers.insert(driver.name().to_owned(), Entry { driver: Arc::new(driver), is_own: true });
        }
        Self { drivers: Arc::new(drivers) }
    }

    /// The driver of this name.
    pub fn get(&self, name: &str) -> Option<Arc<Driver>> {
        self.drivers.get(name).map(|entry| Arc::clone(&entry.driver))
    }

    /// The driver for a device: the one it names, or the default of its type; a person's own default comes first.
    /// None where the named one does not exist: a wrong guess would only hide the mistake.
    pub fn for_device(&self, platform: Option<&str>, device_type: DeviceType) -> Option<Arc<Driver>> {
        if let Some(name) = platform {
            return self.get(name);
        }
        let suits = |entry: &&Entry| entry.driver.default_for().contains(&device_type);
        let mut candidates: Vec<&Entry> = self.drivers.values().filter(suits).collect();
        candidates.sort_by_key(|entry| !entry.is_own);
        candidates.first().map(|entry| Arc::clone(&entry.driver))
    }

    /// Every driver, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Driver>> {
        self.drivers.values().map(|entry| &entry.driver)
    }

    /// Whether the driver of this name is a person's own.
    pub fn is_own(&self, name: &str) -> bool {
        self.drivers.get(name).is_some_and(|entry| entry.is_own)
    }
}
