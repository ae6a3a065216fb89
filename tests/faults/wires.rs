//! What can happen on the way: cuts, stalls, trickles, framing that does not fit.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Collector, gzip, side_by_side};
use mimecast_sandbox::{Endpoint, Reply, Wire, changes};

const IMPATIENT: &str = "[network]\nretries = 1\nretry_wait_ms = 5\nidle_timeout_seconds = 1";

/// Ways of failing that a second attempt can mend.
fn broken_wires() -> Vec<Wire> {
    let pause = Duration::from_secs(30);
    vec![
        Wire::ResetNow,
        Wire::CutAt(0),
        Wire::CutAt(40),
        Wire::NoLength,
        Wire::Silent(pause),
        Wire::StallAt(0, pause),
        Wire::StallAt(40, pause),
    ]
}

/// Each call of each collector with each of these.
fn calls_with<T: Clone>(cases: &[T]) -> Vec<(Collector, Endpoint, T)> {
    let calls = Collector::calls().into_iter();
    calls
        .flat_map(|(collector, call)| {
            cases
                .iter()
                .map(move |case| (collector, call, case.clone()))
        })
        .collect()
}

#[test]
fn a_connection_that_breaks_once_is_asked_again_and_one_that_always_does_is_left_for_later() {
    side_by_side(calls_with(&broken_wires()), |(collector, call, wire)| {
        println!("{collector:?} {call:?} {wire:?}");
        let place = collector.behind_with(IMPATIENT);
        place.next(call, changes::wire(wire.clone()));
        collector.overcomes(&place);
        collector.refill(&place);
        place.always(call, changes::wire(wire));
        let before = place.count(call);
        let outcome = collector.holds(&place, 75, ": 127.0.0.1: ");
        assert!(outcome.took < Duration::from_secs(20), "P4: {outcome:?}");
        let objects = if call == Endpoint::Object { 2 } else { 1 };
        assert_eq!(place.count(call), before + 2 * objects);
        collector.recovers(&place);
    });
}

#[test]
fn slow_and_chunked_answers_are_as_good_as_any() {
    let every = Duration::from_millis(4);
    let wires = [Wire::Chunked, Wire::Drip { bytes: 400, every }];
    side_by_side(calls_with(&wires), |(collector, call, wire)| {
        println!("{collector:?} {call:?} {wire:?}");
        let place = collector.behind_with(IMPATIENT);
        place.always(call, changes::wire(wire));
        collector.overcomes(&place);
    });
}

#[test]
fn an_answer_that_never_ends_is_left_for_later() {
    side_by_side(Collector::calls(), |(collector, call)| {
        let network = "[network]\nretries = 0\nrequest_timeout_seconds = 1";
        let place = collector.behind_with(network);
        let every = Duration::from_millis(40);
        let trickle = changes::wire(Wire::Drip { bytes: 1, every });
        place.always(call, trickle);
        let outcome = collector.holds(&place, 75, "not complete after 1 s");
        assert!(outcome.took < Duration::from_secs(10), "P4: {outcome:?}");
        collector.recovers(&place);
    });
}

/// The rate is judged every half minute, so that the test waits for one.
#[test]
fn what_brings_next_to_nothing_is_given_up_and_what_is_slow_is_not() {
    let cases = [(Wire::TOO_SLOW, 60_000), (Wire::SLOW, 170_000)];
    side_by_side(cases, |(wire, bytes)| {
        let collector = Collector::Audit;
        let place = collector.behind_with("[network]\nretries = 0");
        let is_too_slow = wire == Wire::TOO_SLOW;
        place.next(Endpoint::Audit, move |reply: &mut Reply| {
            let mut body = reply.body.to_vec();
            body.resize(bytes, b' '); // blanks behind a document are part of it
            reply.set_body(body);
            reply.wire = wire.clone();
        });
        if is_too_slow {
            collector.holds(&place, 75, "arrived too slowly");
            collector.recovers(&place);
        } else {
            collector.overcomes(&place);
        }
    });
}

#[test]
fn an_answer_whose_end_could_be_a_cut_is_not_taken() {
    let wires = [Wire::NoLength, Wire::ChunkedGzip, Wire::GzipChunked];
    side_by_side(calls_with(&wires), |(collector, call, wire)| {
        println!("{collector:?} {call:?} {wire:?}");
        let place = collector.behind_with(IMPATIENT);
        place.always(call, changes::wire(wire));
        collector.holds(&place, 75, "its end could be a cut");
        collector.recovers(&place);
    });
}

