//! Destinations: where archives are sent to besides the local folder, how they are, and the form for one.

use etiqa_model::destination::{
    Destination, DestinationInput, DestinationKind, DestinationTest, GitTexts, KeepCopies,
};
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::ABOVE;
use super::find::{ListSearch, key_of_new, keyed, saved};
use crate::api::destinations::{
    AcceptDestinationKey, ListDestinations, RemoveDestination, RetryDestination, SaveDestination,
    ShareDestination, TestDestination, UnshareDestination,
};
use crate::ask::{ask, ask_if};
use crate::components::form::FormProblem;
use crate::components::part::{nothing, part};
use crate::components::table::{Column, list_card};
use crate::components::{
    Ago, Check, Field, Loaded, PageHeader, Problem, Select, Time, Tone, act, card, chip, confirm, empty,
    submit,
};
use crate::format;
use crate::live::touch_after;
use crate::pages::{options, query_field};
use crate::post::{Post, PostForm};
use crate::session::Allowed;

#[derive(Clone, Copy)]
struct Actions {
    test: Post<TestDestination>,
    retry: Post<RetryDestination>,
    remove: Post<RemoveDestination>,
    accept_key: Post<AcceptDestinationKey>,
    share: Post<ShareDestination>,
    unshare: Post<UnshareDestination>,
}

const PATH: &str = "/admin/destinations";

#[component]
pub(crate) fn DestinationsPage() -> AnyView {
    let lookup = ListSearch::at(PATH);
    let known = ask(&[Topic::Admin, Topic::Runs], || ListDestinations {});
    let save = Post::<SaveDestination>::new();
    let actions = Actions {
        test: Post::<TestDestination>::new(),
        retry: Post::<RetryDestination>::new(),
        remove: Post::<RemoveDestination>::new(),
        accept_key: Post::<AcceptDestinationKey>::new(),
        share: Post::<ShareDestination>::new(),
        unshare: Post::<UnshareDestination>::new(),
    };
    touch_after(save, &[Topic::Admin]);
    touch_after(actions.test, &[Topic::Admin]);
    touch_after(actions.retry, &[Topic::Admin]);
    touch_after(actions.remove, &[Topic::Admin]);
    touch_after(actions.accept_key, &[Topic::Admin]);
    touch_after(actions.share, &[Topic::Admin]);
    touch_after(actions.unshare, &[Topic::Admin]);
    save.forget_with(lookup.about());
    let edited = query_field("edit");
    // Not live: nothing may change under the hands of a person who types.
    let one =
        ask_if(&[], move || (!edited.get().is_empty()).then_some(ListDestinations {})).anew_with(edited);
    let for_form = move || {
        let added = save.accepted().get();
        async move {
            let mut known = one.get().await?.unwrap_or_default().into_iter();
            let known = known.find(|destination| destination.id.to_string() == edited.get_untracked());
            let key = known.as_ref().map_or_else(|| key_of_new(added), |known| known.id.to_string());
            Ok((key, known))
        }
    };
    let tested = part(move || actions.test.answer().map_or_else(nothing, outcome));
    let from = move || {
        lookup.follow();
        known.get()
    };
    view! {
        <PageHeader title="Destinations" above=ABOVE>
            <Allowed role=Role::Admin>{lookup.new_button("New destination")}</Allowed>
        </PageHeader>
        <p class="lead muted">"Archives are always kept on this machine. A destination gets a copy of each, reads it back to be sure, and loses it when the archive goes. Which backup sends where is said in the backup's own settings."</p>
        <Problem problem=actions.test.problem()/>
        <Problem problem=actions.retry.problem()/>
        <Problem problem=actions.remove.problem()/>
        <Problem problem=actions.accept_key.problem()/>
        <Problem problem=actions.share.problem()/>
        <Problem problem=actions.unshare.problem()/>
        {lookup.field("Name, kind or place")}
        <div class="stack">
            {tested}
            <Loaded from view=move |known, role| list(known, lookup, role, &actions)/>
            <div id="form">
                <Loaded from=for_form view=move |(key, known), role| {
                    keyed(key, form(known, role, lookup.closed(), save))
                }/>
            </div>
        </div>
    }
    .into_any()
}

