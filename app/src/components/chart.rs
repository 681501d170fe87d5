//! Small charts: a bar for each thing, as high as its share of the highest, and the same as a table.

use leptos::prelude::*;

/// The height of the highest bar, in the units of the drawing.
pub(crate) const HEIGHT: u64 = 40;

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// What it stands for: a day, a run.
    pub(crate) name: String,
    /// How much that is, in words.
    pub(crate) words: String,
    /// What it is made of, from the bottom up: the class of its colour (`failed`, `partial`, `cancelled`, `size`, `none`, or
    /// empty where all was well), and how high it is.
    pub(crate) parts: Vec<(&'static str, u64)>,
}

impl Bar {
    fn value(&self) -> u64 {
        self.parts.iter().map(|(_, value)| value).sum()
    }
}

/// The chart, with words under its ends and a table that says the same; `label` says what it is to whoever cannot see it.
pub(crate) fn bars(label: String, bars: Vec<Bar>, ends: (String, String)) -> AnyView {
    let most = bars.iter().map(Bar::value).max().unwrap_or(0);
    let width = bars.len() * 10;
    // In pixels; the style sheet makes it narrower where there is no room.
    let drawn_width = (width * 4).to_string();
    let drawn = bars.iter().enumerate().map(|(index, bar)| {
        let x = (index * 10 + 1).to_string();
        let mut below = 0;
        let parts = bar.parts.iter().map(|(class, value)| {
            let bottom = height(below, most);
            below += value;
            // What went wrong is seen, even where it came to nothing.
            let height = (height(below, most) - bottom).max(u64::from(!class.is_empty()));
            let y = (HEIGHT - bottom).saturating_sub(height).to_string();
            view! { <rect class=*class x=x.clone() y=y width="8" height=height.to_string()/> }.into_any()
        });
        let parts = parts.collect_view();
        view! {
            <g>
                <title>{format!("{}: {}", bar.name, bar.words)}</title>
                <rect class="none" x=x y="0" width="8" height="40" fill-opacity="0"/>
                {parts}
            </g>
        }
        .into_any()
    });
    let drawn = drawn.collect_view();
    let rows = bars
        .into_iter()
        .map(|bar| view! { <tr><th scope="row">{bar.name}</th><td>{bar.words}</td></tr> }.into_any());
    view! {
        <div class="days">
            <svg viewBox=format!("0 0 {width} 40") width=drawn_width preserveAspectRatio="none" role="img" aria-label=label>{drawn}</svg>
            <div class="ends"><span>{ends.0}</span><span>{ends.1}</span></div>
            <details class="figures">
                <summary>"As a table"</summary>
                <table><tbody>{rows.collect_view()}</tbody></table>
            </details>
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
