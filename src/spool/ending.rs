//! Ending a run: troubles that are counted, warnings that are told, a data folder that is handed over.

use std::collections::BTreeMap;
use std::io;

use chrono::{DateTime, Utc};

use super::owner::Ours;
use super::publish::restamp;
use super::record::Record;
use super::{Spool, SpoolError};

/// How a stream is left by a run that did not get to its end.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// What went wrong, by stable names.
    pub troubles: Vec<String>,
    /// The time before which Mimecast asked not to be asked again.
    pub not_before: Option<DateTime<Utc>>,
}

impl Spool {
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
        let mut dated = Ok(());
        for name in self.recovered.drain(..) {
            let path = self.settings.published.join(name);
            match restamp(disk, &path, published_at.into()) {
                // an agent has taken it
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                stamped => {
                    dated =
                        dated.and(stamped.map_err(|error| SpoolError::disk("date", &path, error)));
                }
            }
        }
        self.mark().and(dated)
    }

    /// Lets the data folder say which state is the newest.
    fn mark(&mut self) -> Result<(), SpoolError> {
        let record = self.checkpoint.record();
        let (id, sequence) = (&*record.id, record.sequence);
        self.marker
            .write(&*self.settings.disk, &Ours { id, sequence })
    }

    /// Warnings that no run has told yet.
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
}

/// Returns how often each trouble has now occurred in a row; others are over.
fn counted(before: &BTreeMap<String, u32>, now: &[String]) -> BTreeMap<String, u32> {
    let runs = |name: &String| before.get(name).copied().unwrap_or_default();
    now.iter()
        .map(|name| (name.clone(), runs(name).saturating_add(1)))
        .collect()
}
