//! A quick no to the question whether an id was taken, which is nearly always the answer.
//!
//! Ids are remembered by the hour, and the same id may come back with another time: a search has to
//! look into every hour. One bit per id, at a place that its digest gives, spares most searches.

use super::seen::{Digest, Seen};

/// Bits for each id, at least: one in so many strange ids is searched for in vain.
const BITS_PER_ID: usize = 16;
const WORD_BITS: usize = u64::BITS as usize;

/// One bit for each id of some memories.
pub(super) struct Sieve {
    words: Vec<u64>,
    /// How many bits of a digest give its place.
    bits: u32,
}

impl Sieve {
    /// Knows all ids that these memories hold.
    pub(super) fn of(memories: [&Seen; 2]) -> Self {
        let count: usize = memories.iter().map(|memory| memory.len()).sum();
        let size = (count * BITS_PER_ID).next_power_of_two().max(WORD_BITS);
        let mut sieve = Self {
            words: vec![0; size / WORD_BITS],
            bits: size.ilog2(),
        };
        for id in memories.into_iter().flat_map(Seen::ids) {
            let place = id.first(sieve.bits);
            sieve.words[place / WORD_BITS] |= 1 << (place % WORD_BITS);
        }
        sieve
    }

    /// Whether the id has to be searched for; never no for one that is held.
    pub(super) fn may_hold(&self, id: Digest) -> bool {
        let place = id.first(self.bits);
        self.words[place / WORD_BITS] >> (place % WORD_BITS) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_strange_ids_pass() {
        let id = |number: u32| Digest::of(&number.to_be_bytes());
        let mut seen = Seen::default();
        seen.extend((0..10_000).map(|number| (i64::from(number), id(number))));
        let sieve = Sieve::of([&seen, &Seen::default()]);
        let passed = (10_000..20_000).filter(|number| sieve.may_hold(id(*number)));
        assert!(passed.count() < 10_000 / 12);
    }

    proptest! {
        #[test]
        fn no_id_that_is_held_is_denied(ids in prop::collection::vec((0_i64..100_000, ".*"), 0..200), cut in 0_usize..200) {
            let digests: Vec<_> = ids.iter().map(|(second, id)| (*second, Digest::of(id.as_bytes()))).collect();
            let (one, other) = digests.split_at(cut.min(digests.len()));
            let (mut seen, mut added) = (Seen::default(), Seen::default());
            seen.extend(one.iter().copied());
            added.extend(other.iter().copied());
            let sieve = Sieve::of([&seen, &added]);
            prop_assert!(digests.iter().all(|(_, id)| sieve.may_hold(*id)));
        }
    }
}
