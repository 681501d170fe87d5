//! What a device's faults make of its recording.

use etiqa_model::recording::Recording;

use crate::faults::{Faults, Trick};

/// Stands in a recording where the answer has no end; no device's text has this character.
pub(super) const ENDLESS: char = '\u{f8ff}';

/// The recording as a device with `faults` plays it.
pub(super) fn tricked(recording: &Recording, faults: &Faults) -> Recording {
    let mut recording = recording.clone();
    if faults.wrong_password {
        recording.refuse_login();
    }
    if faults.wrong_enable {
        recording.refuse_enable();
    }
    if faults.reject_commands {
        // Questions and logouts have answers too, but show nothing.
        recording.forget(|_, answer| answer.contains('\n'));
    }
    if faults.always_pages {
        always_page(&mut recording);
    }
    if let Some((command, trick)) = &faults.trick {
        match trick {
            Trick::Refuse => recording.forget(|known, _| known == command.trim()),
            Trick::WrongPrompt => recording.rewrite(command, with_another_prompt),
            Trick::Endless => recording.rewrite(command, without_end),
            Trick::EndlessPages => {
                always_page(&mut recording);
                recording.rewrite(command, without_end);
            }
        }
    }
    recording
}

/// The device refuses what would stop it from paging.
fn always_page(recording: &mut Recording) {
    let paging_off = std::mem::take(&mut recording.paging_off);
    recording.forget(|command, _| paging_off.iter().any(|off| off == command));
}

/// The answer's lines, with no end instead of the prompt.
fn without_end(answer: &str) -> String {
    let lines = answer.rfind('\n').map_or("", |at| &answer[..=at]);
    format!("{}{ENDLESS}", if lines.is_empty() { "more\n" } else { lines })
}

/// The answer with the prompt of a host of another name: each letter of the prompt is the next one.
fn with_another_prompt(answer: &str) -> String {
    let (lines, prompt) = answer.split_at(answer.rfind('\n').map_or(0, |at| at + 1));
    let next = |c: char| match c {
        'z' => 'a',
        'Z' => 'A',
        c if c.is_ascii_alphabetic() => char::from(c as u8 + 1),
        c => c,
    };
    format!("{lines}{}", prompt.chars().map(next).collect::<String>())
}
