//! What the made-up Mimecast of the fixtures has, and what version 0.1.0 publishes of it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::template;
use mimecast_sandbox::{AuditEvent, Member, Record};

/// The batches of API 1.0 that exist; the first two, or three, were collected.
pub(super) const BATCHES: u64 = 5;
/// The log types of each batch.
pub(super) const LOG_TYPES: [&str; 2] = ["receipt", "process"];
/// The objects of API 2.0 that exist, all of one type.
pub(super) const OBJECTS: usize = 7;
/// The object that version 0.1.0 could not download.
pub(super) const MISSING: usize = 3;
/// Ages of the audit events in minutes. The first six were collected; the seventh came late.
pub(super) const AGES: [i64; 9] = [300, 150, 100, 75, 60, 31, 70, 20, 5];

/// Returns the bytes behind a label such as `batch/2/receipt`, `object/4` or `events/2..6`.
pub(super) fn of(label: &str, event: impl Fn(usize) -> AuditEvent) -> Vec<u8> {
    let parts: Vec<&str> = label.split('/').collect();
    let lines: Vec<String> = match parts[..] {
        ["batch", number, kind] => {
            let member = member(number.parse().expect("a number"), kind);
            member.records.iter().map(Record::line).collect()
        }
        ["object", number] => object(number.parse().expect("a number")).into(),
        ["events", range] => {
            let events = template::range(range).map(event);
            events.map(|event| published(&event)).collect()
        }
        _ => panic!("no content {label}"),
    };
    (lines.join("\n") + "\n").into_bytes()
}

/// The audit event of that number, as old as [`AGES`] says.
pub(super) fn event(number: usize, now: DateTime<Utc>) -> AuditEvent {
    let time = now - TimeDelta::minutes(AGES[number]);
    AuditEvent::realistic(number as u64, time)
}

/// The records of one log type in one batch, half an hour after the batch before.
pub(super) fn member(batch: u64, kind: &str) -> Member {
    let start = DateTime::from_timestamp(1_795_132_800, 0).expect("2026-11-20");
    let time = start + TimeDelta::minutes(30) * i32::try_from(batch).expect("few");
    let records = (0..2).map(|number| Record::realistic(kind, batch, number, time));
    let stamp = time.format("%Y%m%d%H%M%S%3f").to_string();
    Member::new(kind, &stamp, records.collect())
}

/// The lines of one object.
pub(super) fn object(number: usize) -> [String; 2] {
    [0, 1].map(|line| {
        format!(
            r#"{{"_offset":{line},"accountId":"CUSA00A000","type":"receipt","messageId":"<{number}.{line}@example.com>"}}"#
        )
    })
}

/// An audit event as version 0.1.0 publishes it for `json`: the time first.
fn published(event: &AuditEvent) -> String {
    let sent = event.json();
    let (before, rest) = sent.split_once("\"eventTime\":").expect("rendered so");
    let (time, after) = rest.split_once(',').expect("rendered so");
    let line = format!("{{\"eventTime\":{time},{}{after}", &before[1..]);
    assert!(serde_json::from_str::<Value>(&line).is_ok(), "{line}");
    line
}
