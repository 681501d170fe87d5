//! Searching the active configurations of all devices: the question in the address, the hits below it.

use etiqa_model::UserError;
use etiqa_model::admin::DeviceChoices;
use etiqa_model::device::DeviceType;
use etiqa_model::search::{DeviceHits, HitLine, MOST_CONTEXT, SearchInput, SearchResults, TextHits};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::{options, with_any, with_any_of};
use crate::api::AppError;
use crate::api::devices::GetDeviceChoices;
use crate::api::search::SearchConfigs;
use crate::ask::{ask, ask_if};
use crate::components::diff::spans;
use crate::components::list::{address, version_address};
use crate::components::loaded::error_view;
use crate::components::part::later;
use crate::components::{GetForm, PageHeader, empty};
use crate::format;

const PATH: &str = "/configs/search";

#[component]
pub(crate) fn SearchPage() -> AnyView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(input_of));
    let choices = ask(&[], || GetDeviceChoices {});
    // Not live: hits that move while they are read help nobody.
    let results = ask_if(&[], move || {
        let search = asked.get();
        (search != SearchInput::default()).then_some(SearchConfigs { search })
    });
    let content = later(searching, move || async move {
        let choices = choices.get().await;
        let found = results.get().await;
        let input = asked.get_untracked();
        match choices {
            Ok(choices) => content(&input, choices, found),
            Err(error) => error_view(error),
        }
    });
    view! {
        <PageHeader title="Search in configs" above=&[("Configs", "/configs/")]/>
        {content}
    }
    .into_any()
}

fn searching() -> AnyView {
    view! { <p class="loading" role="status">"Searching…"</p> }.into_any()
}

/// What the address asks.
fn input_of(query: &ParamsMap) -> SearchInput {
    let text = |name: &str| query.get(name).unwrap_or_default();
    SearchInput {
        text: text("q"),
        regex: !text("regex").is_empty(),
        match_case: !text("case").is_empty(),
        device_type: text("type"),
        site: text("site"),
        tag: text("tag"),
        part: text("part"),
        context: query.get("context").unwrap_or_else(|| SearchInput::default().context),
        after: text("after"),
    }
}

/// The address that asks this.
fn address_of(input: &SearchInput) -> String {
    let flag = |is_set: bool| if is_set { "1".to_owned() } else { String::new() };
    address(
        PATH,
        &[
            ("q", input.text.clone()),
            ("regex", flag(input.regex)),
            ("case", flag(input.match_case)),
            ("type", input.device_type.clone()),
            ("site", input.site.clone()),
            ("tag", input.tag.clone()),
            ("part", input.part.clone()),
            ("context", input.context.clone()),
            ("after", input.after.clone()),
        ],
    )
}

fn content(
    input: &SearchInput,
    choices: DeviceChoices,
    found: Result<Option<SearchResults>, AppError>,
) -> AnyView {
    match found {
        Ok(None) => view! { {form(input, choices, None)}{how()} }.into_any(),
        Ok(Some(results)) => view! { {form(input, choices, None)}{hits(input, results)} }.into_any(),
        Err(AppError(error)) if !error.fields.is_empty() => form(input, choices, Some(error)),
        Err(error) => view! { {form(input, choices, None)}{error_view(error)} }.into_any(),
    }
}

fn form(input: &SearchInput, choices: DeviceChoices, problem: Option<UserError>) -> AnyView {
    let kinds =
        DeviceType::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let kinds = with_any_of("Any type", kinds, &input.device_type);
    let around = (0..=MOST_CONTEXT).map(|lines| {
        let words = if lines == 0 {
            "The line alone".to_owned()
        } else {
            format!("± {}", format::plural(lines.into(), "line"))
        };
        (lines.to_string(), words)
    });
    let parts = options(&[("", "Any part"), ("running", "running"), ("startup", "startup")]);
    let parts = if parts.iter().any(|(part, _)| *part == input.part) {
        parts
    } else {
        [parts, vec![(input.part.clone(), input.part.clone())]].concat()
    };
    let problem = problem.map(|error| {
        view! { <p class="error" id="search-error" role="alert">{error.message}</p> }.into_any()
    });
    let is_wrong = problem.is_some().then_some("true");
    let (text, is_first) = (input.text.clone(), input.text.is_empty());
    let narrowing = view! {
        <div class="search-line">
            {flag("regex", "Regular expression", input.regex)}
            {flag("case", "Match case", input.match_case)}
            {choice("type", "Type", kinds, &input.device_type)}
            {choice("site", "Site", with_any("Any site", choices.sites, &input.site), &input.site)}
            {choice("tag", "Tag", with_any("Any tag", choices.tags, &input.tag), &input.tag)}
            {choice("part", "Part", parts, &input.part)}
            {choice("context", "Lines around a hit", around.collect(), &input.context)}
        </div>
    }
    .into_any();
    view! {
        <div class="search" role="search">
        <GetForm action=PATH>
            <div class="search-line">
                <input type="search" name="q" class="mono" placeholder="What a line holds" aria-label="Search in all active configurations" aria-describedby="search-error" aria-invalid=is_wrong required=true autofocus=is_first spellcheck="false" autocapitalize="off" autocomplete="off" value=text/>
                <button class="btn primary" type="submit">"Search"</button>
            </div>
            {problem}
            {narrowing}
        </GetForm>
        </div>
    }
    .into_any()
}

fn flag(name: &'static str, words: &'static str, is_set: bool) -> AnyView {
    view! {
        <label class="check">
            <input type="checkbox" name=name value="1" checked=is_set/>
            <span>{words}</span>
        </label>
    }
    .into_any()
}

