//! What an answer means: the one place that knows status codes and error codes.
//!
//! Mimecast reports errors inside HTTP 200, so an answer is no success before its body says so
//! (<https://integrations.mimecast.com/documentation/api-overview/response-codes/>). What an error
//! code means is taken from recordings and peers where the vendor's page is silent.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};

use super::endpoints::{Call, SIEM_TOKEN};
use crate::scan;

/// `X-RateLimit-Reset`: milliseconds until a call is answered again.
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// A longer wait than this is no wait but a time of day, given since 1970.
const LONGEST_WAIT_MS: u64 = 24 * 60 * 60 * 1_000;
/// Between a time in seconds and one in milliseconds since 1970.
const SECONDS_BELOW: u64 = 100_000_000_000;
/// Nothing that is waited for is further away than this.
const HORIZON: Duration = Duration::from_secs(60 * 60);

/// What a list under API 2.0 answers to a day that it no longer keeps.
const INVALID_REQUEST: &str = "Request Validation Failed";
/// Words that an error about a page token or a day contains.
const POSITION_WORDS: [&str; 7] = [
    "token",
    "pagetoken",
    "nextpage",
    "date",
    "day",
    "days",
    "retention",
];

/// No code and no message is longer, in bytes.
const TEXT_LIMIT: usize = 64 << 10;

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
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The server's clock.
    #[must_use]
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
    #[must_use]
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
        match call {
            Call::Siem | Call::CloudGateway | Call::CloudIntegrated => Self::Nothing,
            _ => Self::Broken("HTTP status 204".to_owned()),
        }
    }
}

/// The members that JSON answers have, as they were sent.
struct Envelope<'a> {
    members: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Envelope<'a> {
    /// Takes an object apart. What is broken inside a member spoils that member alone.
    fn read(text: &'a str) -> Option<Self> {
        let members = scan::members(text)?;
        Some(Self { members })
    }

    /// A member that is there and not null.
    fn member(&self, name: &str) -> Option<&'a str> {
        scan::member(&self.members, name).filter(|value| *value != "null")
    }

    /// True if a member is there, even as null.
    fn has(&self, name: &str) -> bool {
        scan::member(&self.members, name).is_some()
    }

    /// `meta.status`, if it is there; 0 for one that is not a status, as that must not pass for success.
    fn status(&self) -> Option<u16> {
        let meta = scan::members(self.member("meta")?)?;
        let status = scan::member(&meta, "status").filter(|status| *status != "null")?;
        Some(status.trim_matches('"').parse().unwrap_or_default())
    }

    /// The first error of `fail[]`, or `error`; older services put code and message beside `errors`.
    fn failure(&self) -> Option<Failure> {
        if let Some(error) = self.member("error") {
            return Some(Failure::read(error));
        }
        let fail = self.member("fail")?;
        if !fail.starts_with('[') {
            let is_empty = scan::members(fail).is_some_and(|members| members.is_empty());
            return (!is_empty).then(|| Failure::read(fail));
        }
        let mut first = None;
        let _ = scan::items(fail, |item| {
            first = Some(item);
            Err(()) // one is enough
        });
        first.map(Failure::read)
    }

    fn content(&self, call: Call) -> Answer {
        let is_list = |name| self.member(name).is_none_or(|value| value.starts_with('['));
        match call {
            Call::Token => Answer::Data,
            call if call.is_list() => match self.has("value") && is_list("value") {
                true => Answer::Data,
                false => Answer::NotUnderstood("a list without its value".to_owned()),
            },
            // some other service's JSON under status 200 must not pass for "nothing waiting" or "unknown"
            _ if !self.is_mimecasts() || (!self.has("data") && !self.is_bare_end(call)) => {
                Answer::NotUnderstood("JSON without meta and data".to_owned())
            }
            Call::Siem if self.is_end() => Answer::Nothing,
            Call::Siem => Answer::NotUnderstood("JSON with data instead of an archive".to_owned()),
            _ if is_list("data") => Answer::Data,
            _ => Answer::NotUnderstood("JSON whose data is not a list".to_owned()),
        }
    }

    /// True for an answer about archives that states success and nothing else.
    fn is_bare_end(&self, call: Call) -> bool {
        call == Call::Siem && self.status().is_some()
    }

    /// True for an answer with `meta`, which Mimecast sends with each, or with items.
    fn is_mimecasts(&self) -> bool {
        let data = self.member("data").unwrap_or_default();
        let is_filled = data
            .strip_prefix('[')
            .is_some_and(|rest| !rest.trim_start().starts_with(']'));
        self.has("meta") || is_filled
    }

    /// True if `data` holds nothing but, at most, the word that this is the end.
    fn is_end(&self) -> bool {
        let Some(data) = self.member("data") else {
            return true;
        };
        let is_last = |item: &str| {
            let members = scan::members(item);
            members.is_some_and(|members| {
                members.len() == 1 && scan::member(&members, "isLastToken") == Some("true")
            })
        };
        let read = scan::items(data, |item| if is_last(item) { Ok(()) } else { Err(()) });
        read == Ok(Some(()))
    }
}