fn outcome(test: DestinationTest) -> AnyView {
    let class = if test.is_good { "notice good" } else { "notice bad" };
    view! { <p class=class role="status">{test.message}</p> }.into_any()
}

fn list(known: Vec<Destination>, lookup: ListSearch, role: Role, actions: &Actions) -> AnyView {
    let words = "Add one, so that a fire, a thief or a broken disk does not take device and backup together.";
    let columns =
        &[Column::Text("Destination"), Column::Text("State"), Column::Text("Copies"), Column::Actions];
    let changed = known
        .iter()
        .filter_map(|destination| {
            changed_key(destination, role, actions).or_else(|| other_folder(destination, role, actions))
        })
        .collect_view();
    let found = lookup.rows(known, |destination| {
        format!("{} {} {}", destination.name, destination.kind().label(), destination.settings.words())
    });
    let none = lookup.none(found.total, || empty("No destination yet", words, ()));
    let rows = found.rows.into_iter();
    let rows = rows.map(|destination| (destination.id, row(destination, lookup, role, actions))).collect();
    let below = lookup.below(found.page, found.total, "destination");
    view! { {changed}{list_card(columns, rows, none, below)} }.into_any()
}

fn row(destination: Destination, lookup: ListSearch, role: Role, actions: &Actions) -> AnyView {
    let id = destination.id;
    let label = destination.kind().label();
    let place = destination.settings.words();
    let state = state(&destination);
    let copies = copies(&destination);
    let is_open = destination.waiting + destination.leaving > 0 || destination.problem.is_some();
    let test = view! {
        <PostForm to=actions.test>{act(&[("id", id.to_string())], "Test", "btn small")}</PostForm>
    }
    .into_any();
    let retry = (is_open && destination.enabled).then(|| {
        view! {
            <PostForm to=actions.retry>{act(&[("id", id.to_string())], "Try now", "btn small")}</PostForm>
        }
        .into_any()
    });
    let question = format!(
        "Remove {}? Nothing is sent there any more, and what is there stays there; this program forgets it.",
        destination.name
    );
    let change = (role >= Role::Admin).then(|| {
        let form = view! {
            <PostForm to=actions.remove>{act(&[("id", id.to_string())], "Remove", "btn danger")}</PostForm>
        }
        .into_any();
        let share = share(&destination, actions);
        view! {
            {lookup.form_button("edit", id.to_string(), "Edit")}
            {share}
            {confirm(&format!("destination-{id}"), "Remove…", question, form)}
        }
        .into_any()
    });
    view! {
        <tr>
            <td><b>{destination.name}</b><small>{label}" · "<span class="mono">{place}</span></small></td>
            <td>{state}</td>
            <td>{copies}</td>
            <td class="end"><div class="actions">{test}{retry}{change}</div></td>
        </tr>
    }
    .into_any()
}

/// Has all machines keep their files there, or no longer.
fn share(destination: &Destination, actions: &Actions) -> Option<AnyView> {
    let id = destination.id.to_string();
    if destination.is_shared {
        let question = format!(
            "Keep no more files in {}? Each machine keeps its own from then on, and cannot read those of others.",
            destination.name
        );
        let form = view! {
            <PostForm to=actions.unshare>{act(&[], "Share no more", "btn danger")}</PostForm>
        }
        .into_any();
        return Some(confirm(&format!("share-{id}"), "Share no more…", question, form));
    }
    destination.may_be_shared.then(|| {
        view! {
            <PostForm to=actions.share>{act(&[("id", id)], "Share among machines", "btn small")}</PostForm>
        }
        .into_any()
    })
}

fn state(destination: &Destination) -> AnyView {
    let last = destination.last_ok_at.map(|at| view! { <small>"Worked "<Ago at/></small> }.into_any());
    if !destination.enabled {
        return view! { {chip::enabled(false)}{last} }.into_any();
    }
    match &destination.problem {
        Some(problem) => {
            let next = destination
                .paused_until
                .map(|at| view! { <small>"Tried again "<Time at/></small> }.into_any());
            view! { {chip(Tone::Bad, "Does not work")}<small>{problem.clone()}</small>{next}{last} }
                .into_any()
        }
        None if destination.last_ok_at.is_none() => {
            view! { {chip(Tone::Off, "Not used yet")}<small>"Test it, to be sure."</small> }.into_any()
        }
        None => view! { {chip(Tone::Ok, "Works")}{last} }.into_any(),
    }
}

