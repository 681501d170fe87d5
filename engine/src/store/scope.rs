//! Which devices a scope holds, as a condition on a column that has a device's id.

use std::collections::HashSet;

use etiqa_model::DeviceId;
use etiqa_model::scope::Scope;

use crate::db::{Db, Filter, Result, RowExt};

/// Narrows rows to those whose `device`, such as `d.id`, is in the scope.
pub(super) fn narrow(filter: &mut Filter, scope: &Scope, device: &'static str) {
    if let Some(condition) = within(filter, scope, device) {
        filter.and_built(condition);
    }
}

/// That `device` is in the scope; none where that is everything. Its values go along with `filter`, in whose query it must
/// stand: PostgreSQL refuses a value that stands nowhere.
pub(super) fn within(filter: &mut Filter, scope: &Scope, device: &'static str) -> Option<String> {
    if scope.is_everything() {
        return None;
    }
    let sites = scope.sites().iter().map(|site| ("SELECT o.id FROM device o WHERE o.site = ?", site));
    let tags = scope.tags().iter().map(|tag| ("SELECT g.device_id FROM device_tag g WHERE g.tag = ?", tag));
    let each: Vec<String> =
        sites.chain(tags).map(|(sql, name)| filter.numbered(sql, Some(name.clone()))).collect();
    Some(format!("{device} IN ({})", each.join(" UNION ALL ")))
}

/// How many of these devices are in the scope.
pub async fn scope_count(db: &Db, scope: &Scope, devices: &[DeviceId]) -> Result<u64> {
    let mut filter = Filter::new();
    filter.and_one_of("d.id", devices.iter().map(|device| device.0));
    narrow(&mut filter, scope, "d.id");
    let counted = filter.query("SELECT COUNT(*) AS n FROM device d", "");
    counted.fetch_one(db.reader()).await?.count("n")
}

/// Those of these devices that are in the scope.
pub async fn scope_list(db: &Db, scope: &Scope, devices: &[DeviceId]) -> Result<HashSet<DeviceId>> {
    if devices.is_empty() {
        return Ok(HashSet::new());
    }
    let mut filter = Filter::new();
    filter.and_one_of("d.id", devices.iter().map(|device| device.0));
    narrow(&mut filter, scope, "d.id");
    let rows = filter.query("SELECT d.id FROM device d", "").fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("id")?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_condition_and_everything_is_none() {
        let mut filter = Filter::new();
        filter.and_int("a = ?", 1);
        narrow(&mut filter, &Scope::default(), "d.id");
        assert_eq!(filter.sql(), " WHERE a = $1");
        narrow(&mut filter, &Scope::parse("site:a\ntag:b\ntag:c").unwrap(), "r.device_id");
        assert_eq!(
            filter.sql(),
            " WHERE a = $1 AND r.device_id IN (SELECT o.id FROM device o WHERE o.site = $2 \
             UNION ALL SELECT g.device_id FROM device_tag g WHERE g.tag = $3 \
             UNION ALL SELECT g.device_id FROM device_tag g WHERE g.tag = $4)"
        );
    }
}
