//! The shared parts of targets and seeds: a writer of false archives, sealed state records, a secret to
//! search for, and readers of JSON to compare with.

pub mod zips;

use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// A text in the place of a secret. No message of the programs holds it by chance.
pub const CANARY: &str = "Canary7Secret";

/// Returns a state record with a correct checksum for any body.
#[must_use]
pub fn sealed(body: &[u8]) -> Vec<u8> {
    let digest = hex(&Sha256::digest(body));
    [
        format!("mimecast-collector-state {digest}\n").as_bytes(),
        body,
        b"\n",
    ]
    .concat()
}

/// Returns the SHA-256 in lower-case hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// True if a general reader of JSON accepts the text.
#[must_use]
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Returns the members of an object in their order, with duplicates, as a general reader of JSON finds them.
#[must_use]
pub fn members(text: &str) -> Option<Vec<(String, Box<RawValue>)>> {
    struct Collect;
    impl<'de> Visitor<'de> for Collect {
        type Value = Vec<(String, Box<RawValue>)>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let members = json.deserialize_map(Collect).ok()?;
    json.end().ok().map(|()| members)
}

/// Returns the value of the first member with this name.
#[must_use]
pub fn first<'a>(members: &'a [(String, Box<RawValue>)], name: &str) -> Option<&'a str> {
    let found = members.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.get())
}

/// Returns the items of a list, as a general reader of JSON finds them. `null` is an empty list.
#[must_use]
pub fn items(text: &str) -> Option<Vec<Box<RawValue>>> {
    let items = serde_json::from_str::<Option<Vec<Box<RawValue>>>>(text);
    items.ok().map(Option::unwrap_or_default)
}

/// Decodes text in base64 of either alphabet.
#[must_use]
pub fn from_base64(text: &str) -> Option<String> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let digit = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

/// True if every reader of lines sees the text as one line.
#[must_use]
pub fn is_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}
