//! The form of a rule, and what it would come to with a device, before it is saved.

use etiqa_model::RuleId;
use etiqa_model::admin::DeviceChoices;
use etiqa_model::device::DeviceType;
use etiqa_model::page::Page;
use etiqa_model::rule::{PartPreview, RuleInput, RulePosted, RulePreview, Severity, Wants};
use leptos::prelude::*;

use super::{ABOVE, PATH, lines};
use crate::api::AppError;
use crate::api::devices::GetDeviceChoices;
#[cfg(feature = "ssr")]
use crate::api::rules::PostedRule;
use crate::api::rules::{GetRule, SaveRule};
use crate::ask::{Asked, ask, ask_with};
use crate::components::form::{FormProblem, of_known};
use crate::components::part::{nothing, part};
use crate::components::{Check, Field, Loaded, PageHeader, Problem, Select, Tone, card, chip, submit};
use crate::format;
use crate::pages::{id_of_path, with_any, with_any_of};
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn NewRulePage() -> AnyView {
    let save = Post::<SaveRule>::new();
    let (choices, posted) = (ask(&[], || GetDeviceChoices {}), posted());
    let loaded = move || async move { Ok((choices.get().await?, posted.get().await?)) };
    view! {
        <PageHeader title="New rule" above=ABOVE/>
        <Loaded from=loaded view=move |(choices, posted), _| {
            let rule = RuleInput { enabled: true, ..RuleInput::default() };
            form(None, rule, choices, posted, save)
        }/>
    }
    .into_any()
}

/// Not live on purpose: nothing may change under the hands of a person who types.
#[component]
pub(crate) fn EditRulePage() -> AnyView {
    let save = Post::<SaveRule>::new();
    let id = id_of_path();
    let known = ask(&[], move || GetRule { id: RuleId(id.get()), kept: false, page: Page::first(1) });
    let (choices, posted) = (ask(&[], || GetDeviceChoices {}), posted());
    let loaded = move || async move { Ok((known.get().await?, choices.get().await?, posted.get().await?)) };
    view! {
        <Loaded is_page=true from=loaded view=move |(known, choices, posted), _| {
            let title = format!("Change {}", known.rule.name);
            view! {
                <PageHeader title above=ABOVE/>
                {form(Some((known.rule.id, known.stamp)), known.rule.to_input(), choices, posted, save)}
            }
            .into_any()
        }/>
    }
    .into_any()
}

/// What a browser without JavaScript posted to this page, handed on to the browser within it.
fn posted() -> Asked<Option<RulePosted>> {
    ask_with(&[], String::new, {
        let json = posted_json();
        move || std::future::ready(json.clone())
    })
}

#[cfg(feature = "ssr")]
fn posted_json() -> Result<String, AppError> {
    let posted = use_context::<PostedRule>().map(|posted| posted.0);
    serde_json::to_string(&posted).map_err(|_| AppError(etiqa_model::UserError::internal()))
}

#[cfg(not(feature = "ssr"))]
#[expect(clippy::unnecessary_wraps, reason = "as on the server")]
fn posted_json() -> Result<String, AppError> {
    Ok("null".to_owned())
}

fn form(
    known: Option<(RuleId, String)>,
    rule: RuleInput,
    choices: DeviceChoices,
    posted: Option<RulePosted>,
    save: Post<SaveRule>,
) -> AnyView {
    let id = known.as_ref().map(|(id, _)| *id);
    let stamp = known.map(|(_, stamp)| stamp).unwrap_or_default();
    let (rule, device, stamp, answer) = match posted {
        Some(posted) => (posted.rule, posted.device, posted.stamp, Some(posted.answer)),
        None => (rule, String::new(), stamp, None),
    };
    let (first, refused) = match answer {
        Some(Ok(preview)) => (Some(preview), None),
        Some(Err(error)) => (None, Some(AppError(error))),
        None => (None, None),
    };
    let answers = save.version();
    // What was posted before is over as soon as there is an answer here.
    let before = Signal::derive(move || if answers.get() == 0 { refused.clone() } else { None });
    let problem = save.problem().or(FormProblem::from(before));
    let found = part(move || {
        let preview = if answers.get() == 0 { first.clone() } else { save.answer().flatten() };
        preview.map_or_else(nothing, |preview| result(&preview))
    });
    let own = id.map_or_else(|| format!("{PATH}/new"), |id| format!("{PATH}/{id}/edit"));
    let back = id.map_or_else(|| PATH.to_owned(), |id| format!("{PATH}/{id}"));
    let hidden = id.map(|id| of_known(id.to_string(), stamp, problem));
    let fields = view! {
        <PostForm to=save>
            <Problem problem/>
            {hidden}
            {question(&rule, problem)}
            {about(&rule, choices, problem)}
            {outcome(&rule, problem)}
            <div class="actions">
                {submit("Save rule", save.pending())}
                <a class="btn" href=back>"Cancel"</a>
            </div>
            <div class="fields">
                <Field name="device" label="Try it with" value=device problem placeholder="host name or address" hint="Nothing is saved, and the device is not asked: its stored configuration is looked into."/>
            </div>
            <div class="actions">
                // With JavaScript it goes where the form goes; without, to the page that shows what it came to.
                <button class="btn" type="submit" name="trying" value="true" formaction=own formnovalidate="true">"Try it"</button>
            </div>
        </PostForm>
    }
    .into_any();
    view! {
        <div class="stack">
            <section class="card pad form">{fields}</section>
            {found}
        </div>
    }
    .into_any()
}

