//! The memory of what was published: digests of ids and contents, for eight days.
//!
//! The newest digests are in the state record, because they have to change in the same step as the
//! position. The record is written with every commit, so it stays small: digests that are too many for it
//! move to a file beside it. The file is only appended to, and the record says how many of its bytes
//! count, so that an interrupted append never happened. It is written and synced before the record.

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

/// Digests in the record before they move to the file: 22 kB of text.
pub(super) const RECENT_LIMIT: usize = 1_024;
/// Digests of this run that are searched by hash before they are sorted in.
const FRESH_LIMIT: usize = 100_000;

/// All digests that can be needed, in memory.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Digests that were remembered before this hour are left out.
    from: i64,
    sorted: Sorted,
    fresh: HashSet<Digest>,
}

impl Known {
    /// Reads the file from `hour` on, beside the digests of the record. Returns the sound part of the file
    /// as well if another part is damaged.
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
        let (mut shortened, mut ids_of_file) = (None, Vec::new());
        if let Some(older) = older {
            let sound = read_blocks(disk, state, older, |block, ids| {
                if block >= hour {
                    ids_of_file.extend_from_slice(ids);
                }
                Ok(())
            })?;
            shortened = (sound < older.bytes).then(|| older.cut(sound));
        }
        known.sorted = Sorted::of(ids_of_file);
        known.extend(recent.into_iter().flat_map(Seen::ids));
        Ok((known, shortened))
    }

    /// True if everything from `hour` on is in memory.
    pub(super) const fn reaches(&self, hour: i64) -> bool {
        self.from <= hour
    }

    pub(super) fn contains(&self, id: Digest) -> bool {
        self.contains_either(id, id)
    }

    /// Looks for two digests with the same first half at once.
    pub(super) fn contains_either(&self, one: Digest, other: Digest) -> bool {
        let like = self.sorted.like(one.half());
        like.contains(&one)
            || like.contains(&other)
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

    /// How many digests are in memory.
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.fresh.len()
    }
}
