//! E-mail logs, as long as everything goes as documented.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Batch, Endpoint, PurgedToken, at, changes};

fn serve(place: &Installation, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        place.serve(Batch::realistic(seed, 60));
    }
}

/// An installation for which these archives are waiting.
fn waiting(seeds: std::ops::Range<u64>) -> Installation {
    Installation::with_batches(seeds, 60)
}

#[test]
fn everything_that_is_waiting_is_published_byte_for_byte() {
    let place = waiting(0..5);
    place.collects_logs();
    assert_eq!(
        place.count(Endpoint::Siem),
        6,
        "one request a batch, one for the end"
    );
}

#[test]
fn a_second_run_adds_only_what_is_new() {
    let place = waiting(0..2);
    place.siem().stays_silent();
    let before = place.files("mta");
    place.siem().stays_silent();
    assert_eq!(place.files("mta"), before);
    assert_eq!(
        place.count(Endpoint::Siem),
        4,
        "nothing waiting costs one request"
    );
    serve(&place, 2..3);
    place.collects_logs();
    let after = place.files("mta");
    assert!(
        before
            .iter()
            .all(|(name, content)| after.get(name) == Some(content)),
        "P3"
    );
}

#[test]
fn file_names_keep_the_log_type_and_take_nothing_else_from_the_server() {
    let place = waiting(0..1);
    place.siem().stays_silent();
    let types = place.files("mta").into_keys().map(|name| {
        let (stem, rest) = name.split_once("_2026").expect("type, then time");
        let as_ours = rest.ends_with(".siem") && rest.len() == 13 + 1 + 16 + 5;
        assert!(as_ours, "{name}");
        stem.to_owned()
    });
    let types: BTreeSet<String> = types.collect();
    assert_eq!(types, mimecast_sandbox::LOG_TYPES.map(str::to_owned).into());
}

#[test]
fn json_is_one_object_a_line_with_nothing_lost() {
    let place = Installation::configured("[siem]\nformat = \"json\"");
    serve(&place, 0..2);
    place.siem().stays_silent();
    let objects = place.lines("mta").into_iter().map(|line| {
        serde_json::from_slice::<Value>(&line)
            .expect("an object")
            .to_string()
    });
    let mut expected: Vec<String> = place
        .sandbox
        .siem_objects()
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut objects: Vec<String> = objects.collect();
    objects.sort_unstable();
    expected.sort_unstable();
    assert_eq!(objects, expected);
}

#[test]
fn either_way_of_saying_that_nothing_is_waiting_is_understood() {
    let place = Installation::connected();
    place.set(|switches| {
        switches.token_on_last = true;
        switches.end_without_meta = true;
    });
    serve(&place, 0..1);
    place.siem().stays_silent();
    place.collects_logs();
}

#[test]
fn a_last_line_without_a_break_gets_one_and_an_empty_member_makes_no_file() {
    let place = Installation::connected();
    place.serve(Batch::files(&[
        ("receipt_1.siem", b"a=1|b=2"),
        ("process_1.siem", b""),
    ]));
    place.siem().stays_silent();
    let files = place.files("mta");
    assert_eq!(files.values().collect::<Vec<_>>(), [b"a=1|b=2\n"]);
}

#[test]
fn line_breaks_of_the_vendor_and_odd_bytes_stay_as_they_are() {
    let place = Installation::connected();
    let odd: &[u8] = b"a=1\r\nb=\xff\xfe\0|c=\xef\xbb\xbf\n\n  x\n";
    place.serve(Batch::files(&[("receipt_1.siem", odd)]));
    place.siem().stays_silent();
    assert_eq!(place.files("mta").values().collect::<Vec<_>>(), [odd]);
}

#[test]
fn an_archive_without_members_is_an_archive_and_no_bytes_are_a_gap_that_is_told() {
    let place = Installation::connected();
    place.serve(Batch::files(&[]));
    serve(&place, 0..1);
    place.siem().stays_silent();
    place.serve(Batch::raw([]));
    serve(&place, 1..2);
    place.siem_says(65, "no byte of it has arrived");
    place.assert_siem_complete();
    let gap = &place.record("siem")["gaps"][0];
    assert!(
        gap["before"].is_string() && gap["after"].is_string(),
        "{gap}"
    );
    place.siem().stays_silent();
}

#[test]
fn a_position_that_mimecast_moved_forward_is_followed() {
    let place = waiting(0..1);
    place.siem().stays_silent();
    serve(&place, 1..4);
    place.sandbox.purge(3);
    place.collects_logs();
}

#[test]
fn a_position_that_is_refused_is_a_gap_that_is_told_once() {
    for refusal in [PurgedToken::Refuse200, PurgedToken::Refuse400] {
        let place = Installation::connected();
        place.set(|switches| switches.siem_purged_before = refusal);
        serve(&place, 0..1);
        place.siem().stays_silent();
        serve(&place, 1..5);
        place.sandbox.purge(3);
        place.siem_says(65, "refused the saved position");
        place.assert_siem_complete();
        place.siem().stays_silent();
        let record = place.record("siem");
        assert_eq!(record["gaps"].as_array().map(Vec::len), Some(1));
        let gap = &record["gaps"][0];
        assert!(
            gap["from"].is_string() && gap["before"].is_string(),
            "{gap}"
        );
    }
}

#[test]
fn logs_that_can_have_been_dropped_before_a_run_ended_are_a_gap_that_is_told_once() {
    for ended in [true, false] {
        let place = waiting(0..2);
        if ended {
            place.siem().stays_silent();
        } else {
            place.always_at(Endpoint::Siem, at::batch(1), changes::status(503));
            place.siem().ends_with(75);
            place.clear();
        }
        place.rewrite_record("siem", |record| {
            let earlier = Utc::now() - TimeDelta::days(8);
            for member in ["last_success", "began", "clock", "moved_at"] {
                if record[member].is_string() {
                    record[member] = earlier.to_rfc3339().into();
                }
            }
        });
        serve(&place, 2..3);
        place.siem_says(65, "longer ago than Mimecast keeps logs");
        place.assert_siem_complete();
        place.siem().stays_silent();
        let record = place.record("siem");
        let gaps = record["gaps"].as_array().map(Vec::len);
        assert_eq!(gaps, Some(1), "ended {ended}: {record}");
    }
}

#[test]
fn a_damaged_archive_is_told_although_an_outage_ends_its_run() {
    let place = Installation::connected();
    place.serve(Batch::raw(*b"no archive"));
    serve(&place, 0..1);
    place.always_at(Endpoint::Siem, at::batch(1), changes::status(503));
    let mut told = Told::of_runs(&place, SIEM, [75, 75]);
    place.clear();
    told.runs(&place, SIEM, 2);
    assert_eq!(told.codes(), [75, 75, 65, 0]);
    told.assert_once("an archive is damaged");
    place.assert_siem_complete();
}

#[test]
fn two_collectors_at_once_are_one_and_a_polite_other() {
    let place = waiting(0..3);
    let pause = std::time::Duration::from_millis(700);
    let stall = mimecast_sandbox::Wire::StallAt(100, pause);
    place.next(Endpoint::Siem, changes::wire(stall));
    let first = place.spawn_until(SIEM, Endpoint::Siem);
    let second = place.siem_says(75, "another run");
    assert!(second.took.as_secs() < 1, "P5: {second:?}");
    place.wait(first).stays_silent();
    place.assert_siem_complete();
}
