//! Pages of audit events.
//!
//! - Every item of the page is handed out as it was sent, and is one line or no event at all.
//! - Where a general reader of JSON accepts the page, both find the same items and the same token.
//! - Nesting of any depth is refused or read, and never the end of the program.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::{audit_lines, audit_page};
use mimecast_collector_fuzz::is_one_line;
use serde_json::Value;

/// Reads a page; yields the number of its items.
fn check(text: &str) -> Option<usize> {
    let page = match audit_page(text) {
        Ok(page) => page,
        Err(why) => {
            assert!(is_one_line(&why) && why.len() < 120, "{why:?}");
            return None;
        }
    };
    let mut lines = 0;
    for item in &page.items {
        match audit_lines(item) {
            Some(written) => {
                for line in [written.key_value, written.json] {
                    let line = std::str::from_utf8(&line).expect("text stays text");
                    assert!(is_one_line(line.strip_suffix('\n').expect("a line ends")));
                }
                lines += 1;
            }
            // kept for the quarantine as it is
            None => {
                assert!(!serde_json::from_str::<Value>(item).is_ok_and(|item| item.is_object()))
            }
        }
    }
    assert!(lines <= page.items.len() && page.next.as_deref() != Some(""));
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let data = value["data"].as_array().expect("a page has data");
        assert_eq!(page.items.len(), data.len(), "an event has vanished");
        for (item, value) in page.items.iter().zip(data) {
            assert_eq!(
                serde_json::from_str::<Value>(item).ok().as_ref(),
                Some(value)
            );
        }
        let next = value["meta"]["pagination"]["next"]
            .as_str()
            .filter(|next| !next.is_empty());
        assert_eq!(page.next.as_deref(), next);
    }
    Some(page.items.len())
}

#[derive(Arbitrary, Debug)]
struct Page {
    items: Vec<Item>,
    next: Next,
    is_data_first: bool,
    spaces: u8,
}

#[derive(Arbitrary, Debug)]
enum Item {
    Event {
        id: String,
        user: String,
        info: String,
    },
    Number(i64),
    Text(String),
    Nested {
        depth: u16,
        is_list: bool,
    },
    Null,
    Raw(String),
}

#[derive(Arbitrary, Debug)]
enum Next {
    Absent,
    Null,
    Token(String),
    Number(u8),
    Nested(u16),
}

impl Item {
    fn json(&self) -> String {
        match self {
            Self::Event { id, user, info } => {
                serde_json::json!({"id": id, "user": user, "eventInfo": info}).to_string()
            }
            Self::Number(number) => number.to_string(),
            Self::Text(text) => Value::from(text.as_str()).to_string(),
            Self::Nested { depth, is_list } => nested(*depth, *is_list),
            Self::Null => "null".to_owned(),
            Self::Raw(text) => text.clone(),
        }
    }
}

fn nested(depth: u16, is_list: bool) -> String {
    // very deep ones take long, and need not be many
    let depth = usize::from(if depth % 64 == 0 { depth } else { depth % 300 });
    if is_list {
        return "[".repeat(depth) + "1" + &"]".repeat(depth);
    }
    r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth)
}

fn play(page: &Page) {
    let items: Vec<_> = page.items.iter().take(20).map(Item::json).collect();
    let space = [" ", "\n", "\r\n\t", ""][usize::from(page.spaces % 4)];
    let data = format!(
        "\"data\":[{space}{}{space}]",
        items.join(&format!("{space},{space}"))
    );
    let next = match &page.next {
        Next::Absent => String::new(),
        Next::Null => "\"next\":null".to_owned(),
        Next::Token(token) => format!("\"next\":{}", Value::from(token.as_str())),
        Next::Number(number) => format!("\"next\":{number}"),
        Next::Nested(depth) => format!("\"next\":{}", nested(*depth, true)),
    };
    let meta = format!("\"meta\":{{\"status\":200,\"pagination\":{{{next}}}}}");
    let text = if page.is_data_first {
        format!("{{{data},{space}{meta}}}")
    } else {
        format!("{{{meta},{space}{data},\"fail\":[]}}")
    };
    let found = check(&text);
    let is_plain = matches!(page.next, Next::Absent | Next::Null | Next::Token(_))
        && !page.items.iter().any(|item| matches!(item, Item::Raw(_)));
    if is_plain {
        assert_eq!(found, Some(items.len()), "a sound page is refused");
    }
}

fuzz_target!(|data: &[u8]| {
    check(&String::from_utf8_lossy(data));
    if let Ok(page) = Page::arbitrary(&mut Unstructured::new(data)) {
        play(&page);
    }
});
