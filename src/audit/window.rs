//! Which stretch of time to ask for next; pure.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, TimeDelta, Utc};

use crate::spool::FileName;

/// No window is longer.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// Mimecast answers for 60 days; the margin is for the time until the answer.
const KEPT: TimeDelta = TimeDelta::minutes(60 * 24 * 60 - 10);
/// Nothing younger is asked for: it could still be on its way into the index.
const SETTLING: TimeDelta = TimeDelta::minutes(1);
/// Halving ends here: the wire knows whole seconds.
const SHORTEST: TimeDelta = TimeDelta::seconds(2);
/// How times stand in file names: sortable, and of letters that every file system takes.
const STAMP: &str = "%Y%m%dt%H%M%Sz";

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// Whether it reaches the present.
    pub(super) is_last: bool,
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
}

/// How windows follow one another.
#[derive(Debug)]
pub(super) struct Plan {
    reached: Option<DateTime<Utc>>,
    overlap: TimeDelta,
    look_back: TimeDelta,
    span: TimeDelta,
}

impl Plan {
    pub(super) fn new(
        reached: Option<DateTime<Utc>>,
        overlap: Duration,
        look_back: Duration,
    ) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(LONGEST);
        Self {
            reached,
            overlap: delta(overlap),
            look_back: delta(look_back),
            span: LONGEST,
        }
    }

    pub(super) const fn overlap(&self) -> TimeDelta {
        self.overlap
    }

    /// The window after what was reached, as long as allowed.
    pub(super) fn next(&self, now: DateTime<Utc>) -> Window {
        let present = (now - SETTLING).trunc_subsecs(0);
        let oldest = (now - KEPT).trunc_subsecs(0);
        // a clock that was ahead must not hide what happens until the present has caught up
        let reached = self.reached.map(|end| end.min(present));
        let wanted = reached.map_or(present - self.look_back, |end| end - self.overlap);
        let from = wanted.max(oldest);
        let gap = reached.filter(|end| *end < from).map(|end| (end, from));
        let least = reached.map_or(from, |end| end.max(from));
        let to = (from + self.span).min(present).max(least);
        Window {
            from,
            to,
            is_last: to >= present,
            gap,
        }
    }

    /// How far a window stays behind what was reached: only a clock that was or is wrong does that.
    pub(super) fn goes_back(&self, window: &Window) -> TimeDelta {
        self.reached
            .map_or(TimeDelta::zero(), |end| end - window.to)
            .max(TimeDelta::zero())
    }

    /// Whether half of the window would still bring something new.
    pub(super) fn can_halve(&self, window: &Window) -> bool {
        let half = window.from + (window.to - window.from) / 2;
        window.to - window.from > SHORTEST && self.reached.is_none_or(|end| half > end)
    }

    /// From now on windows are half as long as this one.
    pub(super) fn halve(&mut self, window: &Window) {
        let half = (window.to - window.from) / 2;
        self.span = TimeDelta::seconds(half.num_seconds());
    }

    /// A window has been collected.
    pub(super) fn reached(&mut self, end: DateTime<Utc>) {
        self.reached = Some(end);
        self.span = (self.span * 2).min(LONGEST);
    }
}

