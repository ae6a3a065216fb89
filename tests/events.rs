//! E-mail events under API 2.0: pages, objects, tokens, and the move from 1.0.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::crash::kill_and_finish;
use crate::harness::{Place, SIEM};
use crate::sandbox::{
    AuditEvent, Batch, CG_TYPES, CI_TYPES, CaughtUp, Endpoint, Object, StalePage, TokenRefusal,
    Wire, changes,
};

fn serve(place: &Place, kind: &str, seeds: std::ops::Range<u64>) {
    place
        .sandbox
        .serve_objects(kind, seeds.map(|seed| Object::realistic(seed, 20)));
}

#[test]
fn all_ten_types_drain_exactly() {
    let place = Place::connected_by_token();
    for kind in CG_TYPES {
        serve(&place, kind, 0..3);
    }
    place.sandbox.separate_object_store();
    place.siem().stays_silent();
    place.assert_objects_complete();
    assert_eq!(place.sandbox.count(Endpoint::Token), 1, "one token a run");
    assert!(
        place.sandbox.count(Endpoint::Events) <= 20,
        "one list a page"
    );
    place.siem().stays_silent();
    assert_eq!(
        place.sandbox.count(Endpoint::Object),
        30,
        "each object is fetched once"
    );
    serve(&place, "url protect", 3..5);
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn a_file_is_named_for_the_type_that_was_asked_for() {
    let place = Place::connected_by_token();
    let object = Object::realistic(1, 5).named("part-0001.json.gz");
    place
        .sandbox
        .serve_objects("internal email protect", [object]);
    place.siem().stays_silent();
    let name = place.files("mta").into_keys().next().expect("one file");
    assert!(
        name.starts_with("cg_internal_email_protect_part-0001_"),
        "{name}"
    );
    assert!(name.ends_with(".json"), "{name}");
}

#[test]
fn odd_objects_are_published_byte_for_byte() {
    let place = Place::connected_by_token();
    let objects = [
        Object::realistic(1, 9).in_members(3),
        Object::realistic(2, 3).without_final_newline(),
        Object::empty(),
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
fn many_pages_are_followed_whatever_the_list_says_of_its_end() {
    let ways = [
        CaughtUp::WhenEmpty,
        CaughtUp::WithTheLast,
        CaughtUp::Never,
        CaughtUp::Unsaid,
    ];
    for way in ways {
        for next_page in [true, false] {
            let place = Place::connected_by_token();
            place.configure_tokens("[siem]\ncloud_gateway_types = \"delivery\"");
            place.sandbox.set(|switches| {
                switches.caught_up = way;
                switches.next_page_when_caught_up = next_page;
                switches.next_page_changes = true;
                switches.repeat_addresses = true;
            });
            place
                .sandbox
                .serve_objects("delivery", (0..205).map(|seed| Object::realistic(seed, 1)));
            place.siem().stays_silent();
            serve(&place, "delivery", 205..207);
            place.siem().stays_silent();
            place.siem().stays_silent();
            place.assert_objects_complete();
            assert_eq!(
                place.sandbox.count(Endpoint::Object),
                207,
                "{way:?} {next_page}"
            );
        }
    }
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
    place.siem().ends_with(75).says("could not be had");
    place.assert_objects_complete(); // all that there is
    place.siem().ends_with(65).says("recorded as a gap");
    place.siem().stays_silent();
    serve(&place, "process", 4..5);
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn a_store_that_refuses_everything_makes_no_gap_however_often() {
    let place = Place::connected_by_token();
    serve(&place, "process", 0..4);
    serve(&place, "spam", 4..6);
    place.sandbox.always(Endpoint::Object, changes::status(403));
    for _ in 0..3 {
        place.siem().ends_with(75).says("could not be had");
    }
    place.sandbox.clear();
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn a_page_of_somebody_before_the_store_is_neither_published_nor_kept() {
    let place = Place::connected_by_token();
    serve(&place, "process", 0..3);
    place.sandbox.always(Endpoint::Object, changes::html_200());
    for _ in 0..2 {
        place.siem().ends_with(76);
    }
    assert_eq!(
        (place.files("mta").len(), place.quarantined().len()),
        (0, 0)
    );
    place.sandbox.clear();
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn what_a_second_listing_leaves_out_is_not_forgotten() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"process\"");
    serve(&place, "process", 0..3);
    place.sandbox.next(Endpoint::Object, changes::status(403));
    place.sandbox.next(Endpoint::Events, |_| ());
    place.sandbox.next(Endpoint::Events, |reply| {
        reply.set_body(*b"{\"value\":[],\"@nextPage\":\"eNo\",\"isCaughtUp\":true}");
    });
    place.siem().ends_with(75).says("could not be had");
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
    place.siem().ends_with(75);
    place.siem().ends_with(65).says("1 more in the log");
    let state = std::fs::read_to_string(place.path("checkpoint/cg_process.state")).expect("there");
    assert_eq!(state.matches("could not be had").count(), 2, "{state}");
}

#[test]
fn a_pause_longer_than_mimecast_keeps_events_is_a_gap_that_is_told() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"process\"");
    place
        .sandbox
        .set(|switches| switches.clock_offset_seconds = -8 * 24 * 3_600);
    place.siem().ends_with(0);
    place
        .sandbox
        .set(|switches| switches.clock_offset_seconds = 0);
    serve(&place, "process", 0..2);
    place
        .siem()
        .ends_with(65)
        .says("longer ago than Mimecast keeps logs");
    place.siem().stays_silent();
}

#[test]
fn one_types_refusal_does_not_keep_old_files() {
    let place = Place::connected_by_token();
    serve(&place, "receipt", 0..1);
    place.siem().stays_silent();
    let name = place.files("mta").into_keys().next().expect("one file");
    let old = std::time::SystemTime::now() - Duration::from_secs(8 * 24 * 3_600);
    let file = std::fs::File::options()
        .append(true)
        .open(place.path("data/mta").join(name));
    file.expect("ours")
        .set_modified(old)
        .expect("the owner may");
    place.sandbox.set(|switches| {
        switches.forbid_types.insert("journal");
    });
    place.siem().ends_with(77);
    assert_eq!(place.files("mta").len(), 0);
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
fn one_types_refusal_does_not_stop_the_others() {
    let place = Place::connected_by_token();
    for kind in CG_TYPES {
        serve(&place, kind, 0..1);
    }
    place.sandbox.set(|switches| {
        switches.forbid_types.insert("journal");
    });
    place
        .siem()
        .ends_with(77)
        .says("Threat and Security Events (SIEM) | Read");
    assert_eq!(place.files("mta").len(), 9);
    place.sandbox.set(|switches| switches.forbid_types.clear());
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn a_token_that_expires_in_the_middle_is_renewed() {
    let place = Place::connected_by_token();
    for kind in CG_TYPES {
        serve(&place, kind, 0..1);
    }
    place.sandbox.set(|switches| switches.token_uses = Some(7));
    place.siem().stays_silent();
    place.assert_objects_complete();
    assert!(place.sandbox.count(Endpoint::Token) > 1);
}

#[test]
fn a_refusal_of_a_good_token_is_tried_once_with_another() {
    let place = Place::connected_by_token();
    serve(&place, "receipt", 0..1);
    place.sandbox.next(Endpoint::Events, changes::status(401));
    place.siem().stays_silent();
    place.assert_objects_complete();
    place.sandbox.always(Endpoint::Events, changes::status(401));
    place
        .siem()
        .ends_with(77)
        .says("a fresh token was not accepted");
}

#[test]
fn a_wrong_secret_is_told_and_never_shown() {
    for refusal in [
        TokenRefusal::Flat,
        TokenRefusal::Nested,
        TokenRefusal::Empty,
    ] {
        let place = Place::connected_by_token();
        place.sandbox.set(|switches| {
            switches.wrong_client_secret = true;
            switches.token_refusal = refusal;
        });
        place
            .siem()
            .ends_with(77)
            .says("client id or client secret was not accepted");
        let log = place.log("siem");
        assert!(
            place
                .sandbox
                .secrets()
                .iter()
                .all(|secret| !log.contains(secret)),
            "P6: {log}"
        );
    }
}

#[test]
fn odd_lifetimes_of_a_token_are_survived() {
    for expires_in in [None, Some(0), Some(-1), Some(1), Some(i64::MAX)] {
        let place = Place::connected_by_token();
        place
            .sandbox
            .set(|switches| switches.token_expires_in = expires_in);
        serve(&place, "receipt", 0..1);
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
}

#[test]
fn a_limit_ends_the_run_and_the_next_one_does_not_ask() {
    let place = Place::connected_by_token();
    serve(&place, "receipt", 0..1);
    place.sandbox.always(
        Endpoint::Events,
        changes::rate_limited(Some(3_000_000), None),
    );
    place.siem().ends_with(75).says("slow down until");
    let asked = place.sandbox.requests().len();
    place.siem().ends_with(75);
    assert_eq!(
        place.sandbox.requests().len(),
        asked,
        "not a single request"
    );
}

#[test]
fn the_list_calls_of_a_run_stay_below_the_limit() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"receipt\"");
    place
        .sandbox
        .set(|switches| switches.list_limit = Some(crate::sandbox::LIST_LIMIT));
    place
        .sandbox
        .set(|switches| switches.caught_up = CaughtUp::Never);
    place.sandbox.always(Endpoint::Events, |reply| {
        // a list that never ends, without an object
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let text = text.replace("\"value\":[]", "\"value\":[ ]");
        reply.set_body(text.into_bytes());
    });
    for _ in 0..3 {
        place.siem().stays_silent();
    }
    assert!(place.sandbox.count(Endpoint::Events) < 50);
}

#[test]
fn a_position_that_is_refused_is_a_gap_that_is_told_once() {
    for stale in [StalePage::Refuse, StalePage::Jump] {
        let place = Place::connected_by_token();
        place.configure_tokens("[siem]\ncloud_gateway_types = \"receipt\"");
        serve(&place, "receipt", 0..2);
        place.siem().stays_silent();
        serve(&place, "receipt", 2..6);
        place.sandbox.purge_objects("receipt", 4);
        place
            .sandbox
            .set(|switches| switches.stale_next_page = stale);
        match stale {
            StalePage::Refuse => drop(
                place
                    .siem()
                    .ends_with(65)
                    .says("refused the saved position"),
            ),
            StalePage::Jump => place.siem().stays_silent(),
        }
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
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
    place.siem().ends_with(76).says("an object's address");
    assert_eq!(place.files("mta").len(), 0);
}

#[test]
fn faults_on_the_way_are_repeated_and_nothing_is_lost() {
    let place = Place::connected_by_token();
    serve(&place, "receipt", 0..4);
    place.sandbox.next(Endpoint::Token, changes::status(503));
    place.sandbox.next(Endpoint::Events, changes::status(500));
    place
        .sandbox
        .next(Endpoint::Object, changes::wire(Wire::CutAt(100)));
    place
        .sandbox
        .next(Endpoint::Object, changes::wire(Wire::NoLength));
    place
        .sandbox
        .next(Endpoint::Object, changes::wire(Wire::Chunked));
    place.siem().stays_silent();
    place.assert_objects_complete();
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

#[test]
fn cloud_integrated_is_collected_when_configured() {
    let place = Place::connected_by_token();
    place.configure_tokens(
        "[siem]\ncloud_gateway_types = \"none\"\ncloud_integrated_types = \"all\"",
    );
    for kind in CI_TYPES {
        serve(&place, kind, 0..2);
    }
    place.siem().stays_silent();
    place.assert_objects_complete();
    assert!(
        place
            .files("mta")
            .keys()
            .all(|name| name.starts_with("ci_"))
    );
}

#[test]
fn the_move_from_1_0_loses_and_repeats_no_audit_event() {
    let place = Place::connected();
    place.configure("[audit]\nformat = \"json\"");
    let now = Utc::now();
    let event = |number: u64, minutes: i64| {
        AuditEvent::realistic(number, now - TimeDelta::minutes(minutes))
    };
    place
        .sandbox
        .audit((0..40).map(|number| event(number, 200 - number as i64 * 4)));
    place.sandbox.serve(Batch::realistic(1, 20));
    place.audit().stays_silent();
    place.siem().stays_silent();
    let before = place.files("mta");

    place.configure_tokens("[audit]\nformat = \"json\"");
    place
        .sandbox
        .audit((40..50).map(|number| event(number, 30))); // late ones
    serve(&place, "receipt", 0..1);
    place.audit().stays_silent();
    place.assert_audit_complete();
    place.siem().stays_silent();
    let after = place.files("mta");
    assert!(
        before
            .iter()
            .all(|(name, content)| after.get(name) == Some(content))
    );
    assert_eq!(after.len(), before.len() + 1);
    let list = place
        .sandbox
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
    let place = Place::connected_by_token();
    kill_and_finish(&place, SIEM, "mta", |round| {
        if round % 2 == 0 {
            let kind = CG_TYPES[round as usize / 2 % 10];
            serve(&place, kind, u64::from(round)..u64::from(round) + 2);
        }
    });
    place.assert_objects_complete();
}

#[test]
fn every_type_comes_first_at_some_time() {
    let place = Place::connected_by_token();
    let first = |_| {
        let before = place.sandbox.requests().len();
        place.siem().stays_silent();
        let requests = place.sandbox.requests().into_iter().skip(before);
        let mut lists = requests.filter(|seen| seen.endpoint == Some(Endpoint::Events));
        let path = lists.next().expect("a list").path;
        path.split(['?', '&'])
            .find(|part| part.starts_with("type="))
            .map(str::to_owned)
    };
    let firsts: std::collections::BTreeSet<_> = (0..12).map(first).collect();
    assert!(firsts.len() > 1, "{firsts:?}");
}

#[test]
fn a_trouble_that_lasts_is_told_although_the_run_ends_early() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"spam, journal\"");
    place.sandbox.set(|switches| {
        switches.forbid_types.insert("spam");
    });
    // whichever comes first: an outage ends the run, but not the word about the other
    for _ in 0..40 {
        place.sandbox.clear();
        place.sandbox.always(Endpoint::Events, |reply| {
            if reply.status == 200 {
                changes::status(503)(reply);
            }
        });
        let outcome = place.siem();
        assert!([75, 77].contains(&outcome.code), "{outcome:?}");
        if outcome.code == 77 {
            return;
        }
    }
    panic!("the refusal was never told");
}
