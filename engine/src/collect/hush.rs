//! The secrets of a session, found again in what the other side says: as they are, as requests write them, and cut off.
//!
//! A device, or the server of a destination, may say what it was told: a login page that repeats the password, a complaint that holds the request. What a
//! person reads of it (messages, steps, transcripts) holds none of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etiqa_model::Secret;
use zeroize::Zeroizing;

use super::redact::MASK;
use super::target::Login;
use super::transport::https::encoded;

/// Fewer characters of a secret, before the mark of a cut, tell nothing of it.
const LEAST_CUT: usize = 4;
/// Stands where a quotation was cut.
const CUT: char = '…';

/// Every form of every secret, the longest first: one that holds another is masked whole.
#[derive(Default)]
pub(crate) struct Hush(Vec<Zeroizing<String>>);

impl fmt::Debug for Hush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hush({} forms)", self.0.len())
    }
}

impl Hush {
    /// Everything secret of these logins.
    pub(super) fn add_logins<'a>(&mut self, logins: impl IntoIterator<Item = &'a Login>) {
        for login in logins {
            login.secrets().for_each(|secret| self.0.extend(forms(secret)));
            if let Some(password) = login.password.as_ref().filter(|password| !password.is_empty()) {
                self.0.push(basic(&login.username, password));
            }
        }
        self.settle();
    }

    /// A password or token that is shown with this name.
    pub(crate) fn add_password(&mut self, username: &str, password: &Secret) {
        if !password.is_empty() {
            self.0.push(basic(username, password));
            self.add(password);
        }
    }

    /// What the device itself gave in the session: a token, a cookie.
    pub(crate) fn add(&mut self, secret: &Secret) {
        if !secret.is_empty() {
            self.0.extend(forms(secret.reveal()));
            self.settle();
        }
    }

    /// The forms, the longest first.
    pub(super) fn forms(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|form| form.as_str())
    }

    /// A sentence without any of them, also where a quotation in it was cut within one.
    pub(crate) fn masked(&self, text: &str) -> String {
        let whole = self.forms().fold(text.to_owned(), |text, form| text.replace(form, MASK));
        let mut masked = String::with_capacity(whole.len());
        let mut pieces = whole.split(CUT).peekable();
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                masked.push_str(piece);
                break;
            }
            let kept = self.before_begun(piece);
            masked.push_str(kept);
            masked.push_str(if kept.len() < piece.len() { MASK } else { "" });
            masked.push(CUT);
        }
        masked
    }

    /// `text` without the beginning of a secret at its end.
    fn before_begun<'a>(&self, text: &'a str) -> &'a str {
        let begun = |form: &str| {
            let lengths = (LEAST_CUT..form.len()).filter(|length| form.is_char_boundary(*length));
            lengths.filter(|length| text.ends_with(&form[..*length])).max()
        };
        let longest = self.forms().filter_map(begun).max().unwrap_or_default();
        &text[..text.len() - longest]
    }

    fn settle(&mut self) {
        self.0
            .sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.as_str().cmp(other.as_str())));
        self.0.dedup();
    }
}

/// A basic login (RFC 7617).
fn basic(username: &str, password: &Secret) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{username}:{}", password.reveal()));
    Zeroizing::new(STANDARD.encode(pair.as_bytes()))
}

/// A secret as it is, and as addresses, forms, JSON and basic logins write it.
fn forms(secret: &str) -> Vec<Zeroizing<String>> {
    let percent = Zeroizing::new(encoded(secret));
    let json = Zeroizing::new(serde_json::Value::from(secret).to_string());
    vec![
        Zeroizing::new(secret.to_owned()),
        Zeroizing::new(percent.replace("%20", "+")),
        percent,
        // Without the quotation marks around it.
        Zeroizing::new(json[1..json.len() - 1].to_owned()),
        Zeroizing::new(STANDARD.encode(secret)),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hush(password: &str) -> Hush {
        let mut hush = Hush::default();
        let login = Login {
            username: "backup".into(),
            password: Some(Secret::new(password)),
            enable_password: Some(Secret::new(format!("{password}-enable"))),
            ..Login::default()
        };
        hush.add_logins([&login]);
        hush
    }

    #[test]
    fn a_secret_is_masked_however_it_is_written() {
        let hush = hush("pa ss\"w&rd");
        let basic = STANDARD.encode("backup:pa ss\"w&rd");
        for said in ["pa ss\"w&rd", "pa%20ss%22w%26rd", "pa+ss%22w%26rd", "pa ss\\\"w&rd", &basic] {
            assert_eq!(hush.masked(&format!("It said “{said}”.")), "It said “<removed>”.", "{said}");
        }
    }

    #[test]
    fn a_secret_that_holds_another_leaves_nothing_behind() {
        assert_eq!(hush("hunter2").masked("no hunter2-enable here"), "no <removed> here");
    }

    #[test]
    fn a_quotation_that_is_cut_within_a_secret_holds_no_beginning_of_it() {
        let hush = hush("correct horse");
        assert_eq!(hush.masked("It said “login correct ho…”."), "It said “login <removed>…”.");
        assert_eq!(hush.masked("Wait… what"), "Wait… what");
        assert_eq!(hush.masked("It is cor…"), "It is cor…", "three characters tell nothing");
    }

    #[test]
    fn what_a_device_gave_in_the_session_is_masked_as_well() {
        let mut hush = Hush::default();
        hush.add(&Secret::new("ABCDEF0123"));
        hush.add(&Secret::default());
        assert_eq!(hush.masked("token ABCDEF0123"), "token <removed>");
        assert_eq!(format!("{hush:?}"), "Hush(2 forms)");
    }

    proptest! {
        #[test]
        fn no_sentence_holds_a_secret_that_was_masked(
            before in "\\PC{0,40}", secret in "[a-zäß0-9%&\" ]{6,20}", behind in "\\PC{0,40}", cut in 0_usize..20,
        ) {
            let hush = hush(&secret);
            let cut: String = secret.chars().take(cut).collect();
            let masked = hush.masked(&format!("{before}{secret}{behind} {cut}…"));
            // A mask may itself begin or end as the secret does.
            prop_assert!(!masked.replace(MASK, "\u{1}").contains(&secret), "{masked}");
        }
    }
}
