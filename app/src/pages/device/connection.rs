//! Testing the connection to a device: each step as it happens.

use etiqa_model::DeviceId;
use etiqa_model::device::{ConnectionTest, TestStep};
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use leptos::prelude::*;

use crate::api::devices::{GetConnectionTest, StartConnectionTest};
use crate::ask::ask;
use crate::components::{Ago, Loaded, Problem, act, card};
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[component]
pub(super) fn Connection(id: Memo<i64>) -> AnyView {
    let test = ask(&[Topic::Devices], move || GetConnectionTest { id: DeviceId(id.get()) });
    let start = Post::<StartConnectionTest>::new();
    touch_after(start, &[Topic::Devices]);
    view! {
        <Problem problem=start.problem()/>
        <Loaded from=move || test.get() view=move |test, role| {
            let is_on = test.as_ref().is_some_and(ConnectionTest::is_on);
            let button = (role >= Role::Operator && !is_on).then(|| {
                let id = id.get_untracked().to_string();
                view! { <PostForm to=start>{act(&[("id", id)], "Test the connection", "btn primary")}</PostForm> }.into_any()
            });
            card("Connection", (), body(test, button))
        }/>
    }
    .into_any()
}

fn body(test: Option<ConnectionTest>, button: Option<AnyView>) -> AnyView {
    let shown = match test {
        Some(test) => shown(test),
        None => view! {
            <p class="quiet">"It was not tested yet. A test goes the whole way to the prompt, and asks for no configuration."</p>
        }
        .into_any(),
    };
    view! { <div class="pad">{shown}<div class="actions">{button}</div></div> }.into_any()
}

fn shown(test: ConnectionTest) -> AnyView {
    let steps = test.steps.into_iter().map(step).collect_view();
    let end = match (test.class, test.message) {
        (Some(class), Some(message)) => {
            let tone = if class.is_good() { "notice good" } else { "notice bad" };
            let advice =
                (!class.is_good()).then(|| view! { <p class="muted">{class.advice()}</p> }.into_any());
            let words = if class.is_good() { "It works" } else { class.label() };
            view! { <div class=tone><p><b>{words}": "</b>{message}</p>{advice}</div> }.into_any()
        }
        _ => view! { <p class="muted">"The test goes on."</p> }.into_any(),
    };
    view! {
        <p class="muted">"Begun "<Ago at=test.started_at/></p>
        <ol class="trace">{steps}</ol>
        {end}
    }
    .into_any()
}

fn step(step: TestStep) -> AnyView {
    let found = step.what.strip_prefix("→ ").map(str::to_owned);
    let class = if found.is_some() { "found" } else { "done" };
    view! {
        <li class=class><span class="mono ms">{step.after_ms}" ms"</span><span>{found.unwrap_or(step.what)}</span></li>
    }
    .into_any()
}
