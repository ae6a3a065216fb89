//! Audit events: counts that do not fit, ids that repeat, pages without events or too large ones.

use chrono::TimeDelta;

use crate::audit::{JSON, ago, event, place as audit_place, recent};
use crate::harness::AUDIT;
use crate::told::Told;
use mimecast_sandbox::{AuditEvent, AuditMiss, EmptyPages, Endpoint, TotalCount, at, changes};

#[test]
fn audit_pages_without_events_end_no_window() {
    for (after, pages) in [(0, 1), (1, 1), (1, 4), (2, 3)] {
        let place = audit_place(JSON);
        place.set(|switches| {
            switches.audit_page_items = Some(3);
            switches.empty_audit_pages = vec![EmptyPages { after, pages }];
        });
        place.serve_events(recent(0..9));
        println!("{pages} after {after}");
        place.collects_events();
    }
}

#[test]
fn events_that_one_reading_misses_are_found_by_the_count_and_the_next_one() {
    let place = audit_place(JSON);
    place.set(|switches| {
        switches.total_count = TotalCount::Exact;
        switches.audit_misses = vec![AuditMiss { at: 2, events: 3 }];
    });
    place.serve_events(recent(0..9));
    place.collects_events();
}

#[test]
fn a_count_that_stays_too_high_is_told_at_most_once_a_day_and_one_too_low_never() {
    for (off, codes) in [(2, [65, 0, 0]), (-2, [0, 0, 0])] {
        let place = audit_place(JSON);
        place.set(|switches| switches.total_count = TotalCount::Off(off));
        for (run, code) in (0..).zip(codes) {
            place.serve_events(recent(run * 10..run * 10 + 4));
            Told::of_runs(&place, AUDIT, [code]);
        }
        place.assert_audit_complete();
    }
}

#[test]
fn two_events_of_one_id_are_two_events_and_another_spelling_is_none() {
    for format in [JSON, "[audit]\nformat = \"key_value\"\n"] {
        let place = audit_place(format);
        let time = ago(TimeDelta::minutes(5));
        let first = event(1, time);
        place.serve_events([
            first.clone(),
            first.clone().rearranged(),
            first.clone().with_info("other words"),
        ]);
        place.audit().stays_silent();
        assert_eq!(place.lines("audit").len(), 2);
        let log = place.log("audit");
        assert!(
            log.contains("events that have the id of another event"),
            "{log}"
        );
        place.set(|switches| switches.audit_forms_differ = true);
        place.serve_events([first.with_info("and others")]);
        place.audit().stays_silent();
        place.audit().stays_silent();
        assert_eq!(place.lines("audit").len(), 3);
    }
}

#[test]
fn one_bad_audit_event_costs_no_other_and_is_kept() {
    type Spoil = fn(AuditEvent) -> AuditEvent;
    let ways: [(Spoil, i32); 3] = [
        (AuditEvent::with_control_character, 0), // nothing of it is lost
        (|event| event.with_raw("{\"id\":tru}"), 65),
        (AuditEvent::broken, 65), // the page around it is no JSON
    ];
    for (spoil, code) in ways {
        let place = audit_place(&format!("{JSON}first_look_back_days = 1"));
        let minutes = |number: u64| ago(TimeDelta::minutes(5 + number as i64 * 7));
        place.serve_events((0..20).map(|number| event(number, minutes(number))));
        place.serve_events([spoil(event(100, ago(TimeDelta::minutes(63))))]);
        let mut told = Told::default();
        told.runs(&place, AUDIT, 2);
        assert_eq!(told.codes(), [code, 0]);
        let mut expected = place.sandbox.readable_audit_ids();
        if code == 0 {
            expected = place.sandbox.audit_ids();
        } else {
            assert_eq!(place.quarantined().len(), 2, "the bytes and a note");
        }
        expected.sort_unstable();
        let found = place.audit_ids();
        let lost = expected.iter().position(|id| !found.contains(id));
        let all = place.sandbox.audit_events();
        let lost = lost.map(|at| all.iter().find(|event| event.id == expected[at]));
        assert!(
            found == expected,
            "{code}: lost {lost:?} of {}",
            expected.len()
        );
    }
}

#[test]
fn an_audit_page_that_is_too_large_arrives_in_smaller_ones() {
    let place = audit_place(&format!("{JSON}first_look_back_days = 1"));
    let time = ago(TimeDelta::minutes(5));
    place.serve_events((0..480).map(|number| event(number, time).of_size(40_000)));
    place.collects_events();
}

#[test]
fn a_late_event_behind_a_run_that_stopped_in_the_middle_is_found() {
    let place = audit_place(JSON);
    let minutes = TimeDelta::minutes;
    crate::audit::set_clock(&place, -90);
    place.audit().stays_silent();
    crate::audit::set_clock(&place, -60);
    let is_long = |seen: &mimecast_sandbox::Seen| {
        at::window(seen).is_some_and(|(from, to)| to - from > TimeDelta::minutes(20))
    };
    place.always_at(Endpoint::Audit, is_long, changes::foreign_json());
    let end = at::window_of(ago(minutes(63)));
    let end = at::both(end, move |seen| !is_long(seen));
    place.always_at(Endpoint::Audit, end, changes::status(503));
    place.audit().ends_with(75);
    place.clear();
    place.serve_events([event(1, ago(minutes(100)))]); // 40 to 50 minutes late
    for now in [-30, 0] {
        crate::audit::set_clock(&place, now);
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
}
