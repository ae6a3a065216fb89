//! P1, P4 and P7 for audit pages and items of which one is bad for ever.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{JSON, ago, audit_with, event, place as audit_place, recent};
use crate::harness::answers::text;
use crate::harness::{AUDIT, Installation};
use crate::told::Told;
use mimecast_sandbox::{AuditEvent, Endpoint, Reply, TotalCount, Wire, at, changes};

// Ages in minutes.
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
/// More bytes than the collector holds of one answer.
const TOO_LARGE: usize = 17 << 20;

type Spoil = fn(&mut Reply);

/// Three events of so many minutes ago; returns the time of the second, which is the one that goes wrong.
fn three_events(before: i64, bad: i64, behind: i64) -> (Installation, DateTime<Utc>) {
    let place = audit_place(JSON);
    let [before, bad, behind] = [before, bad, behind].map(|age| ago(TimeDelta::minutes(age)));
    let events = (1..).zip([before, bad, behind]);
    place.serve_events(events.map(|(number, time)| event(number, time)));
    (place, bad)
}

#[test]
fn an_event_whose_page_never_arrives_stops_no_other_and_is_a_gap_after_two_runs() {
    let failures: [(&str, Spoil); 3] = [
        ("503", |reply| changes::status(503)(reply)),
        ("cut off", |reply| changes::wire(Wire::CutAt(30))(reply)),
        ("403", |reply| changes::status(403)(reply)),
    ];
    for (name, failure) in failures {
        let (place, bad) = three_events(2 * DAY, 200, 100);
        place.always_at(Endpoint::Audit, at::window_of(bad), failure);
        let told = Told::of_runs(&place, AUDIT, [75, 75, 65, 0]);
        told.assert_once("did not arrive in 3 runs");
        assert_eq!(place.audit_ids().len(), 2, "{name}");
    }
}

#[test]
fn an_outage_makes_no_gap_however_long_it_lasts_and_whenever_it_begins() {
    for answers_before in [0, 1] {
        let times = [50 * HOUR, 30 * HOUR, 100, 5].map(|age| ago(TimeDelta::minutes(age)));
        let events = (0..).zip(times).map(|(number, time)| event(number, time));
        let place = audit_with(JSON, events);
        for _ in 0..4 {
            let asked = AtomicUsize::new(0);
            place.always(Endpoint::Audit, move |reply| {
                if asked.fetch_add(1, Ordering::Relaxed) >= answers_before {
                    changes::status(503)(reply);
                }
            });
            place.audit().ends_with(75);
            place.clear();
        }
        place.collects_events();
    }
}

#[test]
fn an_event_that_is_listed_twice_is_not_told_as_missing() {
    let place = audit_place(JSON);
    let time = ago(TimeDelta::minutes(5));
    place.serve_events([event(1, time), event(1, time).rearranged(), event(2, time)]);
    place.set(|switches| switches.total_count = TotalCount::Exact);
    place.audit().stays_silent();
}

/// The number of good events that share one second with a bad one: nearly as many as a page holds.
const NEIGHBOURS: u64 = 400;
/// The places of the bad event among them: the oldest, one in the middle, the newest.
const PLACES: [u64; 3] = [0, NEIGHBOURS / 2, NEIGHBOURS];

/// Returns an installation that has run once. Events of one second wait for it, and `spoil` makes one of them bad.
fn one_bad_among_neighbours(bad: u64, spoil: fn(AuditEvent) -> AuditEvent) -> Installation {
    println!("the bad one is number {bad}");
    let place = audit_place(JSON);
    place.audit().stays_silent();
    let time = ago(TimeDelta::minutes(5));
    place.serve_events((0..=NEIGHBOURS).map(|number| match number {
        _ if number == bad => spoil(event(1_000, time)),
        _ => event(number, time),
    }));
    place
}

/// Runs twice. The first run narrows the page down to the bad item; the most requests counted for it are 96. The second
/// run does not narrow it down again; the most counted are 5.
fn assert_two_runs_cost_few_requests(place: &Installation) {
    let requests = [(); 2].map(|()| {
        let before = place.count(Endpoint::Audit);
        place.audit();
        place.count(Endpoint::Audit) - before
    });
    assert!(requests[0] < 100 && requests[1] < 20, "{requests:?}");
}

#[test]
fn a_bad_item_among_hundreds_of_its_second_costs_few_requests_and_fewer_later() {
    for bad in PLACES {
        let place = one_bad_among_neighbours(bad, AuditEvent::broken);
        assert_two_runs_cost_few_requests(&place);
        // the page of the bad one names the page behind it: nothing older of this second can be had
        assert!(place.audit_ids().len() as u64 >= NEIGHBOURS - bad, "{bad}");
    }
}

#[test]
fn an_item_that_is_not_json_costs_few_requests_and_no_neighbour() {
    for bad in PLACES {
        let place = one_bad_among_neighbours(bad, |event| event.with_raw("{\"id\":tru}"));
        assert_two_runs_cost_few_requests(&place);
        assert_eq!(place.audit_ids().len() as u64, NEIGHBOURS, "{bad}");
    }
}

