//! The JSON envelope of an answer: success or failure.

use std::fmt;

use super::{Answer, Denial};
use crate::api::endpoints::Call;
use crate::json::scan;

/// The error code of an API 2.0 list for a day that it no longer keeps.
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

/// The longest code or message, in bytes.
const TEXT_LIMIT: usize = 64 << 10;

/// The members of a JSON answer, as Mimecast sent them, null included.
pub(super) struct Envelope<'a> {
    meta: Option<&'a str>,
    data: Option<&'a str>,
    value: Option<&'a str>,
    error: Option<&'a str>,
    fail: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// Reads the members of an object. Invalid JSON inside one member does not affect the others.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let names = ["meta", "data", "value", "error", "fail"];
        let [meta, data, value, error, fail] = scan::members(text, names)?;
        Some(Self {
            meta,
            data,
            value,
            error,
            fail,
        })
    }

    /// Returns `meta.status` if it is present. Returns 0 for an invalid status, so that it does not
    /// count as success.
    pub(super) fn status(&self) -> Option<u16> {
        let meta = self.meta.filter(|meta| meta.starts_with('{'))?;
        let Some([status]) = scan::members(meta, ["status"]) else {
            return Some(0);
        };
        let status = filled(status)?;
        Some(status.trim_matches('"').parse().unwrap_or_default())
    }

    /// Returns the first error of `fail[]`, or `error`. Older services put code and message beside `errors`.
    pub(super) fn service_error(&self) -> Option<ServiceError> {
        if let Some(error) = filled(self.error) {
            return Some(ServiceError::read(error));
        }
        let fail = filled(self.fail)?;
        if !fail.starts_with('[') {
            let mut is_empty = true;
            let read = scan::each_member(fail, |_, _| is_empty = false);
            return (read.is_none() || !is_empty).then(|| ServiceError::read(fail));
        }
        let mut first = None;
        let _ = scan::items(fail, |item| {
            first = Some(item);
            Err(()) // the first one is enough
        });
        first.map(ServiceError::read)
    }

    pub(super) fn content(&self, call: Call) -> Answer {
        let is_list = |value| filled(value).is_none_or(|value| value.starts_with('['));
        match call {
            Call::Token => Answer::Data,
            call if call.is_list() => match self.value.is_some() && is_list(self.value) {
                true => Answer::Data,
                false => Answer::NotUnderstood("a list without its value".to_owned()),
            },
            // JSON of another service with status 200 must not mean "nothing new" or "unknown address"
            _ if !self.is_mimecasts() || (self.data.is_none() && !self.is_bare_end(call)) => {
                Answer::NotUnderstood("JSON without meta and data".to_owned())
            }
            call if call.is_archive() && self.is_end() => Answer::Nothing,
            call if call.is_archive() => {
                Answer::NotUnderstood("JSON with data instead of an archive".to_owned())
            }
            _ if is_list(self.data) => Answer::Data,
            _ => Answer::NotUnderstood("JSON whose data is not a list".to_owned()),
        }
    }

    /// True for an answer about archives that only states success.
    fn is_bare_end(&self, call: Call) -> bool {
        call.is_archive() && self.status().is_some()
    }

    /// True for an answer with `meta` or with items. Mimecast sends `meta` with each answer.
    fn is_mimecasts(&self) -> bool {
        let data = self.data.unwrap_or_default();
        let is_filled = data
            .strip_prefix('[')
            .is_some_and(|rest| !rest.trim_start().starts_with(']'));
        self.meta.is_some() || is_filled
    }

    /// True if `data` is empty or only holds the flag `isLastToken`.
    fn is_end(&self) -> bool {
        let Some(data) = filled(self.data) else {
            return true;
        };
        let is_last = |item| {
            let (mut others, mut is_last) = (0_u32, false);
            let read = scan::each_member(item, |quoted, value| {
                if scan::name(quoted) == "isLastToken" && value == "true" {
                    is_last = true;
                } else {
                    others += 1;
                }
            });
            read.is_some() && is_last && others == 0
        };
        let read = scan::items(data, |item| if is_last(item) { Ok(()) } else { Err(()) });
        read == Ok(Some(()))
    }
}

/// Returns a member that is present and not null.
fn filled(member: Option<&str>) -> Option<&str> {
    member.filter(|value| *value != "null")
}

/// An error that the service named.
pub(super) struct ServiceError {
    code: String,
    message: String,
    pub(super) retryable: bool,
}

impl ServiceError {
    /// Reads the text of an error. Any text is accepted.
    fn read(text: &str) -> Self {
        let read = |text| scan::members(text, ["code", "message", "retryable"]);
        let [errors] = scan::members(text, ["errors"]).unwrap_or_default();
        let mut first = None;
        let _ = scan::items(errors.unwrap_or_default(), |item| {
            first = Some(item);
            Err(())
        });
        let inner = first.and_then(read);
        let [code, message, retryable] = inner.or_else(|| read(text)).unwrap_or_default();
        let text = |value: Option<&str>| {
            let value = value.filter(|value| value.len() < TEXT_LIMIT);
            let value = value.and_then(|value| serde_json::from_str::<String>(value).ok());
            value.unwrap_or_default()
        };
        Self {
            code: text(code),
            message: text(message),
            retryable: retryable == Some("true"),
        }
    }

    /// True if the error is about a page token or a day. Only the code [`INVALID_REQUEST`] was
    /// recorded; other codes count by their words.
    pub(super) fn is_about_position(&self) -> bool {
        let text = format!("{} {}", self.code, self.message).to_ascii_lowercase();
        let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
        self.code == INVALID_REQUEST
            || (!self.code.is_empty() && words.any(|word| POSITION_WORDS.contains(&word)))
    }

    /// Returns the meaning of a known code. It does not depend on the status.
    pub(super) fn meaning(&self, call: Call) -> Option<Answer> {
        Some(Answer::Denied(match self.code.as_str() {
            "err_xdk_binding_expired" => Denial::Expired,
            "err_xdk_invalid_signature" => Denial::Keys,
            "err_developer_key" => Denial::ApplicationId,
            "err_audit_log_incorrect_region" => Denial::Region,
            "err_xdk_forbidden"
            | "err_xdk_operation_forbidden_for_address"
            | "err_xdk_client_unauthorized"
            | "app_forbidden" => Denial::Permission(call.permission().unwrap_or("log in")),
            "err_audit_siem_invalid_token" if call.is_archive() => {
                return Some(Answer::PositionRefused);
            }
            _ => return None,
        }))
    }
}

impl fmt::Display for ServiceError {
    /// Writes the code alone, because the message of a server may repeat what the collector sent.
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
