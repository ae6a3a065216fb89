//! Audit events: windows and their borders, pages, late events, odd items.
//!
//! Time passes by the server's clock, which the sandbox moves: windows follow that clock alone.

mod bad_pages;
mod items; // names, ids and times of events
mod stopped;

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde_json::Value;

use crate::harness::{AUDIT, Installation};
use mimecast_sandbox::{AuditEvent, Endpoint, Wire, changes};

/// Lines that carry ids, so that every event can be told from every other.
pub(crate) const JSON: &str = "[audit]\nformat = \"json\"\n";

pub(crate) fn place(audit: &str) -> Installation {
    Installation::configured(audit)
}

/// The same, and these events are waiting.
pub(crate) fn audit_with(
    audit: &str,
    events: impl IntoIterator<Item = AuditEvent>,
) -> Installation {
    let place = place(audit);
    place.serve_events(events);
    place
}

/// Events of five minutes ago.
pub(crate) fn recent(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = AuditEvent> {
    let numbers = numbers.into_iter();
    numbers.map(|number| event(number, ago(TimeDelta::minutes(5))))
}

/// Sets the server's clock apart from the host's.
pub(crate) fn set_clock(place: &Installation, minutes: i64) {
    place.set(|switches| {
        switches.clock_offset_seconds = minutes * 60;
        switches.skew_limit_seconds = u32::MAX.into();
    });
}

pub(crate) fn event(number: u64, time: DateTime<Utc>) -> AuditEvent {
    AuditEvent::realistic(number, time)
}

pub(crate) fn ago(age: TimeDelta) -> DateTime<Utc> {
    (Utc::now() - age).trunc_subsecs(0)
}

/// Start and end of each request so far, in the order in which they came.
fn windows(place: &Installation) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let requests = place.requests().into_iter();
    let asked = requests.filter(|seen| seen.endpoint == Some(Endpoint::Audit));
    let windows = asked.map(|seen| {
        ["startDateTime", "endDateTime"].map(|name| {
            let text = seen.body["data"][0][name]
                .as_str()
                .expect("a date")
                .to_owned();
            let time = DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%z");
            time.expect("checked by the sandbox").to_utc()
        })
    });
    windows.map(|[from, to]| (from, to)).collect()
}

#[test]
fn the_first_run_publishes_the_whole_look_back_and_nothing_older() {
    for (days, config) in [(7, ""), (60, "first_look_back_days = 60")] {
        let place = place(&format!("{JSON}{config}"));
        // 60 days is also the limit of Mimecast, from which the collector keeps a distance
        let margin = TimeDelta::minutes(if days == 60 { 20 } else { 2 });
        let whole = TimeDelta::days(days);
        let inside = (0..=days)
            .map(|day| ago((TimeDelta::days(day) + TimeDelta::minutes(3)).min(whole - margin)));
        let inside: Vec<AuditEvent> = (0..)
            .zip(inside)
            .map(|(number, time)| event(number, time))
            .collect();
        let mut ids: Vec<String> = inside.iter().map(|event| event.id.clone()).collect();
        ids.sort_unstable();
        place.serve_events(inside);
        place.serve_events([event(1000, ago(whole + TimeDelta::minutes(5)))]);
        place.audit().stays_silent();
        assert_eq!(place.audit_ids(), ids, "{days} days");
        let is_day =
            |(from, to): &(DateTime<Utc>, DateTime<Utc>)| *to - *from <= TimeDelta::days(1);
        assert!(windows(&place).iter().all(is_day));
    }
}

#[test]
fn over_a_day_of_runs_every_event_comes_once_however_late_it_is() {
    let place = place(JSON);
    let mut numbers = 0..;
    for minutes in (-480..=0).step_by(30) {
        set_clock(&place, minutes);
        // the last run saw none of the last two's times
        let times = [2, 9, 20, 29, 55].map(|age| ago(TimeDelta::minutes(age - minutes)));
        place.serve_events(times.map(|time| event(numbers.next().expect("endless"), time)));
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
}

#[test]
fn the_very_second_of_a_border_is_neither_lost_nor_repeated() {
    let place = place(JSON);
    set_clock(&place, -60);
    place.audit().stays_silent();
    let (_, end) = *windows(&place).last().expect("it asked");
    let begin = end - TimeDelta::minutes(60);
    let around =
        |border: DateTime<Utc>| [-1, 0, 1].map(|second| border + TimeDelta::seconds(second));
    // one second earlier is outside the overlap
    let times = around(end)
        .into_iter()
        .chain(around(begin).into_iter().skip(1));
    let events: Vec<AuditEvent> = (0..)
        .zip(times)
        .map(|(number, time)| event(number, time))
        .collect();
    place.serve_events(events);
    for minutes in [-45, -30, -15, 0] {
        set_clock(&place, minutes);
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
    let all = windows(&place);
    assert!(
        all.iter().any(|(from, _)| *from == begin),
        "the windows met"
    );
}

#[test]
fn pages_of_500_become_one_file_that_runs_oldest_first() {
    for (next_on_last_page, requests) in [(false, 4), (true, 5)] {
        let place = place(&format!("{JSON}first_look_back_days = 1"));
        place.set(|switches| switches.next_on_last_page = next_on_last_page);
        let newest = ago(TimeDelta::minutes(2));
        // 900 of them in one second: more than a page
        place.serve_events((0..1_700_u64).map(|number| {
            event(
                number,
                newest - TimeDelta::seconds((800 - number as i64).max(0)),
            )
        }));
        place.audit().stays_silent();
        assert_eq!(place.count(Endpoint::Audit), requests);
        place.assert_audit_complete();
        let files = place.files("audit");
        let [content] = files.values().collect::<Vec<_>>()[..] else {
            panic!("one window, one file: {:?}", files.keys());
        };
        let lines = std::str::from_utf8(content).expect("UTF-8").lines();
        let ids =
            lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].clone());
        assert_eq!(
            ids.collect::<Vec<_>>(),
            place.sandbox.audit_ids(),
            "oldest first"
        );
    }
}

