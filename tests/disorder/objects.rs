//! One bad object among good ones.

use std::collections::BTreeSet;

use super::{ONE_TYPE, lines_of, one_type, serve, waiting};
use crate::agent::{Agent, Habit};
use crate::harness::SIEM;
use crate::told::Told;
use mimecast_sandbox::{Endpoint, Object, at, changes};

#[test]
fn one_object_that_fails_in_any_way_holds_up_no_other_and_is_a_gap_that_is_told_once() {
    for failing in changes::Failing::ALL {
        println!("{failing:?}");
        let place = one_type();
        place.configure_tokens(&format!(
            "{ONE_TYPE}\n[network]\nretries = 1\nretry_wait_ms = 2\nidle_timeout_seconds = 1"
        ));
        serve(&place, "receipt", 0..105); // two pages
        let bad = at::object("receipt", "part-7.json.gz");
        place.always_at(Endpoint::Object, bad, failing.change());
        let others = lines_of((0..105).filter(|seed| *seed != 7));
        let (mut told, mut agent) = (Told::default(), Agent::new("mta", Habit::Deletes));
        told.run(&place, SIEM);
        agent.look(&place);
        if failing == changes::Failing::Unpacked {
            assert_eq!(told.codes(), [0], "JSON lines of the listed type are taken");
            agent.assert_complete(&place);
            continue;
        }
        agent.assert_read(others.iter().cloned());
        told.runs(&place, SIEM, 3);
        let codes = told.codes();
        assert_eq!(
            codes.iter().filter(|code| **code == 65).count(),
            1,
            "{codes:?}"
        );
        assert_eq!(codes[3], 0, "{codes:?}");
        told.assert_once("part-7.json.gz");
        agent.look(&place);
        agent.assert_read(others);
    }
}

#[test]
fn an_object_that_comes_back_in_time_is_published_and_no_gap() {
    for failing in changes::Failing::ALL {
        let place = waiting(0..105);
        let bad = at::object("receipt", "part-7.json.gz");
        // the relists of one run do not help
        let change = changes::times(8, failing.change());
        if [changes::Failing::Silent, changes::Failing::ForeignJson].contains(&failing) {
            continue; // long time-outs; and the same bytes twice are what the store has
        }
        place.always_at(Endpoint::Object, bad, change);
        let mut told = Told::default();
        told.run(&place, SIEM);
        place.clear();
        told.runs(&place, SIEM, 2);
        told.assert_never("part-7.json.gz");
        place.assert_objects_complete();
    }
}

#[test]
fn several_bad_objects_at_the_beginning_hide_none_behind_them() {
    let place = waiting(0..20);
    for seed in 0..4 {
        let bad = at::object("receipt", &format!("part-{seed}.json.gz"));
        place.always_at(Endpoint::Object, bad, changes::status(503));
    }
    place.siem().ends_with(75);
    let published: BTreeSet<Vec<u8>> = place.lines("mta").into_iter().collect();
    assert_eq!(published, lines_of(4..20));
}

#[test]
fn an_object_of_no_bytes_is_no_object_whatever_its_size_is_said_to_be() {
    let place = one_type();
    place.set(|switches| switches.lists_without_size = true);
    serve(&place, "receipt", 0..2);
    place.serve_objects("receipt", [Object::empty().named("empty.json.gz")]);
    serve(&place, "receipt", 2..4);
    let told = Told::of_runs(&place, SIEM, [75, 65, 0]);
    told.assert_once("empty.json.gz");
    place.assert_objects_complete();
}
