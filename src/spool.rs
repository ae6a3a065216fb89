//! The files of one stream on the disk, and the order in which the collector changes them.
//!
//! The outside world sets three constraints. An agent reads the published folder at any moment, and
//! treats each visible file as complete. The process can be killed, and the power can fail, between
//! any two steps. The server may answer the same request differently the next time.
//!
//! Therefore the collector **commits first and publishes then**. It writes a [`Batch`] into a
//! hidden folder and syncs the files (*staged*). One atomic replacement of the state record names
//! these files and the position after them (*committed*). Only then does the collector rename the
//! files into the watched folder (*published*).
//!
//! After an interruption before the commit, the next run fetches the batch again. After an
//! interruption after the commit, the next run publishes the files without the network. No other
//! part of the program changes these folders.
//!
//! No caller can change the order of the steps. Each step returns a receipt with private fields,
//! and the next step needs that receipt.
//!
//! Nothing in this folder depends on Mimecast: a position is text that only the caller understands.

mod batch;
mod checkpoint;
mod ending;
mod error;
mod gap;
mod known;
mod lock;
mod name;
mod opening;
pub(crate) mod outbox;
mod owner;
mod part;
pub mod prune;
mod publish;
mod published;
mod quarantine;
mod recall;
pub(crate) mod record;
mod recover;
mod seen;
mod settings;
mod staging;
mod takeover;
mod time;
mod verify;
mod view;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

pub use batch::Batch;
pub use ending::Left;
pub use error::SpoolError;
pub use gap::Gap;
pub use lock::Lock;
pub use name::{Extension, FileName};
pub use outbox::Queued;
pub use owner::Adopt;
pub use part::Part;
pub use publish::{PublishedFile, Stored};
pub use published::{Check, check_published, is_named_after};
pub use quarantine::keep_line as quarantine_line;
pub use recover::Recovery;
pub use seen::Digest;
pub use settings::{Settings, Stems, Wanted};
pub use staging::{Scratch, Scratches};
pub use takeover::{Takeover, used_state};
pub use view::{Facts, View, quarantined, view};

use checkpoint::Checkpoint;
use known::{Known, Older};
use owner::Marker;
use record::Record;
use settings::state_path;
use staging::Staging;
use time::Time;

/// The files and the position of one stream. Only one process holds them at a time.
pub struct Spool {
    settings: Settings,
    staging: Staging,
    checkpoint: Checkpoint,
    marker: Marker,
    /// The digests of published ids and contents. `None` until a caller asks for them.
    known: RefCell<Option<Known>>,
    /// The undamaged part of the ids beside the record, if the next replacement must name it.
    undamaged_ids: RefCell<Option<Older>>,
    /// Warnings that the next replacement of the record saves.
    unsaved: RefCell<Vec<String>>,
    /// Names of the files that this run has published.
    published: HashSet<String>,
    /// Names of the files that an earlier run committed and this run published.
    recovered: Vec<String>,
    /// True if the record was marked as resumed at the start of the run.
    is_resumed: bool,
    /// The latest plausible time, while the time is unknown.
    unknown_until: Option<DateTime<Utc>>,
    /// True after a failed commit. Only the next run can tell which files still need publishing.
    commit_failed: bool,
    lock: Lock,
}

impl Spool {
    /// Returns the position of the last commit. `None` means from the earliest.
    pub fn position(&self) -> Option<&str> {
        self.checkpoint.record().position.as_deref()
    }

    /// True if the state was lost or restored and no run has finished since. The service may then
    /// send events that are already published.
    pub const fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// Returns the end of the last run that finished.
    pub fn last_success(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().last_success
    }

    /// Returns the time of the stream's first run.
    pub fn began(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().began
    }

    /// True if the record holds a gap with this beginning and this reason.
    pub fn has_gap(&self, from: DateTime<Utc>, reason: &str) -> bool {
        let gaps = &self.checkpoint.record().gaps;
        gaps.iter()
            .any(|gap| gap.from == Some(from) && gap.reason == reason)
    }

