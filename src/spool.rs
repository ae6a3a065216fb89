//! What is kept on disk for a stream, and the order in which it changes.
//!
//! Constraints, from outside: an agent reads the published folder at any moment and takes a file
//! for complete the moment it sees the name; the process can be killed and the power cut between
//! any two steps; the server may answer the same question differently the next time.
//!
//! Hence **commit first, then publish**. A [`Batch`] is written out of sight and synced (*staged*);
//! one atomic replacement of the state record names its files and the position after it
//! (*committed*); only then are the files renamed into the watched folder (*published*). Whatever is
//! interrupted before the commit never happened; whatever is interrupted after it is finished by
//! the next run without the network. Nothing else in the program changes these folders.
//!
//! The steps cannot be taken out of order: the receipts between them have private fields.
//!
//! ```compile_fail
//! // no commit without staged files: the receipt cannot be forged
//! let receipt = mimecast_collector::spool::Staged { moves: Vec::new() };
//! ```
//!
//! ```compile_fail
//! // no other position than the one that was committed
//! fn skip(spool: &mut mimecast_collector::spool::Spool) {
//!     spool.checkpoint.record.position = None;
//! }
//! ```
//!
//! This folder never hears of Mimecast: a position is text that only the caller understands.

mod batch;
mod checkpoint;
mod error;
mod lock;
mod name;
pub mod prune;
mod quarantine;
pub(crate) mod record;
mod recover;
mod scratch;
mod seen;
mod sieve;
mod spill;
mod store;
mod verify;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use batch::{Batch, Part, Size};
pub use error::SpoolError;
pub use lock::Lock;
pub use name::{Extension, FileName};
pub use record::Gap;
pub use recover::Recovery;
pub use scratch::{Scratch, Scratches};
pub use seen::{Digest, Seen};
pub use spill::Spill;
pub use store::Stored;

use crate::durable::{self, Disk, Kind, Mode};
use checkpoint::{Checkpoint, Found};
use record::Record;
use scratch::Staging;
use sieve::Sieve;

/// Where a stream is kept and what for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The disk below all folders.
    pub disk: Arc<dyn Disk>,
    /// Folder of the state records and of the quarantine; owner-only.
    pub state: PathBuf,
    /// Folder for unfinished files, on the file system of `published`.
    pub staging: PathBuf,
    /// The folder that an agent watches.
    pub published: PathBuf,
    /// What the names of the stream's files begin with, as far as that tells it from others in the
    /// same folder.
    pub stem: String,
    /// Name of the stream: `[a-z0-9_]`.
    pub stream: String,
    /// Account code; a record of another account is refused.
    pub account: String,
    /// Mode of published files.
    pub mode: Mode,
    /// The time of this run, for names of files that are set aside.
    pub now: DateTime<Utc>,
}

/// The files and the position of one stream, held by one process.
pub struct Spool {
    settings: Settings,
    staging: Staging,
    checkpoint: Checkpoint,
    /// Of all ids that the record remembers.
    sieve: Sieve,
    /// A commit failed half-way: only the next run can tell what is left to publish.
    halfway: bool,
    _lock: Lock,
}

