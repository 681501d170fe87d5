//! Who runs a command, for the audit log, and what the log is told of it by itself: what was refused, and who read what.
//! What a command changes, the use case tells.

use std::process::ExitCode;
use std::sync::OnceLock;

use etiqa_engine::audit::{Act, Acting, Action, Actor, action, record};
use etiqa_engine::{Engine, Error, Result};

use super::{
    Command, artifact, backup_config, certificate, credential, destination, device, host_key,
    inventory_source, jump_host, key, media, notify, rule, token, user,
};

/// Who started this process: it may have become another user since.
static CALLER: OnceLock<String> = OnceLock::new();

/// Notes who started this process, before it becomes another user.
pub(super) fn note() {
    CALLER.get_or_init(caller);
}

/// The user of the operating system.
pub(super) fn is_there() -> Acting {
    Acting::new(Actor::of_command(CALLER.get_or_init(caller).clone()))
}

fn caller() -> String {
    let id = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name_of(&users, id).unwrap_or_else(|| format!("uid {id}"));
    // Who became root by it says who they are; that can be made up, and so it only stands beside.
    match std::env::var("SUDO_USER") {
        Ok(before) if id == 0 && !before.is_empty() => format!("{name} (sudo by {before})"),
        _ => name,
    }
}

/// The name of this user in passwd(5).
fn name_of(users: &str, id: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(id)).then(|| name.to_owned())
    })
}

/// What a command does, and whether it is told when it is done: where it changes something, that is told already.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    /// Only that it was refused.
    Refused(Action),
    /// Somebody read texts with their secrets, or took files.
    Done(Action),
}

/// What is told of a command; none of one that only lists.
pub(super) fn act_of(command: &Command) -> Option<Told> {
    use Told::{Done, Refused};
    let only_lists = matches!(
        command,
        Command::JumpHost(jump_host::JumpHost::List { .. })
            | Command::Destination(destination::Destination::List { .. })
            | Command::BackupConfig(backup_config::BackupConfig::List { .. })
            | Command::InventorySource(
                inventory_source::InventorySource::List { .. }
                    | inventory_source::InventorySource::Preview { .. }
            )
            | Command::Notify(
                notify::Notify::Deliveries { .. }
                    | notify::Notify::Channel(notify::Channel::List { .. })
                    | notify::Notify::Rule(
                        notify::Rule::List { .. }
                            | notify::Rule::Preview { .. }
                            | notify::Rule::Events { .. }
                    )
            )
            | Command::User(user::User::List { .. })
            | Command::Token(token::Token::List { .. })
            | Command::Rule(rule::Rule::List { .. } | rule::Rule::Check { .. })
    );
    if only_lists {
        return None;
    }
    Some(match command {
        Command::RunBackups(_) => Refused(action::RUN_START),
        Command::ImportDevices(_) | Command::ImportOxidized(_) | Command::ImportRancid(_) => {
            Refused(action::DEVICE_IMPORT)
        }
        Command::ImportDjango(_) => Refused(action::INSTANCE_IMPORT),
        Command::InventorySource(inventory_source::InventorySource::Sync { .. }) => {
            Refused(action::SOURCE_SYNC)
        }
        Command::InventorySource(_) => Refused(action::SOURCE_CHANGE),
        Command::Collect(_) => Refused(action::DEVICE_COLLECT),
        Command::Verify(_) => Done(action::RUN_VERIFY),
        Command::Search(_) | Command::Device(device::Device::Show { .. } | device::Device::Diff { .. }) => {
            Done(action::TEXT_REVEAL)
        }
        Command::Device(device::Device::Export(_)) => Done(action::TEXT_DOWNLOAD),
        Command::Device(device::Device::Test { .. }) => Done(action::CREDENTIAL_TEST),
        Command::Device(device::Device::Add { .. }) => Refused(action::DEVICE_ADD),
        Command::Device(device::Device::Remove { .. }) => Refused(action::DEVICE_REMOVE),
        Command::Device(device::Device::Edit { .. }) => Refused(action::DEVICE_CHANGE),
        Command::Device(device::Device::Accept(_)) => Refused(action::TEXT_ACCEPT),
        Command::Device(device::Device::Reject(_)) => Refused(action::TEXT_REJECT),
        Command::Device(device::Device::Activate(_)) => Refused(action::TEXT_ACTIVATE),
        Command::Device(device::Device::Label { .. }) => Refused(action::TEXT_DESCRIBE),
        Command::Artifact(artifact::Artifact::Fetch { .. }) => Refused(action::ARTIFACT_FETCH),
        Command::Artifact(artifact::Artifact::Save { .. }) => Done(action::ARTIFACT_DOWNLOAD),
        Command::Media(media::Media::Add { .. }) => Refused(action::MEDIA_ATTACH),
        Command::Media(media::Media::Save { .. }) => Done(action::MEDIA_DOWNLOAD),
        Command::Media(media::Media::Remove { .. }) => Refused(action::MEDIA_REMOVE),
        Command::Credential(credential::Credential::Add { .. }) => Refused(action::CREDENTIAL_ADD),
        Command::Credential(credential::Credential::Rotate { .. }) => Refused(action::CREDENTIAL_ROTATE),
        Command::Credential(credential::Credential::Remove { .. }) => Refused(action::CREDENTIAL_REMOVE),
        Command::JumpHost(_) => Refused(action::JUMP_HOST_CHANGE),
        Command::Destination(_) => Refused(action::DESTINATION_CHANGE),
        Command::Notify(notify::Notify::Channel(_)) => Refused(action::CHANNEL_CHANGE),
        Command::Notify(notify::Notify::Rule(_)) => Refused(action::NOTIFY_RULE_CHANGE),
        Command::Notify(notify::Notify::Retry { .. }) => Refused(action::DELIVERY_RETRY),
        Command::BackupConfig(_) => Refused(action::BACKUP_CHANGE),
        Command::Rule(rule::Rule::Report { .. }) => Done(action::RULE_REPORT),
        Command::Rule(_) => Refused(action::RULE_CHANGE),
        Command::RecoveryKit => Refused(action::RECOVERY_KIT),
        Command::Key(key::Key::Rotate { .. }) => Refused(action::KEY_ROTATE),
        Command::HostKey(host_key::HostKey::Accept { .. }) => Refused(action::DEVICE_HOST_KEY),
        Command::Certificate(certificate::Certificate::Accept { .. }) => Refused(action::DEVICE_CERTIFICATE),
        Command::Certificate(certificate::Certificate::Forget { .. }) => {
            Refused(action::DEVICE_FORGET_CERTIFICATE)
        }
        Command::SetupCode(_) => Refused(action::SETUP_CODE),
        Command::User(user::User::ResetTotp { .. }) => Refused(action::FACTOR_RESET),
        Command::User(_) => Refused(action::USER_CHANGE),
        Command::Token(_) => Refused(action::TOKEN_CHANGE),
        Command::Audit(super::audit::Audit::Sign { .. }) => Refused(action::AUDIT_SIGN),
        Command::Audit(super::audit::Audit::Export { .. }) => Done(action::AUDIT_EXPORT),
        _ => return None,
    })
}

