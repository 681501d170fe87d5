//! F5 BIG-IP: a user configuration set (UCS), by iControl REST.
//!
//! The calls are those of F5's iControl REST user guide and of its own SDK and Ansible modules: a token login; a task
//! that is created, started and watched; the file in pieces of at most 1 MiB; and the removal of file, task and token.
//! A user may hold 100 tokens only, so each is given back.

use etiqa_model::Secret;
use etiqa_model::class::Class;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::talk::{Patience, Talk};
use super::whole::Form;
use super::{Brought, Flow, Incoming};
use crate::collect::failure::{Failure, Step};
use crate::collect::transport::https::{Ask, Reply, encoded};

const LOGIN: &str = "/mgmt/shared/authn/login";
const TASKS: &str = "/mgmt/tm/task/sys/ucs";
const FILES: &str = "/mgmt/tm/sys/ucs";
/// The header that holds the token.
const TOKEN: &str = "x-f5-auth-token";
const DOWNLOADS: &str = "/mgmt/shared/file-transfer/ucs-downloads";

/// The most that is given at once.
const MOST_AT_ONCE: u64 = 1024 * 1024;
/// No UCS is smaller. The first piece is asked for only to learn the size, and a device refuses one that is longer than
/// the file.
const FIRST_PIECE: u64 = 512;
/// So many looks at a task in a row may fail: saving a UCS restarts services now and then, the web server among them.
const MOST_FAILED_LOOKS: u32 = 40;
/// A file whose task is forgotten is done when its size is the same so many looks in a row, each later than the one
/// before.
const EQUAL_LOOKS: u32 = 4;
/// So many looks, some four seconds, at a task that nobody waits for any more.
const LAST_LOOKS: u32 = 4;

/// See the module.
pub(super) struct F5Ucs {
    name: String,
    /// Those that were given, the one in use last.
    tokens: Vec<Secret>,
    task: Option<u64>,
    is_begun: bool,
    /// The task has ended, one way or the other.
    is_over: bool,
}

/// Where a task stands.
enum Task {
    Working,
    Completed,
    /// Nobody knows it any more; the file may be there all the same.
    Gone,
}

impl F5Ucs {
    pub(super) fn new(instance: &str) -> Self {
        // Always the same name: what an errand left that was cut off with its process is replaced by the next.
        Self {
            name: format!("etiqa-{instance}.ucs"),
            tokens: Vec::new(),
            task: None,
            is_begun: false,
            is_over: false,
        }
    }
}

impl Flow for F5Ucs {
    async fn make(&mut self, talk: &mut Talk<'_>, file: &mut Incoming) -> Step<Brought> {
        talk.doing("logging in to iControl REST");
        self.log_in(talk).await?;
        talk.doing("having the UCS made");
        self.begin(talk).await?;
        talk.doing("waiting for the UCS");
        self.wait(talk).await?;
        talk.doing("downloading the UCS");
        self.download(talk, file).await?;
        let form = if passphrase(talk).is_some() { Form::Encrypted } else { Form::TarGz };
        Ok(Brought { form, extension: "ucs" })
    }

    async fn clean_up(&mut self, talk: &mut Talk<'_>) -> Result<(), String> {
        let mut left = Ok(());
        if self.is_begun {
            let is_over = self.is_over || self.ends_soon(talk).await;
            let name = self.name.clone();
            left = if !is_over {
                Err(format!(
                    "The device goes on making {name}: the next attempt removes it, or `tmsh delete sys ucs {name}`."
                ))
            } else if self.remove(talk).await.is_err() {
                Err(format!(
                    "The device's own copy could not be removed: delete {name} there (`tmsh delete sys ucs {name}`)."
                ))
            } else {
                Ok(())
            };
        }
        if let Some(id) = self.task.take() {
            let path = format!("{TASKS}/{id}");
            // The device forgets finished tasks by itself.
            let _ = self.ask(talk, Ask::new(Method::DELETE, &path)).await;
        }
        for token in std::mem::take(&mut self.tokens) {
            let path = format!("/mgmt/shared/authz/tokens/{}", encoded(token.reveal()));
            let ask = Ask::new(Method::DELETE, &path).said_as("/mgmt/shared/authz/tokens/…");
            // It ends by itself after 20 minutes.
            let _ = talk.ask(ask.header(TOKEN, token.reveal())).await;
        }
        left
    }
}

