//! API 2.0: client credentials for a bearer token, kept in memory until shortly before it lapses.
//!
//! Token answers can repeat the credentials that they were sent: their bodies are read for the token
//! and for nothing else.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::credentials::ClientSecret;

/// A token is not used in its last minutes: clocks differ, and a run takes its time.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// What is assumed when the service does not say how long a token is good.
const UNSTATED: Duration = Duration::from_secs(10 * 60);
/// No lifetime is believed beyond this.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A registered application and the token that it holds.
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
    /// One without a token yet.
    pub const fn new(client_id: String, secret: ClientSecret) -> Self {
        Self {
            client_id,
            secret,
            token: Mutex::new(None),
        }
    }

    /// The form that asks for a token, every value percent-encoded.
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

    /// The token, if there is one that is good at `elapsed`.
    pub(super) fn token(&self, elapsed: Duration) -> Option<SecretString> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let good = token.as_ref().filter(|token| elapsed < token.good_until);
        good.map(|token| token.value.clone())
    }

    /// Keeps the token of an answer; nothing when there is none in it.
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

    /// Forgets a token that was refused.
    pub(super) fn drop_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 16 << 10 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// How long a token is used: always a while, never for ever.
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
