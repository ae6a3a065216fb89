//! The meaning of an answer. Only this module knows status codes and error codes.
//!
//! Mimecast reports errors inside HTTP 200, so an answer is a success only if its body says so
//! (<https://integrations.mimecast.com/documentation/api-overview/response-codes/>). If that page does not
//! explain an error code, its meaning comes from recorded answers and from other collectors.

mod envelope;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};

use super::endpoints::{Call, SIEM_TOKEN};
use envelope::Envelope;

/// `X-RateLimit-Reset`: milliseconds until Mimecast accepts the call again.
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// The longest wait in milliseconds. A larger number is a time since 1970.
const LONGEST_WAIT_MS: u64 = 24 * 60 * 60 * 1_000;
/// A limit between times in seconds and times in milliseconds since 1970. Seconds are below.
const SECONDS_BELOW: u64 = 100_000_000_000;
/// The longest wait that the collector accepts.
const HORIZON: Duration = Duration::from_secs(60 * 60);

/// The meaning of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It holds the requested data.
    Data,
    /// Mimecast has no new data.
    Nothing,
    /// Mimecast asks to slow down, and maybe says for how long.
    SlowDown(Option<Duration>),
    /// Mimecast refuses the credentials.
    Denied(Denial),
    /// Mimecast itself says that it does not accept the token or the day.
    PositionRefused,
    /// The store no longer accepts the address of an object.
    Lapsed,
    /// The store does not have the object.
    Gone,
    /// A fault of the network or the service: retry.
    Broken(String),
    /// An answer that this program does not know.
    NotUnderstood(String),
}

/// The reason why Mimecast refuses credentials. The text says what to check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The binding has expired.
    #[error("the access key has expired")]
    Expired,
    /// The signature does not match: one of three keys is wrong.
    #[error("the application key, access key or secret key was not accepted")]
    Keys,
    /// The application is not registered.
    #[error("the application id is not known to Mimecast")]
    ApplicationId,
    /// The e-mail address or the password is wrong.
    #[error("the e-mail address or password was not accepted")]
    Login,
    /// The address belongs to no customer.
    #[error("no Mimecast region knows this e-mail address")]
    UnknownAddress,
    /// The role lacks a permission.
    #[error("the permission \"{0}\" is missing")]
    Permission(&'static str),
    /// The account belongs to another region.
    #[error("the account belongs to another region")]
    Region,
    /// The signature is not valid at Mimecast's time. The number says by how many seconds this
    /// host's clock is ahead.
    #[error("this host's clock is {} Mimecast's, so Mimecast refuses its signatures", drift(*.0))]
    Clock(i64),
    /// API 2.0: these credentials get no token.
    #[error("the client id or client secret was not accepted")]
    Client,
    /// API 2.0: Mimecast refuses even a new token.
    #[error("a fresh token was not accepted")]
    Token,
}

/// Returns in words how much a clock is ahead or behind.
fn drift(seconds_ahead: i64) -> String {
    let minutes = (seconds_ahead.unsigned_abs() + 30) / 60;
    let way = if seconds_ahead > 0 {
        "ahead of"
    } else {
        "behind"
    };
    format!("{minutes} minutes {way}")
}

/// Status and headers of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
}

impl Head {
    /// Returns a header as text, or `None` if it is absent or not printable ASCII.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// True if the status is that of a success.
    pub const fn is_success(&self) -> bool {
        self.status == 200
    }

    /// Returns the time of the server.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        http_date(self.text("date")?)
    }
}

/// The body of an answer, as far as it decides what the answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A complete text in memory.
    Held(&'a str),
    /// An archive, already in the sink.
    Stored,
}

impl Answer {
    /// Returns the meaning of an answer of Mimecast. This function is pure.
    pub fn of(call: Call, head: &Head, body: Body<'_>) -> Self {
        let envelope = match body {
            Body::Held(text) => Envelope::read(text),
            Body::Stored if head.status == 200 => return Self::Data,
            Body::Stored => None,
        };
        if head.status == 204 {
            return Self::of_no_content(call);
        }
        let inner = envelope.as_ref().and_then(Envelope::status);
        let status = match (head.status, inner) {
            (200, Some(204)) => 200, // the answer holds nothing of what was requested
            (200, Some(inner)) => inner,
            (outer, _) => outer,
        };
        if status == 429 {
            return Self::SlowDown(wait_hint(head));
        }
        if let Some(error) = envelope.as_ref().and_then(Envelope::service_error) {
            if status == 400 && call.is_list() && error.is_about_position() {
                return Self::PositionRefused;
            }
            return error
                .meaning(call)
                .unwrap_or_else(|| match Self::of_status(call, status) {
                    Some(answer) => answer,
                    None if error.retryable => Self::Broken(error.to_string()),
                    None => Self::NotUnderstood(error.to_string()),
                });
        }
        Self::of_status(call, status).unwrap_or_else(|| match envelope {
            Some(envelope) if status == 200 => envelope.content(call),
            _ => Self::NotUnderstood(describe(head, body)),
        })
    }

