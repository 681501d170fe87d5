//! The list of channels, and the form for one.

use etiqa_model::BackupConfigId;
use etiqa_model::notify::{Channel, ChannelInput, ChannelKind, MailSecurity, SyslogTransport};
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::{Actions, PATH};
use crate::api::notifications::SaveChannel;
use crate::components::form::FormProblem;
use crate::components::part::nothing;
use crate::components::table::{Column, list_card};
use crate::components::{
    Ago, Check, Field, Problem, Select, Time, Tone, act, card, chip, confirm, empty, submit,
};
use crate::format;
use crate::pages::admin::find::saved;
use crate::post::{Post, PostForm};

pub(super) fn list(known: Vec<Channel>, role: Role, actions: Actions) -> AnyView {
    let words =
        "Add a mail server, a chat or a monitor, so that you hear of what goes wrong without looking here.";
    let columns =
        &[Column::Text("Channel"), Column::Text("State"), Column::Text("Messages"), Column::Actions];
    let none = known.is_empty().then(|| empty("No channel yet", words, ()));
    let below = view! { <p class="quiet">{format::plural(known.len() as u64, "channel")}</p> }.into_any();
    let rows = known.into_iter().map(|channel| (channel.id, row(channel, role, actions))).collect();
    list_card(columns, rows, none, below)
}

fn row(channel: Channel, role: Role, actions: Actions) -> AnyView {
    let id = channel.id.to_string();
    let (label, place) = (channel.kind().label(), channel.settings.words());
    let (state, messages) = (state(&channel), messages(&channel));
    let test = act(&[("id", id.clone())], "Test", "btn small");
    let test = view! { <PostForm to=actions.test>{test}</PostForm> }.into_any();
    let change = (role >= Role::Admin).then(|| {
        let question = format!("Remove {}? Its messages go as well, also those that wait.", channel.name);
        let remove = act(&[("id", id.clone())], "Remove", "btn danger");
        let form = view! { <PostForm to=actions.remove_channel>{remove}</PostForm> }.into_any();
        view! {
            <a class="btn small" href=format!("{PATH}?edit={id}#channel")>"Edit"</a>
            {confirm(&format!("channel-{id}"), "Remove…", question, form)}
        }
        .into_any()
    });
    view! {
        <tr>
            <td><b>{channel.name}</b><small>{label}" · "<span class="mono">{place}</span></small></td>
            <td data-label="State">{state}</td>
            <td data-label="Messages">{messages}</td>
            <td class="end"><div class="actions">{test}{change}</div></td>
        </tr>
    }
    .into_any()
}

fn state(channel: &Channel) -> AnyView {
    let last = channel.last_ok_at.map(|at| view! { <small>"Worked "<Ago at/></small> }.into_any());
    if !channel.enabled {
        return view! { {chip::enabled(false)}{last} }.into_any();
    }
    match &channel.problem {
        Some(problem) => {
            let next =
                channel.paused_until.map(|at| view! { <small>"Tried again "<Time at/></small> }.into_any());
            view! { {chip(Tone::Bad, "Does not work")}<small>{problem.clone()}</small>{next}{last} }
                .into_any()
        }
        None if channel.last_ok_at.is_none() => {
            view! { {chip(Tone::Off, "Not used yet")}<small>"Test it, to be sure."</small> }.into_any()
        }
        None => view! { {chip(Tone::Ok, "Works")}{last} }.into_any(),
    }
}

fn messages(channel: &Channel) -> AnyView {
    let waiting = match channel.waiting {
        0 => "none waits".to_owned(),
        n => format!("{} waiting", format::count(n)),
    };
    let dropped = (channel.dropped > 0).then(|| {
        let words = format!("{} dropped: too many waited", format::count(channel.dropped));
        view! { <small>{words}</small> }.into_any()
    });
    let used = match (channel.kind(), channel.rules) {
        (ChannelKind::Heartbeat, _) => "of one backup".to_owned(),
        (_, 0) => "no rule sends there".to_owned(),
        (_, n) => format!("from {}", format::plural(n, "rule")),
    };
    view! { {waiting}<small>{used}</small>{dropped} }.into_any()
}

