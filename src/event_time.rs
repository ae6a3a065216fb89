//! The time of an event, as its line states it. It is for the operator and for a replay: no position depends on it.
//!
//! Vendor: `datetime=` leads a gateway line of API 1.0, `timestamp` (milliseconds since 1970) is in every
//! event of API 2.0, and `eventTime` is in every audit event.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

impl TimeRange {
    /// True if the event on a line may be of this time. A line that states no time always may.
    pub fn may_contain(&self, line: &[u8]) -> bool {
        event_time(line).is_none_or(|time| (self.from..=self.to).contains(&time))
    }
}

/// The form of the times in lines of `key=value`, such as `2026-11-20T16:47:41+0000`.
const FORM: &str = "%Y-%m-%dT%H:%M:%S%z";

/// The members of a JSON line that hold its time.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Times {
    timestamp: Option<Stamp>,
    #[serde(rename = "eventTime")]
    event_time: Option<Stamp>,
    datetime: Option<Stamp>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stamp {
    Milliseconds(i64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

/// Returns the time of the event on a line of any log. `None` if the line does not state it.
pub fn event_time(line: &[u8]) -> Option<DateTime<Utc>> {
    if line.starts_with(b"{") {
        let times: Times = serde_json::from_slice(line).ok()?;
        return [times.timestamp, times.event_time, times.datetime]
            .into_iter()
            .flatten()
            .find_map(|stamp| stamp.time());
    }
    let line = std::str::from_utf8(line.get(..line.len().min(64))?).ok()?;
    let (key, rest) = line.split_once('=')?;
    let value = rest.split('|').next()?;
    ["datetime", "date"]
        .contains(&key)
        .then(|| of_text(value))
        .flatten()
}

impl Stamp {
    fn time(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Milliseconds(milliseconds) => DateTime::from_timestamp_millis(*milliseconds),
            Self::Text(text) => text
                .parse()
                .ok()
                .and_then(DateTime::from_timestamp_millis)
                .or_else(|| of_text(text)),
            Self::Other(_) => None,
        }
    }
}

fn of_text(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_str(text, FORM).or_else(|_| DateTime::parse_from_rfc3339(text));
    time.ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_each_log_states_its_time_and_any_other_line_states_none() {
        let time = Some("2026-11-20T16:47:41Z");
        for (line, expected) in [
            ("datetime=2026-11-20T16:47:41+0000|aCode=A|acc=C0A0", time),
            ("datetime=2026-11-20T18:47:41+0200|aCode=A", time),
            ("date=2026-11-20T16:47:41+0000|mcType=auditLog|user=a", time),
            (r#"{"type":"av","timestamp":1795193261000}"#, time),
            (r#"{"timestamp":"1795193261000"}"#, time),
            (r#"{"timestamp":"2026-11-20T16:47:41.000Z"}"#, time),
            (r#"{"eventTime":"2026-11-20T16:47:41+0000","id":"1"}"#, time),
            (r#"{"datetime":"2026-11-20T16:47:41+0000"}"#, time),
            (r#"{"timestamp":{"a":1},"eventTime":null}"#, None),
            (r#"{"timestamp":1e300}"#, None),
            (r#"{"timestamp":9223372036854775807}"#, None),
            (r#"{"cut":"#, None),
            ("date=|mcType=auditLog", None),
            ("aCode=A|datetime=2026-11-20T16:47:41+0000", None),
            ("\u{e9}", None),
            ("", None),
        ] {
            let expected = expected.map(|time| time.parse().unwrap());
            assert_eq!(event_time(line.as_bytes()), expected, "{line}");
        }
    }
}