    /// Returns the meaning of a status by itself, or `None` if the body decides.
    fn of_status(call: Call, status: u16) -> Option<Self> {
        Some(match (status, call) {
            (401, Call::Login) => Self::Denied(Denial::Login),
            (400 | 401 | 403, Call::Token) => Self::Denied(Denial::Client),
            (401, _) => Self::Denied(Denial::Keys),
            (403, _) => Self::Denied(Denial::Permission(call.permission().unwrap_or("log in"))),
            (418, _) => Self::Denied(Denial::Expired),
            (408 | 425 | 500..=599, _) => Self::Broken(format!("HTTP status {status}")),
            _ => return None,
        })
    }

    /// Returns the meaning of an answer without content. For a call with a token it means that
    /// nothing is new, because the position stays. For a window it is a fault: the window would
    /// otherwise count as empty.
    fn of_no_content(call: Call) -> Self {
        if call.is_archive() || call.is_list() {
            return Self::Nothing;
        }
        Self::Broken("HTTP status 204".to_owned())
    }
}

impl Answer {
    /// Returns the meaning of an object store's answer. A store sends no envelope, so only the status counts.
    pub fn of_object(head: &Head) -> Self {
        let is_page = head
            .text("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"));
        match head.status {
            // a page of a proxy, which must not be published or kept as an object
            _ if is_page => Self::NotUnderstood(describe(head, Body::Stored)),
            200 => Self::Data,
            400 | 401 | 403 => Self::Lapsed,
            404 | 410 => Self::Gone,
            429 => Self::SlowDown(wait_hint(head)),
            408 | 425 | 500..=599 => Self::Broken(format!("HTTP status {}", head.status)),
            _ => Self::NotUnderstood(describe(head, Body::Stored)),
        }
    }
}

/// Describes an answer without any part of its body, so that the text holds no secret.
fn describe(head: &Head, body: Body<'_>) -> String {
    let kind = head.text("content-type").unwrap_or("no content type");
    let kind: String = kind
        .chars()
        .take(60)
        .filter(|letter| letter.is_ascii_graphic())
        .collect();
    let size = match body {
        Body::Held(text) => format!("{} bytes", text.len()),
        Body::Stored => "an archive".to_owned(),
    };
    let target = head
        .text("location")
        .and_then(|url| reqwest::Url::parse(url).ok());
    let target = target.as_ref().and_then(reqwest::Url::host_str);
    let target = target
        .map(|host| format!(", a redirect to {host:.100}"))
        .unwrap_or_default();
    format!("HTTP status {} with {size} of {kind}{target}", head.status)
}

/// Returns the value of `mc-siem-token` if the collector can send it back: printable and not too long.
pub(crate) fn siem_token(head: &Head) -> Option<&str> {
    let token = head.text(SIEM_TOKEN)?.trim();
    let sane = !token.is_empty() && token.len() <= 8_192;
    (sane && token.bytes().all(|byte| byte.is_ascii_graphic())).then_some(token)
}

/// Returns how long to wait, at most an hour, or `None` if neither header makes sense.
fn wait_hint(head: &Head) -> Option<Duration> {
    let until = |seconds: i64| {
        let now = head.date()?.timestamp();
        u64::try_from(seconds - now).ok().map(Duration::from_secs)
    };
    let retry_after = head
        .text(RETRY_AFTER.as_str())
        .map(str::trim)
        .and_then(|text| match text.parse::<u64>() {
            Ok(seconds) if seconds <= LONGEST_WAIT_MS / 1_000 => Some(Duration::from_secs(seconds)),
            Ok(_) => None,
            Err(_) => until(http_date(text)?.timestamp()),
        });
    let reset = || {
        let value = head.text(RESET.as_str())?.trim().parse::<u64>().ok()?;
        match value {
            0..=LONGEST_WAIT_MS => Some(Duration::from_millis(value)),
            _ if value < SECONDS_BELOW => until(i64::try_from(value).ok()?),
            _ => until(i64::try_from(value / 1_000).ok()?),
        }
    };
    retry_after.or_else(reset).map(|wait| wait.min(HORIZON))
}

/// Reads an HTTP date. The length limit bounds the time that a hostile header costs.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    (text.len() < 64)
        .then(|| httpdate::parse_http_date(text).ok())?
        .map(DateTime::from)
}
