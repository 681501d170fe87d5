//! The admin's first page: each section with what is in it, and what needs a hand.

use etiqa_model::admin::AdminSection;
use etiqa_model::backup::ConfigState;
use etiqa_model::machine::MachineState;
use etiqa_model::user::Role;

use crate::backup::{config, promise};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::admin::section_counts;
use crate::store::overview::device_counts;
use crate::time::now;
use crate::{drivers, machines, recovery};

/// Every section that `reader` may go to, in the order of the page. What is only counted is counted by the database.
pub async fn sections(engine: &Engine, reader: Role) -> Result<Vec<AdminSection>> {
    let (mut sections, at) = (Vec::new(), now());
    let mut add = |role: Role, name: &str, to: &str, count: String, words: &str, needs: Option<String>| {
        if role <= reader {
            let [name, to, words] = [name, to, words].map(str::to_owned);
            sections.push(AdminSection { name, to, count, words, needs });
        }
    };

    let configs = config::list_uncounted(engine, at).await?;
    let (devices, reasons) = device_counts(&engine.db, &promise::promises(&configs, at)).await?;
    let all = devices.total + devices.disabled;
    let needs = some(reasons.iter().map(|(_, count)| count).sum(), |n| format!("{n} need a hand"));
    add(Role::Operator, "Devices", "/devices/", plural(all, "device"), "Add, import, change, delete.", needs);

    let failing = configs.iter().filter(|row| row.state == ConfigState::Failing);
    let needs = some(count(failing.count()), |n| format!("{n} failing"));
    let words = "What is backed up, when, and how many are kept.";
    add(Role::Operator, "Backups", "/backup/", plural(count(configs.len()), "backup"), words, needs);
    let words = "What ran, when, and how it ended.";
    add(Role::Operator, "History", "/backup/", "all runs".to_owned(), words, None);
    let words = "Every version ever taken, newest first.";
    add(Role::Admin, "Config versions", "/admin/config-versions", "all devices".to_owned(), words, None);

    let counts = section_counts(&engine.db, at).await?;
    let words = "Who can sign in, and what they may do.";
    add(Role::Admin, "Users", "/admin/users", plural(counts.users, "user"), words, None);

    let needs = some(counts.tokens_expired, |n| format!("{n} expired"));
    let words = "For scripts and monitoring.";
    add(Role::Admin, "API tokens", "/admin/tokens", plural(counts.tokens, "token"), words, needs);

    let needs = some(counts.credentials_rotated, |n| format!("{n} being rotated"));
    let words = "How devices are logged in to.";
    add(
        Role::Admin,
        "Credentials",
        "/admin/credentials",
        plural(counts.credentials, "credential"),
        words,
        needs,
    );

    let needs = some(counts.jump_hosts_changed, |n| plural(n, "changed key"));
    let words = "Servers that pass connections on to devices.";
    add(
        Role::Operator,
        "Jump hosts",
        "/admin/jump-hosts",
        plural(counts.jump_hosts, "jump host"),
        words,
        needs,
    );

    let (drivers, wrong) = drivers::driver_counts(engine).await?;
    let needs = some(wrong, |n| format!("{n} not valid"));
    let words = "Which platforms can be backed up, and how. Try one against a pasted session.";
    add(Role::Viewer, "Drivers", "/admin/drivers", plural(drivers, "driver"), words, needs);

    let needs = some(counts.destinations_with_problem, |n| format!("{n} with a problem"));
    let words = "Where archives are sent to besides this machine.";
    add(
        Role::Operator,
        "Destinations",
        "/admin/destinations",
        plural(counts.destinations, "destination"),
        words,
        needs,
    );

    let needs = some(counts.jobs_dead, |n| format!("{n} given up"));
    let words = "What goes on, what waits, and what was given up.";
    add(Role::Operator, "Jobs", "/admin/jobs", plural(counts.jobs, "job"), words, needs);

    let machines = machines::known(engine).await?;
    let gone = machines.iter().filter(|(_, state)| *state == MachineState::Vanished);
    let needs = some(count(gone.count()), |n| format!("{n} vanished"));
    let words = "Servers and workers, and whether they are alive.";
    add(
        Role::Operator,
        "Machines",
        "/admin/machines",
        plural(count(machines.len()), "machine"),
        words,
        needs,
    );

    let kit = recovery::kit_state(engine).await?;
    let needs = match kit.taken_at {
        None => Some("never taken"),
        Some(_) if !kit.is_current => Some("too old"),
        Some(_) => None,
    };
    let words = "What brings the secrets of an archive back.";
    let holds = plural(kit.passphrases, "passphrase");
    add(Role::Admin, "Recovery kit", "/admin/recovery-kit", holds, words, needs.map(str::to_owned));
    let words = "Sessions at once, deadlines, sizes.";
    add(Role::Admin, "Settings", "/admin/settings", "limits".to_owned(), words, None);
    let words = "What these pages are built of, in its states.";
    add(Role::Admin, "Components", "/admin/components", "design".to_owned(), words, None);
    Ok(sections)
}

/// What needs a hand, where there is any of it.
fn some(number: u64, words: impl FnOnce(u64) -> String) -> Option<String> {
    (number > 0).then(|| words(number))
}

fn plural(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn count(number: usize) -> u64 {
    number as u64
}