impl F5Ucs {
    /// Whether the task ends within a few seconds: a file that is still being made cannot be removed.
    async fn ends_soon(&mut self, talk: &mut Talk<'_>) -> bool {
        let mut patience = Patience::new();
        for _ in 0..LAST_LOOKS {
            if !matches!(self.look(talk).await, Ok(Task::Working)) {
                return true;
            }
            patience.wait().await;
        }
        false
    }

    /// Removes the file; one that is not there is removed.
    async fn remove(&mut self, talk: &mut Talk<'_>) -> Step<()> {
        let path = format!("{FILES}/{}", self.name);
        let mut reply = self.ask(talk, Ask::new(Method::DELETE, &path)).await?;
        let said = reply.text().await?;
        if reply.status.is_success() || reply.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(reply.refused(&said))
    }

    async fn log_in(&mut self, talk: &mut Talk<'_>) -> Step<()> {
        let Some(password) = &talk.login.password else {
            let message = format!(
                "iControl REST asks for a password, and the credential {} has none.",
                talk.login.name
            );
            return Err(Failure::new(Class::AuthFailed, message));
        };
        let body = json!({
            "username": talk.login.username,
            "password": password.reveal(),
            "loginProviderName": "tmos",
        });
        let mut reply = talk.ask(Ask::new(Method::POST, LOGIN).json(&body)).await?.good().await?;
        let answer = reply.json().await?;
        let token = answer["token"]["token"].as_str().ok_or_else(|| unexpected("the login"))?;
        let token = Secret::new(token);
        talk.evidence.hush.add(&token);
        self.tokens.push(token);
        Ok(())
    }

    /// Creates the task and starts it: without the second call it waits for ever.
    async fn begin(&mut self, talk: &mut Talk<'_>) -> Step<()> {
        let mut body = json!({ "command": "save", "name": self.name });
        if let Some(passphrase) = passphrase(talk) {
            body["options"] = json!([{ "passphrase": passphrase.reveal() }]);
        }
        // An old one in its place would be taken for the new one.
        if let Err(failure) = self.remove(talk).await
            && (failure.class != Class::HttpStatus || self.size(talk).await.is_ok())
        {
            return Err(failure);
        }
        self.is_begun = true;
        let reply = self.ask(talk, Ask::new(Method::POST, TASKS).json(&body)).await?;
        if reply.status.is_client_error() {
            self.is_begun = false;
        }
        let mut reply = reply.good().await?;
        let answer = reply.json().await?;
        let id = answer["_taskId"].as_u64().ok_or_else(|| unexpected("the task"))?;
        self.task = Some(id);
        let path = format!("{TASKS}/{id}");
        let start = Ask::new(Method::PUT, &path).json(&json!({ "_taskState": "VALIDATING" }));
        self.ask(talk, start).await?.good().await?.text().await?;
        Ok(())
    }

    async fn wait(&mut self, talk: &mut Talk<'_>) -> Step<()> {
        let mut patience = Patience::new();
        let (mut failed, mut equal_looks, mut size_before) = (0, 0, None);
        loop {
            patience.wait().await;
            let passing = match self.look(talk).await {
                Ok(Task::Completed) => {
                    self.is_over = true;
                    return Ok(());
                }
                Ok(Task::Working) => {
                    failed = 0;
                    continue;
                }
                Ok(Task::Gone) => {
                    // Complete is what does not grow any more; whether it is whole, its bytes will say.
                    let size = self.size(talk).await.ok();
                    equal_looks = if size.is_some() && size == size_before { equal_looks + 1 } else { 0 };
                    if equal_looks >= EQUAL_LOOKS {
                        self.is_over = true;
                        return Ok(());
                    }
                    size_before = size;
                    let message = "The device has forgotten its task, and there is no UCS; look at its log.";
                    Failure::new(Class::Incomplete, message)
                }
                Err(failure) if is_passing(failure.class) => failure,
                Err(failure) => return Err(failure),
            };
            failed += 1;
            if failed > MOST_FAILED_LOOKS {
                return Err(passing);
            }
        }
    }

