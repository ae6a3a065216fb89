//! The report of a run: counts, warnings and a failure, as sentences, as JSON, as an exit code.

use serde_json::{Value, json};

use crate::failure::{Code, Failure};
use crate::spool::{Stored, prune::Pruned};

/// What a run has done so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Published files.
    pub files: u64,
    /// Lines in the published files.
    pub events: u64,
    /// Bytes in the published files.
    pub bytes: u64,
    /// Committed batches.
    pub batches: u64,
    /// Files that had been published before.
    pub repeated: u64,
    /// Files that were deleted because of their age.
    pub pruned: u64,
    /// Requests sent.
    pub requests: u64,
    /// Texts that a person should read. If there is any, the exit code is 65.
    pub warnings: Vec<String>,
    /// Texts for information.
    pub notes: Vec<String>,
}

impl Report {
    /// Adds a committed batch.
    pub const fn stored(&mut self, stored: &Stored) {
        self.batches += 1;
        self.files += stored.size.files - stored.repeated;
        self.events += stored.size.events;
        self.bytes += stored.size.bytes;
        self.repeated += stored.repeated + stored.left_out;
    }

    /// Adds deleted files.
    pub const fn pruned(&mut self, pruned: Pruned) {
        self.pruned += pruned.removed;
    }

    /// Returns the exit code of a run that failed with `failure` or finished.
    pub fn code(&self, failure: Option<&Failure>) -> Code {
        match failure {
            Some(failure) => failure.code,
            None if self.warnings.is_empty() => Code::Done,
            None => Code::Look,
        }
    }

    /// Returns one line for a terminal.
    pub fn summary(&self, program: &str) -> String {
        if self.batches == 0 {
            return format!("{program}: nothing was waiting");
        }
        let Self {
            files,
            events,
            bytes,
            ..
        } = self;
        format!("{program}: {events} events in {files} new files ({bytes} bytes)")
    }

    /// Returns the document of `--json`. `schema` grows if a member changes its meaning.
    pub fn json(&self, program: &str, run: &str, failure: Option<&Failure>) -> Value {
        let code = self.code(failure);
        let error =
            failure.map(|failure| json!({"message": failure.what, "remedy": failure.remedy}));
        json!({
            "schema": 1,
            "program": program,
            "version": env!("CARGO_PKG_VERSION"),
            "run": run,
            "ok": code == Code::Done,
            "code": code as u8,
            "kind": code.kind(),
            "files": self.files,
            "events": self.events,
            "bytes": self.bytes,
            "batches": self.batches,
            "repeated": self.repeated,
            "pruned": self.pruned,
            "requests": self.requests,
            "warnings": self.warnings,
            "notes": self.notes,
            "error": error,
        })
    }
}