fn question(rule: &RuleInput, problem: FormProblem) -> AnyView {
    let wants =
        Wants::ALL.iter().map(|wants| (wants.as_str().to_owned(), wants.label().to_owned())).collect();
    let chosen = if rule.wants.is_empty() { Wants::Contain.as_str().to_owned() } else { rule.wants.clone() };
    view! {
        <div class="fields">
            <Field name="rule[name]" label="Name" value=rule.name.clone() required=true problem/>
            <Select name="rule[wants]" label="The configuration" options=wants value=chosen problem hint="Text is found anywhere within a line. A regular expression matches within a line; ^ and $ are its ends."/>
            <div class="wide"><Field name="rule[patterns]" label="What is looked for" kind="textarea" value=rule.patterns.clone() problem hint="A line each: all of them must be there, or none of them may. Spaces at the beginning count."/></div>
            <Field name="rule[block]" label="Only within blocks whose header matches" value=rule.block.clone() problem placeholder="^line vty" hint="A regular expression. A block is what is indented below its header, or within its braces; each one is looked into. Where there is no such block, the rule is kept."/>
            <div class="wide"><Check name="rule[match_case]" label="Match case" checked=Signal::stored(rule.match_case) problem/></div>
        </div>
    }
    .into_any()
}

fn about(rule: &RuleInput, choices: DeviceChoices, problem: FormProblem) -> AnyView {
    let kinds =
        DeviceType::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let kinds = with_any_of("Any type", kinds, &rule.device_type);
    let platforms = with_any_of("Any platform", choices.platforms, &rule.platform);
    let sites = with_any("Any site", choices.sites, &rule.site);
    let tags = with_any("Any tag", choices.tags, &rule.tag);
    view! {
        <div class="fields">
            <Select name="rule[platform]" label="Platform" options=platforms value=rule.platform.clone() problem/>
            <Select name="rule[device_type]" label="Type" options=kinds value=rule.device_type.clone() problem/>
            <Select name="rule[site]" label="Site" options=sites value=rule.site.clone() problem/>
            <Select name="rule[tag]" label="Tag" options=tags value=rule.tag.clone() problem/>
            <Field name="rule[part]" label="Part" value=rule.part.clone() problem placeholder="any" hint="Such as running or startup."/>
        </div>
    }
    .into_any()
}

fn outcome(rule: &RuleInput, problem: FormProblem) -> AnyView {
    let severities =
        Severity::ALL.iter().map(|one| (one.as_str().to_owned(), one.label().to_owned())).collect();
    let chosen =
        if rule.severity.is_empty() { Severity::Warning.as_str().to_owned() } else { rule.severity.clone() };
    view! {
        <div class="fields">
            <Select name="rule[severity]" label="Severity" options=severities value=chosen problem/>
            <Field name="rule[advice]" label="What to do where it is broken" value=rule.advice.clone() problem hint="A sentence, shown to everybody."/>
            <div class="wide"><Check name="rule[enabled]" label="On" checked=Signal::stored(rule.enabled) problem/></div>
        </div>
    }
    .into_any()
}

fn result(preview: &RulePreview) -> AnyView {
    let parts = preview.parts.iter().map(|part| part_of(part, &preview.hostname)).collect_view();
    let body = view! { <div class="stack pad" role="status">{parts}</div> }.into_any();
    card(format!("With {}", preview.hostname), "nothing is saved", body)
}

fn part_of(preview: &PartPreview, hostname: &str) -> AnyView {
    let PartPreview { part, version, broken, blocks, missing, hits, lines: told } = preview;
    let state = if *broken { chip(Tone::Bad, "Broken") } else { chip(Tone::Ok, "Kept") };
    let blocks = blocks.map(|blocks| format!(" {} looked into.", format::plural(blocks.into(), "block")));
    let missing = (!missing.is_empty()).then(|| {
        let words = format!("Not there: {}", missing.join(" · "));
        view! { <p class="mono">{words}</p> }.into_any()
    });
    let more = u64::from(*hits).saturating_sub(told.len() as u64);
    let more = (more > 0).then(|| {
        view! { <p class="quiet">{format!("and {}", format::plural(more, "more line"))}</p> }.into_any()
    });
    view! {
        <div>
            <p>{state}" "<b>{part.clone()}</b>{format!(" v{version}.")}{blocks}</p>
            {missing}
            {lines(told, format!("Lines that tell in {part} of {hostname}"))}
            {more}
        </div>
    }
    .into_any()
}
