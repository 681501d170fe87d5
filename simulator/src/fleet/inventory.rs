//! The inventory of a fleet, in the columns that `etiqa import-devices` reads. The last column is empty for devices
//! without a web server.

use super::{Member, names};

/// The inventory as CSV with a header; `credential` fills that column, which may stay empty.
pub fn inventory_csv(members: &[Member], credential: &str) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "ip",
        "hostname",
        "device_type",
        "platform",
        "port",
        "transport",
        "credential",
        "site",
        "tags",
        "description",
        "https_port",
    ])?;
    for Member { device_type, site, spec, addr } in members {
        writer.write_record([
            &addr.ip().to_string(),
            &spec.hostname,
            device_type.as_str(),
            spec.platform(),
            &addr.port().to_string(),
            spec.transport().as_str(),
            credential,
            site,
            &names::tags(*device_type, site),
            &match &spec.recording {
                Some(recording) => format!("Recorded session of {} (simulated)", recording.platform),
                None => names::description(*device_type, site),
            },
            &spec.https.as_ref().map_or_else(String::new, |https| https.port.to_string()),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
