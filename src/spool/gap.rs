//! What the operator has to be told: gaps and warnings.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A stretch of time whose events Mimecast no longer had or never gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Beginning, where it is known.
    pub from: Option<DateTime<Utc>>,
    /// End.
    pub to: DateTime<Utc>,
    /// One clause for the operator.
    pub reason: String,
    /// The position before it, in the vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The position after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Gap {
    /// A gap of which only the time is known.
    pub fn of(from: Option<DateTime<Utc>>, to: DateTime<Utc>, reason: impl Into<String>) -> Self {
        Self {
            from,
            to,
            reason: reason.into(),
            before: None,
            after: None,
        }
    }
}

/// A warning for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    pub(crate) text: String,
    /// Names the warning if it is told at most once a day.
    pub(crate) daily: Option<&'static str>,
}
