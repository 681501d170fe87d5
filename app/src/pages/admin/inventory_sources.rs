//! Inventory sources: lists of devices elsewhere that the inventory follows, what a sync would do, and what the last ones did.

use etiqa_model::InventorySourceId;
use etiqa_model::event::Topic;
use etiqa_model::inventory_source::{
    GoneDevice, GonePolicy, InventorySource, InventorySourceDetail, SourceKind, SyncFate, SyncPreview,
    SyncResult, SyncRow,
};
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::ABOVE;
use super::find::{ListSearch, key_of_new, keyed, saved};
use crate::api::inventory_sources::{
    GetInventorySource, ListInventorySources, PreviewInventorySource, RemoveInventorySource,
    SaveInventorySource, SyncInventorySource,
};
use crate::ask::{ask, ask_if};
use crate::components::part::nothing;
use crate::components::table::{Column, list_card, table};
use crate::components::{
    Ago, Check, Field, Loaded, PageHeader, Problem, Select, Time, Tone, act, card, chip, confirm, empty,
    submit,
};
use crate::format;
use crate::live::touch_after;
use crate::pages::query_field;
use crate::post::{Post, PostForm};
use crate::session::Allowed;

#[derive(Clone, Copy)]
struct Actions {
    sync: Post<SyncInventorySource>,
    remove: Post<RemoveInventorySource>,
}

const PATH: &str = "/admin/inventory-sources";

#[component]
pub(crate) fn InventorySourcesPage() -> AnyView {
    let lookup = ListSearch::at(PATH);
    let known = ask(&[Topic::Admin], || ListInventorySources {});
    let save = Post::<SaveInventorySource>::new();
    let actions =
        Actions { sync: Post::<SyncInventorySource>::new(), remove: Post::<RemoveInventorySource>::new() };
    touch_after(save, &[Topic::Admin]);
    touch_after(actions.sync, &[Topic::Admin]);
    touch_after(actions.remove, &[Topic::Admin]);
    save.forget_with(lookup.about());
    let (edited, chosen, previewed) = (query_field("edit"), query_field("source"), query_field("preview"));
    // Not live: nothing may change under the hands of a person who types, and no list is taken because a device changed.
    let one =
        ask_if(&[], move || (!edited.get().is_empty()).then_some(ListInventorySources {})).anew_with(edited);
    let preview = ask_if(&[], move || id_of(&previewed.get()).map(|id| PreviewInventorySource { id }));
    let detail = ask_if(&[Topic::Admin], move || id_of(&chosen.get()).map(|id| GetInventorySource { id }));
    let for_form = move || {
        let added = save.accepted().get();
        async move {
            let mut known = one.get().await?.unwrap_or_default().into_iter();
            let known = known.find(|source| source.id.to_string() == edited.get_untracked());
            let key = known.as_ref().map_or_else(|| key_of_new(added), |known| known.id.to_string());
            Ok((key, known))
        }
    };
    let from = move || {
        lookup.follow();
        known.get()
    };
    let for_preview = move || {
        let id = id_of(&previewed.get());
        async move { Ok((id, preview.get().await?)) }
    };
    view! {
        <PageHeader title="Inventory sources" above=ABOVE>
            <Allowed role=Role::Admin>{lookup.new_button("New source")}</Allowed>
        </PageHeader>
        <p class="lead muted">"A source lists devices that are to be here as well: NetBox, or a CSV or JSON file. What a person changes here stays, and no device is ever deleted for it."</p>
        <Problem problem=actions.sync.problem()/>
        <Problem problem=actions.remove.problem()/>
        {lookup.field("Name, kind or place")}
        <div class="stack">
            <Loaded from view=move |known, role| list(known, lookup, role, actions)/>
            <div id="preview">
                <Loaded from=for_preview view=move |(id, preview), role| match (id, preview) {
                    (Some(id), Some(preview)) => show_preview(id, preview, role, actions),
                    _ => nothing(),
                }/>
            </div>
            <div id="source">
                <Loaded from=move || detail.get() view=move |detail, _| show_chosen(detail)/>
            </div>
            <div id="form">
                <Loaded from=for_form view=move |(key, known), role| {
                    keyed(key, form(known, role, lookup.closed(), save))
                }/>
            </div>
        </div>
    }
    .into_any()
}

