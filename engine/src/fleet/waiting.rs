//! The devices of a fleet that wait for their turn: by group, so that a full one holds up nobody else, and those that
//! are tried again after a while.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::JumpHostId;
use etiqa_model::admin::{JumpHost, Settings};
use etiqa_model::device::Device;
use tokio::time::Instant;

use super::groups::{Group, Groups, Places};

/// Waits before the second try, the third, …
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// Each wait is so many times the one before.
const LONGER_BY: u32 = 4;

/// A device and how often it was tried before.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) device: Device,
    pub(super) tries: u32,
}

/// The devices that share their groups.
#[derive(Debug)]
struct Line {
    /// With their limits.
    groups: Vec<(Group, u32)>,
    waiters: VecDeque<Waiter>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Waiting {
    lines: Vec<Line>,
    /// The line that comes next, so that all have their turn.
    next: usize,
    later: Vec<(Instant, Waiter)>,
    by_key: HashMap<(String, Option<JumpHostId>), usize>,
    sites: HashMap<String, JumpHostId>,
    limits: (u32, u32),
}

impl Waiting {
    pub(super) fn new(devices: Vec<Device>, jump_hosts: &[JumpHost], settings: &Settings) -> Self {
        let mut sites = HashMap::new();
        for host in jump_hosts {
            if let Some(site) = &host.site {
                let first: &mut JumpHostId = sites.entry(site.clone()).or_insert(host.id);
                *first = (*first).min(host.id);
            }
        }
        let mut waiting = Self {
            lines: Vec::new(),
            next: 0,
            later: Vec::new(),
            by_key: HashMap::new(),
            sites,
            limits: (settings.max_sessions_per_site, settings.max_sessions_per_jump_host),
        };
        for device in devices {
            waiting.push(Waiter { device, tries: 0 });
        }
        waiting
    }

    fn push(&mut self, waiter: Waiter) {
        let device = &waiter.device;
        let jump_host = device.jump_host_id.or_else(|| self.sites.get(&device.site).copied());
        let key = (device.site.clone(), jump_host);
        let index = *self.by_key.entry(key).or_insert_with(|| {
            let site = [(Group::Site(device.site.clone()), self.limits.0)];
            let jump_host = jump_host.map(|id| (Group::JumpHost(id), self.limits.1));
            let groups = site.into_iter().chain(jump_host).collect();
            self.lines.push(Line { groups, waiters: VecDeque::new() });
            self.lines.len() - 1
        });
        self.lines[index].waiters.push_back(waiter);
    }

    /// Has the device tried again after a while, longer each time.
    pub(super) fn again(&mut self, device: Device, tries: u32) {
        let wait = FIRST_WAIT * LONGER_BY.saturating_pow(tries.saturating_sub(1));
        self.later.push((Instant::now() + wait, Waiter { device, tries }));
    }

    /// The next device whose groups have a place. When all is over nobody waits any more, neither before another try
    /// nor for a place: who is taken then only says that it did not begin.
    pub(super) fn take(&mut self, groups: &Arc<Groups>, is_over: bool) -> Option<(Waiter, Places)> {
        let now = Instant::now();
        let (due, later) = self.later.drain(..).partition(|(at, _)| is_over || *at <= now);
        self.later = later;
        let due: Vec<(Instant, Waiter)> = due;
        for (_, waiter) in due {
            self.push(waiter);
        }
        for step in 0..self.lines.len() {
            let index = (self.next + step) % self.lines.len();
            let Line { groups: wanted, waiters } = &mut self.lines[index];
            if waiters.is_empty() {
                continue;
            }
            if let Some(places) = groups.take(if is_over { &[] } else { wanted }) {
                self.next = index + 1;
                return waiters.pop_front().map(|waiter| (waiter, places));
            }
        }
        None
    }

    /// Whether nobody waits any more.
    pub(super) fn is_empty(&self) -> bool {
        self.later.is_empty() && self.lines.iter().all(|line| line.waiters.is_empty())
    }

    /// When the first of those that are tried again is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.later.iter().map(|(at, _)| *at).min()
    }
}