fn copies(destination: &Destination) -> AnyView {
    let open = [(destination.waiting, "to be sent"), (destination.leaving, "to be deleted")];
    let open: Vec<_> = open
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, words)| format!("{} {words}", format::count(n)))
        .collect();
    let open = (!open.is_empty()).then(|| view! { <small>{open.join(", ")}</small> }.into_any());
    let used = match destination.configs {
        0 => "no backup sends there".to_owned(),
        n => format!("from {}", format::plural(n, "backup")),
    };
    let keeps = (destination.keep == KeepCopies::Forever)
        .then(|| view! { <small>"kept for ever"</small> }.into_any());
    let locked = destination.facts.retention.clone();
    let locked =
        locked.map(|words| view! { <small>{format!("the bucket keeps all for {words}")}</small> }.into_any());
    let shared = destination
        .is_shared
        .then(|| view! { <small>"all machines keep their files there"</small> }.into_any());
    view! { {format!("{} there", format::count(destination.sent))}<small>{used}</small>{shared}{open}{keeps}{locked} }
        .into_any()
}

/// The key that an SSH server shows instead of the remembered one; nothing goes there until somebody accepts.
fn changed_key(destination: &Destination, role: Role, actions: &Actions) -> Option<AnyView> {
    let offered = destination.offered.clone()?;
    let accept = accept(destination, role, actions, "Accept the new key");
    let known = destination.fingerprint.clone().unwrap_or_default();
    Some(
        view! {
            <div class="notice bad">
                <p><b>{format!("The host key of {} changed. ", destination.name)}</b>"If the server was replaced, accept its new key; if not, somebody else may answer at its address. Until the new key is accepted, nothing is sent there."</p>
                <p class="mono hash">"known "{known}</p>
                <p class="mono hash">"offered "{offered}</p>
                <div class="actions">{accept}</div>
            </div>
        }
        .into_any(),
    )
}

/// A folder that is not the one that copies were sent to; nothing goes there until the right one is back, or somebody
/// accepts.
fn other_folder(destination: &Destination, role: Role, actions: &Actions) -> Option<AnyView> {
    if !destination.facts.is_other_folder {
        return None;
    }
    let accept = accept(destination, role, actions, "Accept this folder");
    let path = destination.settings.words();
    Some(
        view! {
            <div class="notice bad">
                <p><b>{format!("The folder of {} is another one. ", destination.name)}</b>"Copies were sent to one that had a mark in it. Most likely its share is not mounted: mount it, and all goes on. If this folder takes its place, accept it; every archive that is kept here is then sent anew, and what was to be deleted is forgotten."</p>
                <p class="mono hash">{path}</p>
                <div class="actions">{accept}</div>
            </div>
        }
        .into_any(),
    )
}

fn accept(destination: &Destination, role: Role, actions: &Actions, words: &'static str) -> Option<AnyView> {
    let id = destination.id;
    (role >= Role::Admin).then(|| {
        view! {
            <PostForm to=actions.accept_key>{act(&[("id", id.to_string())], words, "btn small")}</PostForm>
        }
        .into_any()
    })
}

