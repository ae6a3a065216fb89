//! One archive of the SIEM queue.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::records::{LOG_TYPES, Record};
use crate::siem::Format;
use crate::zips::{ZipEntry, ZipFile, zip_of};

/// What one answer of the SIEM call holds.
pub struct Batch {
    content: Content,
    /// Packed when the batch is made: the server only hands the bytes out.
    key_value: Arc<[u8]>,
    /// Packed when first asked for; most tests never do.
    json: OnceLock<Arc<[u8]>>,
    /// The ledger's lines where the content does not tell.
    lines: Option<Vec<Vec<u8>>>,
}

enum Content {
    Files(Vec<(String, Vec<u8>)>),
    Raw,
    Members(Vec<Member>),
    /// Packed anew for each answer.
    Repacked(Vec<ZipEntry>),
}

/// One file of a batch: a log type's records.
#[derive(Clone, Debug)]
pub struct Member {
    /// For instance `receipt` or `ttp_url`.
    pub log_type: String,
    /// 17 digits, the file's time: `20261120000000000`.
    pub stamp: String,
    /// In the order of the lines.
    pub records: Vec<Record>,
}

impl Member {
    /// A file of that type and time.
    pub fn new(log_type: &str, stamp: &str, records: Vec<Record>) -> Self {
        Self {
            log_type: log_type.to_owned(),
            stamp: stamp.to_owned(),
            records,
        }
    }

    /// The name without extension.
    pub fn stem(&self) -> String {
        format!("{}_{}", self.log_type, self.stamp)
    }

    /// The same records, begun at another one.
    fn turned(&self, turn: usize) -> Self {
        let mut turned = self.clone();
        let records = turned.records.len().max(1);
        turned.records.rotate_left(turn % records);
        turned
    }

    /// The `.siem` file: one line per record.
    fn key_value(&self) -> String {
        self.records
            .iter()
            .map(|record| record.line() + "\n")
            .collect()
    }

    /// The `.json` file: one document.
    fn json(&self) -> String {
        let records: Vec<String> = self.records.iter().map(Record::json).collect();
        format!(r#"{{"type":"MTA","data":[{}]}}"#, records.join(","))
    }
}

impl Batch {
    /// Files with these very names and contents, whatever format is asked for.
    pub fn files(files: &[(&str, &[u8])]) -> Self {
        let owned = files
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.to_vec()));
        Self::new(Content::Files(owned.collect()), zip_of(files))
    }

    /// These very bytes as the body. The ledger gets nothing from it; see [`with_lines`](Self::with_lines).
    pub fn raw(body: impl Into<Arc<[u8]>>) -> Self {
        Self::new(Content::Raw, body)
    }

    /// These entries, packed into other bytes for each answer, whatever the switches say. What is wrong with an entry is
    /// wrong each time. The ledger gets nothing from it; see [`with_lines`](Self::with_lines).
    pub fn repacked_each_time(entries: impl IntoIterator<Item = ZipEntry>) -> Self {
        let entries: Vec<ZipEntry> = entries.into_iter().collect();
        let archive = repack(&entries, 0);
        Self::new(Content::Repacked(entries), archive)
    }

    /// True if two answers never hold the same bytes.
    pub(crate) const fn always_differs(&self) -> bool {
        matches!(self.content, Content::Repacked(_))
    }

    /// Records, as `.siem` or `.json` files by what is asked for.
    pub fn records(members: Vec<Member>) -> Self {
        let archive = pack(&members, Member::key_value, "siem");
        Self::new(Content::Members(members), archive)
    }

    /// `events` records spread over all ten types, dated around 2026-11-20. Equal arguments give equal bytes, and no
    /// line occurs twice over all seeds.
    pub fn realistic(seed: u64, events: usize) -> Self {
        let start = DateTime::from_timestamp(1_795_132_800, 0).expect("a date");
        // Half an hour apart, as the service makes them; after 1000 seeds the dates start again.
        let step = TimeDelta::minutes(30) * (seed % 1000) as i32;
        Self::realistic_at(seed, events, start + step)
    }

    /// The same with records of the half hour before `time`.
    pub fn realistic_at(seed: u64, events: usize, time: DateTime<Utc>) -> Self {
        let mut members = Vec::new();
        for (index, log_type) in LOG_TYPES.into_iter().enumerate() {
            let numbers = (index..events).step_by(LOG_TYPES.len());
            let records: Vec<Record> = numbers
                .map(|number| Record::realistic(log_type, seed, number as u64, time))
                .collect();
            if !records.is_empty() {
                let stamp = time.format("%Y%m%d%H%M%S%3f").to_string();
                members.push(Member::new(log_type, &stamp, records));
            }
        }
        Self::records(members)
    }

    /// States what a client should publish of it, for the ledger.
    pub fn with_lines(mut self, lines: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        self.lines = Some(lines.into_iter().map(Into::into).collect());
        self
    }

    /// The event lines as they should be published for `key_value`, without line break.
    pub fn lines(&self) -> Vec<Vec<u8>> {
        if let Some(lines) = &self.lines {
            return lines.clone();
        }
        match &self.content {
            Content::Raw | Content::Repacked(_) => Vec::new(),
            Content::Files(files) => files
                .iter()
                .flat_map(|(_, content)| lines_of(content))
                .collect(),
            Content::Members(members) => members
                .iter()
                .flat_map(|member| &member.records)
                .map(|record| record.line().into_bytes())
                .collect(),
        }
    }

    /// The records as JSON objects; nothing for batches that were not made of records.
    pub fn objects(&self) -> Vec<Value> {
        let Content::Members(members) = &self.content else {
            return Vec::new();
        };
        let records = members.iter().flat_map(|member| &member.records);
        records.map(Record::object).collect()
    }

    /// The archive's size as `key_value`.
    pub fn size(&self) -> usize {
        self.key_value.len()
    }

    /// The archive; another `turn` brings the records in another order.
    pub(crate) fn archive(&self, format: Format, turn: usize) -> Arc<[u8]> {
        match (&self.content, format) {
            (Content::Members(members), _) if turn > 0 => {
                let turned = members.iter().map(|member| member.turned(turn)).collect();
                Self::records(turned).archive(format, 0)
            }
            (Content::Repacked(entries), _) => repack(entries, turn).into(),
            (Content::Members(members), Format::Json) => Arc::clone(
                self.json
                    .get_or_init(|| pack(members, Member::json, "json").into()),
            ),
            _ => Arc::clone(&self.key_value),
        }
    }

    fn new(content: Content, key_value: impl Into<Arc<[u8]>>) -> Self {
        Self {
            content,
            key_value: key_value.into(),
            json: OnceLock::new(),
            lines: None,
        }
    }
}

/// Packs the entries with another comment in each turn.
fn repack(entries: &[ZipEntry], turn: usize) -> Vec<u8> {
    let comment = format!("packed for answer {turn}");
    let file = ZipFile {
        comment: comment.into_bytes(),
        ..ZipFile::new(entries.iter().cloned())
    };
    file.bytes()
}

/// Packs as a streaming writer does, sizes after the data: a reader must take them from the directory.
fn pack(members: &[Member], render: impl Fn(&Member) -> String, extension: &str) -> Vec<u8> {
    let entries = members.iter().map(|member| {
        let name = format!("{}.{extension}", member.stem());
        ZipEntry::new(name, render(member)).streamed()
    });
    ZipFile::new(entries).bytes()
}

/// Lines are cut at line feeds only, and the last one needs none.
fn lines_of(content: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = content
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}
