//! P1, P2 and P7 if an answer is empty, or comes from a proxy or another service, once or for many runs.

use std::fs;

use chrono::TimeDelta;
use serde_json::Value;

use crate::agent::{Agent, Habit};
use crate::audit::{JSON, ago, event, place as audit_place};
use crate::harness::{AUDIT, Outcome, Place, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Batch, CaughtUp, EmptyPages, Endpoint, Object, TotalCount, changes};

const ONE_TYPE: &str = "[siem]\ncloud_gateway_types = \"receipt\"";

fn serve(place: &Place, seeds: std::ops::Range<u64>) {
    let objects =
        seeds.map(|seed| Object::realistic(seed, 3).named(&format!("part-{seed}.json.gz")));
    place.sandbox.serve_objects("receipt", objects);
}

fn one_type() -> Place {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE_TYPE);
    place
}

/// An installation with something to collect, how it runs, and what has to be true afterwards.
type Waiting = (Place, fn(&Place) -> Outcome, fn(&Place));

/// An installation with something to collect from that call.
fn waiting(endpoint: Endpoint) -> Waiting {
    match endpoint {
        Endpoint::Siem => {
            let place = Place::connected();
            (0..3).for_each(|seed| place.sandbox.serve(Batch::realistic(seed, 20)));
            (place, Place::siem, Place::assert_siem_complete)
        }
        Endpoint::Audit => {
            let place = audit_place(JSON);
            let events = (0..9).map(|number| event(number, ago(TimeDelta::minutes(5))));
            place.sandbox.audit(events);
            (place, Place::audit, Place::assert_audit_complete)
        }
        _ => {
            let place = one_type();
            serve(&place, 0..3);
            (place, Place::siem, Place::assert_objects_complete)
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
            place.sandbox.next(endpoint, way.change());
            run(&place).stays_silent();
            assert_complete(&place);
        }
    }
}

#[test]
fn a_first_run_that_a_proxy_answers_skips_no_day() {
    let place = one_type();
    serve(&place, 0..3);
    place.sandbox.always(Endpoint::Events, |reply| {
        changes::html_200()(reply);
        reply.status = 400;
    });
    for _ in 0..2 {
        place.siem().ends_with(76);
    }
    place.sandbox.clear();
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn a_first_day_that_mimecast_itself_refuses_is_a_gap_that_is_told_once() {
    let place = one_type();
    serve(&place, 0..3);
    let refused = changes::flat(400, "Request Validation Failed", "the day is too old");
    place
        .sandbox
        .always(Endpoint::Events, changes::times(2, refused));
    let mut told = Told::default();
    for _ in 0..2 {
        told.run(&place, SIEM);
    }
    assert_eq!(told.codes(), [65, 0]);
    let record = fs::read_to_string(place.path("checkpoint/cg_receipt.state")).expect("there");
    let record = record.lines().nth(1).expect("a checksum and a record");
    let record: Value = serde_json::from_str(record).expect("JSON");
    let gaps = record["gaps"].as_array().expect("a list");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    place.assert_objects_complete(); // other days were not refused
}

#[test]
fn a_list_that_is_empty_once_and_full_again_under_the_same_token_repeats_nothing() {
    let place = one_type();
    place.sandbox.set(|switches| {
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
            place.sandbox.set(|switches| {
                switches.empty_once.insert("receipt");
            });
        }
        place.siem().stays_silent();
        agent.look(&place);
    }
    agent.assert_complete(&place);
}

#[test]
fn more_empty_audit_pages_than_are_followed_are_told_by_the_count() {
    let place = audit_place(JSON);
    place.sandbox.set(|switches| {
        switches.audit_page_items = Some(3);
        switches.total_count = TotalCount::Exact;
        switches.empty_audit_pages = vec![EmptyPages { after: 1, pages: 9 }];
    });
    place
        .sandbox
        .audit((0..9).map(|number| event(number, ago(TimeDelta::minutes(5)))));
    let mut told = Told::default();
    told.run(&place, AUDIT);
    assert_eq!(told.codes(), [65]);
    told.assert_once("Mimecast counts 9 audit events");
}

#[test]
fn objects_that_a_proxy_has_unpacked_are_taken() {
    let place = one_type();
    serve(&place, 0..6);
    let unpacked = changes::Failing::Unpacked.change();
    place.sandbox.always(Endpoint::Object, unpacked);
    place.siem().stays_silent();
    place.assert_objects_complete();
}
