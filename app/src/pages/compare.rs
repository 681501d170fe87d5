//! Any two texts beside each other, and texts as files, as they are or as they were.

use etiqa_model::compare::{Comparison, Reading, SideInput, SideText};
use etiqa_model::opened::Opened;
use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::api::AppError;
use crate::api::configs::CompareTexts;
use crate::ask::ask_if;
use crate::components::diff::WentTo;
use crate::components::list::{address, version_address};
use crate::components::part::{later, nothing};
use crate::components::{Check, Field, GetForm, Loaded, PageHeader, Time, card, diff};

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    old: SideInput,
    new: SideInput,
    reading: Reading,
    is_split: bool,
    opened: Opened,
    /// The change that is gone to, from 1; 0: none.
    change: u32,
}

impl Asked {
    /// The address that asks for the same, but for opened lines and the change.
    fn address(&self) -> String {
        let flag = |is_set: bool| if is_set { "true".to_owned() } else { String::new() };
        let Self { old, new, reading, .. } = self;
        let fields = [
            ("old_device", old.device.clone()),
            ("old_part", old.part.clone()),
            ("old_which", old.which.clone()),
            ("new_device", new.device.clone()),
            ("new_part", new.part.clone()),
            ("new_which", new.which.clone()),
            ("masked", flag(reading.masked)),
            ("steady", flag(reading.without_volatile)),
            ("split", flag(self.is_split)),
        ];
        address("/configs/compare", &fields)
    }
}

const DEVICE: &str = "Host name, address, or number: #12 is the device at /devices/12.";
const WHICH: &str = "A version's number, a time such as 2026-11-01 14:30, or run 7 for that run's archive. Empty: the active one.";

#[component]
pub(crate) fn ComparePage() -> AnyView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let text = |name: &str| query.get(name).unwrap_or_default();
            let side = |side: &str| SideInput {
                device: text(&format!("{side}_device")),
                part: text(&format!("{side}_part")),
                which: text(&format!("{side}_which")),
            };
            let is_set = |name: &str| query.get_str(name) == Some("true");
            // A form that nobody has sent yet offers what most want.
            let is_new = query.get_str("new_device").is_none();
            Asked {
                old: side("old"),
                new: side("new"),
                reading: Reading { masked: is_set("masked"), without_volatile: is_new || is_set("steady") },
                is_split: is_set("split"),
                opened: query.get_str("open").map(Opened::parse).unwrap_or_default(),
                change: query.get_str("change").and_then(|change| change.parse().ok()).unwrap_or_default(),
            }
        })
    });
    let compared = ask_if(&[], move || {
        let Asked { old, new, reading, opened, .. } = asked.get();
        // Nothing is wrong with a form that nobody has filled in yet.
        (!old.device.is_empty() && !new.device.is_empty()).then(|| CompareTexts {
            old,
            new,
            reading,
            open: opened.to_string(),
        })
    });
    let problem = RwSignal::new(None::<AppError>);
    let went_to = WentTo::new(((0, 0), 0));
    let shown = later(nothing, move || async move {
        match compared.get().await {
            Ok(comparison) => {
                problem.set(None);
                comparison.map_or_else(nothing, |comparison| {
                    asked.with_untracked(|asked| result(&comparison, asked, went_to))
                })
            }
            Err(error) => {
                let words = error.0.message.clone();
                problem.set(Some(error));
                view! { <p class="notice bad" role="alert">{words}</p> }.into_any()
            }
        }
    });
    let session = expect_context::<crate::session::Session>();
    view! {
        <PageHeader title="Compare" above=&[("Configs", "/configs/")]/>
        <div class="stack">
            <Loaded from=move || async move { Ok(session.role().await) } view=move |role: Role, _| {
                form(&asked.get_untracked(), problem.into(), role)
            }/>
            {shown}
            {download()}
        </div>
    }
    .into_any()
}