pub(super) fn form(
    known: Option<Channel>,
    backups: &[(BackupConfigId, String)],
    role: Role,
    save: Post<SaveChannel>,
) -> AnyView {
    if role < Role::Admin {
        return nothing();
    }
    let problem = save.problem();
    let title =
        known.as_ref().map_or_else(|| "Add a channel".to_owned(), |known| format!("Change {}", known.name));
    let is_new = known.is_none();
    let hidden = known
        .as_ref()
        .map(|known| view! { <input type="hidden" name="id" value=known.id.to_string()/> }.into_any());
    let done = saved(known.as_ref().map(|known| known.name.as_str()), "channel");
    let done = format!("{done} Test it, to be sure.");
    let cancel = (!is_new).then(|| view! { <a class="btn" href=PATH>"Cancel"</a> }.into_any());
    let input = known.map(|known| known.to_input()).unwrap_or_default();
    let (kind, set_kind) = signal(input.kind.clone());
    let kinds =
        ChannelKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let is_enabled = input.enabled;
    // A channel stays of its kind.
    let choice = if is_new {
        view! { <Select name="channel[kind]" label="Kind" options=kinds value=input.kind.clone() problem on_change=Callback::new(move |kind| set_kind.set(kind))/> }
            .into_any()
    } else {
        view! { <input type="hidden" name="channel[kind]" value=input.kind.clone()/> }.into_any()
    };
    let following = Fields { input: &input, is_new, kind, problem };
    let fields = view! {
        <Field name="channel[name]" label="Name" value=input.name.clone() required=true problem autocomplete="off" placeholder="On call"/>
        {choice}
        {following.server()}
        {following.mail()}
        {following.web()}
        {following.syslog()}
        {following.heartbeat(backups)}
        {following.own_network()}
    }
    .into_any();
    let body = view! {
        <div class="pad form">
            <PostForm to=save done>
                <Problem problem/>
                {hidden}
                <div class="fields">{fields}</div>
                <Check name="enabled" label="Enabled" hint="Messages are sent there." checked=Signal::stored(is_enabled) problem/>
                <div class="actions">{submit("Save channel", save.pending())}{cancel}</div>
            </PostForm>
        </div>
    }
    .into_any();
    card(title, (), body)
}

/// The fields of the form that follow the kind.
struct Fields<'a> {
    input: &'a ChannelInput,
    is_new: bool,
    kind: ReadSignal<String>,
    problem: FormProblem,
}

/// Kinds whose address is a secret.
const WITH_URL: &[ChannelKind] = &[
    ChannelKind::Webhook,
    ChannelKind::Slack,
    ChannelKind::Teams,
    ChannelKind::Apprise,
    ChannelKind::Heartbeat,
];

