//! A scanner that splits JSON text without reading its values. One broken value does not hide the others.
//!
//! The scanner respects strings, escapes and the depth of brackets. It holds only slices.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Text;

/// Calls `each` with the quoted name and the value of every member of an object, as Mimecast sent
/// them. Returns `None` unless the text is exactly one object with balanced brackets. In that case
/// `each` may already have seen some members.
pub(crate) fn each_member<'a>(text: &'a str, mut each: impl FnMut(&'a str, &'a str)) -> Option<()> {
    let mut scan = Scan::inside(text, b'{')?;
    while !scan.ends_with(b'}') {
        let name = scan.string()?;
        scan.skip(b':')?;
        each(name, scan.value()?);
        scan.separate(b'}')?;
    }
    scan.is_done().then_some(())
}

/// Returns the values of these members of an object, as Mimecast sent them. Returns `None` like
/// [`each_member`], and if a name occurs twice, because either value could count.
pub(crate) fn members<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Option<[Option<&'a str>; N]> {
    let (mut values, mut is_double) = ([None; N], false);
    each_member(text, |quoted, value| {
        let name = name(quoted);
        if let Some(at) = names.iter().position(|wanted| *wanted == name) {
            is_double |= values[at].replace(value).is_some();
        }
    })?;
    (!is_double).then_some(values)
}

/// Returns the name of a member without quotes and escapes.
pub(crate) fn name(quoted: &str) -> Cow<'_, str> {
    match serde_json::from_str::<Text<'_>>(quoted) {
        Ok(text) => text.0,
        Err(_) => Cow::Borrowed(quoted),
    }
}

/// Calls `each` with every item of a list, as Mimecast sent it. Returns `None` unless the text is
/// exactly one list with balanced brackets. In that case `each` may already have seen some items.
pub(crate) fn items<'a, E>(
    text: &'a str,
    mut each: impl FnMut(&'a str) -> Result<(), E>,
) -> Result<Option<()>, E> {
    let Some(mut scan) = Scan::inside(text, b'[') else {
        return Ok(None);
    };
    while !scan.ends_with(b']') {
        let Some(item) = scan.value() else {
            return Ok(None);
        };
        each(item)?;
        if scan.separate(b']').is_none() {
            return Ok(None);
        }
    }
    Ok(scan.is_done().then_some(()))
}

/// Returns a value that is valid JSON, or `None`. Escapes raw control characters in strings, which
/// keeps the value the same.
pub(crate) fn repaired(value: &str) -> Option<Cow<'_, str>> {
    let is_json = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok();
    if is_json(value) {
        return Some(Cow::Borrowed(value));
    }
    let repaired = escape_controls(value);
    is_json(&repaired).then_some(Cow::Owned(repaired))
}

/// Escapes control characters inside strings.
fn escape_controls(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len() + 16);
    let (mut is_inside, mut is_escaped) = (false, false);
    for letter in value.chars() {
        let is_control = is_inside && u32::from(letter) < 0x20;
        if is_control {
            escaped.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            escaped.push(letter);
        }
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_inside => is_escaped = true,
            '"' => is_inside = !is_inside,
            _ => {}
        }
    }
    escaped
}

