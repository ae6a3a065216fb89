//! Strict reading of request bodies: the documented fields, the documented types, nothing else.
//!
//! An error text is both the complaint and the message of the 400.

use serde_json::{Map, Value};

/// A JSON object of the request.
pub(super) type Fields = Map<String, Value>;

/// Reads a body as JSON, or as the text form of a Python dictionary when that is allowed.
pub(super) fn read(body: &[u8], accept_python: bool) -> Result<Value, String> {
    match serde_json::from_slice(body) {
        Ok(value) => Ok(value),
        Err(_) if accept_python => {
            let text = from_python(&String::from_utf8_lossy(body));
            serde_json::from_str(&text).map_err(|error| format!("body is not even Python: {error}"))
        }
        Err(error) => Err(format!("body is not JSON: {error}")),
    }
}

/// Checks that `value` is an object with no other fields than `known`.
pub(super) fn object<'a>(
    value: &'a Value,
    name: &str,
    known: &[&str],
) -> Result<&'a Fields, String> {
    let fields = value
        .as_object()
        .ok_or_else(|| format!("{name} is no object"))?;
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        Some(field) => Err(format!("{name} has the unknown field {field:?}")),
        None => Ok(fields),
    }
}

/// The one item of `data` in a body that holds `top` and nothing else.
pub(super) fn item<'a>(
    body: &'a Value,
    top: &[&str],
    known: &[&str],
) -> Result<&'a Fields, String> {
    match object(body, "body", top)?
        .get("data")
        .and_then(Value::as_array)
    {
        Some(items) if items.len() == 1 => object(&items[0], "data[0]", known),
        Some(items) => Err(format!("data holds {} items instead of one", items.len())),
        None => Err("data is no list".to_owned()),
    }
}

/// A text field that may be absent.
pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, String> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("{name} is {other} instead of a text")),
    }
}

/// A text field that must be there.
pub(super) fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, String> {
    text(fields, name)?.ok_or_else(|| format!("{name} is missing"))
}

/// Rewrites the text form of a Python 2 or 3 dictionary as JSON; good enough for the old scripts' bodies.
fn from_python(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => {
                json.push('"');
                quote = None;
            }
            (Some(_), '"') => json.push_str("\\\""),
            (Some(_), '\\') => match characters.next() {
                Some('\'') => json.push('\''),
                Some('x') => json.push_str("\\u00"),
                other => json.extend(['\\'].into_iter().chain(other)),
            },
            (None, '\'' | '"') => {
                json.push('"');
                quote = Some(character);
            }
            (None, 'u') if characters.peek() == Some(&'\'') => {}
            (_, other) => json.push(other),
        }
    }
    // Outside of texts these words are Python's; no documented value of ours contains them.
    json.replace(": True", ": true")
        .replace(": False", ": false")
        .replace(": None", ": null")
}
