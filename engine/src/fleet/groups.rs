//! Limits of their own for sites and jump hosts: a narrow line or a small bastion takes fewer sessions than the program.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use etiqa_model::JumpHostId;
use tokio::sync::Notify;

/// What sessions share besides this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Group {
    /// The devices of a site.
    Site(String),
    /// The devices behind a jump host.
    JumpHost(JumpHostId),
}

/// How many sessions each group has now, in this process.
#[derive(Debug, Default)]
pub struct Groups {
    busy: Mutex<HashMap<Group, usize>>,
    /// Rung when a place is free again.
    freed: Notify,
}

/// A place in each of a device's groups; free again when it is dropped.
#[derive(Debug)]
pub struct Places {
    groups: Arc<Groups>,
    taken: Vec<Group>,
}

impl Groups {
    /// A place in all of `wanted`, each with its limit (0: none), or nothing where one of them is full.
    pub fn take(self: &Arc<Self>, wanted: &[(Group, u32)]) -> Option<Places> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |(group, limit): &(Group, u32)| {
            *limit > 0 && busy.get(group).is_some_and(|count| *count >= *limit as usize)
        };
        if wanted.iter().any(is_full) {
            return None;
        }
        let taken: Vec<Group> = wanted.iter().map(|(group, _)| group.clone()).collect();
        for group in &taken {
            *busy.entry(group.clone()).or_default() += 1;
        }
        Some(Places { groups: Arc::clone(self), taken })
    }

    /// Waits until a place is free again, in any group.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        let mut busy = self.groups.busy.lock().unwrap_or_else(PoisonError::into_inner);
        for group in &self.taken {
            if let Some(count) = busy.get_mut(group) {
                *count -= 1;
                if *count == 0 {
                    busy.remove(group);
                }
            }
        }
        self.groups.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_group_has_no_place_until_one_is_free_again() {
        let groups = Arc::new(Groups::default());
        let site = |name: &str| Group::Site(name.into());
        let first = groups.take(&[(site("a"), 1)]);
        assert!(first.is_some() && groups.take(&[(site("a"), 1)]).is_none());
        assert!(groups.take(&[(site("b"), 1)]).is_some(), "another site is free");
        drop(first);
        let both = groups.take(&[(site("a"), 1), (Group::JumpHost(JumpHostId(1)), 1)]);
        assert!(both.is_some());
        // What is refused takes no place in its other group.
        assert!(groups.take(&[(site("c"), 1), (Group::JumpHost(JumpHostId(1)), 1)]).is_none());
        assert!(groups.take(&[(site("c"), 1)]).is_some());
    }

    #[test]
    fn a_group_without_a_limit_is_never_full() {
        let groups = Arc::new(Groups::default());
        let wanted = [(Group::Site("a".into()), 0)];
        let places: Vec<_> = (0..100).map(|_| groups.take(&wanted)).collect();
        assert!(places.iter().all(Option::is_some));
    }
}
