//! Strict reading of request bodies: the documented fields, the documented types, nothing else.
//!
//! An error text is both the complaint and the message of the 400.

use serde_json::{Map, Value};

/// A JSON object of the request.
pub(crate) type Fields = Map<String, Value>;

/// Reads a body as JSON.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("body is not JSON: {error}"))
}

/// Checks that `value` is an object with no other fields than `known`.
pub(crate) fn object<'a>(
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
pub(crate) fn item<'a>(
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
pub(crate) fn text<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, String> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("{name} is {other} instead of a text")),
    }
}

/// A text field that must be there.
pub(crate) fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, String> {
    text(fields, name)?.ok_or_else(|| format!("{name} is missing"))
}
