//! The way to a first backup.

use etiqa_model::overview::FirstSteps;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::Actions;
use crate::components::part::nothing;
use crate::components::{Tone, act, card, chip};
use crate::post::PostForm;

/// What to do until there is a first backup: what is done, what is next, and where.
pub(super) fn first_steps(steps: &FirstSteps, is_running: bool, role: Role, actions: Actions) -> AnyView {
    let done = [steps.device.is_some(), steps.has_credential, steps.is_tested, steps.backup.is_some(), false];
    let next = done.iter().position(|is_done| !is_done).unwrap_or(done.len());
    let class = move |index: usize| if index == next { "btn primary" } else { "btn" };
    let link = move |index: usize, to: String, words: &'static str| {
        view! { <a class=class(index) href=to>{words}</a> }.into_any()
    };
    let step = |index: usize, heading: &'static str, words: AnyView, action: AnyView| {
        let (class, sign) =
            if done[index] { ("step done", "✓".to_owned()) } else { ("step", (index + 1).to_string()) };
        let current = (index == next).then_some("step");
        let action = if done[index] { chip(Tone::Ok, "Done") } else { action };
        view! {
            <li aria-current=current>
                <span class=class aria-hidden="true">{sign}</span>
                <div><h3>{heading}</h3><p class="muted">{words}</p></div>
                {action}
            </li>
        }
        .into_any()
    };
    let add_devices =
        view! { "Import a CSV or JSON file, or "<a href="/devices/new">"add one"</a>"." }.into_any();
    let (credential, add_credential) = if role >= Role::Admin {
        (
            "The user name and password, or key, that logs in to your devices. Read-only is enough.",
            link(1, "/admin/credentials".to_owned(), "Add credential"),
        )
    } else {
        ("An admin adds the login to your devices.", nothing())
    };
    let test = steps
        .device
        .map_or_else(nothing, |id| link(2, format!("/devices/{id}?tab=connection"), "Test a device"));
    let run = match steps.backup {
        _ if is_running => chip(Tone::Run, "Running"),
        Some(id) => {
            view! { <PostForm to=actions.run>{act(&[("id", id.to_string())], "Run now", class(4))}</PostForm> }
                .into_any()
        }
        None => nothing(),
    };
    let body = view! {
        <ol class="steps">
            {step(0, "Add your devices", add_devices, link(0, "/devices/import".to_owned(), "Import devices"))}
            {step(1, "Add a credential", credential.into_any(), add_credential)}
            {step(2, "Test the connection", "Logs in to one device and asks for no configuration.".into_any(), test)}
            {step(3, "Say when to back up", "Hourly, daily, weekly or monthly, in your own time zone.".into_any(), link(3, "/backup/new".to_owned(), "New backup"))}
            {step(4, "Run it once", "The first archive shows that all of it works.".into_any(), run)}
        </ol>
    }
    .into_any();
    card(
        "To your first backup",
        format!("{} of 5 done", done.iter().filter(|is_done| **is_done).count()),
        body,
    )
}
