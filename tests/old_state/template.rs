//! Fills the placeholders of a fixture; `tests/fixtures/0.1.0/README.md` says what they mean.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// Bytes of a digest that version 0.1.0 keeps of an id.
const ID_BYTES: usize = 16;

/// What differs between two installations.
pub(super) trait Facts {
    fn now(&self) -> DateTime<Utc>;
    fn cursor(&self, batch: usize) -> String;
    fn next_page(&self, place: usize) -> String;
    /// Host and path of an object.
    fn object_place(&self, number: usize) -> String;
    fn event_id(&self, number: usize) -> (DateTime<Utc>, String);
    fn staging_prefix(&self) -> String;
    fn content(&self, label: &str) -> Vec<u8>;
}

/// Returns the text with all placeholders filled in.
pub(super) fn fill(text: &str, facts: &impl Facts) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (placeholder, after) = after.split_once("}}").expect("a placeholder ends");
        filled.push_str(before);
        filled.push_str(&value(placeholder, facts));
        rest = after;
    }
    filled + rest
}

fn value(placeholder: &str, facts: &impl Facts) -> String {
    if let Some(age) = placeholder.strip_prefix("now-") {
        let time = facts.now() - minutes(age);
        return time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    if let Some(age) = placeholder.strip_prefix("stamp-") {
        let time = facts.now() - minutes(age);
        return time.format("%Y%m%dt%H%M%Sz").to_string();
    }
    let (kind, of) = placeholder.split_once(':').expect("a kind and a value");
    match kind {
        "cursor" => facts.cursor(number(of)),
        "next" => facts.next_page(number(of)),
        "object" => short(&facts.object_place(number(of))).to_string(),
        "ids" => ids(range(of), facts),
        "staged" | "scratch" => format!("{}{of}.{kind}", facts.staging_prefix()),
        "sha256" => hex_sha256(&facts.content(of)),
        "digest" => hex_sha256(&facts.content(of))[..16].to_owned(),
        "size" => facts.content(of).len().to_string(),
        _ => panic!("no placeholder {placeholder}"),
    }
}

fn minutes(text: &str) -> TimeDelta {
    let count = text.strip_suffix('m').expect("minutes");
    TimeDelta::minutes(count.parse().expect("a number"))
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

/// Reads `2..6`.
pub(super) fn range(text: &str) -> Range<usize> {
    let (from, to) = text.split_once("..").expect("a range");
    number(from)..number(to)
}

/// The second half of a kept digest, as a number: what version 0.1.0 knows an object by.
fn short(text: &str) -> u64 {
    let half: [u8; 8] = kept(text)[8..].try_into().expect("16 bytes");
    u64::from_be_bytes(half)
}

/// The first half of the SHA-256.
fn kept(text: &str) -> [u8; ID_BYTES] {
    let digest = Sha256::digest(text);
    digest[..ID_BYTES].try_into().expect("32 bytes")
}

/// The digests of ids by the hour of their event, each hour sorted and in base64.
fn ids(events: Range<usize>, facts: &impl Facts) -> String {
    let mut hours: BTreeMap<String, Vec<[u8; ID_BYTES]>> = BTreeMap::new();
    for (time, id) in events.map(|number| facts.event_id(number)) {
        let hour = time.timestamp().div_euclid(3_600).to_string();
        hours.entry(hour).or_default().push(kept(&id));
    }
    let hours = hours.into_iter().map(|(hour, mut ids)| {
        ids.sort_unstable();
        (hour, STANDARD_NO_PAD.encode(ids.concat()))
    });
    json!(hours.collect::<BTreeMap<_, _>>()).to_string()
}

/// Lower-case hex.
pub(super) fn hex_sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
