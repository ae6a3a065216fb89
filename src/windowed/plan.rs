//! Plans the next window. The plan is pure.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::event_time::TimeRange;
use crate::logs::AUDIT;
use crate::spool::FileName;

/// The longest window.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// The time for which Mimecast answers, with a margin for the time until the answer.
const KEPT: TimeDelta = TimeDelta::minutes(AUDIT.kept.num_minutes() - 10);
/// The age of the youngest events that are requested. Younger ones may not be in Mimecast's index yet.
const SETTLING: TimeDelta = TimeDelta::minutes(1);
/// A position this far in the future is accepted without a warning, because clocks are adjusted.
const SET_BACK: TimeDelta = TimeDelta::minutes(10);
/// The form of times in file names. It is sortable, and every file system accepts its letters.
const STAMP: &str = "%Y%m%dt%H%M%Sz";

/// A time span in whole seconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// True if it reaches the present.
    pub(super) is_last: bool,
    /// The present at the time of the request.
    pub(super) present: DateTime<Utc>,
    /// The time between the last window and this one that Mimecast no longer keeps.
    pub(super) gap: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Window {
    /// Returns the stem of its file name.
    pub(super) fn stem(&self) -> String {
        format!(
            "audit_log_{}_{}",
            self.from.format(STAMP),
            self.to.format(STAMP)
        )
    }

    /// True if it is longer than one second.
    pub(super) fn can_halve(&self) -> bool {
        self.to > self.from
    }
}

/// The progress of collection, as text in the state record.
///
/// After a complete run it is a time. A run that stopped early also saves where the next run
/// continues, and the longest window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Everything up to here is collected.
    pub(super) reached: Option<DateTime<Utc>>,
    /// The beginning of the next window, if the last run did not reach the present.
    pub(super) resume: Option<DateTime<Utc>>,
    /// The time of the first request of the last run, if that run did not reach the present. Events
    /// that were older than the overlap at that time cannot appear any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<DateTime<Utc>>,
    /// The longest window in seconds, if a longer one did not fit into a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<i64>,
}

impl Progress {
    /// Reads the text of a record. Returns `None` for a text that this program did not write.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.starts_with('{') {
            return serde_json::from_str(text).ok();
        }
        Some(Self {
            reached: Some(text.parse().ok()?),
            ..Self::default()
        })
    }

    /// Returns the text for the record.
    pub(super) fn text(&self) -> String {
        match (self.reached, self.resume, self.span) {
            (Some(reached), None, None) => reached.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            _ => serde_json::to_string(self).expect("a place is plain data"),
        }
    }
}

/// The order of windows.
///
/// A run begins with an overlap before the end of the last, because events can appear late. After a
/// run that stopped early, it begins an overlap before that run, or at the saved place if that is
/// earlier. The following windows of a run do not overlap.
#[derive(Debug)]
pub(super) struct Plan {
    place: Progress,
    /// The time of the very first run. The first window begins a look-back before it.
    began: Option<DateTime<Utc>>,
    overlap: TimeDelta,
    look_back: TimeDelta,
    span: TimeDelta,
    /// The time of the first request of this run, after a window was collected.
    asked: Option<DateTime<Utc>>,
    /// The end of the last window, if that is not the present.
    until: Option<DateTime<Utc>>,
}

impl Plan {
    /// Returns the plan of a replay, which collects a range once.
    pub(super) fn of_range(place: Progress, range: TimeRange, overlap: Duration) -> Self {
        let from_start = Progress {
            resume: Some(range.from),
            ..Progress::default()
        };
        let place = match place == Progress::default() {
            true => from_start,
            false => place,
        };
        Self {
            until: Some(range.to),
            ..Self::new(place, None, overlap, Duration::ZERO)
        }
    }

