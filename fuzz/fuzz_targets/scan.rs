//! JSON with broken parts, and the text that is compared for two values.
//!
//! - If a general reader of JSON accepts the text, both find the same members and items.
//! - A broken item does not hide others: the reader returns each text between two commas.
//! - A repair makes JSON, and does not change valid JSON.
//! - The compared texts are equal for equal values, and different for different values.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::{json_canonical, json_items, json_members, json_repaired};
use mimecast_collector_fuzz::{is_json, items, members};

fn check(text: &str) {
    let found = json_members(text);
    for (_, value) in found.iter().flatten() {
        assert!(!value.is_empty() && text.contains(value));
    }
    if let Some(expected) = members(text) {
        let expected = expected
            .iter()
            .map(|(name, value)| (name.clone(), value.get()));
        assert_eq!(found, Some(expected.collect()));
    }
    let found = json_items(text);
    assert!(found.iter().flatten().all(|item| !item.is_empty()));
    if let Some(expected) = items(text).filter(|_| text.trim() != "null") {
        let expected = expected.iter().map(|item| item.get());
        assert_eq!(found, Some(expected.collect()));
    }
    let repaired = json_repaired(text);
    if is_json(text) {
        assert_eq!(repaired.as_deref(), Some(text));
    }
    if let Some(repaired) = repaired {
        assert!(is_json(&repaired));
        assert!(repaired == text || text.contains(|letter| letter < ' '));
    }
    assert_eq!(json_canonical(text), json_canonical(&format!(" {text}\n")));
}

#[derive(Arbitrary, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Json {
    Null,
    Flag(bool),
    Number(i64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A way to write a value.
#[derive(Clone, Copy)]
struct Style {
    is_reversed: bool,
    is_escaped: bool,
    space: &'static str,
}

const PLAIN: Style = Style {
    is_reversed: false,
    is_escaped: false,
    space: "",
};
const FANCY: Style = Style {
    is_reversed: true,
    is_escaped: true,
    space: " \r\n\t",
};

impl Json {
    fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => {
                let depths = members.iter().map(|(_, value)| value.depth());
                1 + depths.max().unwrap_or(0)
            }
            _ => 1,
        }
    }

    /// Returns the value with its members in sorted order.
    fn sorted(&self) -> Self {
        match self {
            Self::List(items) => Self::List(items.iter().map(Self::sorted).collect()),
            Self::Object(members) => {
                let sorted = members
                    .iter()
                    .map(|(name, value)| (name.clone(), value.sorted()));
                let mut sorted: Vec<_> = sorted.collect();
                sorted.sort();
                Self::Object(sorted)
            }
            other => other.clone(),
        }
    }

    fn write(&self, style: Style) -> String {
        let space = style.space;
        let join = |parts: Vec<String>| parts.join(&format!("{space},{space}"));
        match self {
            Self::Null => "null".to_owned(),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => written(text, style),
            Self::List(items) => {
                let items = items.iter().map(|item| item.write(style));
                format!("[{space}{}{space}]", join(items.collect()))
            }
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    let (name, value) = (written(name, style), value.write(style));
                    format!("{name}{space}:{space}{value}")
                });
                let mut members: Vec<String> = members.collect();
                if style.is_reversed {
                    members.reverse();
                }
                format!("{{{space}{}{space}}}", join(members))
            }
        }
    }
}

/// Returns a string of JSON. The style can replace every letter by an escape.
fn written(text: &str, style: Style) -> String {
    if !style.is_escaped {
        return serde_json::Value::from(text).to_string();
    }
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}

#[derive(Arbitrary, Debug)]
struct Scene {
    one: Json,
    other: Json,
    broken: u8,
}

fn play(scene: &Scene) {
    // values with deep nesting are compared as written
    if scene.one.depth().max(scene.other.depth()) > 60 {
        return;
    }
    let (one, other) = (scene.one.write(PLAIN), scene.other.write(FANCY));
    assert_eq!(
        json_canonical(&one),
        json_canonical(&scene.one.write(FANCY))
    );
    let is_same = scene.one.sorted() == scene.other.sorted();
    assert_eq!(json_canonical(&one) == json_canonical(&other), is_same);

    let broken = ["tru", "{\"a\":tru}", "[1,]", "{\"a\" 1}", "1 2", "{]"];
    let broken = broken[usize::from(scene.broken) % broken.len()];
    let (other, is_closed) = (other.trim(), broken != "{]");
    let text = format!("[{one},{broken},{other}]");
    if is_closed {
        assert_eq!(json_items(&text), Some(vec![&*one, broken, other]));
    }
    assert!(json_repaired(broken).is_none());
    check(&one);
    check(&text);
}

fuzz_target!(|data: &[u8]| {
    check(&String::from_utf8_lossy(data));
    if let Ok(scene) = Scene::arbitrary(&mut Unstructured::new(data)) {
        play(&scene);
    }
});
