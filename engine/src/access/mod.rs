//! Who may come in: users, their ways in, sessions, second factors, tokens, the first admin.
//!
//! A person has identities, each of one provider (so far only passwords); a session says by which it began. Roles and scopes
//! belong to the person. Roles are checked at the edges, by whoever knows what is asked for; here is who somebody is, and
//! whether what a request is about is in their scope.

mod about;
mod account;
mod password;
mod second_factor;
mod seen;
mod sessions;
mod setup;
mod sign_in;
mod throttle;
mod token;
mod totp;
mod visitor;

pub use about::About;
pub use account::{
    user_add, user_change, user_change_own_password, user_confirm, user_find, user_list, user_remove,
    user_revision,
};
pub use second_factor::{
    second_factor, second_factor_begin, second_factor_confirm, second_factor_reset, second_factor_stop,
};
pub use seen::{Rules, Seen, keep_seen};
pub use sessions::{end_other_sessions, end_session, identify_session, is_session, session_list, sign_out};
pub use setup::{set_up, setup_code_check, setup_code_renew, setup_is_open};
pub use sign_in::{Entry, SignedIn, TICKET_MINUTES, confirm_sign_in, sign_in};
pub use throttle::Throttle;
pub use token::{
    identify_token, token_change, token_create, token_days, token_find, token_list, token_revoke,
};
pub use visitor::{Visitor, browser_of};

use crate::db::Db;
use crate::hex::{sha256_hex, to_hex};
use crate::vault::Vault;

/// What it takes to let somebody in.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// The database.
    pub db: &'a Db,
    /// Opens the secrets of second factors, and makes cookies that nobody else can.
    pub vault: &'a Vault,
    /// Slows down guessing.
    pub throttle: &'a Throttle,
    /// When sessions and tokens were used, and what an admin set for them.
    pub seen: &'a Seen,
}

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
