//! Pages of audit events.
//!
//! - The reader returns every item of the page: as sent, with its control characters escaped, or as broken.
//!   A whole item is one line, or it is not an event.
//! - If a general reader of JSON accepts the page, both find the same items, token and count.
//! - The reader reads or refuses nesting of any depth, and never crashes.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::{AuditItem, AuditPage, audit_lines, audit_page};
use mimecast_collector_fuzz::{first, is_json, is_one_line, items, members};
use serde_json::Value;

/// Reads a page and returns the number of its items.
fn check(text: &str) -> Option<usize> {
    let page = match audit_page(text) {
        Ok(page) => page,
        Err(why) => {
            assert!(is_one_line(&why) && why.len() < 120, "{why:?}");
            return None;
        }
    };
    for item in &page.items {
        match item {
            AuditItem::Whole(item) => check_item(item),
            AuditItem::Broken(item) => assert!(text.contains(item.as_str()) && !is_json(item)),
        }
    }
    assert_ne!(page.next.as_deref(), Some(""));
    if members(text).is_some() {
        check_against_json(&page, text);
    }
    Some(page.items.len())
}

fn check_item(item: &str) {
    assert!(is_json(item));
    let Some(written) = audit_lines(item) else {
        // not an event: the collector puts it into quarantine
        return assert!(!serde_json::from_str::<Value>(item).is_ok_and(|item| item.is_object()));
    };
    for line in [written.key_value, written.json] {
        let line = std::str::from_utf8(&line).expect("text stays text");
        assert!(is_one_line(line.strip_suffix('\n').expect("a line ends")));
    }
}

fn check_against_json(page: &AuditPage, text: &str) {
    let members = members(text).expect("an object");
    let data = items(first(&members, "data").expect("a page has data")).expect("a list");
    assert_eq!(page.items.len(), data.len(), "an event has vanished");
    for (item, sent) in page.items.iter().zip(data) {
        let is_same = matches!(item, AuditItem::Whole(item) if item == sent.get());
        assert!(is_same, "{item:?} was {sent}");
    }
    let meta = first(&members, "meta").unwrap_or("{}");
    let Ok(Value::Object(meta)) = serde_json::from_str(meta) else {
        return;
    };
    let none = Value::Null;
    let pagination = meta.get("pagination").unwrap_or(&none);
    let next = pagination["next"].as_str().filter(|next| !next.is_empty());
    assert_eq!(page.next.as_deref(), next);
    if let Some(total) = pagination["totalCount"].as_u64() {
        assert_eq!(page.total, Some(total));
    }
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
    /// A raw control character in a text, which JSON forbids.
    Control(String, u8),
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
            Self::Control(text, control) => {
                let text = Value::from(text.as_str()).to_string();
                let text = text.strip_suffix('"').expect("quoted");
                format!("{{\"user\":{text}{}\"}}", char::from(control % 32))
            }
            Self::Raw(text) => text.clone(),
        }
    }
}

fn nested(depth: u16, is_list: bool) -> String {
    // very deep nesting is slow, so only a few values get it
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
