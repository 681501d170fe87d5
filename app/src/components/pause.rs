//! That a person paused all schedules, and the way on.

use etiqa_model::Timestamp;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::{Ago, act};
use crate::api::archives::UnpauseSchedules;
use crate::post::{Post, PostForm};

/// Who paused them and when, with the button for those who may let them run.
pub(crate) fn paused(by: String, at: Timestamp, role: Role, unpause: Post<UnpauseSchedules>) -> AnyView {
    let resume = (role >= Role::Operator).then(|| {
        view! { <PostForm to=unpause>{act(&[], "Run schedules again", "btn small")}</PostForm> }.into_any()
    });
    view! {
        <div class="notice warn" role="status">
            <p>{by}" paused all schedules "<Ago at/>". What came due meanwhile runs once as soon as they run again."</p>
            {resume}
        </div>
    }
    .into_any()
}