/// Bytes instead of an answer, and the exit code.
fn raw_answers() -> Vec<(String, i32)> {
    let many = "x-filler: 0123456789\r\n".repeat(1_000);
    let huge = "y".repeat(512 << 10);
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunked = format!("{ok}transfer-encoding: chunked\r\n\r\n");
    vec![
        ("220 mail.example.com ESMTP\r\n\r\n".to_owned(), 75),
        ("HTTP/1.1 200 O".to_owned(), 75),
        ("HTTP/1.1 99999 OK\r\n\r\n".to_owned(), 75),
        (
            format!("{ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!"),
            75,
        ),
        (
            format!("{ok}content-length: 99999999999999999999\r\n\r\nx"),
            75,
        ),
        (format!("{ok}content-length: -1\r\n\r\nx"), 75),
        (format!("{ok}content-length: 7\r\n\r\nhello"), 75),
        (
            format!("{ok}x-odd: a\u{1}b\r\ncontent-length: 0\r\n\r\n"),
            75,
        ),
        (format!("{ok}{many}content-length: 0\r\n\r\n"), 75),
        (
            format!("{ok}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            75,
        ),
        (format!("{ok} folded: yes\r\ncontent-length: 0\r\n\r\n"), 75),
        (format!("{ok}transfer-encoding: gzip\r\n\r\nhello"), 75),
        (
            format!("{ok}x-huge: {huge}\r\ncontent-length: 0\r\n\r\n"),
            75,
        ),
        (format!("{chunked}zz\r\nhello\r\n"), 75),
        (format!("{chunked}5\r\nhello\r\n"), 75),
        (format!("{chunked}ffffffffffffffffffff\r\nhello\r\n"), 75),
        (format!("{chunked}5;{huge}\r\nhello\r\n"), 75),
        (format!("{chunked}5\r\nhelloX\r\n0\r\n\r\n"), 75),
        (format!("{chunked}5\r\nhello\r\n0\r\nx: {huge}\r\n\r\n"), 75),
        (format!("{chunked}-5\r\nhello\r\n0\r\n\r\n"), 75),
        (
            format!(
                "{ok}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            ),
            76,
        ),
        (
            format!("{ok}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{{}}"),
            76,
        ),
        (
            format!("{ok}content-encoding: br, gzip\r\ncontent-length: 2\r\n\r\n{{}}"),
            76,
        ),
        (format!("{ok}upgrade: h2c\r\n\r\n"), 75),
    ]
}

#[test]
fn answers_that_are_no_http_are_never_taken_for_anything() {
    side_by_side(Collector::calls(), |(collector, call)| {
        let place = collector.behind();
        for (bytes, code) in raw_answers() {
            if call == Endpoint::Object && code == 76 {
                continue; // HTTP after all: whatever a store says with 200 is the object
            }
            println!("{collector:?} {call:?} {}", &bytes[..bytes.len().min(80)]);
            place.always(call, move |reply: &mut Reply| {
                reply.set_body(bytes.as_bytes());
                reply.wire = Wire::Raw;
            });
            collector.holds(&place, code, "");
            collector.recovers(&place);
            collector.refill(&place);
        }
    });
}

#[test]
fn an_answer_that_was_compressed_though_not_asked_for_is_not_stored_as_logs() {
    for (collector, call) in Collector::calls() {
        let place = collector.behind();
        for coding in [
            "gzip",
            "GZIP",
            "deflate",
            "br",
            "zstd",
            "gzip, gzip",
            "x-unknown",
        ] {
            place.always(call, changes::header("content-encoding", coding));
            if call == Endpoint::Object {
                collector.overcomes(&place); // a gzip file in any case, whatever a store calls that
            } else {
                collector.holds(&place, 76, "compressed answer, which was not requested");
            }
            collector.recovers(&place);
            collector.refill(&place);
        }
        let identity = changes::header("content-encoding", "identity");
        place.always(call, identity);
        collector.overcomes(&place);
    }
}

/// What is packed in one more layer than its name says is nothing that was understood.
#[test]
fn an_answer_in_one_more_layer_of_gzip_is_refused_or_kept_raw_and_never_published() {
    let packed = |reply: &mut Reply| {
        if reply.body.starts_with(b"{\"meta\":{\"isLast") {
            return; // nothing is waiting: there is nothing to pack
        }
        let layer = gzip(&reply.body);
        reply.set_body(layer);
    };
    for (collector, call) in Collector::calls() {
        let place = collector.behind();
        place.always(call, packed);
        let published = place.files(collector.folder());
        match (collector, call) {
            (Collector::Siem, _) => {
                // it came with a token: an archive that cannot be read, twice the same
                collector.run(&place).ends_with(65).says("does not start");
                assert_eq!(place.files("mta"), published);
                assert_eq!(place.quarantined().len(), 4, "both archives with a note");
            }
            // an object of gzip bytes, one level down: its lines are what was packed
            (_, Endpoint::Object) => {}
            _ => {
                collector.holds(&place, 76, "HTTP status 200");
                collector.recovers(&place);
            }
        }
    }
}

#[test]
fn a_body_longer_than_declared_spoils_neither_its_own_answer_nor_the_next() {
    for (collector, call) in Collector::calls() {
        let place = collector.behind();
        place.next(call, |reply| {
            let honest = reply.body.len().to_string();
            let more = &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"[..];
            reply.set_body([&*reply.body, more].concat());
            reply.set_header("content-length", &honest);
        });
        collector.overcomes(&place);
    }
}

#[test]
fn the_connection_breaks_in_the_middle_of_a_drain_and_the_next_run_goes_on_there() {
    let place = Collector::Siem.behind();
    Collector::Siem.refill(&place);
    place.next(Collector::Siem.endpoint(), |_| ());
    for _ in 0..3 {
        place.next(Collector::Siem.endpoint(), changes::wire(Wire::CutAt(300)));
    }
    let before = place.files("mta").len();
    Collector::Siem.run(&place).ends_with(75);
    assert!(place.files("mta").len() > before, "the first of four");
    Collector::Siem.recovers(&place);
}

#[test]
fn signed_requests_are_told_apart_even_when_they_are_repeated_within_one_second() {
    for (collector, call) in Collector::BOTH.map(|both| (both, both.endpoint())) {
        let place = collector.behind();
        let before = place.requests().len();
        place.next(call, changes::wire(Wire::ResetNow));
        place.next(call, changes::wire(Wire::ResetNow));
        collector.overcomes(&place);
        let requests = place.requests().split_off(before);
        let signatures = requests.iter().map(|seen| seen.header("authorization"));
        let signatures: BTreeSet<_> = signatures.map(|one| one.expect("signed")).collect();
        assert_eq!(signatures.len(), requests.len(), "each has its own");
        assert!(requests.len() >= 3, "two failures and a success");
    }
}
