//! An answer of 16 MB of anything takes no more memory than it is promised.

use std::fs;
use std::time::{Duration, Instant};

use crate::audit::{JSON, place as audit_place};
use crate::harness::{AUDIT, Installation, SIEM};
use mimecast_sandbox::{Endpoint, Reply};

/// Two of the largest answers, and what the program itself needs.
const MEGABYTES: u64 = 64;

fn json(reply: &mut Reply, text: &str) {
    reply.status = 200;
    reply.set_header("content-type", "application/json");
    reply.set_body(text.as_bytes().to_vec());
}

/// Runs a program for a while; returns the most memory that it has had, in megabytes.
fn peak_of(place: &Installation, program: &str) -> u64 {
    let child = place.spawn(program);
    let path = format!("/proc/{}/status", child.id());
    let (mut peak, began) = (0, Instant::now());
    while began.elapsed() < Duration::from_secs(20) {
        let Ok(text) = fs::read_to_string(&path) else {
            break;
        };
        let Some(line) = text.lines().find(|line| line.starts_with("VmHWM")) else {
            break; // it has ended
        };
        let kilobytes = line.split_whitespace().nth(1);
        let kilobytes: u64 = kilobytes.and_then(|text| text.parse().ok()).unwrap_or(0);
        peak = peak.max(kilobytes / 1_024);
        std::thread::sleep(Duration::from_millis(5));
    }
    place.kill(child);
    assert!(peak > 5, "the program was seen: {peak} MB");
    peak
}

/// Members of the size of an answer: one of many small members, one of one large text, one of depth.
fn large() -> [String; 4] {
    let size = 14 << 20;
    let many = "\"a\":1,".repeat(size / 6);
    let text = "x".repeat(size);
    let deep = size / 2;
    [
        format!("{{{many}\"b\":2}}"),
        format!("{{\"pagination\":{{{many}\"b\":2}}}}"),
        format!("\"{text}\""),
        format!("{}{}", "[".repeat(deep), "]".repeat(deep)),
    ]
}

#[test]
fn an_audit_page_with_a_large_meta() {
    for meta in large() {
        let place = audit_place(JSON);
        place.always(Endpoint::Audit, move |reply| {
            json(reply, &format!("{{\"meta\":{meta},\"data\":[]}}"));
        });
        let peak = peak_of(&place, AUDIT);
        assert!(peak <= MEGABYTES, "{peak} MB");
    }
}

#[test]
fn an_audit_page_of_many_small_items() {
    for item in ["1,", "{},", "\"\",", "{\"id\":1},"] {
        let place = audit_place(JSON);
        place.always(Endpoint::Audit, move |reply| {
            let items = item.repeat((14 << 20) / item.len());
            json(reply, &format!("{{\"meta\":{{}},\"data\":[{items}1]}}"));
        });
        let peak = peak_of(&place, AUDIT);
        assert!(peak <= MEGABYTES, "{item} {peak} MB");
    }
}

#[test]
fn a_list_with_large_members() {
    for member in large() {
        let place = Installation::of_types("receipt");
        place.always(Endpoint::Events, move |reply| {
            json(reply, &format!("{{\"meta\":{member},\"value\":[]}}"));
        });
        let peak = peak_of(&place, SIEM);
        assert!(peak <= MEGABYTES, "{peak} MB");
    }
}

/// Letters that grow when they are written, and where they stand.
const ODD_LETTERS: [(&str, &str); 3] = [
    ("\t", "eventInfo"),
    ("\u{85}", "eventInfo"),
    ("\\n", "user"),
];

#[test]
fn an_audit_item_of_odd_letters() {
    for (letter, name) in ODD_LETTERS {
        let place = audit_place(JSON);
        place.always(Endpoint::Audit, move |reply| {
            let text = letter.repeat((14 << 20) / letter.len());
            let item = format!("{{\"id\":\"1\",\"{name}\":\"{text}\"}}");
            json(reply, &format!("{{\"meta\":{{}},\"data\":[{item}]}}"));
        });
        let peak = peak_of(&place, AUDIT);
        assert!(peak <= MEGABYTES, "{letter:?} {peak} MB");
    }
}

#[test]
fn a_token_with_a_large_answer() {
    let place = Installation::connected_by_token();
    place.always(Endpoint::Token, |reply| {
        let many = "1,".repeat(7 << 20);
        json(
            reply,
            &format!("{{\"access_token\":\"t\",\"a\":[{many}1]}}"),
        );
    });
    let peak = peak_of(&place, SIEM);
    assert!(peak <= MEGABYTES, "{peak} MB");
}

#[test]
fn an_answer_of_bytes_that_are_no_text() {
    let place = audit_place(JSON);
    place.always(Endpoint::Audit, |reply| {
        json(reply, "");
        reply.set_body(vec![0xfc; 15 << 20]);
    });
    let peak = peak_of(&place, AUDIT);
    assert!(peak <= MEGABYTES, "{peak} MB");
}