fn form(
    known: Option<Destination>,
    role: Role,
    closed: Memo<String>,
    save: Post<SaveDestination>,
) -> AnyView {
    if role < Role::Admin {
        return nothing();
    }
    let problem = save.problem();
    let title = known
        .as_ref()
        .map_or_else(|| "Add a destination".to_owned(), |known| format!("Change {}", known.name));
    let is_new = known.is_none();
    let hidden = known
        .as_ref()
        .map(|known| view! { <input type="hidden" name="id" value=known.id.to_string()/> }.into_any());
    let done = saved(known.as_ref().map(|known| known.name.as_str()), "destination");
    let done = format!("{done} Test it, to be sure.");
    let cancel = (!is_new).then(|| view! { <a class="btn" href=closed>"Cancel"</a> }.into_any());
    // A mirror is pushed whole, wherever its remote is.
    let holds_archives = known.as_ref().is_some_and(|known| known.kind() != DestinationKind::Git);
    let remark = holds_archives.then(|| {
        view! { <p class="muted">"Where it moves to another place, every archive that is kept here is sent anew; copies at the place before stay there."</p> }
            .into_any()
    });
    let input = known.map(|known| known.to_input()).unwrap_or_default();
    let (kind, set_kind) = signal(input.kind.clone());
    let kinds =
        DestinationKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let keeps =
        KeepCopies::ALL.iter().map(|keep| (keep.as_str().to_owned(), keep.label().to_owned())).collect();
    let is_enabled = input.enabled;
    // A destination stays of its kind.
    let choice = if is_new {
        view! { <Select name="destination[kind]" label="Kind" options=kinds value=input.kind.clone() problem on_change=Callback::new(move |kind| set_kind.set(kind))/> }
            .into_any()
    } else {
        view! { <input type="hidden" name="destination[kind]" value=input.kind.clone()/> }.into_any()
    };
    let following = Fields { input: &input, is_new, kind, problem };
    let fields = view! {
        <Field name="destination[name]" label="Name" value=input.name.clone() required=true problem autocomplete="off" placeholder="NAS in the cellar"/>
        {choice}
        {following.folder()}
        {following.s3()}
        {following.server()}
        {following.login()}
        {following.git()}
        <Select name="destination[keep]" label="Copies are kept" options=keeps value=input.keep.clone() problem hint="When an archive is removed here, its copy goes as well, or stays."/>
    }
    .into_any();
    let body = view! {
        <div class="pad form">
            <PostForm to=save done>
                <Problem problem/>
                {hidden}
                <div class="fields">{fields}</div>
                {remark}
                <Check name="enabled" label="Enabled" hint="Archives are sent there." checked=Signal::stored(is_enabled) problem/>
                <div class="actions">{submit("Save destination", save.pending())}{cancel}</div>
            </PostForm>
        </div>
    }
    .into_any();
    card(title, (), body)
}

/// The fields of the form that follow the kind.
struct Fields<'a> {
    input: &'a DestinationInput,
    is_new: bool,
    kind: ReadSignal<String>,
    problem: FormProblem,
}

