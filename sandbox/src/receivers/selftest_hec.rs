//! Proof that the collector answers as Splunk's HEC does.

use std::io::Write as _;

use serde_json::{Value, json};

use super::by_hand::{Answer, answer, connect, request};
use super::{Http, Product};

const CHANNEL: &str = "00000000-0000-4000-8000-000000000001";
const EVENTS: &str = "POST /services/collector/event";
const ACKS: &str = "POST /services/collector/ack";

fn send(receiver: &Http, first_line: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let mut stream = connect(receiver.address());
    stream
        .write_all(&request(first_line, headers, body.as_bytes()))
        .unwrap();
    answer(&mut stream)
}

/// Sends with the right token, and with a channel.
fn call(receiver: &Http, first_line: &str, body: &str) -> (u16, Value) {
    let (name, value) = receiver.header().unwrap();
    let headers = [
        (name, value.as_str()),
        ("X-Splunk-Request-Channel", CHANNEL),
    ];
    let answer = send(receiver, first_line, &headers, body).unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

fn success() -> Value {
    json!({"text": "Success", "code": 0})
}

#[test]
fn keeps_events_as_they_were_received() {
    let receiver = Http::start(Product::Hec { ack: false });
    let body = r#"{"event":"a=1 \"b\"","time":1700000000.5,"host":"h","source":"s","sourcetype":"t","index":"i"}
        {"event":{"b": 1.0, "a":[]},"time":"1700000000","fields":{"id":"x","more":["y","z"]}}{"event":0}"#;
    assert_eq!(call(&receiver, EVENTS, body), (200, success()));
    assert_eq!(
        receiver.events(),
        ["a=1 \"b\"", r#"{"b": 1.0, "a":[]}"#, "0"]
    );
    let first = receiver.stored().remove(0);
    let sides = [
        first.time,
        first.host,
        first.source,
        first.sourcetype,
        first.index,
    ];
    let sides = sides.map(Option::unwrap);
    assert_eq!(sides, ["1700000000.5", "h", "s", "t", "i"]);
    let second = receiver.stored().remove(1);
    assert_eq!(second.time.as_deref(), Some("1700000000"));
    assert_eq!(
        second.fields.as_deref(),
        Some(r#"{"id":"x","more":["y","z"]}"#)
    );
}

#[test]
fn tells_the_first_event_that_is_not_valid() {
    let cases = [
        (6, r#"{"event":"a"}{"event":"b""#),
        (6, r#"{"event":"a"}{"event":"b"} nonsense"#),
        (6, r#"{"event":"a"}["event"]"#),
        (6, r#"{"event":"a"}{"event":"b","time":"noon"}"#),
        (6, r#"{"event":"a"}{"event":"b","host":7}"#),
        (6, r#"{"event":"a"}{"event":"poison"}{"event":"c"}"#),
        (
            7,
            r#"{"event":"a","index":"mail"}{"event":"b","index":"other"}"#,
        ),
        (12, r#"{"event":"a"}{"host":"b"}"#),
        (13, r#"{"event":"a"}{"event":""}"#),
        (15, r#"{"event":"a"}{"event":"b","fields":{"c":{"d":1}}}"#),
    ];
    for (code, body) in cases {
        let receiver = Http::start(Product::Hec { ack: true });
        receiver.refuses_events_with("poison");
        receiver.allows_indexes(&["mail"]);
        let (status, answer) = call(&receiver, EVENTS, body);
        let number = if body.ends_with("nonsense") { 2 } else { 1 };
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{body}");
        assert_eq!(answer["invalid-event-number"], number, "{body}");
        assert_eq!(answer["ackId"], Value::Null, "{body}");
        assert_eq!(
            receiver.events().len(),
            number,
            "{body}: those before are indexed"
        );
    }
}

#[test]
fn denies_and_complains() {
    let receiver = Http::start(Product::Hec { ack: true });
    receiver.allow_complaints();
    let (name, token) = receiver.header().unwrap();
    let right = (name, token.as_str());
    let channel = ("X-Splunk-Request-Channel", CHANNEL);
    let event = r#"{"event":"a"}"#;
    type Case<'a> = (u16, u16, usize, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 9] = [
        (401, 2, 1, EVENTS, &[channel], event),
        (401, 3, 1, EVENTS, &[(name, "Bearer x"), channel], event),
        (403, 4, 0, EVENTS, &[(name, "Splunk x"), channel], event),
        (400, 5, 1, EVENTS, &[right, channel], ""),
        (400, 10, 0, EVENTS, &[right], event),
        (400, 10, 0, ACKS, &[right], "{}"),
        (
            400,
            11,
            1,
            EVENTS,
            &[right, ("X-Splunk-Request-Channel", "x")],
            event,
        ),
        (400, 6, 1, ACKS, &[right, channel], r#"{"acks":"0"}"#),
        (
            404,
            404,
            1,
            "POST /services/collector/raw",
            &[right, channel],
            event,
        ),
    ];
    for (status, code, complaints, first_line, headers, body) in cases {
        let before = receiver.complaints().len();
        let answer = send(&receiver, first_line, headers, body).unwrap();
        let said: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (answer.status, &said["code"]),
            (status, &json!(code)),
            "{body}"
        );
        assert_eq!(receiver.complaints().len() - before, complaints, "{code}");
    }
    assert_eq!(
        send(&receiver, "GET /services/collector/event", &[right], "")
            .unwrap()
            .status,
        405
    );
    assert!(receiver.events().is_empty());
    receiver.refuses_all(503);
    assert_eq!(call(&receiver, EVENTS, event).1["code"], 9);
    let open = Http::start(Product::Hec { ack: false });
    assert_eq!(call(&open, ACKS, "{}").1["code"], 14);
    assert_eq!(call(&open, "GET /services/collector/health", "").0, 200);
}

#[test]
#[should_panic(expected = "the key \"sourceType\"")]
fn complains_about_keys_that_hec_ignores() {
    let receiver = Http::start(Product::Hec { ack: false });
    let body = r#"{"event":"a","sourceType":"t"}"#;
    assert_eq!(call(&receiver, EVENTS, body), (200, success()));
}

#[test]
fn acknowledges_after_some_polls_and_says_so_once() {
    let receiver = Http::start(Product::Hec { ack: true });
    receiver.acknowledges_after(1);
    for id in 0..2 {
        let (status, answer) = call(&receiver, EVENTS, r#"{"event":"a"}"#);
        assert_eq!(
            (status, answer),
            (200, json!({"text": "Success", "code": 0, "ackId": id}))
        );
    }
    let ask = |ids: &str| call(&receiver, ACKS, &format!("{{\"acks\":{ids}}}")).1;
    assert_eq!(ask("[0,7]"), json!({"acks": {"0": false, "7": false}}));
    assert_eq!(ask("[0,1]"), json!({"acks": {"0": true, "1": false}}));
    assert_eq!(ask("[0]"), json!({"acks": {"0": false}}));
    receiver.never_acknowledges();
    assert_eq!(ask("[1]"), json!({"acks": {"1": false}}));
    receiver.answers_poll(503, &[], "");
    receiver.answers(418, &[], "waits for a request with events");
    let (name, token) = receiver.header().unwrap();
    let odd = send(&receiver, ACKS, &[(name, &token)], "").unwrap();
    assert_eq!((odd.status, receiver.polls()), (503, 5));
    receiver.acknowledges_after(0);
    receiver.loses_unacknowledged();
    assert_eq!(receiver.events().len(), 1, "the acknowledged one");
    assert_eq!(ask("[1]"), json!({"acks": {"1": false}}));
}
