//! States, each by shape, word and colour together.

use etiqa_model::backup::{BackupConfigRow, ConfigState};
use etiqa_model::class::Class;
use etiqa_model::config::VersionState;
use etiqa_model::destination::{ArchiveCopy, CopyState};
use etiqa_model::device::{Device, DeviceStatus};
use etiqa_model::run::{Run, RunStatus, Trigger};
use leptos::prelude::*;

/// What a state means to the reader; the style sheet gives each its shape and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A tick: all is well.
    Ok,
    /// A green disc: on.
    On,
    /// A triangle: look at it.
    Warn,
    /// A cross: it failed.
    Bad,
    /// A red ring: switched off.
    Disabled,
    /// A part of a circle: it is going on.
    Run,
    /// A dash: nothing to say yet.
    Off,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Ok => "chip good tick",
            Self::On => "chip good",
            Self::Warn => "chip warn",
            Self::Bad => "chip bad",
            Self::Disabled => "chip disabled",
            Self::Run => "chip run",
            Self::Off => "chip off",
        }
    }
}

/// A state in a word or two.
pub(crate) fn chip(tone: Tone, text: impl Into<String>) -> AnyView {
    view! { <span class=tone.class()>{text.into()}</span> }.into_any()
}

/// Where a backup config stands; two chips where its last run left devices out.
pub(crate) fn config_state(row: &BackupConfigRow) -> AnyView {
    let tone = match row.state {
        ConfigState::Disabled => Tone::Disabled,
        ConfigState::Running => Tone::Run,
        ConfigState::Due => Tone::Warn,
        ConfigState::Failing => Tone::Bad,
        ConfigState::NeverRun => Tone::Off,
        ConfigState::Ok => Tone::Ok,
    };
    let failed = row.last_run.as_ref().map_or(0, |run| run.devices_failed);
    let is_partial = row.state == ConfigState::Ok && failed > 0;
    view! {
        <span class="chips">
            {chip(tone, row.state.label())}
            {is_partial.then(|| chip(Tone::Warn, format!("{failed} failed")))}
        </span>
    }
    .into_any()
}

/// Whether something is enabled.
pub(crate) fn enabled(is_enabled: bool) -> AnyView {
    if is_enabled { chip(Tone::On, "Enabled") } else { chip(Tone::Disabled, "Disabled") }
}

/// Where a copy of an archive stands.
pub(crate) fn copy_state(copy: &ArchiveCopy) -> AnyView {
    match copy.state {
        CopyState::Waiting if copy.problem.is_some() => chip(Tone::Bad, "Not sent"),
        CopyState::Waiting => chip(Tone::Run, "To be sent"),
        CopyState::Sent => chip(Tone::Ok, "There"),
        CopyState::Leaving if copy.problem.is_some() => chip(Tone::Warn, "Not deleted"),
        CopyState::Leaving => chip(Tone::Run, "To be deleted"),
        CopyState::Gone if copy.problem.is_some() => chip(Tone::Off, "Left there"),
        CopyState::Gone => chip(Tone::Off, "Deleted"),
    }
}

/// Where a run stands.
pub(crate) fn run_status(run: &Run) -> AnyView {
    match run.status {
        _ if run.damaged => chip(Tone::Bad, "Archive damaged"),
        RunStatus::Pending => chip(Tone::Run, "Waiting"),
        RunStatus::Running if run.cancelling => chip(Tone::Warn, "Stopping"),
        RunStatus::Running => chip(Tone::Run, run.phase.label()),
        RunStatus::Completed if run.trigger == Trigger::Import => chip(Tone::Off, "Imported, not verified"),
        RunStatus::Completed if run.devices_failed > 0 => {
            chip(Tone::Warn, format!("Completed, {} failed", run.devices_failed))
        }
        RunStatus::Completed => chip(Tone::Ok, "Completed"),
        RunStatus::Failed => chip(Tone::Bad, "Failed"),
        RunStatus::Cancelled => chip(Tone::Off, "Cancelled"),
    }
}

/// How a collection ended.
pub(crate) fn class(class: Class) -> AnyView {
    let tone = match class {
        Class::Ok | Class::Unchanged => Tone::Ok,
        Class::Suspect | Class::HostKeyChanged => Tone::Warn,
        Class::Cancelled => Tone::Off,
        _ => Tone::Bad,
    };
    chip(tone, class.label())
}

/// Whether a device answers.
pub(crate) fn device_status(status: DeviceStatus) -> AnyView {
    match status {
        DeviceStatus::Online => chip(Tone::On, "Online"),
        DeviceStatus::Offline => chip(Tone::Bad, "Offline"),
        DeviceStatus::Unknown => chip(Tone::Off, "Unknown"),
    }
}

/// How a device's backup stands, in one chip. A good one that is older than its schedule promises is no green one.
pub(crate) fn device_backup(device: &Device) -> AnyView {
    match &device.last_result {
        _ if !device.enabled => chip(Tone::Disabled, "Disabled"),
        None => chip(Tone::Off, "Never backed up"),
        Some(result) if result.class.is_good() => match device.lapse {
            Some(reason) => chip(Tone::Warn, reason.label()),
            None => chip(Tone::Ok, "Backed up"),
        },
        Some(result) => class(result.class),
    }
}

/// What a version is to its part; nothing for an older one.
pub(crate) fn version_state(state: VersionState) -> AnyView {
    match state {
        VersionState::Active => chip(Tone::On, "Active"),
        VersionState::Inactive => ().into_any(),
        VersionState::Suspect => chip(Tone::Warn, "Suspect"),
        VersionState::Rejected => chip(Tone::Off, "Rejected"),
    }
}
