//! One bad item, list, page or type stops no other, hides no warning and moves no position.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};

use crate::audit::{JSON, ago, event, place as audit_place, set_clock};
use crate::harness::{Place, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Batch, Endpoint, Object, Reply, at, changes};

const ONE: &str = "[siem]\ncloud_gateway_types = \"process\"";

fn serve(place: &Place, kind: &str, seeds: std::ops::Range<u64>) {
    place
        .sandbox
        .serve_objects(kind, seeds.map(|seed| Object::realistic(seed, 5)));
}

fn json(reply: &mut Reply, status: u16, text: &str) {
    reply.status = status;
    reply.set_header("content-type", "application/json");
    reply.set_body(text.as_bytes().to_vec());
}

/// Some run has told the operator.
fn assert_told(told: &Told) {
    let codes = told.codes();
    assert!(codes.contains(&65), "{codes:?}");
}

#[test]
fn a_store_that_lacks_one_object_each_time_hides_no_gap_for_good() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    let mut told = Told::default();
    for run in 0..8_u64 {
        serve(&place, "process", run * 10..run * 10 + 2);
        place.sandbox.serve_objects(
            "process",
            [Object::missing().named(&format!("m{run}.json.gz"))],
        );
        told.run(&place, SIEM);
    }
    assert_told(&told);
}

#[test]
fn a_refusal_that_is_stated_once_after_an_answer_not_understood_moves_no_position() {
    for generation in [1, 2] {
        let place = Place::connected();
        let call = if generation == 2 {
            place.configure_tokens(ONE);
            serve(&place, "process", 0..3);
            Endpoint::Events
        } else {
            place.sandbox.serve(Batch::realistic(1, 5));
            Endpoint::Siem
        };
        place.siem().stays_silent();
        place.sandbox.next(call, |reply| {
            reply.status = 400;
            reply.set_header("content-type", "text/html");
            reply.set_body(*b"<html>bad request</html>");
        });
        place.sandbox.next(call, move |reply| match generation {
            1 => *reply = Reply::failure(400, "err_audit_siem_invalid_token", "x"),
            _ => *reply = Reply::failure(400, "err_invalid_page_token", "x"),
        });
        place.siem().stays_silent();
    }
}

#[test]
fn the_json_of_a_gateway_with_status_400_moves_no_position() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    serve(&place, "process", 0..3);
    place.siem().stays_silent();
    place.sandbox.always(Endpoint::Events, |reply| {
        json(
            reply,
            400,
            r#"{"error":{"code":"BadRequest","message":"blocked by policy 17"}}"#,
        );
    });
    place.siem();
    place.sandbox.clear();
    serve(&place, "process", 3..4);
    let report = place.run(SIEM, ["--json"]).json();
    assert!(
        !report["warnings"]
            .to_string()
            .contains("refused the saved position"),
        "{report}"
    );
}

#[test]
fn the_json_of_a_gateway_with_status_200_is_no_empty_audit_window() {
    for text in [
        r#"{"success":false,"code":403,"message":"blocked by policy","data":null}"#,
        r#"{"data":[],"message":"service temporarily disabled"}"#,
    ] {
        let place = audit_place(JSON);
        place.audit().stays_silent();
        place.sandbox.audit([
            event(1, ago(TimeDelta::minutes(90))),
            event(2, ago(TimeDelta::minutes(3))),
        ]);
        set_clock(&place, 0);
        place
            .sandbox
            .always(Endpoint::Audit, move |reply| json(reply, 200, text));
        let outcome = place.audit();
        assert!(outcome.code != 0, "a window counts as empty: {outcome:?}");
    }
}

#[test]
fn an_object_that_is_owed_and_whose_page_cannot_be_listed_is_told() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    serve(&place, "process", 0..3);
    place.sandbox.serve_objects("process", [Object::missing()]);
    place.siem().ends_with(75);
    place
        .sandbox
        .always_at(Endpoint::Events, at::first_page(), changes::status(503));
    let mut told = Told::default();
    for run in 0..5 {
        serve(&place, "process", 10 + run..11 + run);
        told.run(&place, SIEM);
    }
    assert_told(&told);
}