    /// False if the range of a replay ends so late that its events may not be in Mimecast's index yet.
    pub(super) fn is_settled(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until <= now - SETTLING)
    }

    /// True if the range of a replay is collected.
    pub(super) fn is_complete(&self) -> bool {
        let reached = self.place.reached.filter(|_| self.place.resume.is_none());
        self.until.is_some_and(|until| reached >= Some(until))
    }

    pub(super) fn new(
        place: Progress,
        began: Option<DateTime<Utc>>,
        overlap: Duration,
        look_back: Duration,
    ) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(LONGEST);
        let span = place.span.map_or(LONGEST, TimeDelta::seconds);
        Self {
            place,
            began,
            overlap: delta(overlap),
            look_back: delta(look_back),
            span: span.clamp(TimeDelta::zero(), LONGEST),
            asked: None,
            until: None,
        }
    }

    /// Returns the window after the collected ones, as long as allowed.
    pub(super) fn next(&self, now: DateTime<Utc>) -> Window {
        let present = (now - SETTLING).trunc_subsecs(0);
        let present = self.until.map_or(present, |until| until.min(present));
        let oldest = (now - KEPT).trunc_subsecs(0);
        let first = self.began.unwrap_or(present).min(present) - self.look_back;
        // a position in the future must not hide the events until that time
        let reached = self.place.reached.map(|end| end.min(present));
        let start = match (self.place.resume, reached) {
            (Some(resume), _) => self.unsettled(resume.min(present), present),
            (None, Some(reached)) => reached - self.overlap,
            (None, None) => first.trunc_subsecs(0),
        };
        let from = start.max(oldest);
        // a gap counts from the end of the collected windows, not from the overlap before it; without a
        // collected window there is none
        let wanted = self.until.and(self.place.resume);
        let known = reached.or(wanted).unwrap_or(from).max(start);
        let to = (from + self.span).min(present).max(from);
        Window {
            from,
            to,
            is_last: to >= present,
            present,
            gap: (known < from).then_some((known, from)),
        }
    }

    /// Returns where a run continues. The first window of a run also covers events that were young
    /// when the last run requested them. Time passes between runs, so each one makes progress.
    fn unsettled(&self, resume: DateTime<Utc>, present: DateTime<Utc>) -> DateTime<Utc> {
        if self.asked.is_some() {
            return resume;
        }
        // an earlier version did not save this time, which was after the place itself
        let asked = self.place.asked.unwrap_or(resume).min(present);
        match self.until {
            None => resume.min(asked - self.overlap),
            Some(_) => resume, // a replay does not wait for events that appear late
        }
    }

    /// Moves the place to the end of a collected window.
    pub(super) fn collected(&mut self, window: &Window) {
        let is_second = window.from == window.to;
        let next = window.to + TimeDelta::seconds(i64::from(is_second));
        self.asked = self.asked.or(Some(window.present));
        self.span = (self.span * 2).max(TimeDelta::seconds(1)).min(LONGEST);
        self.place = if window.is_last {
            Progress {
                reached: Some(window.to),
                ..Progress::default()
            }
        } else {
            Progress {
                reached: self.place.reached.max(Some(window.to)),
                resume: Some(next),
                asked: self.asked,
                span: (self.span < LONGEST).then(|| self.span.num_seconds()),
            }
        };
    }

    /// Makes windows half as long as this one.
    pub(super) fn halve(&mut self, window: &Window) {
        self.span = TimeDelta::seconds((window.to - window.from).num_seconds() / 2);
        self.place.span = Some(self.span.num_seconds());
    }

    /// Moves a position in the future back to the time when it was saved, and returns that time. If that is
    /// also in the future, the look-back decides. Returns `None` if the position is not in the future.
    pub(super) fn leave_future(
        &mut self,
        now: DateTime<Utc>,
        moved_at: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        let ahead = self.place.reached.max(self.place.resume)?;
        if ahead <= now + SET_BACK {
            return None;
        }
        let back = moved_at
            .filter(|moved_at| *moved_at <= now)
            .unwrap_or(now - self.look_back)
            .trunc_subsecs(0);
        self.place = Progress {
            reached: Some(back),
            ..Progress::default()
        };
        Some(back)
    }

    /// Returns the text of the position.
    pub(super) fn text(&self) -> String {
        self.place.text()
    }
}

/// Reads the window from the name of a published file.
pub(super) fn of_name(name: &FileName) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (from, to) = name.stem().strip_prefix("audit_log_")?.split_once('_')?;
    let time = |stamp| {
        let time = NaiveDateTime::parse_from_str(stamp, STAMP);
        time.ok().map(|time| time.and_utc())
    };
    Some((time(from)?, time(to)?))
}

#[cfg(test)]
mod stopped;
#[cfg(test)]
mod tests;
