//! The views of a list that a person keeps: links to them, and what keeps and removes them.

use etiqa_model::event::Topic;
use etiqa_model::view::{LONGEST_NAME, SavedView, ViewPage};
use leptos::prelude::*;

use super::form::{FormProblem, Problem, hidden};
use super::part::{nothing, part};
use super::{Loaded, act};
use crate::api::views::{ListViews, RemoveView, SaveView};
use crate::ask::ask;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

/// What keeps views and gives them up, and how that went.
#[derive(Clone, Copy)]
struct Actions {
    save: Post<SaveView>,
    remove: Post<RemoveView>,
    not_saved: FormProblem,
    not_removed: FormProblem,
    is_wrong: Signal<Option<&'static str>>,
    /// Without JavaScript a refusal comes with the page, and the question is open again.
    was_refused: bool,
}

impl Actions {
    fn new() -> Self {
        let (save, remove) = (Post::<SaveView>::new(), Post::<RemoveView>::new());
        let (not_saved, not_removed) = (save.problem(), remove.problem());
        let was_refused = untrack(|| not_saved.get().is_some() || not_removed.get().is_some());
        let is_wrong = not_saved.is_wrong("name".to_owned());
        Self { save, remove, not_saved, not_removed, is_wrong, was_refused }
    }

    fn outcome(self) -> AnyView {
        part(move || match self.save.answer() {
            None => nothing(),
            Some(is_replaced) => {
                let words =
                    if is_replaced { "The view of this name is replaced." } else { "The view is kept." };
                view! { <p class="notice good" role="status">{words}</p> }.into_any()
            }
        })
    }
}

/// The row above a list with its views. `query` is what the address asks for now, written as [`super::list::query`] does
/// and without the page's number; `beside` stands at the end of the row.
#[component]
pub(crate) fn Views(
    page: ViewPage,
    query: Memo<String>,
    #[prop(optional, into)] beside: Option<AnyView>,
) -> AnyView {
    let views = ask(&[Topic::Views], move || ListViews { page });
    let actions = Actions::new();
    touch_after(actions.save, &[Topic::Views]);
    touch_after(actions.remove, &[Topic::Views]);
    view! {
        <div class="views">
            // The query is followed here, where the elements stay: a name that is half typed stays in its field.
            <Loaded waiting=nothing from=move || views.get() view=move |views, _| shown(page, &views, query.try_get().unwrap_or_default(), &actions)/>
            {beside}
        </div>
        {actions.outcome()}
    }
    .into_any()
}

fn shown(page: ViewPage, views: &[SavedView], query: String, actions: &Actions) -> AnyView {
    // A full load, so that the fields of the filters are those of the view.
    let link = |name: &str, to: &str| {
        let current = (to == query).then_some("page");
        view! { <a href=page.address(to) aria-current=current rel="external">{name.to_owned()}</a> }
            .into_any()
    };
    let links = (!views.is_empty()).then(|| {
        let kept = views.iter().map(|view| link(&view.name, &view.query)).collect_view();
        view! { <nav class="tabs" aria-label="Views">{link("All", "")}{kept}</nav> }.into_any()
    });
    view! { {links}{question(page, views, query, actions)} }.into_any()
}

/// What is asked to keep what is shown now, and to give up what was kept.
fn question(page: ViewPage, views: &[SavedView], query: String, actions: &Actions) -> AnyView {
    let Actions { save, remove, not_saved, not_removed, is_wrong, was_refused } = *actions;
    let row = |view: &SavedView| {
        let (id, name) = ([("id", view.id.to_string())], view.name.clone());
        let done = format!("The view {name} is removed.");
        view! {
            <PostForm to=remove done>
                <span class="strong">{name}</span>
                {act(&id, "Remove", "btn small")}
            </PostForm>
        }
        .into_any()
    };
    let rows = views.iter().map(row).collect_view();
    let kept = (!views.is_empty()).then(|| view! { <div class="kept">{rows}</div> }.into_any());
    view! {
        <details class="drop" open=was_refused>
            <summary class="btn small">"Save this view…"</summary>
            <div class="drop-box">
                <Problem problem=not_saved/>
                <PostForm to=save>
                    {hidden("page", page.as_str().to_owned())}
                    {hidden("query", query)}
                    <div class="field">
                        <label for="view-name">"Name of the view"</label>
                        <input id="view-name" type="text" name="name" value=not_saved.typed("name") required=true maxlength=LONGEST_NAME.to_string() autocomplete="off" aria-describedby="view-hint" aria-invalid=is_wrong/>
                        <p class="hint" id="view-hint">"Keeps the list as it is shown now, for you alone. A view that has this name is replaced."</p>
                    </div>
                    <button class="btn primary" type="submit">"Save view"</button>
                </PostForm>
                <Problem problem=not_removed/>
                {kept}
            </div>
        </details>
    }
    .into_any()
}
