//! The present time, decided from the known clocks.
//!
//! The collector assumes that at most one of the two clocks is wrong. The true time is then between the
//! earliest and the latest plausible time. Windows end by the earliest, so that the collector skips no
//! event. The age of a file counts from the latest, so that the collector deletes no file early.

use chrono::{DateTime, TimeDelta, Utc};

/// The collector reports clocks that differ by more than this.
const DISAGREEMENT: TimeDelta = TimeDelta::hours(24);
/// The most by which a clock may be behind the end of the last run. Hosts set clocks back by seconds.
const SET_BACK: TimeDelta = TimeDelta::minutes(10);

/// The times of all clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The host's clock.
    pub host: DateTime<Utc>,
    /// Mimecast's clock. `None` before the first answer.
    pub server: Option<DateTime<Utc>>,
    /// The earliest plausible time at the end of the last run. The present is not before it.
    pub last: Option<DateTime<Utc>>,
}

/// The decision about the present time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The present is not before this.
    pub earliest: DateTime<Utc>,
    /// The present is not after this.
    pub latest: DateTime<Utc>,
    /// Mimecast's clock minus the host's, if they differ by more than a day.
    pub apart: Option<TimeDelta>,
    /// True if the last run confirms Mimecast's clock, so that the host's clock is wrong.
    pub is_host_wrong: bool,
    /// True if the clocks disagree and no earlier run shows which one is wrong. The collector then
    /// plans no window.
    pub is_unknown: bool,
}

impl Reading {
    /// Decides the present time.
    pub fn present(self) -> Present {
        let clocks = [Some(self.host), self.server];
        let clocks = || clocks.iter().flatten().copied();
        let is_plausible =
            |time: &DateTime<Utc>| self.last.is_none_or(|last| *time >= last - SET_BACK);
        // if every clock is behind the last run, the clock of that run was wrong
        let none_plausible = !clocks().any(|time| is_plausible(&time));
        let known = || clocks().filter(|time| none_plausible || is_plausible(time));
        let apart = self.server.map(|server| server - self.host);
        let apart = apart.filter(|apart| apart.abs() > DISAGREEMENT);
        let is_confirmed = |server: DateTime<Utc>| {
            self.last
                .is_some_and(|last| (server - last).abs() <= DISAGREEMENT)
        };
        Present {
            earliest: known().min().unwrap_or(self.host),
            latest: known().max().unwrap_or(self.host),
            apart,
            is_host_wrong: apart.is_some() && self.server.is_some_and(is_confirmed),
            is_unknown: apart.is_some() && (self.last.is_none() || none_plausible),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn truth() -> DateTime<Utc> {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn reading(host: TimeDelta, server: TimeDelta, last: Option<TimeDelta>) -> Reading {
        Reading {
            host: truth() + host,
            server: Some(truth() + server),
            last: last.map(|ago| truth() - ago),
        }
    }

    /// Returns offsets of wrong clocks.
    fn wrong() -> Vec<TimeDelta> {
        let ahead = [
            TimeDelta::minutes(3),
            TimeDelta::hours(2),
            TimeDelta::hours(20),
            TimeDelta::days(3),
            TimeDelta::days(30),
            TimeDelta::days(25 * 365),
        ];
        ahead.into_iter().flat_map(|by| [by, -by]).collect()
    }

    #[test]
    fn with_one_wrong_clock_the_truth_lies_between_earliest_and_latest() {
        let pauses = [
            TimeDelta::minutes(30),
            TimeDelta::hours(3),
            TimeDelta::days(10),
        ];
        let lasts = pauses.map(Some).into_iter().chain([None]);
        for last in lasts {
            for off in wrong() {
                for reading in [
                    reading(off, TimeDelta::zero(), last),
                    reading(TimeDelta::zero(), off, last),
                ] {
                    let present = reading.present();
                    assert!(present.earliest <= truth(), "{off} {last:?} {present:?}");
                    assert!(present.latest >= truth(), "{off} {last:?} {present:?}");
                }
            }
        }
    }

    #[test]
    fn a_clock_behind_the_last_run_is_not_used() {
        let half_an_hour = Some(TimeDelta::minutes(30));
        for off in wrong()
            .into_iter()
            .filter(|off| *off < -TimeDelta::hours(1))
        {
            for reading in [
                reading(off, TimeDelta::zero(), half_an_hour),
                reading(TimeDelta::zero(), off, half_an_hour),
            ] {
                assert_eq!(reading.present().earliest, truth(), "{off}");
            }
        }
    }

    #[test]
    fn a_last_run_in_the_future_was_wrong() {
        let present = reading(
            TimeDelta::zero(),
            TimeDelta::minutes(1),
            Some(-TimeDelta::days(3)),
        );
        let present = present.present();
        assert_eq!(present.earliest, truth());
        assert!(!present.is_unknown);
    }

    #[test]
    fn a_disagreement_of_more_than_a_day_is_told_unless_the_last_run_confirms_mimecast() {
        let day = TimeDelta::days(1);
        let (right, recent) = (TimeDelta::zero(), Some(TimeDelta::minutes(30)));
        for (host, server, last, told, unknown) in [
            (right, right, None, false, false),
            (right, TimeDelta::hours(23), recent, false, false),
            (right, day * 3, recent, true, false),
            (right, -day * 3, recent, true, false),
            (right, -day * 9_000, recent, true, false),
            // the last run shows that the host's clock is wrong, so no window depends on it
            (day * 3, right, recent, false, false),
            (-day * 30, right, recent, false, false),
            (right, day * 3, None, true, true),
            (-day * 30, right, None, true, true),
            (right, day * 3, Some(day * 10), true, false),
        ] {
            let present = reading(host, server, last).present();
            let is_told = present.apart.is_some() && !present.is_host_wrong;
            assert_eq!(is_told, told, "{host} {server}");
            assert_eq!(present.is_unknown, unknown, "{host} {server}");
        }
    }

    proptest! {
        #[test]
        fn the_earliest_is_never_after_the_latest(
            host in -1_000_000_000_i64..1_000_000_000,
            server in prop::option::of(-1_000_000_000_i64..1_000_000_000),
            last in prop::option::of(-1_000_000_000_i64..1_000_000_000),
        ) {
            let at = |seconds| truth() + TimeDelta::seconds(seconds);
            let reading = Reading { host: at(host), server: server.map(at), last: last.map(at) };
            let present = reading.present();
            prop_assert!(present.earliest <= present.latest);
            let clocks = [Some(reading.host), reading.server];
            prop_assert!(clocks.contains(&Some(present.earliest)));
        }
    }
}