#[test]
fn a_page_whose_objects_all_fail_does_not_stop_the_pages_behind_it() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    place
        .sandbox
        .serve_objects("process", (0..100).map(|_| Object::empty()));
    serve(&place, "process", 0..5);
    let codes: Vec<i32> = (0..6).map(|_| place.siem().code).collect();
    assert_eq!(
        place.files("mta").len(),
        5,
        "{codes:?} {}",
        place.log("siem")
    );
}

#[test]
fn another_bad_entry_at_the_same_place_of_a_list_is_told_too() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    serve(&place, "process", 0..2);
    place
        .sandbox
        .set(|switches| switches.next_page_when_caught_up = false);
    place.siem();
    let list = |place: &Place, entry: &'static str| {
        place.sandbox.always(Endpoint::Events, move |reply| {
            json(
                reply,
                200,
                &format!(r#"{{"value":[{entry}],"isCaughtUp":true}}"#),
            );
        });
    };
    let mut told = Told::default();
    list(&place, r#"{"url":"ftp://store/one","size":10}"#);
    for _ in 0..4 {
        told.run(&place, SIEM);
    }
    list(&place, r#"{"url":"ftp://store/two","size":10}"#);
    for _ in 0..4 {
        told.run(&place, SIEM);
    }
    let gaps = told.codes().iter().filter(|code| **code == 65).count();
    assert_eq!(gaps, 2, "{:?}", told.codes());
}

#[test]
fn an_old_siem_state_that_cannot_be_read_stops_no_event_type() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    serve(&place, "process", 0..2);
    place.siem().stays_silent();
    fs::create_dir_all(place.path("checkpoint/siem.state")).expect("made");
    serve(&place, "process", 2..3);
    place.siem().stays_silent();
}

#[test]
fn a_type_whose_list_is_too_large_stops_no_other_type() {
    let place = Place::connected_by_token();
    place
        .sandbox
        .always_at(Endpoint::Events, at::event_type("receipt"), |reply| {
            let mut text = br#"{"value":["#.to_vec();
            text.resize(17 << 20, b' ');
            text.extend_from_slice(b"]}");
            reply.set_body(text);
        });
    for kind in ["process", "delivery", "spam", "av", "journal"] {
        serve(&place, kind, 0..1);
    }
    let outcome = place.siem();
    assert_eq!(place.files("mta").len(), 5, "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn many_foreign_objects_on_a_page_need_no_open_file_each() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    serve(&place, "process", 0..2);
    place.sandbox.serve_objects(
        "process",
        (0..90).map(|n| Object::raw(format!("foreign {n}").into_bytes())),
    );
    let run = |place: &Place| {
        let mut command = place.command("/bin/sh");
        command.arg("-c").arg(format!(
            "ulimit -n 64; exec {SIEM} --config {}",
            place.path("config.toml").display()
        ));
        place.finish(command)
    };
    let codes: Vec<i32> = (0..3).map(|_| run(&place).code).collect();
    assert!(
        !codes.contains(&74) && codes.contains(&65),
        "{codes:?} {}",
        place.log("siem")
    );
}

#[test]
fn a_first_answer_of_2001_makes_no_gap_of_25_years() {
    for generation in [1, 2] {
        let place = Place::connected();
        if generation == 2 {
            place.configure_tokens(ONE);
            serve(&place, "process", 0..2);
        } else {
            place.sandbox.serve(Batch::realistic(1, 5));
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
    place
        .sandbox
        .audit((0..1_500).map(|number| event(number, ago(TimeDelta::minutes(3)))));
    // the first page is right, the others say five hours ago
    let old = (Utc::now() - TimeDelta::hours(5))
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    place
        .sandbox
        .always_at(Endpoint::Audit, at::later_pages(), move |reply| {
            reply.set_header("date", &old);
        });
    place.audit().ends_with(0);
    place.sandbox.clear();
    for number in 2_000..2_004 {
        place
            .sandbox
            .audit([event(number, ago(TimeDelta::minutes(2)))]);
        place.audit().ends_with(0);
    }
    place.assert_audit_complete();
}

#[test]
fn a_next_page_that_is_no_text_stops_no_object_of_its_page() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    serve(&place, "process", 0..3);
    place.sandbox.always(Endpoint::Events, |reply| {
        let mut list: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
        list["@nextPage"] = 17.into();
        reply.set_body(list.to_string().into_bytes());
    });
    let codes: Vec<i32> = (0..4).map(|_| place.siem().code).collect();
    assert_eq!(place.files("mta").len(), 3, "{codes:?}");
}

#[test]
fn a_bad_entry_of_a_list_that_grows_at_its_front_is_a_gap_some_day() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    serve(&place, "process", 0..2);
    place
        .sandbox
        .set(|switches| switches.next_page_when_caught_up = false);
    place.siem();
    let mut told = Told::default();
    for run in 0..6_usize {
        place.sandbox.always(Endpoint::Events, move |reply| {
            let filler = r#"{"url":"ftp://store/x"},"#.repeat(run);
            json(
                reply,
                200,
                &format!(r#"{{"value":[{filler}{{"size":1}}],"isCaughtUp":true}}"#),
            );
        });
        told.run(&place, SIEM);
    }
    assert_told(&told);
}

#[test]
fn a_store_that_gives_odd_bytes_for_each_of_six_objects_is_no_success() {
    for body in [&b""[..], &b"{\"error\":\"blocked\"}"[..]] {
        let place = Place::connected_by_token();
        place.configure_tokens(ONE);
        serve(&place, "process", 0..6);
        place
            .sandbox
            .always(Endpoint::Object, move |reply| reply.set_body(body));
        let codes: Vec<i32> = (0..3).map(|_| place.siem().code).collect();
        assert!(
            !codes.contains(&0),
            "silence, and nothing is collected: {codes:?}"
        );
    }
}

#[test]
fn a_permission_that_one_type_lacks_hides_no_quarantine_of_another_for_good() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"av, spam\"");
    place.sandbox.set(|switches| {
        switches.forbid_types.insert("spam");
    });
    serve(&place, "av", 0..2);
    place
        .sandbox
        .serve_objects("av", [Object::realistic(9, 50).corrupt()]);
    let said: String = (0..5).map(|_| place.siem().stderr).collect();
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn two_types_without_a_list_stop_no_third() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"receipt, process, spam\"");
    let two = |seen: &mimecast_sandbox::Seen| {
        seen.path.contains("type=receipt") || seen.path.contains("type=process")
    };
    place
        .sandbox
        .always_at(Endpoint::Events, two, changes::status(503));
    for run in 0..12_u64 {
        serve(&place, "spam", run..run + 1);
        place.siem();
        assert_eq!(place.files("mta").len() as u64, run + 1, "run {run}");
    }
}

