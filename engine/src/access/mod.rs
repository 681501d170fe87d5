//! Who may come in: users, passwords, sessions, tokens, the first admin.
//!
//! Roles are checked at the edges, by whoever knows what is asked for; here is who somebody is, and whether what a request is
//! about is in their scope.

mod about;
mod account;
mod password;
mod setup;
mod sign_in;
mod throttle;
mod token;

pub use about::About;
pub use account::{
    user_add, user_change, user_change_own_password, user_confirm, user_find, user_list, user_remove,
};
pub use setup::SetupCode;
pub use sign_in::{SESSION_DAYS, SignedIn, identify_session, sign_in, sign_out};
pub use throttle::Throttle;
pub use token::{
    identify_token, token_change, token_create, token_days, token_find, token_list, token_revoke,
};

use crate::hex::{sha256_hex, to_hex};

/// 256 random bits as a text, in hex: a session's or a token's secret, or any name that nobody is to guess.
pub fn random_secret() -> String {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes);
    to_hex(&bytes)
}

/// What is stored of such a secret. A plain hash is enough: nobody guesses 256 bits.
fn stored_form(secret: &str) -> String {
    sha256_hex(secret.as_bytes())
}
