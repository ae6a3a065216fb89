//! The state record on the disk: read with suspicion, replaced in one step, never edited.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SpoolError;
use super::record::{Record, Refusal, SIZE_LIMIT};
use super::store::{Committed, Staged};
use crate::durable::{self, Disk, Mode, is_held};

/// The one memory of a stream.
pub(super) struct Checkpoint {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    record: Record,
    /// The generation before, as long as it is of use: it names the files of the batch before.
    previous: Option<Box<Record>>,
}

/// What was found when the state was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The record of the last run.
    Current,
    /// Only the generation before it; the reason says what is wrong with the last.
    Previous(String),
    /// Nothing that can be read, though something is there.
    Unreadable(String),
    /// No state at all.
    Nothing,
}

/// One generation of the file.
enum Generation {
    Good(Box<Record>),
    Bad(String),
    Absent,
}

impl Checkpoint {
    /// Reads the newest usable generation; an unreadable one is kept aside as `.bad-<now>`.
    pub(super) fn load(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        first: Record,
        now: i64,
    ) -> Result<(Self, Found), SpoolError> {
        let previous_path = durable::with_suffix(&path, ".prev");
        let mut current = generation(&*disk, &path, &first)?;
        let previous = generation(&*disk, &previous_path, &first)?;
        if let (Generation::Good(record), Generation::Good(copy)) = (&current, &previous)
            && copy.sequence > record.sequence
        {
            // somebody put an old file back; kept in place it would become the next `.prev`
            current = Generation::Bad("it is older than the copy kept of it".to_owned());
        }
        for (bad, at) in [(&current, &path), (&previous, &previous_path)] {
            if matches!(bad, Generation::Bad(_)) {
                let aside = durable::with_suffix(at, &format!(".bad-{now}"));
                disk.rename(at, &aside)
                    .map_err(|error| SpoolError::disk("set aside", at, error))?;
            }
        }
        let mut before = None;
        let (record, found) = match (current, previous) {
            (Generation::Good(current), previous) => {
                if let Generation::Good(previous) = previous {
                    // equal: a run was killed between keeping the copy and replacing the record
                    let follows =
                        [previous.sequence, previous.sequence + 1].contains(&current.sequence);
                    before =
                        Some(previous).filter(|previous| follows && !previous.pending.is_empty());
                }
                (*current, Found::Current)
            }
            (Generation::Bad(why), Generation::Good(previous)) => (*previous, Found::Previous(why)),
            (Generation::Absent, Generation::Good(previous)) => {
                (*previous, Found::Previous("it is missing".to_owned()))
            }
            (Generation::Bad(why), _) | (_, Generation::Bad(why)) => {
                (first, Found::Unreadable(why))
            }
            (Generation::Absent, Generation::Absent) => (first, Found::Nothing),
        };
        let previous = before;
        let checkpoint = Self {
            disk,
            path,
            record,
            previous,
        };
        Ok((checkpoint, found))
    }

    pub(super) const fn record(&self) -> &Record {
        &self.record
    }

    /// The generation before the record that was read, if files were pending in it; once.
    pub(super) fn take_previous(&mut self) -> Option<Box<Record>> {
        self.previous.take()
    }

    /// Returns when the record that was read is durable. One that a killed run had just renamed into
    /// place may only be visible: a power cut would bring the older one back.
    pub(super) fn confirm(&self) -> Result<(), SpoolError> {
        let folder = durable::folder_of(&self.path);
        self.disk
            .sync_folder(folder)
            .map_err(|error| SpoolError::disk("sync", folder, error))
    }

    /// The decision: from here on the staged files count as collected and `position` as reached.
    pub(super) fn advance(
        &mut self,
        staged: Staged,
        position: Option<String>,
    ) -> Result<Committed, SpoolError> {
        let Staged {
            moves,
            ids,
            forget_before,
            gaps,
            size,
        } = staged;
        let pending = moves.clone();
        self.replace(|record| {
            record.settle();
            record.position = position;
            record.pending = pending;
            record.added.extend(ids);
            record.gaps_and_ids(gaps, forget_before);
        })?;
        Ok(Committed { moves, size })
    }

    /// Replaces the record in one step, keeping the last as `.prev`.
    pub(super) fn replace(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), SpoolError> {
        let mut record = self.record.clone();
        change(&mut record);
        record.sequence += 1;
        self.keep_previous()
            .and_then(|()| {
                durable::replace(&*self.disk, &self.path, &record.encode(), Mode::PRIVATE)
            })
            .map_err(|error| SpoolError::disk("replace", &self.path, error))?;
        self.record = record;
        Ok(())
    }

    fn keep_previous(&self) -> io::Result<()> {
        if self.disk.entry(&self.path)?.is_none() {
            return Ok(()); // the only generation left may be .prev itself
        }
        let previous = durable::with_suffix(&self.path, ".prev");
        if self.disk.entry(&previous)?.is_some() {
            self.disk.remove(&previous)?;
        }
        self.disk.link(&self.path, &previous)
    }
}

impl Record {
    fn gaps_and_ids(&mut self, gaps: Vec<super::Gap>, forget_before: Option<i64>) {
        for gap in gaps {
            self.add_gap(gap);
        }
        if let Some(second) = forget_before {
            self.seen.forget_before(second);
        }
    }
}

/// Whether what stands under the name is to blame: no file, far too large, or for somebody else.
fn is_of_the_file(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, InvalidInput, PermissionDenied};
    matches!(error.kind(), FileTooLarge | InvalidInput | PermissionDenied)
}

/// Reads one generation. Damage is an answer; a newer version, another account's record or
/// something that is no file at all stops the program before it changes anything.
fn generation(disk: &dyn Disk, path: &Path, expected: &Record) -> Result<Generation, SpoolError> {
    let unusable = |why: String| SpoolError::Unusable {
        path: path.to_owned(),
        why,
    };
    let bytes = match durable::read(disk, path, SIZE_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Generation::Absent),
        Err(error) if is_of_the_file(&error) && !is_held(&error) => {
            return Err(unusable(error.to_string()));
        }
        // a host that is short of something: nobody should move the state away for that
        Err(error) => return Err(SpoolError::disk("read", path, error)),
    };
    let record = match Record::decode(&bytes) {
        Ok(record) => record,
        Err(Refusal::Damaged(why)) => return Ok(Generation::Bad(why)),
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
    Ok(Generation::Good(Box::new(record)))
}