/// One error that the service named.
struct Failure {
    code: String,
    message: String,
    retryable: bool,
}

impl Failure {
    /// Reads the text of an error, whatever it is.
    fn read(text: &str) -> Self {
        let outer = scan::members(text).unwrap_or_default();
        let mut first = None;
        let errors = scan::member(&outer, "errors").unwrap_or_default();
        let _ = scan::items(errors, |item| {
            first = Some(item);
            Err(())
        });
        let inner = first.and_then(scan::members);
        let members = inner.as_ref().unwrap_or(&outer);
        let text = |name| {
            let value = scan::member(members, name).filter(|value| value.len() < TEXT_LIMIT);
            let value = value.and_then(|value| serde_json::from_str::<String>(value).ok());
            value.unwrap_or_default()
        };
        Self {
            code: text("code"),
            message: text("message"),
            retryable: scan::member(members, "retryable") == Some("true"),
        }
    }

    /// True if the error names what a position consists of, a page token or a day. Only the code of
    /// requests that do not validate was recorded; other codes count by their words.
    fn is_about_position(&self) -> bool {
        let text = format!("{} {}", self.code, self.message).to_ascii_lowercase();
        let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
        self.code == INVALID_REQUEST
            || (!self.code.is_empty() && words.any(|word| POSITION_WORDS.contains(&word)))
    }

    /// The meaning of the codes that are known, whatever the status.
    fn meaning(&self, call: Call) -> Option<Answer> {
        Some(Answer::Denied(match self.code.as_str() {
            "err_xdk_binding_expired" => Denial::Expired,
            "err_xdk_invalid_signature" => Denial::Keys,
            "err_developer_key" => Denial::ApplicationId,
            "err_audit_log_incorrect_region" => Denial::Region,
            "err_xdk_forbidden"
            | "err_xdk_operation_forbidden_for_address"
            | "err_xdk_client_unauthorized"
            | "app_forbidden" => Denial::Permission(call.permission().unwrap_or("log in")),
            "err_audit_siem_invalid_token" if call == Call::Siem => {
                return Some(Answer::PositionRefused);
            }
            _ => return None,
        }))
    }
}

impl fmt::Display for Failure {
    /// The code alone: what a server writes as message may repeat what it was sent.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match self.code.as_str() {
            code if !code.is_empty() && code.len() < 80 && code.bytes().all(known) => {
                write!(formatter, "Mimecast reported {code}")
            }
            _ => write!(
                formatter,
                "an error without a code ({} characters)",
                self.message.len()
            ),
        }
    }
}

impl Answer {
    /// The meaning of an object store's answer: it knows no envelope, and its status is all there is.
    #[must_use]
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

#[cfg(test)]
mod tests;
