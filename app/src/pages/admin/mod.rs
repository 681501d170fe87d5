//! The admin's pages: who may sign in, how devices are logged in to, and how the program behaves. They are in several bundles.

#[cfg(feature = "admin")]
pub(crate) mod audit;
#[cfg(feature = "reach")]
mod bench;
#[cfg(feature = "admin")]
pub(crate) mod components;
#[cfg(feature = "reach")]
pub(crate) mod credentials;
#[cfg(feature = "reach")]
pub(crate) mod destinations;
#[cfg(feature = "reach")]
pub(crate) mod drivers;
mod find;
#[cfg(feature = "devices")]
pub(crate) mod inventory_sources;
#[cfg(feature = "admin")]
pub(crate) mod jobs;
#[cfg(feature = "reach")]
pub(crate) mod jump_hosts;
#[cfg(feature = "admin")]
pub(crate) mod machines;
#[cfg(feature = "watch")]
pub(crate) mod notifications;
#[cfg(feature = "admin")]
pub(crate) mod recovery;
#[cfg(feature = "reach")]
mod rotation;
#[cfg(feature = "admin")]
pub(crate) mod sections;
#[cfg(feature = "admin")]
pub(crate) mod settings;
#[cfg(feature = "admin")]
pub(crate) mod tokens;
#[cfg(feature = "admin")]
pub(crate) mod users;
#[cfg(feature = "admin")]
pub(crate) mod versions;

/// The way back from every admin page.
const ABOVE: &[(&str, &str)] = &[("Admin", "/admin/")];
