//! Small charts: a bar for each thing, as high as its share of the highest.

use leptos::prelude::*;

/// The height of the highest bar, in the units of the drawing.
const HEIGHT: u64 = 40;

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// How high.
    pub(crate) value: u64,
    /// What it stands for, on hover.
    pub(crate) words: String,
    /// Its colour's class: `failed`, `partial`, `cancelled`, or none where all was well.
    pub(crate) class: &'static str,
}

/// The chart, with words under its ends; `label` says what it is to whoever cannot see it.
pub(crate) fn bars(label: String, bars: Vec<Bar>, ends: (String, String)) -> AnyView {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0);
    let width = bars.len() * 10;
    let bars = bars.into_iter().enumerate().map(|(index, bar)| {
        // What went wrong is seen, even where it came to nothing.
        let height = height(bar.value, most).max(u64::from(!bar.class.is_empty()));
        let (x, y) = ((index * 10 + 1).to_string(), (HEIGHT - height).to_string());
        view! {
            <g>
                <title>{bar.words}</title>
                <rect class="none" x=x.clone() y="0" width="8" height="40" fill-opacity="0"/>
                <rect class=bar.class x=x y=y width="8" height=height.to_string()/>
            </g>
        }
        .into_any()
    });
    view! {
        <div class="days">
            <svg viewBox=format!("0 0 {width} 40") preserveAspectRatio="none" role="img" aria-label=label>{bars.collect_view()}</svg>
            <div class="ends"><span>{ends.0}</span><span>{ends.1}</span></div>
        </div>
    }
    .into_any()
}

/// What is not nothing is seen.
fn height(value: u64, most: u64) -> u64 {
    match (value * HEIGHT).checked_div(most) {
        Some(0) if value > 0 => 1,
        Some(height) => height,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_share_and_a_small_one_is_still_seen() {
        assert_eq!(height(50, 100), 20);
        assert_eq!(height(1, 1_000_000), 1);
        assert_eq!(height(0, 100), 0);
        assert_eq!(height(0, 0), 0);
    }
}
