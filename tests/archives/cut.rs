//! An archive whose transfer breaks off in every run does not hold those behind it, and a network that
//! breaks every transfer costs no event.

use std::time::Duration;

use super::{quarantined_bytes, zip};
use crate::harness::Place;
use crate::sandbox::{Batch, Endpoint, Reply, Wire, ZipEntry, at, changes};

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
fn waiting(count: usize, bad: &[usize], wire: fn(usize) -> Wire) -> Place {
    let place = Place::connected();
    place.configure(QUICK);
    let (bytes, cut_at) = broken();
    for number in 0..count {
        if !bad.contains(&number) {
            place.sandbox.serve(Batch::realistic(number as u64, 20));
            continue;
        }
        let batch = Batch::raw(bytes.as_slice()).with_lines([""; 0]);
        place.sandbox.serve(batch);
        let breaks = move |reply: &mut Reply| changes::wire(wire(cut_at))(reply);
        place
            .sandbox
            .always_at(Endpoint::Siem, at::batch(number), breaks);
    }
    place
}

#[test]
fn an_archive_that_breaks_off_in_three_runs_is_kept_and_those_behind_it_arrive() {
    let ways: [fn(usize) -> Wire; 2] = [Wire::CutAt, |bytes| {
        Wire::StallAt(bytes, Duration::from_secs(2))
    }];
    for wire in ways {
        let place = waiting(4, &[1], wire);
        for _ in 0..2 {
            place.siem().ends_with(75).says("broke off each time");
            assert_eq!(place.quarantined(), [""; 0]);
        }
        place.siem().ends_with(65).says("its transfer breaks off");
        place.assert_siem_complete();
        let (bytes, cut_at) = broken();
        assert_eq!(quarantined_bytes(&place), [&bytes[..cut_at]]);
        place.siem().stays_silent();
        place.assert_siem_complete();
    }
}

#[test]
fn two_archives_in_a_row_that_break_off_hold_nothing_for_ever() {
    let place = waiting(4, &[1, 2], Wire::CutAt);
    let codes: Vec<i32> = (0..6).map(|_| place.siem().code).collect();
    assert_eq!(codes, [75, 75, 75, 75, 65, 0]);
}

#[test]
fn an_archive_that_breaks_off_is_fetched_whole_when_it_can_be() {
    let place = waiting(4, &[1], Wire::CutAt);
    for _ in 0..2 {
        place.siem().ends_with(75);
    }
    place.sandbox.clear();
    place.siem().stays_silent();
    let lines = place.lines("mta");
    assert!(lines.contains(&b"kind=process".to_vec()), "the whole of it");
    assert_eq!(place.quarantined(), [""; 0]);
}

#[test]
fn a_network_that_breaks_every_transfer_costs_no_event() {
    let place = waiting(3, &[], Wire::CutAt);
    place
        .sandbox
        .always(Endpoint::Siem, changes::wire(Wire::CutAt(300)));
    for _ in 0..5 {
        place.siem().ends_with(75).says("check network and proxy");
    }
    assert_eq!(place.files("mta").len(), 0);
    assert_eq!(place.quarantined(), [""; 0]);
    place.sandbox.clear();
    place.siem().stays_silent();
    place.assert_siem_complete();
}

#[test]
fn the_newest_archive_is_not_given_up_before_another_shows_that_transfers_work() {
    let place = waiting(2, &[1], Wire::CutAt);
    for _ in 0..5 {
        place.siem().ends_with(75);
    }
    assert_eq!(place.quarantined(), [""; 0]);
    place.sandbox.serve(Batch::realistic(9, 20));
    place.siem().ends_with(65);
    place.assert_siem_complete();
    place.siem().stays_silent();
}