    async fn look(&mut self, talk: &mut Talk<'_>) -> Step<Task> {
        let Some(id) = self.task else { return Ok(Task::Gone) };
        let path = format!("{TASKS}/{id}");
        let mut reply = self.ask(talk, Ask::get(&path)).await?;
        if reply.status == StatusCode::NOT_FOUND {
            reply.text().await?;
            return Ok(Task::Gone);
        }
        if reply.status.is_server_error() {
            // The web server is there again, what is behind it not yet.
            return Err(Failure::new(Class::Disconnected, format!("The device answered {}.", reply.status)));
        }
        let answer: Value = reply.good().await?.json().await?;
        match answer["_taskState"].as_str().unwrap_or_default() {
            "COMPLETED" => Ok(Task::Completed),
            "FAILED" | "INTERRUPTED" => {
                self.is_over = true;
                let message =
                    "The device could not make the UCS: its task failed. Its log (/var/log/ltm) says why.";
                Err(Failure::new(Class::Incomplete, message))
            }
            _ => Ok(Task::Working),
        }
    }

    async fn download(&mut self, talk: &mut Talk<'_>, file: &mut Incoming) -> Step<()> {
        let total = self.size(talk).await?;
        while file.size() < total {
            let start = file.size();
            let end = (start + MOST_AT_ONCE).min(total) - 1;
            let reply = self.piece(talk, start, end, total).await?;
            let given = range_of(&reply)?;
            if given != (start, end, total) {
                let (start, end, total) = given;
                let message =
                    format!("The UCS changed while it was downloaded: bytes {start}-{end}/{total} came.");
                return Err(Failure::new(Class::Incomplete, message));
            }
            talk.save(reply, file).await?;
            if file.size() != end + 1 {
                let message = format!("A piece of the UCS came short: {} bytes of {total}.", file.size());
                return Err(Failure::new(Class::Incomplete, message));
            }
        }
        Ok(())
    }

    async fn size(&mut self, talk: &mut Talk<'_>) -> Step<u64> {
        let mut reply = self.piece(talk, 0, FIRST_PIECE - 1, FIRST_PIECE).await?;
        let (_, _, total) = range_of(&reply)?;
        reply.text().await?;
        Ok(total)
    }

    async fn piece(&mut self, talk: &mut Talk<'_>, start: u64, end: u64, total: u64) -> Step<Reply> {
        let path = format!("{DOWNLOADS}/{}", self.name);
        let range = format!("{start}-{end}/{total}");
        let ask = Ask::get(&path)
            .header("content-range", &range)
            .header("content-type", "application/octet-stream");
        self.ask(talk, ask).await?.good().await
    }

    /// Asks with the token; one that has ended (after 20 minutes, or with its service) is replaced once.
    async fn ask(&mut self, talk: &mut Talk<'_>, ask: Ask<'_>) -> Step<Reply> {
        let again = ask.clone();
        let reply = self.ask_once(talk, ask).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        // Its connection may close with it.
        talk.start_anew();
        self.log_in(talk).await?;
        self.ask_once(talk, again).await
    }

    async fn ask_once(&mut self, talk: &mut Talk<'_>, ask: Ask<'_>) -> Step<Reply> {
        let token = self.tokens.last().map_or("", Secret::reveal);
        talk.ask(ask.header(TOKEN, token)).await
    }
}

fn passphrase(talk: &Talk<'_>) -> Option<Secret> {
    talk.login.backup_passphrase.clone()
}

/// `start-end/total`, as F5 writes it, without the unit of RFC 9110.
fn range_of(reply: &Reply) -> Step<(u64, u64, u64)> {
    let text = reply.headers.get("content-range").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parse = |text: &str| {
        let (range, total) = text.trim_start_matches("bytes ").split_once('/')?;
        let (start, end) = range.split_once('-')?;
        Some((start.parse().ok()?, end.parse().ok()?, total.parse().ok()?))
    };
    parse(text).ok_or_else(|| unexpected("the download"))
}

fn is_passing(class: Class) -> bool {
    matches!(class, Class::Unreachable | Class::ConnectTimeout | Class::Timeout | Class::Disconnected)
}

fn unexpected(what: &str) -> Failure {
    Failure::new(Class::HttpStatus, format!("The answer to {what} is not what iControl REST gives."))
}
