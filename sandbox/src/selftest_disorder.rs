//! Proof that disorder comes where a test puts it, and nowhere else.

use std::io::Read as _;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::by_hand::{Answer, Call, audit, siem, unpack};
use crate::changes::{self, Failing};
use crate::{
    AuditEvent, AuditMiss, Batch, EmptyPages, Endpoint, Sandbox, TotalCount, Wire, ZipEntry, at,
};

type Window = (DateTime<Utc>, DateTime<Utc>);

/// A journal of that many events, one a second, and the window that holds them.
fn journal(events: u64) -> (Sandbox, Window) {
    let sandbox = Sandbox::start();
    let end = Utc::now() - TimeDelta::minutes(1);
    let times = (0..events).map(|n| AuditEvent::realistic(n, end - TimeDelta::seconds(n as i64)));
    sandbox.audit(times);
    (sandbox, (end - TimeDelta::hours(1), end))
}

/// The number of items of each page of a window, and all ids.
fn read(sandbox: &Sandbox, window: Window) -> (Vec<usize>, Vec<String>) {
    let (mut pages, mut ids, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let page = audit(window, token.as_deref()).send(sandbox).json();
        let items = page["data"].as_array().expect("a list");
        pages.push(items.len());
        let id = |item: &Value| item["id"].as_str().expect("a text").to_owned();
        ids.extend(items.iter().map(id));
        token = page["meta"]["pagination"]["next"]
            .as_str()
            .map(str::to_owned);
        if token.is_none() {
            ids.sort_unstable();
            return (pages, ids);
        }
    }
}

fn all(sandbox: &Sandbox) -> Vec<String> {
    let mut ids = sandbox.audit_ids();
    ids.sort_unstable();
    ids
}

#[test]
fn alters_one_item_among_others() {
    let (sandbox, window) = journal(25);
    sandbox.always_at(Endpoint::Audit, at::page_after(10), changes::status(503));
    let later = (window.0, window.1 - TimeDelta::seconds(20));
    let first = audit(window, None).send(&sandbox);
    let token = first.json()["meta"]["pagination"]["next"].clone();
    let second = || audit(window, token.as_str()).send(&sandbox);
    for _ in 0..2 {
        assert_eq!((first.status, second().status), (200, 503));
    }
    assert_eq!(sandbox.requests().last().map(|seen| seen.status), Some(503));
    sandbox.clear();
    assert_eq!(second().status, 200);
    let refused = changes::times(2, changes::status(500));
    let newest = at::both(at::first_page(), at::window_of(window.1));
    sandbox.always_at(Endpoint::Audit, newest, refused);
    let statuses = [window, later, window, window].map(|window| {
        let answer = audit(window, None).send(&sandbox);
        answer.status
    });
    assert_eq!(statuses, [500, 200, 500, 200]);
    assert_eq!(second().status, 200);

    for seed in 0..3 {
        sandbox.serve(Batch::realistic(seed, 5));
    }
    sandbox.always_at(Endpoint::Siem, at::batch(1), changes::no_bytes());
    let mut token = String::new();
    let sizes = [(); 3].map(|()| {
        let answer = siem(&token, "key_value").send(&sandbox);
        token = answer.header("mc-siem-token").to_owned();
        assert_ne!(answer.header("content-disposition"), "");
        answer.body.len()
    });
    assert!(sizes[0] > 100 && sizes[1] == 0 && sizes[2] > 100);
}

#[test]
fn fails_in_every_way() {
    let sandbox = Sandbox::start();
    let ask = || Call::new(Endpoint::Account, &json!({"data": []})).send(&sandbox);
    let good = ask();
    for failing in Failing::ALL {
        if failing == Failing::Silent {
            continue; // half a minute
        }
        sandbox.next(Endpoint::Account, failing.change());
        if failing == Failing::WrongLength {
            let call = Call::new(Endpoint::Account, &json!({"data": []}));
            let said = send_raw(&sandbox, &call);
            let declared = format!("content-length: {}\r\n", good.body.len() + 1);
            assert!(said.contains(&declared) && said.ends_with('}'), "{said}");
            continue;
        }
        let answer = ask();
        let is_same = (answer.status, &answer.body) == (200, &good.body);
        assert_eq!(is_same, failing == Failing::Unpacked, "{failing:?}");
    }
}

