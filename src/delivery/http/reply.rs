//! What an answer means before a product's own rules: the statuses that all destinations share.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use crate::api::answer::Head;
use crate::api::transport::TransportError;
use crate::delivery::verdict::Verdict;

/// The longest wait that a destination can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// An answer with a status and its text.
pub(super) struct Reply {
    pub(super) head: Head,
    pub(super) text: String,
}

impl Reply {
    /// Returns the meaning of a status that all destinations share, or `None` for a success or a product's own.
    pub(super) fn usual(&self) -> Option<Verdict> {
        let status = self.head.status;
        let told = format!("it answered with HTTP status {status}{}", self.excerpt());
        let remedy = "correct the secret in credentials.toml, or the rights at the far end";
        Some(match status {
            200..300 => return None,
            300..400 => Verdict::misconfigured(
                format!("{told}, a redirect, which is never followed"),
                "correct the address in [[destination]]",
            ),
            401 | 403 | 407 => Verdict::denied(told, remedy),
            404 | 405 | 410 => Verdict::denied(
                told,
                "correct the address, or make the source at the far end",
            ),
            408 => Verdict::Unknown(told),
            413 => Verdict::TooLarge(told),
            429 => Verdict::SlowDown(self.retry_after(), told),
            400 | 422 => Verdict::Refused(told),
            400..500 => Verdict::misconfigured(told, "correct [[destination]] in config.toml"),
            500..600 => Verdict::Unknown(told),
            _ => Verdict::NotUnderstood(told),
        })
    }

    /// Returns the time that the answer asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let text = self.head.text(RETRY_AFTER.as_str())?;
        let seconds = match text.trim().parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let until = httpdate::parse_http_date(text).ok()?;
                let now = self.head.date()?;
                let wait = chrono::DateTime::<chrono::Utc>::from(until) - now;
                wait.to_std().ok()?
            }
        };
        Some(seconds.min(LONGEST_WAIT))
    }

    /// Returns the beginning of the text for a message, with a colon before it. Empty for a page of HTML.
    pub(super) fn excerpt(&self) -> String {
        let text: String = self
            .text
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(160)
            .collect();
        match text.trim() {
            "" => String::new(),
            text if text.starts_with('<') => String::new(),
            text => format!(": {text}"),
        }
    }

    /// Returns what [`Reply::usual`] returns, and refuses a page for people, such as that of a portal before the
    /// network.
    pub(super) fn usual_or_page(&self) -> Option<Verdict> {
        let kind = self.head.text(CONTENT_TYPE.as_str()).unwrap_or_default();
        let is_page =
            kind.to_ascii_lowercase().contains("html") || self.text.trim_start().starts_with('<');
        let page = || Verdict::NotUnderstood("it answered with a page for people".to_owned());
        self.usual().or_else(|| is_page.then(page))
    }
}

/// Returns the meaning of an exchange without an answer.
pub(super) fn of_error(error: TransportError) -> Verdict {
    match error {
        TransportError::NoConnection(why) => Verdict::Broken(why),
        TransportError::Passing(why) => Verdict::Unknown(why),
        TransportError::Stopped(stopped) => Verdict::Unknown(stopped.to_string()),
        TransportError::Lasting(why) => {
            let remedy = "name the authority of the destination as ca_file in [[destination]]; if it asks for \
                          a certificate, name client_cert and client_key";
            Verdict::misconfigured(why, remedy)
        }
        TransportError::Unusable(why) => {
            Verdict::misconfigured(why, "correct proxy in [network] or [[destination]]")
        }
        TransportError::Store(_) => Verdict::Broken("the address is not allowed".to_owned()),
        TransportError::Improper(why) => Verdict::Unknown(why),
        TransportError::TooLarge => Verdict::Unknown("the answer is too large".to_owned()),
        TransportError::Sink(error) => Verdict::Broken(error.to_string()),
    }
}
