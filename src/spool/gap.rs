//! Facts for the operator: gaps and warnings.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A stretch of time whose events Mimecast no longer held or never sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The beginning, if it is known.
    pub from: Option<DateTime<Utc>>,
    /// The end.
    pub to: DateTime<Utc>,
    /// One clause for the operator.
    pub reason: String,
    /// The position before the gap, in the vendor's format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The position after the gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Gap {
    /// Makes a gap without positions.
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
    /// The name of a warning that the collector reports at most once a day.
    pub(crate) daily: Option<&'static str>,
}
