//! Answers: one thing with its tag, a part of a list, nothing.

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use etiqa_engine::stamp::{stamp, stamp_of};
use etiqa_model::UserError;
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::to_cursor;
use crate::http::refusal::Refusal;

/// What handlers give.
pub(super) type Answered = Result<Response, Refusal>;

/// As many as a part of a list has unless somebody says otherwise, and at most.
const USUAL: u32 = 100;
const MOST: u32 = 500;

/// A part of a list. It may have fewer items than were asked for: `next` alone says whether there are more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Part<T> {
    /// In the list's order.
    items: Vec<T>,
    /// Send it as `cursor` for what comes next; null: this was all.
    next: Option<String>,
}

impl<T> Part<T> {
    /// Made of one item more than are asked for, which tells whether there are more.
    pub(super) fn cut<K: Serialize>(mut items: Vec<T>, limit: u32, key: impl FnOnce(&T) -> K) -> Self {
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| has_more).map(|last| to_cursor(&key(last)));
        Self { items, next }
    }

    /// Of a list that is all there: what comes after `after`, the key of the last item of the part before.
    pub(super) fn of_all<K: Serialize + PartialOrd>(
        items: Vec<T>,
        after: Option<&K>,
        limit: u32,
        key: impl Fn(&T) -> K,
    ) -> Self {
        let rest = items.into_iter().filter(|item| after.is_none_or(|after| key(item) > *after));
        Self::cut(rest.take(limit as usize + 1).collect(), limit, key)
    }

    /// With where it goes on said by who made it.
    pub(super) fn going_on(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next }
    }

    /// The same with each item made into another.
    pub(super) fn map<U>(self, make: impl FnMut(T) -> U) -> Part<U> {
        Part { items: self.items.into_iter().map(make).collect(), next: self.next }
    }
}

/// How many items are asked for.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, UserError> {
    match asked.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(UserError::invalid(format!("limit is a number from 1 to {MOST}."))),
    }
}

/// Names a thing as people made it: what is measured changes without it.
pub(super) fn etag(of: &impl Serialize) -> Result<String, UserError> {
    Ok(quoted(&stamp(of)?))
}

/// Names these bytes.
pub(super) fn etag_of(bytes: &[u8]) -> String {
    quoted(&stamp_of(bytes))
}

fn quoted(stamp: &str) -> String {
    format!("\"{stamp}\"")
}

/// 200 with what is there.
pub(super) fn shown(value: &impl Serialize) -> Response {
    Json(value).into_response()
}

/// 200 with one thing and its tag.
pub(super) fn item(value: &impl Serialize, etag: &str) -> Response {
    (tagged(etag), Json(value)).into_response()
}

/// 201 with what was made, where it is and its tag.
pub(super) fn created(path: String, value: &impl Serialize, etag: &str) -> Response {
    (StatusCode::CREATED, [(header::LOCATION, path)], tagged(etag), Json(value)).into_response()
}

/// 202: it is queued.
pub(super) fn accepted(value: &impl Serialize) -> Response {
    (StatusCode::ACCEPTED, Json(value)).into_response()
}

/// 204.
pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn tagged(etag: &str) -> [(HeaderName, String); 1] {
    [(header::ETAG, etag.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::api::cursor::from_cursor;

    #[test]
    fn parts_of_a_list_are_the_list() {
        let all: Vec<u32> = (1..=7).collect();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let part = Part::of_all(all.clone(), after.as_ref(), 3, |item| *item);
            seen.extend(part.items);
            let Some(next) = part.next else { break };
            after = Some(from_cursor::<u32>(&next).unwrap());
        }
        assert_eq!(seen, all);
        assert!(Part::of_all(all, None, 7, |item| *item).next.is_none(), "nothing comes after the last one");
    }
}
