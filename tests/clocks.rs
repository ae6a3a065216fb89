//! Audit events when clocks are wrong, when long time has passed, and when the overlap changes.

use std::fs;

use chrono::TimeDelta;
use serde_json::Value;

use crate::audit::{JSON, ago, event, place, set_clock};

#[test]
fn a_position_older_than_60_days_is_a_gap_that_is_told_once() {
    let place = place(JSON);
    let old = ago(TimeDelta::days(70));
    set_clock(&place, -70 * 24 * 60);
    place.sandbox.audit([event(1, old - TimeDelta::hours(1))]);
    place.audit().stays_silent();
    set_clock(&place, 0);
    place.sandbox.audit([
        event(2, ago(TimeDelta::days(59))),
        event(3, ago(TimeDelta::minutes(5))),
    ]);
    place
        .audit()
        .ends_with(65)
        .says("no longer has all events since");
    place.assert_audit_complete();
    let state = fs::read_to_string(place.path("checkpoint/audit.state")).expect("the state");
    let state: Value = serde_json::from_str(state.lines().nth(1).expect("a record")).expect("JSON");
    assert_eq!(
        state["gaps"].as_array().map(Vec::len),
        Some(1),
        "recorded: {state}"
    );
    place.audit().stays_silent();
}

#[test]
fn a_clock_of_mimecast_that_goes_wrong_and_right_again_loses_and_repeats_nothing() {
    let place = place(JSON);
    let mut numbers = 0..;
    let errors = [0, 60, 60, 0, 0, -60, -60, 0, 600, 0, -600, 0];
    for (run, error) in (-6..).zip(errors) {
        let minutes = run * 30 + error;
        set_clock(&place, minutes);
        let now = ago(-TimeDelta::minutes(minutes));
        let ages = [2, 20, 55].map(TimeDelta::minutes);
        place
            .sandbox
            .audit(ages.map(|age| event(numbers.next().expect("endless"), now - age)));
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
}

#[test]
fn a_clock_that_was_days_ahead_stops_collection_until_somebody_decides() {
    let place = place(JSON);
    set_clock(&place, 3 * 24 * 60);
    place.sandbox.audit([event(1, ago(TimeDelta::hours(1)))]);
    place.audit().stays_silent();
    set_clock(&place, 0);
    let before = fs::read(place.path("checkpoint/audit.state")).expect("the state");
    place.audit().ends_with(78).says("days after the present");
    assert_eq!(
        fs::read(place.path("checkpoint/audit.state")).expect("the state"),
        before
    );
    // the clock was wrong this time, not the last
    set_clock(&place, 3 * 24 * 60 + 30);
    place.sandbox.audit([event(2, ago(-TimeDelta::days(3)))]);
    place.audit().stays_silent();
    place.assert_audit_complete();
}

#[test]
fn an_overlap_that_is_changed_between_runs_repeats_nothing() {
    let place = place(JSON);
    let mut numbers = 0..;
    for (run, overlap) in (-4..).zip([60, 720, 5, 720, 1, 60]) {
        place.configure(&format!("{JSON}overlap_minutes = {overlap}"));
        set_clock(&place, run * 30);
        let now = ago(-TimeDelta::minutes(run * 30));
        let ages = [2, 15, if overlap > 5 { overlap } else { 28 }].map(TimeDelta::minutes);
        place
            .sandbox
            .audit(ages.map(|age| event(numbers.next().expect("endless"), now - age)));
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
}
