//! Who looks at the page, as a context.

use etiqa_model::user::{Identity, Role};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::api::session::Whoami;
use crate::ask::{Asked, ask_with, json_of};
use crate::components::part::{later, nothing};

/// Who is signed in. Asked once per page load, and again after signing in or out.
#[derive(Clone, Copy)]
pub(crate) struct Session(Asked<Option<Identity>>);

impl Session {
    /// Asks, and provides the answer to everything below. Needs the router.
    pub(crate) fn provide() -> Self {
        let path = use_location().pathname;
        // Crossing the border between a stranger's pages and the others is where the answer changes.
        let is_outside = Memo::new(move |_| path.with(|path| is_outside(path)));
        let session = Self(ask_with(&[], move || is_outside.get().to_string(), || json_of(Whoami {})));
        provide_context(session);
        session
    }

    /// Who it is; none for a stranger, or where the server cannot say.
    pub(crate) async fn identity(self) -> Option<Identity> {
        self.0.get().await.ok().flatten()
    }

    /// What they may do; a stranger counts as a viewer, because the server refuses them everything anyway.
    pub(crate) async fn role(self) -> Role {
        self.identity().await.map_or(Role::Viewer, |identity| identity.role)
    }

    /// Whether they may change what is about all devices: as [`Allowed`] with `of_all`, for operators.
    pub(crate) async fn may_change_all(self) -> bool {
        let identity = self.identity().await;
        identity.is_some_and(|identity| identity.role >= Role::Operator && identity.scope.is_everything())
    }

    /// Whether somebody is signed in, once that is known.
    #[cfg(feature = "hydrate")]
    pub(crate) fn is_signed_in(self) -> bool {
        self.0.now().flatten().is_some()
    }
}

/// Whether a path belongs to the pages that a stranger may see, which have no navigation.
pub(crate) fn is_outside(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "/login" | "/setup")
}

/// Shows its children to those who may do what `role` may; of them to those alone who have no scope, where it is `of_all` devices.
#[component]
pub(crate) fn Allowed(role: Role, #[prop(optional)] of_all: bool, children: ChildrenFn) -> AnyView {
    let session = expect_context::<Session>();
    let children = StoredValue::new(children);
    later(nothing, move || async move {
        let may = session
            .identity()
            .await
            .is_some_and(|identity| identity.role >= role && (!of_all || identity.scope.is_everything()));
        if may { children.with_value(|children| children()).into_any() } else { nothing() }
    })
}
