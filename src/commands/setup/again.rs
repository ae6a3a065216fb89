//! Asks a refused answer again, and no other one.

use super::questions::{
    ACCESS_KEY, APP_ID, APP_KEY, Access, Answers, App, CLIENT_ID, CLIENT_SECRET, EMAIL,
    PASSWORD_AGAIN, Respondent, SECRET_KEY,
};
use super::words::with_preparation_step;
use crate::api::ApiError;
use crate::api::answer::Denial;
use crate::config::Api;
use crate::failure::Failure;

/// The answer that a refusal puts in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The data folder cannot be used.
    Folder,
    /// The client id or the client secret.
    Client,
    /// The API host could not be reached.
    Host,
    /// The application id or key of API 1.0.
    App,
    /// The e-mail address.
    Email,
    /// The password.
    Password,
    /// The key pair, or the application key, which signs with it.
    Keys,
}

/// A failure, with the answer that it puts in doubt.
#[derive(Debug)]
pub struct Refused {
    pub failure: Box<Failure>,
    pub doubt: Option<Doubt>,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            doubt: None,
        }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        let doubt = match &error {
            ApiError::Denied(Denial::Client | Denial::Token) => Some(Doubt::Client),
            ApiError::Denied(Denial::ApplicationId) => Some(Doubt::App),
            ApiError::Denied(Denial::Keys | Denial::Expired) => Some(Doubt::Keys),
            ApiError::Denied(Denial::Login) => Some(Doubt::Password),
            ApiError::Denied(Denial::UnknownAddress | Denial::Region) => Some(Doubt::Email),
            ApiError::Unreachable(_) => Some(Doubt::Host),
            _ => None,
        };
        Self {
            failure: Box::new(with_preparation_step(error)),
            doubt,
        }
    }
}

impl Refused {
    pub fn of(doubt: Doubt, failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            doubt: Some(doubt),
        }
    }
}

impl Answers {
    /// Asks again for the answer that is in doubt.
    ///
    /// # Errors
    /// The refusal, if it concerns no answer or was repeated too often. An error of the question.
    pub fn ask_again(
        &mut self,
        respondent: &mut dyn Respondent,
        refused: Refused,
    ) -> Result<(), Failure> {
        let Refused { failure, doubt } = refused;
        let Some(doubt) = doubt.filter(|doubt| self.includes(*doubt)) else {
            return Err(*failure);
        };
        respondent.again(doubt, *failure)?;
        match (doubt, &mut self.access) {
            (Doubt::Folder, _) => self.data = respondent.data_folder()?,
            (Doubt::Host, _) => self.base_url = respondent.host(self.base_url.as_ref())?,
            (_, Access::Client { id, secret }) => {
                *id = respondent.line(&CLIENT_ID, Some(id))?;
                *secret = respondent.secret(&CLIENT_SECRET, Some(secret))?;
            }
            (Doubt::Email, Access::LogIn { email, .. }) => {
                *email = respondent.line(&EMAIL, Some(email))?;
            }
            (Doubt::Email, Access::Keys { email, .. }) => {
                *email = Some(respondent.line(&EMAIL, email.as_ref())?);
            }
            (Doubt::Password, Access::LogIn { password, .. }) => {
                *password = respondent.secret(&PASSWORD_AGAIN, None)?;
            }
            (_, Access::LogIn { app, .. }) => app.ask_again(respondent)?,
            (
                _,
                Access::Keys {
                    app,
                    access_key,
                    secret_key,
                    ..
                },
            ) => {
                app.ask_again(respondent)?;
                if doubt == Doubt::Keys {
                    *access_key = respondent.secret(&ACCESS_KEY, Some(access_key))?;
                    *secret_key = respondent.secret(&SECRET_KEY, Some(secret_key))?;
                }
            }
        }
        Ok(())
    }

    /// True if the doubt concerns one of the questions of this generation.
    fn includes(&self, doubt: Doubt) -> bool {
        match doubt {
            Doubt::Folder => true,
            Doubt::Client | Doubt::Host => self.api() == Api::V2,
            Doubt::App | Doubt::Email | Doubt::Password | Doubt::Keys => self.api() == Api::V1,
        }
    }
}

impl App {
    fn ask_again(&mut self, respondent: &mut dyn Respondent) -> Result<(), Failure> {
        self.id = respondent.line(&APP_ID, Some(&self.id))?;
        self.key = respondent.secret(&APP_KEY, Some(&self.key))?;
        Ok(())
    }
}
