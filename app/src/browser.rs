//! What the app asks of the browser. On the server each of these does nothing, or reads the request instead.

/// Whether this runs in the browser.
pub(crate) const IS_CLIENT: bool = cfg!(feature = "hydrate");

/// Light, dark, or as the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The name in the cookie and in the document's `data-theme`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::System => "Same as the system",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    pub(crate) fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name).unwrap_or_default()
    }
}

/// The theme that the `theme` cookie names.
pub(crate) fn theme_of_request() -> Theme {
    cookie("theme").map(|name| Theme::parse(&name)).unwrap_or_default()
}

/// The cookie by which a browser remembers the theme of this name; none where there is no such theme.
#[cfg(feature = "ssr")]
pub fn theme_cookie(name: &str) -> Option<String> {
    let theme = Theme::ALL.into_iter().find(|theme| theme.as_str() == name)?;
    Some(kept("theme", theme.as_str()))
}

/// A cookie that is kept for a year, for this site's own requests only. Scripts may change it.
#[cfg(any(feature = "ssr", feature = "hydrate"))]
fn kept(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Strict")
}

/// The viewer's offset from UTC in minutes (east is positive), which the browser left in the `tz` cookie.
pub(crate) fn offset_of_request() -> Option<i32> {
    // No place is further than 14 hours from UTC.
    cookie("tz")?.parse().ok().filter(|minutes| (-14 * 60..=14 * 60).contains(minutes))
}

#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub(crate) fn find_cookie(cookies: &str, name: &str) -> Option<String> {
    cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then(|| value.to_owned()))
}

#[cfg(not(feature = "hydrate"))]
pub(crate) use server::*;

#[cfg(not(feature = "hydrate"))]
mod server {
    use super::Theme;

    #[cfg(feature = "ssr")]
    pub(super) fn cookie(name: &str) -> Option<String> {
        let parts = leptos::prelude::use_context::<axum::http::request::Parts>()?;
        let cookies = parts.headers.get_all(axum::http::header::COOKIE);
        cookies
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(|value| super::find_cookie(value, name))
    }

    #[cfg(not(feature = "ssr"))]
    pub(super) fn cookie(_name: &str) -> Option<String> {
        None
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now_ms() -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// The viewer's offset from UTC at `at_ms`, in minutes; the server cannot know it.
    pub(crate) fn offset_at(_at_ms: i64) -> i32 {
        0
    }

    pub(crate) fn zone_name() -> Option<String> {
        None
    }

    pub(crate) fn set_cookie(_name: &str, _value: &str) {}

    pub(crate) fn set_theme(_theme: Theme) {}

    pub(crate) fn go_to(_id: &str) {}

    pub(crate) fn fill(_id: &str, _text: &str) {}

    pub(crate) fn held(_id: &str) -> Option<String> {
        None
    }

    pub(crate) fn ticked(_name: &str) -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn drop_hash(_event: leptos::ev::MouseEvent) {}

    pub(crate) fn reload() {}

    pub(crate) fn load(_address: &str) {}

    pub(crate) fn focus_main() {}

    pub(crate) fn build_of_page() -> Option<String> {
        None
    }

    /// The path that was asked for.
    #[cfg(feature = "ssr")]
    pub(crate) fn path_of_request() -> Option<String> {
        let parts = leptos::prelude::use_context::<axum::http::request::Parts>()?;
        Some(parts.uri.path().to_owned())
    }
}

#[cfg(feature = "hydrate")]
pub(crate) use client::*;

#[cfg(feature = "hydrate")]
mod client {
    use leptos::prelude::{document, window};
    use wasm_bindgen::JsCast;
    use web_sys::js_sys::{Array, Date, Intl, Object, Reflect};
    use web_sys::{
        Element, FormData, HtmlDocument, HtmlElement, HtmlFormElement, HtmlInputElement, HtmlTextAreaElement,
        UrlSearchParams,
    };

    use super::Theme;

    /// A question that was asked and is not answered yet, see `components::form::confirm`.
    pub(crate) const OPEN_QUESTION: &str = ".ask:popover-open";
    /// On a form whose answer leads to another page.
    pub(crate) const LEAVING: &str = "data-leaving";
    /// What of a row the focus goes to, the first that there is.
    const TARGETS: [&str; 3] = ["a[href]", "summary", "button:not([disabled])"];

    fn html_document() -> Option<HtmlDocument> {
        document().dyn_into().ok()
    }

    pub(super) fn cookie(name: &str) -> Option<String> {
        super::find_cookie(&html_document()?.cookie().ok()?, name)
    }

