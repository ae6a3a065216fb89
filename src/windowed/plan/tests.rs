//! Windows leave out no second, for any state of the clocks.

use proptest::prelude::*;

use super::*;
use crate::clock::Reading;

const HOUR: Duration = Duration::from_secs(3_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn place(reached: Option<DateTime<Utc>>) -> Progress {
    Progress {
        reached,
        ..Progress::default()
    }
}

fn plan(reached: Option<&str>) -> Plan {
    Plan::new(place(reached.map(at)), None, HOUR, WEEK)
}

#[test]
fn the_first_run_looks_back_a_week_in_days_oldest_first() {
    let now = at("2026-11-20T10:00:30.5Z");
    let mut plan = plan(None);
    let first = plan.next(now);
    assert_eq!(first.from, at("2026-11-13T09:59:30Z"));
    assert_eq!(first.to, at("2026-11-14T09:59:30Z"));
    assert!(!first.is_last && first.gap.is_none());
    plan.collected(&first);
    assert_eq!(plan.next(now).from, first.to);
}

#[test]
fn a_first_run_that_never_ended_looks_back_from_where_it_began() {
    let began = Some(at("2026-11-01T10:00:00Z"));
    let plan = Plan::new(Progress::default(), began, HOUR, WEEK);
    let window = plan.next(at("2026-11-20T10:00:00Z"));
    assert_eq!(window.from, at("2026-10-25T10:00:00Z"));
    assert_eq!(window.gap, None);
}

#[test]
fn a_later_run_overlaps_the_last_and_ends_a_minute_ago() {
    let window = plan(Some("2026-11-20T09:30:00Z")).next(at("2026-11-20T10:00:00Z"));
    assert_eq!(window.from, at("2026-11-20T08:30:00Z"));
    assert_eq!(window.to, at("2026-11-20T09:59:00Z"));
    assert!(window.is_last);
}

#[test]
fn a_clock_that_went_back_is_followed() {
    let window = plan(Some("2026-11-20T09:30:00Z")).next(at("2026-11-20T05:01:00Z"));
    assert_eq!(window.from, at("2026-11-20T04:00:00Z"));
    assert_eq!(window.to, at("2026-11-20T05:00:00Z"));
    assert!(window.is_last && window.gap.is_none());
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
    plan.halve(&whole);
    let half = plan.next(now);
    assert_eq!(half.to - half.from, TimeDelta::hours(12));
    plan.collected(&half);
    assert_eq!(plan.next(now).to - plan.next(now).from, LONGEST);
}

#[test]
fn a_window_shrinks_to_one_second_and_goes_on_behind_it() {
    let now = at("2026-11-20T10:00:00Z");
    let mut plan = plan(Some("2026-11-20T09:30:00Z"));
    let mut window = plan.next(now);
    while window.can_halve() {
        plan.halve(&window);
        window = plan.next(now);
    }
    assert_eq!(
        (window.from, window.to),
        (at("2026-11-20T08:30:00Z"), at("2026-11-20T08:30:00Z"))
    );
    plan.collected(&window);
    assert_eq!(plan.next(now).from, at("2026-11-20T08:30:01Z"));
}

#[test]
fn a_place_is_a_time_unless_a_run_stopped_in_the_middle() {
    let now = at("2026-11-20T10:00:00Z");
    let mut plan = plan(Some("2026-11-20T09:30:00Z"));
    let window = plan.next(now);
    plan.halve(&window);
    let cut = Progress::read(&plan.text()).unwrap();
    assert_eq!(cut.reached, Some(at("2026-11-20T09:30:00Z")));
    let mut again = Plan::new(cut, None, HOUR, WEEK);
    assert_eq!(again.next(now), plan.next(now));
    while !again.next(now).is_last {
        let window = again.next(now);
        again.collected(&window);
    }
    let last = again.next(now);
    again.collected(&last);
    assert_eq!(again.text(), "2026-11-20T09:59:00Z");
    assert_eq!(
        Progress::read("2026-11-20T09:59:00Z"),
        Some(place(Some(last.to)))
    );
    assert_eq!((Progress::read("eNo"), Progress::read("{")), (None, None));
}

#[test]
fn a_position_in_the_future_goes_back_to_when_it_was_written() {
    let now = at("2026-11-20T10:00:00Z");
    let (written, ahead) = (at("2026-11-20T08:00:00Z"), "2026-11-23T10:00:00Z");
    for (moved_at, expected) in [
        (Some(written), written),
        (Some(at(ahead)), at("2026-11-13T10:00:00Z")),
        (None, at("2026-11-13T10:00:00Z")),
    ] {
        let mut plan = plan(Some(ahead));
        assert_eq!(plan.leave_future(now, moved_at), Some(expected));
        assert_eq!(plan.next(now).from, expected - TimeDelta::hours(1));
    }
    let mut near = plan(Some("2026-11-20T10:05:00Z"));
    assert_eq!(near.leave_future(now, Some(written)), None);
}

#[test]
fn a_name_holds_its_window() {
    let sha = "0".repeat(64);
    let window = plan(Some("2026-11-20T09:30:00Z")).next(at("2026-11-20T10:00:00Z"));
    let name = FileName::new(&window.stem(), &sha, crate::spool::Extension::Log);
    assert_eq!(name.stem(), "audit_log_20261120t083000z_20261120t095900z");
    assert_eq!(of_name(&name), Some((window.from, window.to)));
    let foreign = FileName::new("receipt_20261120", &sha, crate::spool::Extension::Log);
    assert_eq!(of_name(&foreign), None);
}

/// One installation over some runs: the clocks of each run, and the requested windows.
struct Life {
    truth: DateTime<Utc>,
    record: (Progress, Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    /// The requested time spans, in true time.
    asked: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Life {
    fn run(&mut self, host: TimeDelta, server: TimeDelta) {
        let (place, last, moved_at) = self.record.clone();
        let reading = Reading {
            host: self.truth + host,
            server: Some(self.truth + server),
            last,
        };
        let present = reading.present();
        if present.is_unknown {
            return; // such a run ends without a request
        }
        let mut plan = Plan::new(place, None, HOUR, WEEK);
        plan.leave_future(present.earliest, moved_at);
        for _ in 0..100 {
            let window = plan.next(present.earliest);
            // an event cannot be fetched before it happens
            self.asked.push((window.from, window.to.min(self.truth)));
            plan.collected(&window);
            if window.is_last {
                break;
            }
        }
        let text = plan.text();
        let earliest = Some(present.earliest);
        self.record = (Progress::read(&text).unwrap(), earliest, earliest);
    }

    /// Returns the first second after the first look-back that was never requested.
    fn hole(&self) -> Option<DateTime<Utc>> {
        let mut asked = self.asked.clone();
        asked.sort_unstable();
        let mut reached = asked.first()?.1;
        for (from, to) in asked {
            if from > reached {
                return Some(reached);
            }
            reached = reached.max(to);
        }
        (reached < self.truth - TimeDelta::minutes(2)).then_some(reached)
    }
}

#[test]
fn with_one_wrong_clock_no_second_is_left_out_however_long_it_lasts() {
    let by = [
        TimeDelta::minutes(5),
        TimeDelta::hours(2),
        TimeDelta::hours(20),
        TimeDelta::days(3),
        TimeDelta::days(30),
        TimeDelta::days(25 * 365),
    ];
    let pauses = [
        TimeDelta::minutes(30),
        TimeDelta::hours(3),
        TimeDelta::days(10),
    ];
    let zero = TimeDelta::zero();
    let cases = by.into_iter().flat_map(|by| [by, -by]).flat_map(|off| {
        let of_whom = [(off, zero), (zero, off)];
        of_whom.into_iter().flat_map(move |clocks| {
            let when = [0..1, 1..2, 1..400, 0..400];
            when.into_iter()
                .flat_map(move |when| pauses.map(|pause| (clocks, when.clone(), pause)))
        })
    });
    for ((host, server), when, pause) in cases {
        let label = format!("host {host}, server {server}, runs {when:?}, every {pause}");
        let mut life = Life {
            truth: at("2026-11-20T10:00:00Z"),
            record: (Progress::default(), None, None),
            asked: Vec::new(),
        };
        let runs = if pause > TimeDelta::days(1) { 6 } else { 60 };
        for run in 0..runs {
            match when.contains(&run) {
                true => life.run(host, server),
                false => life.run(zero, zero),
            }
            life.truth += pause;
        }
        life.run(zero, zero);
        assert_eq!(life.hole(), None, "{label}");
    }
}

proptest! {
    #[test]
    fn windows_leave_no_second_out_and_come_to_an_end(
        back in 0_i64..80 * 86_400,
        overlap in 1_u64..720,
        halvings in prop::collection::vec(any::<bool>(), 0..20),
        cuts in prop::collection::vec(any::<bool>(), 0..20),
    ) {
        let now = at("2026-11-20T10:00:00Z");
        let start = now - TimeDelta::seconds(back);
        let overlap = Duration::from_secs(60 * overlap);
        let mut plan = Plan::new(place(Some(start)), None, overlap, WEEK);
        let mut reached = start;
        for step in 0..4_000 {
            let window = plan.next(now);
            if halvings.get(step) == Some(&true) && window.can_halve() {
                plan.halve(&window);
                continue;
            }
            prop_assert!(window.from <= reached + TimeDelta::seconds(1) || window.gap.is_some());
            prop_assert!(window.to >= window.from && window.to - window.from <= LONGEST);
            reached = reached.max(window.to);
            plan.collected(&window);
            if cuts.get(step) == Some(&true) {
                // the next run reads the position; after a complete run it begins with the overlap
                plan = Plan::new(Progress::read(&plan.text()).unwrap(), None, overlap, WEEK);
            }
            if window.is_last {
                return Ok(());
            }
        }
        prop_assert!(false, "4000 windows and no end");
    }
}
