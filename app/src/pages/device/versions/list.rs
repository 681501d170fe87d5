//! The list of versions at the left, and the addresses of what can be looked at.

use etiqa_model::config::{ConfigVersion, PartVersions, VersionState};
use leptos::prelude::*;

use super::{Asked, Look};
use crate::components::list;
use crate::components::rows::Rows;
use crate::components::{Time, chip, diff};
use crate::format;

/// The versions of a part, each a link that keeps how they are looked at.
pub(super) fn version_list(
    parts: &[String],
    listed: PartVersions,
    is_older: bool,
    current: Option<u32>,
    asked: &Asked,
) -> AnyView {
    let parts = (parts.len() > 1).then(|| {
        let part_links = parts
            .iter()
            .map(|part| {
                let is_current = *part == listed.part;
                view! { <a href=part_address(part, None) data-noscroll="true" aria-current=is_current.then_some("true")>{part.clone()}</a> }.into_any()
            })
            .collect_view();
        view! { <nav class="tabs parts" aria-label="Parts">{part_links}</nav> }.into_any()
    });
    let oldest = listed.versions.last().map_or(1, |version| version.version);
    let older = (oldest > 1).then(|| {
        view! { <a class="btn small" href=part_address(&listed.part, Some(oldest))>"Older"</a> }.into_any()
    });
    let newest = is_older.then(|| {
        view! { <a class="btn small" href=part_address(&listed.part, None)>"Newest"</a> }.into_any()
    });
    let remark = format::plural(listed.total, "version");
    let all = listed.versions.first().map(|version| {
        let to = format!("/devices/{}/download", version.device_id);
        view! { <a class="btn small" href=to rel="external" download="">"Download all parts"</a> }.into_any()
    });
    let part = listed.part;
    let rows: Rows = listed
        .versions
        .into_iter()
        .map(|version| (version.version, version_link(version, current, asked)))
        .collect();
    let rows = rows.into_any();
    view! {
        <section class="card">
            <header><h2 class="mono">{part}</h2><span class="remark">{remark}</span></header>
            {parts}
            <nav class="versions" aria-label="Versions">{rows}</nav>
            <div class="pager">{newest}{older}{all}</div>
        </section>
    }
    .into_any()
}

fn version_link(version: ConfigVersion, current: Option<u32>, asked: &Asked) -> AnyView {
    let class = match version.state {
        VersionState::Active => "ver active",
        VersionState::Suspect => "ver suspect",
        VersionState::Inactive | VersionState::Rejected => "ver",
    };
    let to = address(&version, &Asked { from: None, ..asked.clone() });
    let is_current = current == Some(version.version);
    let change = if version.version == 1 {
        view! { <small>"first"</small> }.into_any()
    } else {
        diff::counts(version.added, version.removed)
    };
    let label = version.label.map(|label| view! { <small class="label">{label}</small> }.into_any());
    view! {
        <a class=class href=to data-noscroll="true" aria-current=is_current.then_some("true")>
            <span><b>{format!("v{}", version.version)}</b>" "{chip::version_state(version.state)}<small><Time at=version.collected_at/></small>{label}</span>
            {change}
        </a>
    }
    .into_any()
}

/// The address of a version, looked at as `asked` says.
pub(super) fn address(version: &ConfigVersion, asked: &Asked) -> String {
    let look = if asked.look == Look::Unified { "" } else { asked.look.as_str() };
    let flag = |is_set: bool| if is_set { "true".to_owned() } else { String::new() };
    list::address(
        "",
        &[
            ("part", version.part.clone()),
            ("v", version.version.to_string()),
            ("from", asked.from.map(|from| from.to_string()).unwrap_or_default()),
            ("view", look.to_owned()),
            ("masked", flag(asked.masked)),
            ("steady", asked.steady()),
        ],
    )
}

/// The address of a part's versions, where asked for those before a number.
fn part_address(part: &str, before: Option<u32>) -> String {
    let before = before.map(|before| before.to_string()).unwrap_or_default();
    list::address("", &[("part", part.to_owned()), ("before", before)])
}
