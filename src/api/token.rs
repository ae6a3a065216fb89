//! API 2.0: fetches a bearer token for client credentials, and keeps it in memory until shortly
//! before it expires.
//!
//! The answer can repeat the credentials. So the collector reads only the token of it and writes
//! its text nowhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::credentials::ClientSecret;

/// A token is not used in its last minutes, because clocks differ and requests need time.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// The assumed lifetime if Mimecast does not state one.
const UNSTATED: Duration = Duration::from_secs(10 * 60);
/// The longest lifetime that the collector accepts.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A registered application and its current token.
#[derive(Debug)]
pub struct Application {
    client_id: String,
    secret: ClientSecret,
    token: Mutex<Option<Token>>,
}

#[derive(Debug)]
struct Token {
    value: SecretString,
    good_until: Duration,
}

impl Application {
    /// Returns an application without a token.
    pub const fn new(client_id: String, secret: ClientSecret) -> Self {
        Self {
            client_id,
            secret,
            token: Mutex::new(None),
        }
    }

    /// Returns the form that requests a token, with percent-encoded values.
    pub(super) fn form(&self) -> SecretString {
        let form = reqwest::Url::parse_with_params(
            "form:",
            [
                ("client_id", self.client_id.as_str()),
                ("client_secret", self.secret.expose_secret()),
                ("grant_type", "client_credentials"),
            ],
        );
        let form = form.ok().and_then(|url| url.query().map(str::to_owned));
        form.unwrap_or_default().into()
    }

    /// Returns the token if there is one that is valid at `elapsed`.
    pub(super) fn token(&self, elapsed: Duration) -> Option<SecretString> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let good = token.as_ref().filter(|token| elapsed < token.good_until);
        good.map(|token| token.value.clone())
    }

    /// Saves the token of an answer in memory. Returns `None` if the answer has none.
    pub(super) fn keep(&self, answer: &str, elapsed: Duration) -> Option<()> {
        let answer = Some(answer).filter(|answer| answer.len() <= super::ANSWER_LIMIT)?;
        let answer: Value = serde_json::from_str(answer).ok()?;
        let value = answer
            .get("access_token")?
            .as_str()
            .filter(|value| is_token(value))?;
        let token = Token {
            value: value.into(),
            good_until: elapsed + lifetime(answer.get("expires_in")),
        };
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Some(())
    }

    /// Drops a token that Mimecast refused.
    pub(super) fn drop_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 16 << 10 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns how long a token is used, at most an hour.
fn lifetime(expires_in: Option<&Value>) -> Duration {
    let seconds = expires_in.and_then(|value| {
        value
            .as_u64()
            .or_else(|| value.as_str()?.trim().parse().ok())
    });
    let stated = match seconds {
        None | Some(0) => UNSTATED,
        Some(seconds) => Duration::from_secs(seconds).min(LONGEST),
    };
    stated - MARGIN.min(stated / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn application() -> Application {
        let secret = ClientSecret::new(&"a+b&c=d/e%f".into()).unwrap();
        Application::new("client".to_owned(), secret)
    }

    #[test]
    fn every_value_of_the_form_is_encoded() {
        assert_eq!(
            application().form().expose_secret(),
            "client_id=client&client_secret=a%2Bb%26c%3Dd%2Fe%25f&grant_type=client_credentials"
        );
    }

    #[test]
    fn a_lifetime_is_neither_negative_nor_endless() {
        for (stated, expected) in [
            (json!(1_799), 1_499),
            (json!(10), 5),
            (json!(1), 0),
            (json!(0), 300),
            (json!(null), 300),
            (json!("1799"), 1_499),
            (json!(-5), 300),
            (json!(1e18), 300),
            (json!(u64::MAX), 3_300),
        ] {
            assert_eq!(lifetime(Some(&stated)).as_secs(), expected, "{stated}");
        }
        assert_eq!(lifetime(None).as_secs(), 300);
    }

    #[test]
    fn a_token_is_good_until_shortly_before_its_end() {
        let application = application();
        let at = Duration::from_secs;
        assert!(
            application
                .keep(r#"{"access_token":"t","expires_in":1799}"#, at(100))
                .is_some()
        );
        assert_eq!(application.token(at(1_598)).unwrap().expose_secret(), "t");
        assert!(application.token(at(1_599)).is_none());
        application.drop_token();
        assert!(application.token(at(100)).is_none());
    }

    #[test]
    fn what_is_no_token_is_not_kept() {
        for answer in [
            "",
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":"a b"}"#,
        ] {
            assert!(
                application().keep(answer, Duration::ZERO).is_none(),
                "{answer}"
            );
        }
    }
}
