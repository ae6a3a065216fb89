//! Proof that the HTTP collector reads what clients send, refuses the rest, and commits its faults.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::by_hand::{Answer, End, answer, connect, request, rest};
use super::{Http, Product};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(plain).unwrap();
    packer.finish().unwrap()
}

fn path(receiver: &Http) -> String {
    let url = receiver.url();
    let (_, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    format!("/{path}")
}

/// Posts lines to a Sumo Logic source.
fn post(receiver: &Http, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
    let mut stream = connect(receiver.address());
    let first_line = format!("POST {}", path(receiver));
    stream
        .write_all(&request(&first_line, headers, body))
        .unwrap();
    answer(&mut stream)
}

fn status(receiver: &Http, headers: &[(&str, &str)], body: &[u8]) -> u16 {
    post(receiver, headers, body).unwrap().status
}

#[test]
fn keeps_lines_with_their_headers() {
    let receiver = Http::start(Product::Sumo);
    let packed = gzip(b"second\n\nthird");
    let headers = [
        ("X-Sumo-Category", "mail"),
        ("X-Sumo-Host", "h"),
        ("X-Sumo-Name", "n"),
    ];
    assert_eq!(status(&receiver, &headers, b"{\"a\": 1}\n"), 200);
    assert_eq!(
        status(&receiver, &[("Content-Encoding", "gzip")], &packed),
        200
    );
    let stored = receiver.stored();
    let events: Vec<&str> = stored.iter().map(|stored| stored.event.as_str()).collect();
    assert_eq!(events, ["{\"a\": 1}", "second", "third"]);
    assert_eq!(events, receiver.events());
    let first = &stored[0];
    let sides = [&first.category, &first.host, &first.source].map(|side| side.as_deref().unwrap());
    assert_eq!(sides, ["mail", "h", "n"]);
    assert_eq!(first.header("content-length"), Some("9"));
    assert_eq!(stored[1].category, None);
    assert_eq!((receiver.requests(), receiver.connections()), (2, 2));
}

#[test]
fn keeps_connections_and_reads_chunks() {
    let receiver = Http::start(Product::Sumo);
    let mut stream = connect(receiver.address());
    let path = path(&receiver);
    for connection in ["keep-alive", "close"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: {connection}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
            .write_all(b"5\r\none\nt\r\n0A;x=y\r\nwo\nthree\n.\r\n0\r\n\r\n")
            .unwrap();
        assert_eq!(answer(&mut stream).unwrap().status, 200);
    }
    assert_eq!(rest(&mut stream).1, End::Orderly);
    let kept = ["one", "two", "three", "."];
    assert_eq!(receiver.events(), [kept, kept].concat());
    assert_eq!((receiver.requests(), receiver.connections()), (2, 1));
}

#[test]
fn refuses_and_remembers_what_the_product_does_not_expect() {
    let receiver = Http::start(Product::Sumo);
    receiver.allow_complaints();
    let path = path(&receiver);
    let head = |rest: &str| format!("POST {path} HTTP/1.1\r\nHost: h\r\n{rest}\r\n").into_bytes();
    let zipped = [("Content-Encoding", "gzip")];
    let post = format!("POST {path}");
    let mut followed = gzip(b"a\n");
    followed.push(b'!');
    let cases = [
        (404, request("POST /other", &[], b"a\n")),
        (
            404,
            request(
                &format!("POST {}", path.replace("/v1/", "/v2/")),
                &[],
                b"a\n",
            ),
        ),
        (405, request(&format!("PUT {path}"), &[], b"a\n")),
        (400, request(&post, &[], b"")),
        (400, request(&post, &zipped, b"a\n")),
        (400, request(&post, &zipped, &gzip(b"a\n")[..12])),
        (400, request(&post, &zipped, &followed)),
        (415, request(&post, &[("Content-Encoding", "br")], b"a\n")),
        (411, head("")),
        (
            400,
            head("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
        ),
        (400, head("Content-Length: many\r\n")),
        (501, head("Transfer-Encoding: gzip\r\n")),
        (
            400,
            [
                head("Transfer-Encoding: chunked\r\n"),
                b"2\r\na\n!\r\n".to_vec(),
            ]
            .concat(),
        ),
        (
            400,
            [
                head("Transfer-Encoding: chunked\r\n"),
                b"-2\r\na\n\r\n".to_vec(),
            ]
            .concat(),
        ),
        (
            400,
            format!("{post} HTTP/1.1\r\nContent-Length: 2\r\n\r\na\n").into_bytes(),
        ),
        (400, b"GET / HTTP/1.0\r\n\r\n".to_vec()),
    ];
    for (count, (status, bytes)) in cases.iter().enumerate() {
        let mut stream = connect(receiver.address());
        stream.write_all(bytes).unwrap();
        let text = String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(answer(&mut stream).unwrap().status, *status, "{text}");
        assert_eq!(receiver.complaints().len(), count + 1, "{text}");
    }
    assert!(receiver.events().is_empty());
}

#[test]
fn denies_a_wrong_secret_without_complaint() {
    let receiver = Http::start(Product::Sumo);
    let mut stream = connect(receiver.address());
    stream
        .write_all(&request("POST /receiver/v1/http/other", &[], b"a\n"))
        .unwrap();
    assert_eq!(answer(&mut stream).unwrap().status, 401);
}

#[test]
#[should_panic(expected = "request without a line")]
fn panics_at_the_end_if_a_request_was_not_expected() {
    let receiver = Http::start(Product::Sumo);
    assert_eq!(status(&receiver, &[], b""), 400);
}

#[test]
fn commits_queued_faults_in_order() {
    let receiver = Http::start(Product::Sumo);
    receiver.serves();
    receiver.answers(429, &[("Retry-After", "7")], "slow down");
    receiver.applies_then_answers(500);
    receiver.applies_then_cuts();
    receiver.cuts_before_reading();
    receiver.cuts_after_half_the_body();
    receiver.swallows();
    receiver.delays(Duration::from_millis(60));
    assert_eq!(status(&receiver, &[], b"a\n"), 200);
    let slow = post(&receiver, &[], b"b\n").unwrap();
    assert_eq!((slow.status, slow.header("retry-after")), (429, Some("7")));
    assert_eq!(slow.body, "slow down");
    assert_eq!(status(&receiver, &[], b"c\n"), 500);
    for body in ["d\n", "e\n", "f\n"] {
        assert!(post(&receiver, &[], body.as_bytes()).is_none());
    }
    assert_eq!(status(&receiver, &[], b"g\n"), 200);
    let began = Instant::now();
    assert_eq!(status(&receiver, &[], b"h\n"), 200);
    assert!(began.elapsed() >= Duration::from_millis(60));
    assert_eq!(status(&receiver, &[], b"i\n"), 200);
    assert_eq!(receiver.events(), ["a", "c", "d", "h", "i"]);
    assert_eq!(receiver.requests(), 9);
}

#[test]
fn cuts_in_the_middle_of_a_body_that_still_comes() {
    let receiver = Http::start(Product::Sumo);
    receiver.cuts_after_half_the_body();
    let mut stream: TcpStream = connect(receiver.address());
    let bytes = request(&format!("POST {}", path(&receiver)), &[], &[b'a'; 1000]);
    stream.write_all(&bytes[..bytes.len() - 499]).unwrap();
    assert_ne!(rest(&mut stream).1, End::Open);
    assert!(receiver.events().is_empty());
}

#[test]
fn refuses_as_told() {
    let receiver = Http::start(Product::Sumo);
    receiver.refuses_events_with("poison");
    assert_eq!(status(&receiver, &[], b"a\npoison\n"), 400);
    receiver.refuses_all(503);
    assert_eq!(status(&receiver, &[], b"a\n"), 503);
    receiver.refuses_nothing();
    assert_eq!(status(&receiver, &[], b"poison\n"), 200);
    assert_eq!(status(&receiver, &[], &vec![b'a'; (1 << 20) + 1]), 413);
    receiver.max_body(4);
    assert_eq!(status(&receiver, &[], b"abcde"), 413);
    let packed = gzip(b"abcde");
    assert_eq!(
        status(&receiver, &[("Content-Encoding", "gzip")], &packed),
        413
    );
    assert_eq!(status(&receiver, &[], b"abcd"), 200);
    assert_eq!(receiver.events(), ["poison", "abcd"]);
}

#[test]
fn takes_ndjson_at_a_webhook() {
    let receiver = Http::start(Product::Webhook);
    receiver.allow_complaints();
    let (name, key) = receiver.header().unwrap();
    let kind = ("Content-Type", "application/x-ndjson");
    type Case<'a> = (u16, usize, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 8] = [
        (204, 0, &[(name, &key), kind], "{\"a\": 1}\n[2]\n"),
        (401, 0, &[(name, "other"), kind], "{}\n"),
        (401, 1, &[kind], "{}\n"),
        (415, 1, &[(name, &key)], "{}\n"),
        (400, 1, &[(name, &key), kind], "{}"),
        (400, 1, &[(name, &key), kind], "a=b\n"),
        (400, 1, &[(name, &key), kind], ""),
        (400, 0, &[(name, &key), kind], "{}\n\"poison\"\n"),
    ];
    receiver.refuses_events_with("poison");
    for (status, complaints, headers, body) in cases {
        let before = receiver.complaints().len();
        let mut stream = connect(receiver.address());
        let headers = [headers, &[("Connection", "close")]].concat();
        let bytes = request("POST /some/where", &headers, body.as_bytes());
        stream.write_all(&bytes).unwrap();
        let head = rest(&mut stream).0;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{body:?}: {head}"
        );
        assert_eq!(receiver.complaints().len() - before, complaints, "{body:?}");
    }
    receiver.opens_to_all();
    assert_eq!(status(&receiver, &[kind], b"poison\n"), 400);
    assert_eq!(receiver.events(), ["{\"a\": 1}", "[2]"]);
}
