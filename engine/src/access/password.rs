//! Argon2id with the figures of the OWASP Password Storage Cheat Sheet: "a minimum configuration of 19 MiB of memory, an
//! iteration count of 2, and 1 degree of parallelism"
//! (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>, read 2026-11).

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use etiqa_model::{ErrorKind, Secret, UserError};
use tokio::sync::Semaphore;

use crate::error::Result;

/// KiB of memory.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Each hash takes its memory and a core for a while; more at once would only slow each other.
static OF_STRANGERS: Semaphore = Semaphore::const_new(2);
/// Strangers who are hashed for or wait for it; whoever comes beyond that is refused, and costs nothing.
static STRANGERS: Semaphore = Semaphore::const_new(64);
/// For whom a crowd of strangers must not keep waiting.
static OF_KNOWN: Semaphore = Semaphore::const_new(1);

/// In which line somebody waits for a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing is known of them.
    Stranger,
    /// They are signed in, or their browser signed in before.
    Known,
}

/// The hash of a password, as a PHC string.
pub(super) async fn hash(password: &Secret) -> Result<String> {
    let password = password.clone();
    let hash = off_the_runtime(Line::Known, move || hash_now(password.reveal())).await?;
    Ok(hash.ok_or_else(UserError::internal)?)
}

/// Whether a password fits a hash. None: there is no such user, and the answer takes one hash all the same.
pub(super) async fn verify(password: &Secret, hash: Option<String>, line: Line) -> Result<bool> {
    let password = password.clone();
    off_the_runtime(line, move || match hash {
        Some(hash) => PasswordHash::new(&hash)
            .is_ok_and(|hash| argon2().verify_password(password.reveal().as_bytes(), &hash).is_ok()),
        None => {
            // Not to be left out as unused.
            std::hint::black_box(hash_now(password.reveal()));
            false
        }
    })
    .await
}

/// Whether a hash was made with other figures than those of now.
pub(super) fn is_outdated(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return true };
    let are_same = Params::try_from(&hash)
        .is_ok_and(|params| (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY, PASSES, LANES));
    !are_same || hash.algorithm != ARGON2ID_IDENT
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY, PASSES, LANES, None).unwrap_or(Params::DEFAULT);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &str) -> Option<String> {
    let hash: PasswordHash = argon2().hash_password(password.as_bytes()).ok()?;
    Some(hash.to_string())
}

async fn off_the_runtime<T: Send + 'static>(
    line: Line,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let busy = || {
        let message = "Very many sign in just now. Try again in a moment.";
        UserError::new(ErrorKind::TooMany, message)
    };
    let (_place, turns) = match line {
        Line::Stranger => (Some(STRANGERS.try_acquire().map_err(|_| busy())?), &OF_STRANGERS),
        Line::Known => (None, &OF_KNOWN),
    };
    let turn = turns.acquire().await.map_err(|_| UserError::internal())?;
    // Whoever hangs up meanwhile does not free the turn: the hash goes on.
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    let done = done.await.map_err(|_| UserError::internal())?;
    // Tests count these: an unknown name must cost what a known one does.
    tracing::debug!("a password was hashed");
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_only_its_own_hash() {
        let password = Secret::new("correct horse");
        let hash = hash(&password).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(&password, Some(hash.clone()), Line::Stranger).await.unwrap());
        assert!(!verify(&Secret::new("correct hors"), Some(hash), Line::Known).await.unwrap());
        assert!(!verify(&password, None, Line::Stranger).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_other_figures_fits_and_is_outdated() {
        let password = Secret::new("correct horse");
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 1, 1, None).unwrap());
        let weak: PasswordHash = weak.hash_password(password.reveal().as_bytes()).unwrap();
        let weak = weak.to_string();
        assert!(verify(&password, Some(weak.clone()), Line::Known).await.unwrap());
        assert!(is_outdated(&weak));
        assert!(is_outdated(&weak.replace("argon2id", "argon2i")));
        assert!(is_outdated("nothing of the kind"));
        assert!(!is_outdated(&hash(&password).await.unwrap()));
    }
}
