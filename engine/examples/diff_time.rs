//! How long a difference of two texts takes, for `make bench`: prints the median of some rounds, in milliseconds.
//!
//!   diff_time OLD NEW

#![expect(clippy::print_stdout, reason = "a program that prints one figure")]

use std::time::Instant;

use etiqa_engine::history::diff::{DiffView, diff, unified};

const ROUNDS: usize = 21;

fn main() -> std::io::Result<()> {
    let mut files = std::env::args().skip(1);
    let (old, new) = (files.next().unwrap_or_default(), files.next().unwrap_or_default());
    let (old, new) = (std::fs::read_to_string(old)?, std::fs::read_to_string(new)?);
    let page = median(|| diff(&old, &new, DiffView::default()).added as usize);
    let whole = median(|| unified("old", "new", &old, &new).len());
    println!("{page:.2} {whole:.2}");
    Ok(())
}

fn median(mut round: impl FnMut() -> usize) -> f64 {
    let mut took: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(round());
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[ROUNDS / 2]
}
