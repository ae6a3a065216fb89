//! The state record of a stream: what is in the file, and how its bytes are checked.
//!
//! Two parts: a line `mimecast-collector-state <sha256>` and a JSON document that the digest
//! covers. A record may gain optional fields within a format version; anything else needs a new
//! version, and a version that this program does not know stops it without touching the file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::name::FileName;
use super::scratch::is_staging_name;
use super::seen::Seen;
use super::sieve::Sieve;

/// The version this program writes and reads.
pub(crate) const FORMAT: u32 = 1;
/// The largest record that is read, in bytes; a day of a million audit events needs half of it.
pub(crate) const SIZE_LIMIT: u64 = 64 << 20;
/// How many recorded gaps are kept, the newest.
const GAP_LIMIT: usize = 100;
const MAGIC: &str = "mimecast-collector-state";

/// Everything that is remembered of a stream between two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) format: u32,
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
    /// Ids taken before the batch of `pending`.
    pub(crate) seen: Seen,
    /// Ids taken with the batch of `pending`.
    pub(crate) added: Seen,
    /// End of the last run that finished, by the server's clock.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// Before this time Mimecast asked not to be asked again.
    pub(crate) not_before: Option<DateTime<Utc>>,
    /// Stretches of time whose events could not be had.
    #[serde(default)]
    pub(crate) gaps: Vec<Gap>,
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
            stream: stream.to_owned(),
            account: account.to_owned(),
            sequence: 0,
            position: None,
            before: None,
            pending: Vec::new(),
            seen: Seen::default(),
            added: Seen::default(),
            last_success: None,
            not_before: None,
            gaps: Vec::new(),
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

    /// A sieve of all ids that are remembered.
    pub(super) fn sieve(&self) -> Sieve {
        Sieve::of([&self.seen, &self.added])
    }

    /// Adds a gap, keeping the newest.
    pub(crate) fn add_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
        let surplus = self.gaps.len().saturating_sub(GAP_LIMIT);
        self.gaps.drain(..surplus);
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
        self.last_success = this.last_success;
        self.not_before = this.not_before;
        self.gaps = this.gaps;
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
        record.format = 2;
        assert_eq!(Record::decode(&record.encode()), Err(Refusal::Newer(2)));
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
        assert!(record.pending.is_empty() && record.added.is_empty() && record.seen.is_empty());
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