fn id_of(text: &str) -> Option<InventorySourceId> {
    text.parse().ok()
}

fn list(known: Vec<InventorySource>, lookup: ListSearch, role: Role, actions: Actions) -> AnyView {
    let words = "Add one where a list of your devices is kept already: NetBox, a CSV or JSON file at a URL or on this machine.";
    let columns = &[Column::Text("Source"), Column::Text("State"), Column::Text("Devices"), Column::Actions];
    let found = lookup.rows(known, |source| {
        format!("{} {} {}", source.name, source.settings.kind.label(), source.settings.place)
    });
    let none = lookup.none(found.total, || empty("No inventory source yet", words, ()));
    let rows = found.rows.into_iter();
    let rows = rows.map(|source| (source.id, row(source, lookup, role, actions))).collect();
    let below = lookup.below(found.page, found.total, "source");
    list_card(columns, rows, none, below)
}

fn row(source: InventorySource, lookup: ListSearch, role: Role, actions: Actions) -> AnyView {
    let id = source.id;
    let state = state(&source);
    let label = source.settings.kind.label();
    let gone = (source.gone > 0)
        .then(|| view! { <small>{format!("{} gone", format::count(source.gone))}</small> }.into_any());
    let change = (role >= Role::Admin).then(|| {
        let form = view! {
            <PostForm to=actions.remove>{act(&[("id", id.to_string())], "Remove", "btn danger")}</PostForm>
        }
        .into_any();
        let question =
            format!("Remove {}? Its devices stay as they are; nothing follows it any more.", source.name);
        // Before its first sync a person looks first.
        let sync = source.confirmed_at.is_some().then(|| {
            view! {
                <PostForm to=actions.sync done="The sync is queued.">
                    {act(&[("id", id.to_string())], "Sync now", "btn small")}
                </PostForm>
            }
            .into_any()
        });
        view! {
            {sync}
            {lookup.form_button("edit", id.to_string(), "Edit")}
            {confirm(&format!("source-{id}"), "Remove…", question, form)}
        }
        .into_any()
    });
    view! {
        <tr>
            <td>
                <b><a href=format!("{PATH}?source={id}#source")>{source.name}</a></b>
                <small>{label}" · "<span class="mono">{source.settings.place}</span></small>
            </td>
            <td>{state}</td>
            <td>{format::count(source.devices)}{gone}</td>
            <td class="end">
                <div class="actions">
                    <a class="btn small" href=format!("{PATH}?preview={id}#preview")>"Preview"</a>
                    {change}
                </div>
            </td>
        </tr>
    }
    .into_any()
}

fn state(source: &InventorySource) -> AnyView {
    let chip = match &source.problem {
        _ if source.is_going_on => chip(Tone::Run, "Going on"),
        Some(_) => chip(Tone::Bad, "Does not work"),
        None if source.confirmed_at.is_none() => chip(Tone::Off, "Waits for its first sync"),
        None if !source.enabled => chip(Tone::Disabled, "Disabled"),
        None => chip(Tone::Ok, "Works"),
    };
    let last = source.last_ok_at.map(|at| view! { <small>"Worked "<Ago at/></small> }.into_any());
    let next = source.next_at.map(|at| view! { <small>"Next "<Time at/></small> }.into_any());
    let problem = source.problem.clone().map(|problem| view! { <small>{problem}</small> }.into_any());
    view! { {chip}{problem}{last}{next} }.into_any()
}

