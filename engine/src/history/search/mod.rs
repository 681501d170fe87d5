//! Searching the active texts of all devices.
//!
//! An index of grams (a few bytes in a row) picks the texts that are worth a look, and the regular expression decides
//! about each of them: so both databases give the same hits. A text that is not in the index yet is always looked into;
//! whether the index is there at all is never a matter of what is found, only of how soon.
//!
//! Viewers search masked texts. Never searches what was active once: that is what differences are for.

mod gram;
mod index;
mod lines;
mod look;
mod masked;
mod pattern;
mod wanted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use etiqa_model::search::{Case, Pattern, Search, SearchInput, SearchResults};
use etiqa_model::user::{Reach, Role};
use etiqa_model::{DeviceId, ErrorKind, UserError};

pub use gram::Gram;
pub use index::{index_texts, keep_index};
pub use lines::Shown;
pub use look::Finding;
use pattern::{Bounds, Compiled, within_one_line};
use regex::Regex;
use wanted::Reading;
pub use wanted::Wanted;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::device::device_fetch;

/// How long a search for a page may take; what was found by then is shown.
pub const PAGE_WITHIN: Duration = Duration::from_secs(5);
/// Searches for pages at once, so that a few people with slow ones leave processors and connections for the others.
pub(crate) const PAGES_AT_ONCE: usize = 2;
/// Devices on one page.
const DEVICES_A_PAGE: usize = 50;
/// Lines with hits that a page shows of one text.
const LINES_A_TEXT: usize = 20;
/// Bytes that a page shows of one line.
const BYTES_A_LINE: usize = 500;

/// A page of what is found, as somebody of this reach may see it, in about this time at most.
pub async fn search_page(
    engine: &Arc<Engine>,
    input: &SearchInput,
    reach: &Reach,
    within: Duration,
) -> Result<SearchResults> {
    let search = input.parse()?;
    let until = Instant::now() + within;
    let turn = tokio::time::timeout(within.max(Duration::from_secs(1)), engine.searches.acquire());
    let Ok(Ok(_turn)) = turn.await else {
        let message = "Others are searching right now. Try again in a few seconds.";
        return Err(UserError::new(ErrorKind::Unavailable, message).into());
    };
    let shown = Shown { context: search.context, lines: LINES_A_TEXT, bytes: BYTES_A_LINE };
    let mut finding = find(engine, search, reach, shown, Some(until)).await?;
    let mut results =
        SearchResults { redacted: reading(reach.role()) == Reading::Masked, ..SearchResults::default() };
    while let Some(device) = finding.next().await? {
        if results.devices.len() == DEVICES_A_PAGE {
            results.more_after = results.devices.last().map(|device| device.device_id);
            break;
        }
        results.devices.push(device);
    }
    if finding.has_stopped() {
        // Where the page is full, only whether there is more was not found out.
        results.stopped_early = results.devices.len() < DEVICES_A_PAGE;
        results.more_after = finding.searched_up_to();
    }
    results.left_out = finding.left_out();
    Ok(results)
}

/// Begins to search: devices with hits come one after the other, in the order of their names. Without `until` it goes on
/// for as long as it takes, or until it is dropped.
pub async fn find(
    engine: &Arc<Engine>,
    search: Search,
    reach: &Reach,
    shown: Shown,
    until: Option<Instant>,
) -> Result<Finding> {
    if let Some(after) = search.after {
        refuse_gone(engine, reach, after).await?;
    }
    let reading = reading(reach.role());
    let compiling = search.clone();
    let compiled = tokio::task::spawn_blocking(move || Compiled::of(&compiling, reading))
        .await
        .map_err(|error| Error::io("reading a search")(std::io::Error::other(error)))??;
    Finding::begin(engine, reach.scope(), &search, compiled, look::Look { reading, shown, until }).await
}

/// A text or an expression that matches within lines, for who has texts of their own to look into and many expressions: each
/// takes a fraction of what that of a search may. The error is one sentence.
pub(crate) fn line_regex(text: &str, pattern: Pattern, case: Case) -> Result<Regex, String> {
    let bounds = Bounds { program: 512 << 10, cache: 1 << 20 };
    within_one_line(text, pattern, case, bounds).map(|(_, regex)| regex)
}

fn reading(reader: Role) -> Reading {
    if reader >= Role::Operator { Reading::Plain } else { Reading::Masked }
}

/// A page begins behind a device; behind one that is gone nothing would be found, which would be no answer.
async fn refuse_gone(engine: &Engine, reach: &Reach, after: DeviceId) -> Result<()> {
    match device_fetch(&engine.db, after).await? {
        Some(device) if reach.scope().holds(&device.site, &device.tags) => Ok(()),
        _ => Err(UserError::new(
            ErrorKind::NotFound,
            "The device that this page began behind was removed. Search again from the first page.",
        )
        .into()),
    }
}
