//! The questions, in the order of the administrator's guide. Each is described once. A person at the
//! terminal answers them ([`super::asked`]), or flags and files do ([`super::given`]).

use std::path::PathBuf;

use secrecy::SecretString;

use super::again::Doubt;
use super::given::Known;
use crate::api::login::AuthType;
use crate::config::toml_file::flaw_of_word;
use crate::config::{Api, BaseUrl};
use crate::failure::Failure;

/// One question.
pub struct Question {
    /// The text at the terminal.
    pub prompt: &'static str,
    /// The flag that answers it.
    pub flag: &'static str,
    /// The environment variable that also answers it.
    pub variable: Option<&'static str>,
    /// The check of an answer. An error says what was expected.
    pub check: fn(&str) -> Result<(), &'static str>,
}

pub const DATA_FOLDER: Question = Question {
    prompt: "Data directory",
    flag: "--data-dir",
    variable: None,
    check: |_| Ok(()),
};
pub const CLIENT_ID: Question = Question {
    prompt: "Client id",
    flag: "--client-id",
    variable: None,
    check: is_word,
};
pub const CLIENT_SECRET: Question = Question {
    prompt: "Client secret",
    flag: "--client-secret-file",
    variable: Some("MIMECAST_CLIENT_SECRET"),
    check: is_word,
};
pub const APP_ID: Question = Question {
    prompt: "Application id",
    flag: "--app-id",
    variable: None,
    check: is_word,
};
pub const APP_KEY: Question = Question {
    prompt: "Application key",
    flag: "--app-key-file",
    variable: Some("MIMECAST_APP_KEY"),
    check: is_word,
};
pub const EMAIL: Question = Question {
    prompt: "E-mail address",
    flag: "--email",
    variable: None,
    check: is_address,
};
pub const PASSWORD: Question = Question {
    prompt: "Password (empty: enter a key pair instead)",
    flag: "--password-file",
    variable: Some("MIMECAST_PASSWORD"),
    check: |_| Ok(()),
};
/// After a refused password, which nothing else can replace.
pub const PASSWORD_AGAIN: Question = Question {
    prompt: "Password",
    ..PASSWORD
};
pub const ACCESS_KEY: Question = Question {
    prompt: "Access key",
    flag: "--access-key-file",
    variable: Some("MIMECAST_ACCESS_KEY"),
    check: is_word,
};
pub const SECRET_KEY: Question = Question {
    prompt: "Secret key",
    flag: "--secret-key-file",
    variable: Some("MIMECAST_SECRET_KEY"),
    check: is_word,
};

/// A source of answers: a person, or flags and files.
pub trait Respondent {
    /// Returns the API generation.
    fn api(&mut self) -> Result<Api, Failure>;
    /// Returns the data folder, an absolute path.
    fn data_folder(&mut self) -> Result<PathBuf, Failure>;
    /// Returns one line of text. `known` is the answer of the flags or of an earlier setup.
    fn line(&mut self, question: &Question, known: Option<&String>) -> Result<String, Failure>;
    /// Returns a secret.
    fn secret(
        &mut self,
        question: &Question,
        known: Option<&SecretString>,
    ) -> Result<SecretString, Failure>;
    /// Returns the administrator's address. It may be `None` with a key pair.
    fn email(&mut self) -> Result<Option<String>, Failure>;
    /// Returns the password, or `None` if a key pair replaces it.
    fn password(&mut self) -> Result<Option<SecretString>, Failure>;
    /// Returns the host of API 2.0, or `None` for the usual one. `last` is the answer that was in doubt.
    fn host(&mut self, last: Option<&BaseUrl>) -> Result<Option<BaseUrl>, Failure>;
    /// Returns if the answer in doubt may be asked for again. Else returns the reason, which ends the setup.
    fn again(&mut self, doubt: Doubt, why: Failure) -> Result<(), Failure>;
}

/// The answers that the setup needs before its first request.
pub struct Answers {
    /// The data folder, absolute.
    pub data: PathBuf,
    /// The identity that reads the logs.
    pub access: Access,
    /// The API host, if it was given.
    pub base_url: Option<BaseUrl>,
    /// The host that names the account's region, if `base_url` is `None`.
    pub discovery_url: BaseUrl,
}

