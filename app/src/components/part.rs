//! Parts of a page that change.
//!
//! Every closure in a view is a type of its own, and each puts its building, patching and hydrating code into the
//! WASM (about 2 KB). These functions box the closure first, so that all parts of a kind share one type.

use std::future::Future;
use std::pin::Pin;
#[cfg(feature = "ssr")]
use std::task::Poll;

use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use crate::post::Post;

/// Gives what is shown, again whenever what it reads changes.
pub(crate) type View<T> = Box<dyn Fn() -> T + Send + Sync>;
type Rendering = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Words that change.
pub(crate) fn text<Words: Into<String>>(words: impl Fn() -> Words + Send + Sync + 'static) -> AnyView {
    fn boxed(words: View<String>) -> AnyView {
        (move || words()).into_any()
    }
    boxed(Box::new(move || words().into()))
}

/// A view that changes.
pub(crate) fn part(view: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
    fn boxed(view: View<AnyView>) -> AnyView {
        (move || view()).into_any()
    }
    boxed(Box::new(view))
}

/// A view that is there only while `condition` holds.
pub(crate) fn only_if(
    condition: impl Fn() -> bool + Send + Sync + 'static,
    view: impl Fn() -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let condition = Memo::new(move |_| condition());
    part(move || if condition.get() { view() } else { ().into_any() })
}

/// A view that waits for what was asked for; when it waits again, the old one stays.
pub(crate) fn later<Answer>(
    waiting: fn() -> AnyView,
    view: impl Fn() -> Answer + Send + Sync + 'static,
) -> AnyView
where
    Answer: Future<Output = AnyView> + Send + 'static,
{
    fn boxed(waiting: fn() -> AnyView, view: View<Rendering>) -> AnyView {
        view! { <Transition fallback=waiting>{move || Suspend::new(view())}</Transition> }.into_any()
    }
    boxed(waiting, Box::new(move || once_asked_for(view())))
}

#[cfg(not(feature = "ssr"))]
fn once_asked_for(view: impl Future<Output = AnyView> + Send + 'static) -> Rendering {
    Box::pin(view)
}

/// Leptos walks over a page before it renders it, and a view whose answers are there by then would be built on the walk,
/// with all that it asks for itself, and built and asked once more for the page. A walk looks at a view once and goes on.
#[cfg(feature = "ssr")]
fn once_asked_for(view: impl Future<Output = AnyView> + Send + 'static) -> Rendering {
    let mut is_looked_at = false;
    let second_look = std::future::poll_fn(move |context| {
        if std::mem::replace(&mut is_looked_at, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    });
    Box::pin(async move {
        second_look.await;
        view.await
    })
}

/// Nothing, where nothing need be said while something loads.
pub(crate) fn nothing() -> AnyView {
    ().into_any()
}

/// `aria-current`, where the condition holds.
///
/// No signal, because that would be gone with its part of the page while something within it still waits and then asks
/// once more: signing out stopped the whole page that way.
pub(crate) fn current(condition: impl Fn() -> bool + Send + Sync + 'static) -> View<Option<&'static str>> {
    Box::new(move || condition().then_some("page"))
}

/// `aria-disabled`, while an answer is under way. Such a button does nothing but keeps the focus, which one that is disabled
/// loses. No signal, as above.
pub(crate) fn dimmed(is_pending: Signal<bool>) -> View<Option<&'static str>> {
    Box::new(move || is_pending.get().then_some("true"))
}

/// Says so once a form was accepted.
pub(crate) fn accepted<Function: ServerFn + 'static>(post: Post<Function>, words: &'static str) -> AnyView {
    only_if(
        move || post.has_succeeded(),
        move || view! { <p class="notice good" role="status">{words}</p> }.into_any(),
    )
}