impl Spool {
    /// Reads the state, finishes what an interrupted run had committed and sweeps what it had not.
    ///
    /// # Errors
    /// [`SpoolError::Unusable`] for a state that must not be changed, [`SpoolError::Disk`] else.
    pub fn open(settings: Settings, lock: Lock) -> Result<(Self, Recovery), SpoolError> {
        let disk = Arc::clone(&settings.disk);
        let path = state_path(&settings);
        let first = Record::first(&settings.stream, &settings.account);
        let (mut checkpoint, found) = Checkpoint::load(
            Arc::clone(&disk),
            path.clone(),
            first,
            settings.now.timestamp(),
        )?;
        let staging = Staging {
            disk: Arc::clone(&disk),
            folder: settings.staging.clone(),
            prefix: prefix(&settings),
        };
        let mut recovery = Recovery::default();
        let published = &settings.published;
        match found {
            Found::Current => {}
            Found::Previous(why) => recovery.warnings.push(format!(
                "the state {} was not usable ({why}): collection goes on from the copy before it",
                path.display()
            )),
            Found::Unreadable(why) => {
                recovery.lost = true;
                recovery.warnings.push(lost(&path, &why));
            }
            Found::Nothing if !has_files(&settings)? => {}
            Found::Nothing => {
                recovery.lost = true;
                recovery.warnings.push(lost(&path, "it is missing"));
            }
        }
        verify::newest(&settings, &mut checkpoint, &mut recovery)?;
        let folder = &staging.folder;
        recover::finish_pending(&*disk, folder, published, &mut checkpoint, &mut recovery)?;
        recover::sweep(&staging)?;
        Ok((
            Self {
                settings,
                staging,
                sieve: checkpoint.record().sieve(),
                checkpoint,
                halfway: false,
                _lock: lock,
            },
            recovery,
        ))
    }

    /// Where the stream goes on, as given with the last commit; nothing means from the earliest.
    #[must_use]
    pub fn position(&self) -> Option<&str> {
        self.checkpoint.record().position.as_deref()
    }

    /// Whether the id was taken by an earlier batch.
    #[must_use]
    pub fn has_seen(&self, id: Digest) -> bool {
        let record = self.checkpoint.record();
        self.sieve.may_hold(id) && (record.added.contains(id) || record.seen.contains(id))
    }

    /// End of the last run that finished, by the server's clock.
    #[must_use]
    pub fn last_success(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().last_success
    }

    /// The time before which Mimecast asked not to be asked.
    #[must_use]
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().not_before
    }

    /// A file for a download; deleted when dropped.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn scratch(&self) -> Result<Scratch, SpoolError> {
        self.scratches().make()
    }

    /// A maker of scratch files for another thread.
    #[must_use]
    pub fn scratches(&self) -> Scratches {
        Scratches(self.staging.clone())
    }

    /// A new, empty batch.
    #[must_use]
    pub fn batch(&self) -> Batch {
        Batch::new(self.staging.clone(), self.settings.mode)
    }

    /// Stages, commits and publishes a batch that ends at `position`.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]: the batch is then either not committed, or committed and published by
    /// the next run. The spool refuses every further change.
    pub fn commit(&mut self, batch: Batch, position: Option<String>) -> Result<Stored, SpoolError> {
        self.refuse_halfway()?;
        let staged = store::stage(batch)?;
        self.halfway = true;
        let committed = self.checkpoint.advance(staged, position)?;
        self.sieve = self.checkpoint.record().sieve();
        let (disk, staging) = (&*self.settings.disk, &self.staging.folder);
        let stored = store::publish(disk, staging, &self.settings.published, committed)?;
        self.halfway = false;
        Ok(stored)
    }

    /// Keeps the raw bytes of something that could not be stored as events, with a note.
    /// Returns the path; the same bytes are kept once.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]: then the position must not move.
    pub fn quarantine(&self, raw: &mut Scratch, note: &str) -> Result<PathBuf, SpoolError> {
        quarantine::keep(&self.settings, raw, note)
    }

    /// Remembers the time before which Mimecast asked not to be asked again.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn postpone(&mut self, until: DateTime<Utc>) -> Result<(), SpoolError> {
        self.refuse_halfway()?;
        self.checkpoint.replace(|record| {
            record.settle();
            record.not_before = Some(until);
        })
    }

    /// Ends a run that stops early: from here on the loss of the state file repeats nothing, as
    /// the copy kept of it knows the last batch.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn settle(&mut self) -> Result<(), SpoolError> {
        self.refuse_halfway()?;
        if self.checkpoint.record().pending.is_empty() {
            return Ok(());
        }
        self.checkpoint.replace(Record::settle)
    }

    /// Ends a run that got to the end: neither the state nor the copy kept of it has anything
    /// pending, so that either may be lost whatever becomes of the published files.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn finish(&mut self, server_now: DateTime<Utc>) -> Result<(), SpoolError> {
        self.settle()?;
        self.checkpoint.replace(|record| {
            record.settle();
            record.last_success = Some(server_now);
            record.not_before = None;
        })
    }

    /// A failed commit may have been decided and not carried out: settling it would lose its files.
    fn refuse_halfway(&self) -> Result<(), SpoolError> {
        if !self.halfway {
            return Ok(());
        }
        let why = io::Error::other("a commit failed half-way, which only the next run can mend");
        Err(SpoolError::disk(
            "change the state in",
            &self.settings.state,
            why,
        ))
    }

    /// Names of this program's files in the published folder.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn published_names(&self) -> Result<Vec<FileName>, SpoolError> {
        own_names(&*self.settings.disk, &self.settings.published)
    }

    /// Deletes files of any stream in the published folder that are older than `days`.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] when the folder cannot be listed.
    pub fn prune_published(
        &self,
        now: DateTime<Utc>,
        days: u32,
    ) -> Result<prune::Pruned, SpoolError> {
        let pending = &self.checkpoint.record().pending;
        let ours = |name: &str| {
            FileName::parse(name).is_some() && !pending.iter().any(|moved| moved.name == name)
        };
        let (disk, folder) = (&*self.settings.disk, &self.settings.published);
        prune::prune(disk, folder, now, days, ours)
    }

    /// Deletes this stream's files in the quarantine that are older than `days`.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] when the folder cannot be listed.
    pub fn prune_quarantine(
        &self,
        now: DateTime<Utc>,
        days: u32,
    ) -> Result<prune::Pruned, SpoolError> {
        let ours = |name: &str| quarantine::is_ours(name, &self.settings.stream);
        let folder = quarantine::folder(&self.settings);
        prune::prune(&*self.settings.disk, &folder, now, days, ours)
    }
}

