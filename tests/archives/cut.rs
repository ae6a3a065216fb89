//! An archive whose transfer breaks off in every run does not hold those behind it, and a network that
//! breaks every transfer costs no event.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::zip;
use crate::harness::Installation;
use mimecast_sandbox::{Batch, Endpoint, Reply, Wire, ZipEntry, at, changes};

const QUICK: &str = "[network]\nretries = 1\nretry_wait_ms = 5\nidle_timeout_seconds = 1";

/// The archive whose transfer breaks off, and after how many bytes: its directory is missing then, and
/// nothing verifies without that.
fn broken() -> (Vec<u8>, usize) {
    let entry = |kind: &str| ZipEntry::new(format!("{kind}_1.siem"), format!("kind={kind}\n"));
    let bytes = zip(["receipt", "process"].map(entry));
    let cut_at = bytes.len() - 40;
    (bytes, cut_at)
}

/// Good batches, with archives among them whose transfer breaks off each time in this way.
fn waiting(count: usize, bad: &[usize], wire: fn(usize) -> Wire) -> Installation {
    let place = Installation::configured(QUICK);
    let (bytes, cut_at) = broken();
    for number in 0..count {
        if !bad.contains(&number) {
            place.serve(Batch::realistic(number as u64, 20));
            continue;
        }
        let batch = Batch::raw(bytes.as_slice()).with_lines([""; 0]);
        place.serve(batch);
        let breaks = move |reply: &mut Reply| changes::wire(wire(cut_at))(reply);
        place.always_at(Endpoint::Siem, at::batch(number), breaks);
    }
    place
}

/// After so many bytes the connection closes, or nothing comes for longer than is waited.
const WAYS: [fn(usize) -> Wire; 2] = [Wire::CutAt, |bytes| {
    Wire::StallAt(bytes, Duration::from_secs(2))
}];

/// Each run waits for the network, and collects everything once it is well again.
fn costs_no_event(place: &Installation, runs: usize) {
    for _ in 0..runs {
        place.siem().ends_with(75);
    }
    assert_eq!(place.quarantined(), [""; 0]);
    place.clear();
    place.collects_logs();
}

#[test]
fn an_archive_that_breaks_off_in_three_runs_is_kept_and_those_behind_it_arrive() {
    for wire in WAYS {
        let place = waiting(4, &[1], wire);
        for _ in 0..2 {
            place.siem_says(75, "broke off each time");
            assert_eq!(place.quarantined(), [""; 0]);
        }
        place.siem_says(65, "its transfer breaks off");
        place.assert_siem_complete();
        let (bytes, cut_at) = broken();
        assert_eq!(place.quarantined_bytes(), [&bytes[..cut_at]]);
        place.collects_logs();
    }
}

#[test]
fn two_archives_in_a_row_that_break_off_hold_nothing_for_ever() {
    let place = waiting(4, &[1, 2], Wire::CutAt);
    let codes = place.siem_codes(6);
    assert_eq!(codes, [75, 75, 75, 75, 65, 0]);
}

#[test]
fn an_archive_that_breaks_off_is_fetched_whole_when_it_can_be() {
    let place = waiting(4, &[1], Wire::CutAt);
    place.siem_ends([75, 75]);
    place.clear();
    place.siem().stays_silent();
    let lines = place.lines("mta");
    assert!(lines.contains(&b"kind=process".to_vec()), "the whole of it");
    assert_eq!(place.quarantined(), [""; 0]);
}

#[test]
fn a_network_that_breaks_every_transfer_costs_no_event() {
    let place = waiting(3, &[], Wire::CutAt);
    place.always(Endpoint::Siem, changes::wire(Wire::CutAt(300)));
    place.siem_says(75, "check network and proxy");
    assert_eq!(place.files("mta").len(), 0);
    costs_no_event(&place, 4);
}

#[test]
fn the_newest_archive_is_not_given_up_before_another_shows_that_transfers_work() {
    let place = waiting(2, &[1], Wire::CutAt);
    place.siem_ends([75, 75, 75, 75, 75]);
    assert_eq!(place.quarantined(), [""; 0]);
    place.serve(Batch::realistic(9, 20));
    place.siem().ends_with(65);
    place.assert_siem_complete();
    place.siem().stays_silent();
}