fn show_preview(id: InventorySourceId, preview: SyncPreview, role: Role, actions: Actions) -> AnyView {
    let SyncPreview { report, rows, guard } = preview;
    let words = report.to_string();
    let notes = notes(report.notes);
    let more = (report.added + report.changed + report.disabled + report.enabled + report.left)
        .saturating_sub(rows.len() as u64);
    let more = (more > 0).then(|| {
        view! { <p class="quiet">{format!("and {} more", format::plural(more, "device"))}</p> }.into_any()
    });
    let columns = &[Column::Text("What"), Column::Text("Device"), Column::Text("Changes")];
    let rows = (!rows.is_empty()).then(|| table(columns, rows.into_iter().map(preview_row).collect()));
    let is_guarded = guard.is_some();
    let guard = guard.map(|guard| view! { <p class="notice warn">{guard}</p> }.into_any());
    let sync = (role >= Role::Admin).then(|| {
        if is_guarded {
            let fields = [("id", id.to_string()), ("all_the_same", "true".to_owned())];
            let form = view! {
                <PostForm to=actions.sync done="The sync is queued.">{act(&fields, "Synchronise all the same", "btn danger")}</PostForm>
            }
            .into_any();
            confirm("guard", "Synchronise all the same…", "Do that to all of these devices? None is deleted, and those that are disabled are enabled when they come back.", form)
        } else {
            view! {
                <PostForm to=actions.sync done="The sync is queued.">
                    {act(&[("id", id.to_string())], "Synchronise now", "btn primary")}
                </PostForm>
            }
            .into_any()
        }
    });
    let body = view! {
        <div class="pad">
            <p role="status">{words}</p>
            {guard}
            {notes}
            <div class="actions">{sync}</div>
        </div>
        {rows}
        {more}
    }
    .into_any();
    card("What a sync would do now", "nothing is written yet", body)
}

fn preview_row(row: SyncRow) -> AnyView {
    let tone = match row.fate {
        SyncFate::Add | SyncFate::Enable => Tone::On,
        SyncFate::Change => Tone::Run,
        SyncFate::Disable => Tone::Disabled,
        SyncFate::Leave => Tone::Off,
    };
    let device = match row.id {
        Some(id) => view! { <a href=format!("/devices/{id}")>{row.hostname}</a> }.into_any(),
        None => row.hostname.into_any(),
    };
    view! {
        <tr>
            <td>{chip(tone, row.fate.label())}</td>
            <td>{device}<small class="mono">{row.address}</small></td>
            <td>{row.words.join("; ")}</td>
        </tr>
    }
    .into_any()
}

/// The syncs of the source that is looked at, where there is one.
fn show_chosen(detail: Option<InventorySourceDetail>) -> AnyView {
    let Some(InventorySourceDetail { source, syncs, gone }) = detail else { return nothing() };
    let columns = &[Column::Text("When"), Column::Text("Came to")];
    let syncs = if syncs.is_empty() {
        view! { <p class="pad muted">"It was not synchronised yet: look at its preview first."</p> }
            .into_any()
    } else {
        table(columns, syncs.into_iter().map(sync_row).collect())
    };
    let gone = (!gone.is_empty()).then(|| {
        let columns = &[Column::Text("Device"), Column::Text("Gone since"), Column::Text("Now")];
        let rows = table(columns, gone.into_iter().map(gone_row).collect());
        card("Not listed any more", "none of them is deleted", rows)
    });
    view! {
        <div class="stack">
            {card(format!("Syncs of {}", source.name), "the newest twenty", syncs)}
            {gone}
        </div>
    }
    .into_any()
}

fn sync_row(sync: SyncResult) -> AnyView {
    let came_to = match (sync.report, sync.problem) {
        (Some(report), _) => {
            let words = report.to_string();
            let notes = notes(report.notes);
            view! { {words}{notes} }.into_any()
        }
        (None, problem) => {
            view! { {chip(Tone::Bad, "Nothing was changed")}<small>{problem}</small> }.into_any()
        }
    };
    let by = if sync.started_by == "schedule" { "by schedule" } else { "by hand" };
    view! {
        <tr>
            <td><Time at=sync.started_at/><small>{by}</small></td>
            <td>{came_to}</td>
        </tr>
    }
    .into_any()
}

