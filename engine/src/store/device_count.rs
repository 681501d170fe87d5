//! Devices: how many of them backup configs cover.

use std::collections::{HashMap, HashSet};

use etiqa_model::DeviceId;
use etiqa_model::scope::Scope;
use etiqa_model::selector::Selector;
use sqlx::any::AnyRow;

use super::scope::narrow;
use crate::db::{Db, Filter, Result, RowExt};

/// How many enabled devices of the scope each of these selectors covers, in their order: a statement for each kind of selector
/// among them, however many there are.
pub async fn device_count_selected(db: &Db, scope: &Scope, selectors: &[&Selector]) -> Result<Vec<u64>> {
    let types = if selectors.iter().any(|selector| matches!(selector, Selector::All | Selector::Type(_))) {
        count_by(db, scope, "device_type").await?
    } else {
        HashMap::new()
    };
    let sites = if selectors.iter().any(|selector| matches!(selector, Selector::Site(_))) {
        count_by(db, scope, "site").await?
    } else {
        HashMap::new()
    };
    let tags = count_tagged(db, scope, selectors).await?;
    let chosen = enabled_of(db, scope, selectors).await?;
    let of = |counts: &HashMap<String, u64>, name: &str| counts.get(name).copied().unwrap_or_default();
    let count = |selector: &&Selector| match selector {
        Selector::All => types.values().sum::<u64>(),
        Selector::Type(kind) => of(&types, kind.as_str()),
        Selector::Site(site) => of(&sites, site),
        Selector::Tag(tag) => of(&tags, tag),
        Selector::Chosen(ids) => {
            let ids: HashSet<&DeviceId> = ids.iter().collect();
            ids.into_iter().filter(|id| chosen.contains(*id)).count() as u64
        }
    };
    Ok(selectors.iter().map(count).collect())
}

/// Enabled devices by a column of theirs.
async fn count_by(db: &Db, scope: &Scope, column: &'static str) -> Result<HashMap<String, u64>> {
    let mut filter = Filter::new();
    filter.and("enabled = 1");
    narrow(&mut filter, scope, "id");
    let sql = format!("SELECT {column} AS name, COUNT(*) AS n FROM device");
    let query = filter.query(&sql, &format!(" GROUP BY {column}"));
    counted(&query.fetch_all(db.reader()).await?)
}

/// Enabled devices by those tags that the selectors name.
async fn count_tagged(db: &Db, scope: &Scope, selectors: &[&Selector]) -> Result<HashMap<String, u64>> {
    let named = |selector: &&Selector| match selector {
        Selector::Tag(tag) => Some(tag.clone()),
        _ => None,
    };
    let tags: HashSet<String> = selectors.iter().filter_map(named).collect();
    if tags.is_empty() {
        return Ok(HashMap::new());
    }
    let mut filter = Filter::new();
    let places: Vec<String> = tags.into_iter().map(|tag| filter.numbered("?", Some(tag))).collect();
    filter.and("d.enabled = 1").and_built(format!("t.tag IN ({})", places.join(",")));
    narrow(&mut filter, scope, "d.id");
    let query = filter.query(
        "SELECT t.tag AS name, COUNT(*) AS n FROM device_tag t JOIN device d ON d.id = t.device_id",
        " GROUP BY t.tag",
    );
    counted(&query.persistent(false).fetch_all(db.reader()).await?)
}

/// Those of the devices that the selectors name which are enabled.
async fn enabled_of(db: &Db, scope: &Scope, selectors: &[&Selector]) -> Result<HashSet<DeviceId>> {
    let mut ids = HashSet::new();
    for selector in selectors {
        if let Selector::Chosen(chosen) = selector {
            ids.extend(chosen.iter().map(|id| id.0));
        }
    }
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let mut filter = Filter::new();
    filter.and("enabled = 1").and_one_of("id", ids);
    narrow(&mut filter, scope, "id");
    let rows = filter.query("SELECT id FROM device", "").fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("id")?))).collect()
}

fn counted(rows: &[AnyRow]) -> Result<HashMap<String, u64>> {
    rows.iter().map(|row| Ok((row.text("name")?, row.count("n")?))).collect()
}
