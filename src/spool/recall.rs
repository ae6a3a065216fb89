//! Questions to the digests of published ids and contents.

use std::path::Path;

use super::known::{Known, Older};
use super::settings::state_path;
use super::{Digest, Spool, SpoolError};

impl Spool {
    /// True if an earlier batch remembered the id.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the digests cannot be read.
    pub fn has_seen(&self, id: Digest) -> Result<bool, SpoolError> {
        if self.known.borrow().is_none() {
            self.recall_since(i64::MIN)?;
        }
        let known = self.known.borrow();
        Ok(known.as_ref().is_some_and(|known| known.contains(id)))
    }

    /// True if one of two digests with the same first half was remembered.
    ///
    /// # Errors
    /// Those of [`Spool::has_seen`].
    pub fn has_seen_either(&self, one: Digest, other: Digest) -> Result<bool, SpoolError> {
        if self.known.borrow().is_none() {
            self.recall_since(i64::MIN)?;
        }
        let known = self.known.borrow();
        Ok(known
            .as_ref()
            .is_some_and(|known| known.contains_either(one, other)))
    }

    /// Reads the digests from this second since 1970 on. Older ids then count as unknown.
    ///
    /// # Errors
    /// Those of [`Spool::has_seen`].
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
        let (known, undamaged_ids) =
            loaded.map_err(|error| SpoolError::disk("read the ids beside", &path, error))?;
        if undamaged_ids.is_some() && self.undamaged_ids.borrow().is_none() {
            self.warn(damaged_ids_warning(&path));
        }
        *self.undamaged_ids.borrow_mut() = undamaged_ids;
        tracing::debug!(
            ids = known.len(),
            bytes = record.older.as_ref().map_or(0, Older::bytes),
            "read the digests of published events"
        );
        *self.known.borrow_mut() = Some(known);
        Ok(())
    }
}

pub(super) fn damaged_ids_warning(path: &Path) -> String {
    format!(
        "the ids of published events beside {} are damaged or missing: some events may be published \
         again",
        path.display()
    )
}
