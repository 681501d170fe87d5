//! What stands at the right: a difference, or a whole text.

use etiqa_model::compare::Reading;
use etiqa_model::config::{ConfigText, ConfigVersion, PartVersions, VersionDiff};
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::list::address;
use super::{Asked, Look};
use crate::api::configs::GetConfig;
use crate::ask::once;
use crate::components::GetForm;
use crate::components::copy::{at_once, copy_button};
use crate::components::diff::{self, WentTo};
use crate::components::form::send_form;
use crate::format;

/// What a version changed against another.
pub(super) fn diff_card(
    shown: VersionDiff,
    listed: &PartVersions,
    asked: &Asked,
    went_to: WentTo,
    role: Role,
) -> AnyView {
    let VersionDiff { from, to, diff: difference, reading } = shown;
    let title = match &from {
        Some(from) => format!("v{} → v{}", from.version, to.version),
        None => format!("v{}", to.version),
    };
    let key = (from.as_ref().map_or(0, |from| from.id.0), to.id.0);
    let from = from.map(|from| from.version);
    let others = listed.versions.iter().map(|version| version.version).filter(|number| *number < to.version);
    let options = others
        .map(|number| {
            let is_chosen = Some(number) == from;
            view! { <option value=number.to_string() selected=is_chosen>{format!("v{number}")}</option> }
                .into_any()
        })
        .collect_view();
    let asked = Asked { from, ..asked.clone() };
    let read = diff::Reading {
        is_side_by_side: asked.look == Look::Split,
        opened: asked.opened.clone(),
        address: address(&to, &asked),
        key,
        change: asked.change,
        went_to,
    };
    let table = diff::diff(&difference, &read, copy_new(&to, reading.masked));
    let kept = [
        ("part", to.part.clone()),
        ("v", to.version.to_string()),
        ("view", asked.look.as_str().to_owned()),
        ("masked", asked.masked.to_string()),
        ("steady", asked.steady()),
    ]
    .map(|(name, value)| view! { <input type="hidden" name=name value=value/> }.into_any())
    .collect_view();
    view! {
        <section class="card">
            <header>
                <h2>{title}</h2>
                <span class="remark">
                    <span class="compare">
                        <GetForm action=format!("/devices/{}", to.device_id)>
                            {kept}
                            <label>"against "<select name="from" on:change=send_form>{options}</select></label>
                            <noscript><button class="btn small" type="submit">"Compare"</button></noscript>
                        </GetForm>
                    </span>
                    {looks(&to, &asked, true)}
                </span>
            </header>
            {words_of(&to)}
            {ways(&to, &asked, reading, role)}
            {table}
        </section>
    }
    .into_any()
}

/// Copies the whole newer text, masked as it is here: without what is volatile no device would take it. It is asked for only
/// then: the difference has only what is near changes.
fn copy_new(version: &ConfigVersion, masked: bool) -> AnyView {
    let (id, reading) = (version.id, Reading { masked, without_volatile: false });
    copy_button(
        "Copy new text",
        || 0,
        move |_| Box::pin(async move { once(GetConfig { id, reading }).await.map(|shown| shown.text) }),
    )
}

/// The whole text of a version.
pub(super) fn text_card(shown: ConfigText, asked: &Asked, role: Role) -> AnyView {
    let ConfigText { version, text: config, reading } = shown;
    let size =
        format!("{}, {}", format::plural(version.lines.into(), "line"), format::size(version.size_bytes));
    let for_copy = config.clone();
    let copy = copy_button("Copy", || 0, move |_| at_once(for_copy.clone()));
    let has_before = version.version > 1 || asked.from.is_some();
    let asked = Asked { look: Look::Text, ..asked.clone() };
    view! {
        <section class="card">
            <header>
                <h2>{format!("v{}", version.version)}</h2>
                <small>{size}</small>
                <span class="remark">
                    {looks(&version, &asked, has_before)}
                    {copy}
                </span>
            </header>
            {words_of(&version)}
            {ways(&version, &asked, reading, role)}
            <pre class="text-view" tabindex="0" aria-label="Configuration">{config}</pre>
        </section>
    }
    .into_any()
}

/// Unified, side by side, or the whole text.
fn looks(version: &ConfigVersion, asked: &Asked, has_before: bool) -> AnyView {
    let link = |words: &'static str, look: Look| {
        // What was chosen for a difference is not meant for a text.
        let steady = asked.steady.filter(|_| look.is_steady() == asked.look.is_steady());
        let to = address(version, &Asked { look, steady, ..asked.clone() });
        view! { <a class="btn small" href=to data-noscroll="true" aria-current=(look == asked.look).then_some("true")>{words}</a> }.into_any()
    };
    view! {
        <span class="seg">
            {has_before.then(|| link("Unified", Look::Unified))}
            {has_before.then(|| link("Side by side", Look::Split))}
            {link("Text", Look::Text)}
        </span>
    }
    .into_any()
}

/// Label and note.
fn words_of(version: &ConfigVersion) -> AnyView {
    if version.label.is_none() && version.note.is_none() {
        return ().into_any();
    }
    let label = version.label.clone().map(|label| view! { <b>{label}</b>" " }.into_any());
    view! { <p class="quiet note">{label}{version.note.clone()}</p> }.into_any()
}

/// How it is read, as a file, and all else that can be done with it.
fn ways(version: &ConfigVersion, asked: &Asked, reading: Reading, role: Role) -> AnyView {
    let Reading { masked, without_volatile } = reading;
    let toggle = |words: &'static str, is_on: bool, change: Asked| {
        let to = address(version, &change);
        view! { <a class="btn small" href=to data-noscroll="true" aria-current=is_on.then_some("true")>{words}</a> }.into_any()
    };
    let steady = if asked.reading(asked.look).without_volatile == without_volatile {
        let steady = Some(!without_volatile).filter(|steady| *steady != asked.look.is_steady());
        toggle("Volatile lines left out", without_volatile, Asked { steady, ..asked.clone() })
    } else {
        view! { <small class="muted">"With volatile lines: no driver here knows them."</small> }.into_any()
    };
    let secrets = if role >= Role::Operator {
        toggle("Secrets masked", masked, Asked { masked: !masked, ..asked.clone() })
    } else {
        view! { <small class="muted">"Secrets are masked."</small> }.into_any()
    };
    let download = format!("/configs/version/{}/download?masked={masked}", version.id);
    let more = format!("/configs/version/{}", version.id);
    view! {
        <div class="actions ways">
            <span class="seg">{steady}{secrets}</span>
            <a class="btn small" href=download rel="external" download="">"Download"</a>
            <a class="btn small" href=more>"Label, compare …"</a>
        </div>
    }
    .into_any()
}
