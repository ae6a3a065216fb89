//! The end of a run: the collector counts troubles, reports warnings and marks the data folder.

use std::collections::BTreeMap;
use std::io;

use chrono::{DateTime, Utc};

use super::owner::OwnState;
use super::publish::raise_modified_time;
use super::record::Record;
use super::{Spool, SpoolError};

/// The outcome of a run that stopped early.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// The stable names of the troubles.
    pub troubles: Vec<String>,
    /// The time before which Mimecast asked for no further request.
    pub not_before: Option<DateTime<Utc>>,
}

impl Spool {
    /// Saves the outcome of a run that stopped early. The copy of the state then knows the last
    /// batch, so that losing the state file repeats no event. Writes only if something has changed.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`].
    pub fn leave(&mut self, left: &Left, now: DateTime<Utc>) -> Result<(), SpoolError> {
        self.refuse_after_failed_commit()?;
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

    /// Saves the outcome of a run that finished. Afterwards neither the state nor its copy has
    /// pending files. Either may be lost then, even if the agents have removed the published files.
    /// `troubles` are those that did not stop the run.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`].
    pub fn finish(&mut self, now: DateTime<Utc>, troubles: &[String]) -> Result<(), SpoolError> {
        self.refuse_after_failed_commit()?;
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

    /// Saves the number of successive runs with a trouble that stops no stream.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`].
    pub fn count_trouble(
        &mut self,
        name: &str,
        runs: u32,
        now: DateTime<Utc>,
    ) -> Result<(), SpoolError> {
        self.refuse_after_failed_commit()?;
        self.replace(now, |record| {
            record.troubles.insert(name.to_owned(), runs);
        })
    }

    /// Ends the work on the data folder. The age of recovered files then counts from
    /// `published_at`, and the folder names the newest state.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]: the collector may delete files too early, or may not recognise a
    /// restored state.
    pub fn hand_over(&mut self, published_at: DateTime<Utc>) -> Result<(), SpoolError> {
        let disk = &*self.settings.disk;
        let mut dated = Ok(());
        for name in self.recovered.drain(..) {
            let path = self.settings.published.join(name);
            match raise_modified_time(disk, &path, published_at.into()) {
                // an agent has removed it
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                stamped => {
                    let failed = |error| SpoolError::disk("set the time of", &path, error);
                    dated = dated.and(stamped.map_err(failed));
                }
            }
        }
        self.mark().and(dated)
    }

    /// Writes the newest state into the data folder.
    fn mark(&mut self) -> Result<(), SpoolError> {
        let record = self.checkpoint.record();
        let (id, sequence) = (&*record.id, record.sequence);
        self.marker
            .write(&*self.settings.disk, &OwnState { id, sequence })
    }

    /// Returns the warnings that no run has reported yet.
    pub fn untold(&self) -> Vec<String> {
        let mut untold = self.checkpoint.record().untold.clone();
        untold.extend(self.unsaved.borrow().iter().cloned());
        untold
    }

    /// True if a warning has not been reported yet.
    pub fn has_untold(&self) -> bool {
        !self.untold().is_empty()
    }

    /// Deletes the warnings after a run has reported them.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] or [`SpoolError::Interfered`]: then another run may report them again.
    pub fn forget_told(&mut self, now: DateTime<Utc>) -> Result<(), SpoolError> {
        self.unsaved.take();
        if self.checkpoint.record().untold.is_empty() && self.undamaged_ids.borrow().is_none() {
            return Ok(());
        }
        self.replace(now, |record| record.untold.clear())?;
        self.mark()
    }
}

/// Returns the number of successive runs for each present trouble. Omits troubles that are over.
fn counted(before: &BTreeMap<String, u32>, now: &[String]) -> BTreeMap<String, u32> {
    let runs = |name: &String| before.get(name).copied().unwrap_or_default();
    now.iter()
        .map(|name| (name.clone(), runs(name).saturating_add(1)))
        .collect()
}
