//! A bounded memory of remembered ids: their digests, by hour.
//!
//! Audit answers come late, so windows overlap. With this memory the collector skips the repeated events of
//! an overlap. Ids are 190 to 240 characters long, so the memory holds a 128-bit digest of each. At a
//! million ids, two share a digest with a probability below 10⁻²⁵. A broken disk is far more likely.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

const SECONDS_PER_HOUR: i64 = 3_600;
const DIGEST_BYTES: usize = 16;

/// The 128-bit digest of one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u128);

impl Digest {
    /// Returns the digest of an id of any length.
    pub fn of(id: &[u8]) -> Self {
        let hash = Sha256::digest(id);
        let mut head = [0; DIGEST_BYTES];
        head.copy_from_slice(&hash[..DIGEST_BYTES]);
        Self(u128::from_be_bytes(head))
    }

    /// Returns the digest of a content with this SHA-256.
    pub fn of_sha256(hash: &[u8]) -> Self {
        let mut head = [0; DIGEST_BYTES];
        head.copy_from_slice(&hash[..DIGEST_BYTES]);
        Self(u128::from_be_bytes(head))
    }

    /// Returns the digest of two digests in a row.
    pub fn joined(self, next: Self) -> Self {
        Self::of(&[self.0.to_be_bytes(), next.0.to_be_bytes()].concat())
    }

    /// Returns a digest of an id and a content. Its first half depends on the id alone.
    pub const fn with_content(self, content: u64) -> Self {
        Self((self.0 >> 64) << 64 | content as u128)
    }

    /// Returns the first half. It is the same for all contents of one id.
    pub const fn half(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Returns the second half, which tells the few objects of one page apart.
    pub const fn short(self) -> u64 {
        self.0 as u64
    }

    /// Returns the bytes as a file stores them.
    pub(super) const fn to_bytes(self) -> [u8; DIGEST_BYTES] {
        self.0.to_be_bytes()
    }

    /// Returns the digest with these bytes.
    pub(super) const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// Digests by hour since 1970, sorted within each hour. A copy shares the hours, because every
/// batch copies the record and only the newest hours change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<i64, Arc<Vec<Digest>>>);

impl Seen {
    /// Adds ids, each with its time in seconds since 1970.
    pub fn extend(&mut self, ids: impl IntoIterator<Item = (i64, Digest)>) {
        let mut hours = BTreeMap::<i64, Vec<Digest>>::new();
        for (second, id) in ids {
            let hour = second.div_euclid(SECONDS_PER_HOUR);
            hours.entry(hour).or_default().push(id);
        }
        let sorted = hours.into_iter().map(|(hour, mut ids)| {
            ids.sort_unstable();
            ids.dedup();
            ids.shrink_to_fit();
            (hour, Arc::new(ids))
        });
        self.merge(Self(sorted.collect()));
    }

    /// Adds all ids of another memory.
    pub(super) fn merge(&mut self, other: Self) {
        for (hour, ids) in other.0 {
            match self.0.entry(hour) {
                Entry::Vacant(free) => drop(free.insert(ids)),
                Entry::Occupied(mut known) => {
                    let known = Arc::make_mut(known.get_mut());
                    known.extend_from_slice(&ids);
                    known.sort_unstable();
                    known.dedup();
                }
            }
        }
    }

    /// Returns the ids of each hour.
    pub(super) fn hours(&self) -> impl Iterator<Item = (i64, &[Digest])> {
        self.0.iter().map(|(hour, ids)| (*hour, ids.as_slice()))
    }

    /// Returns the first hour with an id.
    pub(super) fn oldest_hour(&self) -> Option<i64> {
        self.0.keys().next().copied()
    }

    /// Returns all ids, hour by hour.
    pub(super) fn ids(&self) -> impl Iterator<Item = Digest> {
        self.0.values().flat_map(|hour| hour.iter().copied())
    }

    /// Returns the number of ids.
    pub fn len(&self) -> usize {
        self.0.values().map(|hour| hour.len()).sum()
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(hour, ids)| {
            let bytes: Vec<u8> = ids.iter().flat_map(|id| id.0.to_be_bytes()).collect();
            (hour, STANDARD_NO_PAD.encode(bytes))
        }))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut seen = Self::default();
        // borrowed, because base64 never needs an escape and a day of ids is long
        for (hour, text) in BTreeMap::<i64, &str>::deserialize(deserializer)? {
            let bytes = STANDARD_NO_PAD.decode(text).map_err(D::Error::custom)?;
            let (ids, rest) = bytes.as_chunks::<DIGEST_BYTES>();
            if !rest.is_empty() {
                return Err(D::Error::custom("a digest is cut short"));
            }
            let mut ids: Vec<Digest> = ids
                .iter()
                .map(|id| Digest(u128::from_be_bytes(*id)))
                .collect();
            ids.sort_unstable();
            seen.0.insert(hour, Arc::new(ids));
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ids in prop::collection::vec((-10_000_i64..10_000_000, ".*"), 0..50)) {
            let mut seen = Seen::default();
            seen.extend(ids.iter().map(|(second, id)| (*second, Digest::of(id.as_bytes()))));
            let text = serde_json::to_string(&seen).unwrap();
            let read: Seen = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &seen);
            let found: Vec<Digest> = read.ids().collect();
            prop_assert!(ids.iter().all(|(_, id)| found.contains(&Digest::of(id.as_bytes()))));
        }
    }
}
