//! Logging in over SSH: a key first, then the password, by whichever method the device offers.

use std::sync::{Arc, PoisonError};

use etiqa_model::Secret;
use etiqa_model::class::Class;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse, Prompt};
use russh::keys::{PrivateKeyWithHashAlg, decode_secret_key};
use russh::{Disconnect, MethodKind, MethodSet};
use tokio::time::timeout;

use super::ssh::{Connection, answered};
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::target::{Limits, Login};

/// A server may ask in several rounds; one that never stops is given up.
const MOST_ROUNDS: usize = 6;

/// Whether a private key can be read with this passphrase; an empty one is none.
pub(crate) fn key_opens(key: &Secret, passphrase: &Secret) -> bool {
    decode_secret_key(key.reveal(), given(Some(passphrase)).map(Secret::reveal)).is_ok()
}

/// What is left to try after a refusal.
struct Refused {
    /// The methods that the device names; none known before the first attempt.
    offered: Option<MethodSet>,
    /// One method succeeded, and another one is asked for.
    is_partial: bool,
}

impl Connection {
    /// Logs in. [`Class::AuthFailed`] means that another login may work; every other failure does not.
    pub(in crate::collect) async fn login(&mut self, login: &Login, limits: &Limits) -> Step<()> {
        let attempt = timeout(limits.step, self.try_methods(login, limits));
        match attempt.await {
            Ok(result) => result,
            Err(elapsed) => answered(Err(elapsed), "logging in", limits),
        }
    }

    async fn try_methods(&mut self, login: &Login, limits: &Limits) -> Step<()> {
        let mut refused = Refused { offered: None, is_partial: false };
        if let Some(key) = given(login.private_key.as_ref()) {
            match self.key(login, key, limits).await? {
                Ok(()) => return Ok(()),
                Err(why) => refused = why,
            }
        }
        if let Some(password) = given(login.password.as_ref()) {
            if refused.offers(MethodKind::Password) {
                match self.password(login, password, limits).await? {
                    Ok(()) => return Ok(()),
                    // The password itself was refused: a second try would only count towards a lock.
                    Err(why) if why.offers(MethodKind::Password) && !why.is_partial => {
                        return Err(wrong_login(login));
                    }
                    Err(why) => refused = why,
                }
            }
            if refused.offers(MethodKind::KeyboardInteractive) {
                return self.keyboard_interactive(login, password).await;
            }
        }
        Err(wrong_login(login))
    }

    async fn key(&mut self, login: &Login, key: &Secret, limits: &Limits) -> Step<Result<(), Refused>> {
        let passphrase = given(login.key_passphrase.as_ref()).map(Secret::reveal);
        let Ok(key) = decode_secret_key(key.reveal(), passphrase) else {
            let message = format!(
                "The private key of the credential {} cannot be read; check the key and its passphrase.",
                login.name
            );
            return Err(Failure::new(Class::AuthFailed, message));
        };
        let hash = if key.algorithm().is_rsa() {
            // A device that does not say which hashes it knows gets SHA-256 (RFC 8332); SHA-1 is not offered.
            let known = self.handle.best_supported_rsa_hash().await.ok().flatten().flatten();
            Some(known.unwrap_or(russh::keys::HashAlg::Sha256))
        } else {
            None
        };
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let result = self.handle.authenticate_publickey(&login.username, key).await;
        self.result(answered(Ok(result), "logging in", limits)?, login)
    }

    async fn password(
        &mut self,
        login: &Login,
        password: &Secret,
        limits: &Limits,
    ) -> Step<Result<(), Refused>> {
        let result = self.handle.authenticate_password(&login.username, password.reveal()).await;
        self.result(answered(Ok(result), "logging in", limits)?, login)
    }

    async fn keyboard_interactive(&mut self, login: &Login, password: &Secret) -> Step<()> {
        let mut reply =
            self.handle.authenticate_keyboard_interactive_start(&login.username, None::<String>).await;
        let mut has_answered = false;
        for _ in 0..MOST_ROUNDS {
            reply = match reply {
                Ok(KeyboardInteractiveAuthResponse::Success) => return Ok(()),
                Ok(KeyboardInteractiveAuthResponse::Failure { .. }) => return Err(wrong_login(login)),
                Ok(KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. }) => {
                    let Some(answers) = answers(&prompts, login, password, &mut has_answered) else {
                        let message = format!(
                            "The device asks the credential {} for more than a password: “{}”.",
                            login.name,
                            prompts.first().map(|prompt| excerpt(&prompt.prompt, 100)).unwrap_or_default()
                        );
                        return Err(Failure::new(Class::AuthFailed, message));
                    };
                    self.handle.authenticate_keyboard_interactive_respond(answers).await
                }
                Err(_) => return Err(self.closed(login)),
            };
        }
        Err(wrong_login(login))
    }

    fn result(&self, result: AuthResult, login: &Login) -> Step<Result<(), Refused>> {
        match result {
            AuthResult::Success => Ok(Ok(())),
            // The library reports a lost connection as a refusal that offers nothing.
            AuthResult::Failure { .. } if self.handle.is_closed() => Err(self.closed(login)),
            AuthResult::Failure { remaining_methods, partial_success } => {
                Ok(Err(Refused { offered: Some(remaining_methods), is_partial: partial_success }))
            }
        }
    }

    /// The connection ended during login: some devices say "no" that way.
    fn closed(&self, login: &Login) -> Failure {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &seen.goodbye {
            Some((Disconnect::NoMoreAuthMethodsAvailable, _)) => wrong_login(login),
            Some((_, reason)) if reason.to_lowercase().contains("authentication") => wrong_login(login),
            _ => Failure::new(Class::Disconnected, "The device closed the connection during login."),
        }
    }
}

impl Refused {
    fn offers(&self, method: MethodKind) -> bool {
        self.offered.as_ref().is_none_or(|offered| offered.contains(&method))
    }
}

/// Answers a hidden question with the password, once; a second one asks for something else, such as a new password.
fn answers(
    prompts: &[Prompt],
    login: &Login,
    password: &Secret,
    has_answered: &mut bool,
) -> Option<Vec<String>> {
    prompts
        .iter()
        .map(|prompt| {
            if prompt.echo {
                return Some(login.username.clone());
            }
            (!std::mem::replace(has_answered, true)).then(|| password.reveal().to_owned())
        })
        .collect()
}

fn given(secret: Option<&Secret>) -> Option<&Secret> {
    secret.filter(|secret| !secret.is_empty())
}

fn wrong_login(login: &Login) -> Failure {
    let message = format!("The device refused the credential {} (user {}).", login.name, login.username);
    Failure::new(Class::AuthFailed, message)
}