/// Tells the audit log what nobody told it yet.
pub(super) async fn tell(engine: &Engine, who: Acting, told: Option<Told>, ended: &Result<ExitCode>) {
    let Some(told) = told.filter(|_| !who.is_recorded()) else { return };
    let act = match (told, ended) {
        (Told::Refused(action) | Told::Done(action), Err(error)) => Act::by(who, action).refused(why(error)),
        (Told::Done(action), Ok(_)) => Act::by(who, action).saying(arguments()),
        (Told::Refused(_), Ok(_)) => return,
    };
    if let Err(error) = record(&engine.db, act).await {
        tracing::error!(%error, "what was done could not be noted in the audit log");
    }
}

/// As a person is told it; what is not their doing is in the log, and holds no path or statement here.
fn why(error: &Error) -> String {
    match error {
        Error::User(error) => error.message.clone(),
        _ => "It failed; the log says why.".to_owned(),
    }
}

/// What the command was told, but the URL of a database, which may hold a password, and what is searched for, which may be
/// one. Other secrets come from files and
/// standard input.
fn arguments() -> String {
    let mut shown = vec!["etiqa".to_owned()];
    let mut is_url = false;
    for argument in std::env::args_os().skip(1) {
        let argument = argument.to_string_lossy().into_owned();
        let is_secret = is_url || argument.contains("://");
        is_url = argument.starts_with("--database");
        let is_search = argument == "search";
        shown.push(if is_secret { "…".to_owned() } else { argument });
        if is_search {
            shown.push("…".to_owned());
            break;
        }
    }
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_user_has_the_name_that_the_system_gives_them() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(name_of(users, 1000).as_deref(), Some("ada"));
        assert_eq!(name_of(users, 0).as_deref(), Some("root"));
        assert_eq!(name_of(users, 1), None);
    }
}
