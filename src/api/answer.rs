//! What an answer means: the one place that knows status codes and error codes.
//!
//! Mimecast reports errors inside HTTP 200, so an answer is no success before its body says so
//! (<https://integrations.mimecast.com/documentation/api-overview/response-codes/>). What an error
//! code means is taken from recordings and peers where the vendor's page is silent.

mod envelope;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};

use super::endpoints::{Call, SIEM_TOKEN};
use envelope::Envelope;

/// `X-RateLimit-Reset`: milliseconds until a call is answered again.
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// A longer wait than this is no wait but a time of day, given since 1970.
const LONGEST_WAIT_MS: u64 = 24 * 60 * 60 * 1_000;
/// Between a time in seconds and one in milliseconds since 1970.
const SECONDS_BELOW: u64 = 100_000_000_000;
/// Nothing that is waited for is further away than this.
const HORIZON: Duration = Duration::from_secs(60 * 60);

/// What to do about an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It holds what was asked for.
    Data,
    /// There is nothing new.
    Nothing,
    /// Not now; how long Mimecast asks to wait, if it says so sensibly.
    SlowDown(Option<Duration>),
    /// Not to these credentials.
    Denied(Denial),
    /// Not from this position: Mimecast itself says that the token, or the day, is not accepted.
    PositionRefused,
    /// The store no longer accepts the address of an object.
    Lapsed,
    /// The store does not have the object.
    Gone,
    /// A fault on the way or in the service: worth repeating.
    Broken(String),
    /// Nothing that this program knows.
    NotUnderstood(String),
}

/// Why credentials were refused; the text says what to revisit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The binding has run out.
    #[error("the access key has expired")]
    Expired,
    /// A signature that does not fit: one of three keys is wrong.
    #[error("the application key, access key or secret key was not accepted")]
    Keys,
    /// Not a registered application.
    #[error("the application id is not known to Mimecast")]
    ApplicationId,
    /// E-mail address or password.
    #[error("the e-mail address or password was not accepted")]
    Login,
    /// The address belongs to no customer.
    #[error("no Mimecast region knows this e-mail address")]
    UnknownAddress,
    /// The role lacks a permission.
    #[error("the permission \"{0}\" is missing")]
    Permission(&'static str),
    /// Another region holds this account.
    #[error("the account belongs to another region")]
    Region,
    /// A signature is good for a while only; seconds that this host's clock is ahead.
    #[error("this host's clock is {} Mimecast's, so that signatures are refused", drift(*.0))]
    Clock(i64),
    /// API 2.0: no token for these.
    #[error("the client id or client secret was not accepted")]
    Client,
    /// API 2.0: not even a fresh one.
    #[error("a fresh token was not accepted")]
    Token,
}

/// How a clock differs, in words.
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
    /// A header as text; nothing for one that is absent or not printable ASCII.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// True if the status promises what was asked for.
    pub const fn is_success(&self) -> bool {
        self.status == 200
    }

    /// The server's clock.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        http_date(self.text("date")?)
    }
}

/// The body of an answer, as far as it decides what the answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Whole, in memory.
    Held(&'a str),
    /// An archive, handed on.
    Stored,
}

impl Answer {
    /// Decides; pure.
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
            (200, Some(204)) => 200, // nothing of what was asked for
            (200, Some(inner)) => inner,
            (outer, _) => outer,
        };
        if status == 429 {
            return Self::SlowDown(wait_hint(head));
        }
        if let Some(failure) = envelope.as_ref().and_then(Envelope::failure) {
            if status == 400 && call.is_list() && failure.is_about_position() {
                return Self::PositionRefused;
            }
            return failure
                .meaning(call)
                .unwrap_or_else(|| match Self::of_status(call, status) {
                    Some(answer) => answer,
                    None if failure.retryable => Self::Broken(failure.to_string()),
                    None => Self::NotUnderstood(failure.to_string()),
                });
        }
        Self::of_status(call, status).unwrap_or_else(|| match envelope {
            Some(envelope) if status == 200 => envelope.content(call),
            _ => Self::NotUnderstood(describe(head, body)),
        })
    }

    /// The meaning of a status by itself.
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

    /// The meaning of an answer without content. A position does not move by it, so that it is harmless
    /// where one follows a token. A window would count as empty by it.
    fn of_no_content(call: Call) -> Self {
        if call.is_archive() || call.is_list() {
            return Self::Nothing;
        }
        Self::Broken("HTTP status 204".to_owned())
    }
}

impl Answer {
    /// The meaning of an object store's answer: it knows no envelope, and its status is all there is.
    pub fn of_object(head: &Head) -> Self {
        let is_page = head
            .text("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"));
        match head.status {
            // somebody between here and the store, who would be published or kept as its object
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

/// An answer in words that cannot hold a secret: never a piece of the body.
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

/// The value of `mc-siem-token`, if it can be sent back: not empty, printable, of sane length.
pub(crate) fn siem_token(head: &Head) -> Option<&str> {
    let token = head.text(SIEM_TOKEN)?.trim();
    let sane = !token.is_empty() && token.len() <= 8_192;
    (sane && token.bytes().all(|byte| byte.is_ascii_graphic())).then_some(token)
}

/// How long to wait, at most an hour; nothing when neither header makes sense.
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

/// Reads an HTTP date; the length limit keeps a hostile header from costing time.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    (text.len() < 64)
        .then(|| httpdate::parse_http_date(text).ok())?
        .map(DateTime::from)
}
