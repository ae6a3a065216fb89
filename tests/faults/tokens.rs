//! The continuation token: without a usable one, nothing of its archive is committed.

use super::Collector::Siem;
use mimecast_sandbox::{Endpoint, changes};

#[test]
fn an_archive_without_a_usable_token_is_held_back_until_it_has_one() {
    let place = Siem.behind();
    let held_back = || Siem.holds(&place, 76, "without a usable continuation token");
    for token in ["", " ", "a b", "a\tb", "grün", &"t".repeat(100_000)] {
        place.always(Endpoint::Siem, changes::header("mc-siem-token", token));
        held_back();
        Siem.recovers(&place);
        Siem.refill(&place);
    }
    place.always(Endpoint::Siem, changes::without_header("mc-siem-token"));
    held_back();
    Siem.recovers(&place);
}

#[test]
fn what_came_before_a_bad_token_stays_committed() {
    let place = Siem.behind();
    let before = place.files("mta").len();
    place.next(Endpoint::Siem, |_| ());
    place.next(Endpoint::Siem, changes::without_header("mc-siem-token"));
    Siem.run(&place).ends_with(76);
    assert!(place.files("mta").len() > before, "the first of two");
    Siem.recovers(&place);
}

#[test]
fn the_same_token_again_with_an_archive_ends_the_run_instead_of_going_in_circles() {
    let place = Siem.behind();
    let last = place.requests().pop().expect("the run before");
    let token = last.body["data"][0]["token"].as_str().expect("a position");
    place.always(Endpoint::Siem, changes::header("mc-siem-token", token));
    let before = place.count(Endpoint::Siem);
    Siem.holds(&place, 76, "with the token of the request");
    assert_eq!(place.count(Endpoint::Siem), before + 1);
    Siem.recovers(&place);
}

#[test]
fn a_token_with_every_printable_letter_is_sent_back_as_it_came() {
    let token: String = ('!'..='~').collect();
    let place = Siem.behind();
    place.next(Endpoint::Siem, changes::header("mc-siem-token", &token));
    let before = place.requests().len();
    // the sandbox did not mint it and refuses it: that is a gap
    Siem.run(&place).ends_with(65);
    let asked = place.requests().swap_remove(before + 1);
    assert_eq!(asked.body["data"][0]["token"], token.as_str());
}
