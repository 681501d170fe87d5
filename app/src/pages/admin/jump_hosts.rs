//! Jump hosts: servers that pass connections on to devices that cannot be reached straight.

use etiqa_model::admin::{DeviceChoices, JumpHost, JumpHostInput};
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::ABOVE;
use super::find::{ListSearch, key_of_new, keyed, saved};
use crate::api::admin::{AcceptJumpHostKey, ListJumpHosts, RemoveJumpHost, SaveJumpHost};
use crate::api::devices::GetDeviceChoices;
use crate::ask::{ask, ask_if};
use crate::components::part::nothing;
use crate::components::table::{Column, list_card};
use crate::components::{
    Check, Field, Loaded, PageHeader, Problem, Select, Tone, act, card, chip, confirm, empty, submit,
};
use crate::format;
use crate::live::touch_after;
use crate::pages::{query_field, with_any};
use crate::post::{Post, PostForm};
use crate::session::Allowed;

#[derive(Clone, Copy)]
struct Actions {
    remove: Post<RemoveJumpHost>,
    accept_key: Post<AcceptJumpHostKey>,
}

const PATH: &str = "/admin/jump-hosts";

#[component]
pub(crate) fn JumpHostsPage() -> AnyView {
    let lookup = ListSearch::at(PATH);
    let hosts = ask(&[Topic::Admin], || ListJumpHosts {});
    let save = Post::<SaveJumpHost>::new();
    let actions =
        Actions { remove: Post::<RemoveJumpHost>::new(), accept_key: Post::<AcceptJumpHostKey>::new() };
    touch_after(save, &[Topic::Admin]);
    touch_after(actions.remove, &[Topic::Admin]);
    touch_after(actions.accept_key, &[Topic::Admin]);
    save.forget_with(lookup.about());
    let edited = query_field("edit");
    // Not live: nothing may change under the hands of a person who types.
    let choices = ask(&[], || GetDeviceChoices {});
    let known = ask_if(&[], move || (!edited.get().is_empty()).then_some(ListJumpHosts {})).anew_with(edited);
    let for_form = move || {
        let added = save.accepted().get();
        async move {
            let known = known.get().await?.unwrap_or_default();
            let known = known.into_iter().find(|host| host.id.to_string() == edited.get_untracked());
            let key = known.as_ref().map_or_else(|| key_of_new(added), |host| host.id.to_string());
            Ok((key, known, choices.get().await?))
        }
    };
    let from = move || {
        lookup.follow();
        hosts.get()
    };
    view! {
        <PageHeader title="Jump hosts" above=ABOVE>
            <Allowed role=Role::Admin>{lookup.new_button("New jump host")}</Allowed>
        </PageHeader>
        <p class="lead muted">"A jump host passes connections on to devices that cannot be reached straight. The devices of its site go through it; any other device does where its settings name it."</p>
        <Problem problem=actions.remove.problem()/>
        <Problem problem=actions.accept_key.problem()/>
        {lookup.field("Name, address or site")}
        <div class="stack">
            <Loaded from view=move |hosts, role| list(hosts, lookup, role, actions)/>
            <div id="form">
                <Loaded from=for_form view=move |(key, host, choices), role| {
                    keyed(key, form(host, choices, role, lookup.closed(), save))
                }/>
            </div>
        </div>
    }
    .into_any()
}

fn form(
    host: Option<JumpHost>,
    choices: DeviceChoices,
    role: Role,
    closed: Memo<String>,
    save: Post<SaveJumpHost>,
) -> AnyView {
    if role < Role::Admin {
        return nothing();
    }
    let problem = save.problem();
    let title =
        host.as_ref().map_or_else(|| "Add a jump host".to_owned(), |known| format!("Change {}", known.name));
    let hidden = host
        .as_ref()
        .map(|known| view! { <input type="hidden" name="id" value=known.id.to_string()/> }.into_any());
    let done = saved(host.as_ref().map(|known| known.name.as_str()), "jump host");
    let cancel = host.is_some().then(|| view! { <a class="btn" href=closed>"Cancel"</a> }.into_any());
    let JumpHostInput { name, address, port, credential, via, site, legacy_ssh } =
        host.map(|known| known.to_input()).unwrap_or_default();
    let credentials = with_any("Choose one", choices.credentials, &credential);
    let others = choices.jump_hosts.into_iter().filter(|other| *other != name).collect();
    let others = with_any("Straight", others, &via);
    let sites = choices
        .sites
        .into_iter()
        .map(|site| view! { <option value=site></option> }.into_any())
        .collect_view();
    let fields = view! {
        <Field name="host[name]" label="Name" value=name required=true problem autocomplete="off"/>
        <Field name="host[address]" label="Address" value=address required=true problem placeholder="10.20.0.1" hint="An IP address or a host name."/>
        <Field name="host[port]" label="SSH port" kind="number" value=port problem placeholder="22"/>
        <Select name="host[credential]" label="Credential" options=credentials value=credential problem hint="It is logged in to with this one."/>
        <Select name="host[via]" label="Reached through" options=others value=via problem/>
        <Field name="host[site]" label="Site" value=site list="sites" problem placeholder="none" hint="Devices of this site that name no jump host go through it."/>
    }
    .into_any();
    let body = view! {
        <div class="pad form">
            <PostForm to=save done>
                <Problem problem/>
                {hidden}
                <div class="fields">{fields}</div>
                <Check name="host[legacy_ssh]" label="Old SSH algorithms" hint="Only where it knows no newer ones." checked=Signal::stored(legacy_ssh) problem/>
                <datalist id="sites">{sites}</datalist>
                <div class="actions">{submit("Save jump host", save.pending())}{cancel}</div>
            </PostForm>
        </div>
    }
    .into_any();
    card(title, (), body)
}

