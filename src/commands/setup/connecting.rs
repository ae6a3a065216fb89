//! Logs in or gets a token, then fetches the account's code.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tracing::info;

use super::Setup;
use super::again::{Doubt, Refused};
use super::questions::{Access, Answers};
use super::words::expiry_note;
use crate::api::login::{self, KeyPair};
use crate::api::token::Application;
use crate::api::{ApiError, Client, Identity};
use crate::config::{Api, BaseUrl, BaseUrlError};
use crate::credentials::{ClientSecret, Credentials};
use crate::failure::{Code, Failure};

/// A connected account.
pub struct Connected {
    pub client: Client,
    pub secrets: Secrets,
    pub account_code: String,
    /// A note about keys that will expire.
    pub note: Option<String>,
    /// When the keys will expire, if Mimecast says so.
    pub expires: Option<DateTime<Utc>>,
}

/// The secrets to save for the collectors.
pub enum Secrets {
    /// API 1.0.
    Keys(Credentials),
    /// API 2.0.
    Client(ClientSecret),
}

/// The longest wait for the account's code under API 2.0, where the setup does not need it.
const CODE_PATIENCE: Duration = Duration::from_secs(30);

impl Setup {
    /// Logs in unless there is a key pair, and fetches the account's code with the keys.
    ///
    /// # Errors
    /// An [`ApiError`] as a failure, with the preparation step to revisit and the answer in doubt.
    pub fn connect(&self, answers: &Answers) -> Result<Connected, Refused> {
        let region = &self.region(answers)?;
        let (mut note, mut expires) = (None, None);
        let (app, pair) = match &answers.access {
            Access::Client { id, secret } => {
                return self.connect_client(answers, region, id, secret);
            }
            Access::Keys {
                app,
                access_key,
                secret_key,
                ..
            } => (
                app,
                KeyPair {
                    access_key: access_key.clone(),
                    secret_key: secret_key.clone(),
                    lifetime_seconds: None,
                },
            ),
            Access::LogIn {
                app,
                email,
                password,
                auth_type,
            } => {
                let identity = auth_type.identity(email, password);
                let client = self.client(region, answers, identity)?;
                let pair = login::log_in(&client, email)?;
                self.output.say("Log in successful");
                note = expiry_note(pair.lifetime_seconds);
                expires = self.end_of(pair.lifetime_seconds);
                (app, pair)
            }
        };
        self.output.say("Getting account code and saving config");
        let credentials = Credentials::new(&app.key, &pair.access_key, &pair.secret_key)
            .map_err(|error| not_a_secret(Doubt::Keys, error.message))?;
        let client = self.client(region, answers, Identity::Keys(credentials.clone()))?;
        let account_code = login::account_code(&client)?;
        Ok(Connected {
            client,
            secrets: Secrets::Keys(credentials),
            account_code,
            note,
            expires,
        })
    }

    /// Returns the host of the account's region, as given or as Mimecast names it for the e-mail address.
    ///
    /// # Errors
    /// [`Code::Usage`] for a wrong `--base-url`; else an API error, with the preparation step to revisit.
    fn region(&self, answers: &Answers) -> Result<BaseUrl, Refused> {
        let email = match (&answers.base_url, answers.email()) {
            (Some(base_url), _) => {
                let refused = |error: BaseUrlError| {
                    Failure::new(
                        Code::Usage,
                        format!("--base-url: {error}"),
                        "correct --base-url",
                    )
                };
                return Ok(base_url.clone().serving(answers.api()).map_err(refused)?);
            }
            (None, None) if answers.api() == Api::V2 => {
                return Ok(self.global_host());
            }
            (None, Some(email)) => email,
            (None, None) => return Ok(self.config.mimecast.base_url.clone()),
        };
        let client = self.client(&answers.discovery_url, answers, Identity::Application)?;
        let region = login::discover(&client, email)?;
        self.output.say(&format!(
            "The account's region is served by {}",
            region.host()
        ));
        Ok(region)
    }

    /// Returns the host of API 2.0 to suggest: that of an earlier setup, else the global one.
    pub(super) fn global_host(&self) -> BaseUrl {
        let saved = &self.config.mimecast;
        match saved.api {
            Api::V2 if self.given.base_url => saved.base_url.clone(),
            _ => BaseUrl::usual(Api::V2),
        }
    }

    /// Gets a token for an application of API 2.0, and the account's code if it may. The code needs a
    /// permission that the collectors do not need. Without it, the saved code or the client id replaces it.
    fn connect_client(
        &self,
        answers: &Answers,
        region: &BaseUrl,
        id: &str,
        secret: &SecretString,
    ) -> Result<Connected, Refused> {
        let secret = ClientSecret::new(secret)
            .map_err(|error| not_a_secret(Doubt::Client, error.message))?;
        let application = Application::new(id.to_owned(), secret.clone());
        let identity = Identity::Bearer(Arc::new(application));
        let client = self.client(region, answers, identity.clone())?;
        // fetched first, so that a refused token does not look like a missing permission
        client.log_in()?;
        let saved = &self.config.mimecast.account_code;
        let is_stand_in = !saved.is_empty() && *saved == self.config.mimecast.client_id;
        let account_code = match self.optional_code(region, identity)? {
            // an earlier setup could not read the code, so the state bears the client id
            Some(_) if is_stand_in && saved == id => saved.clone(),
            Some(code) => code,
            // another application may belong to another account, so its state must not be continued
            None if saved.is_empty() || (is_stand_in && saved != id) => id.to_owned(),
            None => saved.clone(),
        };
        self.output.say("Log in successful");
        self.output.say("Getting account code and saving config");
        Ok(Connected {
            client,
            secrets: Secrets::Client(secret),
            account_code,
            note: None,
            expires: None,
        })
    }

    /// Returns the end of a lifetime that begins now.
    fn end_of(&self, lifetime_seconds: Option<u64>) -> Option<DateTime<Utc>> {
        let seconds = lifetime_seconds.filter(|seconds| *seconds > 0)?;
        let lifetime = TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?;
        self.clock.now().checked_add_signed(lifetime)
    }

    /// Returns the account's code, or `None` after any other answer of Mimecast.
    fn optional_code(
        &self,
        region: &BaseUrl,
        identity: Identity,
    ) -> Result<Option<String>, Failure> {
        let until = self.clock.elapsed().saturating_add(CODE_PATIENCE);
        let until = until.min(self.clock.elapsed().saturating_add(self.clock.left()));
        let clock = self.clock.clone().with_budget(until);
        let client = Client::new(region.clone(), "", identity, &self.config.network, clock)?;
        let asked = login::account_code(&client);
        self.clock.check()?;
        if let Err(error) = &asked {
            info!(%error, "cannot read the account's code");
        }
        Ok(asked.ok())
    }

    pub(super) fn client(
        &self,
        base: &BaseUrl,
        answers: &Answers,
        identity: Identity,
    ) -> Result<Client, ApiError> {
        let (network, clock) = (&self.config.network, self.clock.clone());
        let app_id = answers.app().map_or("", |app| &app.id);
        Client::new(base.clone(), app_id, identity, network, clock)
    }
}

/// Returns the refusal of a secret that cannot be right.
fn not_a_secret(doubt: Doubt, why: String) -> Refused {
    Refused::of(doubt, Failure::new(Code::Usage, why, "enter it again"))
}