fn form(asked: &Asked, problem: Signal<Option<AppError>>, role: Role) -> AnyView {
    let Reading { masked, without_volatile } = asked.reading;
    let is_split = asked.is_split;
    let masked = (role >= Role::Operator)
        .then(|| view! { <Check name="masked" label="Secrets masked" checked=masked/> }.into_any());
    let old = side_fields("Old", ["old_device", "old_part", "old_which"], asked.old.clone(), problem);
    let new = side_fields("New", ["new_device", "new_part", "new_which"], asked.new.clone(), problem);
    let body = view! {
        <div class="pad form">
            <GetForm action="/configs/compare">
                {old}
                {new}
                <div class="ticks">
                    <Check name="steady" label="Volatile lines left out" checked=without_volatile/>
                    {masked}
                    <Check name="split" label="Side by side" checked=is_split/>
                </div>
                <div class="actions"><button class="btn primary" type="submit">"Compare"</button></div>
            </GetForm>
        </div>
    };
    card("What", (), body.into_any())
}

fn side_fields(
    legend: &'static str,
    [device, part, which]: [&'static str; 3],
    side: SideInput,
    problem: Signal<Option<AppError>>,
) -> AnyView {
    view! {
        <fieldset>
            <legend>{legend}</legend>
            <div class="fields">
                <Field name=device label="Device" hint=DEVICE required=true value=side.device problem/>
                <Field name=part label="Part" placeholder="the first" value=side.part problem/>
                <Field name=which label="Which text" placeholder="the active one" hint=WHICH value=side.which problem/>
            </div>
        </fieldset>
    }
    .into_any()
}

fn result(comparison: &Comparison, asked: &Asked, went_to: WentTo) -> AnyView {
    let Comparison { old, new, diff: difference, reading } = comparison;
    let volatile = (asked.reading.without_volatile && !reading.without_volatile).then(|| {
        let words = "Volatile lines are not left out: the driver that took one of these texts is gone, and nobody else knows which lines change by themselves.";
        view! { <p class="notice warn">{words}</p> }.into_any()
    });
    let read = diff::Reading {
        is_side_by_side: asked.is_split,
        opened: asked.opened.clone(),
        address: asked.address(),
        key: (old.collected_at.millis(), new.collected_at.millis()),
        change: asked.change,
        went_to,
    };
    view! {
        {volatile}
        <section class="card">
            <header>
                <h2>{side_words(old)}" → "{side_words(new)}</h2>
                <span class="remark">{side_time(old)}" → "{side_time(new)}</span>
            </header>
            {diff::diff(difference, &read, nothing())}
        </section>
    }
    .into_any()
}

fn side_words(side: &SideText) -> AnyView {
    let words = format!("{} {} v{}", side.hostname, side.part, side.version);
    match (side.archive_of, side.device_id) {
        (Some(run), _) => view! {
            <span>{words}" in the archive of "<a href=format!("/backup/run/{run}/archive")>{format!("run #{run}")}</a></span>
        }
        .into_any(),
        (None, Some(device)) => {
            let to = version_address(device, &side.part, side.version);
            view! { <a href=to>{words}</a> }.into_any()
        }
        (None, None) => words.into_any(),
    }
}

fn side_time(side: &SideText) -> AnyView {
    view! { <Time at=side.collected_at/> }.into_any()
}

fn download() -> AnyView {
    let body = view! {
        <div class="pad form">
            <p class="muted">"A zip of the texts of every device, or, on a device's page, of that one. With a time it holds what was active then. Devices that were deleted since are not in it."</p>
            <form method="get" action="/configs/download">
                <Field name="at" label="As of" kind="datetime-local" hint="Empty: as they are now."/>
                <Check name="masked" label="Secrets masked" checked=false/>
                <div class="actions"><button class="btn" type="submit">"Download"</button></div>
            </form>
        </div>
    };
    view! { <div id="download">{card("Download all texts", (), body.into_any())}</div> }.into_any()
}
