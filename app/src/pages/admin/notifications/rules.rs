//! The list of rules, and the form for one.

use etiqa_model::notify::{
    ChannelKind, NotifyEvent, PLACEHOLDERS, QuietThen, Repeat, Rule, RuleInput, RuleList,
};
use etiqa_model::schedule::Weekday;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::{Actions, PATH};
use crate::api::notifications::SaveNotifyRule;
use crate::components::form::{FormProblem, error_of};
use crate::components::part::nothing;
use crate::components::table::{Column, list_card};
use crate::components::{Field, Problem, Select, act, card, chip, confirm, empty, submit};
use crate::format;
use crate::pages::admin::find::saved;
use crate::pages::options;
use crate::post::{Post, PostForm};

pub(super) fn list(list: RuleList, role: Role, actions: Actions) -> AnyView {
    let words =
        "A rule says what is told to which channels: failed runs at once, changed configurations once a day.";
    let columns = &[
        Column::Text("Rule"),
        Column::Text("Tells"),
        Column::Text("When"),
        Column::Text("State"),
        Column::Actions,
    ];
    let RuleList { rules, channels, .. } = list;
    let none = rules.is_empty().then(|| empty("No rule yet", words, ()));
    let below = view! { <p class="quiet">{format::plural(rules.len() as u64, "rule")}</p> }.into_any();
    let rows = rules
        .into_iter()
        .map(|rule| {
            let told = channels.iter().filter(|channel| rule.channels.contains(&channel.id));
            let told: Vec<&str> = told.map(|channel| channel.name.as_str()).collect();
            let told = if told.is_empty() { "nobody".to_owned() } else { told.join(", ") };
            (rule.id, row(rule, told, role, actions))
        })
        .collect();
    list_card(columns, rows, none, below)
}

fn row(rule: Rule, told: String, reader: Role, actions: Actions) -> AnyView {
    let id = rule.id.to_string();
    let events: Vec<&str> = rule.settings.events.iter().map(|event| event.label()).collect();
    let counts = [(rule.open, "lasting"), (rule.held, "held for later")];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, words)| format!("{} {words}", format::count(n)))
        .collect();
    let change = (reader >= Role::Admin).then(|| {
        let question = format!("Remove {}? What it holds for later is not told then.", rule.name);
        let remove = act(&[("id", id.clone())], "Remove", "btn danger");
        let form = view! { <PostForm to=actions.remove_rule>{remove}</PostForm> }.into_any();
        view! {
            <a class="btn small" href=format!("{PATH}?rule={id}#rule")>"Edit"</a>
            {confirm(&format!("rule-{id}"), "Remove…", question, form)}
        }
        .into_any()
    });
    view! {
        <tr>
            <td><b>{rule.name.clone()}</b><small>"to "{told}</small></td>
            <td data-label="Tells">{events.join(", ")}</td>
            <td class="muted" data-label="When">{rule.settings.words()}</td>
            <td data-label="State">{chip::enabled(rule.enabled)}<small>{counts.join(", ")}</small></td>
            <td class="end"><div class="actions">{change}</div></td>
        </tr>
    }
    .into_any()
}

pub(super) fn form(
    known: Option<Rule>,
    list: &RuleList,
    preview: Option<(String, String)>,
    role: Role,
    save: Post<SaveNotifyRule>,
) -> AnyView {
    if role < Role::Admin {
        return nothing();
    }
    let problem = save.problem();
    let title =
        known.as_ref().map_or_else(|| "Add a rule".to_owned(), |known| format!("Change {}", known.name));
    let hidden = known
        .as_ref()
        .map(|known| view! { <input type="hidden" name="id" value=known.id.to_string()/> }.into_any());
    let done = saved(known.as_ref().map(|known| known.name.as_str()), "rule");
    let cancel = known.is_some().then(|| view! { <a class="btn" href=PATH>"Cancel"</a> }.into_any());
    let shown = known.as_ref().and(preview).map(|(title, text)| {
        view! {
            <h3>"What a message looks like"</h3>
            <p><b>{title}</b></p>
            <pre class="transcript" tabindex="0">{text}</pre>
        }
        .into_any()
    });
    let input = known.map_or_else(
        || RuleInput { time_zone: list.time_zone.clone(), ..RuleInput::default() },
        |known| known.to_input(),
    );
    let fields = Fields { input: &input, list, problem };
    let (events, channels, chosen) = (fields.events(), fields.channels(), fields.chosen());
    let (times, words, flags) = (fields.times(), fields.words(), fields.flags());
    let body = view! {
        <div class="pad form">
            <PostForm to=save done>
                <Problem problem/>
                {hidden}
                <div class="fields">
                    <Field name="rule[name]" label="Name" value=input.name required=true problem autocomplete="off" placeholder="On call"/>
                </div>
                {events}
                {channels}
                {chosen}
                {times}
                {words}
                {flags}
                <div class="actions">{submit("Save rule", save.pending())}{cancel}</div>
            </PostForm>
            {shown}
        </div>
    }
    .into_any();
    card(title, (), body)
}

/// The form's fields.
struct Fields<'a> {
    input: &'a RuleInput,
    list: &'a RuleList,
    problem: FormProblem,
}

