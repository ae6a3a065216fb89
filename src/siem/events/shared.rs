//! What the event types of one run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::report::{Code, Failure};

/// Mimecast allows 50 lists in 15 minutes; some are left for whoever else asks.
const LISTS_PER_RUN: u32 = 45;

/// The list calls of one run, shared by all event types.
#[derive(Clone, Default)]
pub(in crate::siem) struct Calls(Arc<AtomicU32>);

impl Calls {
    pub(super) fn take(&self) -> anyhow::Result<()> {
        if self.0.fetch_add(1, Ordering::Relaxed) < LISTS_PER_RUN {
            return Ok(());
        }
        let what = "the list calls that Mimecast allows in a quarter of an hour are used up";
        Err(Failure::new(Code::Later, what, "nothing to do: the next run goes on").into())
    }
}

/// Whether the object store has given anything in this run, whatever the type.
#[derive(Clone, Default)]
pub(in crate::siem) struct StoreAnswers(Arc<AtomicBool>);

impl StoreAnswers {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
