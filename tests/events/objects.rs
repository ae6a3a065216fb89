//! Objects: odd ones, damaged ones, and those that cannot be had.

use super::serve;
use crate::harness::{Place, SIEM};
use mimecast_sandbox::{Endpoint, Object, Reply, changes};

#[test]
fn odd_objects_are_published_byte_for_byte() {
    let place = Place::connected_by_token();
    let objects = [
        Object::realistic(1, 9).in_members(3),
        Object::realistic(2, 3).without_final_newline(),
        Object::text(*b""),
        Object::realistic(3, 2)
            .and_blank_line()
            .and_invalid_utf8()
            .and_broken_json(),
        Object::realistic(4, 1).and_long_line(200_000),
    ];
    place.sandbox.serve_objects("receipt", objects);
    place
        .sandbox
        .set(|switches| switches.object_content_type = "binary/octet-stream".to_owned());
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn a_lapsed_address_is_had_again_by_listing_the_same_page() {
    let place = Place::connected_by_token();
    serve(&place, "process", 0..6);
    place.sandbox.next(Endpoint::Object, changes::status(403));
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn an_object_that_is_gone_is_tried_in_two_runs_and_then_a_gap() {
    let place = Place::connected_by_token();
    serve(&place, "process", 0..2);
    place.sandbox.serve_objects("process", [Object::missing()]);
    serve(&place, "process", 2..4);
    place.siem().ends_with(75).says("could not be fetched");
    place.assert_objects_complete(); // all that there is
    place.siem().ends_with(65).says("recorded as a gap");
    place.siem().stays_silent();
    serve(&place, "process", 4..5);
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn a_store_that_refuses_everything_makes_no_gap_however_often() {
    for status in [403, 404, 410] {
        let place = Place::connected_by_token();
        serve(&place, "process", 0..4);
        serve(&place, "spam", 4..6);
        place
            .sandbox
            .always(Endpoint::Object, changes::status(status));
        // what lasts is told with another code, and still is no gap
        for code in [75, 75, 78, 78] {
            place.siem().ends_with(code).says("could not be fetched");
        }
        place.sandbox.clear();
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
}

#[test]
fn a_store_that_has_nothing_for_more_than_a_day_is_believed() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"process\"");
    place.sandbox.serve_objects("process", [Object::missing()]);
    let day_ago = -25 * 3_600;
    place
        .sandbox
        .set(|switches| switches.clock_offset_seconds = day_ago);
    for code in [75, 75, 78] {
        place
            .siem()
            .ends_with(code)
            .says("the object store does not have an object");
    }
    place
        .sandbox
        .set(|switches| switches.clock_offset_seconds = 0);
    let report = place.run(SIEM, ["--json"]).ends_with(65).json();
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("recorded as a gap"), "{warnings}");
    serve(&place, "process", 0..2);
    place.siem().stays_silent();
    place.assert_objects_complete();
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
        let place = Place::connected_by_token();
        serve(&place, "process", 0..3);
        serve(&place, "spam", 3..4);
        place.sandbox.always(Endpoint::Object, page);
        for code in [75, 75, 78] {
            place.siem().ends_with(code);
        }
        assert_eq!(
            (place.files("mta").len(), place.quarantined().len()),
            (0, 0)
        );
        place.sandbox.clear();
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
}

#[test]
fn bytes_that_are_no_object_are_kept_when_the_store_has_others() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"process\"");
    place
        .sandbox
        .serve_objects("process", [Object::raw(*b"no gzip file")]);
    place
        .siem()
        .ends_with(75)
        .says("what arrives is not a gzip file");
    assert_eq!(place.quarantined().len(), 0);
    serve(&place, "process", 0..2);
    place.siem().ends_with(65).says("its bytes are kept in");
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn an_object_that_alone_cannot_be_had_does_not_need_new_ones_to_become_a_gap() {
    for bad in [
        Object::missing(),
        Object::empty(),
        Object::empty().with_size(100),
    ] {
        let place = Place::connected_by_token();
        place.configure_tokens("[siem]\ncloud_gateway_types = \"process\"");
        serve(&place, "process", 0..2);
        place.sandbox.serve_objects("process", [bad]);
        place.siem().ends_with(75);
        place.siem().ends_with(65).says("recorded as a gap");
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
}

#[test]
fn what_a_second_listing_leaves_out_is_not_forgotten() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"process\"");
    serve(&place, "process", 0..3);
    place.sandbox.next(Endpoint::Object, changes::status(403));
    place.sandbox.next(Endpoint::Events, |_| ());
    place.sandbox.next(Endpoint::Events, |reply| {
        reply.set_body(*b"{\"value\":[],\"isCaughtUp\":true}");
    });
    place.siem().ends_with(75).says("could not be fetched");
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn an_object_that_is_listed_no_longer_is_a_gap_that_is_told() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"process\"");
    place.sandbox.serve_objects("process", [Object::missing()]);
    serve(&place, "process", 1..3);
    place.siem().ends_with(75);
    place.sandbox.purge_objects("process", 1);
    place.siem().ends_with(65).says("recorded as a gap");
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn two_gone_objects_are_two_gaps() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"process\"");
    let gone = ["a.json.gz", "b.json.gz"].map(|name| Object::missing().named(name));
    place.sandbox.serve_objects("process", gone);
    serve(&place, "process", 0..1);
    place.siem().ends_with(75);
    place.siem().ends_with(65).says("1 more in the log");
    let state = std::fs::read_to_string(place.path("checkpoint/cg_process.state")).expect("there");
    assert_eq!(state.matches("could not be fetched").count(), 2, "{state}");
}

#[test]
fn a_damaged_object_is_kept_and_the_others_arrive() {
    for damaged in [
        Object::realistic(1, 50).corrupt(),
        Object::realistic(1, 50).cut_at(200),
    ] {
        let place = Place::connected_by_token();
        serve(&place, "av", 2..4);
        place.sandbox.serve_objects("av", [damaged]);
        serve(&place, "av", 4..6);
        serve(&place, "spam", 6..7);
        place.siem().ends_with(65).says("its bytes are kept in");
        place.assert_objects_complete();
        assert_eq!(place.quarantined().len(), 2, "the bytes and a note");
        place.siem().stays_silent();
    }
}

#[test]
fn an_object_that_was_damaged_on_its_way_is_fetched_again() {
    let place = Place::connected_by_token();
    serve(&place, "av", 0..3);
    place.sandbox.next(Endpoint::Object, changes::corrupt());
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn addresses_into_private_networks_are_not_fetched() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"receipt\"");
    serve(&place, "receipt", 0..1);
    place.sandbox.always(Endpoint::Events, |reply| {
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        reply.set_body(
            text.replace("http://127.0.0.1", "http://192.168.0.1")
                .into_bytes(),
        );
    });
    place.siem().ends_with(75).says("no usable address");
    assert_eq!(place.files("mta").len(), 0);
    assert_eq!(place.sandbox.count(Endpoint::Object), 0);
}

#[test]
fn aliases_are_added_when_asked_for() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\naliases = \"on\"");
    serve(&place, "receipt", 0..1);
    place.siem().stays_silent();
    let expected = place.sandbox.all_object_lines();
    for line in place.lines("mta") {
        let text = String::from_utf8(line).expect("UTF-8");
        let at = text
            .find(",\"eventType\":\"receipt\",\"subType\":")
            .expect("both aliases");
        let original = format!("{}}}", &text[..at]);
        assert!(expected.contains(&original.into_bytes()), "{text}");
    }
}
