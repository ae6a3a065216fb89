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
mod known;
mod lock;
mod name;
mod owner;
pub mod prune;
mod quarantine;
pub(crate) mod record;
mod recover;
mod scratch;
mod seen;
mod spill;
mod store;
mod time;
mod verify;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use batch::{Batch, Part, Size};
pub use error::SpoolError;
pub use lock::Lock;
pub use name::{Extension, FileName};
pub use owner::Adopt;
pub use record::Gap;
pub use recover::Recovery;
pub use scratch::{Scratch, Scratches};
pub use seen::{Digest, Seen};
pub use spill::Spill;
pub use store::Stored;

use crate::durable::{self, Disk, Kind, Mode};
use checkpoint::{Checkpoint, Found};
use known::{Known, Older};
use owner::{Marker, Ours, Verdict};
use record::Record;
use scratch::Staging;
use store::restamp;
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

/// How a stream is left by a run that did not get to its end.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// What went wrong, by stable names.
    pub troubles: Vec<String>,
    /// The time before which Mimecast asked not to be asked again.
    pub not_before: Option<DateTime<Utc>>,
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
    /// Reads the state, finishes what an interrupted run had committed and sweeps what it had not.
    ///
    /// # Errors
    /// [`SpoolError::Unusable`] for a state that must not be changed, [`SpoolError::Foreign`] for a data
    /// folder of another installation, [`SpoolError::Disk`] else.
    pub fn open(settings: Settings, lock: Lock) -> Result<(Self, Recovery), SpoolError> {
        let disk = Arc::clone(&settings.disk);
        let path = state_path(&settings);
        let first = Record::first(&settings.stream, &settings.account);
        let now = settings.now;
        let (mut checkpoint, found) =
            Checkpoint::load(Arc::clone(&disk), path.clone(), first, now.timestamp())?;
        let mut recovery = Recovery::default();
        let marker = own(&settings, &mut checkpoint, &found, &mut recovery)?;
        judge_state(&settings, &found, &marker, &mut recovery)?;
        let staging = Staging {
            disk: Arc::clone(&disk),
            folder: settings.staging.clone(),
            prefix: prefix(&settings),
        };
        verify::newest(&settings, &mut checkpoint, &mut recovery)?;
        let missing = recover::finish_pending(&settings, &checkpoint, &mut recovery)?;
        let shortened = check_memory(&settings, &checkpoint, &mut recovery)?;
        let is_resumed = recovery.lost || recovery.older;
        if missing > 0 || !recovery.warnings.is_empty() {
            checkpoint.replace(|record| {
                if missing > 0 {
                    record.go_back();
                }
                if is_resumed {
                    record.resumed = true;
                    // no record of an earlier run counts as newer than this one from here on
                    record.sequence = record.sequence.max(marker.newest());
                }
                record.older = shortened.or_else(|| record.older.take());
                record.warn_all(&recovery.warnings, now);
            })?;
        }
        recover::sweep(&staging)?;
        let spool = Self {
            settings,
            staging,
            is_resumed: checkpoint.record().resumed,
            checkpoint,
            marker,
            known: RefCell::default(),
            shortened: RefCell::default(),
            unsaved: RefCell::default(),
            published: recovery.names.iter().cloned().collect(),
            recovered: recovery.names.clone(),
            unknown_until: None,
            halfway: false,
            lock,
        };
        Ok((spool, recovery))
    }

    /// Where the stream goes on, as given with the last commit; `None` means from the earliest.
    #[must_use]
    pub fn position(&self) -> Option<&str> {
        self.checkpoint.record().position.as_deref()
    }

    /// True if the state was lost or is older than what was published, and no run has got to its end
    /// since: what the service sends may have been published already.
    #[must_use]
    pub const fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// True if the id was remembered with an earlier batch.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] when the memory cannot be read.
    pub fn has_seen(&self, id: Digest) -> Result<bool, SpoolError> {
        if self.known.borrow().is_none() {
            self.recall_since(i64::MIN)?;
        }
        let known = self.known.borrow();
        Ok(known.as_ref().is_some_and(|known| known.contains(id)))
    }

    /// Whether one of two digests with the same first half belongs to what was published.
    ///
    /// # Errors
    /// As [`Spool::has_seen`].
    pub fn has_seen_either(&self, one: Digest, other: Digest) -> Result<bool, SpoolError> {
        if self.known.borrow().is_none() {
            self.recall_since(i64::MIN)?;
        }
        let known = self.known.borrow();
        Ok(known
            .as_ref()
            .is_some_and(|known| known.contains_either(one, other)))
    }

    /// Reads what was remembered from this second since 1970 on; older ids are then not found.
    ///
    /// # Errors
    /// As [`Spool::has_seen`].
    pub fn recall_since(&self, second: i64) -> Result<(), SpoolError> {
        let hour = second.div_euclid(3_600);
        if let Some(known) = &*self.known.borrow()
            && known.reaches(hour)
        {
            return Ok(());
        }
        let (record, path) = (self.checkpoint.record(), state_path(&self.settings));
        let (disk, recent) = (&*self.settings.disk, [&record.seen, &record.added]);
        let loaded = Known::load(disk, &path, record.older.as_ref(), recent, hour);
        let (known, shortened) =
            loaded.map_err(|error| SpoolError::disk("read the ids beside", &path, error))?;
        if shortened.is_some() && self.shortened.borrow().is_none() {
            self.warn(forgotten(&path));
        }
        *self.shortened.borrow_mut() = shortened;
        tracing::debug!(
            ids = known.len(),
            bytes = record.older.as_ref().map_or(0, Older::bytes),
            "the memory of what was published is read"
        );
        *self.known.borrow_mut() = Some(known);
        Ok(())
    }

    /// End of the last run that finished.
    #[must_use]
    pub fn last_success(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().last_success
    }

    /// When the stream was collected for the first time.
    #[must_use]
    pub fn began(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().began
    }

    /// True if a gap is recorded that begins at this time for this reason.
    #[must_use]
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
    #[must_use]
    pub fn clock(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().clock
    }

    /// The time before which Mimecast asked not to be asked.
    #[must_use]
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        self.checkpoint.record().not_before
    }

    /// In how many runs in a row before this one a trouble has occurred.
    #[must_use]
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
    #[must_use]
    pub fn scratches(&self) -> Scratches {
        Scratches(self.staging.clone())
    }

    /// A new, empty batch, whose files age from `published_at`.
    #[must_use]
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
        let mut staged = store::stage(batch)?;
        for text in self.unsaved.take() {
            let daily = None;
            staged.warnings.push(record::Warning { text, daily });
        }
        let ids = staged.ids.clone();
        self.halfway = true;
        let committed = self.checkpoint.advance(staged, position, time)?;
        if let Some(known) = &mut *self.known.borrow_mut() {
            known.extend(ids);
        }
        let (disk, staging) = (&*self.settings.disk, &self.staging.folder);
        let stored = store::publish(disk, staging, &self.settings.published, committed)?;
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

    /// Ends a run that stops early: from here on the loss of the state file repeats nothing, as
    /// the copy kept of it knows the last batch. Writes nothing if nothing has changed.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`].
    pub fn leave(&mut self, left: &Left, now: DateTime<Utc>) -> Result<(), SpoolError> {
        self.refuse_halfway()?;
        let record = self.checkpoint.record();
        let troubles = counted(&record.troubles, &left.troubles);
        let is_same = record.sequence > 0
            && record.pending.is_empty()
            && troubles == record.troubles
            && left.not_before.is_none()
            && self.unsaved.borrow().is_empty();
        if is_same {
            return Ok(());
        }
        let to_keep = self.time(now, now).to_keep();
        self.replace(now, |record| {
            record.settle();
            record.began = record.began.or(to_keep);
            record.troubles = troubles;
            record.not_before = left.not_before.or(record.not_before);
        })
    }

    /// Ends a run that got to the end: neither the state nor the copy kept of it has anything
    /// pending, so that either may be lost whatever becomes of the published files. `troubles` are those
    /// that did not keep it from its end.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`].
    pub fn finish(&mut self, now: DateTime<Utc>, troubles: &[String]) -> Result<(), SpoolError> {
        self.refuse_halfway()?;
        if !self.checkpoint.record().pending.is_empty() {
            self.replace(now, Record::settle)?;
        }
        let to_keep = self.time(now, now).to_keep();
        self.replace(now, |record| {
            record.settle();
            record.resumed = false;
            record.last_success = to_keep.or(record.last_success);
            record.clock = to_keep.or(record.clock);
            record.began = record.began.or(to_keep);
            record.not_before = None;
            record.troubles = counted(&record.troubles, troubles);
        })
    }

    /// Saves in how many runs in a row a trouble has occurred that ends no stream.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`].
    pub fn count_trouble(
        &mut self,
        name: &str,
        runs: u32,
        now: DateTime<Utc>,
    ) -> Result<(), SpoolError> {
        self.refuse_halfway()?;
        self.replace(now, |record| {
            record.troubles.insert(name.to_owned(), runs);
        })
    }

    /// Ends the work on the data folder: files that were recovered age from `published_at`, and the
    /// folder says which state is the newest.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]: files may be deleted too early, or a state that is restored later is not
    /// recognised.
    pub fn hand_over(&mut self, published_at: DateTime<Utc>) -> Result<(), SpoolError> {
        let disk = &*self.settings.disk;
        for name in self.recovered.drain(..) {
            let path = self.settings.published.join(name);
            match restamp(disk, &path, published_at.into()) {
                // an agent has taken it
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                stamped => stamped.map_err(|error| SpoolError::disk("date", &path, error))?,
            }
        }
        self.mark()
    }

    /// Lets the data folder say which state is the newest.
    fn mark(&mut self) -> Result<(), SpoolError> {
        let record = self.checkpoint.record();
        let (id, sequence) = (&*record.id, record.sequence);
        self.marker
            .write(&*self.settings.disk, &Ours { id, sequence })
    }

    /// Warnings that no run has told yet.
    #[must_use]
    pub fn untold(&self) -> Vec<String> {
        let mut untold = self.checkpoint.record().untold.clone();
        untold.extend(self.unsaved.borrow().iter().cloned());
        untold
    }

    /// Forgets the warnings, once they have been told.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`]: then they may be told again.
    pub fn forget_told(&mut self, now: DateTime<Utc>) -> Result<(), SpoolError> {
        self.unsaved.take();
        if self.checkpoint.record().untold.is_empty() && self.shortened.borrow().is_none() {
            return Ok(());
        }
        self.replace(now, |record| record.untold.clear())?;
        self.mark()
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

    /// Names of this program's files in the published folder.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn published_names(&self) -> Result<Vec<FileName>, SpoolError> {
        own_names(&*self.settings.disk, &self.settings.published)
    }

    /// Opens a published file for reading; `None` if an agent has taken it.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn read_published(
        &self,
        name: &FileName,
    ) -> Result<Option<impl io::Read + use<>>, SpoolError> {
        let path = self.settings.published.join(name.as_str());
        match self.settings.disk.open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SpoolError::disk("read", &path, error)),
        }
    }

    /// The error of a published file that cannot be read.
    pub(crate) fn failed_to_read(&self, name: &FileName, error: io::Error) -> SpoolError {
        let path = self.settings.published.join(name.as_str());
        SpoolError::disk("read", &path, error)
    }

    /// Names of files that this run has published: they are never deleted by it.
    pub fn published_now(&self) -> impl Iterator<Item = &String> {
        self.published.iter()
    }

    /// Deletes files of any stream in the published folder that are older than `days`, except those
    /// in `spared`.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] when the folder cannot be listed.
    pub fn prune_published(
        &self,
        now: DateTime<Utc>,
        days: u32,
        spared: &HashSet<String>,
    ) -> Result<prune::Pruned, SpoolError> {
        let pending = &self.checkpoint.record().pending;
        let ours = |name: &str| {
            FileName::parse(name).is_some()
                && !spared.contains(name)
                && !pending.iter().any(|moved| moved.name == name)
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

/// Makes sure that the data folder is this installation's, and gives a new record its id.
fn own(
    settings: &Settings,
    checkpoint: &mut Checkpoint,
    found: &Found,
    recovery: &mut Recovery,
) -> Result<Marker, SpoolError> {
    let record = checkpoint.record();
    let sequence = record.sequence;
    let (id, is_nameless) = (&*record.id, record.id.is_empty());
    let (mut marker, verdict) = Marker::read(settings, &Ours { id, sequence })?;
    if is_nameless {
        checkpoint.name(marker.id_for(&verdict));
    }
    match verdict {
        Verdict::Ours => {}
        Verdict::Older if *found == Found::Current => {
            recovery.older = true;
            recovery.warnings.push(format!(
                "the state {} is older than what was published, as after the restoration of a \
                 backup: collection goes on from it, and events that were published since may be \
                 published again",
                state_path(settings).display()
            ));
        }
        Verdict::Older => {}
        Verdict::Foreign(state) if settings.adopt == Adopt::No => {
            return Err(SpoolError::Foreign {
                data: settings.data.clone(),
                is_exchanged: state == settings.state,
                state,
            });
        }
        Verdict::Foreign(state) if state == settings.state => recovery.warnings.push(format!(
            "the data folder {} was taken over for the state of another installation: events that this \
             state counts as collected may be missing there, and others may be published again",
            settings.data.display()
        )),
        Verdict::Foreign(state) => recovery.warnings.push(format!(
            "the data folder {} was taken over from the installation whose state is in {}: events \
             that it has published may be published again",
            settings.data.display(),
            state.display()
        )),
    }
    // from its first moment on a run keeps other installations out
    let id = &*checkpoint.record().id;
    marker.claim(&*settings.disk, &Ours { id, sequence })?;
    Ok(marker)
}

/// Says what is wrong with the state that was read, if anything is.
fn judge_state(
    settings: &Settings,
    found: &Found,
    marker: &Marker,
    recovery: &mut Recovery,
) -> Result<(), SpoolError> {
    let path = state_path(settings);
    match found {
        Found::Current => {}
        Found::Previous(why) => recovery.warnings.push(format!(
            "the state {} was not usable ({why}): collection goes on from the copy before it",
            path.display()
        )),
        Found::Unreadable(why) => {
            recovery.lost = true;
            recovery.warnings.push(lost(&path, why));
        }
        Found::Nothing => {
            if marker.was_there() || has_files(settings)? || was_set_aside(settings)? {
                recovery.lost = true;
                recovery.warnings.push(lost(&path, "it is missing"));
            }
        }
    }
    Ok(())
}

/// Says so if ids beside the record are gone, and returns what is left of them.
fn check_memory(
    settings: &Settings,
    checkpoint: &Checkpoint,
    recovery: &mut Recovery,
) -> Result<Option<Older>, SpoolError> {
    let (path, disk) = (state_path(settings), &*settings.disk);
    let Some(older) = &checkpoint.record().older else {
        return Ok(None);
    };
    let failed = |error| SpoolError::disk("look at the ids beside", &path, error);
    if older.is_there(disk, &path).map_err(failed)? {
        return Ok(None);
    }
    recovery.warnings.push(forgotten(&path));
    older.sound(disk, &path).map(Some).map_err(failed)
}

fn forgotten(path: &Path) -> String {
    format!(
        "the ids of published events beside {} are damaged or missing: some events may be published \
         again",
        path.display()
    )
}

/// Returns how often each trouble has now occurred in a row; others are over.
fn counted(before: &BTreeMap<String, u32>, now: &[String]) -> BTreeMap<String, u32> {
    let runs = |name: &String| before.get(name).copied().unwrap_or_default();
    now.iter()
        .map(|name| (name.clone(), runs(name).saturating_add(1)))
        .collect()
}

/// True if a damaged state of the stream was set aside by an earlier run.
fn was_set_aside(settings: &Settings) -> Result<bool, SpoolError> {
    let folder = &settings.state;
    let listed = settings.disk.list(folder);
    let listed = listed.map_err(|error| SpoolError::disk("list", folder, error))?;
    let prefix = format!("{}.state", settings.stream);
    Ok(listed.iter().any(|entry| {
        let rest = entry.name.strip_prefix(&prefix);
        rest.is_some_and(|rest| rest.contains(".bad-"))
    }))
}

/// When a stream last came to its end, read off its state without opening it. `None` if there is no
/// state, or none of this stream and account that can be read.
///
/// # Errors
/// [`SpoolError::Disk`] when the file is there and cannot be read.
pub fn last_success(settings: &Settings) -> Result<Option<DateTime<Utc>>, SpoolError> {
    let path = state_path(settings);
    let is_ours =
        |record: &Record| record.stream == settings.stream && record.account == settings.account;
    match durable::read(&*settings.disk, &path, record::SIZE_LIMIT) {
        Ok(bytes) => {
            let record = Record::decode(&bytes).ok().filter(is_ours);
            Ok(record.and_then(|record| record.last_success))
        }
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