/// Everything that comes until the server hangs up.
fn send_raw(sandbox: &Sandbox, call: &Call) -> String {
    String::from_utf8_lossy(&send_bytes(sandbox, call)).into_owned()
}

fn send_bytes(sandbox: &Sandbox, call: &Call) -> Vec<u8> {
    use std::io::Write as _;
    let mut stream = crate::by_hand::connect(sandbox);
    stream.write_all(&call.request()).expect("sent");
    let mut said = Vec::new();
    stream.read_to_end(&mut said).expect("it hangs up");
    said
}

#[test]
fn packs_and_chunks_in_both_orders() {
    let sandbox = Sandbox::start();
    let call = || Call::new(Endpoint::Account, &json!({"data": []}));
    let plain = call().send(&sandbox).body;
    for (wire, coding) in [
        (Wire::GzipChunked, "gzip, chunked"),
        (Wire::ChunkedGzip, "chunked, gzip"),
    ] {
        let chunks_inside = wire == Wire::ChunkedGzip;
        sandbox.always(Endpoint::Account, changes::wire(wire));
        sandbox.always(Endpoint::Account, changes::header("connection", "close"));
        let mut said = send_bytes(&sandbox, &call());
        sandbox.clear();
        let text = String::from_utf8_lossy(&said).into_owned();
        assert!(text.contains(&format!("transfer-encoding: {coding}\r\n")));
        assert!(!text.contains("content-length"));
        let end = said.windows(4).position(|four| four == b"\r\n\r\n");
        let mut body = said.split_off(end.expect("a head") + 4);
        if chunks_inside {
            body = gunzip(&body);
        }
        let mut inner = unchunk(&body);
        if !chunks_inside {
            inner = gunzip(&inner);
        }
        assert_eq!(inner, plain);
    }
    let [slow, too_slow] = [Wire::SLOW, Wire::TOO_SLOW].map(|wire| match wire {
        Wire::Drip { bytes, every } => bytes as u128 * 30_000 / every.as_millis(),
        _ => unreachable!("both drip"),
    });
    assert!(too_slow < 30 * 1024 && slow > 60 * 1024);
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let read = GzDecoder::new(bytes).read_to_end(&mut text);
    read.expect("one sound member");
    text
}

/// The content of one chunk and its end.
fn unchunk(bytes: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(2)
        .position(|two| two == b"\r\n")
        .expect("a size");
    let size = std::str::from_utf8(&bytes[..at]).expect("digits");
    let size = usize::from_str_radix(size, 16).expect("digits");
    let (chunk, rest) = bytes[at + 2..].split_at(size);
    assert_eq!(rest, b"\r\n0\r\n\r\n");
    chunk.to_vec()
}

/// Empty pages, each with the number of the page before, and the items of all pages.
type Case = (&'static [(usize, usize)], &'static [usize]);

#[test]
fn puts_empty_pages_between_two_others() {
    let (sandbox, window) = journal(25);
    let whole = all(&sandbox);
    let cases: [Case; 5] = [
        (&[], &[10, 10, 5]),
        (&[(1, 1)], &[10, 0, 10, 5]),
        (&[(2, 7)], &[10, 10, 0, 0, 0, 0, 0, 0, 0, 5]),
        (&[(0, 2)], &[0, 0, 10, 10, 5]),
        (&[(1, 1), (3, 2)], &[10, 0, 10, 5, 0, 0, 0]),
    ];
    for (empty, sizes) in cases {
        let empty = empty.iter().map(|(after, pages)| EmptyPages {
            after: *after,
            pages: *pages,
        });
        let empty: Vec<EmptyPages> = empty.collect();
        sandbox.set(|switches| switches.empty_audit_pages = empty);
        let (pages, ids) = read(&sandbox, window);
        assert_eq!(ids, whole);
        assert_eq!(pages, sizes);
    }
    sandbox.set(|switches| {
        switches.empty_audit_pages.clear();
        switches.audit_page_items = Some(7);
    });
    assert_eq!(read(&sandbox, window).0, [7, 7, 7, 4]);
}

