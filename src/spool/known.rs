//! The digests of published ids and contents, for eight days.
//!
//! The state record holds the newest digests, because they must change in the same step as the position.
//! Every commit writes the record, so it must stay small. Surplus digests move to a file beside it.
//!
//! The collector only appends to that file, and syncs it before it writes the record. The record
//! says how many bytes of the file count, so that an interrupted append has no effect.

mod file;
mod sorted;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io;
use std::path::Path;

use super::seen::{Digest, Seen};
use crate::durable::Disk;
use file::read_blocks;
pub(super) use file::{Older, keep};
use sorted::Sorted;

/// The number of digests in the record at which they move to the file: 22 kB of text.
pub(super) const RECENT_LIMIT: usize = 1_024;
/// The number of this run's digests in the hash set, before they move into the sorted list.
const FRESH_LIMIT: usize = 100_000;

/// The digests in memory.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The first hour that is in memory.
    from: i64,
    sorted: Sorted,
    fresh: HashSet<Digest>,
}

impl Known {
    /// Reads the digests of the file from `hour` on, and adds those of the record. If the file is
    /// damaged, also returns its undamaged part.
    pub(super) fn load(
        disk: &dyn Disk,
        state: &Path,
        older: Option<&Older>,
        recent: [&Seen; 2],
        hour: i64,
    ) -> io::Result<(Self, Option<Older>)> {
        let mut known = Self {
            from: hour,
            ..Self::default()
        };
        let (mut undamaged_ids, mut ids_of_file) = (None, Vec::new());
        if let Some(older) = older {
            let sound = read_blocks(disk, state, older, |block, ids| {
                if block >= hour {
                    ids_of_file.extend_from_slice(ids);
                }
                Ok(())
            })?;
            undamaged_ids = (sound < older.bytes).then(|| older.cut(sound));
        }
        known.sorted = Sorted::of(ids_of_file);
        known.extend(recent.into_iter().flat_map(Seen::ids));
        Ok((known, undamaged_ids))
    }

    /// True if all digests from `hour` on are in memory.
    pub(super) const fn reaches(&self, hour: i64) -> bool {
        self.from <= hour
    }

    pub(super) fn contains(&self, id: Digest) -> bool {
        self.contains_either(id, id)
    }

    /// True if one of two digests with the same first half is in memory.
    pub(super) fn contains_either(&self, one: Digest, other: Digest) -> bool {
        let candidates = self.sorted.candidates(one.half());
        candidates.contains(&one)
            || candidates.contains(&other)
            || self.fresh.contains(&one)
            || self.fresh.contains(&other)
    }

    pub(super) fn extend(&mut self, ids: impl IntoIterator<Item = Digest>) {
        self.fresh.extend(ids);
        if self.fresh.len() > FRESH_LIMIT {
            self.sorted.extend(self.fresh.drain());
            self.fresh.shrink_to_fit();
        }
    }

    /// Returns the number of digests in memory.
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.fresh.len()
    }
}
