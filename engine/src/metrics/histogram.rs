//! How values are distributed: how many there were up to each of some bounds.

use std::sync::{Mutex, PoisonError};

use super::text::Page;

/// Values that were counted so far, by bounds that never change.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Mutex<Counts>,
}

/// How many values there were: up to each bound and above the one before it, in all, and their sum.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) buckets: Vec<u64>,
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl Counts {
    /// Counts a value by these ascending bounds.
    pub(super) fn add(&mut self, bounds: &[f64], value: f64) {
        self.buckets.resize(bounds.len(), 0);
        if let Some(at) = bounds.iter().position(|bound| value <= *bound) {
            self.buckets[at] += 1;
        }
        self.count += 1;
        self.sum += value;
    }
}

impl Histogram {
    /// By these bounds, in ascending order.
    pub const fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: Mutex::new(Counts { buckets: Vec::new(), count: 0, sum: 0.0 }) }
    }

    /// Counts a value.
    pub fn add(&self, value: f64) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).add(self.bounds, value);
    }

    /// Writes it as the metric that was begun last.
    pub fn write(&self, page: &mut Page, labels: &[(&str, &str)]) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        counts.buckets.resize(self.bounds.len(), 0);
        page.histogram(labels, self.bounds, &counts);
    }
}
