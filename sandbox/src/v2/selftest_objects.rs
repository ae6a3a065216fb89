//! Proof that the object store gives its objects to presigned addresses alone, in every state of repair.

use std::collections::HashSet;
use std::io::Read as _;

use chrono::Utc;
use flate2::read::{GzDecoder, MultiGzDecoder};
use serde_json::Value;

use super::by_hand::{Ask, addresses, download, fresh, list, recently, unpack};
use crate::{CG_TYPES, CI_TYPES, Endpoint, Object, Sandbox, Wire, changes};

/// The addresses of a type's first page.
fn listed(sandbox: &Sandbox, log_type: &str) -> Vec<String> {
    let token = fresh(sandbox);
    addresses(&list(&token, log_type, &recently()).send(sandbox).json())
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    text.split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec())
        .collect()
}

#[test]
fn gives_each_type_its_records() {
    let sandbox = Sandbox::start();
    for log_type in CG_TYPES.into_iter().chain(CI_TYPES) {
        sandbox.serve_objects(log_type, (0..2).map(|seed| Object::realistic(seed, 60)));
        let mut text = Vec::new();
        for address in listed(&sandbox, log_type) {
            let answer = download(&address);
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, "application/gzip")
            );
            assert_eq!(answer.header("content-encoding"), "");
            text.extend(unpack(&answer.body));
        }
        assert_eq!(lines(&text), sandbox.object_lines(log_type));
        let mut orders = HashSet::new();
        for line in lines(&text) {
            let event: Value = serde_json::from_slice(&line).expect("a JSON line");
            assert_eq!(event["type"], log_type);
            for (name, kind) in [
                ("timestamp", "i64"),
                ("_offset", "u64"),
                ("_partition", "u64"),
            ] {
                assert!(event[name].is_i64(), "{name} is no {kind}");
            }
            assert!(event["accountId"].is_string() && event.get("subtype").is_some());
            let again = serde_json::to_vec(&event).expect("JSON");
            orders.insert(again == line);
        }
        assert!(
            orders.contains(&false),
            "a client that writes anew gives itself away"
        );
    }
    let all = sandbox.all_object_lines();
    let text = all.iter().map(|line| String::from_utf8_lossy(line));
    let text: String = text.collect();
    for trap in ["ü", "東京", "\\\"", "\\/", ":null", "\"9", "[]"] {
        assert!(text.contains(trap), "{trap}");
    }
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 13 * 120);
    assert_eq!(sandbox.count(Endpoint::Object), 26);
}

#[test]
fn packs_every_kind_of_file() {
    let sandbox = Sandbox::start();
    let whole = || Object::realistic(7, 30);
    sandbox.serve_objects(
        "receipt",
        [
            whole().in_members(4),
            whole().without_final_newline(),
            Object::empty(),
            Object::text(""),
            Object::lines(["a", "", "b"]).and_blank_line(),
            Object::lines(["a"])
                .and_invalid_utf8()
                .and_long_line(200 * 1024)
                .and_broken_json(),
            Object::raw(*b"no gzip").with_lines(["told"]),
            whole().corrupt(),
            whole().cut_at(100),
        ],
    );
    let bodies = listed(&sandbox, "receipt");
    let bodies: Vec<Vec<u8>> = bodies.iter().map(|url| download(url).body).collect();
    let text = unpack(&bodies[0]);
    let mut first = Vec::new();
    let read = GzDecoder::new(bodies[0].as_slice()).read_to_end(&mut first);
    assert!(
        read.is_ok() && first.len() < text.len() / 3,
        "the first of four members"
    );
    assert_eq!(lines(&text).len(), 30);
    assert_eq!(
        unpack(&bodies[1]),
        text.strip_suffix(b"\n").expect("a line break")
    );
    assert_eq!(bodies[2], b"");
    assert_eq!((unpack(&bodies[3]).len(), bodies[3].len()), (0, 20));
    assert_eq!(unpack(&bodies[4]), b"a\n\nb\n\n");
    let odd = unpack(&bodies[5]);
    assert!(String::from_utf8(odd.clone()).is_err());
    assert!(lines(&odd)[2].len() > 200 * 1024);
    assert_eq!(bodies[6], b"no gzip");
    for damaged in &bodies[7..] {
        let read = MultiGzDecoder::new(damaged.as_slice()).read_to_end(&mut Vec::new());
        assert!(read.is_err());
    }
    let ledger = sandbox.object_lines("receipt");
    assert_eq!(ledger.len(), 30 + 30 + 4 + 4 + 1);
    assert_eq!(ledger[..30], ledger[30..60]);
    assert_eq!(ledger[60..64], [&b"a"[..], b"", b"b", b""]);
    assert_eq!(ledger[68], b"told");
}

