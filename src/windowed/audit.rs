//! Formats one audit event as one line.
//!
//! The `key_value` line is that of the scripts for which the published dashboards were made. It has
//! five values in this order. The quote before `eventInfo` is never closed: the dashboards read to
//! the end of the line, and a closing quote would become part of the value.

use std::borrow::Cow;

use twox_hash::XxHash3_64;

use crate::json::{Members, Text, canonical, push_one_line};

/// The largest nested value that is compared in canonical form, in bytes. A larger one is compared
/// as it was sent.
const CANONICAL_LIMIT: usize = 64 << 10;

/// An event as it was sent.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    members: Members<'a>,
}

impl<'a> Event<'a> {
    /// Reads an item. Returns `None` if it is not an object.
    pub(crate) fn read(json: &'a str) -> Option<Self> {
        Some(Self {
            members: serde_json::from_str(json).ok()?,
        })
    }

    /// Returns the vendor's unique id, or `None` for an event without one. Such an event is
    /// identified by its text.
    pub(crate) fn id(&self) -> Option<Cow<'a, str>> {
        Some(self.value("id")).filter(|id| !id.is_empty())
    }

    /// Returns a hash of the members and their values. It does not depend on the order of members,
    /// on blanks between tokens, or on the escapes of strings.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.members.0.iter().fold(0, |sum, (name, value)| {
            let name = XxHash3_64::oneshot(name.as_bytes());
            sum.wrapping_add(fingerprint(name, value.get()))
        })
    }

    /// Returns the line for the dashboards, with its line break.
    pub(crate) fn key_value(&self) -> Vec<u8> {
        let mut line = String::with_capacity(256);
        for (before, name) in [
            ("date=", "eventTime"),
            ("|mcType=auditLog|user=", "user"),
            ("|auditType=\"", "auditType"),
        ] {
            line.push_str(before);
            // without these letters, a value cannot forge a field
            push_flat(&mut line, &self.value(name), |letter| {
                matches!(letter, '|' | '"')
            });
        }
        line.push_str("\"|eventInfo=\"");
        push_flat(&mut line, &self.value("eventInfo"), |_| false);
        line.push('\n');
        line.into_bytes()
    }

    /// Returns the event as one line of JSON. The time is first, because agents use the first time
    /// of a line. The rest stays as received.
    pub(crate) fn json(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(512);
        let members = &self.members.0;
        let first = members.iter().position(|(name, _)| name == "eventTime");
        let rest = members
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != first);
        let ordered = first
            .map(|at| &members[at])
            .into_iter()
            .chain(rest.map(|(_, member)| member));
        let mut before = b'{';
        for (name, value) in ordered {
            line.push(before);
            push_one_line(&mut line, &serde_json::Value::from(&**name).to_string());
            line.push(b':');
            push_one_line(&mut line, value.get());
            before = b',';
        }
        if before == b'{' {
            line.push(b'{');
        }
        line.extend_from_slice(b"}\n");
        line
    }

    /// Returns a member as text: empty if it is absent or null, JSON if it is not a string.
    fn value(&self, name: &str) -> Cow<'a, str> {
        match self.members.get(name) {
            None | Some("null") => Cow::Borrowed(""),
            Some(json) => match serde_json::from_str::<Text<'a>>(json) {
                Ok(text) => text.0,
                Err(_) => Cow::Borrowed(json.trim_matches('"')),
            },
        }
    }
}

/// Returns a hash for a member whose name has the hash `name`.
fn fingerprint(name: u64, json: &str) -> u64 {
    let string = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match string {
        Some(plain) if !plain.contains('\\') => {
            XxHash3_64::oneshot_with_seed(name, plain.as_bytes())
        }
        // another seed, so that a number differs from the string of its digits
        _ => match serde_json::from_str::<Text<'_>>(json) {
            Ok(text) => XxHash3_64::oneshot_with_seed(name, text.0.as_bytes()),
            Err(_) if json.len() > CANONICAL_LIMIT => {
                XxHash3_64::oneshot_with_seed(!name, json.as_bytes())
            }
            Err(_) => XxHash3_64::oneshot_with_seed(!name, &canonical(json)),
        },
    }
}

/// Returns a text of several lines as one line, as the `key_value` line of an event shows it.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    push_flat(&mut line, text, |_| false);
    line
}

