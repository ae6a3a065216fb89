//! The record of one destination: what it has confirmed, and what a later run must know.
//!
//! It is replaced in one step after each confirmation. The copy before it is kept as `.prev`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::durable::{self, Disk, Mode, sealed};
use crate::spool::{Queued, SpoolError};

const FORMAT: u32 = 1;
const MAGIC: &str = "mimecast-collector-delivery";
/// The largest record, in bytes: the names of one batch are far fewer.
const SIZE_LIMIT: u64 = 16 << 20;
/// The most warnings that wait for a report.
const UNTOLD_LIMIT: usize = 100;

/// The facts about a destination that the collector keeps between two runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// Grows with every replacement.
    sequence: u64,
    /// The settings that decide where events go. Others lead elsewhere.
    pub fingerprint: String,
    /// What the destination has confirmed.
    pub cursor: Cursor,
    /// The bytes that the destination takes at once, if it has refused more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_bytes: Option<usize>,
    /// The destination asked for no further request before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// The time since which files wait that could not be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_since: Option<DateTime<Utc>>,
    /// The time of the last confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Set while a run sends: the most events that may be in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u64>,
    /// Warnings that no run has reported yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<String>,
    /// The number of successive runs with each trouble.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub troubles: BTreeMap<String, u32>,
    /// What hinders delivery, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<String>,
}

/// What a destination has confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last confirmed file of each stream.
    pub last: BTreeMap<String, Place>,
    /// Files of the outbox that are confirmed and may not be deleted yet.
    pub done: Vec<String>,
    /// The file of which the destination has a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Open>,
}

/// A file in the order of the commits of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The number of the commit.
    pub number: u64,
    /// The place of the file in its commit.
    pub index: u32,
}

/// A file of which the destination has a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Its name in the outbox.
    pub name: String,
    /// The number of confirmed bytes.
    pub offset: u64,
}

impl Record {
    /// Saves a warning until a run has reported it. Saves the same text only once.
    pub fn warn(&mut self, text: String) {
        tracing::warn!("{text}");
        if self.untold.contains(&text) {
            return;
        }
        if self.untold.len() < UNTOLD_LIMIT {
            self.untold.push(text);
        } else if let Some(last) = self.untold.last_mut() {
            "there are more warnings than the state can hold: see the log".clone_into(last);
        }
    }
}

impl Cursor {
    /// Marks a whole file as confirmed.
    pub fn finish(&mut self, queued: &Queued) {
        let place = Place {
            number: queued.number,
            index: queued.index,
        };
        self.last.insert(queued.stream.clone(), place);
        self.done.push(queued.file_name());
        self.open = None;
    }

    /// True if the destination has confirmed the whole file. Recovery of a killed run, or a power cut, can bring
    /// such a file back.
    pub fn has(&self, queued: &Queued) -> bool {
        let last = self.last.get(&queued.stream);
        last.is_some_and(|last| last.number == queued.number && queued.index <= last.index)
            || self.done.contains(&queued.file_name())
    }

    /// Returns the number of confirmed bytes of a file.
    pub fn offset_of(&self, queued: &Queued) -> u64 {
        let open = self.open.as_ref();
        open.filter(|open| open.name == queued.file_name())
            .map_or(0, |open| open.offset)
    }
}

/// The record on the disk.
pub struct Kept {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// The record as the disk has it.
    on_disk: Option<Record>,
    /// The record. [`Kept::save`] writes it.
    pub record: Record,
}

/// What was found in the place of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The record.
    Current,
    /// Only the copy before it. The text says what is wrong with the record.
    Previous(String),
    /// No readable record. The text says what is wrong with it; `None` if there is no file at all.
    Nothing(Option<String>),
}

/// Returns the path of a destination's record.
pub fn path_of(state: &Path, destination: &str) -> PathBuf {
    state.join(format!("deliver_{destination}.state"))
}

