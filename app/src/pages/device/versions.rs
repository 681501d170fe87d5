//! The versions of a device's parts: a list at the left, the difference or the text at the right.

use etiqa_model::DeviceId;
use etiqa_model::config::{ConfigText, ConfigVersion, PartVersions, VersionDiff, VersionState};
use etiqa_model::event::Topic;
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;
use serde::Deserialize;

use super::Detail;
use crate::api::AppError;
use crate::api::configs::{GetConfig, GetDiff, ListVersions};
use crate::ask::{ask_if, ask_with, json_of, once};
use crate::browser;
use crate::components::list::{self, empty};
use crate::components::part::text;
use crate::components::{Loaded, Time, chip, diff};
use crate::format;
use crate::pages::devices::send_form;

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    part: Option<String>,
    version: Option<u32>,
    from: Option<u32>,
    before: Option<u32>,
    look: Look,
}

/// How a version is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Look {
    #[default]
    Unified,
    Split,
    Text,
}

impl Look {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unified => "unified",
            Self::Split => "split",
            Self::Text => "text",
        }
    }
}

/// What stands at the right.
#[derive(Deserialize)]
enum Body {
    Text(ConfigText),
    Diff(VersionDiff),
}

#[component]
pub(super) fn Versions(id: Memo<i64>, detail: Detail) -> AnyView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let number = |name: &str| query.get(name).and_then(|number| number.parse().ok());
            let look = match query.get_str("view") {
                Some("split") => Look::Split,
                Some("text") => Look::Text,
                _ => Look::Unified,
            };
            Asked {
                part: query.get("part"),
                version: number("v"),
                from: number("from"),
                before: number("before"),
                look,
            }
        })
    });
    let older = ask_if(&[Topic::Devices], move || {
        let asked = asked.get();
        let (device, part) = (DeviceId(id.get()), asked.part.unwrap_or_default());
        asked.before.map(|before| ListVersions { device, part, before: Some(before) })
    });
    let body = ask_with::<Option<Body>, _>(
        &[Topic::Devices],
        move || format!("{} {:?}", id.get(), asked.get()),
        move || body_json(detail, asked.get_untracked()),
    );
    let shown = move || async move {
        let detail = detail.get().await?;
        Ok((chosen_part(detail.parts, asked.get_untracked().part), older.get().await?, body.get().await?))
    };
    view! { <Loaded from=shown view=move |(part, older, body), _| content(part, older, body, &asked.get_untracked())/> }
        .into_any()
}

/// Every part's name, and the part that is asked for, else the first; none where the device has no version yet.
fn chosen_part(parts: Vec<PartVersions>, asked: Option<String>) -> Option<(Vec<String>, PartVersions)> {
    let names: Vec<String> = parts.iter().map(|part| part.part.clone()).collect();
    let chosen = asked.and_then(|asked| names.iter().position(|name| *name == asked)).unwrap_or(0);
    parts.into_iter().nth(chosen).map(|part| (names, part))
}

/// The JSON of what stands at the right: an `Option<Body>`.
async fn body_json(detail: Detail, asked: Asked) -> Result<String, AppError> {
    let detail = detail.get().await?;
    let device = detail.device.id;
    let nothing = Ok("null".to_owned());
    let Some((_, part)) = chosen_part(detail.parts, asked.part) else { return nothing };
    let version = match asked.version {
        Some(number) => find(device, &part, number).await?,
        None => {
            let active = part.versions.iter().find(|version| version.state == VersionState::Active);
            active.or(part.versions.first()).cloned()
        }
    };
    let Some(version) = version else { return nothing };
    let from = match asked.from {
        Some(number) => find(device, &part, number).await?,
        None => None,
    };
    // A first version has nothing to be compared with.
    if asked.look == Look::Text || (version.version == 1 && from.is_none()) {
        let text = json_of(GetConfig { id: version.id }).await?;
        return Ok(format!("{{\"Text\":{text}}}"));
    }
    let diff = json_of(GetDiff { to: version.id, from: from.map(|from| from.id) }).await?;
    Ok(format!("{{\"Diff\":{diff}}}"))
}

/// The version of this number, from the newest or from the server.
async fn find(
    device: DeviceId,
    newest: &PartVersions,
    number: u32,
) -> Result<Option<ConfigVersion>, AppError> {
    if let Some(version) = newest.versions.iter().find(|version| version.version == number) {
        return Ok(Some(version.clone()));
    }
    let (part, before) = (newest.part.clone(), Some(number.saturating_add(1)));
    let older = once(ListVersions { device, part, before }).await?;
    Ok(older.versions.into_iter().find(|version| version.version == number))
}

fn content(
    part: Option<(Vec<String>, PartVersions)>,
    older: Option<PartVersions>,
    body: Option<Body>,
    asked: &Asked,
) -> AnyView {
    let Some((parts, newest)) = part else {
        let words = "The first one is here as soon as this device was backed up.";
        return view! { <section class="card">{empty("No version yet", words, ())}</section> }.into_any();
    };
    let is_older = older.is_some();
    let listed = older.unwrap_or(newest);
    let (current, look) = match &body {
        None => (None, asked.look),
        Some(Body::Text(text)) => (Some(text.version.version), Look::Text),
        Some(Body::Diff(diff)) => (Some(diff.to.version), asked.look),
    };
    let body = match body {
        None => {
            view! { <section class="card">{empty("There is no such version", "Choose one of the list.", ())}</section> }.into_any()
        }
        Some(Body::Text(text)) => text_card(text),
        Some(Body::Diff(diff)) => diff_card(diff, look, &listed),
    };
    view! {
        <div class="cols">
            {version_list(&parts, listed, is_older, current, asked.look)}
            {body}
        </div>
    }
    .into_any()
}

