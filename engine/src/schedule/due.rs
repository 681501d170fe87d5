//! When a schedule is due next.
