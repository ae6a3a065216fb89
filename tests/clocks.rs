//! Audit events when clocks are wrong, when long time has passed, and when the overlap changes.

use chrono::TimeDelta;

use crate::audit::{JSON, ago, audit_with, event, place, set_clock};

#[test]
fn a_position_older_than_60_days_is_a_gap_that_is_told_once() {
    let place = audit_with(JSON, [event(1, ago(TimeDelta::hours(1)))]);
    place.audit().stays_silent();
    let old = ago(TimeDelta::days(70)).to_rfc3339();
    place.rewrite_record("audit", |record| {
        for name in ["position", "last_success", "clock", "moved_at"] {
            record[name] = old.clone().into();
        }
    });
    place.serve_events([
        event(2, ago(TimeDelta::days(59))),
        event(3, ago(TimeDelta::minutes(5))),
    ]);
    place.audit_says(65, "no longer keeps all events since");
    place.assert_audit_complete();
    let record = place.record("audit");
    let gaps = record["gaps"].as_array().map(Vec::len);
    assert_eq!(gaps, Some(1), "recorded: {record}");
    place.audit().stays_silent();
}

#[test]
fn a_clock_of_mimecast_that_goes_wrong_and_right_again_loses_and_repeats_nothing() {
    let place = place(JSON);
    let mut numbers = 0..;
    // the host's clock is right; each run finds new events of the last hour
    for error in [0, 60, 60, 0, 0, -60, -60, 0, 600, 0, -600, 0, 20 * 60, 0] {
        set_clock(&place, error);
        let ages = [2, 20, 55].map(TimeDelta::minutes);
        place.serve_events(ages.map(|age| event(numbers.next().expect("endless"), ago(age))));
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
}

#[test]
fn a_clock_of_mimecast_that_is_days_off_is_told_once_and_again_when_it_lasts() {
    for days in [3, -3, 30, -30, -9_000] {
        println!("{days} days");
        let place = place(JSON);
        let mut numbers = 0..;
        let mut more = || {
            let ages = [2, 20, 55].map(TimeDelta::minutes);
            place.serve_events(ages.map(|age| event(numbers.next().expect("endless"), ago(age))));
        };
        more();
        place.audit().stays_silent();
        set_clock(&place, days * 24 * 60);
        for code in [65, 0, 78, 78] {
            more();
            place.audit().ends_with(code);
        }
        set_clock(&place, 0);
        more();
        place.collects_events();
    }
}

#[test]
fn a_first_run_with_clocks_that_are_days_apart_asks_for_nothing_and_skips_nothing() {
    for days in [3, -3, -9_000] {
        let place = audit_with(JSON, [event(1, ago(TimeDelta::hours(1)))]);
        set_clock(&place, days * 24 * 60);
        place.audit_each_says([75, 75, 78], "more than a day apart");
        assert!(place.files("audit").is_empty());
        set_clock(&place, 0);
        place.collects_events();
    }
}

#[test]
fn a_position_in_the_future_goes_back_to_when_it_was_written() {
    for is_old in [false, true] {
        let place = audit_with(JSON, [event(1, ago(TimeDelta::minutes(30)))]);
        place.audit().stays_silent();
        // as a clock that was three days ahead has left it
        let ahead = ago(-TimeDelta::days(3)).format("%Y-%m-%dT%H:%M:%SZ");
        place.rewrite_record("audit", |record| {
            record["position"] = ahead.to_string().into();
            if is_old {
                let members = record.as_object_mut().expect("a record");
                for name in ["moved_at", "clock", "id", "began"] {
                    members.remove(name);
                }
                record["format"] = 1.into();
            }
        });
        place.serve_events([event(2, ago(TimeDelta::minutes(2)))]);
        place.audit_says(65, "is in the future");
        place.assert_audit_complete();
        place.audit().stays_silent();
    }
}

#[test]
fn an_overlap_that_is_changed_between_runs_repeats_nothing() {
    let place = place(JSON);
    for (run, overlap) in (-5..).zip([60, 720, 5, 720, 1, 60]) {
        place.configure(&format!("{JSON}overlap_minutes = {overlap}"));
        set_clock(&place, run * 30);
        let oldest = if overlap > 5 { overlap } else { 28 };
        let times = [2, 15, oldest].map(|age| ago(TimeDelta::minutes(age - run * 30)));
        let numbers = (run + 5) as u64 * 10..;
        place.serve_events(numbers.zip(times).map(|(number, time)| event(number, time)));
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
}
