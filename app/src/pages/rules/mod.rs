//! Rules that configurations are held against: their list, one of them with what it came to, its form, the starter set, and
//! all of them with one device.

mod device;
mod form;
mod list;
mod rule;
mod starter;

use etiqa_model::rule::{RuleLine, Severity};
use leptos::prelude::*;

pub(crate) use device::DeviceRulesPage;
pub(crate) use form::{EditRulePage, NewRulePage};
pub(crate) use list::RulesPage;
pub(crate) use rule::RulePage;
pub(crate) use starter::StarterRulesPage;

use crate::components::{Tone, chip};

const PATH: &str = "/configs/rules";
/// The way back to the list.
const ABOVE: &[(&str, &str)] = &[("Configs", "/configs/"), ("Rules", PATH)];

fn severity(severity: Severity) -> AnyView {
    chip(tone(severity), severity.label())
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Info => Tone::Off,
    }
}

/// The lines that tell, with their numbers; what cannot be shown of one is said.
fn lines(lines: &[RuleLine], label: String) -> AnyView {
    if lines.is_empty() {
        return ().into_any();
    }
    let rows = lines.iter().map(|line| {
        let text = match &line.text {
            Some(text) => view! { <td class="text">{text.clone()}</td> }.into_any(),
            None => {
                view! { <td class="text"><i>"not shown: it cannot be told what of it is secret"</i></td> }
                    .into_any()
            }
        };
        view! { <tr class="hit"><td class="no">{line.number.to_string()}</td>{text}</tr> }.into_any()
    });
    view! {
        <div class="diff hits" tabindex="0" role="region" aria-label=label>
            <table><tbody>{rows.collect_view()}</tbody></table>
        </div>
    }
    .into_any()
}
