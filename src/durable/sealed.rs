//! Small files that show damage: a line `<magic> <sha256>`, and a JSON document that the digest covers.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Returns the bytes of the file. Writes the JSON only once, because a day of ids is long.
///
/// # Panics
/// If the document has keys that are not text.
pub fn seal(magic: &str, document: &impl Serialize) -> Vec<u8> {
    let mut bytes = format!("{magic} {:64}\n", "").into_bytes();
    let start = bytes.len();
    serde_json::to_writer(&mut bytes, document).expect("a record has only string keys");
    let sum = digest(&bytes[start..]);
    bytes[start - 1 - sum.len()..start - 1].copy_from_slice(sum.as_bytes());
    bytes.push(b'\n');
    bytes
}

/// Returns the JSON document of a file, or what is wrong with its bytes.
///
/// # Errors
/// A clause about the damage.
pub fn open<'a>(magic: &str, bytes: &'a [u8]) -> Result<&'a str, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not text")?;
    let (head, body) = text.split_once('\n').ok_or("cut short")?;
    let body = body.strip_suffix('\n').ok_or("cut short")?;
    let sum = head
        .strip_prefix(magic)
        .and_then(|rest| rest.strip_prefix(' '));
    if sum != Some(&digest(body.as_bytes())) {
        return Err("the checksum does not match");
    }
    Ok(body)
}

/// Returns the SHA-256 in lower-case hex.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
            text
        })
}
