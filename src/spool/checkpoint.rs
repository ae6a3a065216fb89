//! The state record on the disk. The collector checks it when it reads it, and replaces it in one step.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::SpoolError;
use super::known::{self, RECENT_LIMIT};
use super::publish::{Committed, Staged};
use super::record::{FORMAT, Record, Refusal, SIZE_LIMIT};
use super::seen::Seen;
use super::time::Time;
use crate::durable::{self, Disk, Mode, is_held};

/// The state record of a stream, and its file.
pub(super) struct Checkpoint {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    record: Record,
    /// The record before this one, if files were pending in it.
    previous: Option<Box<Record>>,
    /// The first bytes of the record's file on the disk. Empty if the file is missing.
    written: Vec<u8>,
}

/// The result of reading the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The record of the last run.
    Current,
    /// Only the record before the last. The text says what is wrong with the last.
    Previous(String),
    /// No readable record, although a file exists. The text says what is wrong with it.
    Unreadable(String),
    /// No state file at all.
    Missing,
}

/// One of the two state files.
enum StateFile {
    Good(Box<Record>, Vec<u8>),
    Bad(String),
    Absent,
}

impl Checkpoint {
    /// Reads the newest usable record. Renames an unreadable file to `.bad-<now>`.
    pub(super) fn load(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        first: Record,
        now: i64,
    ) -> Result<(Self, Found), SpoolError> {
        let previous_path = durable::with_suffix(&path, ".prev");
        let mut current = read_state_file(&*disk, &path, &first)?;
        let previous = read_state_file(&*disk, &previous_path, &first)?;
        if let (StateFile::Good(record, _), StateFile::Good(copy, _)) = (&current, &previous)
            && copy.sequence > record.sequence
        {
            // the operator restored an old file; if it stayed in place, it would become the next `.prev`
            current = StateFile::Bad("it is older than its copy".to_owned());
        }
        for (bad, at) in [(&current, &path), (&previous, &previous_path)] {
            if matches!(bad, StateFile::Bad(_)) {
                let aside = durable::with_suffix(at, &format!(".bad-{now}"));
                disk.rename(at, &aside)
                    .map_err(|error| SpoolError::disk("rename", at, error))?;
            }
        }
        let (mut before, mut written) = (None, Vec::new());
        let (record, found) = match (current, previous) {
            (StateFile::Good(current, bytes), previous) => {
                written = bytes;
                if let StateFile::Good(previous, _) = previous {
                    // equal if a run was killed after keeping the copy and before replacing the record
                    let follows =
                        [previous.sequence, previous.sequence + 1].contains(&current.sequence);
                    let is_ours = previous.id.is_empty() || previous.id == current.id;
                    before = Some(previous)
                        .filter(|previous| follows && is_ours && !previous.pending.is_empty());
                }
                (*current, Found::Current)
            }
            (StateFile::Bad(why), StateFile::Good(previous, _)) => {
                (*previous, Found::Previous(why))
            }
            (StateFile::Absent, StateFile::Good(previous, _)) => {
                (*previous, Found::Previous("it is missing".to_owned()))
            }
            (StateFile::Bad(why), _) | (_, StateFile::Bad(why)) => (first, Found::Unreadable(why)),
            (StateFile::Absent, StateFile::Absent) => (first, Found::Missing),
        };
        let previous = before;
        let checkpoint = Self {
            disk,
            path,
            record,
            previous,
            written: head(&written),
        };
        Ok((checkpoint, found))
    }

    pub(super) const fn record(&self) -> &Record {
        &self.record
    }

    /// Sets the id of the record. The next replacement saves it.
    pub(super) fn set_id(&mut self, id: String) {
        self.record.id = id;
    }

    /// Returns the latest time in the record.
    pub(super) fn latest_known(&self) -> DateTime<Utc> {
        self.record.clock.unwrap_or_default()
    }

    /// Returns the record before the one that was read, if files were pending in it. A second call
    /// returns `None`.
    pub(super) fn take_previous(&mut self) -> Option<Box<Record>> {
        self.previous.take()
    }

    /// Returns after the record is durable. A killed run may have renamed it into place without a
    /// sync. A power cut would then restore the older record.
    pub(super) fn confirm(&self) -> Result<(), SpoolError> {
        let folder = durable::folder_of(&self.path);
        self.disk
            .sync_folder(folder)
            .map_err(|error| SpoolError::disk("sync", folder, error))
    }

