//! One bad list among good ones, and one bad entry of a list.

use super::{serve, waiting};
use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{BadEntry, Endpoint, at, changes};

#[test]
fn one_type_whose_list_fails_in_any_way_stops_no_other_type() {
    for failing in changes::Failing::ALL {
        if failing == changes::Failing::Unpacked {
            continue; // a list is not packed
        }
        println!("{failing:?}");
        let place = Installation::connected_by_token();
        let network = "[network]\nretries = 1\nretry_wait_ms = 2\nidle_timeout_seconds = 1";
        place.configure_tokens(network);
        for kind in ["receipt", "process", "spam", "journal"] {
            serve(&place, kind, 0..2);
        }
        let bad = at::event_type("spam");
        place.always_at(Endpoint::Events, bad, failing.change());
        let outcome = place.siem();
        assert!([75, 76, 77].contains(&outcome.code), "{outcome:?}");
        assert_eq!(place.files("mta").len(), 6, "{failing:?}");
        place.clear();
        place.collects_objects();
    }
}

#[test]
fn an_entry_that_names_no_object_holds_up_no_other_and_is_a_gap_that_is_told_once() {
    for (label, raw) in BadEntry::WITHOUT_OBJECT {
        for index in [0, 3] {
            println!("{label} at {index}");
            let place = waiting(0..6);
            place.set(|switches| switches.bad_entries = vec![BadEntry::before(index, raw)]);
            let mut told = Told::default();
            told.run(&place, SIEM);
            place.assert_objects_complete();
            told.runs(&place, SIEM, 2);
            assert_eq!(told.codes(), [75, 65, 0], "{label}");
            told.assert_once("entry");
            serve(&place, "receipt", 6..8);
            place.siem();
            place.assert_objects_complete();
        }
    }
}

#[test]
fn an_entry_that_is_right_in_the_next_list_is_no_gap() {
    let place = waiting(0..6);
    place.set(|switches| switches.bad_entries = vec![BadEntry::replacing(2, "{}")]);
    place.siem().ends_with(75);
    place.set(|switches| switches.bad_entries.clear());
    place.collects_objects();
}

#[test]
fn what_is_odd_beside_a_good_address_does_not_matter() {
    for (label, raw) in BadEntry::WITH_OBJECT {
        let place = waiting(0..3);
        place.set(|switches| switches.bad_entries = vec![BadEntry::replacing(1, raw)]);
        println!("{label}");
        place.collects_objects();
    }
}
