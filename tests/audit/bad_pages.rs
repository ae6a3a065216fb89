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
use mimecast_sandbox::{Endpoint, Reply, TotalCount, Wire, at, changes};

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
    for failing in [0, 1, 2] {
        let (place, bad) = three_events(2 * 24 * 60, 200, 100);
        place.always_at(
            Endpoint::Audit,
            at::window_of(bad),
            move |reply| match failing {
                0 => changes::status(503)(reply),
                1 => changes::wire(Wire::CutAt(30))(reply),
                _ => changes::status(403)(reply),
            },
        );
        let told = Told::of_runs(&place, AUDIT, [75, 75, 65, 0]);
        told.assert_once("did not arrive in 3 runs");
        assert_eq!(place.audit_ids().len(), 2, "{failing}");
    }
}

#[test]
fn an_outage_makes_no_gap_however_long_it_lasts_and_whenever_it_begins() {
    for answers in [0, 1] {
        let times = [60 * 50, 60 * 30, 100, 5].map(|age| ago(TimeDelta::minutes(age)));
        let events = (0..).zip(times).map(|(number, time)| event(number, time));
        let place = audit_with(JSON, events);
        for _ in 0..4 {
            let asked = AtomicUsize::new(0);
            place.always(Endpoint::Audit, move |reply| {
                if asked.fetch_add(1, Ordering::Relaxed) >= answers {
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

#[test]
fn a_bad_item_among_hundreds_of_its_second_costs_few_requests_and_fewer_later() {
    for bad in [0, 200, 400] {
        let place = audit_place(JSON);
        place.audit().stays_silent();
        let time = ago(TimeDelta::minutes(5));
        place.serve_events((0..=400).map(|number| match number {
            _ if number == bad => event(1_000, time).broken(),
            _ => event(number, time),
        }));
        let requests = [(); 2].map(|()| {
            let before = place.count(Endpoint::Audit);
            place.audit();
            place.count(Endpoint::Audit) - before
        });
        assert!(requests[0] < 100 && requests[1] < 20, "{bad}: {requests:?}");
        // the page of the bad one names the page behind it: nothing older of this second can be had
        assert!(place.audit_ids().len() as u64 >= 400 - bad, "{bad}");
    }
}

#[test]
fn an_item_that_is_not_json_costs_few_requests_and_no_neighbour() {
    for bad in [0, 200, 400] {
        let place = audit_place(JSON);
        place.audit().stays_silent();
        let time = ago(TimeDelta::minutes(5));
        place.serve_events((0..=400).map(|number| match number {
            _ if number == bad => event(1_000, time).with_raw("{\"id\":tru}"),
            _ => event(number, time),
        }));
        let requests = [(); 2].map(|()| {
            let before = place.count(Endpoint::Audit);
            place.audit();
            place.count(Endpoint::Audit) - before
        });
        assert!(requests[0] < 100 && requests[1] < 20, "{bad}: {requests:?}");
        assert_eq!(place.audit_ids().len(), 400, "{bad}");
    }
}

#[test]
fn what_is_kept_of_an_audit_page_is_what_could_not_be_read() {
    for good in 0.. {
        let (place, bad) = three_events(2 * 24 * 60, 200, 100);
        let is_of_a_second = |seen: &_| at::window(seen).is_some_and(|(from, to)| from == to);
        let long = at::both(at::window_of(bad), move |seen| !is_of_a_second(seen));
        let short = at::both(at::window_of(bad), is_of_a_second);
        let cut = |reply: &mut _| changes::truncated(100)(reply);
        place.always_at(Endpoint::Audit, long, cut);
        let answers = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answers);
        place.always_at(Endpoint::Audit, short, move |reply| {
            if count.fetch_add(1, Ordering::Relaxed) != good {
                cut(reply);
            }
        });
        let code = place.audit().code;
        let kept = place.quarantined();
        for name in kept.iter().filter(|name| name.ends_with(".raw")) {
            let bytes = fs::read(place.path("checkpoint/quarantine").join(name)).expect("there");
            let page: Result<Value, _> = serde_json::from_slice(&bytes);
            assert!(page.is_err(), "{good}: a whole page is kept as a bad one");
        }
        let found = (code, place.audit_ids().len(), kept.len());
        assert!(
            matches!(found, (0, 3, 0) | (65, 2 | 3, 2)),
            "{good}: {found:?}"
        );
        if answers.load(Ordering::Relaxed) <= good {
            assert!(good > 5, "the answers of one run: {good}");
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
            Box::new(|reply| reply.set_body(vec![b' '; 17 << 20])),
        ),
        (
            "a large error",
            Box::new(|reply| {
                changes::status(503)(reply);
                reply.set_body(vec![b' '; 17 << 20]);
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
fn a_page_with_two_heads_is_not_the_last_one() {
    let place = audit_with(JSON, recent(0..10));
    place.set(|switches| switches.audit_page_items = Some(3));
    let two_heads = text(|page| page.replacen('{', "{\"meta\":{},", 1));
    place.always(Endpoint::Audit, two_heads);
    place.audit().ends_with(76);
    place.clear();
    place.collects_events();
}

#[test]
fn a_network_that_passes_only_small_answers_costs_no_event() {
    for truncates in [false, true] {
        let place = audit_place(JSON);
        let hours = |number: u64| ago(TimeDelta::hours(10 + 10 * number as i64));
        place.serve_events((0..9).map(|number| event(number, hours(number))));
        place.always(Endpoint::Audit, move |reply| {
            if reply.body.len() > 300 {
                match truncates {
                    true => changes::truncated(300)(reply),
                    false => changes::wire(Wire::CutAt(300))(reply),
                }
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
    let ways: [fn(&mut Reply); 3] = [
        |reply| reply.set_body(*b"{error: 'blocked'}"),
        |reply| {
            changes::html_200()(reply);
            reply.set_body(vec![b'<'; 17 << 20]);
        },
        |reply| changes::status(404)(reply),
    ];
    for way in ways {
        let (place, bad) = three_events(90 * 60, 60 * 60, 30 * 60);
        place.always_at(Endpoint::Audit, at::window_of(bad), way);
        place.audit().ends_with(75);
        place.clear();
        place.collects_events();
    }
}
