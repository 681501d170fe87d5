//! The admin's first page: each section with what is in it, and what needs a hand.

use etiqa_model::admin::AdminSection;
use etiqa_model::backup::ConfigState;
use etiqa_model::machine::MachineState;
use etiqa_model::page::Page;

use crate::backup::{config, destinations, promise};
use crate::engine::Engine;
use crate::error::Result;
use crate::fleet::credential_list_for_page;
use crate::schedule::jobs;
use crate::store::job::job_count_dead;
use crate::store::overview::device_counts;
use crate::time::now;
use crate::{access, drivers, jump_hosts, machines, recovery};

/// Every section, in the order of the page.
pub async fn sections(engine: &Engine) -> Result<Vec<AdminSection>> {
    let (mut sections, db) = (Vec::new(), &engine.db);
    let mut add = |name: &str, to: &str, count: String, words: &str, needs: Option<String>| {
        let [name, to, words] = [name, to, words].map(str::to_owned);
        sections.push(AdminSection { name, to, count, words, needs });
    };

    let configs = config::list_uncounted(engine, now()).await?;
    let (devices, reasons) = device_counts(db, &promise::promises(&configs, now())).await?;
    let all = devices.total + devices.disabled;
    let needs = some(reasons.iter().map(|(_, count)| count).sum(), |n| format!("{n} need a hand"));
    add("Devices", "/devices/", plural(all, "device"), "Add, import, change, delete.", needs);

    let failing = configs.iter().filter(|row| row.state == ConfigState::Failing);
    let needs = some(count(failing.count()), |n| format!("{n} failing"));
    let words = "What is backed up, when, and how many are kept.";
    add("Backups", "/backup/", plural(count(configs.len()), "backup"), words, needs);
    add("History", "/backup/", "all runs".to_owned(), "What ran, when, and how it ended.", None);
    let words = "Every version ever taken, newest first.";
    add("Config versions", "/admin/config-versions", "all devices".to_owned(), words, None);

    let users = access::user_list(db).await?.len();
    add(
        "Users",
        "/admin/users",
        plural(count(users), "user"),
        "Who can sign in, and what they may do.",
        None,
    );

    let (tokens, at) = (access::token_list(db).await?, now());
    let expired = tokens.iter().filter(|token| token.expires_at.is_some_and(|until| until <= at));
    let needs = some(count(expired.count()), |n| format!("{n} expired"));
    let words = "For scripts and monitoring.";
    add("API tokens", "/admin/tokens", plural(count(tokens.len()), "token"), words, needs);

    let credentials = credential_list_for_page(engine).await?;
    let rotated = credentials.iter().filter(|credential| credential.rotation.is_some());
    let needs = some(count(rotated.count()), |n| format!("{n} being rotated"));
    let words = "How devices are logged in to.";
    add("Credentials", "/admin/credentials", plural(count(credentials.len()), "credential"), words, needs);

    let hosts = jump_hosts::list(engine).await?;
    let needs =
        some(count(hosts.iter().filter(|host| host.offered.is_some()).count()), |n| plural(n, "changed key"));
    let words = "Servers that pass connections on to devices.";
    add("Jump hosts", "/admin/jump-hosts", plural(count(hosts.len()), "jump host"), words, needs);

    let drivers = drivers::driver_rows(engine).await?;
    let wrong = drivers.iter().filter(|driver| driver.problem.is_some());
    let needs = some(count(wrong.count()), |n| format!("{n} not valid"));
    let words = "Which platforms can be backed up, and how. Try one against a pasted session.";
    add("Drivers", "/admin/drivers", plural(count(drivers.len()), "driver"), words, needs);

    let places = destinations::list(engine).await?;
    let wrong = places.iter().filter(|place| place.problem.is_some());
    let needs = some(count(wrong.count()), |n| format!("{n} with a problem"));
    let words = "Where archives are sent to besides this machine.";
    add("Destinations", "/admin/destinations", plural(count(places.len()), "destination"), words, needs);

    let queued = jobs::find(engine, None, "", Page::first(1)).await?.total;
    let needs = some(job_count_dead(db).await?, |n| format!("{n} given up"));
    let words = "What goes on, what waits, and what was given up.";
    add("Jobs", "/admin/jobs", plural(queued, "job"), words, needs);

    let machines = machines::list(engine).await?;
    let gone = machines.iter().filter(|row| row.state == MachineState::Vanished);
    let needs = some(count(gone.count()), |n| format!("{n} vanished"));
    let words = "Servers and workers, and whether they are alive.";
    add("Machines", "/admin/machines", plural(count(machines.len()), "machine"), words, needs);

    let kit = recovery::kit_state(engine).await?;
    let needs = match kit.taken_at {
        None => Some("never taken"),
        Some(_) if !kit.is_current => Some("too old"),
        Some(_) => None,
    };
    let words = "What brings the secrets of an archive back.";
    let holds = plural(kit.passphrases, "passphrase");
    add("Recovery kit", "/admin/recovery-kit", holds, words, needs.map(str::to_owned));
    let words = "Sessions at once, deadlines, sizes.";
    add("Settings", "/admin/settings", "limits".to_owned(), words, None);
    let words = "What these pages are built of, in its states.";
    add("Components", "/admin/components", "design".to_owned(), words, None);
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
