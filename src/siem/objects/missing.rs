//! Decides when an object that cannot be collected becomes a gap. The decision is pure.
//!
//! Two copies of an object with the same damage are decided in `damaged`, without a further run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ApiError;

/// True once the object store has returned an object in this run, of any type.
#[derive(Clone, Default)]
pub struct StoreSeen(Arc<AtomicBool>);

impl StoreSeen {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The reason why an object could not be collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    #[error("the store refuses its address")]
    Lapsed,
    #[error("the store does not have it")]
    Gone,
    #[error("it arrives empty")]
    Empty,
    #[error("what arrives is not a gzip file")]
    Foreign,
    #[error("it arrives damaged, and differently each time")]
    Damaged,
    #[error("the store cannot be reached for it")]
    Unreachable,
    #[error("its name leads into a private network")]
    PrivateStore,
    #[error("its entry in the list has no usable address")]
    BadEntry,
    #[error("it is no longer listed")]
    NotListed,
    #[error("the list that named it is refused")]
    PageRefused,
    #[error("the list that named it cannot be fetched")]
    NoList,
}

/// The evidence about an object that could not be collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    /// The store has returned another object in this run. Otherwise a proxy or an outage may be the cause.
    pub(super) store_returned_others: bool,
    /// The address was new. An older address may have expired while other objects were stored,
    /// which proves nothing.
    pub(super) is_fresh: bool,
    /// The store has returned no object for more than a day.
    pub(super) is_silent_for_long: bool,
    /// The same bytes have arrived twice in this run.
    pub(super) is_same_again: bool,
}

/// The decision about an object that could not be collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Record a gap, or quarantine the bytes.
    Gap,
    /// Let the next run fetch it. `counts` is true if this run counts as a failed one.
    NextRun { counts: bool },
}

/// The number of runs that must fail before an object is a gap.
const RUNS: u32 = 2;
/// The number of runs that must fail if the list cannot be read.
const LIST_RUNS: u32 = 3;

/// Decides about an object that has failed in `failed_before` earlier runs that count.
pub(super) fn verdict(reason: Reason, failed_before: u32, evidence: Evidence) -> Verdict {
    let counts = match reason {
        // these do not depend on what else the store returned: the list shows them, or the bytes do
        Reason::NotListed
        | Reason::PageRefused
        | Reason::NoList
        | Reason::BadEntry
        | Reason::Damaged => true,
        Reason::Lapsed => evidence.is_fresh && evidence.store_returned_others,
        Reason::Gone if evidence.is_silent_for_long => return Verdict::Gap,
        // the store itself has these bytes
        Reason::Foreign if evidence.is_same_again && evidence.store_returned_others => {
            return Verdict::Gap;
        }
        Reason::Gone
        | Reason::Empty
        | Reason::Foreign
        | Reason::Unreachable
        | Reason::PrivateStore => evidence.store_returned_others,
    };
    let runs = match reason {
        Reason::NoList => LIST_RUNS,
        _ => RUNS,
    };
    if counts && failed_before + 1 >= runs {
        Verdict::Gap
    } else {
        Verdict::NextRun { counts }
    }
}

impl Reason {
    /// True if a silent store, or a proxy in front of it, may be the cause.
    pub(super) const fn is_of_the_store(self) -> bool {
        !matches!(
            self,
            Self::NotListed | Self::PageRefused | Self::NoList | Self::BadEntry | Self::Damaged
        )
    }

    /// True if the list with the object cannot be used. If a later list names the object, it is fetched.
    pub(super) const fn is_of_the_list(self) -> bool {
        matches!(self, Self::NotListed | Self::PageRefused | Self::NoList)
    }

    /// Returns the reason for an error of the store, or `None` if the error concerns all objects.
    pub(super) const fn of(error: &ApiError) -> Option<Self> {
        match error {
            ApiError::Lapsed => Some(Self::Lapsed),
            ApiError::Gone => Some(Self::Gone),
            ApiError::Unreachable(_) | ApiError::SlowDown(_) => Some(Self::Unreachable),
            ApiError::NotUnderstood(_) | ApiError::TooLarge(_) => Some(Self::Foreign),
            ApiError::PrivateStore(_) | ApiError::LocalStore(_) => Some(Self::PrivateStore),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Reason; 11] = [
        Reason::Lapsed,
        Reason::Gone,
        Reason::Empty,
        Reason::Foreign,
        Reason::Damaged,
        Reason::Unreachable,
        Reason::PrivateStore,
        Reason::BadEntry,
        Reason::NotListed,
        Reason::PageRefused,
        Reason::NoList,
    ];

    fn evidence(store_returned_others: bool, is_fresh: bool, is_silent_for_long: bool) -> Evidence {
        Evidence {
            store_returned_others,
            is_fresh,
            is_silent_for_long,
            is_same_again: false,
        }
    }

    #[test]
    fn foreign_bytes_that_arrive_twice_are_a_gap_if_the_store_returned_others() {
        for (store_returned_others, expected) in [
            (true, Verdict::Gap),
            (false, Verdict::NextRun { counts: false }),
        ] {
            let evidence = Evidence {
                is_same_again: true,
                ..evidence(store_returned_others, true, false)
            };
            assert_eq!(verdict(Reason::Foreign, 0, evidence), expected);
        }
    }

    #[test]
    fn no_object_is_a_gap_after_one_failed_run() {
        for reason in ALL {
            let verdict = verdict(reason, 0, evidence(true, true, false));
            assert_eq!(verdict, Verdict::NextRun { counts: true }, "{reason}");
        }
    }

    #[test]
    fn every_reason_is_a_gap_in_the_second_run_that_counts() {
        for reason in ALL {
            let runs = if reason == Reason::NoList {
                LIST_RUNS
            } else {
                RUNS
            };
            let verdict = verdict(reason, runs - 1, evidence(true, true, false));
            assert_eq!(verdict, Verdict::Gap, "{reason}");
        }
    }

    #[test]
    fn without_any_object_from_the_store_only_reasons_of_the_list_or_the_bytes_count() {
        for reason in ALL {
            let verdict = verdict(reason, 7, evidence(false, true, false));
            let is_said_by_the_list = matches!(
                reason,
                Reason::NotListed
                    | Reason::PageRefused
                    | Reason::NoList
                    | Reason::BadEntry
                    | Reason::Damaged
            );
            let expected = if is_said_by_the_list {
                Verdict::Gap
            } else {
                Verdict::NextRun { counts: false }
            };
            assert_eq!(verdict, expected, "{reason}");
        }
    }

    #[test]
    fn an_address_that_may_have_expired_says_nothing() {
        let old = evidence(true, false, false);
        assert_eq!(
            verdict(Reason::Lapsed, 7, old),
            Verdict::NextRun { counts: false }
        );
        assert_eq!(verdict(Reason::Gone, 1, old), Verdict::Gap);
    }

    #[test]
    fn after_a_day_of_404_for_everything_an_object_is_gone() {
        for reason in ALL {
            let is_gap = verdict(reason, 0, evidence(false, true, true)) == Verdict::Gap;
            assert_eq!(is_gap, reason == Reason::Gone, "{reason}");
        }
    }
}