impl Fields<'_> {
    /// Shows a field only for these kinds. Without JavaScript all of those that may be needed are there.
    fn only_for(&self, kinds: &'static [DestinationKind], field: AnyView) -> AnyView {
        let kind = self.kind;
        let fits = move |kind: &String| kinds.iter().any(|shown| shown.as_str() == kind);
        if !self.is_new && !kind.with_untracked(fits) {
            return nothing();
        }
        let (hidden, set_hidden) = signal(false);
        Effect::new(move || set_hidden.set(!kind.with(fits)));
        view! { <div hidden=hidden>{field}</div> }.into_any()
    }

    /// What an empty secret means.
    fn kept(&self, otherwise: &'static str) -> &'static str {
        if self.is_new { otherwise } else { "Empty: it stays as it was, unless the server is another one." }
    }

    fn folder(&self) -> AnyView {
        let problem = self.problem;
        let field = view! {
            <Field name="destination[path]" label="Folder" value=self.input.path.clone() problem placeholder="/mnt/nas/backups" hint="Of this machine: from the root on, and there already. Of an SSH server: from the root on, or within the user's own."/>
        }
        .into_any();
        self.only_for(&[DestinationKind::Folder, DestinationKind::Sftp], field)
    }

    fn s3(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let ways = options(&[("", "As the bucket says"), ("AES256", "AES256"), ("aws:kms", "aws:kms")]);
        let fields: Vec<AnyView> = vec![
            view! { <Field name="destination[endpoint]" label="Endpoint" value=input.endpoint.clone() problem placeholder="https://s3.example.com" hint="Empty: Amazon's own."/> }.into_any(),
            view! { <Field name="destination[region]" label="Region" value=input.region.clone() problem placeholder="us-east-1"/> }.into_any(),
            view! { <Field name="destination[bucket]" label="Bucket" value=input.bucket.clone() problem/> }.into_any(),
            view! { <Field name="destination[prefix]" label="Prefix" value=input.prefix.clone() problem hint="Begins the names of all objects."/> }.into_any(),
            view! { <Field name="destination[access_key_id]" label="Access key id" value=input.access_key_id.clone() problem autocomplete="off"/> }.into_any(),
            view! { <Field name="destination[secret_access_key]" label="Secret access key" kind="password" problem autocomplete="new-password" hint=self.kept("")/> }.into_any(),
            view! { <Select name="destination[sse]" label="The server encrypts" options=ways value=input.sse.clone() problem/> }.into_any(),
            view! { <Field name="destination[kms_key_id]" label="KMS key id" value=input.kms_key_id.clone() problem hint="For aws:kms; empty: the account's own."/> }.into_any(),
            view! { <Check name="path_style" label="Path style" hint="The bucket is named in the path, as MinIO and most of one's own servers want it." checked=Signal::stored(input.path_style) problem/> }.into_any(),
        ];
        fields.into_iter().map(|field| self.only_for(&[DestinationKind::S3], field)).collect_view().into_any()
    }

    fn server(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let url = view! { <Field name="destination[url]" label="Address" value=input.url.clone() problem placeholder="https://" hint="WebDAV: the folder. Git: the remote, or empty: the mirror stays on this machine."/> }.into_any();
        let address = view! { <Field name="destination[address]" label="Server" value=input.address.clone() problem placeholder="nas.example.com" hint="An IP address or a host name."/> }.into_any();
        let port = view! { <Field name="destination[port]" label="SSH port" kind="number" value=input.port.clone() problem placeholder="22"/> }.into_any();
        let own_network = view! { <Check name="own_network" label="In our own network" hint="It may have an address such as 192.168.1.5. Without this, copies go to public addresses only." checked=Signal::stored(input.own_network) problem/> }.into_any();
        let elsewhere =
            &[DestinationKind::S3, DestinationKind::Webdav, DestinationKind::Sftp, DestinationKind::Git];
        view! {
            {self.only_for(&[DestinationKind::Webdav, DestinationKind::Git], url)}
            {self.only_for(&[DestinationKind::Sftp], address)}
            {self.only_for(&[DestinationKind::Sftp], port)}
            {self.only_for(elsewhere, own_network)}
        }
        .into_any()
    }

    fn login(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let with_key = &[DestinationKind::Sftp, DestinationKind::Git];
        let with_login = &[DestinationKind::Webdav, DestinationKind::Sftp, DestinationKind::Git];
        let username = view! { <Field name="destination[username]" label="User name" value=input.username.clone() problem autocomplete="off"/> }.into_any();
        let password = view! { <Field name="destination[password]" label="Password or token" kind="password" problem autocomplete="new-password" hint=self.kept("")/> }.into_any();
        let key = view! { <Field name="destination[private_key]" label="Private key" kind="textarea" problem autocomplete="off" hint=self.kept("In OpenSSH or PEM form, instead of a password.")/> }.into_any();
        let passphrase = view! { <Field name="destination[key_passphrase]" label="Passphrase of the key" kind="password" problem autocomplete="new-password"/> }.into_any();
        view! {
            {self.only_for(with_login, username)}
            {self.only_for(with_login, password)}
            {self.only_for(with_key, key)}
            {self.only_for(with_key, passphrase)}
        }
        .into_any()
    }

    fn git(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let texts =
            GitTexts::ALL.iter().map(|texts| (texts.as_str().to_owned(), texts.label().to_owned())).collect();
        let branch = view! { <Field name="destination[branch]" label="Branch" value=input.branch.clone() problem placeholder="main"/> }.into_any();
        let texts = view! { <Select name="destination[texts]" label="Texts" options=texts value=input.texts.clone() problem/> }.into_any();
        view! {
            {self.only_for(&[DestinationKind::Git], branch)}
            {self.only_for(&[DestinationKind::Git], texts)}
        }
        .into_any()
    }
}
