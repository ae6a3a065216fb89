//! The time at which something is written, and whether it is known well enough to be kept.

use chrono::{DateTime, Utc};

/// The time of one change of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// The earliest plausible time.
    pub(super) now: DateTime<Utc>,
    /// The latest plausible time.
    pub(super) latest: DateTime<Utc>,
    /// The latest plausible time, if the clocks disagree and nothing says which of them is wrong.
    pub(super) unknown_until: Option<DateTime<Utc>>,
}

impl Time {
    /// The time as later runs may rely on it; nothing if it is unknown.
    pub(super) fn to_keep(self) -> Option<DateTime<Utc>> {
        self.unknown_until.is_none().then_some(self.now)
    }

    /// The second from which the age of ids counts: so late that none is forgotten early, and that each is
    /// recalled for every window that can hold its event.
    pub(super) fn of_ids(self) -> i64 {
        self.unknown_until.unwrap_or(self.latest).timestamp()
    }
}