/// Appends text, with spaces for line breaks, control characters and `unwanted` letters. Several
/// breaks in a row become one space.
fn push_flat(line: &mut String, text: &str, unwanted: impl Fn(char) -> bool) {
    let is_break = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    let mut rest = text;
    while let Some(at) = rest.find(|letter| is_break(letter) || unwanted(letter)) {
        let (plain, found) = rest.split_at(at);
        line.push_str(plain);
        line.push(' ');
        rest = found
            .strip_prefix(&unwanted)
            .unwrap_or_else(|| found.trim_start_matches(is_break));
    }
    line.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key_value(json: &str) -> String {
        String::from_utf8(Event::read(json).unwrap().key_value()).unwrap()
    }

    fn json(json: &str) -> String {
        String::from_utf8(Event::read(json).unwrap().json()).unwrap()
    }

    const EVENT: &str = r#"{"id":"eNo1","auditType":"User Logged On","user":"svc@example.com","eventTime":"2026-11-20T10:43:25+0000","eventInfo":"Successful authentication for svc@example.com <Svc>, Date: 2026-11-20, IP: 192.0.2.9, Application: SMTP, Method: Cloud","category":"authentication_logs"}"#;

    #[test]
    fn the_line_is_the_one_that_the_dashboards_read() {
        assert_eq!(
            key_value(EVENT),
            "date=2026-11-20T10:43:25+0000|mcType=auditLog|user=svc@example.com|\
             auditType=\"User Logged On\"|eventInfo=\"Successful authentication for svc@example.com \
             <Svc>, Date: 2026-11-20, IP: 192.0.2.9, Application: SMTP, Method: Cloud\n"
        );
    }

    #[test]
    fn missing_null_and_odd_values_still_make_a_line() {
        assert_eq!(
            key_value("{}"),
            "date=|mcType=auditLog|user=|auditType=\"\"|eventInfo=\"\n"
        );
        assert_eq!(
            key_value(r#"{"user":null,"auditType":7,"eventInfo":{"a":[1]},"eventTime":"x\ud800"}"#),
            "date=x\\ud800|mcType=auditLog|user=|auditType=\"7\"|eventInfo=\"{\"a\":[1]}\n"
        );
        assert!(Event::read("[]").is_none() && Event::read("\"x\"").is_none());
    }

    #[test]
    fn no_value_before_the_last_can_forge_a_field() {
        let line =
            key_value(r#"{"user":"a|auditType=\"x","auditType":"b\"|c","eventInfo":"d|\"e"}"#);
        assert_eq!(
            line,
            "date=|mcType=auditLog|user=a auditType= x|auditType=\"b  c\"|eventInfo=\"d|\"e\n"
        );
    }

    #[test]
    fn breaks_of_every_kind_become_one_space() {
        let line = key_value(r#"{"eventInfo":"a\r\nb\u0085c\u2028d\u001b[0me\u0000f"}"#);
        assert!(line.ends_with("|eventInfo=\"a b c d [0me f\n"), "{line:?}");
    }

    #[test]
    fn json_puts_the_time_first_and_loses_nothing() {
        assert_eq!(
            json(
                r#"{"id":"1", "b":1.0e5, "eventTime":"t", "n":{"x":
 2},"b":"\/"}"#
            ),
            "{\"eventTime\":\"t\",\"id\":\"1\",\"b\":1.0e5,\"n\":{\"x\":  2},\"b\":\"\\/\"}\n"
        );
        assert_eq!(json("{}"), "{}\n");
    }

    #[test]
    fn the_same_event_has_one_fingerprint_and_another_one_another() {
        let fingerprint = |json| Event::read(json).unwrap().fingerprint();
        let one = fingerprint(r#"{"id":"1","b":{"x":[1,2],"y":null},"t":"a\u00e4","n":7}"#);
        for same in [
            "{ \"b\" : {\"y\":null,\n\"x\":[ 1, 2 ]}, \"n\": 7 , \"t\":\"a\u{e4}\" , \"id\":\"1\" } ",
            r#"{"\u0069d":"1","b":{"x":[1,2],"y":null},"t":"a\u00e4","n":7}"#,
        ] {
            assert_eq!(fingerprint(same), one, "{same}");
        }
        for other in [
            r#"{"id":"1","b":{"x":[2,1],"y":null},"t":"a\u00e4","n":7}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":""},"t":"a\u00e4","n":7}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":null},"t":"a \u00e4","n":7}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":null},"t":"a\u00e4","n":"7"}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":null},"t":"a\u00e4"}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":null},"n":"a\u00e4","t":7}"#,
            r#"{"id":"1","b":{"x":[1,2],"y":null},"t":"a\u00e4","n":7,"n":7}"#,
        ] {
            assert_ne!(fingerprint(other), one, "{other}");
        }
    }

    proptest! {
        #[test]
        fn one_event_is_one_line(user in any::<String>(), info in any::<String>(), kind in any::<String>()) {
            let event = serde_json::json!({"user": user, "eventInfo": info, "auditType": kind}).to_string();
            for line in [key_value(&event), json(&event)] {
                prop_assert_eq!(line.lines().count(), 1);
                prop_assert!(line.ends_with('\n'));
                let breaks = ['\u{85}', '\u{2028}', '\u{2029}', '\r'];
                let has_break = line[..line.len() - 1].contains(breaks);
                prop_assert!(!has_break);
            }
            let fields: Vec<_> = key_value(&event).splitn(5, '|').map(str::to_owned).collect();
            prop_assert_eq!(fields.len(), 5);
            prop_assert_eq!(fields[..3].concat().matches('"').count(), 0);
            prop_assert_eq!(fields[3].matches('"').count(), 2);
            let is_break = |letter: char| letter.is_control() || "\u{2028}\u{2029}".contains(letter);
            let words = |text: &str| text.split(is_break).filter(|word| !word.is_empty()).collect::<String>();
            let written = fields[4].strip_prefix("eventInfo=\"").unwrap();
            prop_assert_eq!(written.replace([' ', '\n'], ""), words(&info).replace(' ', ""));
            let again: serde_json::Value = serde_json::from_str(&json(&event)).unwrap();
            prop_assert_eq!(again, serde_json::from_str::<serde_json::Value>(&event).unwrap());
        }
    }
}