    /// Returns the time at which the position last changed. For a record of version 0.1.0, returns
    /// the file's modification time.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the disk cannot tell the file's time.
    pub fn moved_at(&self) -> Result<Option<DateTime<Utc>>, SpoolError> {
        if let Some(moved_at) = self.checkpoint.record().moved_at {
            return Ok(Some(moved_at));
        }
        let path = state_path(&self.settings);
        let entry = self.settings.disk.entry(&path);
        let entry = entry.map_err(|error| SpoolError::disk("read the time of", &path, error))?;
        Ok(entry.and_then(|entry| entry.modified).map(DateTime::from))
    }

    /// Returns the earliest plausible time at the end of the last run.
    pub fn clock(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().clock
    }

    /// Returns the time before which Mimecast asked for no further request.
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().not_before
    }

    /// Returns the number of successive runs before this one in which a trouble has occurred.
    pub fn runs_with(&self, trouble: &str) -> u32 {
        let troubles = &self.checkpoint.record().troubles;
        troubles.get(trouble).copied().unwrap_or_default()
    }

    /// Makes a file for a download. Dropping it deletes it.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn scratch(&self) -> Result<Scratch, SpoolError> {
        self.scratches().make()
    }

    /// Returns a maker of scratch files for another thread.
    pub fn scratches(&self) -> Scratches {
        Scratches(self.staging.clone())
    }

    /// Makes an empty batch. The age of its files counts from `published_at`.
    pub fn batch(&self, published_at: DateTime<Utc>) -> Batch {
        let wanted = self.settings.wanted.clone();
        Batch::new(
            self.staging.clone(),
            self.settings.mode,
            wanted,
            published_at,
        )
    }

    /// Sets the latest plausible time, or `None` if the time is known. While it is set, the spool
    /// saves no time, because later runs would trust it.
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

    /// Stages, commits and publishes a batch that ends at `position`. `now` is the earliest plausible time.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`]. Either the batch is not committed, or
    /// the next run publishes it. The spool refuses every further change.
    pub fn commit(
        &mut self,
        batch: Batch,
        position: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Stored, SpoolError> {
        self.refuse_after_failed_commit()?;
        self.lock.check()?;
        if self.undamaged_ids.borrow().is_some() {
            self.replace(now, |_| ())?;
        }
        let time = self.time(now, batch.published_at());
        let mut staged = publish::stage(batch)?;
        for text in self.unsaved.take() {
            let daily = None;
            staged.warnings.push(gap::Warning { text, daily });
        }
        let ids = staged.ids.clone();
        self.commit_failed = true;
        let committed = self.checkpoint.commit(staged, position, time)?;
        if let Some(known) = &mut *self.known.borrow_mut() {
            known.extend(ids);
        }
        let stored = publish::publish(&self.settings, committed)?;
        self.commit_failed = false;
        let names = stored.files.iter().map(|file| file.name.clone());
        self.published.extend(names);
        for name in &stored.renamed {
            self.warn(format!(
                "another program changed a published file: its name is in use, so the new \
                 file is called {name}"
            ));
        }
        Ok(stored)
    }

    /// Copies raw bytes that are not readable as events into the quarantine, with a note. Returns
    /// the path. The quarantine stores the same bytes only once.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]: then the caller must not move the position.
    pub fn quarantine(&self, raw: &mut Scratch, note: &str) -> Result<PathBuf, SpoolError> {
        quarantine::keep(&self.settings, raw, note)
    }

    /// Saves a warning that belongs to no batch until a run has reported it.
    pub fn warn(&self, text: String) {
        tracing::warn!("{text}");
        self.unsaved.borrow_mut().push(text);
    }

    /// Replaces the record, together with all unsaved warnings.
    fn replace(
        &mut self,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), SpoolError> {
        self.lock.check()?;
        let unsaved = self.unsaved.borrow().clone();
        let undamaged_ids = self.undamaged_ids.borrow().clone();
        self.checkpoint.replace(|record| {
            record.older = undamaged_ids.or_else(|| record.older.take());
            record.warn_all(&unsaved, now);
            change(record);
        })?;
        self.unsaved.take();
        self.undamaged_ids.take();
        Ok(())
    }

    /// Fails after a failed commit. The record may name files that are not published, and settling
    /// it would lose them.
    fn refuse_after_failed_commit(&self) -> Result<(), SpoolError> {
        if !self.commit_failed {
            return Ok(());
        }
        let why = io::Error::other("an earlier commit failed: only the next run can finish it");
        Err(SpoolError::disk(
            "change the state in",
            &self.settings.state,
            why,
        ))
    }
}
