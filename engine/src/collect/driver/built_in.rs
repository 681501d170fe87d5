//! The drivers that the program brings along.

/// Name and text; the order decides nothing, each device type has one default among them.
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    ("bigip", include_str!("../../../../drivers/bigip.toml")),
    ("frr", include_str!("../../../../drivers/frr.toml")),
    ("gaia", include_str!("../../../../drivers/gaia.toml")),
    ("ios", include_str!("../../../../drivers/ios.toml")),
    ("linux", include_str!("../../../../drivers/linux.toml")),
    ("nios", include_str!("../../../../drivers/nios.toml")),
];