fn gone_row(device: GoneDevice) -> AnyView {
    let now = if device.is_disabled { chip(Tone::Disabled, "Disabled") } else { chip(Tone::Off, "Enabled") };
    view! {
        <tr>
            <td><a href=format!("/devices/{}", device.id)>{device.hostname}</a><small class="mono">{device.address}</small></td>
            <td><Time at=device.gone_at/></td>
            <td>{now}</td>
        </tr>
    }
    .into_any()
}

fn notes(notes: Vec<String>) -> Option<AnyView> {
    let items: Vec<AnyView> = notes.into_iter().map(|note| view! { <li>{note}</li> }.into_any()).collect();
    (!items.is_empty()).then(|| view! { <ul class="muted">{items}</ul> }.into_any())
}

fn form(
    known: Option<InventorySource>,
    role: Role,
    closed: Memo<String>,
    save: Post<SaveInventorySource>,
) -> AnyView {
    if role < Role::Admin {
        return nothing();
    }
    let problem = save.problem();
    let title =
        known.as_ref().map_or_else(|| "Add a source".to_owned(), |known| format!("Change {}", known.name));
    let hidden = known
        .as_ref()
        .map(|known| view! { <input type="hidden" name="id" value=known.id.to_string()/> }.into_any());
    let done = saved(known.as_ref().map(|known| known.name.as_str()), "source");
    let cancel = known.is_some().then(|| view! { <a class="btn" href=closed>"Cancel"</a> }.into_any());
    let has_token = known.as_ref().is_some_and(|known| known.has_token);
    let no_token = has_token.then(|| {
        view! { <Check name="no_token" label="Forget the token" checked=Signal::stored(false) problem/> }
            .into_any()
    });
    let input = known.map(|known| known.to_input()).unwrap_or_default();
    let kinds =
        SourceKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let ways = GonePolicy::ALL.iter().map(|way| (way.as_str().to_owned(), way.label().to_owned())).collect();
    let token_hint = if has_token { "Empty: as it is." } else { "Of NetBox, or sent as a bearer token." };
    let fields = view! {
        <Field name="source[name]" label="Name" value=input.name required=true problem autocomplete="off"/>
        <Select name="source[kind]" label="Kind" options=kinds value=input.kind problem/>
        <Field name="source[place]" label="URL or path" value=input.place required=true problem placeholder="https://netbox.example.com" hint="Of NetBox its own address, of a file its path from the root on."/>
        <Field name="source[token]" label="Token" kind="password" problem autocomplete="off" hint=token_hint/>
        <Field name="source[filter]" label="Which devices (NetBox)" value=input.filter problem placeholder="site=vienna&status=active" hint="As the address of NetBox's own list has it."/>
        <Field name="source[every_minutes]" label="Minutes between two syncs" kind="number" value=input.every_minutes problem placeholder="60"/>
        <Select name="source[gone]" label="A device that it does not list any more" options=ways value=input.gone problem hint="It is never deleted."/>
        <Field name="source[site]" label="Site of devices without one" value=input.site problem placeholder="default"/>
    }
    .into_any();
    let more = view! {
        <Field name="source[owns]" label="Fields that it has a say in" value=input.owns problem hint="Of hostname, device_type, platform, site, tags, description, port, transport, credential. Others are yours alone."/>
        <Field name="source[mappings]" label="What its names mean here" kind="textarea" value=input.mappings problem hint="A line each: platform cisco-xe = ios, role leaf = switch, site dc1 = vienna."/>
        <Check name="own_network" label="In our own network" hint="It may be at a private address." checked=Signal::stored(input.own_network) problem/>
        <Check name="enabled" label="Follow it" hint="By schedule, from its first sync on." checked=Signal::stored(input.enabled) problem/>
        {no_token}
    }
    .into_any();
    let body = view! {
        <div class="pad form">
            <PostForm to=save done>
                <Problem problem/>
                {hidden}
                <div class="fields">{fields}</div>
                {more}
                <div class="actions">{submit("Save source", save.pending())}{cancel}</div>
            </PostForm>
        </div>
    }
    .into_any();
    card(title, (), body)
}