impl Kept {
    /// Reads the record of a destination, or its copy. Renames a damaged file to `.bad-<now>`.
    ///
    /// # Errors
    /// [`SpoolError::Unusable`] for a record of a later version. [`SpoolError::Disk`] in every other case.
    pub fn load(
        disk: &Arc<dyn Disk>,
        state: &Path,
        destination: &str,
        now: DateTime<Utc>,
    ) -> Result<(Self, Found), SpoolError> {
        let path = path_of(state, destination);
        let mut why = None;
        for (path, is_copy) in [
            (path.clone(), false),
            (durable::with_suffix(&path, ".prev"), true),
        ] {
            match read(&**disk, &path)? {
                State::Good(record) => {
                    let found = match why {
                        _ if !is_copy => Found::Current,
                        Some(why) => Found::Previous(why),
                        None => Found::Previous("it is missing".to_owned()),
                    };
                    let kept = Self {
                        disk: Arc::clone(disk),
                        path: path_of(state, destination),
                        on_disk: Some((*record).clone()),
                        record: *record,
                    };
                    return Ok((kept, found));
                }
                State::Bad(flaw) => {
                    let aside = durable::with_suffix(&path, &format!(".bad-{}", now.timestamp()));
                    disk.rename(&path, &aside)
                        .map_err(|error| SpoolError::disk("rename", &path, error))?;
                    why.get_or_insert(flaw);
                }
                State::Absent => {}
            }
        }
        let kept = Self {
            disk: Arc::clone(disk),
            path,
            on_disk: None,
            record: Record::default(),
        };
        Ok((kept, Found::Nothing(why)))
    }

    /// True if the disk does not have the record as it is.
    pub fn is_changed(&self) -> bool {
        self.on_disk.as_ref() != Some(&self.record)
    }

    /// Replaces the record on the disk, and keeps the one before as `.prev`.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn save(&mut self) -> Result<(), SpoolError> {
        self.record.sequence += 1;
        self.record.format = FORMAT;
        let bytes = sealed::seal(MAGIC, &self.record);
        self.keep_previous()
            .and_then(|()| durable::replace(&*self.disk, &self.path, &bytes, Mode::PRIVATE))
            .map_err(|error| SpoolError::disk("replace", &self.path, error))?;
        self.on_disk = Some(self.record.clone());
        Ok(())
    }

    fn keep_previous(&self) -> io::Result<()> {
        if self.disk.entry(&self.path)?.is_none() {
            return Ok(());
        }
        let previous = durable::with_suffix(&self.path, ".prev");
        if self.disk.entry(&previous)?.is_some() {
            self.disk.remove(&previous)?;
        }
        self.disk.link(&self.path, &previous)
    }
}

/// Returns the record of a destination, for readers. `None` if there is none, or if it is damaged.
pub fn view(disk: &dyn Disk, state: &Path, destination: &str) -> Option<Record> {
    let path = path_of(state, destination);
    for path in [path.clone(), durable::with_suffix(&path, ".prev")] {
        if let Ok(State::Good(record)) = read(disk, &path) {
            return Some(*record);
        }
    }
    None
}

enum State {
    Good(Box<Record>),
    Bad(String),
    Absent,
}

fn read(disk: &dyn Disk, path: &Path) -> Result<State, SpoolError> {
    let bytes = match durable::read(disk, path, SIZE_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Absent),
        Err(error) => return Err(SpoolError::disk("read", path, error)),
    };
    let body = match sealed::open(MAGIC, &bytes) {
        Ok(body) => body,
        Err(why) => return Ok(State::Bad(why.to_owned())),
    };
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    if let Ok(Version { format }) = serde_json::from_str(body)
        && format > FORMAT
    {
        return Err(SpoolError::Unusable {
            path: path.to_owned(),
            why: format!("it was written by a later version of this program (format {format})"),
            is_denied: false,
        });
    }
    match serde_json::from_str::<Record>(body) {
        Ok(record) => Ok(State::Good(Box::new(record))),
        Err(error) => Ok(State::Bad(error.to_string())),
    }
}