#[test]
fn lets_addresses_lapse() {
    let sandbox = Sandbox::start();
    sandbox.serve_objects("av", [Object::realistic(1, 1), Object::missing()]);
    sandbox.set(|switches| switches.address_uses = Some(1));
    let urls = listed(&sandbox, "av");
    assert_eq!(
        (download(&urls[0]).status, download(&urls[1]).status),
        (200, 404)
    );
    let refused = download(&urls[0]);
    assert_eq!(
        (refused.status, refused.header("content-type")),
        (403, "application/xml")
    );
    assert!(refused.text().contains("<Code>AccessDenied</Code>"));
    let urls = listed(&sandbox, "av");
    sandbox.expire_addresses();
    assert_eq!(download(&urls[0]).status, 403);
    sandbox.set(|switches| switches.address_life_ms = 0);
    assert_eq!(download(&listed(&sandbox, "av")[0]).status, 403);

    sandbox.set(|switches| {
        switches.address_life_ms = 60_000;
        switches.object_content_type = "binary/octet-stream".to_owned();
    });
    let url = listed(&sandbox, "av").remove(0);
    assert!(url.contains("X-Amz-Expires=60&"));
    let decoded = url.replace("%2F", "/");
    let respelled = [
        decoded,
        url.replace("part-000000", "part-000001"),
        url[..url.len() - 1].to_owned(),
    ];
    for url in respelled {
        let refused = download(&url);
        assert_eq!(refused.status, 403);
        assert!(
            refused
                .text()
                .contains("<Code>SignatureDoesNotMatch</Code>")
        );
    }
    assert_eq!(download(&url).header("content-type"), "binary/octet-stream");
    sandbox.purge_objects("av", 1);
    sandbox.set(|switches| switches.address_uses = None);
    assert_eq!(download(&url).status, 404);
    assert_eq!(sandbox.object_lines("av").len(), 1, "it was obtainable");
    assert_eq!(sandbox.downloads("av").len(), 10);
    assert_eq!(sandbox.list_calls("av"), 4);
    assert!(sandbox.complaints().is_empty());
}

#[test]
fn wants_no_credentials() {
    let sandbox = Sandbox::start();
    sandbox.allow_complaints();
    sandbox.serve_objects("spam", Object::realistic(1, 1));
    let url = listed(&sandbox, "spam").remove(0);
    let target = url
        .strip_prefix(&sandbox.url())
        .expect("the same port")
        .to_owned();
    let ask = |method| Ask {
        method,
        target: target.clone(),
        headers: Vec::new(),
        body: String::new(),
    };
    let token = sandbox.tokens().remove(0);
    let with = [
        ask("GET").with("Authorization", &format!("Bearer {token}")),
        ask("GET").with("x-mc-app-id", "1"),
        ask("GET").with("Accept", "application/json"),
    ];
    for ask in &with {
        let refused = ask.send(&sandbox);
        assert_eq!(
            (refused.status, refused.header("content-type")),
            (400, "application/xml")
        );
    }
    assert_eq!(ask("POST").send(&sandbox).status, 405);
    assert_eq!(sandbox.complaints().len(), 4);
    assert_eq!(ask("GET").send(&sandbox).status, 200);
}

#[test]
fn moves_the_store_to_a_port_of_its_own() {
    let sandbox = Sandbox::start();
    sandbox.serve_objects("spam", Object::realistic(1, 5));
    let before = listed(&sandbox, "spam").remove(0);
    sandbox.separate_object_store();
    let url = listed(&sandbox, "spam").remove(0);
    assert!(!url.starts_with(&sandbox.url()));
    assert_eq!(
        lines(&unpack(&download(&url).body)),
        sandbox.object_lines("spam")
    );
    assert_eq!(
        sandbox.requests().last().map(|seen| seen.endpoint),
        Some(Some(Endpoint::Object))
    );

    sandbox.next(Endpoint::Object, changes::wire(Wire::CutAt(10)));
    assert_eq!(download(&url).body.len(), 10);
    sandbox.next(Endpoint::Object, changes::store_error(503, "SlowDown"));
    assert_eq!(download(&url).status, 503);
    assert!(sandbox.complaints().is_empty());

    sandbox.allow_complaints();
    assert_eq!(download(&before).status, 404, "no longer there");
    let at = url.find("/objects/").expect("an object");
    let stray = list(&sandbox.tokens()[0], "spam", &recently());
    assert_eq!(stray.send_to(&url[..at]).status, 404);
    assert_eq!(sandbox.complaints().len(), 2);
}

#[test]
fn repeats_itself() {
    let one = Sandbox::start();
    let other = Sandbox::start();
    let time = Utc::now();
    for sandbox in [&one, &other] {
        sandbox.serve_objects("mailflow", Object::realistic(3, 9));
        sandbox.serve_objects(
            "mailflow",
            Object::realistic_at(4, 9, time).named("x.json.gz"),
        );
    }
    assert_eq!(one.all_object_lines(), other.all_object_lines());
    assert_eq!(
        one.object_names("mailflow"),
        ["part-000000.json.gz", "x.json.gz"]
    );
}
