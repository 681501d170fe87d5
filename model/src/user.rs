//! People who sign in, programs that hold a token, and what they may do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::{by_name, short_text};
use crate::scope::Scope;
use crate::{Secret, Timestamp, TokenId, UserId};

/// What somebody may do; each role includes the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks, at redacted texts only.
    Viewer,
    /// Also runs backups and edits devices and backup configs.
    Operator,
    /// Also handles users, tokens, credentials and settings.
    Admin,
}

impl Role {
    /// Every role, least first.
    pub const ALL: &[Self] = &[Self::Viewer, Self::Operator, Self::Admin];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("role", name, Self::ALL, Self::as_str)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What somebody may do, and with which devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    role: Role,
    scope: Scope,
}

impl Reach {
    /// Somebody of this role with a scope. An admin has none: what admins do concerns all devices.
    pub fn new(role: Role, scope: Scope) -> Result<Self, String> {
        if role == Role::Admin && !scope.is_everything() {
            return Err(
                "An admin sees all devices: leave the scope empty, or choose another role.".to_owned()
            );
        }
        Ok(Self { role, scope })
    }

    /// What they may do.
    pub fn role(&self) -> Role {
        self.role
    }

    /// With which devices.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether there is no device that they do not see.
    pub fn is_whole(&self) -> bool {
        self.scope.is_everything()
    }
}

impl From<Role> for Reach {
    /// Somebody of this role who sees all devices.
    fn from(role: Role) -> Self {
        Self { role, scope: Scope::default() }
    }
}

/// A person who can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Row id.
    pub id: UserId,
    /// Unique, any case.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// With which devices.
    #[serde(default)]
    pub scope: Scope,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// Since when they are asked for a code as well; none: the password is enough.
    #[serde(default)]
    pub second_factor_since: Option<Timestamp>,
}

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Row id.
    pub id: TokenId,
    /// Unique.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// With which devices.
    #[serde(default)]
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; none: never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A token with its secret: shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshToken {
    /// Its row.
    pub token: ApiToken,
    /// What goes behind `Authorization: Bearer`.
    pub secret: Secret,
}

/// Who asks, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user's or the token's name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// With which devices.
    #[serde(default)]
    pub scope: Scope,
    /// The user; none for a token.
    pub user_id: Option<UserId>,
    /// The token; none for a user. It stays on the server.
    #[serde(skip)]
    pub token_id: Option<TokenId>,
    /// Whether they must set up a second factor before anything else.
    #[serde(default)]
    pub needs_second_factor: bool,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserSession {
    /// Names it among those of its user.
    pub name: String,
    /// What kind of browser, such as `Firefox on Linux`.
    pub browser: String,
    /// Where it signed in from.
    pub address: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was last used, to a minute or two.
    pub last_seen_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// One's second factor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// Since when codes are asked for; none: they are not.
    pub since: Option<Timestamp>,
    /// Recovery codes that were not used yet.
    pub codes_left: u32,
    /// Whether one's role must have one.
    pub is_required: bool,
    /// What was begun and waits for a first code.
    pub pending: Option<PendingFactor>,
}

/// A second factor that is being set up: shown until it is confirmed, and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingFactor {
    /// For an app that is typed into, in groups of four (base32).
    pub secret: Secret,
    /// The same as a QR code: a `data:` URL of an SVG.
    pub qr_code: Secret,
    /// Each signs in once in place of a code.
    pub recovery_codes: Vec<Secret>,
}

impl Identity {
    /// What they may do, and with which devices: as it was stored, whatever that is.
    pub fn reach(&self) -> Reach {
        Reach { role: self.role, scope: self.scope.clone() }
    }

    /// By what is theirs which they alone see: a token may have the name of a user, and names change.
    pub fn owner(&self) -> String {
        match (self.user_id, self.token_id) {
            (Some(id), _) => format!("user {id}"),
            (None, Some(id)) => format!("token {id}"),
            (None, None) => String::new(),
        }
    }
}

/// The shortest password that is accepted (NIST SP 800-63B asks for 8 at least).
pub const SHORTEST_PASSWORD: usize = 10;

/// A user's name: 1 to 60 characters, none of them white space or control.
pub fn check_user_name(name: &str) -> Result<String, String> {
    let name = short_text("The user name", name, 60)?;
    if name.chars().any(char::is_whitespace) {
        return Err("The user name has a space in it.".into());
    }
    Ok(name)
}

/// A password: long enough, not endless.
pub fn check_password(password: &Secret) -> Result<(), String> {
    if password.reveal().chars().count() < SHORTEST_PASSWORD {
        return Err(format!("The password needs at least {SHORTEST_PASSWORD} characters."));
    }
    if is_endless(password) {
        return Err("The password is longer than 1,000 characters.".into());
    }
    Ok(())
}

/// Whether a password is longer than any that is accepted.
pub fn is_endless(password: &Secret) -> bool {
    password.reveal().chars().count() > 1_000
}

/// Where an instance stands that nobody can sign in to yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupState {
    /// Whether the first admin can still be made.
    pub is_open: bool,
    /// Why the last restore into it came to nothing.
    pub restore_problem: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_has_no_scope() {
        let scope = Scope::parse("site:vienna").unwrap();
        assert!(Reach::new(Role::Admin, Scope::default()).unwrap().is_whole());
        assert!(Reach::new(Role::Admin, scope.clone()).is_err());
        let reach = Reach::new(Role::Operator, scope).unwrap();
        assert_eq!((reach.role(), reach.is_whole()), (Role::Operator, false));
    }
}