/// The identity that reads the logs.
pub enum Access {
    /// API 2.0: an application.
    Client {
        /// The client id.
        id: String,
        /// The client secret.
        secret: SecretString,
    },
    /// API 1.0: an administrator, whose password the setup exchanges for keys.
    LogIn {
        /// The registered application.
        app: App,
        /// The administrator's e-mail address.
        email: String,
        /// The password, which is used once and never saved.
        password: SecretString,
        /// The kind of the password: Mimecast's own, or the customer's directory's.
        auth_type: AuthType,
    },
    /// API 1.0: a key pair.
    Keys {
        /// The registered application.
        app: App,
        /// The owner's address, to find the region and for information.
        email: Option<String>,
        /// The public half of the pair, which is sent.
        access_key: SecretString,
        /// The private half of the pair, which signs.
        secret_key: SecretString,
    },
}

/// A registered application of API 1.0.
#[derive(Clone, Debug)]
pub struct App {
    /// Its id, which is sent.
    pub id: String,
    /// Its key, which is part of each signature and never sent.
    pub key: SecretString,
}

impl Answers {
    /// Asks every question.
    ///
    /// # Errors
    /// [`crate::failure::Code::Usage`] if an answer is missing or refused.
    pub fn ask(respondent: &mut dyn Respondent, known: &Known) -> Result<Self, Failure> {
        let api = respondent.api()?;
        let data = respondent.data_folder()?;
        let (access, base_url) = match api {
            Api::V2 => (client(respondent, known)?, respondent.host(None)?),
            Api::V1 => (administrator(respondent, known)?, known.base_url.clone()),
        };
        Ok(Self {
            data,
            access,
            base_url,
            discovery_url: known.discovery_url.clone(),
        })
    }

    /// Returns the generation of the identity.
    pub const fn api(&self) -> Api {
        match &self.access {
            Access::Client { .. } => Api::V2,
            Access::LogIn { .. } | Access::Keys { .. } => Api::V1,
        }
    }

    /// Returns the client id of API 2.0, or `None` under API 1.0.
    pub fn client_id(&self) -> Option<&str> {
        match &self.access {
            Access::Client { id, .. } => Some(id),
            Access::LogIn { .. } | Access::Keys { .. } => None,
        }
    }

    /// Returns the application of API 1.0, or `None` under API 2.0.
    pub fn app(&self) -> Option<&App> {
        match &self.access {
            Access::Client { .. } => None,
            Access::LogIn { app, .. } | Access::Keys { app, .. } => Some(app),
        }
    }

    /// Returns the administrator's address, if it is known.
    pub fn email(&self) -> Option<&str> {
        match &self.access {
            Access::Client { .. } => None,
            Access::LogIn { email, .. } => Some(email),
            Access::Keys { email, .. } => email.as_deref(),
        }
    }
}

/// Asks for an application of API 2.0.
fn client(respondent: &mut dyn Respondent, known: &Known) -> Result<Access, Failure> {
    Ok(Access::Client {
        id: respondent.line(&CLIENT_ID, known.client_id.as_ref())?,
        secret: respondent.secret(&CLIENT_SECRET, known.client_secret.as_ref())?,
    })
}

/// Asks for an administrator and the application of API 1.0.
fn administrator(respondent: &mut dyn Respondent, known: &Known) -> Result<Access, Failure> {
    let app = App {
        id: respondent.line(&APP_ID, known.app_id.as_ref())?,
        key: respondent.secret(&APP_KEY, known.app_key.as_ref())?,
    };
    let email = respondent.email()?;
    if let Some(password) = respondent.password()? {
        return Ok(Access::LogIn {
            app,
            email: email.unwrap_or_default(),
            password,
            auth_type: known.auth_type,
        });
    }
    let (access_key, secret_key) = match (&known.access_key, &known.secret_key) {
        (Some(access_key), Some(secret_key)) => (access_key.clone(), secret_key.clone()),
        (access_key, secret_key) => (
            respondent.secret(&ACCESS_KEY, access_key.as_ref())?,
            respondent.secret(&SECRET_KEY, secret_key.as_ref())?,
        ),
    };
    Ok(Access::Keys {
        app,
        email,
        access_key,
        secret_key,
    })
}

fn is_word(text: &str) -> Result<(), &'static str> {
    flaw_of_word(text).map_or(Ok(()), Err)
}

fn is_address(text: &str) -> Result<(), &'static str> {
    let (name, host) = text.split_once('@').unwrap_or((text, ""));
    if text.contains(char::is_whitespace) {
        Err("not an e-mail address: it holds a space")
    } else if host.is_empty() {
        Err("not an e-mail address: it has no @ with a domain")
    } else if name.is_empty() {
        Err("not an e-mail address: it has no name before the @")
    } else if !host.contains('.') {
        Err("not an e-mail address: its domain has no dot")
    } else {
        Ok(())
    }
}
