//! Audit pages that lie about what follows, and items that are no events.

use std::fs;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::AUDIT_AS_JSON;
use super::Collector::Audit;
use crate::harness::answers::flip;
use crate::harness::{AUDIT, Installation};
use mimecast_sandbox::{AuditEvent, Endpoint, Reply, Wire, changes};

/// A page holds 500 events: these take three.
const THREE_PAGES: u64 = 1_200;

/// An installation whose last window needs three pages.
fn three_pages() -> Installation {
    let place = Installation::configured(AUDIT_AS_JSON);
    add(&place, 0..THREE_PAGES, TimeDelta::minutes(30));
    place
}

/// Events one second apart, the newest `ago`.
fn add(place: &Installation, numbers: std::ops::Range<u64>, ago: TimeDelta) {
    let newest = Utc::now() - ago;
    let count = numbers.end - numbers.start;
    place.serve_events(numbers.clone().map(|number| {
        let older = count - (number - numbers.start);
        AuditEvent::realistic(number, newest - TimeDelta::seconds(older as i64))
    }));
}

/// The answer's `meta.pagination.next`, replaced.
fn next_page(value: Value) -> impl Fn(&mut Reply) + Send + Sync {
    move |reply| {
        let mut body: Value = serde_json::from_slice(&reply.body).expect("JSON");
        body["meta"]["pagination"]["next"] = value.clone();
        reply.set_body(body.to_string().into_bytes());
    }
}

#[test]
fn all_pages_are_had_however_the_last_one_ends() {
    for next_on_last_page in [false, true] {
        let place = three_pages();
        place.set(|switches| switches.next_on_last_page = next_on_last_page);
        place.collects_events();
        let pages = if next_on_last_page { 4 } else { 3 };
        assert_eq!(place.count(Endpoint::Audit), pages);
    }
}

#[test]
fn a_page_that_is_named_twice_ends_its_window_and_is_told() {
    let place = three_pages();
    let circle = json!("eNocircle");
    place.sandbox.allow_complaints(); // the sandbox did not give that token out
    place.next(Endpoint::Audit, next_page(circle.clone()));
    place.next(Endpoint::Audit, move |reply| {
        let page = json!({"meta": {"status": 200, "pagination": {"next": circle}},
            "data": [{"id": "on the page that names itself"}], "fail": []});
        reply.become_reply(Reply::json(200, &page));
    });
    place.audit_says(65, "named a page of audit events twice");
    assert_eq!(place.count(Endpoint::Audit), 2, "P4: no circle");
    assert_eq!(place.audit_ids().len(), 501, "P1: what arrived is kept");
}

#[test]
fn a_next_page_that_is_no_token_is_not_taken_for_the_end() {
    let page_token = json!({"pageToken": "x"});
    for next in [json!({}), page_token, json!(7), json!([]), json!(true)] {
        println!("{next}");
        let place = three_pages();
        place.always(Endpoint::Audit, next_page(next));
        Audit.holds(&place, 76, "whose next page is not a token");
        Audit.recovers(&place);
    }
}

#[test]
fn events_that_arrive_while_pages_are_read_are_neither_lost_nor_repeated() {
    let place = three_pages();
    let pause = Duration::from_millis(600);
    place.next(Endpoint::Audit, changes::wire(Wire::StallAt(100, pause)));
    let child = place.spawn_until(AUDIT, Endpoint::Audit);
    // they push everything behind them to later pages
    add(&place, 5_000..5_130, TimeDelta::minutes(2));
    place.wait(child).stays_silent();
    Audit.recovers(&place);
}

#[test]
fn an_event_is_kept_whatever_is_missing_odd_or_unknown_in_it() {
    let odd = [
        "{}",
        r#"{"id":null,"user":null,"auditType":null,"eventTime":null,"eventInfo":null}"#,
        r#"{"id":7,"user":true,"auditType":[1],"eventTime":1764000000,"eventInfo":{"a":1e999}}"#,
        r#"{"id":"z","eventTime":"yesterday","newField":{"deep":[[[]]]},"user":"u","user":"v"}"#,
        r#"{"id":"0001","eventTime":"0001-01-01T00:00:00+0000"}"#,
        r#"{"id":"9999","eventTime":"9999-12-31T23:59:59+0000","eventInfo":"\ud800 lone"}"#,
    ];
    for format in ["json", "key_value"] {
        let place = Installation::configured(&format!(
            "[audit]\nformat = \"{format}\"\nfirst_look_back_days = 1"
        ));
        let time = Utc::now() - TimeDelta::minutes(20);
        let events = odd.map(|raw| AuditEvent::realistic(1, time).with_raw(raw));
        place.serve_events(events);
        place.audit().stays_silent();
        assert_eq!(place.lines("audit").len(), odd.len(), "P1: {format}");
        let ids = odd.iter().filter(|raw| raw.contains(r#""id":""#)).count();
        place.audit().stays_silent();
        // without an id two events are never taken for one, nor one for two
        let without = odd.len() - ids;
        assert!(place.lines("audit").len() <= odd.len() + without, "P2");
    }
}

#[test]
fn items_that_are_no_events_are_kept_raw_beside_the_events() {
    let place = Installation::configured(AUDIT_AS_JSON);
    let items = ["null", "[]", "7", "\"text\"", "[{\"id\":\"inside\"}]"];
    let time = Utc::now() - TimeDelta::hours(3);
    place.serve_events(items.map(|raw| AuditEvent::realistic(1, time).with_raw(raw)));
    add(&place, 10..30, TimeDelta::minutes(30));
    place.audit_says(65, "items that are not events");
    assert_eq!(place.audit_ids().len(), 20, "the events are published");
    let [raw, note] = place.quarantined().try_into().expect("bytes and a note");
    assert!(note.ends_with(".txt") && raw.ends_with(".raw"));
    let kept = fs::read_to_string(place.path("checkpoint/quarantine").join(raw)).expect("text");
    let mut kept: Vec<&str> = kept.lines().collect();
    kept.sort_unstable();
    let mut expected = items;
    expected.sort_unstable();
    assert_eq!(kept, expected);
    place.audit().stays_silent();
}

#[test]
fn bytes_that_are_no_utf_8_cost_the_letters_that_they_damage_and_nothing_else() {
    let place = Audit.behind();
    place.always(Endpoint::Audit, |reply| {
        let found = reply.body.windows(6).position(|window| window == b"Search");
        let at = found.expect("the vocabulary has it") + 1;
        flip(|_| at, b'e' ^ 0xff)(reply);
    });
    Audit.overcomes(&place);
    let lines = place.lines("audit").concat();
    let text = String::from_utf8(lines).expect("published lines are UTF-8");
    assert!(text.contains("S\u{fffd}arch"));
}

#[test]
fn a_page_that_ends_too_early_is_asked_for_again_and_then_held_back() {
    let place = three_pages();
    place.next(Endpoint::Audit, changes::truncated(2_000));
    Audit.overcomes(&place); // once it is a fault on the way
    let place = three_pages();
    for bytes in [1, 40] {
        place.always(Endpoint::Audit, changes::truncated(bytes));
        Audit.holds(&place, 76, "HTTP status 200");
        place.clear();
    }
    Audit.recovers(&place);
}

/// Something on the way that cuts long answers leaves short ones: smaller pages are asked for.
#[test]
fn an_audit_window_whose_pages_are_always_cut_arrives_in_smaller_ones() {
    let place = Installation::configured(AUDIT_AS_JSON);
    add(&place, 0..30, TimeDelta::minutes(20));
    place.always(Endpoint::Audit, changes::truncated(4_000));
    Audit.overcomes(&place);
}