/// A position in JSON text.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    /// Returns a scan that begins after the first bracket.
    fn inside(text: &'a str, bracket: u8) -> Option<Self> {
        let mut scan = Self { text, at: 0 };
        scan.skip(bracket)?;
        Some(scan)
    }

    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = rest.iter().position(|byte| !byte.is_ascii_whitespace());
        self.at += blank.unwrap_or(rest.len());
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Skips the closing bracket. Returns true if it came next.
    fn ends_with(&mut self, bracket: u8) -> bool {
        self.skip(bracket).is_some()
    }

    /// Skips a comma, or stops before the closing bracket.
    fn separate(&mut self, bracket: u8) -> Option<()> {
        match self.peek()? {
            b',' => self.skip(b','),
            next => (next == bracket).then_some(()),
        }
    }

    fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Reads a string with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        (self.peek()? == b'"').then_some(())?;
        let start = self.at;
        self.at = self.end_of_string(start)?;
        Some(&self.text[start..self.at])
    }

    fn end_of_string(&self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        loop {
            let next = memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
            at += next;
            match bytes[at] {
                b'"' => return Some(at + 1),
                _ => at += 2,
            }
        }
    }

    /// Reads a value: a string, the text between two brackets, or a word.
    fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        self.at = match first {
            b'"' => self.end_of_string(start)?,
            b'{' | b'[' => self.end_of_brackets(start)?,
            _ => {
                let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b'"' | b':');
                start + bytes[start..].iter().position(is_end)?
            }
        };
        let value = self.text.get(start..self.at)?.trim_end();
        (!value.is_empty()).then_some(value)
    }

    fn end_of_brackets(&self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let (mut at, mut depth) = (start, 0_usize);
        loop {
            match *bytes.get(at)? {
                b'"' => {
                    at = self.end_of_string(at)?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn list(text: &str) -> Option<Vec<&str>> {
        let mut found = Vec::new();
        let done = items(text, |item| {
            found.push(item);
            Ok::<_, ()>(())
        });
        done.unwrap().map(|()| found)
    }

    #[test]
    fn one_broken_item_does_not_hide_the_others() {
        let text = "[{\"a\":\"x\ny\"}, {\"b\":tru}, {\"c\":[1,]} ,null,7, \"]\" ]";
        let found = list(text).unwrap();
        let expected = [
            "{\"a\":\"x\ny\"}",
            "{\"b\":tru}",
            "{\"c\":[1,]}",
            "null",
            "7",
            "\"]\"",
        ];
        assert_eq!(found, expected);
        let good: Vec<bool> = found.iter().map(|item| repaired(item).is_some()).collect();
        assert_eq!(good, [true, false, false, true, true, true]);
        assert_eq!(repaired("{\"a\":\"x\ny\"}").unwrap(), r#"{"a":"x\u000ay"}"#);
    }

    #[test]
    fn what_is_cut_or_goes_on_is_not_taken_apart() {
        for text in [
            "", "[", "[1", "[1}", "[1]]", "[1] x", "[\"a]", "{\"a\":1", "{\"a\"}", "{1:2}",
        ] {
            assert!(
                list(text).is_none() && each_member(text, |_, _| ()).is_none(),
                "{text}"
            );
        }
        assert_eq!(list(" [ ] "), Some(vec![]));
        assert_eq!(members("{}", ["a"]), Some([None]));
        let text = r#"{"a":1,"b":[2],"\u0061":3}"#;
        assert_eq!(members(text, ["b", "c"]), Some([Some("[2]"), None]));
        assert_eq!(members(text, ["b", "a"]), None);
    }

    proptest! {
        #[test]
        fn taking_apart_never_panics(text in "[\\[\\]{}\",:\\\\a1 \u{e4}]{0,40}") {
            let _ = (members(&text, ["a"]), list(&text), repaired(&text));
        }

        #[test]
        fn what_is_json_is_taken_apart_as_it_was_put_together(
            values in prop::collection::vec((".*", any::<i32>(), prop::collection::vec(".*", 0..3)), 0..6),
            space in prop::sample::select(vec!["", " ", "\r\n\t"]),
        ) {
            let values: Vec<String> = values
                .iter()
                .map(|(text, number, list)| serde_json::json!({"t": text, "n": number, "l": list}).to_string())
                .collect();
            let text = format!("[{}]", values.join(&format!("{space},{space}")));
            prop_assert_eq!(list(&text).unwrap(), values.clone());
            for value in &values {
                let whole: Value = serde_json::from_str(value).unwrap();
                let mut found = Vec::new();
                each_member(value, |quoted, part| found.push((name(quoted), part))).unwrap();
                for (name, part) in found {
                    prop_assert_eq!(&serde_json::from_str::<Value>(part).unwrap(), &whole[&*name]);
                }
            }
        }

        #[test]
        fn a_repair_changes_no_value(text in ".*") {
            let sound = Value::from(text.as_str()).to_string();
            let raw = sound.replace("\\n", "\n").replace("\\t", "\t");
            if let Some(repaired) = repaired(&raw) {
                prop_assert!(serde_json::from_str::<Value>(&repaired).is_ok());
            }
        }
    }
}
