//! The three date forms of the wire, read strictly: a text counts only when writing it again gives the same text.

use chrono::{DateTime, NaiveDateTime, Utc};

/// `x-mc-date`; English names, two-digit day, always `UTC`.
const SIGNED: &str = "%a, %d %b %Y %H:%M:%S UTC";
/// Audit windows: an offset without colon.
const WINDOW: &str = "%Y-%m-%dT%H:%M:%S%z";

/// Reads `x-mc-date`.
pub(crate) fn signed(text: &str) -> Option<DateTime<Utc>> {
    let parsed = NaiveDateTime::parse_from_str(text, SIGNED).ok()?.and_utc();
    (parsed.format(SIGNED).to_string() == text).then_some(parsed)
}

/// Reads `startDateTime` or `endDateTime`.
pub(crate) fn window(text: &str) -> Option<DateTime<Utc>> {
    let parsed = DateTime::parse_from_str(text, WINDOW).ok()?;
    (parsed.format(WINDOW).to_string() == text).then_some(parsed.to_utc())
}

/// Writes an audit event's time: second precision, always `+0000`.
pub(crate) fn event(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// Writes the HTTP `Date` header.
pub(crate) fn http(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Writes `x-mc-date`, for the self tests' own signer.
#[cfg(test)]
pub(crate) fn to_signed(time: DateTime<Utc>) -> String {
    time.format(SIGNED).to_string()
}
