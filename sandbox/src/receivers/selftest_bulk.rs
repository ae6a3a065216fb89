//! Proof that the collector answers as Elasticsearch's bulk API does for a data stream.

use std::io::Write as _;

use serde_json::{Value, json};

use super::by_hand::{Answer, answer, connect, request};
use super::{Http, Product};

const NDJSON: (&str, &str) = ("Content-Type", "application/x-ndjson");

fn send(receiver: &Http, first_line: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let mut stream = connect(receiver.address());
    stream
        .write_all(&request(first_line, headers, body.as_bytes()))
        .unwrap();
    answer(&mut stream)
}

fn bulk(receiver: &Http, body: &str) -> (u16, Value) {
    let (name, key) = receiver.header().unwrap();
    let answer = send(receiver, "POST /mail/_bulk", &[(name, &key), NDJSON], body).unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

/// Status and error of each item.
fn items(receiver: &Http, body: &str) -> Vec<(u64, String)> {
    let (status, answer) = bulk(receiver, body);
    assert_eq!(status, 200, "{answer}");
    let items = answer["items"].as_array().unwrap().iter();
    let items = items.map(|item| {
        let (_, item) = item.as_object().unwrap().iter().next().unwrap();
        let kind = item["error"]["type"].as_str().unwrap_or_default();
        (item["status"].as_u64().unwrap(), kind.to_owned())
    });
    let items: Vec<_> = items.collect();
    let is_failed = items.iter().any(|(status, _)| *status != 201);
    assert_eq!(answer["errors"], is_failed);
    items
}

fn pair(id: &str, document: &str) -> String {
    format!("{{\"create\":{{\"_id\":\"{id}\"}}}}\n{document}\n")
}

#[test]
fn answers_each_item_in_order() {
    let receiver = Http::start(Product::Bulk);
    receiver.refuses_events_with("poison");
    let body = [
        pair("1", r#"{"a": 1}"#),
        pair("2", r#"{"a":"poison"}"#),
        pair("1", r#"{"a":2}"#),
        pair("3", "[1]"),
        pair("4", "{\"a\":"),
        pair("5", r#"{"a":5}"#),
        "{\"create\":{}}\n{}\n".to_owned(),
    ];
    let answered = items(&receiver, &body.concat());
    let statuses: Vec<u64> = answered.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [201, 400, 409, 400, 400, 201, 201]);
    assert_eq!(answered[1].1, "mapper_parsing_exception");
    assert_eq!(answered[2].1, "version_conflict_engine_exception");
    assert_eq!(receiver.events(), [r#"{"a": 1}"#, r#"{"a":5}"#, "{}"]);
    let stored = receiver.stored();
    assert_eq!(stored[0].id.as_deref(), Some("1"));
    assert_eq!(stored[0].index.as_deref(), Some("mail"));
    assert_eq!(stored[2].id, None);
}

#[test]
fn knows_ids_inside_one_write_index() {
    let receiver = Http::start(Product::Bulk);
    let body = pair("1", "{}");
    receiver.applies_then_cuts();
    let (name, key) = receiver.header().unwrap();
    let cut = send(
        &receiver,
        "POST /mail/_bulk",
        &[(name, &key), NDJSON],
        &body,
    );
    assert!(cut.is_none());
    assert_eq!(items(&receiver, &body)[0].0, 409);
    receiver.roll_over();
    let (_, answer) = bulk(&receiver, &body);
    assert_eq!(answer["items"][0]["create"]["_index"], ".ds-mail-000002");
    assert_eq!(receiver.events().len(), 2);
    receiver.rejects_items(1);
    let both = [pair("2", "{}"), pair("3", "{}")].concat();
    let answered = items(&receiver, &both);
    assert_eq!(
        answered[0],
        (429, "es_rejected_execution_exception".to_owned())
    );
    let answered = items(&receiver, &both);
    assert_eq!((answered[0].0, answered[1].0), (201, 409));
    receiver.swallows();
    let four = pair("4", "{}");
    assert_eq!(items(&receiver, &four)[0].0, 201);
    assert_eq!(items(&receiver, &four)[0].0, 201, "nothing was kept");
    assert_eq!(receiver.events().len(), 5);
}

#[test]
fn demands_a_time_of_documents_for_log_streams() {
    let receiver = Http::start(Product::Bulk);
    let cases = [
        (201, r#"{"@timestamp":"2026-01-02T03:04:05.678Z"}"#),
        (201, r#"{"@timestamp":"2026-01-02T03:04:05+01:00"}"#),
        (201, r#"{"@timestamp":1767323045678}"#),
        (400, r#"{"@timestamp":"yesterday"}"#),
        (400, r#"{"@timestamp":"2026-01-02 03:04:05"}"#),
        (400, r#"{"time":1767323045678}"#),
    ];
    for (status, document) in cases {
        let body = format!("{{\"create\":{{\"_index\":\"logs-mail-default\"}}}}\n{document}\n");
        assert_eq!(items(&receiver, &body)[0].0, status, "{document}");
    }
    receiver.allows_indexes(&["mail"]);
    let body = "{\"create\":{\"_index\":\"other\"}}\n{}\n";
    assert_eq!(
        items(&receiver, body)[0],
        (404, "index_not_found_exception".to_owned())
    );
}

#[test]
fn refuses_requests_that_are_not_bulk() {
    let receiver = Http::start(Product::Bulk);
    receiver.allow_complaints();
    let (name, key) = receiver.header().unwrap();
    let right = (name, key.as_str());
    let good = pair("1", "{}");
    let long = pair(&"x".repeat(513), "{}");
    type Case<'a> = (u16, usize, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let post = "POST /mail/_bulk";
    let cases: [Case<'_>; 15] = [
        (401, 1, post, &[NDJSON], &good),
        (401, 1, post, &[(name, "Bearer x"), NDJSON], &good),
        (401, 0, post, &[(name, "ApiKey x"), NDJSON], &good),
        (
            406,
            1,
            post,
            &[right, ("Content-Type", "text/plain")],
            &good,
        ),
        (405, 1, "DELETE /mail/_bulk", &[right, NDJSON], &good),
        (400, 1, "POST /mail/_bulk?pretty", &[right, NDJSON], &good),
        (400, 1, "POST /mail/_doc", &[right, NDJSON], &good),
        (400, 1, "POST /_bulk", &[right, NDJSON], &good),
        (400, 1, post, &[right, NDJSON], good.trim_end()),
        (400, 1, post, &[right, NDJSON], "{\"create\":{}}\n"),
        (400, 1, post, &[right, NDJSON], "{}\n{}\n"),
        (
            400,
            1,
            post,
            &[right, NDJSON],
            "{\"create\":{\"id\":\"1\"}}\n{}\n",
        ),
        (
            400,
            1,
            post,
            &[right, NDJSON],
            "{\"create\":{\"_id\":1}}\n{}\n",
        ),
        (400, 1, post, &[right, NDJSON], "\n"),
        (400, 1, post, &[right, NDJSON], &long),
    ];
    for (status, complaints, first_line, headers, body) in cases {
        let before = receiver.complaints().len();
        let answer = send(&receiver, first_line, headers, body).unwrap();
        let said: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.status, status, "{first_line} {body}");
        assert_eq!(said["status"], json!(status));
        assert!(said["error"]["type"].is_string() && said["error"]["root_cause"].is_array());
        assert_eq!(
            receiver.complaints().len() - before,
            complaints,
            "{first_line} {body}"
        );
    }
    assert!(receiver.events().is_empty());
}

#[test]
fn refuses_items_that_a_data_stream_does_not_take() {
    let receiver = Http::start(Product::Bulk);
    receiver.allow_complaints();
    for body in [
        "{\"index\":{}}\n{}\n",
        "{\"create\":{\"_index\":\"Mail\"}}\n{}\n",
    ] {
        assert_eq!(items(&receiver, body)[0].0, 400);
    }
    assert_eq!(receiver.complaints().len(), 2);
    receiver.refuses_all(403);
    assert_eq!(
        bulk(&receiver, &pair("1", "{}")).1["error"]["type"],
        "security_exception"
    );
    assert!(receiver.events().is_empty());
}