    /// Commits: from here on the staged files count as collected and `position` as reached.
    pub(super) fn commit(
        &mut self,
        staged: Staged,
        position: Option<String>,
        time: Time,
    ) -> Result<Committed, SpoolError> {
        let Staged {
            moves,
            ids,
            gaps,
            warnings,
            size,
            repeated,
        } = staged;
        let pending = moves.clone();
        let (now, to_keep, second) = (time.now, time.to_keep(), time.of_ids());
        let older = self.move_ids_to_file(now)?;
        let millis = u64::try_from(time.latest.timestamp_millis()).unwrap_or_default();
        let number = millis.max(self.record.commit + 1);
        self.replace(|record| {
            record.settle();
            if older.is_some() {
                (record.seen, record.older) = (Seen::default(), older);
            }
            if record.position != position {
                record.moved_at = to_keep;
            }
            record.position = position;
            record.clock = to_keep.or(record.clock);
            record.began = record.began.or(to_keep);
            record.pending = pending;
            record.commit = number;
            record.added.extend(ids.into_iter().map(|id| (second, id)));
            gaps.into_iter().for_each(|gap| record.add_gap(gap));
            for warning in warnings {
                record.warn(warning, now);
            }
        })?;
        Ok(Committed {
            moves,
            number,
            size,
            repeated,
        })
    }

    /// Moves the ids of the record into the file beside it if the record holds too many.
    fn move_ids_to_file(&self, now: DateTime<Utc>) -> Result<Option<known::Older>, SpoolError> {
        let record = &self.record;
        if record.seen.len() + record.added.len() < RECENT_LIMIT {
            return Ok(None);
        }
        let mut ids = record.seen.clone();
        ids.merge(record.added.clone());
        let hour = now.timestamp().div_euclid(3_600);
        let kept = known::keep(&*self.disk, &self.path, record.older.as_ref(), &ids, hour);
        kept.map(Some)
            .map_err(|error| SpoolError::disk("save ids beside", &self.path, error))
    }

    /// Replaces the record in one step and keeps the last one as `.prev`.
    pub(super) fn replace(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), SpoolError> {
        self.refuse_second_writer()?;
        let mut record = self.record.clone();
        change(&mut record);
        record.sequence += 1;
        record.format = FORMAT;
        let bytes = record.encode();
        self.keep_previous()
            .and_then(|()| durable::replace(&*self.disk, &self.path, &bytes, Mode::PRIVATE))
            .map_err(|error| SpoolError::disk("replace", &self.path, error))?;
        self.record = record;
        self.written = head(&bytes);
        Ok(())
    }

    /// Fails if the file is not the one that this process last read or wrote. Another process may
    /// have deleted the lock and changed the state.
    fn refuse_second_writer(&self) -> Result<(), SpoolError> {
        let failed = |error| SpoolError::disk("read", &self.path, error);
        let mut found = Vec::new();
        match self.disk.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => {
                let mut file = opened.map_err(failed)?.take(HEAD_BYTES);
                file.read_to_end(&mut found).map_err(failed)?;
            }
        }
        if found == self.written {
            return Ok(());
        }
        Err(SpoolError::Interfered {
            path: self.path.clone(),
        })
    }

    fn keep_previous(&self) -> io::Result<()> {
        if self.disk.entry(&self.path)?.is_none() {
            return Ok(()); // the only record left may be .prev itself
        }
        let previous = durable::with_suffix(&self.path, ".prev");
        if self.disk.entry(&previous)?.is_some() {
            self.disk.remove(&previous)?;
        }
        self.disk.link(&self.path, &previous)
    }
}

/// The number of leading bytes that tell two records apart: the first line holds the digest of all bytes.
const HEAD_BYTES: u64 = 128;

fn head(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(HEAD_BYTES as usize)].to_vec()
}

/// True if the file itself causes the error: not a regular file, too large, or not permitted.
fn is_fault_of_file(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, InvalidInput, PermissionDenied};
    matches!(error.kind(), FileTooLarge | InvalidInput | PermissionDenied)
}

/// Reads one state file. Returns damage as [`StateFile::Bad`]. A newer version, another account's
/// record, or a path without a regular file stops the program before it changes anything.
fn read_state_file(
    disk: &dyn Disk,
    path: &Path,
    expected: &Record,
) -> Result<StateFile, SpoolError> {
    let unusable = |why: String| SpoolError::Unusable {
        path: path.to_owned(),
        why,
        is_denied: false,
    };
    let bytes = match durable::read(disk, path, SIZE_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(StateFile::Absent),
        Err(error) if is_fault_of_file(&error) && !is_held(&error) => {
            return Err(SpoolError::Unusable {
                path: path.to_owned(),
                why: error.to_string(),
                is_denied: error.kind() == io::ErrorKind::PermissionDenied,
            });
        }
        // the host is out of files or memory: a disk error, so that no operator deletes a good state
        Err(error) => return Err(SpoolError::disk("read", path, error)),
    };
    let record = match Record::decode(&bytes) {
        Ok(record) => record,
        Err(Refusal::Damaged(why)) => return Ok(StateFile::Bad(why)),
        Err(Refusal::Newer(version)) => {
            return Err(unusable(format!(
                "it was written by a later version of this program (format {version})"
            )));
        }
    };
    if record.stream != expected.stream || record.account != expected.account {
        return Err(unusable(format!(
            "it belongs to stream {} of account {}, not to {} of {}",
            record.stream, record.account, expected.stream, expected.account
        )));
    }
    Ok(StateFile::Good(Box::new(record), bytes))
}
