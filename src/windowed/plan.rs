//! Which stretch of time to ask for next; pure.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::spool::FileName;

/// No window is longer.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// Mimecast answers for 60 days; the margin is for the time until the answer.
const KEPT: TimeDelta = TimeDelta::minutes(60 * 24 * 60 - 10);
/// Nothing younger is asked for: it could still be on its way into the index.
const SETTLING: TimeDelta = TimeDelta::minutes(1);
/// Clocks are set back by so much without a word.
const SET_BACK: TimeDelta = TimeDelta::minutes(10);
/// How times stand in file names: sortable, and of letters that every file system takes.
const STAMP: &str = "%Y%m%dt%H%M%Sz";

/// A stretch of time in whole seconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// True if it reaches the present.
    pub(super) is_last: bool,
    /// The present at the time of the question.
    pub(super) present: DateTime<Utc>,
    /// What Mimecast no longer has, between the last window and this one.
    pub(super) gap: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Window {
    /// The stem of its file.
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

/// How far collection has come, as text in the state record.
///
/// Between two runs that came to their ends it is a time. A run that stopped in the middle also leaves
/// where the next one goes on, and how long its windows may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Everything up to here is collected.
    pub(super) reached: Option<DateTime<Utc>>,
    /// Where the next window begins, if the last run did not reach the present.
    pub(super) resume: Option<DateTime<Utc>>,
    /// When the last run began to ask, if it did not reach the present: what is older than the overlap by
    /// then cannot appear any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<DateTime<Utc>>,
    /// The longest window, in seconds, if a longer one did not fit into a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<i64>,
}

impl Place {
    /// Reads the text of a record; `None` for one that this program did not write.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.starts_with('{') {
            return serde_json::from_str(text).ok();
        }
        Some(Self {
            reached: Some(text.parse().ok()?),
            ..Self::default()
        })
    }

    /// The text for the record.
    pub(super) fn text(&self) -> String {
        match (self.reached, self.resume, self.span) {
            (Some(reached), None, None) => reached.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            _ => serde_json::to_string(self).expect("a place is plain data"),
        }
    }
}

/// How windows follow one another.
///
/// A run begins an overlap before what was reached, because events can appear late; after a run that
/// stopped in the middle, an overlap before the time of that run, unless its place lies further back. Its
/// windows then follow one another without an overlap until the present.
#[derive(Debug)]
pub(super) struct Plan {
    place: Place,
    /// Where the very first window begins, before the look-back.
    began: Option<DateTime<Utc>>,
    overlap: TimeDelta,
    look_back: TimeDelta,
    span: TimeDelta,
    /// When this run began to ask, once it has collected a window.
    asked: Option<DateTime<Utc>>,
}

impl Plan {
    pub(super) fn new(
        place: Place,
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
        }
    }

    /// The window after what was collected, as long as allowed.
    pub(super) fn next(&self, now: DateTime<Utc>) -> Window {
        let present = (now - SETTLING).trunc_subsecs(0);
        let oldest = (now - KEPT).trunc_subsecs(0);
        let first = self.began.unwrap_or(present).min(present) - self.look_back;
        // a clock that was ahead must not hide what happens until the present has caught up
        let reached = self.place.reached.map(|end| end.min(present));
        let start = match (self.place.resume, reached) {
            (Some(resume), _) => self.unsettled(resume.min(present), present),
            (None, Some(reached)) => reached - self.overlap,
            (None, None) => first.trunc_subsecs(0),
        };
        let from = start.max(oldest);
        // within the overlap everything was collected once; before the first window nothing was promised
        let known = reached.unwrap_or(from).max(start);
        let to = (from + self.span).min(present).max(from);
        Window {
            from,
            to,
            is_last: to >= present,
            present,
            gap: (known < from).then_some((known, from)),
        }
    }

    /// Where to go on: within a run at `resume`. The first window of a run also asks again for what was
    /// still young when the last run asked for it. Time passes between runs, so that each gets further.
    fn unsettled(&self, resume: DateTime<Utc>, present: DateTime<Utc>) -> DateTime<Utc> {
        if self.asked.is_some() {
            return resume;
        }
        // an earlier version did not write when it asked, which was after the place itself
        let asked = self.place.asked.unwrap_or(resume).min(present);
        resume.min(asked - self.overlap)
    }

    /// A window has been collected.
    pub(super) fn collected(&mut self, window: &Window) {
        let is_second = window.from == window.to;
        let next = window.to + TimeDelta::seconds(i64::from(is_second));
        self.asked = self.asked.or(Some(window.present));
        self.span = (self.span * 2).max(TimeDelta::seconds(1)).min(LONGEST);
        self.place = if window.is_last {
            Place {
                reached: Some(window.to),
                ..Place::default()
            }
        } else {
            Place {
                reached: self.place.reached.max(Some(window.to)),
                resume: Some(next),
                asked: self.asked,
                span: (self.span < LONGEST).then(|| self.span.num_seconds()),
            }
        };
    }

    /// From now on windows are half as long as this one.
    pub(super) fn halve(&mut self, window: &Window) {
        self.span = TimeDelta::seconds((window.to - window.from).num_seconds() / 2);
        self.place.span = Some(self.span.num_seconds());
    }

    /// Goes back from a position in the future to where it was written; returns that time if it had to. If
    /// that is in the future too, the look-back decides.
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
        self.place = Place {
            reached: Some(back),
            ..Place::default()
        };
        Some(back)
    }

    /// The text of the position.
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
