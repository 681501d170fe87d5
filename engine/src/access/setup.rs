//! The first admin: created with a one-time code that only the console shows.

use std::sync::{Mutex, PoisonError};

use etiqa_model::user::{Role, check_password, check_user_name};
use etiqa_model::{ErrorKind, FieldError, Secret, UserError};

use super::sign_in::begin_session;
use super::{SignedIn, Throttle, account, password};
use crate::db::Db;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::user::{user_count, user_count_in_txn, user_insert_in_txn};
use crate::time::now;

/// Letters and digits that nobody mistakes for each other.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// 31^12, about 59 bits, in three groups.
const GROUPS: usize = 3;
const GROUP_LETTERS: usize = 4;

/// The code of this start of the program; a new one each time.
#[derive(Debug)]
pub struct SetupCode {
    code: Mutex<Secret>,
}

impl Default for SetupCode {
    fn default() -> Self {
        let letter = || char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]);
        let group = || (0..GROUP_LETTERS).map(|_| letter()).collect::<String>();
        let code = (0..GROUPS).map(|_| group()).collect::<Vec<_>>().join("-");
        Self { code: Mutex::new(Secret::new(code)) }
    }
}

impl SetupCode {
    /// Whether nobody can sign in yet.
    pub async fn is_open(db: &Db) -> Result<bool> {
        Ok(user_count(db).await? == 0)
    }

    /// The code, for the console.
    pub fn show(&self) -> Secret {
        self.code.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses another code than this one.
    pub fn check(&self, throttle: &Throttle, code: &Secret, address: &str) -> Result<()> {
        // No user has this name: it has a space in it.
        let attempt = throttle.begin("the setup code", address, now())?;
        let given = code.reveal().trim().to_lowercase();
        if !equal_in_constant_time(given.as_bytes(), self.show().reveal().as_bytes()) {
            let message = "This is not the code that the program printed when it started.".to_owned();
            return Err(UserError::in_fields(vec![FieldError { field: "code".into(), message }]).into());
        }
        attempt.succeeded();
        Ok(())
    }

    /// Creates the first admin and begins their session. Refused once anybody exists, and while an archive is restored
    /// into this instance: what is done in it then would be gone.
    pub async fn redeem(
        &self,
        engine: &Engine,
        code: &Secret,
        name: &str,
        password: &Secret,
        address: &str,
    ) -> Result<SignedIn> {
        let at = now();
        let wrong = |field: &str, message: String| {
            UserError::in_fields(vec![FieldError { field: field.to_owned(), message }])
        };
        self.check(&engine.throttle, code, address)?;
        let name = check_user_name(name).map_err(|message| wrong("name", message))?;
        check_password(password).map_err(|message| wrong("password", message))?;
        let _turn = engine.takeover.begin(&engine.dir)?;
        let hash = password::hash(password).await?;
        let mut tx = engine.db.write().await?;
        if user_count_in_txn(&mut tx).await? > 0 {
            return Err(
                UserError::new(ErrorKind::Conflict, "There is an admin already; sign in instead.").into()
            );
        }
        let id = user_insert_in_txn(&mut tx, &name, &Role::Admin.into(), &hash, at)
            .await
            .map_err(|error| account::taken(error, &name))?;
        tx.commit().await?;
        begin_session(&engine.db, id, at).await
    }
}

/// Takes as long whichever byte differs.
fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