fn version_list(
    parts: &[String],
    listed: PartVersions,
    is_older: bool,
    current: Option<u32>,
    look: Look,
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
    let part = listed.part;
    let rows = listed.versions.into_iter().map(|version| version_link(version, current, look)).collect_view();
    view! {
        <section class="card">
            <header><h2 class="mono">{part}</h2><span class="remark">{remark}</span></header>
            {parts}
            <nav class="versions" aria-label="Versions">{rows}</nav>
            <div class="pager">{newest}{older}</div>
        </section>
    }
    .into_any()
}

fn version_link(version: ConfigVersion, current: Option<u32>, look: Look) -> AnyView {
    let class = match version.state {
        VersionState::Active => "ver active",
        VersionState::Suspect => "ver suspect",
        VersionState::Inactive | VersionState::Rejected => "ver",
    };
    let to = address(&version, None, look);
    let is_current = current == Some(version.version);
    let change = if version.version == 1 {
        view! { <small>"first"</small> }.into_any()
    } else {
        diff::counts(version.added, version.removed)
    };
    view! {
        <a class=class href=to data-noscroll="true" aria-current=is_current.then_some("true")>
            <span><b>{format!("v{}", version.version)}</b>" "{chip::version_state(version.state)}<small><Time at=version.collected_at/></small></span>
            {change}
        </a>
    }
    .into_any()
}

fn address(version: &ConfigVersion, from: Option<u32>, look: Look) -> String {
    let look = if look == Look::Unified { "" } else { look.as_str() };
    list::address(
        "",
        &[
            ("part", version.part.clone()),
            ("v", version.version.to_string()),
            ("from", from.map(|from| from.to_string()).unwrap_or_default()),
            ("view", look.to_owned()),
        ],
    )
}

/// The address of a part's versions, where asked for those before a number.
fn part_address(part: &str, before: Option<u32>) -> String {
    let before = before.map(|before| before.to_string()).unwrap_or_default();
    list::address("", &[("part", part.to_owned()), ("before", before)])
}

/// Unified, side by side, or the whole text.
fn looks(version: &ConfigVersion, from: Option<u32>, look: Look) -> AnyView {
    let link = |words: &'static str, other: Look| {
        let to = address(version, from, other);
        view! { <a class="btn small" href=to data-noscroll="true" aria-current=(other == look).then_some("true")>{words}</a> }.into_any()
    };
    let has_before = version.version > 1 || from.is_some();
    view! {
        <span class="seg">
            {has_before.then(|| link("Unified", Look::Unified))}
            {has_before.then(|| link("Side by side", Look::Split))}
            {link("Text", Look::Text)}
        </span>
    }
    .into_any()
}

fn diff_card(shown: VersionDiff, look: Look, listed: &PartVersions) -> AnyView {
    let VersionDiff { from, to, diff: difference } = shown;
    let title = match &from {
        Some(from) => format!("v{} → v{}", from.version, to.version),
        None => format!("v{}", to.version),
    };
    let from = from.map(|from| from.version);
    let others = listed.versions.iter().map(|version| version.version).filter(|number| *number < to.version);
    let options = others
        .map(|number| {
            let is_chosen = Some(number) == from;
            view! { <option value=number.to_string() selected=is_chosen>{format!("v{number}")}</option> }
                .into_any()
        })
        .collect_view();
    let table = diff::diff(&difference, look == Look::Split);
    let looks = looks(&to, from, look);
    view! {
        <section class="card">
            <header>
                <h2>{title}</h2>
                {diff::counts(difference.added, difference.removed)}
                <span class="remark">
                    <span class="compare">
                        <Form method="GET" action="">
                            <input type="hidden" name="part" value=to.part.clone()/>
                            <input type="hidden" name="v" value=to.version.to_string()/>
                            <input type="hidden" name="view" value=look.as_str()/>
                            <label>"against "<select name="from" on:change=send_form>{options}</select></label>
                            <noscript><button class="btn small" type="submit">"Compare"</button></noscript>
                        </Form>
                    </span>
                    {looks}
                </span>
            </header>
            {table}
        </section>
    }
    .into_any()
}

fn text_card(shown: ConfigText) -> AnyView {
    let ConfigText { version, text: config, redacted } = shown;
    let size =
        format!("{}, {}", format::plural(version.lines.into(), "line"), format::size(version.size_bytes));
    let copied = RwSignal::new(false);
    let for_copy = StoredValue::new(config.clone());
    let copy = move |_| {
        for_copy.with_value(|text| browser::copy_text(text));
        copied.set(true);
    };
    let masked = redacted.then(|| view! { <p class="quiet">"Secrets are masked."</p> }.into_any());
    view! {
        <section class="card">
            <header>
                <h2>{format!("v{}", version.version)}</h2>
                <small>{size}</small>
                <span class="remark">
                    {looks(&version, None, Look::Text)}
                    <button class="btn small" on:click=copy>{text(move || if copied.get() { "Copied" } else { "Copy" })}</button>
                </span>
            </header>
            {masked}
            <pre class="text-view" tabindex="0" aria-label="Configuration">{config}</pre>
        </section>
    }
    .into_any()
}