fn list(hosts: Vec<JumpHost>, lookup: ListSearch, role: Role, actions: Actions) -> AnyView {
    let words = "Add one where devices stand behind a server that you log in to first.";
    // A changed key is shown whatever is looked for.
    let offered = hosts.iter().filter_map(|host| changed_key(host, role, actions)).collect_view();
    let found = lookup.rows(hosts, |host| {
        format!("{} {} {}", host.name, host.address, host.site.as_deref().unwrap_or_default())
    });
    let none = lookup.none(found.total, || empty("No jump host yet", words, ()));
    let columns = &[
        Column::Text("Jump host"),
        Column::Text("Reached"),
        Column::Text("Serves"),
        Column::Text("Host key"),
        Column::Actions,
    ];
    let rows = found.rows.into_iter().map(|host| (host.id, row(host, lookup, role, actions))).collect();
    let below = lookup.below(found.page, found.total, "jump host");
    view! { {offered}{list_card(columns, rows, none, below)} }.into_any()
}

fn row(host: JumpHost, lookup: ListSearch, role: Role, actions: Actions) -> AnyView {
    let place = if host.port == 22 { host.address } else { format!("{} port {}", host.address, host.port) };
    let way = host.via.map_or_else(|| "straight".to_owned(), |via| format!("through {via}"));
    let login = host.credential.map_or_else(|| "no credential".to_owned(), |name| format!("as {name}"));
    let named = match host.devices {
        0 => "no device names it".to_owned(),
        1 => "1 device names it".to_owned(),
        n => format!("{} devices name it", format::count(n)),
    };
    let serves = host.site.map_or_else(|| "no site".to_owned(), |site| format!("site {site}"));
    let key = match (host.fingerprint, host.offered.is_some()) {
        (None, _) => view! { <span class="muted">"not seen yet"</span> }.into_any(),
        (Some(key), is_changed) => view! {
            <span class="mono hash">{key}</span>
            {is_changed.then(|| view! { <div>{chip(Tone::Warn, "Changed")}</div> }.into_any())}
        }
        .into_any(),
    };
    let old = host.legacy_ssh.then(|| view! { <small>"old SSH algorithms"</small> }.into_any());
    let id = host.id;
    let question = format!(
        "Remove {}? What goes through it now is reached as its site says, or straight; {named}.",
        host.name
    );
    let buttons = (role >= Role::Admin).then(|| {
        let form = view! {
            <PostForm to=actions.remove>{act(&[("id", id.to_string())], "Remove", "btn danger")}</PostForm>
        }
        .into_any();
        view! {
            <div class="actions">
                {lookup.form_button("edit", id.to_string(), "Edit")}
                {confirm(&format!("jump-host-{id}"), "Remove…", question, form)}
            </div>
        }
        .into_any()
    });
    view! {
        <tr>
            <td><b>{host.name}</b><small class="mono">{place}</small></td>
            <td>{way}<small>{login}</small>{old}</td>
            <td>{serves}<small>{named}</small></td>
            <td>{key}</td>
            <td class="end">{buttons}</td>
        </tr>
    }
    .into_any()
}

/// The key that a jump host shows instead of the remembered one; nothing goes through it until somebody accepts.
fn changed_key(host: &JumpHost, role: Role, actions: Actions) -> Option<AnyView> {
    let offered = host.offered.clone()?;
    let id = host.id;
    let accept = (role >= Role::Admin).then(|| {
        view! {
            <PostForm to=actions.accept_key>
                {act(&[("id", id.to_string())], "Accept the new key", "btn small")}
            </PostForm>
        }
        .into_any()
    });
    let known = host.fingerprint.clone().unwrap_or_default();
    Some(
        view! {
            <div class="notice bad">
                <p><b>{format!("The host key of {} changed. ", host.name)}</b>"If the server was replaced, accept its new key; if not, somebody else may answer at its address. Until the new key is accepted, no device behind it is backed up."</p>
                <p class="mono hash">"known "{known}</p>
                <p class="mono hash">"offered "{offered}</p>
                <div class="actions">{accept}</div>
            </div>
        }
        .into_any(),
    )
}
