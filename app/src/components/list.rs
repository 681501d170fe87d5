//! Lists: what stands in an empty one, and the way through a long one.

use etiqa_model::DeviceId;
use etiqa_model::page::Page;
use leptos::prelude::*;

use crate::format;

/// An empty list that says what to do first.
pub(crate) fn empty(heading: &str, words: &str, action: impl IntoView) -> AnyView {
    let action = action.into_any();
    view! {
        <div class="empty">
            <h2>{heading.to_owned()}</h2>
            <p>{words.to_owned()}</p>
            {action}
        </div>
    }
    .into_any()
}

/// "51–100 of 4,120" with links to the pages beside. `address` gives the address of a page.
#[component]
pub(crate) fn Pager(
    /// Which page this is.
    page: Page,
    /// Rows on all pages.
    total: u64,
    /// The address of page n.
    address: Callback<u32, String>,
) -> AnyView {
    let size = u64::from(page.size.max(1));
    let first = u64::from(page.number.saturating_sub(1)) * size;
    let last = (first + size).min(total);
    if total <= size && page.number <= 1 {
        return ().into_any();
    }
    let link = |is_there: bool, number: u32, words: &'static str, rel: &'static str| {
        if is_there {
            view! { <a class="btn small" rel=rel href=address.run(number)>{words}</a> }.into_any()
        } else {
            view! { <span class="btn small" aria-disabled="true">{words}</span> }.into_any()
        }
    };
    view! {
        <nav class="pager" aria-label="Pages">
            <span class="muted">
                {if first < last {
                    format!("{}–{} of {}", format::count(first + 1), format::count(last), format::count(total))
                } else {
                    format!("none of {} on this page", format::count(total))
                }}
            </span>
            {link(page.number > 1, page.number.saturating_sub(1), "Previous", "prev")}
            {link(last < total, page.number + 1, "Next", "next")}
        </nav>
    }
    .into_any()
}

/// The address of a list with these query fields; empty ones are left out.
pub(crate) fn address(path: &str, fields: &[(&str, String)]) -> String {
    let query = query(fields);
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// These fields as the query of an address, without the question mark; empty ones are left out.
pub(crate) fn query(fields: &[(&str, String)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    pairs.join("&")
}

/// The address of one version of one part of a device.
pub(crate) fn version_address(device: DeviceId, part: &str, version: u32) -> String {
    address(&format!("/devices/{device}"), &[("part", part.to_owned()), ("v", version.to_string())])
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    out.extend(
                        char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()),
                    );
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leaves_out_empty_fields_and_escapes_the_others() {
        let fields = [("q", "core & edge".to_owned()), ("tag", String::new()), ("site", "Wien/ü".to_owned())];
        assert_eq!(address("/devices/", &fields), "/devices/?q=core%20%26%20edge&site=Wien%2F%C3%BC");
        assert_eq!(address("/devices/", &[]), "/devices/");
    }
}
