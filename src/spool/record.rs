//! The state record of a stream: the content of the file, and the check of its bytes.
//!
//! The file has two parts: a line `mimecast-collector-state <sha256>`, and a JSON document that the
//! digest covers. Within a format version a record may gain optional fields. Every other change
//! needs a new version. An unknown version stops this program before it touches the file.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::gap::{Gap, Warning};
use super::known::Older;
use super::name::FileName;
use super::publish::PublishedFile;
use super::seen::Seen;
use super::staging::is_staging_name;
use crate::durable::sealed;
pub(crate) use crate::durable::sealed::{digest, hex};

/// The version that this program writes. It reads all versions from 1 on. Version 0.1.0 of the
/// program wrote 1.
pub(crate) const FORMAT: u32 = 2;
/// The largest record that this program reads, in bytes. It exceeds the ids of any one batch, so
/// that the program can read every record that it writes.
pub(crate) const SIZE_LIMIT: u64 = 256 << 20;
/// The most warnings that wait for a report.
const UNTOLD_LIMIT: usize = 200;
/// The least time between two reports of a daily warning.
const DAY: TimeDelta = TimeDelta::hours(24);
/// The most gaps in a record. It keeps the newest.
const GAP_LIMIT: usize = 100;
const MAGIC: &str = "mimecast-collector-state";

/// The facts about a stream that the collector keeps between two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) format: u32,
    /// Tells this state from every other. Empty in a record of version 0.1.0.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) id: String,
    pub(crate) stream: String,
    pub(crate) account: String,
    /// Grows with every replacement.
    pub(crate) sequence: u64,
    /// The position, in the vendor's format. `None` means from the earliest.
    pub(crate) position: Option<String>,
    /// The position before the batch of `pending`. The collector returns to it if one of the files is lost.
    pub(crate) before: Option<String>,
    /// Committed files that may not be in the watched folder yet.
    pub(crate) pending: Vec<Move>,
    /// The number of the batch of `pending` in the outboxes: milliseconds since 1970.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) commit: u64,
    /// The newest ids of the batches before that of `pending`.
    pub(crate) seen: Seen,
    /// The ids of the batch of `pending`.
    pub(crate) added: Seen,
    /// The file with the ids that are too many for this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) older: Option<Older>,
    /// The end of the last run that finished, by the earliest plausible time.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// Mimecast asked for no further request before this time.
    pub(crate) not_before: Option<DateTime<Utc>>,
    /// Stretches of time whose events the collector could not fetch.
    #[serde(default)]
    pub(crate) gaps: Vec<Gap>,
    /// Warnings that no run has reported yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) untold: Vec<String>,
    /// The last report of each daily warning.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) told_at: BTreeMap<String, DateTime<Utc>>,
    /// The number of successive runs with each trouble.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) troubles: BTreeMap<String, u32>,
    /// True if the state was lost or restored and no run has finished since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) resumed: bool,
    /// The time of the stream's first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) began: Option<DateTime<Utc>>,
    /// The time of the last change of the position, by the earliest plausible time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_at: Option<DateTime<Utc>>,
    /// The earliest plausible time at the writing of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<DateTime<Utc>>,
}

/// One committed file and its published name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) staged: String,
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Lower-case hex.
    pub(crate) sha256: String,
    /// The number of lines. `None` in a record of version 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<u64>,
}

/// The reason why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Damaged: the collector renames the file.
    Damaged(String),
    /// Written by a later version: the collector does not touch the file.
    Newer(u32),
}

impl Record {
    /// Returns the record of a stream before its first run.
    pub(crate) fn first(stream: &str, account: &str) -> Self {
        Self {
            format: FORMAT,
            id: String::new(),
            stream: stream.to_owned(),
            account: account.to_owned(),
            sequence: 0,
            position: None,
            before: None,
            pending: Vec::new(),
            commit: 0,
            seen: Seen::default(),
            added: Seen::default(),
            older: None,
            last_success: None,
            not_before: None,
            gaps: Vec::new(),
            untold: Vec::new(),
            told_at: BTreeMap::new(),
            troubles: BTreeMap::new(),
            resumed: false,
            began: None,
            moved_at: None,
            clock: None,
        }
    }

