//! The drivers that are in force: the built-in ones, overridden and joined by a person's own.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use etiqa_model::device::DeviceType;

use super::Driver;
use super::built_in::BUILT_IN;

/// Every driver by name. Cheap to clone; a session keeps the driver it began with.
#[derive(Debug, Clone)]
pub struct DriverSet {
    drivers: Arc<BTreeMap<String, Entry>>,
}

/// A driver that is read when it is first needed: the regexes of all platforms together take some sixty megabytes, and
/// hardly anybody has all platforms.
#[derive(Debug, Clone)]
struct Entry {
    text: Arc<str>,
    driver: Arc<OnceLock<Option<Arc<Driver>>>>,
    is_own: bool,
}

impl Entry {
    fn driver(&self, name: &str) -> Option<&Arc<Driver>> {
        let parse = || match Driver::parse(name, &self.text) {
            Ok(driver) => Some(Arc::new(driver)),
            // A test parses each of them, so this tells of a broken build, and the others still work.
            Err(error) => {
                tracing::error!(driver = name, %error, "the built-in driver {name} is broken");
                None
            }
        };
        self.driver.get_or_init(parse).as_ref()
    }

    /// The title, without reading all of the driver.
    fn title(&self) -> String {
        if let Some(Some(driver)) = self.driver.get() {
            return driver.title().to_owned();
        }
        let title = self.text.lines().find_map(|line| line.strip_prefix("title = \"")?.strip_suffix('"'));
        title.unwrap_or_default().to_owned()
    }
}

impl DriverSet {
    /// The drivers that the program brings along; each is parsed once.
    pub fn built_in() -> Self {
        static SET: LazyLock<DriverSet> = LazyLock::new(|| {
            let entry = |text: &str| Entry { text: text.into(), driver: Arc::default(), is_own: false };
            let drivers = BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), entry(text)));
            DriverSet { drivers: Arc::new(drivers.collect()) }
        });
        SET.clone()
    }

    /// The same set with a person's own drivers: one with a known name takes the place of the built-in one.
    #[must_use]
    pub fn with_own(&self, own: Vec<Driver>) -> Self {
        let mut drivers = (*self.drivers).clone();
        for driver in own {
            let name = driver.name().to_owned();
            let text = driver.text().into();
            let driver = Arc::new(OnceLock::from(Some(Arc::new(driver))));
            drivers.insert(name, Entry { text, driver, is_own: true });
        }
        Self { drivers: Arc::new(drivers) }
    }

    /// The driver of this name.
    pub fn get(&self, name: &str) -> Option<Arc<Driver>> {
        self.drivers.get(name)?.driver(name).cloned()
    }

    /// Names and titles of all drivers, by name.
    pub fn titles(&self) -> impl Iterator<Item = (&str, String)> {
        self.drivers.iter().map(|(name, entry)| (name.as_str(), entry.title()))
    }

    /// The driver for a device: the one it names, or the default of its type; a person's own default comes first.
    /// None where the named one does not exist: a wrong guess would only hide the mistake.
    pub fn for_device(&self, platform: Option<&str>, device_type: DeviceType) -> Option<Arc<Driver>> {
        if let Some(name) = platform {
            return self.get(name);
        }
        // Only those that say so at all are read for this.
        let says_so = self.drivers.iter().filter(|(_, entry)| entry.text.contains("default_for"));
        let suits = |driver: &&Arc<Driver>| driver.default_for().contains(&device_type);
        let mut candidates: Vec<(bool, &Arc<Driver>)> = says_so
            .filter_map(|(name, entry)| Some((entry.is_own, entry.driver(name).filter(suits)?)))
            .collect();
        candidates.sort_by_key(|(is_own, _)| !is_own);
        candidates.first().map(|(_, driver)| Arc::clone(driver))
    }

    /// Every driver, by name; reads those that were not needed yet.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Driver>> {
        self.drivers.iter().filter_map(|(name, entry)| entry.driver(name))
    }

    /// Whether the driver of this name is a person's own.
    pub fn is_own(&self, name: &str) -> bool {
        self.drivers.get(name).is_some_and(|entry| entry.is_own)
    }
}