/// The text of a position.
pub(super) fn position(end: DateTime<Utc>) -> String {
    end.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The newest end of a window that stands in the name of a published file.
pub(super) fn newest_end(names: &[FileName]) -> Option<DateTime<Utc>> {
    let end = |name: &FileName| {
        let stamp = name
            .stem()
            .strip_prefix("audit_log_")?
            .rsplit('_')
            .next()?
            .to_owned();
        Some(NaiveDateTime::parse_from_str(&stamp, STAMP).ok()?.and_utc())
    };
    names.iter().filter_map(end).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn plan(reached: Option<&str>) -> Plan {
        Plan::new(reached.map(at), HOUR, WEEK)
    }

    #[test]
    fn the_first_run_looks_back_a_week_in_days_oldest_first() {
        let now = at("2026-11-20T10:00:30.5Z");
        let mut plan = plan(None);
        let first = plan.next(now);
        assert_eq!(first.from, at("2026-11-13T09:59:30Z"));
        assert_eq!(first.to, at("2026-11-14T09:59:30Z"));
        assert!(!first.is_last && first.gap.is_none());
        plan.reached(first.to);
        assert_eq!(plan.next(now).from, at("2026-11-14T08:59:30Z"));
    }

    #[test]
    fn a_later_run_overlaps_the_last_and_ends_a_minute_ago() {
        let window = plan(Some("2026-11-20T09:30:00Z")).next(at("2026-11-20T10:00:00Z"));
        assert_eq!(window.from, at("2026-11-20T08:30:00Z"));
        assert_eq!(window.to, at("2026-11-20T09:59:00Z"));
        assert!(window.is_last);
    }

    #[test]
    fn a_clock_that_went_back_is_followed_and_its_step_is_known() {
        let plan = plan(Some("2026-11-20T09:30:00Z"));
        let window = plan.next(at("2026-11-20T05:01:00Z"));
        assert_eq!(window.from, at("2026-11-20T04:00:00Z"));
        assert_eq!(window.to, at("2026-11-20T05:00:00Z"));
        assert!(window.is_last && window.gap.is_none());
        assert_eq!(plan.goes_back(&window), TimeDelta::minutes(270));
        let window = plan.next(at("2026-11-20T10:00:00Z"));
        assert_eq!(plan.goes_back(&window), TimeDelta::zero());
    }

    #[test]
    fn what_mimecast_no_longer_has_is_a_gap() {
        let window = plan(Some("2026-01-01T00:00:00Z")).next(at("2026-11-20T10:00:00Z"));
        assert_eq!(
            window.gap,
            Some((at("2026-01-01T00:00:00Z"), at("2026-09-21T10:10:00Z")))
        );
    }

    #[test]
    fn windows_halve_and_grow_again() {
        let now = at("2026-11-20T10:00:00Z");
        let mut plan = plan(None);
        let whole = plan.next(now);
        assert!(plan.can_halve(&whole));
        plan.halve(&whole);
        let half = plan.next(now);
        assert_eq!(half.to - half.from, TimeDelta::hours(12));
        plan.reached(half.to);
        assert_eq!(plan.next(now).to - plan.next(now).from, LONGEST);
    }

    #[test]
    fn lost_state_goes_on_from_the_newest_file() {
        let sha = "0".repeat(64);
        let window = plan(Some("2026-11-20T09:30:00Z")).next(at("2026-11-20T10:00:00Z"));
        let name = FileName::new(&window.stem(), &sha, crate::spool::Extension::Log);
        assert_eq!(name.stem(), "audit_log_20261120t083000z_20261120t095900z");
        assert_eq!(newest_end(&[name]), Some(window.to));
        let foreign = FileName::new("receipt_20261120", &sha, crate::spool::Extension::Log);
        assert_eq!(newest_end(&[foreign]), None);
    }

    proptest! {
        #[test]
        fn windows_leave_no_second_out_and_come_to_an_end(
            back in 0_i64..80 * 86_400, overlap in 1_u64..720, halvings in prop::collection::vec(any::<bool>(), 0..20)
        ) {
            let now = at("2026-11-20T10:00:00Z");
            let start = now - TimeDelta::seconds(back);
            let overlap = Duration::from_secs(60 * overlap);
            let mut plan = Plan::new(Some(start), overlap, WEEK);
            let mut reached = start;
            for step in 0..400 {
                let window = plan.next(now);
                if halvings.get(step) == Some(&true) && plan.can_halve(&window) {
                    plan.halve(&window);
                    continue;
                }
                prop_assert!(window.from <= reached || window.gap == Some((reached, window.from)));
                prop_assert!(window.to >= reached && window.to - window.from <= LONGEST.max(plan.overlap));
                reached = window.to;
                plan.reached(window.to);
                if window.is_last {
                    return Ok(());
                }
            }
            prop_assert!(false, "400 windows and no end");
        }
    }
}
