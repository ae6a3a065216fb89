//! How many lists one run may ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Mimecast allows 50 lists in 15 minutes; some are left for other programs.
const LISTS_PER_RUN: u32 = 45;
/// Lists that each run keeps for pages of which objects are owed.
const OWED_LISTS: u32 = 3;

/// The list calls of one run, shared by all event types.
#[derive(Clone)]
pub struct ListBudget {
    left: Arc<AtomicU32>,
    /// Kept for pages of which objects are owed.
    for_owed: Arc<AtomicU32>,
}

impl ListBudget {
    /// Keeps one call for each type; the rest is for whichever needs more.
    pub fn for_types(types: usize) -> Self {
        let types = u32::try_from(types).unwrap_or(LISTS_PER_RUN);
        let left = |count| Arc::new(AtomicU32::new(count));
        Self {
            left: left(LISTS_PER_RUN.saturating_sub(types)),
            for_owed: left(OWED_LISTS),
        }
    }

    /// True if a type may list once more than it must.
    pub(super) fn take(&self) -> bool {
        take(&self.left)
    }

    /// True if a page may be listed of which objects are owed.
    pub(super) fn take_for_owed(&self) -> bool {
        take(&self.left) || take(&self.for_owed)
    }

    /// True if a further call would be allowed.
    pub(super) fn has_some(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }
}

fn take(left: &AtomicU32) -> bool {
    let one_less = |left: u32| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
        .is_ok()
}
