//! P1, P2 and P7 if an answer is empty, or comes from a proxy or another service, once or for many runs.

use crate::agent::{Agent, Habit};
use crate::audit::{JSON, place as audit_place, recent};
use crate::harness::{AUDIT, Installation, Outcome};
use crate::told::Told;
use mimecast_sandbox::{CaughtUp, EmptyPages, Endpoint, Object, TotalCount, changes};

const ONE_TYPE: &str = "[siem]\ncloud_gateway_types = \"receipt\"";

fn serve(place: &Installation, seeds: std::ops::Range<u64>) {
    let objects =
        seeds.map(|seed| Object::realistic(seed, 3).named(&format!("part-{seed}.json.gz")));
    place.serve_objects("receipt", objects);
}

fn one_type() -> Installation {
    Installation::configured_by_token(ONE_TYPE)
}

/// An installation for which these objects are waiting.
fn with_objects(seeds: std::ops::Range<u64>) -> Installation {
    let place = one_type();
    serve(&place, seeds);
    place
}

/// An installation with something to collect, how it runs, and what has to be true afterwards.
type Waiting = (
    Installation,
    fn(&Installation) -> Outcome,
    fn(&Installation),
);

/// An installation with something to collect from that call.
fn waiting(endpoint: Endpoint) -> Waiting {
    match endpoint {
        Endpoint::Siem => {
            let place = Installation::with_batches(0..3, 20);
            (
                place,
                Installation::siem,
                Installation::assert_siem_complete,
            )
        }
        Endpoint::Audit => {
            let place = audit_place(JSON);
            let events = recent(0..9);
            place.serve_events(events);
            (
                place,
                Installation::audit,
                Installation::assert_audit_complete,
            )
        }
        _ => {
            let place = with_objects(0..3);
            (
                place,
                Installation::siem,
                Installation::assert_objects_complete,
            )
        }
    }
}

#[test]
fn an_answer_that_says_nothing_once_is_asked_for_again() {
    let endpoints = [
        Endpoint::Siem,
        Endpoint::Audit,
        Endpoint::Events,
        Endpoint::Object,
        Endpoint::Token,
    ];
    for endpoint in endpoints {
        for way in [
            changes::Failing::Empty,
            changes::Failing::Html,
            changes::Failing::ForeignJson,
        ] {
            println!("{endpoint:?} {way:?}");
            let (place, run, assert_complete) = waiting(endpoint);
            place.next(endpoint, way.change());
            run(&place).stays_silent();
            assert_complete(&place);
        }
    }
}

#[test]
fn a_first_run_that_a_proxy_answers_skips_no_day() {
    let place = with_objects(0..3);
    place.always(Endpoint::Events, |reply| {
        changes::html_200()(reply);
        reply.status = 400;
    });
    place.siem_ends([76, 76]);
    place.clear();
    place.collects_objects();
}

#[test]
fn a_first_day_that_mimecast_itself_refuses_is_a_gap_that_is_told_once() {
    let place = with_objects(0..3);
    let refused = changes::flat(400, "Request Validation Failed", "the day is too old");
    place.always(Endpoint::Events, changes::times(2, refused));
    place.siem_ends([65, 0]);
    let record = place.record("cg_receipt");
    let gaps = record["gaps"].as_array().expect("a list");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    place.assert_objects_complete(); // other days were not refused
}

#[test]
fn a_list_that_is_empty_once_and_full_again_under_the_same_token_repeats_nothing() {
    let place = one_type();
    place.set(|switches| {
        switches.next_page_when_caught_up = false;
        switches.caught_up = CaughtUp::Never;
        switches.replays_differ = true;
    });
    let mut agent = Agent::new("mta", Habit::Deletes);
    for run in 0..5 {
        if run == 0 || run == 4 {
            serve(&place, run * 10..run * 10 + 10);
        }
        if run == 2 {
            place.set(|switches| switches.empty_once.extend(["receipt"]));
        }
        place.siem().stays_silent();
        agent.look(&place);
    }
    agent.assert_complete(&place);
}

#[test]
fn more_empty_audit_pages_than_are_followed_are_told_by_the_count() {
    let place = audit_place(JSON);
    place.set(|switches| {
        switches.audit_page_items = Some(3);
        switches.total_count = TotalCount::Exact;
        switches.empty_audit_pages = vec![EmptyPages { after: 1, pages: 9 }];
    });
    place.serve_events(recent(0..9));
    let told = Told::of_runs(&place, AUDIT, [65]);
    told.assert_once("Mimecast counts 9 audit events");
}

#[test]
fn objects_that_a_proxy_has_unpacked_are_taken() {
    let place = with_objects(0..6);
    let unpacked = changes::Failing::Unpacked.change();
    place.always(Endpoint::Object, unpacked);
    place.collects_objects();
}
