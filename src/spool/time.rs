//! The time of a change of the record.

use chrono::{DateTime, Utc};

/// The time of one change of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// The earliest plausible time.
    pub(super) now: DateTime<Utc>,
    /// The latest plausible time.
    pub(super) latest: DateTime<Utc>,
    /// The latest plausible time, if the clocks disagree and the collector cannot tell which one is wrong.
    pub(super) unknown_until: Option<DateTime<Utc>>,
}

impl Time {
    /// Returns the time that later runs may rely on. `None` if the time is unknown.
    pub(super) fn to_keep(self) -> Option<DateTime<Utc>> {
        self.unknown_until.is_none().then_some(self.now)
    }

    /// Returns the time that is saved with new ids, in seconds since 1970. It is the latest plausible
    /// time: with an earlier one an id could expire too early, or a window could miss it.
    pub(super) fn of_ids(self) -> i64 {
        self.unknown_until.unwrap_or(self.latest).timestamp()
    }
}
