//! Going to something by a part of its name.

use etiqa_model::find::Offer;
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context,
    crate::places,
    etiqa_engine::access::About,
    etiqa_engine::{backup, inventory},
    etiqa_model::device::{DeviceFilter, DeviceOrder},
    etiqa_model::page::Page,
    etiqa_model::user::Role,
};

/// Devices, and backups, that are offered at most.
#[cfg(feature = "ssr")]
const OFFERED: u32 = 8;

/// The pages, backups and devices that have `search` in their names, as far as the caller may go there; without it the
/// pages alone.
#[server(endpoint = "find_page")]
pub async fn find_page(#[server(default)] search: String) -> Result<Vec<Offer>, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    let search = search.trim().to_owned();
    let mut offers = places::named(&search, &context.reach);
    if search.is_empty() {
        return Ok(offers);
    }
    let configs = backup::config::named(&context.engine, &context.reach, &search, OFFERED).await?;
    offers.extend(configs.into_iter().map(|config| Offer {
        to: format!("/backup/config/{}", config.id),
        words: config.name,
        detail: "backup".to_owned(),
    }));
    let filter = DeviceFilter { search, ..DeviceFilter::default() };
    let (order, page) = (DeviceOrder::default(), Page::first(OFFERED));
    let devices = inventory::list(&context.engine, &context.reach, &filter, order, page).await?;
    offers.extend(devices.rows.into_iter().map(|device| Offer {
        to: format!("/devices/{}", device.id),
        words: device.hostname,
        detail: device.address,
    }));
    Ok(offers)
}