#[test]
fn what_is_kept_of_an_audit_page_is_what_could_not_be_read() {
    // All answers about the bad event's second are cut but one: in turn the first, the second, and so on.
    for whole in 0.. {
        let (place, bad) = three_events(2 * DAY, 200, 100);
        let is_of_a_second = |seen: &_| at::window(seen).is_some_and(|(from, to)| from == to);
        let long = at::both(at::window_of(bad), move |seen| !is_of_a_second(seen));
        let short = at::both(at::window_of(bad), is_of_a_second);
        let cut = |reply: &mut _| changes::truncated(100)(reply);
        place.always_at(Endpoint::Audit, long, cut);
        let answers = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answers);
        place.always_at(Endpoint::Audit, short, move |reply| {
            if count.fetch_add(1, Ordering::Relaxed) != whole {
                cut(reply);
            }
        });
        let code = place.audit().code;
        let kept = place.quarantined();
        for name in kept.iter().filter(|name| name.ends_with(".raw")) {
            let bytes = fs::read(place.path("checkpoint/quarantine").join(name)).expect("there");
            let page: Result<Value, _> = serde_json::from_slice(&bytes);
            assert!(page.is_err(), "{whole}: a whole page is kept as a bad one");
        }
        // a page and its note are kept, or the whole answer came in time
        let found = (code, place.audit_ids().len(), kept.len());
        let is_right = matches!(found, (0, 3, 0) | (65, 2 | 3, 2));
        assert!(is_right, "{whole}: {found:?}");
        if answers.load(Ordering::Relaxed) <= whole {
            assert!(whole > 5, "a run asks several times: {whole}");
            break;
        }
    }
}

/// Answers about one second that can never be read, or never arrive.
type Change = Box<dyn Fn(&mut Reply) + Send + Sync>;

fn faults() -> Vec<(&'static str, Change)> {
    let (changing, by_turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
    vec![
        ("404", Box::new(changes::status(404))),
        ("206", Box::new(|reply| reply.status = 206)),
        (
            "an unknown code",
            Box::new(|reply| {
                reply.become_reply(Reply::failure(400, "err_validation_unknown", "x"));
            }),
        ),
        (
            "a redirect",
            Box::new(changes::redirect_to("http://a.example.com/")),
        ),
        (
            "packed, as it says",
            Box::new(changes::header("content-encoding", "gzip")),
        ),
        (
            "an archive, as it says",
            Box::new(|reply| {
                let body = [b" ".as_slice(), &reply.body].concat();
                reply.set_body(body);
                reply.set_header("content-type", "application/octet-stream");
                reply.set_header("mc-siem-token", "abc");
            }),
        ),
        ("no bytes", Box::new(changes::no_bytes())),
        ("HTML", Box::new(changes::html_200())),
        (
            "a signature",
            Box::new(|reply| reply.set_body(*b"PK\x03\x04")),
        ),
        (
            "another fault each time",
            Box::new(
                move |reply| match changing.fetch_add(1, Ordering::Relaxed) % 3 {
                    0 => changes::truncated(50)(reply),
                    1 => reply.set_body(*b"{\"meta\":7,\"data\":[]}"),
                    _ => reply.set_body(*b"{\"meta\":{},\"data\":7}"),
                },
            ),
        ),
        (
            "too large",
            Box::new(|reply| reply.set_body(vec![b' '; TOO_LARGE])),
        ),
        (
            "a large error",
            Box::new(|reply| {
                changes::status(503)(reply);
                reply.set_body(vec![b' '; TOO_LARGE]);
            }),
        ),
        (
            "404 and 503 by turns",
            Box::new(
                move |reply| match by_turns.fetch_add(1, Ordering::Relaxed) % 5 {
                    0 | 1 => changes::status(404)(reply),
                    _ => changes::status(503)(reply),
                },
            ),
        ),
    ]
}

#[test]
fn no_answer_about_one_second_holds_the_others_for_ever_and_each_is_told_once() {
    for (name, change) in faults() {
        println!("{name}");
        let (place, bad) = three_events(100, 5, 3);
        place.always_at(Endpoint::Audit, at::window_of(bad), change);
        let mut told = Told::default();
        told.runs(&place, AUDIT, 6);
        let codes = told.codes();
        let times = codes.iter().filter(|code| **code == 65).count();
        assert_eq!((times, codes.last()), (1, Some(&0)), "{name}: {told:?}");
        assert_eq!(place.audit_ids().len(), 2, "{name}");
    }
}

#[test]
fn a_page_that_names_meta_twice_is_not_the_last_one() {
    let place = audit_with(JSON, recent(0..10));
    place.set(|switches| switches.audit_page_items = Some(3));
    let meta_twice = text(|page| page.replacen('{', "{\"meta\":{},", 1));
    place.always(Endpoint::Audit, meta_twice);
    place.audit().ends_with(76);
    place.clear();
    place.collects_events();
}

#[test]
fn a_network_that_passes_only_small_answers_costs_no_event() {
    /// A page without events is smaller, and a page with one is larger.
    const PASSED_BYTES: usize = 300;
    let ways: [Spoil; 2] = [
        |reply| changes::truncated(PASSED_BYTES)(reply),
        |reply| changes::wire(Wire::CutAt(PASSED_BYTES))(reply),
    ];
    for way in ways {
        let place = audit_place(JSON);
        let events = (1..10).map(|n| event(n, ago(TimeDelta::hours(10 * n as i64))));
        place.serve_events(events);
        place.always(Endpoint::Audit, move |reply| {
            if reply.body.len() > PASSED_BYTES {
                way(reply);
            }
        });
        for _ in 0..6 {
            assert!([75, 76].contains(&place.audit().code));
        }
        place.clear();
        place.collects_events();
    }
}

#[test]
fn a_page_that_is_bad_in_one_run_alone_costs_no_event() {
    let ways: [Spoil; 3] = [
        |reply| reply.set_body(*b"{error: 'blocked'}"),
        |reply| {
            changes::html_200()(reply);
            reply.set_body(vec![b'<'; TOO_LARGE]);
        },
        |reply| changes::status(404)(reply),
    ];
    for way in ways {
        let (place, bad) = three_events(90 * HOUR, 60 * HOUR, 30 * HOUR);
        place.always_at(Endpoint::Audit, at::window_of(bad), way);
        place.audit().ends_with(75);
        place.clear();
        place.collects_events();
    }
}
