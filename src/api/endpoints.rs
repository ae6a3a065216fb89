//! The calls that the collector makes, of both API generations: paths, permissions and bodies.
//!
//! Vendor pages: <https://integrations.mimecast.com/documentation/endpoint-reference/>.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::config::Format;
use crate::logs::{Kind, Log};

/// The header that says where the SIEM stream goes on.
pub(crate) const SIEM_TOKEN: &str = "mc-siem-token";
/// Events asked for in one audit page; the largest that is in production elsewhere.
pub(crate) const AUDIT_PAGE: usize = 500;

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Which region serves an address.
    Discover,
    /// A key pair for address and password.
    Login,
    /// The account code.
    Account,
    /// API 2.0: a bearer token for client credentials.
    Token,
    /// The next part of a log.
    Log(&'static Log),
}

impl Call {
    /// Returns the path, which is also what gets signed.
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

/// The body that asks where an address logs in.
pub fn discover(email: &str) -> Value {
    json!({"data": [{"emailAddress": email}]})
}

/// The body of a log-in; the password goes into a header.
pub fn login(email: &str) -> Value {
    json!({"data": [{"userName": email}]})
}

/// The body that asks for the account.
pub fn account() -> Value {
    json!({"data": []})
}

/// The body that asks for the archive after `token`, or for the earliest.
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

/// The body that asks for one page of the events between two times; the dates go with every page,
/// because no source says whether a page token carries them.
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

/// The offset stands without a colon, as in the vendor's examples.
fn audit_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// Addresses asked for in one page, the most that is allowed.
const LIST_PAGE: &str = "100";

/// The query for the page of objects after `token`, else for those since a day.
///
/// The parameter is `type` here and `types` in the vendor's other event call. A token stands alone:
/// no source says whether a range beside it narrows the answer.
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
