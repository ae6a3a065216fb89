//! The writer of audit lines.
//!
//! - One event is one line, without control characters.
//! - The first three values cannot forge a field. The last one is verbatim, except for line breaks.
//! - The line of JSON has the same value as the item, so that it tells two events with one id apart.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::{audit_lines, json_canonical};
use mimecast_collector_fuzz::is_one_line;
use serde_json::{Value, json};

/// Checks both lines of an item. Returns the first, or `None` if the item is not an object.
fn check(item: &str) -> Option<String> {
    let lines = audit_lines(item)?;
    let key_value = String::from_utf8(lines.key_value).expect("text stays text");
    let line = key_value.strip_suffix('\n').expect("a line ends");
    assert!(is_one_line(line) && !line.contains(char::is_control));

    let parts: Vec<_> = line.splitn(5, '|').collect();
    let [date, kind, user, audit_type, info] = parts[..] else {
        panic!("not five fields: {line:?}");
    };
    assert!(date.starts_with("date=") && kind == "mcType=auditLog" && user.starts_with("user="));
    let audit_type = audit_type
        .strip_prefix("auditType=\"")
        .and_then(|rest| rest.strip_suffix('"'));
    assert!(audit_type.is_some_and(|value| !value.contains('"')));
    assert!(!date.contains('"') && !user.contains('"') && info.starts_with("eventInfo=\""));

    let json = String::from_utf8(lines.json).expect("text stays text");
    let line = json.strip_suffix('\n').expect("a line ends");
    assert!(is_one_line(line));
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    assert_eq!(read(line), read(item));
    // values with deep nesting are compared as written
    if read(item).is_some() && item.matches(['{', '[']).count() < 64 {
        assert_eq!(json_canonical(line), json_canonical(item));
    }
    Some(key_value)
}

/// Replaces each row of line breaks and control characters by one space.
fn flat(text: &str) -> String {
    let is_break = |letter: char| letter.is_control() || "\u{2028}\u{2029}".contains(letter);
    let mut flat = String::new();
    let mut was_break = false;
    for letter in text.chars() {
        match (is_break(letter), was_break) {
            (false, _) => flat.push(letter),
            (true, false) => flat.push(' '),
            (true, true) => {}
        }
        was_break = is_break(letter);
    }
    flat
}

#[derive(Arbitrary, Debug)]
struct Event {
    time: String,
    user: Option<String>,
    kind: String,
    info: String,
    more: Vec<(String, u32)>,
    is_pretty: bool,
}

fn play(event: &Event) {
    let mut value = json!({
        "eventTime": event.time, "user": event.user, "auditType": event.kind, "eventInfo": event.info,
    });
    for (name, number) in event.more.iter().take(4) {
        let known = ["eventTime", "user", "auditType", "eventInfo"];
        if !known.contains(&name.as_str()) {
            value[name] = (*number).into();
        }
    }
    let item = if event.is_pretty {
        serde_json::to_string_pretty(&value).expect("a value is JSON")
    } else {
        value.to_string()
    };
    let line = check(&item).expect("an object is an event");
    let (_, info) = line.split_once("|eventInfo=\"").expect("checked before");
    assert_eq!(info, flat(&event.info) + "\n");
    let unforged = |text: &str| {
        let flat = flat(text);
        flat.replace(['|', '"'], " ")
    };
    let starts = format!("date={}|mcType=auditLog|user=", unforged(&event.time));
    assert!(line.starts_with(&starts));
}

fuzz_target!(|data: &[u8]| {
    if let Ok(item) = std::str::from_utf8(data) {
        check(item);
    }
    if let Ok(event) = Event::arbitrary(&mut Unstructured::new(data)) {
        play(&event);
    }
});
