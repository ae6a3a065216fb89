//! The state record of a stream: what is in the file, and how its bytes are checked.
//!
//! Two parts: a line `mimecast-collector-state <sha256>` and a JSON document that the digest
//! covers. A record may gain optional fields within a format version; anything else needs a new
//! version, and a version that this program does not know stops it without touching the file.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::gap::{Gap, Warning};
use super::known::Older;
use super::name::FileName;
use super::seen::Seen;
use super::staging::is_staging_name;

/// The version that this program writes. It reads all from 1 on: version 0.1.0 wrote 1.
pub(crate) const FORMAT: u32 = 2;
/// The largest record that is read, in bytes: above what the ids of any one batch need, so that whatever is
/// written is read again.
pub(crate) const SIZE_LIMIT: u64 = 256 << 20;
/// How many warnings wait to be told.
const UNTOLD_LIMIT: usize = 200;
/// A warning that is told once a day is told again after so long.
const DAY: TimeDelta = TimeDelta::hours(24);
/// How many recorded gaps are kept, the newest.
const GAP_LIMIT: usize = 100;
const MAGIC: &str = "mimecast-collector-state";

/// Everything that is remembered of a stream between two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) format: u32,
    /// Tells this state from every other; empty in a record of version 0.1.0.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) id: String,
    pub(crate) stream: String,
    pub(crate) account: String,
    /// Grows with every replacement.
    pub(crate) sequence: u64,
    /// Where the stream goes on, in the vendor's words; nothing means from the earliest.
    pub(crate) position: Option<String>,
    /// Where the batch of `pending` began: the place to go back to when one of its files is lost.
    pub(crate) before: Option<String>,
    /// Committed files that may not have been moved into the watched folder yet.
    pub(crate) pending: Vec<Move>,
    /// Ids published before the batch of `pending`, the newest of them.
    pub(crate) seen: Seen,
    /// Ids published with the batch of `pending`.
    pub(crate) added: Seen,
    /// Where the ids are that are too many for this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) older: Option<Older>,
    /// End of the last run that finished, by the server's clock.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// Before this time Mimecast asked not to be asked again.
    pub(crate) not_before: Option<DateTime<Utc>>,
    /// Stretches of time whose events could not be had.
    #[serde(default)]
    pub(crate) gaps: Vec<Gap>,
    /// Warnings that no run has told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) untold: Vec<String>,
    /// When each warning that is told once a day was told last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) told_at: BTreeMap<String, DateTime<Utc>>,
    /// In how many runs in a row each trouble has occurred.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) troubles: BTreeMap<String, u32>,
    /// True if the state was lost or restored and no run has got to its end since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) resumed: bool,
    /// When the stream was collected for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) began: Option<DateTime<Utc>>,
    /// When the position was moved last, by the earliest plausible time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_at: Option<DateTime<Utc>>,
    /// The earliest plausible time when the record was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<DateTime<Utc>>,
}

/// One committed file and the name it is published under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) staged: String,
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Lower-case hex.
    pub(crate) sha256: String,
}

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not what was written: to be set aside.
    Damaged(String),
    /// Written whole, by a later version: to be left alone.
    Newer(u32),
}

impl Record {
    /// A stream that was never collected.
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

    /// The bytes of the file, written once: a day of ids is long.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = format!("{MAGIC} {:64}\n", "").into_bytes();
        let start = bytes.len();
        serde_json::to_writer(&mut bytes, self).expect("a record has only string keys");
        let sum = digest(&bytes[start..]);
        bytes[start - 1 - sum.len()..start - 1].copy_from_slice(sum.as_bytes());
        bytes.push(b'\n');
        bytes
    }

    /// Reads the bytes of a file; never panics, whatever they are.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let damaged = |why: &str| Refusal::Damaged(why.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("not text"))?;
        let (head, body) = text.split_once('\n').ok_or_else(|| damaged("cut short"))?;
        let body = body
            .strip_suffix('\n')
            .ok_or_else(|| damaged("cut short"))?;
        let sum = head
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.strip_prefix(' '));
        if sum != Some(&digest(body.as_bytes())) {
            return Err(damaged("the checksum does not match"));
        }
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

    /// Adds a gap, keeping the newest.
    pub(crate) fn add_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
        let surplus = self.gaps.len().saturating_sub(GAP_LIMIT);
        self.gaps.drain(..surplus);
    }

    /// Keeps a warning until a run has told it. The same text waits once.
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
            "there are more warnings than are kept here: see the log".clone_into(last);
        }
    }

    /// Keeps several warnings.
    pub(crate) fn warn_all(&mut self, texts: &[String], now: DateTime<Utc>) {
        for text in texts {
            let (text, daily) = (text.clone(), None);
            self.warn(Warning { text, daily }, now);
        }
    }

    /// Nothing left to move: what the batch added is now simply known.
    pub(crate) fn settle(&mut self) {
        self.pending.clear();
        self.before.clone_from(&self.position);
        self.seen.merge(std::mem::take(&mut self.added));
    }

    /// Undoes the last two batches: `previous` is the record before this one.
    pub(crate) fn go_back_to(&mut self, previous: Self) {
        let this = std::mem::replace(self, previous);
        // what is known of the stream as a whole stays
        self.sequence = this.sequence;
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
        self.go_back();
    }

    /// Undoes the last batch: its place is asked for again.
    pub(crate) fn go_back(&mut self) {
        self.pending.clear();
        self.position.clone_from(&self.before);
        self.added = Seen::default();
    }
}

impl Move {
    /// Whether both names are of the kinds that this program makes: no path, no foreign file.
    fn is_ours(&self) -> bool {
        is_staging_name(&self.staged)
            && FileName::parse(&self.name).is_some()
            && self.sha256.len() == 64
            && self.sha256.bytes().all(|digit| digit.is_ascii_hexdigit())
    }
}

/// Lower-case hex of the SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
            text
        })
}

#[cfg(test)]
mod tests;
