//! What must hold for every input, as functions that fail where it does not: the fuzzers of `fuzz/` run them on inputs
//! that nobody thought of, the tests on every input that a fuzzer has kept.
//!
//! Compiled for tests and with the feature `fuzzing` only. It looks at parts that are nobody's business outside of
//! [`super`], so that these need not be public.

mod device;
mod driver;
mod http;
mod prompt;
mod telnet;
mod terminal;

pub use device::{device, recording};
pub use driver::driver;
pub use http::http;
pub use prompt::prompt;
pub use telnet::telnet;
pub use terminal::terminal;

/// Cuts `bytes` into pieces of lengths that `seed` says: sometimes all of one byte, sometimes of many.
fn pieces(bytes: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let (mut rest, mut state) = (bytes, u32::from(seed));
    std::iter::from_fn(move || {
        // The shortest known generator whose period is long enough (Numerical Recipes).
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = if seed.is_multiple_of(4) { 1 } else { 1 + (state >> 24) as usize % usize::from(seed) };
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

/// What the fuzzers have kept for `target`, and what they began with.
#[cfg(test)]
pub(crate) fn kept(target: &str, seeds: &[&str]) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let corpus = format!("fuzz/corpus/{target}");
    let folders = [corpus.as_str()].into_iter().chain(seeds.iter().copied());
    let files = folders.flat_map(|folder| root.join(folder).read_dir().unwrap());
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let kept: Vec<_> = files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    assert!(kept.len() > 10, "{target} has no corpus");
    kept
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};

    use super::*;

    #[test]
    fn what_fuzzing_found_of_telnet_still_holds() {
        for (_, input) in &kept("telnet", &[]) {
            telnet(input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_the_terminal_still_holds() {
        for (_, input) in &kept("terminal", &[]) {
            terminal(input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_prompts_still_holds() {
        for (_, input) in &kept("prompt", &[]) {
            prompt(input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_drivers_still_holds() {
        for (_, input) in &kept("driver", &["drivers"]) {
            driver(input);
        }
    }

    #[test]
    fn what_fuzzing_found_of_recordings_still_holds() {
        for (_, input) in &kept("device", &["drivers/recordings"]) {
            recording(input);
        }
    }

    #[tokio::test]
    async fn what_fuzzing_found_of_whole_sessions_still_holds() {
        let kept = kept("device", &["drivers/recordings"]);
        let played = stream::iter(&kept).map(|(path, input)| async move {
            // Said only where it fails, which it then does behind this line.
            eprintln!("{}", path.display());
            device(input).await;
        });
        played.buffer_unordered(64).collect::<Vec<()>>().await;
    }

    #[tokio::test]
    async fn what_fuzzing_found_of_appliances_still_holds() {
        let kept = kept("http", &[]);
        let played = stream::iter(&kept).map(|(path, input)| async move {
            eprintln!("{}", path.display());
            http(input).await;
        });
        played.buffer_unordered(64).collect::<Vec<()>>().await;
    }
}
