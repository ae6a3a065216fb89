//! One line of an object.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::event_kinds as kinds;
use super::event_kinds_ci as ci;
use crate::account::Account;
use crate::records::Draw;

/// The fields of one type beside those that all have, and its subtype.
pub(super) struct Event {
    pub(super) fields: Vec<(&'static str, Value)>,
    pub(super) subtype: Value,
}

/// An event of that type. Every pair of seed and number gives another line, and so does every type.
pub(super) fn line(log_type: &str, seed: u64, number: u64, before: DateTime<Utc>) -> String {
    let mut draw = Draw::new(seed, number, before);
    let event = match log_type {
        "receipt" => kinds::receipt(&mut draw),
        "process" => kinds::process(&mut draw),
        "delivery" => kinds::delivery(&mut draw),
        "journal" => kinds::journal(&mut draw),
        "av" => kinds::antivirus(&mut draw),
        "spam" => kinds::spam(&mut draw),
        "attachment protect" => kinds::attachment(&mut draw),
        "impersonation protect" => kinds::impersonation(&mut draw),
        "internal email protect" => kinds::internal_email(&mut draw),
        "url protect" => kinds::url(&mut draw),
        "entities" => ci::entities(&mut draw),
        "mailflow" => ci::mailflow(&mut draw),
        "urlclick" => ci::url_click(&mut draw),
        other => panic!("no type {other}"),
    };
    let time = draw.milliseconds();
    let suffix = format!("{}_{}", draw.unique(), time / 1000);
    let mut fields = vec![
        ("_offset", json!(number)),
        ("_partition", json!(seed % 64)),
        ("accountId", json!(Account::SYNTHETIC.account_code)),
        ("aggregateId", json!(format!("agg-{suffix}"))),
        ("processingId", json!(format!("proc-{suffix}"))),
        ("subtype", event.subtype),
        ("timestamp", json!(time)),
        ("type", json!(log_type)),
    ];
    fields.extend(event.fields);
    // The order of keys is not fixed.
    let turns = number as usize % fields.len();
    fields.rotate_left(turns);
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    let line = format!("{{{}}}", pairs.join(","));
    // Outside of texts JSON knows no slash. Both ways are legal, and a client has to leave each as it is.
    if number.is_multiple_of(3) {
        line.replace('/', "\\/")
    } else {
        line
    }
}
