//! The number of list calls that one run may make.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Mimecast allows 50 list calls in 15 minutes. The rest is for other programs.
const LISTS_PER_RUN: u32 = 45;
/// List calls that each run reserves for pages with owed objects.
const OWED_LISTS: u32 = 3;

/// The list calls of one run, shared by all event types.
#[derive(Clone)]
pub struct ListBudget {
    left: Arc<AtomicU32>,
    /// The calls that are reserved for pages with owed objects.
    for_owed: Arc<AtomicU32>,
}

impl ListBudget {
    /// Returns a budget that reserves one call for each type. All types share the rest.
    pub fn for_types(types: usize) -> Self {
        let types = u32::try_from(types).unwrap_or(LISTS_PER_RUN);
        let left = |count| Arc::new(AtomicU32::new(count));
        Self {
            left: left(LISTS_PER_RUN.saturating_sub(types)),
            for_owed: left(OWED_LISTS),
        }
    }

    /// Takes one call. True if there was one.
    pub(super) fn take(&self) -> bool {
        take(&self.left)
    }

    /// Takes one call for a page with owed objects. True if there was one.
    pub(super) fn take_for_owed(&self) -> bool {
        take(&self.left) || take(&self.for_owed)
    }

    /// True if a call is left.
    pub(super) fn has_some(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }
}

fn take(left: &AtomicU32) -> bool {
    let one_less = |left: u32| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
        .is_ok()
}
