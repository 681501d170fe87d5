//! Argon2id with the figures of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane), which are the
//! defaults of the `argon2` crate.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use etiqa_model::{Secret, UserError};
use tokio::sync::Semaphore;

use crate::error::Result;

/// Each takes 19 MiB and a core for a while; more at once would only slow each other.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Compared with when there is no such user, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

/// The hash of a password, as a PHC string.
pub(super) async fn hash(password: &Secret) -> Result<String> {
    let password = password.clone();
    Ok(off_the_runtime(move || hash_now(password.reveal())).await?.ok_or_else(UserError::internal)?)
}

/// Whether a password fits a hash; none: there is no such user, and the answer takes as long.
pub(super) async fn verify(password: &Secret, hash: Option<String>) -> Result<bool> {
    let password = password.clone();
    off_the_runtime(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        let fits = PasswordHash::new(&hash).is_ok_and(|parsed| {
            Argon2::default().verify_password(password.reveal().as_bytes(), &parsed).is_ok()
        });
        fits && known
    })
    .await
}

fn hash_now(password: &str) -> Option<String> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).ok()?;
    Some(hash.to_string())
}

async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _permit = AT_ONCE.acquire().await.map_err(|_| UserError::internal())?;
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| UserError::internal())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_only_its_own_hash() {
        let password = Secret::new("correct horse");
        let hash = hash(&password).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(&password, Some(hash.clone())).await.unwrap());
        assert!(!verify(&Secret::new("correct hors"), Some(hash)).await.unwrap());
        assert!(!verify(&Secret::new("nobody has this password"), None).await.unwrap());
    }
}
