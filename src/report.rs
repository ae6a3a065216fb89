//! The report of a run: counts, warnings and a failure, as sentences, as JSON, as an exit code.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use indicatif::{HumanBytes, HumanCount};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{Code, Failure};
use crate::spool::{PublishedFile, Stored, prune::Pruned};

/// The longest position that a [`StreamReport`] shows, in characters.
const POSITION_LIMIT: usize = 200;

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
    /// Repeated requests.
    pub retries: u64,
    /// What was done in each stream.
    pub streams: Streams,
    /// What was delivered to each destination.
    pub destinations: Destinations,
    /// Texts that a person should read. If there is any, the exit code is 65.
    pub warnings: Vec<String>,
    /// Texts for information.
    pub notes: Vec<String>,
}

/// What was done in each stream, by the name of the stream.
pub type Streams = BTreeMap<String, StreamReport>;

/// What was delivered to each destination, by its name.
pub type Destinations = BTreeMap<String, Delivered>;

/// What a run has delivered to one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Files that were confirmed to their end.
    pub files: u64,
    /// Events that were confirmed.
    pub events: u64,
    /// Events that may have arrived twice.
    pub repeated: u64,
    /// Events that went to the quarantine.
    pub refused: u64,
    /// Repeated attempts.
    pub retries: u64,
    /// Files that still wait.
    pub waiting: u64,
}

/// What a run has done in one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamReport {
    /// The position at the start, in the vendor's format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The position at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// True if Mimecast had no more at the end.
    #[serde(default)]
    pub is_complete: bool,
    /// The time of the newest published event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<DateTime<Utc>>,
    /// The published files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PublishedFile>,
}

impl StreamReport {
    /// Returns the number of lines in the published files.
    pub fn events(&self) -> u64 {
        let events = self.files.iter().filter_map(|file| file.events);
        events.fold(0, u64::saturating_add)
    }

    /// Returns the number of bytes in the published files.
    pub fn bytes(&self) -> u64 {
        let bytes = self.files.iter().map(|file| file.bytes);
        bytes.fold(0, u64::saturating_add)
    }
}

/// Returns a position as it is shown: long ones are cut, because the state holds the whole.
pub fn shown_position(position: &str) -> String {
    match position.char_indices().nth(POSITION_LIMIT) {
        Some((end, _)) => format!("{}…", &position[..end]),
        None => position.to_owned(),
    }
}

impl Report {
    /// Returns what was done in a stream.
    pub fn stream(&mut self, name: &str) -> &mut StreamReport {
        self.streams.entry(name.to_owned()).or_default()
    }

    /// Adds a committed batch. `newest` is the time of its newest event.
    pub fn stored(&mut self, stream: &str, stored: Stored, newest: Option<DateTime<Utc>>) {
        self.batches += 1;
        self.files += stored.size.files - stored.repeated;
        self.events += stored.size.events;
        self.bytes += stored.size.bytes;
        self.repeated += stored.repeated + stored.left_out;
        let stream = self.stream(stream);
        stream.newest = stream.newest.max(newest);
        stream.files.extend(stored.files);
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

    /// Returns the time of the newest published event.
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.streams
            .values()
            .filter_map(|stream| stream.newest)
            .max()
    }

    /// True if a stream was not collected to its end, so that Mimecast can have more.
    pub fn has_more(&self) -> bool {
        self.streams.values().any(|stream| !stream.is_complete)
    }

    /// Returns one line for a terminal.
    pub fn summary(&self, program: &str) -> String {
        if self.batches == 0 {
            return format!("{program}: nothing was waiting");
        }
        if self.files == 0 {
            return format!("{program}: nothing new was published");
        }
        format!("{program}: {}", self.amounts())
    }

    /// Returns the published amounts in words, with the time that collection has reached.
    pub fn amounts(&self) -> String {
        let counted = |number: u64, noun: &str| {
            let ending = if number == 1 { "" } else { "s" };
            format!("{} {noun}{ending}", HumanCount(number))
        };
        let events = counted(self.events, "event");
        let files = counted(self.files, "new file");
        let up_to = self
            .newest()
            .map(|time| format!(", up to {}", time.format("%-d %b %H:%M UTC")));
        let up_to = up_to.unwrap_or_default();
        format!("{events} in {files} ({}){up_to}", HumanBytes(self.bytes))
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
            "retries": self.retries,
            "destinations": self.destinations,
            "warnings": self.warnings,
            "notes": self.notes,
            "error": error,
        })
    }
}
