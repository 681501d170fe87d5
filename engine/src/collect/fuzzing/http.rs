//! What appliances answer over HTTP.

use std::time::Duration;

use etiqa_model::Secret;
use etiqa_model::artifact::ArtifactKind;
use etiqa_model::class::Class;
use etiqa_model::shown::misleads;

use crate::collect::artifact::fuzzing::played;
use crate::collect::target::{Limits, Login};

const KINDS: [ArtifactKind; 4] =
    [ArtifactKind::F5Ucs, ArtifactKind::InfobloxGrid, ArtifactKind::FortiosConfig, ArtifactKind::PanosState];
const PASSWORD: &str = "pa ss\"w&rd";
/// No sentence for a person is longer, in characters.
const LONGEST_MESSAGE: usize = 1_000;

/// The first byte says which appliance; the rest are its answers, with a NUL between each and the next.
///
/// A conversation ends, and where it fails in a sentence of bounded length that a terminal may be shown; neither that nor
/// what is kept of the conversation holds the password, however the device says it back.
///
/// # Panics
/// Where one of these does not hold.
pub async fn http(input: &[u8]) {
    let Some((&kind, answers)) = input.split_first() else { return };
    let kind = KINDS[usize::from(kind) % KINDS.len()];
    let answers = answers.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    let login = Login {
        name: "fuzz".into(),
        username: "backup".into(),
        password: Some(Secret::new(PASSWORD)),
        ..Login::default()
    };
    // The fuzzer's clock stands still while anything goes on; that of the tests does not.
    let deadline =
        if cfg!(feature = "fuzzing") { Duration::from_mins(2) } else { Duration::from_millis(300) };
    let limits = Limits { step: Duration::from_secs(1), deadline, ..Limits::default() };
    let Some(outcome) = played(kind, answers, &login, &limits).await else { return };
    assert!(outcome.class == Class::Ok || !outcome.message.is_empty(), "no word of what is wrong");
    assert!(
        outcome.message.chars().count() <= LONGEST_MESSAGE,
        "{} characters",
        outcome.message.chars().count()
    );
    assert!(!outcome.message.contains(misleads), "{:?}", outcome.message);
    let said = outcome.transcript.unwrap_or_default() + &outcome.message;
    for secret in [PASSWORD, "pa%20ss%22w%26rd", "YmFja3VwOnBhIHNzIncmcmQ="] {
        assert!(!said.contains(secret), "{said}");
    }
}
