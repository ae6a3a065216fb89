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
//! The steps cannot be taken out of order: what `publish` returns for one has private fields, and the next
//! takes it as its argument.
//!
//! This folder never hears of Mimecast: a position is text that only the caller understands.

mod batch;
mod checkpoint;
mod ending;
mod error;
mod gap;
mod known;
mod lock;
mod name;
mod opening;
mod owner;
pub mod prune;
mod publish;
mod published;
mod quarantine;
mod recall;
pub(crate) mod record;
mod recover;
mod seen;
mod staging;
mod time;
mod verify;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use batch::{Batch, Part};
pub use ending::Left;
pub use error::SpoolError;
pub use gap::Gap;
pub use lock::Lock;
pub use name::{Extension, FileName};
pub use opening::last_success;
pub use owner::Adopt;
pub use publish::Stored;
pub use recover::Recovery;
pub use seen::Digest;
pub use staging::{Scratch, Scratches};

use crate::durable::{Disk, Mode};
use checkpoint::Checkpoint;
use known::{Known, Older};
use owner::Marker;
use record::Record;
use staging::Staging;
use time::Time;

/// Where a stream is kept and what for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The disk below all folders.
    pub disk: Arc<dyn Disk>,
    /// The data folder, which belongs to one installation.
    pub data: PathBuf,
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
    /// The host's time at the start of the run.
    pub now: DateTime<Utc>,
    /// Whether a data folder of another installation is taken over.
    pub adopt: Adopt,
}

/// The files and the position of one stream, held by one process.
pub struct Spool {
    settings: Settings,
    staging: Staging,
    checkpoint: Checkpoint,
    marker: Marker,
    /// The memory of what was published, once it was needed.
    known: RefCell<Option<Known>>,
    /// The sound part of the ids beside the record, if the next replacement has to name that.
    shortened: RefCell<Option<Older>>,
    /// Warnings that the next replacement of the record keeps.
    unsaved: RefCell<Vec<String>>,
    /// Names of files that this run has published.
    published: HashSet<String>,
    /// Names of files that an earlier run had committed and this one has published.
    recovered: Vec<String>,
    /// Whether the record said so when the run began.
    is_resumed: bool,
    /// The latest plausible time, as long as the time is unknown.
    unknown_until: Option<DateTime<Utc>>,
    /// A commit failed half-way: only the next run can tell what is left to publish.
    halfway: bool,
    lock: Lock,
}

impl Spool {
    /// Where the stream goes on, as given with the last commit; `None` means from the earliest.
    pub fn position(&self) -> Option<&str> {
        self.checkpoint.record().position.as_deref()
    }

    /// True if the state was lost or is older than what was published, and no run has got to its end
    /// since: what the service sends may have been published already.
    pub const fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// End of the last run that finished.
    pub fn last_success(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().last_success
    }

    /// When the stream was collected for the first time.
    pub fn began(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().began
    }

    /// True if a gap is recorded that begins at this time for this reason.
    pub fn has_gap(&self, from: DateTime<Utc>, reason: &str) -> bool {
        let gaps = &self.checkpoint.record().gaps;
        gaps.iter()
            .any(|gap| gap.from == Some(from) && gap.reason == reason)
    }

    /// When the position was moved last. For a record of version 0.1.0, when the file was written.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] when the file cannot be looked at.
    pub fn moved_at(&self) -> Result<Option<DateTime<Utc>>, SpoolError> {
        if let Some(moved_at) = self.checkpoint.record().moved_at {
            return Ok(Some(moved_at));
        }
        let path = state_path(&self.settings);
        let entry = self.settings.disk.entry(&path);
        let entry = entry.map_err(|error| SpoolError::disk("look at", &path, error))?;
        Ok(entry.and_then(|entry| entry.modified).map(DateTime::from))
    }

    /// The earliest plausible time at the end of the last run.
    pub fn clock(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().clock
    }

    /// The time before which Mimecast asked not to be asked.
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().not_before
    }

    /// In how many runs in a row before this one a trouble has occurred.
    pub fn runs_with(&self, trouble: &str) -> u32 {
        let troubles = &self.checkpoint.record().troubles;
        troubles.get(trouble).copied().unwrap_or_default()
    }

    /// A file for a download; deleted when dropped.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn scratch(&self) -> Result<Scratch, SpoolError> {
        self.scratches().make()
    }

    /// A maker of scratch files for another thread.
    pub fn scratches(&self) -> Scratches {
        Scratches(self.staging.clone())
    }

    /// A new, empty batch, whose files age from `published_at`.
    pub fn batch(&self, published_at: DateTime<Utc>) -> Batch {
        Batch::new(self.staging.clone(), self.settings.mode, published_at)
    }

    /// Says whether the time is unknown, and until when it can be at the latest. As long as it is, no time
    /// is kept for later runs, which would take it for true.
    pub const fn set_unknown_time(&mut self, latest: Option<DateTime<Utc>>) {
        self.unknown_until = latest;
    }

    fn time(&self, now: DateTime<Utc>, latest: DateTime<Utc>) -> Time {
        Time {
            now,
            latest: latest.max(now),
            unknown_until: self.unknown_until,
        }
    }

    /// Stages, commits and publishes a batch that ends at `position`; `now` is the earliest plausible
    /// time.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`]: the batch is then either not committed, or
    /// committed and published by the next run. The spool refuses every further change.
    pub fn commit(
        &mut self,
        batch: Batch,
        position: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Stored, SpoolError> {
        self.refuse_halfway()?;
        self.lock.check()?;
        if self.shortened.borrow().is_some() {
            self.replace(now, |_| ())?;
        }
        let time = self.time(now, batch.published_at());
        let mut staged = publish::stage(batch)?;
        for text in self.unsaved.take() {
            let daily = None;
            staged.warnings.push(gap::Warning { text, daily });
        }
        let ids = staged.ids.clone();
        self.halfway = true;
        let committed = self.checkpoint.advance(staged, position, time)?;
        if let Some(known) = &mut *self.known.borrow_mut() {
            known.extend(ids);
        }
        let (disk, staging) = (&*self.settings.disk, &self.staging.folder);
        let stored = publish::publish(disk, staging, &self.settings.published, committed)?;
        self.halfway = false;
        self.published.extend(stored.names.iter().cloned());
        for name in &stored.renamed {
            self.warn(format!(
                "a published file was changed by someone else: its name was taken, and the new \
                 file is called {name}"
            ));
        }
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

    /// Keeps a warning that belongs to no batch until a run has told it.
    pub fn warn(&self, text: String) {
        tracing::warn!(text, "a warning for the operator");
        self.unsaved.borrow_mut().push(text);
    }

    /// Replaces the record, with all warnings that wait for that.
    fn replace(
        &mut self,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), SpoolError> {
        self.lock.check()?;
        let unsaved = self.unsaved.borrow().clone();
        let shortened = self.shortened.borrow().clone();
        self.checkpoint.replace(|record| {
            record.older = shortened.or_else(|| record.older.take());
            record.warn_all(&unsaved, now);
            change(record);
        })?;
        self.unsaved.take();
        self.shortened.take();
        Ok(())
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
}

fn state_path(settings: &Settings) -> PathBuf {
    settings.state.join(format!("{}.state", settings.stream))
}

/// Staging names of one stream of one installation begin with this.
fn prefix(settings: &Settings) -> String {
    let installation = record::digest(settings.state.to_string_lossy().as_bytes());
    format!("{}-{}-", settings.stream, &installation[..8])
}
