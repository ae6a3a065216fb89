//! Objects: odd ones, damaged ones, and those that cannot be had.

use super::{serve, waiting};
use crate::harness::answers::text;
use crate::harness::{Installation, SIEM};
use mimecast_sandbox::{Endpoint, Object, Reply, changes};

#[test]
fn odd_objects_are_published_byte_for_byte() {
    let place = Installation::connected_by_token();
    let text = Object::realistic(3, 2).and_blank_line().and_invalid_utf8();
    place.serve_objects("receipt", [Object::realistic(1, 9).in_members(3)]);
    place.serve_objects("receipt", [Object::realistic(2, 3).without_final_newline()]);
    place.serve_objects("receipt", [Object::text(*b""), text.and_broken_json()]);
    place.serve_objects("receipt", [Object::realistic(4, 1).and_long_line(200_000)]);
    place.set(|switches| switches.object_content_type = "binary/octet-stream".to_owned());
    place.collects_objects();
}

#[test]
fn a_lapsed_address_is_had_again_by_listing_the_same_page() {
    let place = Installation::connected_by_token();
    serve(&place, "process", 0..6);
    place.next(Endpoint::Object, changes::status(403));
    place.collects_objects();
}

#[test]
fn an_object_that_is_gone_is_tried_in_two_runs_and_then_a_gap() {
    let place = Installation::connected_by_token();
    serve(&place, "process", 0..2);
    place.serve_objects("process", [Object::missing()]);
    serve(&place, "process", 2..4);
    place.siem_says(75, "could not be collected");
    place.assert_objects_complete(); // all that there is
    place.siem_says(65, "recorded as a gap");
    place.siem().stays_silent();
    serve(&place, "process", 4..5);
    place.collects_objects();
}

#[test]
fn a_store_that_refuses_everything_makes_no_gap_however_often() {
    for status in [403, 404, 410] {
        let place = Installation::connected_by_token();
        serve(&place, "process", 0..4);
        serve(&place, "spam", 4..6);
        place.always(Endpoint::Object, changes::status(status));
        // what lasts is told with another code, and still is no gap
        place.siem_each_says([75, 75, 78, 78], "could not be collected");
        place.clear();
        place.collects_objects();
    }
}

#[test]
fn a_store_that_has_nothing_for_more_than_a_day_is_believed() {
    let place = Installation::of_types("process");
    place.serve_objects("process", [Object::missing()]);
    place.set(|switches| switches.clock_offset_seconds = -25 * 3_600);
    place.siem_each_says([75, 75, 78], "the object store does not have an object");
    place.set(|switches| switches.clock_offset_seconds = 0);
    let report = place.run(SIEM, ["--json"]).ends_with(65).json();
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("recorded as a gap"), "{warnings}");
    serve(&place, "process", 0..2);
    place.collects_objects();
}

#[test]
fn a_page_of_somebody_before_the_store_is_neither_published_nor_kept() {
    type Page = fn(&mut Reply);
    let pages: [Page; 3] = [
        |reply| changes::html_200()(reply),
        |reply| reply.set_body(*b"{\"error\":\"blocked\"}"),
        |reply| reply.set_body(*b"blocked by policy 17\n"),
    ];
    for page in pages {
        let place = Installation::connected_by_token();
        serve(&place, "process", 0..3);
        serve(&place, "spam", 3..4);
        place.always(Endpoint::Object, page);
        for code in [75, 75, 78] {
            place.siem().ends_with(code);
        }
        assert_eq!(
            (place.files("mta").len(), place.quarantined().len()),
            (0, 0)
        );
        place.clear();
        place.collects_objects();
    }
}

#[test]
fn bytes_that_are_no_object_are_kept_when_the_store_has_others() {
    let place = Installation::of_types("process");
    place.serve_objects("process", [Object::raw(*b"no gzip file")]);
    place.siem_says(75, "what arrives is not a gzip file");
    assert_eq!(place.quarantined().len(), 0);
    serve(&place, "process", 0..2);
    place.siem_says(65, "its bytes are kept in");
    place.collects_objects();
}

