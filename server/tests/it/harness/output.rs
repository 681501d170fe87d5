//! What a command answered.

use super::World;

/// Exit code, results, and everything else that was said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// The command did what it was asked.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        self.with_code(0)
    }

    /// The command says that something failed.
    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        self.with_code(1)
    }

    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The results as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The refusal: the one line of stderr, with the world's own folder written as `[place]`.
    #[track_caller]
    pub(crate) fn sentence(&self, world: &World) -> String {
        let place = world.place().to_str().unwrap();
        assert_eq!(self.stdout, "", "a refused command has no result: {self:#?}");
        assert_eq!(self.stderr.lines().count(), 1, "one sentence, and nothing else: {self:#?}");
        self.stderr.trim_end().replace(place, "[place]")
    }
}
