//! E-mail events under API 2.0: lists and positions, and the move from 1.0.

mod access; // tokens and permissions
mod moves; // from 2.0 to 1.0
mod nowhere; // entries of a list that lead to no object
mod objects; // odd, damaged and missing ones

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::crash::kill_and_finish;
use crate::harness::answers::text;
use crate::harness::{Installation, SIEM};
use mimecast_sandbox::{
    AuditEvent, Batch, CG_TYPES, CI_TYPES, CaughtUp, Endpoint, Object, StalePage, Wire, at, changes,
};

fn serve(place: &Installation, kind: &str, seeds: std::ops::Range<u64>) {
    place.serve_objects(kind, seeds.map(|seed| Object::realistic(seed, 20)));
}

/// An installation of one type, for which these objects are waiting.
fn waiting(kind: &str, seeds: std::ops::Range<u64>) -> Installation {
    let place = Installation::of_types(kind);
    serve(&place, kind, seeds);
    place
}

#[test]
fn all_ten_types_drain_exactly() {
    let place = Installation::connected_by_token();
    CG_TYPES.iter().for_each(|kind| serve(&place, kind, 0..3));
    place.sandbox.separate_object_store();
    place.collects_objects();
    assert_eq!(place.count(Endpoint::Token), 1, "one token a run");
    assert!(place.count(Endpoint::Events) <= 20, "one list a page");
    place.siem().stays_silent();
    assert_eq!(place.count(Endpoint::Object), 30, "each is fetched once");
    serve(&place, "url protect", 3..5);
    place.collects_objects();
}

#[test]
fn a_file_is_named_for_the_type_that_was_asked_for() {
    let place = Installation::connected_by_token();
    let object = Object::realistic(1, 5).named("part-0001.json.gz");
    place.serve_objects("internal email protect", [object]);
    place.siem().stays_silent();
    let name = place.files("mta").into_keys().next().expect("one file");
    assert!(
        name.starts_with("cg_internal_email_protect_part-0001_"),
        "{name}"
    );
    assert!(name.ends_with(".json"), "{name}");
}

#[test]
fn many_pages_are_followed_whatever_the_list_says_of_its_end() {
    let ways = [
        CaughtUp::WhenEmpty,
        CaughtUp::WithTheLast,
        CaughtUp::Never,
        CaughtUp::Unsaid,
    ];
    for way in ways {
        for next_page in [true, false] {
            let place = Installation::of_types("delivery");
            place.set(|switches| {
                switches.caught_up = way;
                switches.next_page_when_caught_up = next_page;
                switches.next_page_changes = true;
                switches.repeat_addresses = true;
            });
            place.serve_objects("delivery", (0..205).map(|seed| Object::realistic(seed, 1)));
            place.siem().stays_silent();
            serve(&place, "delivery", 205..207);
            place.siem().stays_silent();
            place.collects_objects();
            assert_eq!(place.count(Endpoint::Object), 207, "{way:?} {next_page}");
        }
    }
}

#[test]
fn a_pause_longer_than_mimecast_keeps_events_is_a_gap_that_is_told() {
    let place = Installation::of_types("process");
    place.siem().stays_silent();
    let ended = (Utc::now() - TimeDelta::days(8)).to_rfc3339();
    place.rewrite_record("cg_process", |record| {
        let times = ["last_success", "began", "clock"].into_iter();
        times.for_each(|member| record[member] = ended.as_str().into());
    });
    serve(&place, "process", 0..2);
    place.siem_says(65, "longer ago than Mimecast keeps logs");
    place.siem().stays_silent();
}

#[test]
fn a_limit_ends_the_run_and_the_next_one_does_not_ask() {
    let place = Installation::connected_by_token();
    serve(&place, "receipt", 0..1);
    place.always(
        Endpoint::Events,
        changes::rate_limited(Some(3_000_000), None),
    );
    place.siem_says(75, "slow down until");
    let asked = place.requests().len();
    place.siem().ends_with(75);
    assert_eq!(place.requests().len(), asked, "not a single request");
}

#[test]
fn the_list_calls_of_a_run_stay_below_the_limit() {
    let place = Installation::of_types("receipt");
    place.set(|switches| switches.list_limit = Some(mimecast_sandbox::LIST_LIMIT));
    place.set(|switches| switches.caught_up = CaughtUp::Never);
    // a list that never ends, without an object
    let endless = text(|list| list.replace("\"value\":[]", "\"value\":[ ]"));
    place.always(Endpoint::Events, endless);
    for _ in 0..3 {
        place.siem().stays_silent();
    }
    assert!(place.count(Endpoint::Events) < 50);
}

#[test]
fn a_position_that_is_refused_is_a_gap_that_is_told_once() {
    for stale in [StalePage::Refuse, StalePage::Jump] {
        let place = waiting("receipt", 0..2);
        place.siem().stays_silent();
        serve(&place, "receipt", 2..6);
        place.sandbox.purge_objects("receipt", 4);
        place.set(|switches| switches.stale_next_page = stale);
        match stale {
            StalePage::Refuse => drop(place.siem_says(65, "refused the saved position")),
            StalePage::Jump => place.siem().stays_silent(),
        }
        place.collects_objects();
        let record = place.record("cg_receipt");
        let gaps = record["gaps"].as_array().expect("a list");
        assert_eq!(gaps.len(), usize::from(stale == StalePage::Refuse));
        assert!(gaps.iter().all(|gap| gap["before"].is_string()), "{record}");
    }
}

#[test]
fn an_empty_page_that_names_a_next_one_is_followed_in_the_same_run() {
    for way in [CaughtUp::Never, CaughtUp::Unsaid] {
        let place = Installation::of_types("receipt");
        place.set(|switches| {
            switches.caught_up = way;
            switches.next_page_changes = true;
            switches.empty_once.insert("receipt");
        });
        serve(&place, "receipt", 0..3);
        place.collects_objects();
    }
}

