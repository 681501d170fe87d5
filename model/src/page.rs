//! Pages of lists.

use serde::{Deserialize, Serialize};

/// Which page of a list, and how long pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// Rows per page, 1 to 500.
    pub size: u32,
}

impl Page {
    /// The first `size` rows.
    pub fn first(size: u32) -> Self {
        Self { number: 1, size }
    }

    /// Rows per page, within bounds.
    pub fn limit(self) -> i64 {
        i64::from(self.size.clamp(1, 500))
    }

    /// Rows before the page.
    pub fn offset(self) -> i64 {
        (i64::from(self.number.max(1)) - 1) * self.limit()
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(50)
    }
}

/// One page of a list, and how many rows there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paged<T> {
    /// This page's rows.
    pub rows: Vec<T>,
    /// Rows on all pages.
    pub total: u64,
    /// Which page this is.
    pub page: Page,
}

impl<T> Paged<T> {
    /// How many pages there are, at least 1.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(u64::try_from(self.page.limit()).unwrap_or(1)).max(1)
    }
}