impl Fields<'_> {
    /// Shows a field only for these kinds. Without JavaScript all of those that may be needed are there.
    fn only_for(&self, kinds: &'static [ChannelKind], field: AnyView) -> AnyView {
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

    fn server(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let host = view! { <Field name="channel[host]" label="Server" value=input.host.clone() problem placeholder="mail.example.com" hint="An IP address or a host name."/> }.into_any();
        let port = view! { <Field name="channel[port]" label="Port" kind="number" value=input.port.clone() problem hint="Empty: the usual one."/> }.into_any();
        let with_host = &[ChannelKind::Email, ChannelKind::Syslog];
        view! {
            {self.only_for(with_host, host)}
            {self.only_for(with_host, port)}
        }
        .into_any()
    }

    fn mail(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let ways =
            MailSecurity::ALL.iter().map(|way| (way.as_str().to_owned(), way.label().to_owned())).collect();
        let fields: Vec<AnyView> = vec![
            view! { <Select name="channel[security]" label="Protection" options=ways value=input.security.clone() problem/> }.into_any(),
            view! { <Field name="channel[username]" label="User name" value=input.username.clone() problem autocomplete="off" hint="Empty: the server asks nobody."/> }.into_any(),
            view! { <Field name="channel[password]" label="Password" kind="password" problem autocomplete="new-password" hint=self.kept("")/> }.into_any(),
            view! { <Field name="channel[from]" label="From" value=input.from.clone() problem placeholder="etiqa@example.com"/> }.into_any(),
            view! { <Field name="channel[to]" label="To" value=input.to.clone() problem placeholder="noc@example.com" hint="Several with commas between."/> }.into_any(),
        ];
        fields.into_iter().map(|field| self.only_for(&[ChannelKind::Email], field)).collect_view().into_any()
    }

    fn web(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let url = view! { <Field name="channel[secret_url]" label="Address" kind="password" problem autocomplete="off" hint=self.kept("https://… It counts as a secret: whoever knows it may send there. Apprise: with /notify and the key.")/> }.into_any();
        let secret = view! { <Field name="channel[secret]" label="Secret" kind="password" problem autocomplete="new-password" hint=self.kept("Webhook: signs each message. Apprise without a key: the addresses that it passes messages on to.")/> }.into_any();
        let token = view! { <Field name="channel[token]" label="Token" kind="password" problem autocomplete="new-password" hint=self.kept("Sent along as a bearer token; empty: none.")/> }.into_any();
        let server = view! { <Field name="channel[server]" label="Address of the server" value=input.server.clone() problem placeholder="https://" hint="Without the topic."/> }.into_any();
        let topic = view! { <Field name="channel[topic]" label="Topic" value=input.topic.clone() problem/> }
            .into_any();
        let tag = view! { <Field name="channel[tag]" label="Tag" value=input.tag.clone() problem hint="Which services of the key; empty: all."/> }.into_any();
        view! {
            {self.only_for(WITH_URL, url)}
            {self.only_for(&[ChannelKind::Ntfy], server)}
            {self.only_for(&[ChannelKind::Ntfy], topic)}
            {self.only_for(&[ChannelKind::Apprise], tag)}
            {self.only_for(&[ChannelKind::Webhook, ChannelKind::Apprise], secret)}
            {self.only_for(&[ChannelKind::Webhook, ChannelKind::Ntfy], token)}
        }
        .into_any()
    }

    fn syslog(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let ways = SyslogTransport::ALL
            .iter()
            .map(|way| (way.as_str().to_owned(), way.label().to_owned()))
            .collect();
        let transport = view! { <Select name="channel[transport]" label="By" options=ways value=input.transport.clone() problem/> }.into_any();
        let facility = view! { <Field name="channel[facility]" label="Facility" kind="number" value=input.facility.clone() problem placeholder="16" hint="0 to 23; 16 is local0."/> }.into_any();
        view! {
            {self.only_for(&[ChannelKind::Syslog], transport)}
            {self.only_for(&[ChannelKind::Syslog], facility)}
        }
        .into_any()
    }

    fn heartbeat(&self, backups: &[(BackupConfigId, String)]) -> AnyView {
        let mut options = vec![(String::new(), "Choose one".to_owned())];
        options.extend(backups.iter().map(|(id, name)| (id.to_string(), name.clone())));
        let problem = self.problem;
        let backup = view! { <Select name="channel[backup]" label="Backup" options value=self.input.backup.clone() problem hint="The monitor is told when a run of it begins, completes or fails."/> }.into_any();
        self.only_for(&[ChannelKind::Heartbeat], backup)
    }

    fn own_network(&self) -> AnyView {
        let checked = Signal::stored(self.input.own_network);
        let problem = self.problem;
        view! { <Check name="own_network" label="In our own network" hint="It may have an address such as 192.168.1.5. Without this, messages go to public addresses only." checked problem/> }
            .into_any()
    }
}