#[test]
fn events_that_arrive_while_pages_are_read_are_taken_once() {
    let place = place(&format!("{JSON}first_look_back_days = 1"));
    let newest = ago(TimeDelta::minutes(3));
    place.serve_events(
        (0..1_200).map(|number| event(number, newest - TimeDelta::seconds(number as i64))),
    );
    let slow = Wire::StallAt(100, Duration::from_millis(500));
    place.next(Endpoint::Audit, changes::wire(slow));
    let run = place.spawn_until(AUDIT, Endpoint::Audit);
    // The first page is on its way. The newer ones move the rest down a page, so that some come twice.
    let late = [-30, -20, -10, 100, 700, 3_000].map(|age| newest - TimeDelta::seconds(age));
    place.serve_events(
        (5_000..)
            .zip(late)
            .map(|(number, time)| event(number, time)),
    );
    place.wait(run).stays_silent();
    assert_eq!(
        place.audit_ids().len(),
        1_202,
        "what stood on pages to come was there already"
    );
    place.collects_events();
}

#[test]
fn a_window_without_events_moves_the_position_and_writes_no_file() {
    let place = place(JSON);
    place.audit().stays_silent();
    assert!(place.files("audit").is_empty());
    let first_run = windows(&place);
    place.audit().stays_silent();
    let (from, _) = windows(&place)[first_run.len()];
    let (_, end) = *first_run.last().expect("it asked");
    assert_eq!(from, end - TimeDelta::minutes(60));
}

/// More of them than a state record holds: they are remembered in the file beside it.
#[test]
fn thousands_of_events_are_remembered_as_long_as_windows_overlap() {
    let place = place(&format!("{JSON}first_look_back_days = 1"));
    let newest = ago(TimeDelta::minutes(5));
    for run in 0..3 {
        let numbers = run * 10_000..run * 10_000 + 1_300;
        place.serve_events(numbers.map(|number| event(number, newest)));
        place.audit().stays_silent();
    }
    place.collects_events();
    let names = place.state_files();
    assert!(names.iter().any(|name| name.contains(".ids-")), "{names:?}");
}

/// A minute is the smallest budget: the test waits for its end, twice.
#[test]
fn a_window_that_does_not_fit_into_one_run_is_collected_in_several_however_slow_pages_stay() {
    let place = place(&format!(
        "{JSON}first_look_back_days = 1\n[run]\nbudget_minutes = 1\n\
         [network]\nretries = 0\nidle_timeout_seconds = 10"
    ));
    let newest = ago(TimeDelta::minutes(5));
    let ages = (0..1_250).map(TimeDelta::minutes);
    let events = (0..).zip(ages);
    place.serve_events(events.map(|(number, age)| event(number, newest - age)));
    let slow = Wire::StallAt(100, Duration::from_secs(3));
    place.set(|switches| switches.audit_page_items = Some(50));
    place.always(Endpoint::Audit, changes::wire(slow));
    place.audit_says(75, "is used up");
    let asked = windows(&place).len();
    place.audit_says(75, "is used up");
    let published = place.audit_ids().len();
    assert!(
        published > 400,
        "the next run continues with pieces: {published}"
    );
    let (from, to) = windows(&place)[asked];
    assert!(to - from <= TimeDelta::hours(12), "half of it: {from} {to}");
    place.collects_events();
}

const NAMES_ITSELF: &[u8] =
    br#"{"meta":{"status":200,"pagination":{"next":"eNo"}},"data":[{"id":"1"}],"fail":[]}"#;

#[test]
fn a_page_that_names_itself_as_the_next_ends_the_window_and_is_told() {
    let place = audit_with(&format!("{JSON}first_look_back_days = 1"), recent(0..3));
    place.sandbox.allow_complaints();
    place.always(Endpoint::Audit, |reply| {
        reply.status = 200;
        reply.set_body(NAMES_ITSELF);
    });
    place.audit_says(65, "named a page of audit events twice");
    assert!(place.count(Endpoint::Audit) <= 3);
    assert_eq!(place.audit_ids(), ["1"]);
}
