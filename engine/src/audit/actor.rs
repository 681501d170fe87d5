//! Who acts. The edges say it once for everything that goes on within a request or a command; use cases need not pass it on.
//!
//! It is kept beside the task instead of in the arguments: a hundred use cases would each have one more that all but one
//! line of them only hands on, and one that forgot it would compile with somebody else's.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use etiqa_model::UserError;
use etiqa_model::user::Identity;

tokio::task_local! {
    static ACTING: Acting;
}

/// How somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A browser's session.
    Session,
    /// An API token.
    Token,
    /// The command line, as a user of the operating system.
    CommandLine,
    /// The program by itself: a schedule, a worker.
    Program,
    /// Nobody who is known, such as who signs in.
    Stranger,
}

impl Means {
    /// The name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::CommandLine => "command line",
            Self::Program => "program",
            Self::Stranger => "stranger",
        }
    }
}

/// Somebody who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// A user's, a token's or an operating system user's name.
    pub name: String,
    /// How they came.
    pub means: Means,
    /// The address that they came from.
    pub address: Option<String>,
}

impl Actor {
    /// Whoever sent a request: none is a stranger.
    pub fn of_request(identity: Option<&Identity>, address: &str) -> Self {
        let (name, means) = match identity {
            Some(Identity { name, user_id: Some(_), .. }) => (name.clone(), Means::Session),
            Some(Identity { name, user_id: None, .. }) => (name.clone(), Means::Token),
            None => (String::new(), Means::Stranger),
        };
        Self { name, means, address: Some(address.to_owned()) }
    }

    /// A user of the operating system, by a command.
    pub fn of_command(user: impl Into<String>) -> Self {
        Self { name: user.into(), means: Means::CommandLine, address: None }
    }

    /// The program by itself.
    pub fn program() -> Self {
        Self { name: "etiqa".into(), means: Means::Program, address: None }
    }
}

/// Somebody who acts, and what became of it: whether it left a row, and why it was refused.
#[derive(Debug, Clone)]
pub struct Acting(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    actor: Actor,
    is_recorded: AtomicBool,
    refusal: Mutex<Option<String>>,
}

impl Acting {
    /// Somebody who is about to act.
    pub fn new(actor: Actor) -> Self {
        Self(Arc::new(Inner { actor, is_recorded: AtomicBool::new(false), refusal: Mutex::default() }))
    }

    /// Who acts in this task; the program itself where no edge said who.
    pub fn here() -> Self {
        ACTING.try_with(Clone::clone).unwrap_or_else(|_| Self::new(Actor::program()))
    }

    /// Who it is.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    /// Notes why what they asked for is not done; the first reason counts.
    pub fn refuse(&self, error: &UserError) {
        let mut refusal = self.0.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.get_or_insert_with(|| error.message.clone());
    }

    /// Why it was not done.
    pub fn refusal(&self) -> Option<String> {
        self.0.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it left a row.
    pub fn is_recorded(&self) -> bool {
        self.0.is_recorded.load(Ordering::Relaxed)
    }

    pub(super) fn note_recorded(&self) {
        self.0.is_recorded.store(true, Ordering::Relaxed);
    }
}

/// Does `work` as what `acting` does. Tasks that it spawns act as the program: who asked for them is in the row that began
/// them.
pub async fn acting<T>(acting: Acting, work: impl Future<Output = T>) -> T {
    ACTING.scope(acting, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_acts_is_known_within_a_request_and_is_the_program_everywhere_else() {
        let ada = Acting::new(Actor { name: "ada".into(), means: Means::Session, address: None });
        let name = acting(ada, async { Acting::here().actor().name.clone() }).await;
        assert_eq!(name, "ada");
        assert_eq!(Acting::here().actor(), &Actor::program());
    }

    #[tokio::test]
    async fn what_was_refused_first_is_the_reason() {
        let acting = Acting::new(Actor::program());
        acting.refuse(&UserError::invalid("first"));
        acting.refuse(&UserError::invalid("second"));
        assert_eq!(acting.refusal().as_deref(), Some("first"));
        assert!(!acting.is_recorded());
    }
}