#[test]
fn counts_right_and_wrong_and_misses_some_once() {
    let (sandbox, window) = journal(25);
    let whole = all(&sandbox);
    let counted = |count| {
        sandbox.set(|switches| switches.total_count = count);
        let page = audit(window, None).send(&sandbox).json();
        page["meta"]["pagination"]["totalCount"].clone()
    };
    assert_eq!(counted(TotalCount::Absent), Value::Null);
    assert_eq!(counted(TotalCount::Off(2)), json!(27));
    assert_eq!(counted(TotalCount::Off(-30)), json!(0));
    assert_eq!(counted(TotalCount::Exact), json!(25));
    let miss = |at, events| AuditMiss { at, events };
    sandbox.set(|switches| switches.audit_misses = vec![miss(12, 3), miss(0, 1), miss(25, 1)]);
    let (pages, ids) = read(&sandbox, window);
    assert_eq!((pages, ids.len()), (vec![10, 10, 2], 22));
    assert!(ids.iter().all(|id| whole.contains(id)));
    assert_eq!(read(&sandbox, window).1.len(), 24);
    assert_eq!(counted(TotalCount::Exact), json!(25));
    assert_eq!(
        read(&sandbox, window).1,
        whole,
        "25 events do not reach that far"
    );
    assert_eq!(sandbox.requests().len(), 4 + 3 + 3 + 1 + 3);
}

#[test]
fn sends_items_that_are_odd_and_items_that_only_look_so() {
    let (sandbox, window) = journal(0);
    let time = window.1 - TimeDelta::minutes(5);
    let event = |n| AuditEvent::realistic(n, time);
    sandbox.audit([
        event(1),
        event(1).rearranged(),
        event(1).with_info("other words"),
    ]);
    let page = audit(window, None).send(&sandbox);
    let items = page.json()["data"].as_array().expect("a list").clone();
    assert_eq!(items[1], items[2], "the same event in another form");
    assert_ne!(items[0], items[1]);
    assert_eq!(items[0]["id"], items[1]["id"]);
    assert!(page.text().contains("{ \"user\" :\t"));
    assert_eq!((all(&sandbox).len(), sandbox.audit_events().len()), (2, 3));
    sandbox.set(|switches| switches.audit_forms_differ = true);
    let [one, other] = [(); 2].map(|()| audit(window, None).send(&sandbox));
    assert_ne!(one.body, other.body);
    assert_eq!(one.json(), other.json());

    for (n, odd) in (2..).zip([AuditEvent::with_control_character, AuditEvent::broken]) {
        let (sandbox, _) = journal(0);
        sandbox.audit([event(n + 10), odd(event(n)), event(n + 20)]);
        let answer = audit(window, None).send(&sandbox);
        assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
        assert_eq!(
            (all(&sandbox).len(), sandbox.readable_audit_ids().len()),
            (3, 2)
        );
    }
    let (sandbox, _) = journal(0);
    sandbox.audit((0..10).map(|n| event(n).of_size(40_000)));
    let size = |answer: Answer| answer.body.len();
    assert!(size(audit(window, None).send(&sandbox)) > 400_000);
}

#[test]
fn packs_an_archive_anew_for_each_answer() {
    let sandbox = Sandbox::start();
    let entries = [
        ZipEntry::new("receipt_20261120000000000.siem", "datetime=1\n"),
        ZipEntry::symlink("link", "/etc/passwd"),
    ];
    sandbox.serve(Batch::repacked_each_time(entries).with_lines(["datetime=1"]));
    let bodies = [(); 3].map(|()| siem("", "key_value").send(&sandbox).body);
    assert!(bodies[0] != bodies[1] && bodies[1] != bodies[2]);
    for body in &bodies {
        let members = unpack(body);
        assert_eq!(members[0].1, "datetime=1\n");
        assert_eq!(members[1].0, "link");
    }
    assert_eq!(sandbox.siem_lines(), [b"datetime=1"]);
}