/// When a stream last came to its end, read off its state without opening it; nothing when there is
/// no state or none that can be read.
///
/// # Errors
/// [`SpoolError::Disk`] when the file is there and cannot be read.
pub fn last_success(settings: &Settings) -> Result<Option<DateTime<Utc>>, SpoolError> {
    let path = state_path(settings);
    match durable::read(&*settings.disk, &path, record::SIZE_LIMIT) {
        Ok(bytes) => Ok(Record::decode(&bytes)
            .ok()
            .and_then(|record| record.last_success)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SpoolError::disk("read", &path, error)),
    }
}

fn state_path(settings: &Settings) -> PathBuf {
    settings.state.join(format!("{}.state", settings.stream))
}

/// Whether the stream has published before, as far as names tell.
fn has_files(settings: &Settings) -> Result<bool, SpoolError> {
    let names = own_names(&*settings.disk, &settings.published)?;
    Ok(names
        .iter()
        .any(|name| name.as_str().starts_with(&settings.stem)))
}

/// Staging names of one stream of one installation begin with this.
fn prefix(settings: &Settings) -> String {
    let installation = record::digest(settings.state.to_string_lossy().as_bytes());
    format!("{}-{}-", settings.stream, &installation[..8])
}

fn own_names(disk: &dyn Disk, folder: &Path) -> Result<Vec<FileName>, SpoolError> {
    let listed = disk
        .list(folder)
        .map_err(|error| SpoolError::disk("list", folder, error))?;
    let files = listed.iter().filter(|entry| entry.kind == Kind::File);
    Ok(files
        .filter_map(|entry| FileName::parse(&entry.name))
        .collect())
}

fn lost(path: &Path, why: &str) -> String {
    format!(
        "the state {} was lost ({why}): collection starts again, as early as it takes to lose \
         nothing, and files that are already there are not written twice",
        path.display()
    )
}
