//! Sorted digests in memory.

use crate::spool::seen::Digest;

/// The average number of digests in a group.
const GROUP_IDS: usize = 4;

/// Sorted digests, in groups that share their first bits. Digests spread evenly, so that each group
/// is small.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    digests: Vec<Digest>,
    /// The index at which each group begins, and the end of the last group.
    starts: Vec<u32>,
    /// The number of first bits that select the group.
    bits: u32,
}

impl Sorted {
    pub(super) fn of(mut digests: Vec<Digest>) -> Self {
        digests.sort(); // fast for sorted runs, because it merges them
        Self::of_sorted(digests)
    }

    fn of_sorted(digests: Vec<Digest>) -> Self {
        let bits = (digests.len() / GROUP_IDS + 1).ilog2().max(1);
        let groups = 1_usize << bits;
        let mut starts = vec![0; groups + 1];
        for digest in &digests {
            starts[Self::group(digest.half(), bits) + 1] += 1;
        }
        for group in 0..groups {
            starts[group + 1] += starts[group];
        }
        Self {
            digests,
            starts,
            bits,
        }
    }

    pub(super) fn extend(&mut self, ids: impl Iterator<Item = Digest>) {
        let mut more: Vec<_> = ids.collect();
        more.sort_unstable();
        let mut digests = std::mem::take(&mut self.digests);
        merge(&mut digests, &more);
        *self = Self::of_sorted(digests);
    }

    const fn group(half: u64, bits: u32) -> usize {
        (half >> (u64::BITS - bits)) as usize
    }

    pub(super) const fn len(&self) -> usize {
        self.digests.len()
    }

    /// Returns the digests that can share this first half.
    pub(super) fn candidates(&self, half: u64) -> &[Digest] {
        if self.digests.is_empty() {
            return &[];
        }
        let group = Self::group(half, self.bits);
        &self.digests[self.starts[group] as usize..self.starts[group + 1] as usize]
    }
}

/// Merges sorted digests into others in place, from the largest on.
fn merge(digests: &mut Vec<Digest>, more: &[Digest]) {
    let (mut old, mut new) = (digests.len(), more.len());
    digests.extend_from_slice(more);
    while new > 0 {
        let at = old + new - 1;
        if old > 0 && digests[old - 1] > more[new - 1] {
            digests[at] = digests[old - 1];
            old -= 1;
        } else {
            digests[at] = more[new - 1];
            new -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digests_at_every_border_are_found() {
        let at = |half: u64, low: u64| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&half.to_be_bytes());
            bytes[8..].copy_from_slice(&low.to_be_bytes());
            Digest::from_bytes(bytes)
        };
        for count in [0_u64, 1, 2, 3, 4, 5, 7, 8, 9, 28, 29, 1_000] {
            let spread = |number: u64| number.wrapping_mul(u64::MAX / count.max(1));
            let sets: [Vec<Digest>; 5] = [
                (0..count)
                    .map(|number| at(spread(number), number))
                    .collect(),
                (0..count).map(|number| at(u64::MAX, number)).collect(),
                (0..count).map(|number| at(0, number)).collect(),
                (0..count)
                    .map(|number| at(1 << (number % 64), number))
                    .collect(),
                (0..count)
                    .map(|number| at((1 << 63) - number % 2, number))
                    .collect(),
            ];
            for (one, two) in sets
                .iter()
                .flat_map(|one| sets.iter().map(move |two| (one, two)))
            {
                let mut sorted = Sorted::of(one.clone());
                sorted.extend(two.iter().copied());
                sorted.extend(std::iter::empty());
                assert!(sorted.digests.is_sorted());
                let mut all = one.iter().chain(two);
                assert!(all.all(|id| sorted.candidates(id.half()).contains(id)));
            }
        }
        assert!(Sorted::default().candidates(u64::MAX).is_empty());
    }

    proptest! {
        #[test]
        fn each_digest_is_among_those_like_it(
            first in prop::collection::vec(any::<u64>(), 0..200),
            more in prop::collection::vec(any::<u64>(), 0..200),
            other in any::<u64>(),
        ) {
            let id = |number: &u64| Digest::of(&number.to_be_bytes());
            let mut sorted = Sorted::of(first.iter().map(id).collect());
            sorted.extend(more.iter().map(id));
            prop_assert_eq!(sorted.len(), first.len() + more.len());
            for number in first.iter().chain(&more) {
                prop_assert!(sorted.candidates(id(number).half()).contains(&id(number)));
            }
            let is_known = first.contains(&other) || more.contains(&other);
            prop_assert_eq!(sorted.candidates(id(&other).half()).contains(&id(&other)), is_known);
        }
    }
}