#[test]
fn an_object_that_alone_cannot_be_had_does_not_need_new_ones_to_become_a_gap() {
    let empty = Object::empty;
    for bad in [Object::missing(), empty(), empty().with_size(100)] {
        let place = waiting("process", 0..2);
        place.serve_objects("process", [bad]);
        place.siem().ends_with(75);
        place.siem_says(65, "recorded as a gap");
        place.collects_objects();
    }
}

#[test]
fn what_a_second_listing_leaves_out_is_not_forgotten() {
    let place = waiting("process", 0..3);
    place.next(Endpoint::Object, changes::status(403));
    place.next(Endpoint::Events, |_| ());
    place.next(Endpoint::Events, |reply| {
        reply.set_body(*b"{\"value\":[],\"isCaughtUp\":true}");
    });
    place.siem_says(75, "could not be collected");
    place.collects_objects();
}

#[test]
fn an_object_that_is_listed_no_longer_is_a_gap_that_is_told() {
    let place = Installation::of_types("process");
    place.serve_objects("process", [Object::missing()]);
    serve(&place, "process", 1..3);
    place.siem().ends_with(75);
    place.sandbox.purge_objects("process", 1);
    place.siem_says(65, "recorded as a gap");
    place.collects_objects();
}

#[test]
fn two_gone_objects_are_two_gaps() {
    let place = Installation::of_types("process");
    let gone = ["a.json.gz", "b.json.gz"].map(|name| Object::missing().named(name));
    place.serve_objects("process", gone);
    serve(&place, "process", 0..1);
    place.siem().ends_with(75);
    place.siem_says(65, "1 more in the log");
    let state = std::fs::read_to_string(place.path("checkpoint/cg_process.state")).expect("there");
    assert_eq!(
        state.matches("could not be collected").count(),
        2,
        "{state}"
    );
}

#[test]
fn a_damaged_object_is_kept_and_the_others_arrive() {
    let good = |seed| Object::realistic(seed, 20);
    for damaged in [good(1).corrupt(), good(1).cut_at(200)] {
        let place = Installation::connected_by_token();
        place.serve_objects("av", [good(2), good(3), damaged, good(4), good(5)]);
        serve(&place, "spam", 6..7);
        place.siem_says(65, "its bytes are kept in");
        place.assert_objects_complete();
        assert_eq!(place.quarantined_bytes().len(), 1);
        place.siem().stays_silent();
    }
}

#[test]
fn an_object_that_was_damaged_on_its_way_is_fetched_again() {
    let place = Installation::connected_by_token();
    serve(&place, "av", 0..3);
    place.next(Endpoint::Object, changes::corrupt());
    place.collects_objects();
}

#[test]
fn addresses_into_private_networks_are_not_fetched() {
    let place = waiting("receipt", 0..1);
    let private = text(|list| list.replace("http://127.0.0.1", "http://192.168.0.1"));
    place.always(Endpoint::Events, private);
    place.siem_says(75, "no usable address");
    assert_eq!(place.files("mta").len(), 0);
    assert_eq!(place.count(Endpoint::Object), 0);
}

const ALIASES: &str = ",\"eventType\":\"receipt\",\"subType\":";

#[test]
fn aliases_are_added_when_asked_for() {
    let place = Installation::configured_by_token("[siem]\naliases = \"on\"");
    serve(&place, "receipt", 0..1);
    place.siem().stays_silent();
    let expected = place.sandbox.all_object_lines();
    for line in place.lines("mta") {
        let text = String::from_utf8(line).expect("UTF-8");
        let (original, _) = text.split_once(ALIASES).expect("both aliases");
        let original = format!("{original}}}").into_bytes();
        assert!(expected.contains(&original), "{text}");
    }
}