fn choice(name: &'static str, label: &'static str, options: Vec<(String, String)>, chosen: &str) -> AnyView {
    let options = options
        .into_iter()
        .map(|(option, words)| {
            let is_chosen = option == chosen;
            view! { <option value=option selected=is_chosen>{words}</option> }.into_any()
        })
        .collect_view();
    view! { <select name=name aria-label=label>{options}</select> }.into_any()
}

/// What stands here before anything was searched for.
fn how() -> AnyView {
    empty(
        "Search the configurations of all devices",
        "A search looks for text within one line of every active configuration, in any case. Narrow it by type, site, \
         tag or part; a regular expression finds patterns.",
        (),
    )
}

fn hits(input: &SearchInput, results: SearchResults) -> AnyView {
    let summary = summary(input, &results);
    let left_out = (results.left_out > 0).then(|| {
        let words = format!(
            "{} not searched: nobody knows any more how to mask their secrets, because their driver is gone. Ask an operator.",
            if results.left_out == 1 { "1 text was".to_owned() } else { format!("{} texts were", format::count(results.left_out)) }
        );
        view! { <p class="notice warn">{words}</p> }.into_any()
    });
    let stopped = results.stopped_early.then(|| {
        let words = "This search took too long and was ended; not all configurations were looked into. Narrow it, or go on.";
        view! { <p class="notice warn" role="alert">{words}</p> }.into_any()
    });
    let more = results.more_after.map(|device| {
        let next = address_of(&SearchInput { after: device.to_string(), ..input.clone() });
        let words = if results.stopped_early { "Go on searching" } else { "Next devices" };
        view! { <a class="btn" rel="next" href=next>{words}</a> }.into_any()
    });
    let first = (!input.after.is_empty()).then(|| {
        let first = address_of(&SearchInput { after: String::new(), ..input.clone() });
        view! { <a class="btn" href=first>"From the first"</a> }.into_any()
    });
    let devices = results.devices.iter().map(device_card).collect_view();
    view! {
        <p class="muted" role="status">{summary}</p>
        {stopped}
        {left_out}
        <div class="stack">{devices}</div>
        <nav class="pager" aria-label="Pages">{first}{more}</nav>
    }
    .into_any()
}

fn summary(input: &SearchInput, results: &SearchResults) -> String {
    let devices = results.devices.len() as u64;
    let lines: u64 =
        results.devices.iter().flat_map(|device| &device.texts).map(|text| text.matching_lines).sum();
    let masked =
        if results.redacted { " Secrets are masked for you, and what is masked is not found." } else { "" };
    let found = format!("{} of {}", format::plural(lines, "line"), format::plural(devices, "device"));
    let words = match (devices, results.more_after.is_some(), input.after.is_empty()) {
        (0, false, true) => "Nothing was found. Look for other words, or take a filter away.".to_owned(),
        (0, ..) => "Nothing was found here.".to_owned(),
        (_, false, true) => format!("{found}."),
        (_, false, false) => format!("{found}; these are the last."),
        (_, true, _) => format!("{found}, and there may be more."),
    };
    words + masked
}

fn device_card(device: &DeviceHits) -> AnyView {
    let texts = device.texts.iter().map(|text| text_hits(device, text)).collect_view();
    view! {
        <section class="card">
            <header>
                <h2><a class="mono" href=format!("/devices/{}", device.device_id)>{device.hostname.clone()}</a></h2>
                <span class="remark mono">{device.address.clone()}</span>
            </header>
            {texts}
        </section>
    }
    .into_any()
}

fn text_hits(device: &DeviceHits, text: &TextHits) -> AnyView {
    let to = format!("{}&view=text", version_address(device.device_id, &text.part, text.version));
    let mut rows = Vec::new();
    let mut before = 0;
    for line in &text.lines {
        if before > 0 && line.number > before + 1 {
            rows.push(view! { <tr class="fold"><td colspan="2">"⋯"</td></tr> }.into_any());
        }
        before = line.number;
        rows.push(row(line));
    }
    let hidden = text.hidden_lines();
    let hidden = (hidden > 0).then(|| {
        view! { <p class="quiet">{format!("and {}", format::plural(hidden, "more line"))}</p> }.into_any()
    });
    let label = format!("Hits in {} of {}", text.part, device.hostname);
    view! {
        <p class="hits-part">
            <a href=to>{text.part.clone()}</a>
            " "
            <small class="muted">{format::plural(text.matching_lines, "line")}</small>
        </p>
        <div class="diff hits" tabindex="0" role="region" aria-label=label>
            <table><tbody>{rows}</tbody></table>
        </div>
        {hidden}
    }
    .into_any()
}

fn row(line: &HitLine) -> AnyView {
    let cut = |is_cut: bool| is_cut.then(|| view! { <i>"…"</i> }.into_any());
    view! {
        <tr class=if line.is_hit { "hit" } else { "same" }>
            <td class="no">{line.number.to_string()}</td>
            <td class="text">{cut(line.cut_before)}{spans(&line.spans)}{cut(line.cut_after)}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_goes_into_its_address_and_comes_out_of_it_again() {
        let input = SearchInput {
            text: "a+b & c".into(),
            regex: true,
            site: "Wien".into(),
            context: "0".into(),
            after: "7".into(),
            ..SearchInput::default()
        };
        let address = address_of(&input);
        assert_eq!(address, "/configs/search?q=a%2Bb%20%26%20c&regex=1&site=Wien&context=0&after=7");
        let query = address
            .split_once('?')
            .unwrap()
            .1
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| {
                (name.to_owned(), value.replace("%2B", "+").replace("%20", " ").replace("%26", "&"))
            })
            .collect();
        assert_eq!(input_of(&query), input);
        assert_eq!(input_of(&ParamsMap::new()), SearchInput::default());
    }
}
