//! A look at the state of a stream from outside: without its lock, and without any change.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::record::{Record, Refusal, SIZE_LIMIT};
use super::{Gap, SpoolError, quarantine};
use crate::durable::{self, Disk};
use crate::logs;

/// The state of a stream, as another process may read it at any moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// The stream has not run yet, or its state was deleted.
    Absent,
    /// The record is damaged, or of a later version. The text is a clause that says which.
    Unreadable(String),
    /// The content of the record.
    Read(Box<Facts>),
}

impl View {
    /// Returns the facts, if they could be read.
    pub fn facts(self) -> Option<Facts> {
        match self {
            Self::Read(facts) => Some(*facts),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

/// The facts in a record that an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The account whose events the stream holds.
    pub account: String,
    /// The position, in the vendor's format.
    pub position: Option<String>,
    /// The end of the last run that finished.
    pub last_success: Option<DateTime<Utc>>,
    /// The time of the first run.
    pub began: Option<DateTime<Utc>>,
    /// The time at which the position last changed.
    pub moved_at: Option<DateTime<Utc>>,
    /// Mimecast asked for no further request before this time.
    pub not_before: Option<DateTime<Utc>>,
    /// The newest gaps.
    pub gaps: Vec<Gap>,
    /// Warnings that no run has reported yet.
    pub untold: Vec<String>,
    /// The number of successive runs with each trouble.
    pub troubles: BTreeMap<String, u32>,
}

/// Reads the state of a stream. An atomic replacement never shows a part of a record.
///
/// # Errors
/// [`SpoolError::Disk`] if the file exists and cannot be read.
pub fn view(disk: &dyn Disk, state: &Path, stream: &str) -> Result<View, SpoolError> {
    let path = state.join(format!("{stream}.state"));
    let bytes = match durable::read(disk, &path, SIZE_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(View::Absent),
        Err(error) => return Err(SpoolError::disk("read", &path, error)),
    };
    Ok(match Record::decode(&bytes) {
        Ok(record) if record.stream == stream => View::Read(Box::new(record.into())),
        Ok(record) => View::Unreadable(format!("it is the state of {}", record.stream)),
        Err(Refusal::Damaged(why)) => View::Unreadable(format!("it is damaged: {why}")),
        Err(Refusal::Newer(version)) => View::Unreadable(format!(
            "a later version of the collector wrote it (format {version})"
        )),
    })
}

/// Returns the number of answers of a stream in the quarantine.
///
/// # Errors
/// [`SpoolError::Disk`] if the folder exists and cannot be listed.
pub fn quarantined(disk: &dyn Disk, state: &Path, stream: &str) -> Result<usize, SpoolError> {
    let folder = state.join(logs::QUARANTINE);
    let listed = match disk.list(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        listed => listed.map_err(|error| SpoolError::disk("list", &folder, error))?,
    };
    let is_answer = |name: &str| name.ends_with(".raw") && quarantine::is_ours(name, stream);
    Ok(listed.iter().filter(|entry| is_answer(&entry.name)).count())
}

impl From<Record> for Facts {
    fn from(record: Record) -> Self {
        Self {
            account: record.account,
            position: record.position,
            last_success: record.last_success,
            began: record.began,
            moved_at: record.moved_at,
            not_before: record.not_before,
            gaps: record.gaps,
            untold: record.untold,
            troubles: record.troubles,
        }
    }
}
