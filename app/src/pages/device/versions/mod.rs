//! The versions of a device's parts: a list at the left, the difference or the text at the right.

mod body;
mod list;

use etiqa_model::DeviceId;
use etiqa_model::compare::Reading;
use etiqa_model::config::{ConfigText, ConfigVersion, PartVersions, VersionDiff, VersionState};
use etiqa_model::event::Topic;
use etiqa_model::opened::Opened;
use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::Deserialize;

use super::Detail;
use crate::api::AppError;
use crate::api::configs::{GetConfig, GetDiff, ListVersions};
use crate::ask::{ask_if, ask_with, json_of, once};
use crate::components::Loaded;
use crate::components::diff::WentTo;
use crate::components::list::empty;

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    part: Option<String>,
    version: Option<u32>,
    from: Option<u32>,
    before: Option<u32>,
    look: Look,
    masked: bool,
    /// Whether volatile lines are left out; none: as the look has it.
    steady: Option<bool>,
    opened: Opened,
    /// The change that is gone to, from 1; 0: none.
    change: u32,
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

    /// Whether volatile lines are left out where nothing is said: a difference is of what somebody configured, a text is the
    /// device's own.
    fn is_steady(self) -> bool {
        self != Self::Text
    }
}

impl Asked {
    /// What an address says of volatile lines.
    fn steady(&self) -> String {
        self.steady.map(|steady| steady.to_string()).unwrap_or_default()
    }

    /// How a text is read that is looked at so.
    fn reading(&self, look: Look) -> Reading {
        Reading { masked: self.masked, without_volatile: self.steady.unwrap_or(look.is_steady()) }
    }
}

/// What stands at the right.
#[derive(Deserialize)]
enum Body {
    Text(Box<ConfigText>),
    Diff(Box<VersionDiff>),
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
                opened: query.get_str("open").map(Opened::parse).unwrap_or_default(),
                change: number("change").unwrap_or_default(),
                masked: query.get_str("masked") == Some("true"),
                steady: query.get_str("steady").and_then(|steady| steady.parse().ok()),
            }
        })
    });
    let went_to = WentTo::new(((0, 0), 0));
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
    view! { <Loaded from=shown view=move |(part, older, body), role| content(part, older, body, &asked.get_untracked(), went_to, role)/> }
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
    let Some((_, part)) = chosen_part(detail.parts, asked.part.clone()) else { return nothing };
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
        let text = json_of(GetConfig { id: version.id, reading: asked.reading(Look::Text) }).await?;
        return Ok(format!("{{\"Text\":{text}}}"));
    }
    let (from, open) = (from.map(|from| from.id), asked.opened.to_string());
    let diff = json_of(GetDiff { to: version.id, from, reading: asked.reading(asked.look), open }).await?;
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
    went_to: WentTo,
    role: Role,
) -> AnyView {
    let Some((parts, newest)) = part else {
        let words = "The first one is here as soon as this device was backed up.";
        return view! { <section class="card">{empty("No version yet", words, ())}</section> }.into_any();
    };
    let is_older = older.is_some();
    let listed = older.unwrap_or(newest);
    let current = match &body {
        None => None,
        Some(Body::Text(text)) => Some(text.version.version),
        Some(Body::Diff(diff)) => Some(diff.to.version),
    };
    let body = match body {
        None => {
            view! { <section class="card">{empty("There is no such version", "Choose one of the list.", ())}</section> }.into_any()
        }
        Some(Body::Text(text)) => body::text_card(*text, asked, role),
        Some(Body::Diff(diff)) => body::diff_card(*diff, &listed, asked, went_to, role),
    };
    view! {
        <div class="cols">
            {list::version_list(&parts, listed, is_older, current, asked)}
            {body}
        </div>
    }
    .into_any()
}
