//! Lists that are too large, odd or refused, and what stands beside them.

use std::fs;
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use super::json;
use super::{assert_told, list, serve, waiting};
use crate::harness::answers::text;
use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Endpoint, Reply, at, changes};

#[test]
fn another_bad_entry_at_the_same_place_of_a_list_is_told_too() {
    let place = waiting(0..2);
    place.set(|switches| switches.next_page_when_caught_up = false);
    place.siem();
    let mut told = Told::default();
    for object in ["one", "two"] {
        let entry = format!(r#"{{"url":"ftp://store/{object}","size":10}}"#);
        list(&place, entry);
        told.runs(&place, SIEM, 4);
    }
    let gaps = told.codes().iter().filter(|code| **code == 65).count();
    assert_eq!(gaps, 2, "{:?}", told.codes());
}

#[test]
fn a_type_whose_list_is_too_large_stops_no_other_type() {
    let place = Installation::connected_by_token();
    let blanks = " ".repeat(17 << 20);
    let large = text(move |_| format!(r#"{{"value":[{blanks}]}}"#));
    place.always_at(Endpoint::Events, at::event_type("receipt"), large);
    for kind in ["process", "delivery", "spam", "av", "journal"] {
        serve(&place, kind, 0..1);
    }
    let outcome = place.siem();
    assert_eq!(place.files("mta").len(), 5, "{outcome:?}");
}

#[test]
fn a_next_page_that_is_no_text_stops_no_object_of_its_page() {
    let place = waiting(0..3);
    place.always(Endpoint::Events, |reply| {
        let mut list: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
        list["@nextPage"] = 17.into();
        reply.set_body(list.to_string().into_bytes());
    });
    let codes = place.siem_codes(4);
    assert_eq!(place.files("mta").len(), 3, "{codes:?}");
}

#[test]
fn a_bad_entry_of_a_list_that_grows_at_its_front_is_a_gap_some_day() {
    let place = waiting(0..2);
    place.set(|switches| switches.next_page_when_caught_up = false);
    place.siem();
    let mut told = Told::default();
    for run in 0..6_usize {
        let filler = r#"{"url":"ftp://store/x"},"#.repeat(run);
        list(&place, filler + r#"{"size":1}"#);
        told.run(&place, SIEM);
    }
    assert_told(&told);
}

#[test]
fn two_types_without_a_list_stop_no_third() {
    let place = Installation::of_types("receipt, process, spam");
    let two = |seen: &mimecast_sandbox::Seen| {
        seen.path.contains("type=receipt") || seen.path.contains("type=process")
    };
    place.always_at(Endpoint::Events, two, changes::status(503));
    for run in 0..12_u64 {
        serve(&place, "spam", run..run + 1);
        place.siem();
        assert_eq!(place.files("mta").len() as u64, run + 1, "run {run}");
    }
}

#[test]
fn a_400_with_a_code_that_is_not_about_dates_skips_no_day() {
    let place = waiting(0..3);
    place.always(Endpoint::Events, |reply| {
        *reply = Reply::failure(400, "err_validation_type_not_licensed", "x");
    });
    let code = place.run(SIEM, ["--json"]).code;
    let state = fs::read_to_string(place.path("checkpoint/cg_process.state")).unwrap_or_default();
    assert!(!state.contains("refused to list"), "{code} {state}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_of_many_entries_takes_no_hundreds_of_megabytes() {
    let place = Installation::of_types("process");
    place.always(Endpoint::Events, move |reply| {
        let mut text = String::from("{\"value\":[");
        for number in 0..190_000 {
            text.push_str(&format!(
                "{{\"url\":\"https://store.example.com/process/part-{number}.json.gz?s=0\"}},"
            ));
        }
        text.push_str("{}],\"isCaughtUp\":true}");
        json(reply, 200, &text);
    });
    let child = place.spawn(SIEM);
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0_u64;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(40) {
        let Ok(text) = fs::read_to_string(&path) else {
            break;
        };
        let Some(line) = text.lines().find(|line| line.starts_with("VmHWM")) else {
            break;
        };
        let now: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        peak = peak.max(now);
        std::thread::sleep(Duration::from_millis(20));
    }
    place.kill(child);
    assert!(peak < 128 << 10, "{peak} KiB");
}