    /// Returns the bytes of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        sealed::seal(MAGIC, self)
    }

    /// Reads the bytes of a file. Never panics.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let damaged = |why: &str| Refusal::Damaged(why.to_owned());
        let body = sealed::open(MAGIC, bytes).map_err(damaged)?;
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version =
            serde_json::from_str(body).map_err(|error| damaged(&error.to_string()))?;
        if version.format > FORMAT {
            return Err(Refusal::Newer(version.format));
        }
        let record: Self =
            serde_json::from_str(body).map_err(|error| damaged(&error.to_string()))?;
        match record.pending.iter().find(|moved| !moved.is_ours()) {
            Some(_) => Err(damaged("it names files that are not the collector's")),
            None => Ok(record),
        }
    }

    /// Adds a gap, and drops the oldest if there are too many.
    pub(crate) fn add_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
        let surplus = self.gaps.len().saturating_sub(GAP_LIMIT);
        self.gaps.drain(..surplus);
    }

    /// Saves a warning until a run has reported it. Saves the same text only once.
    pub(crate) fn warn(&mut self, warning: Warning, now: DateTime<Utc>) {
        if let Some(name) = warning.daily {
            let is_recent = |told: &DateTime<Utc>| (now - *told).abs() < DAY;
            if self.told_at.get(name).is_some_and(is_recent) {
                return;
            }
            self.told_at.insert(name.to_owned(), now);
        }
        if self.untold.contains(&warning.text) {
            return;
        }
        if self.untold.len() < UNTOLD_LIMIT {
            self.untold.push(warning.text);
        } else if let Some(last) = self.untold.last_mut() {
            "there are more warnings than the state can hold: see the log".clone_into(last);
        }
    }

    /// Saves several warnings.
    pub(crate) fn warn_all(&mut self, texts: &[String], now: DateTime<Utc>) {
        for text in texts {
            let (text, daily) = (text.clone(), None);
            self.warn(Warning { text, daily }, now);
        }
    }

    /// Marks all files of the batch as moved, and its ids as known.
    pub(crate) fn settle(&mut self) {
        self.pending.clear();
        self.before.clone_from(&self.position);
        self.seen.merge(std::mem::take(&mut self.added));
    }

    /// Undoes the last two batches. `previous` is the record before this one.
    pub(crate) fn undo_two_batches(&mut self, previous: Self) {
        let this = std::mem::replace(self, previous);
        // these facts are about the whole stream, so they stay
        self.sequence = this.sequence;
        self.commit = this.commit;
        self.id = this.id;
        self.last_success = this.last_success;
        self.not_before = this.not_before;
        self.gaps = this.gaps;
        self.untold = this.untold;
        self.told_at = this.told_at;
        self.troubles = this.troubles;
        self.resumed = this.resumed;
        self.began = this.began;
        self.clock = this.clock;
        self.undo_batch();
    }

    /// Undoes the last batch, so that the collector fetches it again.
    pub(crate) fn undo_batch(&mut self) {
        self.pending.clear();
        self.position.clone_from(&self.before);
        self.added = Seen::default();
    }
}

/// True for the number of no batch, which the file leaves out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Move {
    /// Returns the file as it is published under `name`.
    pub(super) fn published_as(&self, name: &str) -> PublishedFile {
        PublishedFile {
            name: name.to_owned(),
            bytes: self.size,
            events: self.events,
            sha256: self.sha256.clone(),
        }
    }

    /// True if this program can have made both names: without a path, and not a foreign file.
    fn is_ours(&self) -> bool {
        is_staging_name(&self.staged)
            && FileName::parse(&self.name).is_some()
            && self.sha256.len() == 64
            && self.sha256.bytes().all(|digit| digit.is_ascii_hexdigit())
    }
}

#[cfg(test)]
mod tests;
