//! What waits in Mimecast for a stream, by the first answer.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// What the first answer for a stream holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// What is counted: `archive`, `object` or `event`.
    pub kind: &'static str,
    /// The number of them.
    pub count: u64,
    /// Their size, if the answer holds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The time span that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// True if more can follow after them.
    pub more: bool,
    /// True if some of them can be published already; a run skips these.
    pub known: bool,
}

impl fmt::Display for Waiting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.count, self.more) {
            (0, false) => formatter.write_str("nothing is waiting")?,
            (0, true) => formatter.write_str("nothing so far, and perhaps more")?,
            (1, false) => write!(formatter, "1 {}", self.kind)?,
            (count, false) => write!(formatter, "{count} {}s", self.kind)?,
            (1, true) => write!(formatter, "1 {}, and perhaps more", self.kind)?,
            (count, true) => write!(formatter, "{count} {}s, and perhaps more", self.kind)?,
        }
        if let Some(bytes) = self.bytes.filter(|_| self.count > 0) {
            write!(formatter, " ({bytes} bytes)")?;
        }
        if let Some((from, to)) = self.span {
            let form = "%Y-%m-%d %H:%M";
            write!(
                formatter,
                " from {} to {} UTC",
                from.format(form),
                to.format(form)
            )?;
        }
        Ok(())
    }
}
