//! The top of a page, cards, and facts.

use leptos::prelude::*;
use leptos_meta::Title;

/// The heading of a page with the way back and the page's actions.
#[component]
pub(crate) fn PageHeader(
    /// The heading, also the title of the browser's tab.
    #[prop(into)]
    title: String,
    /// The pages above this one: words and address.
    #[prop(optional)]
    above: &'static [(&'static str, &'static str)],
    /// Chips beside the heading.
    #[prop(optional, into)]
    chips: Option<AnyView>,
    /// The page's actions.
    #[prop(optional)]
    children: Option<Children>,
) -> AnyView {
    let crumbs = (!above.is_empty()).then(|| {
        let links = above.iter().map(|(words, to)| view! { <a href=*to>{*words}</a> }.into_any());
        view! { <nav class="crumbs" aria-label="Breadcrumbs">{links.collect_view()}</nav> }.into_any()
    });
    view! {
        <Title text=title.clone()/>
        <header class="top">
            <div class="top-words">
                {crumbs}
                <div class="top-line">
                    <h1>{title}</h1>
                    {chips}
                </div>
            </div>
            <div class="actions">{children.map(|children| children())}</div>
        </header>
    }
    .into_any()
}

/// A card with a heading, a remark at its right, and a body.
pub(crate) fn card(title: impl Into<String>, remark: impl IntoView, body: impl IntoView) -> AnyView {
    card_of(title.into(), remark.into_any(), body.into_any())
}

fn card_of(title: String, remark: AnyView, body: AnyView) -> AnyView {
    view! {
        <section class="card">
            <header>
                <h2>{title}</h2>
                <span class="remark">{remark}</span>
            </header>
            {body}
        </section>
    }
    .into_any()
}

/// One fact in a list of facts (`<dl class="facts">`).
pub(crate) fn fact(name: &'static str, value: impl IntoView) -> AnyView {
    let value = value.into_any();
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
        </div>
    }
    .into_any()
}