#[test]
fn a_token_that_has_named_nothing_for_a_day_is_replaced_by_a_list_by_date() {
    let place = waiting("receipt", 0..2);
    place.siem().stays_silent();
    let position = |place: &Installation| {
        let record = place.record("cg_receipt");
        let text = record["position"].as_str().expect("a position").to_owned();
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let token = position(&place)["token"].as_str().expect("one").to_owned();
    serve(&place, "receipt", 2..4);
    let nothing = format!(r#"{{"value":[],"@nextPage":"{token}","isCaughtUp":true}}"#);
    let is_stuck = at::both(at::page(&token), |seen| {
        seen.endpoint == Some(Endpoint::Events)
    });
    place.always_at(Endpoint::Events, is_stuck, move |reply| {
        reply.set_body(nothing.as_bytes());
    });
    place.siem().stays_silent(); // a token may name nothing for a while
    let named_at = (Utc::now() - TimeDelta::hours(30)).to_rfc3339();
    place.rewrite_record("cg_receipt", |record| {
        let mut moved = position(&place);
        moved["named_at"] = named_at.into();
        record["position"] = moved.to_string().into();
    });
    place.siem_says(65, "has listed no object for a day");
    place.assert_objects_complete();
    assert_ne!(position(&place)["token"], token.as_str());
    place.collects_objects();
}

#[test]
fn faults_on_the_way_are_repeated_and_nothing_is_lost() {
    let place = Installation::connected_by_token();
    serve(&place, "receipt", 0..4);
    place.next(Endpoint::Token, changes::status(503));
    place.next(Endpoint::Events, changes::status(500));
    place.next(Endpoint::Object, changes::wire(Wire::CutAt(100)));
    place.next(Endpoint::Object, changes::wire(Wire::NoLength));
    place.next(Endpoint::Object, changes::wire(Wire::Chunked));
    place.collects_objects();
}

const CI_ALONE: &str = "[siem]\ncloud_gateway_types = \"none\"\ncloud_integrated_types = \"all\"";

#[test]
fn cloud_integrated_is_collected_when_configured() {
    let place = Installation::configured_by_token(CI_ALONE);
    for kind in CI_TYPES {
        serve(&place, kind, 0..2);
    }
    place.collects_objects();
    let mut names = place.files("mta").into_keys();
    assert!(names.all(|name| name.starts_with("ci_")));
}

#[test]
fn the_move_from_1_0_loses_and_repeats_no_audit_event() {
    let place = Installation::configured("[audit]\nformat = \"json\"");
    let now = Utc::now();
    let event = |number: u64, minutes: i64| {
        AuditEvent::realistic(number, now - TimeDelta::minutes(minutes))
    };
    place.serve_events((0..40).map(|number| event(number, 200 - number as i64 * 4)));
    place.serve(Batch::realistic(1, 20));
    place.audit().stays_silent();
    place.siem().stays_silent();
    let before = place.files("mta");

    place.configure_tokens("[audit]\nformat = \"json\"");
    place.serve_events((40..50).map(|number| event(number, 30))); // late ones
    serve(&place, "receipt", 0..1);
    place.collects_events();
    place.siem().stays_silent();
    place.assert_unchanged("mta", &before);
    assert_eq!(place.files("mta").len(), before.len() + 1);
    let list = place
        .requests()
        .into_iter()
        .find(|seen| seen.endpoint == Some(Endpoint::Events));
    let today = format!("dateRangeStartsAt={}", now.format("%Y-%m-%d"));
    assert!(
        list.expect("a list").path.contains(&today),
        "it begins where 1.0 ended"
    );
}

#[test]
fn killed_at_random_moments_nothing_is_lost_and_nothing_repeated() {
    let place = Installation::connected_by_token();
    kill_and_finish(&place, SIEM, "mta", |round| {
        if round % 2 == 0 {
            let kind = CG_TYPES[round as usize / 2 % 10];
            serve(&place, kind, u64::from(round)..u64::from(round) + 2);
        }
    });
    place.assert_objects_complete();
}

#[test]
fn the_first_run_begins_with_the_oldest_day_of_the_earlier_clock() {
    for days in [-8, -3, 3, 6] {
        let place = Installation::of_types("receipt");
        place.set(|switches| switches.clock_offset_seconds = days * 24 * 3_600);
        serve(&place, "receipt", 0..2);
        place.siem().ends_with(65); // the clocks are days apart
        place.assert_objects_complete();
        let mut lists = place.requests().into_iter();
        let mut lists = lists
            .by_ref()
            .filter(|seen| seen.path.contains("dateRange"));
        // on the first list only this host's clock is known
        let path = lists.nth(usize::from(days < 0)).expect("a list").path;
        let oldest = Utc::now() + TimeDelta::days(days.min(0) - 7);
        let oldest = format!("dateRangeStartsAt={}", oldest.format("%Y-%m-%d"));
        assert!(path.contains(&oldest), "{days} days: {path}");
        place.siem().ends_with(0); // nor is the last run long ago
    }
}

#[test]
fn every_type_comes_first_at_some_time() {
    let place = Installation::connected_by_token();
    let first = |_| {
        let before = place.count(Endpoint::Events);
        place.siem().stays_silent();
        let path = place.calls(Endpoint::Events).swap_remove(before).path;
        let mut parts = path.split(['?', '&']).map(str::to_owned);
        parts.find(|part| part.starts_with("type="))
    };
    let firsts: std::collections::BTreeSet<_> = (0..12).map(first).collect();
    assert!(firsts.len() > 1, "{firsts:?}");
}
