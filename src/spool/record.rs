//! The state record of a stream: what is in the file, and how its bytes are checked.
//!
//! Two parts: a line `mimecast-collector-state <sha256>` and a JSON document that the digest
//! covers. A record may gain optional fields within a format version; anything else needs a new
//! version, and a version that this program does not know stops it without touching the file.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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

/// A stretch of time whose events Mimecast no longer had or never gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Beginning, where it is known.
    pub from: Option<DateTime<Utc>>,
    /// End.
    pub to: DateTime<Utc>,
    /// One clause for the operator.
    pub reason: String,
    /// The position before it, in the vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The position after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Gap {
    /// A gap of which only the time is known.
    #[must_use]
    pub fn of(from: Option<DateTime<Utc>>, to: DateTime<Utc>, reason: impl Into<String>) -> Self {
        Self {
            from,
            to,
            reason: reason.into(),
            before: None,
            after: None,
        }
    }
}

/// A warning for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    pub(crate) text: String,
    /// Names the warning if it is told at most once a day.
    pub(crate) daily: Option<&'static str>,
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
mod tests {
    use super::*;
    use crate::spool::seen::Digest;
    use proptest::prelude::*;

    fn sample() -> Record {
        let mut record = Record::first("siem", "CUSA00A000");
        record.sequence = 7;
        record.position = Some("eNoAfter".to_owned());
        record.before = Some("eNoBefore".to_owned());
        record.pending.push(Move {
            staged: "siem-0a1b2c3d-7-1.staged".to_owned(),
            name: "receipt_20261120000000000_0123456789abcdef.siem".to_owned(),
            size: 12,
            sha256: digest(b"x"),
        });
        record.added.extend([(1_700_000_000, Digest::of(b"id"))]);
        record
    }

    #[test]
    fn the_bytes_of_version_1_stay_readable() {
        let body = r#"{"format":1,"stream":"siem","account":"CUSA00A000","sequence":3,"position":"t","before":null,"pending":[],"seen":{"471854":"AAAAAAAAAAAAAAAAAAAAAQ"},"added":{},"last_success":"2026-11-20T10:00:00Z","not_before":null}"#;
        let text = format!(
            "mimecast-collector-state {}\n{body}\n",
            digest(body.as_bytes())
        );
        let record = Record::decode(text.as_bytes()).unwrap();
        assert_eq!(record.position.as_deref(), Some("t"));
        assert_eq!(record.last_success.unwrap().timestamp(), 1_795_168_800);
        assert_eq!(record.seen.len(), 1);
        assert!(record.gaps.is_empty());
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut record = sample();
        record.format = FORMAT + 1;
        let refused = Err(Refusal::Newer(FORMAT + 1));
        assert_eq!(Record::decode(&record.encode()), refused);
    }

    #[test]
    fn a_record_that_names_a_foreign_file_is_damaged() {
        for (staged, name) in [
            ("../x.staged", "receipt_0123456789abcdef.siem"),
            (
                "siem-0a1b2c3d-7-1.staged",
                "../receipt_0123456789abcdef.siem",
            ),
            ("siem-0a1b2c3d-7-1.staged", "notes.txt"),
        ] {
            let mut record = sample();
            record.pending[0].staged = staged.to_owned();
            record.pending[0].name = name.to_owned();
            assert!(matches!(
                Record::decode(&record.encode()),
                Err(Refusal::Damaged(_))
            ));
        }
    }

    #[test]
    fn a_cut_or_a_flipped_bit_anywhere_is_noticed() {
        let bytes = sample().encode();
        for at in 0..bytes.len() {
            assert!(Record::decode(&bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(Record::decode(&flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn going_back_forgets_what_the_batch_added() {
        let mut record = sample();
        record.go_back();
        assert_eq!(record.position.as_deref(), Some("eNoBefore"));
        assert!(record.pending.is_empty() && record.added.len() + record.seen.len() == 0);
    }

    proptest! {
        #[test]
        fn every_record_is_read_back_as_it_was_written(
            position in prop::option::of(".*"),
            account in ".*",
            sequence in any::<u64>(),
            ids in prop::collection::vec((0_i64..4_000_000_000, any::<u64>()), 0..40),
            seconds in prop::option::of(0_i64..4_000_000_000),
            pending in 0_usize..4,
            damage in any::<(prop::sample::Index, u8)>(),
        ) {
            let mut record = Record { position, account, sequence, ..sample() };
            record.pending = vec![record.pending[0].clone(); pending];
            let ids = ids.iter().map(|(second, id)| (*second, Digest::of(&id.to_be_bytes())));
            record.seen.extend(ids);
            record.last_success = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 7));
            let mut bytes = record.encode();
            prop_assert_eq!(Record::decode(&bytes), Ok(record));
            let at = damage.0.index(bytes.len());
            bytes[at] ^= damage.1.max(1);
            prop_assert!(Record::decode(&bytes).is_err());
        }

        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Record::decode(&bytes).is_err());
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Record::decode(&sample().encode()), Ok(sample()));
    }
}
