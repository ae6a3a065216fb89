//! The calls that the collector makes, of both API generations: paths, permissions and bodies.
//!
//! Vendor pages: <https://integrations.mimecast.com/documentation/endpoint-reference/>.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::config::Format;
use crate::logs::{Kind, Log};

/// The header with the token of the next archive.
pub(crate) const SIEM_TOKEN: &str = "mc-siem-token";
/// Events per audit page: the largest size that other collectors use in production.
pub(crate) const AUDIT_PAGE: usize = 500;

/// A call of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Finds the region of an e-mail address.
    Discover,
    /// Returns a key pair for e-mail address and password.
    Login,
    /// Returns the account code.
    Account,
    /// API 2.0: returns a bearer token for client credentials.
    Token,
    /// Returns the next part of a log.
    Log(&'static Log),
}

impl Call {
    /// Returns the path, which API 1.0 also signs.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Discover => "/api/login/discover-authentication",
            Self::Login => "/api/login/login",
            Self::Account => "/api/account/get-account",
            Self::Token => "/oauth/token",
            Self::Log(log) => log.path,
        }
    }

    /// Returns the permission that the call needs, in the words of the administration console.
    pub const fn permission(self) -> Option<&'static str> {
        match self {
            Self::Discover | Self::Login | Self::Token => None,
            Self::Account => Some("Account | Dashboard | Read"),
            Self::Log(log) => Some(log.permission),
        }
    }

    /// True if the answer is an archive.
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Log(log) if log.kind == Kind::Archives)
    }

    /// True if the answer lists addresses of objects.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Log(log) if log.kind == Kind::Objects)
    }
}

/// Returns the body that asks for the region of an e-mail address.
pub fn discover(email: &str) -> Value {
    json!({"data": [{"emailAddress": email}]})
}

/// Returns the body of a log-in. The password is in a header.
pub fn login(email: &str) -> Value {
    json!({"data": [{"userName": email}]})
}

/// Returns the body that asks for the account.
pub fn account() -> Value {
    json!({"data": []})
}

/// Returns the body that asks for the archive after `token`, or for the oldest one.
pub fn siem(token: Option<&str>, format: Format) -> Value {
    let format = match format {
        Format::KeyValue => "key_value",
        Format::Json => "json",
    };
    let mut ask = json!({"type": "MTA", "fileFormat": format, "compress": true});
    if let Some(token) = token {
        ask["token"] = token.into();
    }
    json!({"data": [ask]})
}

/// Returns the body that asks for one page of the events between two times. Every page repeats the
/// times, because no source says whether a page token contains them.
pub fn audit(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    page_size: usize,
    page: Option<&str>,
) -> Value {
    let mut pagination = json!({"pageSize": page_size});
    if let Some(page) = page {
        pagination["pageToken"] = page.into();
    }
    let window = json!({"startDateTime": audit_time(from), "endDateTime": audit_time(to)});
    json!({"meta": {"pagination": pagination}, "data": [window]})
}

/// Returns a time with an offset without a colon, as in the vendor's examples.
fn audit_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// Addresses per page: the largest number that Mimecast allows.
const LIST_PAGE: &str = "100";

/// Returns the query for the page of objects after `token`, or for the objects since a day.
///
/// The parameter is `type` here and `types` in the vendor's other event call. The query never has
/// both token and day, because no source says whether the day narrows the answer.
pub fn events(
    kind: &str,
    since: DateTime<Utc>,
    token: Option<&str>,
) -> Vec<(&'static str, String)> {
    let place = match token {
        Some(token) => ("nextPage", token.to_owned()),
        None => ("dateRangeStartsAt", since.format("%Y-%m-%d").to_string()),
    };
    vec![
        ("type", kind.to_owned()),
        ("pageSize", LIST_PAGE.to_owned()),
        place,
    ]
}