#[test]
fn an_archive_of_which_no_byte_arrives_is_one_that_breaks_off() {
    let ways: [fn(usize) -> Wire; 2] = [|_| WAYS[0](0), |_| WAYS[1](0)];
    for wire in ways {
        let place = waiting(4, &[1], wire);
        assert_eq!(place.siem_codes(4), [75, 75, 65, 0]);
        assert_eq!(place.quarantined_bytes(), [b""; 0]);
        place.assert_siem_complete();
    }
}

#[test]
fn many_archives_in_a_row_that_break_off_hold_nothing_for_ever() {
    let place = waiting(8, &[1, 2, 3, 4, 5], Wire::CutAt);
    let codes = place.siem_codes(12);
    assert_eq!(codes[10..], [65, 0], "{codes:?}");
    place.assert_siem_complete();
}

#[test]
fn an_archive_that_breaks_off_and_then_meets_an_error_is_one_that_breaks_off() {
    let place = waiting(4, &[1], Wire::CutAt);
    let asked = AtomicUsize::new(0);
    place.always_at(Endpoint::Siem, at::batch(1), move |reply| {
        if asked.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            changes::status(503)(reply);
        }
    });
    let codes = place.siem_codes(4);
    assert_eq!(codes, [75, 75, 65, 0]);
}

#[test]
fn an_outage_that_ends_while_an_archive_is_given_up_costs_no_event() {
    for last in 4..9 {
        let place = waiting(4, &[], Wire::CutAt);
        let cut = changes::times(last, changes::wire(Wire::CutAt(300)));
        place.always(Endpoint::Siem, cut);
        let codes = place.siem_codes(5);
        assert!(!codes.contains(&65), "{last}: {codes:?}");
        place.assert_siem_complete();
    }
}

#[test]
fn a_network_that_breaks_only_what_is_large_costs_no_event() {
    let place = Installation::configured(QUICK);
    place.serve(Batch::realistic(1, 200));
    place.serve(Batch::files(&[("receipt_1.siem", b"a=1\n")]));
    place.serve(Batch::realistic(2, 200));
    let large = changes::wire(Wire::CutAt(600));
    place.always(Endpoint::Siem, large);
    costs_no_event(&place, 5);
}

#[test]
fn transfers_that_break_off_are_no_damage_of_the_third_run() {
    let place = waiting(3, &[], Wire::CutAt);
    let asked = AtomicUsize::new(0);
    place.always(Endpoint::Siem, move |reply| {
        match asked.fetch_add(1, Ordering::Relaxed) {
            4 => changes::truncated(400)(reply), // whole, as far as its length says
            _ => changes::wire(Wire::CutAt(300))(reply),
        }
    });
    costs_no_event(&place, 4);
}

#[test]
fn an_error_that_breaks_off_is_no_archive() {
    let place = waiting(4, &[], Wire::CutAt);
    place.always_at(Endpoint::Siem, at::batch(1), |reply: &mut Reply| {
        reply.status = 503;
        reply.wire = Wire::CutAt(60);
    });
    costs_no_event(&place, 4);
}

#[test]
fn a_wait_that_is_asked_for_behind_a_broken_archive_is_kept() {
    let place = waiting(4, &[1], Wire::CutAt);
    let wait = changes::rate_limited(None, Some("3000"));
    place.always_at(Endpoint::Siem, at::batch(2), wait);
    place.siem_ends([75, 75, 75]);
    let before = place.count(Endpoint::Siem);
    place.siem().ends_with(75);
    assert_eq!(place.count(Endpoint::Siem), before, "nobody asks");
}

#[test]
fn an_archive_that_is_ill_in_two_ways_by_turns_holds_nothing_for_ever() {
    type Ill = fn(&mut Reply);
    let cut: Ill = |reply| reply.wire = Wire::CutAt(60);
    let damaged: Ill = |reply| changes::truncated(reply.body.len() - 30)(reply);
    let error: Ill = |reply| changes::status(503)(reply);
    let html: Ill = |reply| changes::html_200()(reply);
    for ills in [
        vec![cut, cut, damaged],
        vec![damaged, error, error],
        vec![damaged, html, html],
        vec![cut, error],
        vec![cut, cut, error, error],
    ] {
        let place = waiting(4, &[1], |_| Wire::Whole);
        let mut codes = Vec::new();
        for _ in 0..4 {
            let (asked, ills) = (AtomicUsize::new(0), ills.clone());
            place.clear();
            place.always_at(Endpoint::Siem, at::batch(1), move |reply| {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                ills[number.min(ills.len() - 1)](reply);
            });
            codes.push(place.siem().code);
        }
        assert!(codes.contains(&65) && codes.ends_with(&[0]), "{codes:?}");
    }
}