impl Fields<'_> {
    /// Checkboxes of one list: value, words, and whether it is chosen at first.
    fn boxes(
        &self,
        legend: &'static str,
        name: &'static str,
        choices: Vec<(String, String, bool)>,
    ) -> AnyView {
        let problem = self.problem;
        let field = name.trim_end_matches("[]").to_owned();
        let boxes = choices
            .into_iter()
            .map(|(value, words, is_chosen)| {
                let is_chosen = problem.ticked(name, &value).unwrap_or(is_chosen);
                view! {
                    <label class="check">
                        <input type="checkbox" name=name value=value checked=is_chosen/>
                        <span>{words}</span>
                    </label>
                }
                .into_any()
            })
            .collect_view();
        view! {
            <fieldset class="boxes">
                <legend>{legend}</legend>
                {boxes}
                <p class="error" role="alert">{error_of(problem, field)}</p>
            </fieldset>
        }
        .into_any()
    }

    fn events(&self) -> AnyView {
        let choices = NotifyEvent::ALL.iter().map(|event| {
            let is_chosen = self.input.events.iter().any(|chosen| chosen == event.as_str());
            (event.as_str().to_owned(), event.label().to_owned(), is_chosen)
        });
        self.boxes("What is told", "events[]", choices.collect())
    }

    fn channels(&self) -> AnyView {
        let known = self.list.channels.iter().filter(|channel| channel.kind != ChannelKind::Heartbeat);
        let choices: Vec<_> = known
            .map(|channel| {
                let is_chosen = self.input.channels.contains(&channel.id);
                (channel.id.to_string(), channel.name.clone(), is_chosen)
            })
            .collect();
        if choices.is_empty() {
            return view! { <p class="quiet">"Add a channel first: a rule needs somebody to tell."</p> }
                .into_any();
        }
        self.boxes("To which channels", "channels[]", choices)
    }

    /// What is chosen besides the event.
    fn chosen(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let backups = &self.list.backups;
        let mut choices: Vec<_> = backups
            .iter()
            .map(|(id, name)| (id.to_string(), name.clone(), input.backups.contains(id)))
            .collect();
        // Without it a rule for this one alone would be for all.
        let gone = input.backups.iter().filter(|id| !backups.iter().any(|(known, _)| known == *id));
        choices.extend(gone.map(|id| (id.to_string(), format!("backup {id}, which is gone"), true)));
        let backups = (!choices.is_empty())
            .then(|| self.boxes("Only of these backups; none chosen: of all", "backups[]", choices));
        view! {
            {backups}
            <div class="fields">
                <Field name="rule[device_types]" label="Device types" value=input.device_types.clone() problem placeholder="switch, router" hint="With commas between; empty: all."/>
                <Field name="rule[sites]" label="Sites" value=input.sites.clone() problem hint="With commas between; empty: all."/>
                <Field name="rule[tags]" label="Tags" value=input.tags.clone() problem hint="Devices with one of them; empty: all."/>
                <Field name="rule[after]" label="Failures in a row" kind="number" value=input.after.clone() problem hint="After so many a device counts as failing."/>
            </div>
        }
        .into_any()
    }

    fn times(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let timings = options(&[
            ("now", "At once"),
            ("daily", "Together, once a day"),
            ("weekly", "Together, once a week"),
        ]);
        let days = Weekday::ALL.iter().map(|day| (day.as_str().to_owned(), day.label().to_owned())).collect();
        let repeats = Repeat::ALL
            .iter()
            .map(|repeat| (repeat.as_str().to_owned(), repeat.label().to_owned()))
            .collect();
        let thens =
            QuietThen::ALL.iter().map(|then| (then.as_str().to_owned(), then.label().to_owned())).collect();
        view! {
            <div class="fields">
                <Select name="rule[timing]" label="When" options=timings value=input.timing.clone() problem/>
                <Field name="rule[at]" label="At" value=input.at.clone() problem placeholder="08:00" hint="For once a day or a week."/>
                <Select name="rule[weekday]" label="On" options=days value=input.weekday.clone() problem hint="For once a week."/>
                <Field name="rule[time_zone]" label="Time zone" value=input.time_zone.clone() problem/>
                <Select name="rule[repeat]" label="While something lasts" options=repeats value=input.repeat.clone() problem/>
                <Field name="rule[remind_hours]" label="Reminder after hours" kind="number" value=input.remind_hours.clone() problem hint="While it lasts; 0: none."/>
                <Field name="rule[quiet]" label="Quiet hours" value=input.quiet.clone() problem placeholder="mon-fri 22:00-06:00; sat,sun" hint="Windows with semicolons between; empty: none."/>
                <Select name="rule[quiet_then]" label="What comes in quiet hours is" options=thens value=input.quiet_then.clone() problem/>
            </div>
        }
        .into_any()
    }

    fn words(&self) -> AnyView {
        let (input, problem) = (self.input, self.problem);
        let known = PLACEHOLDERS
            .iter()
            .map(|(name, words)| {
                view! { <li><code>{format!("{{{{{name}}}}}")}</code>" "{*words}</li> }.into_any()
            })
            .collect_view();
        view! {
            <div class="fields">
                <Field name="rule[title]" label="Title" value=input.title.clone() problem placeholder="{{title}}" hint="A template of one line; empty: the program's own."/>
                <Field name="rule[text]" label="Text" kind="textarea" value=input.text.clone() problem placeholder="{{items}}" hint="A template; empty: the program's own."/>
            </div>
            <details>
                <summary>"What templates can hold"</summary>
                <ul>{known}</ul>
            </details>
        }
        .into_any()
    }

    fn flags(&self) -> AnyView {
        let input = self.input;
        let choices = [
            ("recovered", "Tell when something is over", input.recovered),
            ("with_diff", "Tell changes with what changed, secrets masked", input.with_diff),
            ("enabled", "Enabled", input.enabled),
        ];
        let choices =
            choices.into_iter().map(|(value, words, is_on)| (value.to_owned(), words.to_owned(), is_on));
        self.boxes("Besides", "flags[]", choices.collect())
    }
}