    /// The fields of a form as a browser would send them: the button that was pressed is one where it has a name.
    pub(crate) fn fields_of(form: &HtmlFormElement, pressed: Option<HtmlElement>) -> Option<String> {
        let data = FormData::new_with_form(form).ok()?;
        if let Some(button) = pressed
            && let Some(name) = button.get_attribute("name")
        {
            data.append_with_str(&name, &button.get_attribute("value").unwrap_or_default()).ok()?;
        }
        let fields = UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
        Some(String::from(fields.to_string()))
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now_ms() -> i64 {
        Date::now() as i64
    }

    /// The viewer's offset from UTC at `at_ms`, in minutes, east positive.
    pub(crate) fn offset_at(at_ms: i64) -> i32 {
        let date = Date::new(&(at_ms as f64).into());
        -(date.get_timezone_offset() as i32)
    }

    /// The viewer's zone, such as `Europe/Vienna`.
    pub(crate) fn zone_name() -> Option<String> {
        let options = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
        Reflect::get(&options, &"timeZone".into()).ok()?.as_string()
    }

    /// Keeps a value for a year, for this site's own requests only.
    pub(crate) fn set_cookie(name: &str, value: &str) {
        if let Some(document) = html_document() {
            // A browser that refuses cookies keeps working, only without the memory.
            let is_secure = window().location().protocol().is_ok_and(|protocol| protocol == "https:");
            let secure = if is_secure { "; Secure" } else { "" };
            let _ = document.set_cookie(&(super::kept(name, value) + secure));
        }
    }

    /// Shows the theme at once and remembers it.
    pub(crate) fn set_theme(theme: Theme) {
        if let Some(root) = document().document_element() {
            let _ = match theme {
                Theme::System => root.remove_attribute("data-theme"),
                theme => root.set_attribute("data-theme", theme.as_str()),
            };
        }
        set_cookie("theme", theme.as_str());
    }

    /// Puts `text` on the clipboard; says whether it is there.
    pub(crate) async fn copy_text(text: &str) -> bool {
        let navigator = window().navigator();
        // A browser has a clipboard only for pages of HTTPS and of its own machine, and may refuse it to them as well.
        let is_there = Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|found| found.is_object());
        if is_there && navigator.clipboard().write_text(text).await.is_ok() {
            return true;
        }
        copy_selected(text).unwrap_or(false)
    }

    /// The old way, which asks for no such page: a field with the text is selected, and what is selected is copied.
    fn copy_selected(text: &str) -> Option<bool> {
        let document = html_document()?;
        let field = document.create_element("textarea").ok()?.dyn_into::<HtmlTextAreaElement>().ok()?;
        field.set_class_name("sr");
        field.set_read_only(true);
        field.set_value(text);
        // Beside the button, so that the page does not scroll to it.
        let before = document.active_element();
        before.as_ref()?.insert_adjacent_element("afterend", &field).ok()?;
        let _ = field.focus();
        field.select();
        let is_copied = document.exec_command("copy").unwrap_or(false);
        field.remove();
        focus(before);
        Some(is_copied)
    }

    /// Takes what is behind `#` off the address of the link that was pressed.
    pub(crate) fn drop_hash(event: leptos::ev::MouseEvent) {
        let link = event.current_target().and_then(|link| link.dyn_into::<web_sys::Element>().ok());
        let address = link.as_ref().and_then(|link| link.get_attribute("href"));
        if let (Some(link), Some((address, _))) = (link, address.as_deref().and_then(|to| to.split_once('#')))
        {
            let _ = link.set_attribute("href", address);
        }
    }

    /// Scrolls to the element of this id, and moves the focus there.
    pub(crate) fn go_to(id: &str) {
        if let Some(element) = document().get_element_by_id(id) {
            element.scroll_into_view();
            focus(Some(element));
        }
    }

    /// What the control of this id holds.
    pub(crate) fn held(id: &str) -> Option<String> {
        Reflect::get(document().get_element_by_id(id)?.as_ref(), &"value".into()).ok()?.as_string()
    }

    /// The values of the boxes of this name that are ticked on the page.
    pub(crate) fn ticked(name: &str) -> Vec<String> {
        let first = document().query_selector(&format!("input[name=\"{name}\"]")).ok().flatten();
        let form = first.and_then(|first| first.closest("form").ok().flatten());
        let form = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
        let Some(fields) = form.and_then(|form| FormData::new_with_form(&form).ok()) else {
            return Vec::new();
        };
        fields.get_all(name).iter().filter_map(|value| value.as_string()).collect()
    }

    /// Has the field of this id hold `text`, unless somebody types into it.
    pub(crate) fn fill(id: &str, text: &str) {
        let field = document().get_element_by_id(id);
        let field = field.filter(|field| document().active_element().as_ref() != Some(field));
        if let Some(field) = field.and_then(|field| field.dyn_into::<HtmlInputElement>().ok()) {
            field.set_value(text);
        }
    }

    pub(crate) fn reload() {
        let _ = window().location().reload();
    }

    /// Loads an address of this site from the server.
    pub(crate) fn load(address: &str) {
        let _ = window().location().assign(address);
    }

    /// Moves the focus; says whether it is there now. What is not shown takes no focus, and says nothing.
    pub(crate) fn focus(element: Option<Element>) -> bool {
        let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) else {
            return false;
        };
        element.focus().is_ok() && document().active_element().is_some_and(|active| active == *element)
    }

    /// Moves the focus into a row; says whether it is there now.
    pub(crate) fn focus_within(row: &Element) -> bool {
        TARGETS.iter().any(|target| focus(row.query_selector(target).ok().flatten()))
    }

    /// Moves the focus to the page itself.
    pub(crate) fn focus_main() {
        focus(document().get_element_by_id("main"));
    }

    /// Why the form that led back to this page was refused, as JSON, where it was posted to `path`. It is told once: the
    /// next page may have the same form.
    pub(crate) fn take_refusal(path: &str) -> Option<String> {
        let told = document().query_selector("meta[name=refused]").ok()??;
        if told.get_attribute("data-path")? != path {
            return None;
        }
        told.remove();
        told.get_attribute("content")
    }

    /// The id of the build that this page was made by.
    pub(crate) fn build_of_page() -> Option<String> {
        document().query_selector("meta[name=build]").ok()??.get_attribute("content")
    }

    /// Shows the notice that every page brings along for the day that it breaks.
    pub(crate) fn show_that_it_broke() {
        if let Some(notice) = document().get_element_by_id("broken") {
            let _ = notice.remove_attribute("hidden");
        }
    }
}
