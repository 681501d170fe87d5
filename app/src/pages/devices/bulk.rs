//! Changing the devices that are chosen by their checkboxes.
//!
//! One form around the list: each button sends what it does, and the ticked rows are sent along, with JavaScript or
//! without.

use std::collections::BTreeSet;
use std::sync::Arc;

use etiqa_model::DeviceId;
use etiqa_model::device::Device;
use leptos::prelude::*;

use crate::api::devices::ChangeDevices;
use crate::components::form::FormProblem;
use crate::components::part::{nothing, part, text};
use crate::components::{Problem, confirm};
use crate::format;
use crate::post::Post;

/// What is chosen, and what was done with it last.
#[derive(Clone, Copy)]
pub(super) struct Bulk {
    pub(super) change: Post<ChangeDevices>,
    problem: FormProblem,
    /// Kept by id: rows come and go under the hands of a person who chooses.
    chosen: RwSignal<BTreeSet<DeviceId>>,
    /// What was typed to confirm a deletion.
    confirmation: RwSignal<String>,
    /// Whether JavaScript is there to choose all rows at once.
    is_alive: RwSignal<bool>,
}

impl Bulk {
    /// Nothing is chosen; that is so again after every change that was made.
    pub(super) fn new() -> Self {
        let change = Post::<ChangeDevices>::new();
        let bulk = Self {
            change,
            problem: change.problem(),
            chosen: RwSignal::new(BTreeSet::new()),
            confirmation: RwSignal::new(String::new()),
            is_alive: RwSignal::new(false),
        };
        Effect::new(move || bulk.is_alive.set(true));
        let answers = bulk.change.version();
        Effect::new(move || {
            answers.track();
            if bulk.change.has_succeeded() {
                bulk.chosen.set(BTreeSet::new());
                bulk.confirmation.set(String::new());
            }
        });
        bulk
    }

    /// How the last change went.
    pub(super) fn outcome(self) -> AnyView {
        let change = self.change;
        let done = part(move || match change.answer() {
            None => nothing(),
            Some(count) => {
                let words = match count {
                    0 => "There was nothing to change.".to_owned(),
                    count => format!("Done for {}.", format::plural(count, "device")),
                };
                view! { <p class="notice good" role="status">{words}</p> }.into_any()
            }
        });
        view! { <Problem problem=self.problem/>{done} }.into_any()
    }

    /// The checkbox of a row.
    pub(super) fn pick(self, device: &Device) -> AnyView {
        let (id, chosen) = (device.id, self.chosen);
        let label = format!("Choose {}", device.hostname);
        let is_chosen = move || chosen.with(|chosen| chosen.contains(&id));
        let was_ticked = self.problem.ticked("ids[]", &id.to_string()).unwrap_or(false);
        let ticked = move |event: leptos::ev::Event| {
            let is_chosen = event_target_checked(&event);
            chosen.update(|chosen| choose(chosen, id, is_chosen));
        };
        view! {
            <input type="checkbox" class="pick" name="ids[]" value=id.to_string() aria-label=label autocomplete="off" checked=was_ticked prop:checked=is_chosen on:change=ticked/>
        }
        .into_any()
    }

    /// What can be done with the chosen ones of these rows. The tag's buttons come first, because the first button of a
    /// form is what Enter in a field presses.
    pub(super) fn bar(self, ids: Vec<DeviceId>, credentials: Vec<String>) -> AnyView {
        let credentials = credentials
            .into_iter()
            .map(|name| view! { <option value=name.clone()>{name.clone()}</option> }.into_any())
            .collect_view();
        let tag = self.problem.typed("change[tag]");
        view! {
            <div class="bulk" role="group" aria-label="With the chosen devices">
                {self.all(ids)}
                <div>
                    <input type="text" name="change[tag]" value=tag placeholder="Tag" aria-label="Tag" autocomplete="off"/>
                    {press("add_tag", "Add tag", "btn small")}
                    {press("remove_tag", "Remove tag", "btn small")}
                </div>
                <div>
                    <select name="change[credential]" aria-label="Credential">
                        <option value="">"Their site's credentials"</option>
                        {credentials}
                    </select>
                    {press("set_credential", "Set credential", "btn small")}
                </div>
                <div>
                    {press("collect", "Back up now", "btn small")}
                    {press("enable", "Enable", "btn small")}
                    {press("disable", "Disable", "btn small")}
                    {self.deletion()}
                </div>
            </div>
        }
        .into_any()
    }

    /// Chooses all rows of the page, and says how many are chosen.
    fn all(self, ids: Vec<DeviceId>) -> AnyView {
        let (chosen, is_alive) = (self.chosen, self.is_alive);
        let ids: Arc<[DeviceId]> = ids.into();
        let count = {
            let ids = Arc::clone(&ids);
            move || chosen.with(|chosen| ids.iter().filter(|id| chosen.contains(id)).count())
        };
        let total = ids.len();
        let are_all = {
            let count = count.clone();
            move || count() == total
        };
        let words = text(move || match count() {
            0 => "Choose all".to_owned(),
            count => format!("{count} of {total} chosen"),
        });
        let ticked = move |event: leptos::ev::Event| {
            let are_chosen = event_target_checked(&event);
            chosen.update(|chosen| ids.iter().for_each(|id| choose(chosen, *id, are_chosen)));
        };
        let is_hidden = move || !is_alive.get();
        view! {
            <div hidden=is_hidden>
                <label class="check">
                    <input type="checkbox" aria-label="Choose all devices of this page" autocomplete="off" prop:checked=are_all on:change=ticked/>
                    <span>{words}</span>
                </label>
            </div>
        }
        .into_any()
    }

    fn deletion(self) -> AnyView {
        let confirmation = self.confirmation;
        let value = move || confirmation.get();
        let typed = move |event: leptos::ev::Event| confirmation.set(event_target_value(&event));
        let form = view! {
            <input type="text" name="change[confirmation]" placeholder="delete" aria-label="Type delete" autocomplete="off" autocapitalize="off" prop:value=value on:input=typed/>
            {press("delete", "Delete", "btn danger")}
        }
        .into_any();
        let question = "Delete the chosen devices with all their versions and results? Archives that hold them stay. \
                        Type the word delete to go on.";
        confirm("chosen", "Delete…", question, form)
    }
}

fn choose(chosen: &mut BTreeSet<DeviceId>, id: DeviceId, is_chosen: bool) {
    if is_chosen {
        chosen.insert(id);
    } else {
        chosen.remove(&id);
    }
}

/// A button that says what is to be done.
fn press(what: &'static str, words: &'static str, class: &'static str) -> AnyView {
    view! { <button class=class type="submit" name="change[what]" value=what>{words}</button> }.into_any()
}
