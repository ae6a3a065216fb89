//! Checks where windows begin after a run that stopped early.

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn reached(text: &str) -> Progress {
    Progress {
        reached: Some(at(text)),
        ..Progress::default()
    }
}

/// Returns the plan after a run that stopped early, at time `now`, after some windows.
fn stopped(end: &str, now: &str, windows: usize) -> Plan {
    let mut plan = Plan::new(reached(end), None, HOUR, WEEK);
    let whole = plan.next(at(now));
    plan.halve(&whole);
    for _ in 0..windows {
        let half = plan.next(at(now));
        plan.collected(&half);
        plan.halve(&half);
    }
    Plan::new(Progress::read(&plan.text()).unwrap(), None, HOUR, WEEK)
}

#[test]
fn after_a_run_that_stopped_what_was_young_at_that_time_is_asked_for_again() {
    let later = at("2026-11-20T12:00:00Z");
    let mut plan = stopped("2026-11-20T09:30:00Z", "2026-11-20T10:00:00Z", 2);
    let first = plan.next(later);
    assert_eq!(first.from, at("2026-11-20T08:59:00Z"));
    plan.collected(&first);
    assert_eq!(plan.next(later).from, first.to, "without an overlap");
}

#[test]
fn what_had_settled_when_a_run_asked_for_it_is_not_asked_for_again() {
    let plan = stopped("2026-11-18T09:30:00Z", "2026-11-20T10:00:00Z", 1);
    let resume = plan.place.resume.unwrap();
    assert_eq!(plan.next(at("2026-11-20T10:30:00Z")).from, resume);
}

#[test]
fn a_place_of_an_earlier_version_has_an_overlap_before_it() {
    let text = r#"{"reached":"2026-11-20T09:30:00Z","resume":"2026-11-20T09:30:00Z"}"#;
    let plan = Plan::new(Progress::read(text).unwrap(), None, HOUR, WEEK);
    let window = plan.next(at("2026-11-20T12:00:00Z"));
    assert_eq!(window.from, at("2026-11-20T08:30:00Z"));
    assert_eq!(window.gap, None);
}

#[test]
fn runs_that_each_collect_less_than_the_overlap_get_on() {
    let mut now = at("2026-11-20T10:00:00Z");
    let mut place = reached("2026-11-20T09:30:00Z");
    place.span = Some(60 * 60);
    for _ in 0..20 {
        let mut plan = Plan::new(place.clone(), None, Duration::from_secs(12 * 3_600), WEEK);
        let mut window = plan.next(now);
        while window.to - window.from > TimeDelta::minutes(20) {
            plan.halve(&window);
            window = plan.next(now);
        }
        plan.collected(&window);
        let next = Progress::read(&plan.text()).unwrap();
        assert!(place.resume < next.resume);
        place = next;
        now += TimeDelta::minutes(30);
    }
}
