//! How a run ended, and what is asserted of it.

use std::time::Duration;

use serde_json::Value;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    /// What it printed; of a collector that ends with 75 and so prints nothing, what the history says.
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Outcome {
    /// The run ended with this code; a failure shows what was said.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// All is well: 0, and not a byte anywhere, as cron wants it.
    #[track_caller]
    pub(crate) fn stays_silent(self) {
        let quiet = self.code == 0 && self.stdout.is_empty() && self.stderr.is_empty();
        assert!(quiet, "P7: {self:?}");
    }

    /// Standard error holds this text, in at most three lines.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "expected {text:?} in {self:?}");
        assert!(
            self.stderr.lines().count() <= 3,
            "P7: more than three lines: {self:?}"
        );
        self
    }

    /// The one document of `--json`.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("one document: {self:?}"))
    }
}
