//! Live pages: the server says where to look again, and what the page asked for is asked again.
//!
//! An event never carries data. Bursts collapse into one look; the old data stays on the screen
//! meanwhile. All tabs of a browser share one stream: `shared.rs` says how.

#[cfg(feature = "hydrate")]
mod again;
#[cfg(feature = "hydrate")]
mod heard;
#[cfg(feature = "hydrate")]
mod shared;
#[cfg(feature = "hydrate")]
mod stream;

use etiqa_model::event::Topic;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use crate::browser;
use crate::post::Post;

#[cfg(feature = "hydrate")]
pub(crate) use again::{ask_later, ask_soon, call_off};
#[cfg(feature = "hydrate")]
pub(crate) use shared::{connect, disconnect};

/// How the live stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser opens the stream"))]
pub(crate) enum Link {
    /// Not opened yet.
    Opening,
    /// Events come.
    Up,
    /// It broke off and is being opened again.
    Down,
}

/// The live stream, as a context.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    /// How often each topic changed, in the order of [`slot`].
    beats: [RwSignal<u32>; 7],
    /// How often a person asked for all of it again.
    all: RwSignal<u32>,
    /// How the stream stands.
    pub(crate) link: RwSignal<Link>,
    /// Something changed, and the page waits with it until a person has decided what they are at.
    pub(crate) is_held: RwSignal<bool>,
    /// The session ended, so nothing more is heard.
    pub(crate) has_ended: RwSignal<bool>,
    /// What could not be had again, each with the reason: the page still shows what it had.
    stale: RwSignal<Vec<(RwSignal<u32>, String)>>,
    /// The build that the server hands out now, once it has said so.
    build: RwSignal<Option<String>>,
}

fn slot(topic: Topic) -> usize {
    match topic {
        Topic::Runs => 0,
        Topic::BackupConfigs => 1,
        Topic::Devices => 2,
        Topic::Admin => 3,
        Topic::Jobs => 4,
        Topic::Views => 5,
        Topic::Rules => 6,
    }
}

impl Live {
    /// Provides it to everything below.
    pub(crate) fn provide() -> Self {
        let live = Self {
            beats: std::array::from_fn(|_| RwSignal::new(0)),
            all: RwSignal::new(0),
            link: RwSignal::new(Link::Opening),
            is_held: RwSignal::new(false),
            has_ended: RwSignal::new(false),
            stale: RwSignal::new(Vec::new()),
            build: RwSignal::new(None),
        };
        provide_context(live);
        live
    }

    /// Has everything that shows `topic` look again.
    pub(crate) fn touch(self, topic: Topic) {
        self.beats[slot(topic)].update(|beats| *beats = beats.wrapping_add(1));
    }

    /// The same for all of these; what a person is in the middle of is waited for.
    fn touch_in_time(self, topics: &[Topic]) {
        #[cfg(feature = "hydrate")]
        if heard::is_deciding() {
            heard::note(self, topics);
            return;
        }
        for topic in topics {
            self.touch(*topic);
        }
    }

    /// Has everything on the page look again.
    pub(crate) fn touch_all(self) {
        self.all.update(|beats| *beats = beats.wrapping_add(1));
    }

    /// Why the page is not up to date, where it is not.
    pub(crate) fn staleness(self) -> Option<String> {
        self.stale.with(|stale| stale.first().map(|(_, reason)| reason.clone()))
    }

    /// Notes why what `question` stands for could not be had again.
    #[cfg(feature = "hydrate")]
    pub(crate) fn note_stale(self, question: RwSignal<u32>, reason: String) {
        self.stale.try_update(|stale| {
            stale.retain(|(other, _)| *other != question);
            stale.push((question, reason));
        });
    }

    /// It could be had, or nobody wants it any more.
    #[cfg(feature = "hydrate")]
    pub(crate) fn note_current(self, question: RwSignal<u32>) {
        let is_noted =
            |stale: &Vec<(RwSignal<u32>, String)>| stale.iter().any(|(other, _)| *other == question);
        if self.stale.try_with_untracked(is_noted) == Some(true) {
            self.stale.try_update(|stale| stale.retain(|(other, _)| *other != question));
        }
    }

    /// Whether the server hands out another build than this page's.
    pub(crate) fn is_outdated(self) -> bool {
        let theirs = self.build.get();
        theirs.zip(browser::build_of_page()).is_some_and(|(theirs, ours)| theirs != ours)
    }

    /// A number that changes whenever one of `topics` does.
    pub(crate) fn beats(self, topics: &[Topic]) -> u32 {
        topics.iter().fold(self.all.get(), |sum, topic| sum.wrapping_add(self.beats[slot(*topic)].get()))
    }
}

/// Has everything that shows `topics` look again whenever a form was answered.
pub(crate) fn touch_after<Function: ServerFn>(post: Post<Function>, topics: &'static [Topic]) {
    touch_after_answers(post.version(), topics);
}

fn touch_after_answers(answers: Signal<usize>, topics: &'static [Topic]) {
    let live = expect_context::<Live>();
    Effect::new(move || {
        if answers.get() > 0 {
            live.touch_in_time(topics);
        }
    });
}
