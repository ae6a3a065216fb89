//! Mimecast's JSON documents as streams of items: `{"…": …, "data": [item, item, …]}`.

pub mod scan;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Passes each item of `data` to the callback, as Mimecast sent it. Returns true if the document has
/// `data`. If the callback returns false, reading ends with an error.
pub(crate) struct Data<F>(F);

impl<F: FnMut(&str) -> bool> Data<F> {
    pub(crate) const fn new(each: F) -> Self {
        Self(each)
    }
}

impl<'de, F: FnMut(&str) -> bool> Visitor<'de> for Data<F> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with data")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "data" {
                map.next_value_seed(Items(&mut self.0))?;
                found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Items<'a, F>(&'a mut F);

impl<'de, F: FnMut(&str) -> bool> DeserializeSeed<'de> for Items<'_, F> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&str) -> bool> Visitor<'de> for Items<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Box<RawValue>>()? {
            if !(self.0)(item.get()) {
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// The most members of one object. No event has so many. It bounds the memory for one.
const MEMBERS_LIMIT: usize = 4_096;

/// The members of a JSON object in their original order, duplicates included. Reading fails for an
/// object with more than [`MEMBERS_LIMIT`] members.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Returns the value of the first member with that name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.get())
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some(member) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    if members.len() == MEMBERS_LIMIT {
                        return Err(A::Error::custom("too many members"));
                    }
                    members.push((member.0.0, member.1));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// A JSON string, borrowed if it holds no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Appends JSON text as one line for every reader of lines. Line breaks between tokens become spaces. The
/// three line breaks that JSON allows inside a string become escapes. The value stays the same.
pub(crate) fn push_one_line(line: &mut Vec<u8>, json: &str) {
    let bytes = json.as_bytes();
    let is_plain = |byte: &u8| !matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2);
    let mut rest = bytes;
    while !rest.is_empty() {
        let plain = rest
            .iter()
            .position(|byte| !is_plain(byte))
            .unwrap_or(rest.len());
        line.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        let (taken, text): (usize, &[u8]) = match rest {
            [] => return,
            [b'\n' | b'\r', ..] => (1, b" "),
            [0xc2, 0x85, ..] => (2, br"\u0085"),
            [0xe2, 0x80, 0xa8, ..] => (3, br"\u2028"),
            [0xe2, 0x80, 0xa9, ..] => (3, br"\u2029"),
            [first, ..] => (1, std::slice::from_ref(first)),
        };
        line.extend_from_slice(text);
        rest = &rest[taken..];
    }
}

/// The deepest level at which values are made canonical. Mimecast's documents are never so deep.
/// Below, text stays as it is.
const DEPTH: usize = 64;

/// Returns text that is equal for two JSON texts of the same value. It does not depend on the order
/// of members, on blanks outside strings, or on escapes in strings. Numbers stay as they are
/// written. Text that is not JSON is returned unchanged.
pub(crate) fn canonical(json: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(json.len());
    push_canonical(&mut text, json.trim(), 0);
    text
}

fn push_canonical(text: &mut Vec<u8>, value: &str, depth: usize) {
    let start = text.len();
    let is_done = match value.as_bytes().first() {
        Some(b'{') if depth < DEPTH => push_members(text, value, depth),
        Some(b'[') if depth < DEPTH => push_items(text, value, depth),
        Some(b'"') => push_string(text, value),
        _ => None,
    };
    if is_done.is_none() {
        text.truncate(start);
        text.extend_from_slice(value.as_bytes());
    }
}

fn push_members(text: &mut Vec<u8>, value: &str, depth: usize) -> Option<()> {
    let mut members: Vec<(Cow<'_, str>, Vec<u8>)> = Vec::new();
    scan::each_member(value, |quoted, value| {
        let mut text = Vec::with_capacity(value.len());
        push_canonical(&mut text, value, depth + 1);
        members.push((scan::name(quoted), text));
    })?;
    members.sort();
    text.push(b'{');
    for (name, value) in members {
        push_sized(text, name.as_bytes());
        text.extend_from_slice(&value);
        text.push(b',');
    }
    text.push(b'}');
    Some(())
}

fn push_items(text: &mut Vec<u8>, value: &str, depth: usize) -> Option<()> {
    text.push(b'[');
    let read = scan::items(value, |item| {
        push_canonical(text, item, depth + 1);
        text.push(b',');
        Ok::<_, ()>(())
    });
    text.push(b']');
    read.ok().flatten()
}

fn push_string(text: &mut Vec<u8>, value: &str) -> Option<()> {
    let string = serde_json::from_str::<Text<'_>>(value).ok()?;
    push_sized(text, string.0.as_bytes());
    Some(())
}

/// Appends a string after its length, so that no content can look like a structure.
fn push_sized(text: &mut Vec<u8>, string: &[u8]) {
    text.push(b'"');
    text.extend_from_slice(&(string.len() as u64).to_le_bytes());
    text.extend_from_slice(string);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn items(json: &str) -> Result<(Vec<String>, bool), serde_json::Error> {
        let mut items = Vec::new();
        let mut reader = serde_json::Deserializer::from_reader(json.as_bytes());
        let found = reader.deserialize_map(Data::new(|item| {
            items.push(item.to_owned());
            true
        }))?;
        Ok((items, found))
    }

    #[test]
    fn items_come_as_they_were_sent_wherever_data_stands() {
        let (found, _) = items(r#"{"data":[{"b":1,"a":"\/"}, 2,null],"type":"MTA"}"#).unwrap();
        assert_eq!(found, [r#"{"b":1,"a":"\/"}"#, "2", "null"]);
        assert_eq!(items(r#"{"type":{"x":[1]}}"#).unwrap(), (vec![], false));
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for json in [
            "[]",
            "{",
            r#"{"data":1}"#,
            r#"{"data":[1,]}"#,
            r#"{"data":[1]"#,
            "",
        ] {
            assert!(items(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_same_value_has_one_canonical_text_and_another_value_another() {
        let one = r#"{"id":"1","b":{"x":[1,2],"y":null},"t":"a\u00e4"}"#;
        for same in [
            "{ \"b\" : {\"y\":null,\n\"x\":[ 1, 2 ]}, \"t\":\"a\u{e4}\" , \"id\":\"1\" } ",
            one,
        ] {
            assert_eq!(canonical(same), canonical(one), "{same}");
        }
        for other in [
            r#"{"id":"1","b":{"x":[2,1],"y":null},"t":"a\u00e4"}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":""},"t":"a\u00e4"}"#,
            r#"{"id":"1","b":{"x":[1,2.0],"y":null},"t":"a\u00e4"}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":null},"t":"a \u00e4"}"#,
            r#"{"id":1,"b":{"x":[1,2],"y":null},"t":"a\u00e4"}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":null}}"#,
        ] {
            assert_ne!(canonical(other), canonical(one), "{other}");
        }
        assert_ne!(
            canonical("7123456789012345678901"),
            canonical("7123456789012345678902")
        );
    }

    proptest! {
        #[test]
        fn a_canonical_text_needs_no_json(text in "[\\[\\]{}\",:\\\\a1 ]{0,40}") {
            prop_assert_eq!(canonical(&text), canonical(&text));
        }

        #[test]
        fn one_value_is_one_line_of_the_same_value(text in ".*", key in "[a-z\u{2028}\u{85}\n]{0,5}") {
            let value = serde_json::json!({ key: [text] });
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let mut line = Vec::new();
            push_one_line(&mut line, &pretty);
            let line = String::from_utf8(line).unwrap();
            let has_break = line.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
            prop_assert!(!has_break);
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
        }
    }
}