#[test]
fn a_page_of_refused_objects_does_not_stop_the_pages_behind_it() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    place.sandbox.serve_objects(
        "process",
        (0..100).map(|n| Object::missing().named(&format!("m{n}.json.gz"))),
    );
    serve(&place, "process", 0..5);
    let codes: Vec<i32> = (0..8).map(|_| place.siem().code).collect();
    assert_eq!(place.files("mta").len(), 5, "{codes:?}");
}

#[test]
fn a_400_with_a_code_that_is_not_about_dates_skips_no_day() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    serve(&place, "process", 0..3);
    place.sandbox.always(Endpoint::Events, |reply| {
        *reply = Reply::failure(400, "err_validation_type_not_licensed", "x");
    });
    let first = place.run(SIEM, ["--json"]);
    let state = fs::read_to_string(place.path("checkpoint/cg_process.state")).unwrap_or_default();
    assert_eq!(
        state.matches("refused to list").count(),
        0,
        "{} {state}",
        first.code
    );
}

#[test]
fn an_archive_that_is_damaged_in_two_ways_by_turns_stops_nothing_for_good() {
    let place = Place::connected();
    for seed in 0..4 {
        place.sandbox.serve(Batch::realistic(seed, 20));
    }
    let asked = AtomicUsize::new(0);
    place
        .sandbox
        .always_at(Endpoint::Siem, at::batch(1), move |reply| {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            if (number / 2).is_multiple_of(2) {
                changes::truncated(100 + number)(reply);
            } else {
                let mut body = reply.body.to_vec();
                let at = body.len() / 3 + number;
                body[at] ^= 0x55;
                reply.set_body(body);
            }
        });
    let codes: Vec<i32> = (0..8).map(|_| place.siem().code).collect();
    assert!(codes.contains(&65), "{codes:?} {}", place.log("siem"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_of_many_entries_takes_no_hundreds_of_megabytes() {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE);
    place.sandbox.always(Endpoint::Events, move |reply| {
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
