//! One bad item, list, page or type stops no other, hides no warning and moves no position.

mod lists; // lists that are odd
mod objects; // objects that cannot be had

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{TimeDelta, Utc};

use crate::audit::{JSON, ago, event, place as audit_place, set_clock};
use crate::harness::answers::{flip, html_400};
use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Batch, Endpoint, Object, Reply, at, changes};

const ONE: &str = "[siem]\ncloud_gateway_types = \"process\"";

fn serve(place: &Installation, kind: &str, seeds: std::ops::Range<u64>) {
    place.serve_objects(kind, seeds.map(|seed| Object::realistic(seed, 5)));
}

/// An installation of one type, for which these objects are waiting.
fn waiting(seeds: std::ops::Range<u64>) -> Installation {
    let place = Installation::of_types("process");
    serve(&place, "process", seeds);
    place
}

fn json(reply: &mut Reply, status: u16, text: &str) {
    reply.status = status;
    reply.set_header("content-type", "application/json");
    reply.set_body(text.as_bytes().to_vec());
}

/// From now on every list has these entries.
fn list(place: &Installation, entries: String) {
    let text = format!(r#"{{"value":[{entries}],"isCaughtUp":true}}"#);
    place.always(Endpoint::Events, move |reply| json(reply, 200, &text));
}

/// Some run has told the operator.
fn assert_told(told: &Told) {
    let codes = told.codes();
    assert!(codes.contains(&65), "{codes:?}");
}

#[test]
fn a_refusal_that_is_stated_once_after_an_answer_not_understood_moves_no_position() {
    let batches = Installation::with_batches(1..2, 5);
    for (place, call, code) in [
        (batches, Endpoint::Siem, "err_audit_siem_invalid_token"),
        (waiting(0..3), Endpoint::Events, "err_invalid_page_token"),
    ] {
        place.siem().stays_silent();
        place.next(call, html_400);
        place.next(call, |reply| *reply = Reply::failure(400, code, "x"));
        place.siem().stays_silent();
    }
}

#[test]
fn the_json_of_a_gateway_with_status_400_moves_no_position() {
    let place = waiting(0..3);
    place.siem().stays_silent();
    let blocked = r#"{"error":{"code":"BadRequest","message":"blocked by policy 17"}}"#;
    place.always(Endpoint::Events, |reply| json(reply, 400, blocked));
    place.siem();
    place.clear();
    serve(&place, "process", 3..4);
    let report = place.run(SIEM, ["--json"]).json();
    let warnings = report["warnings"].to_string();
    assert!(!warnings.contains("refused the saved position"), "{report}");
}

/// JSON that somebody before Mimecast answers.
const BLOCKED: [&str; 2] = [
    r#"{"success":false,"code":403,"message":"blocked by policy","data":null}"#,
    r#"{"data":[],"message":"service temporarily disabled"}"#,
];

#[test]
fn the_json_of_a_gateway_with_status_200_is_no_empty_audit_window() {
    for text in BLOCKED {
        let place = audit_place(JSON);
        place.audit().stays_silent();
        let times = [90, 3].map(|minutes| ago(TimeDelta::minutes(minutes)));
        place.serve_events([event(1, times[0]), event(2, times[1])]);
        set_clock(&place, 0);
        place.always(Endpoint::Audit, move |reply| json(reply, 200, text));
        let outcome = place.audit();
        assert!(outcome.code != 0, "a window counts as empty: {outcome:?}");
    }
}

#[test]
fn an_old_siem_state_that_cannot_be_read_stops_no_event_type() {
    let place = waiting(0..2);
    place.siem().stays_silent();
    fs::create_dir_all(place.path("checkpoint/siem.state")).expect("made");
    serve(&place, "process", 2..3);
    place.siem().stays_silent();
}

#[test]
fn a_first_answer_of_2001_makes_no_gap_of_25_years() {
    for generation in [1, 2] {
        let place = Installation::connected();
        if generation == 2 {
            place.configure_tokens(ONE);
            serve(&place, "process", 0..2);
        } else {
            place.serve(Batch::realistic(1, 5));
        }
        set_clock(&place, -25 * 365 * 24 * 60);
        let first = place.run(SIEM, ["--json"]);
        set_clock(&place, 0);
        let second = place.run(SIEM, ["--json"]);
        assert!(
            !second.stdout.contains("longer ago than Mimecast keeps"),
            "{generation}: {} {}",
            first.stdout,
            second.stdout
        );
    }
}

#[test]
fn a_date_that_jumps_within_a_run_repeats_nothing() {
    let place = audit_place(&format!("{JSON}first_look_back_days = 1"));
    set_clock(&place, 0);
    place.serve_events((0..1_500).map(|number| event(number, ago(TimeDelta::minutes(3)))));
    // the first page is right, the others say five hours ago
    let old = (Utc::now() - TimeDelta::hours(5))
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    place.always_at(Endpoint::Audit, at::later_pages(), move |reply| {
        reply.set_header("date", &old);
    });
    place.audit().ends_with(0);
    place.clear();
    for number in 2_000..2_004 {
        place.serve_events([event(number, ago(TimeDelta::minutes(2)))]);
        place.audit().ends_with(0);
    }
    place.assert_audit_complete();
}

#[test]
fn an_archive_that_is_damaged_in_two_ways_by_turns_stops_nothing_for_good() {
    let place = Installation::with_batches(0..4, 20);
    let asked = AtomicUsize::new(0);
    place.always_at(Endpoint::Siem, at::batch(1), move |reply| {
        match asked.fetch_add(1, Ordering::Relaxed) {
            number if (number / 2).is_multiple_of(2) => changes::truncated(100 + number)(reply),
            number => flip(|length| length / 3 + number, 0x55)(reply),
        }
    });
    let codes = place.siem_codes(8);
    assert!(codes.contains(&65), "{codes:?} {}", place.log("siem"));
}
