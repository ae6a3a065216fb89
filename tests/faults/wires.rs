//! What can happen on the way: cuts, stalls, trickles, framing that does not fit.

use std::time::Duration;

use super::{Collector, side_by_side};
use crate::sandbox::{Reply, Wire, changes};

const IMPATIENT: &str = "[network]\nretries = 1\nretry_wait_ms = 5\nidle_timeout_seconds = 1";

/// Ways of failing that a second attempt can mend.
fn broken_wires() -> Vec<Wire> {
    let pause = Duration::from_millis(1_600);
    vec![
        Wire::ResetNow,
        Wire::CutAt(0),
        Wire::CutAt(200),
        Wire::NoLength,
        Wire::Silent(pause),
        Wire::StallAt(0, pause),
        Wire::StallAt(200, pause),
    ]
}

fn both_with<T: Clone>(cases: &[T]) -> Vec<(Collector, T)> {
    let both = Collector::BOTH.into_iter();
    both.flat_map(|collector| cases.iter().map(move |case| (collector, case.clone())))
        .collect()
}

#[test]
fn a_connection_that_breaks_once_is_asked_again_and_one_that_always_does_is_left_for_later() {
    side_by_side(both_with(&broken_wires()), |(collector, wire)| {
        println!("{collector:?} {wire:?}");
        let place = collector.behind_with(IMPATIENT);
        place
            .sandbox
            .next(collector.endpoint(), changes::wire(wire.clone()));
        collector.overcomes(&place);
        collector.refill(&place);
        place
            .sandbox
            .always(collector.endpoint(), changes::wire(wire));
        let before = place.sandbox.count(collector.endpoint());
        let outcome = collector.holds(&place, 75, "could not be reached: 127.0.0.1");
        assert!(outcome.took < Duration::from_secs(20), "P4: {outcome:?}");
        assert_eq!(place.sandbox.count(collector.endpoint()), before + 2);
        collector.recovers(&place);
    });
}

#[test]
fn slow_and_chunked_answers_are_as_good_as_any() {
    let every = Duration::from_millis(4);
    let wires = [Wire::Chunked, Wire::Drip { bytes: 400, every }];
    side_by_side(both_with(&wires), |(collector, wire)| {
        println!("{collector:?} {wire:?}");
        let place = collector.behind_with(IMPATIENT);
        place
            .sandbox
            .always(collector.endpoint(), changes::wire(wire));
        collector.overcomes(&place);
    });
}

#[test]
fn an_answer_that_never_ends_is_left_for_later() {
    side_by_side(Collector::BOTH, |collector| {
        let network = "[network]\nretries = 0\nrequest_timeout_seconds = 1";
        let place = collector.behind_with(network);
        let every = Duration::from_millis(20);
        let trickle = changes::wire(Wire::Drip { bytes: 1, every });
        place.sandbox.always(collector.endpoint(), trickle);
        let outcome = collector.holds(&place, 75, "not complete after 1 s");
        assert!(outcome.took < Duration::from_secs(10), "P4: {outcome:?}");
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
            format!("{ok}x-huge: {huge}\r\ncontent-length: 0\r\n\r\n"),
            75,
        ),
        (format!("{chunked}zz\r\nhello\r\n"), 75),
        (format!("{chunked}5\r\nhello\r\n"), 75),
        (format!("{chunked}ffffffffffffffffffff\r\nhello\r\n"), 75),
        (format!("{chunked}5;{huge}\r\nhello\r\n"), 75),
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
    for collector in Collector::BOTH {
        let place = collector.behind();
        for (bytes, code) in raw_answers() {
            println!("{collector:?} {}", &bytes[..bytes.len().min(80)]);
            place
                .sandbox
                .always(collector.endpoint(), move |reply: &mut Reply| {
                    reply.set_body(bytes.as_bytes());
                    reply.wire = Wire::Raw;
                });
            collector.holds(&place, code, "");
            collector.recovers(&place);
            collector.refill(&place);
        }
    }
}

#[test]
fn an_answer_that_was_compressed_though_not_asked_for_is_not_stored_as_logs() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        let gzip = changes::header("content-encoding", "gzip");
        place.sandbox.always(collector.endpoint(), gzip);
        collector.holds(&place, 76, "compressed though not asked for");
        collector.recovers(&place);
        collector.refill(&place);
        let identity = changes::header("content-encoding", "identity");
        place.sandbox.always(collector.endpoint(), identity);
        collector.overcomes(&place);
    }
}

#[test]
fn a_body_longer_than_declared_spoils_neither_its_own_answer_nor_the_next() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        let longer = |reply: &mut Reply| {
            let honest = reply.body.len().to_string();
            reply.set_body(
                [
                    &*reply.body,
                    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
                ]
                .concat(),
            );
            reply.set_header("content-length", &honest);
        };
        place.sandbox.next(collector.endpoint(), longer);
        collector.overcomes(&place);
    }
}

#[test]
fn the_connection_breaks_in_the_middle_of_a_drain_and_the_next_run_goes_on_there() {
    let place = Collector::Siem.behind();
    Collector::Siem.refill(&place);
    place.sandbox.next(Collector::Siem.endpoint(), |_| ());
    for _ in 0..3 {
        place
            .sandbox
            .next(Collector::Siem.endpoint(), changes::wire(Wire::CutAt(300)));
    }
    let before = place.files("mta").len();
    Collector::Siem.run(&place).ends_with(75);
    assert!(place.files("mta").len() > before, "the first of four");
    Collector::Siem.recovers(&place);
}

#[test]
fn signed_requests_are_told_apart_even_when_they_are_repeated_within_one_second() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        let before = place.sandbox.requests().len();
        for _ in 0..2 {
            place
                .sandbox
                .next(collector.endpoint(), changes::wire(Wire::ResetNow));
        }
        collector.overcomes(&place);
        let requests = place.sandbox.requests().split_off(before);
        let signatures: std::collections::BTreeSet<_> = requests
            .iter()
            .map(|seen| seen.header("authorization").expect("signed"))
            .collect();
        assert_eq!(signatures.len(), requests.len(), "each has its own");
        assert!(requests.len() >= 3, "two failures and a success");
    }
}
