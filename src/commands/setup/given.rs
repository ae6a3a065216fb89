//! What the setup needs to know, from flags, files, environment and an earlier setup.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::flags::Flags;
use super::terminal::Terminal;
use super::{Setup, folders};
use crate::api::login::AuthType;
use crate::config::toml_file::{decode, flaw_of_word};
use crate::config::{Api, BaseUrl};
use crate::credentials::{ClientSecret, Credentials};
use crate::durable;
use crate::failure::{Code, Failure};

/// No secret is longer, in bytes.
const SECRET_LIMIT: u64 = 64 << 10;

/// Everything that has to be known before Mimecast is asked.
pub struct Answers {
    /// The data folder, absolute.
    pub data: PathBuf,
    /// On whose behalf.
    pub who: Who,
    /// The API host, if it was given.
    pub base_url: Option<BaseUrl>,
    /// Where to ask for it otherwise.
    pub discovery_url: BaseUrl,
}

/// On whose behalf logs are read.
pub enum Who {
    /// API 2.0: an application, for itself.
    Client {
        /// Names it.
        id: String,
        /// Proves it.
        secret: SecretString,
    },
    /// API 1.0: an administrator, whose password is exchanged for keys.
    LogIn {
        /// The registered application.
        app: App,
        /// The address.
        email: String,
        /// Used once.
        password: SecretString,
        /// Whose password it is.
        auth_type: AuthType,
    },
    /// API 1.0: whoever owns these keys.
    Keys {
        /// The registered application.
        app: App,
        /// For discovery of the region and for information.
        email: Option<String>,
        /// Sent along.
        access_key: SecretString,
        /// Signs.
        secret_key: SecretString,
    },
}

/// A registered application of API 1.0.
#[derive(Clone, Debug)]
pub struct App {
    /// Sent along.
    pub id: String,
    /// Signed along.
    pub key: SecretString,
}

impl Answers {
    /// The generation that they are about.
    #[must_use]
    pub const fn api(&self) -> Api {
        match &self.who {
            Who::Client { .. } => Api::V2,
            Who::LogIn { .. } | Who::Keys { .. } => Api::V1,
        }
    }

    /// The application of API 2.0, if they are about one.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match &self.who {
            Who::Client { id, .. } => Some(id),
            Who::LogIn { .. } | Who::Keys { .. } => None,
        }
    }

    /// The application of API 1.0, if they are about one.
    #[must_use]
    pub fn app(&self) -> Option<&App> {
        match &self.who {
            Who::Client { .. } => None,
            Who::LogIn { app, .. } | Who::Keys { app, .. } => Some(app),
        }
    }

    /// The address, if one is known.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        match &self.who {
            Who::Client { .. } => None,
            Who::LogIn { email, .. } => Some(email),
            Who::Keys { email, .. } => email.as_deref(),
        }
    }
}

/// What is known before anything is asked.
pub(super) struct Known {
    /// The generation, where flags or an earlier setup decide it.
    pub(super) api: Option<Api>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<SecretString>,
    pub(super) data: Option<PathBuf>,
    pub(super) app_id: Option<String>,
    pub(super) app_key: Option<SecretString>,
    pub(super) email: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) access_key: Option<SecretString>,
    pub(super) secret_key: Option<SecretString>,
    pub(super) auth_type: AuthType,
    pub(super) base_url: Option<BaseUrl>,
    /// Of an earlier setup: where a region cannot be asked for, it is still the same.
    pub(super) saved_base_url: Option<BaseUrl>,
    pub(super) discovery_url: BaseUrl,
}

impl Known {
    /// Flags first, then environment, then what an earlier setup saved.
    pub(super) fn of(setup: &Setup) -> Result<Self, Failure> {
        let (flags, environment) = (&setup.flags, &setup.environment);
        refuse_two_from_input(setup)?;
        let (config, given) = (&setup.config, setup.given);
        let text = |flag: &Option<String>, saved: &String| {
            let saved = Some(saved).filter(|text| !text.is_empty());
            flag.as_ref().or(saved).cloned()
        };
        let secret = |file: &Option<PathBuf>, variable: &Option<SecretString>| match file {
            Some(file) => read_secret(file, setup).map(Some),
            None => Ok(variable.clone()),
        };
        let api = generation(flags).or(given.api.then_some(config.mimecast.api));
        let base_url = |text: &String| {
            let url = match api {
                Some(api) => BaseUrl::parse_for(text, api),
                None => BaseUrl::parse(text),
            };
            url.map_err(|error| refused("--base-url", &error.to_string()))
        };
        let data = match &flags.data_dir {
            Some(folder) => {
                let folder = std::path::absolute(folder)
                    .map_err(|error| refused("--data-dir", &error.to_string()))?;
                folders::fit(&folder, &setup.config, environment)
                    .map_err(|reason| refused("--data-dir", &reason))?;
                Some(folder)
            }
            None => given.data.then(|| config.folders.data.clone()),
        };
        let kept = setup.existing.as_ref().and_then(|_| {
            Credentials::load(&setup.path, environment)
                .ok()
                .map(|kept| kept.app_key().clone())
        });
        let kept_secret = setup.existing.as_ref().and_then(|_| {
            let kept = ClientSecret::load(&setup.path, environment).ok()?;
            Some(SecretString::from(kept.expose_secret()))
        });
        let known = Self {
            api,
            client_id: text(&flags.client_id, &config.mimecast.client_id),
            client_secret: secret(&flags.client_secret_file, &environment.client_secret)?
                .or(kept_secret),
            data,
            app_id: text(&flags.app_id, &config.mimecast.app_id),
            app_key: secret(&flags.app_key_file, &environment.app_key)?.or(kept),
            email: text(&flags.email, &config.mimecast.email),
            password: secret(&flags.password_file, &environment.password)?,
            access_key: secret(&flags.access_key_file, &environment.access_key)?,
            secret_key: secret(&flags.secret_key_file, &environment.secret_key)?,
            auth_type: flags.auth_type,
            base_url: flags.base_url.as_ref().map(base_url).transpose()?,
            saved_base_url: given.base_url.then(|| config.mimecast.base_url.clone()),
            discovery_url: BaseUrl::parse(&flags.discovery_url)
                .map_err(|error| refused("--discovery-url", &error.to_string()))?,
        };
        for (key, flag) in [
            (&known.client_secret, "--client-secret-file"),
            (&known.app_key, "--app-key-file"),
            (&known.access_key, "--access-key-file"),
            (&known.secret_key, "--secret-key-file"),
        ] {
            let key = key.as_ref().map(|key| key.expose_secret().trim());
            check(key, flag, is_word)?;
        }
        check(flags.client_id.as_deref(), "--client-id", is_word)?;
        check(flags.app_id.as_deref(), "--app-id", is_word)?;
        check(flags.email.as_deref(), "--email", is_address)?;
        Ok(known.with_one_way_in(flags))
    }

    /// A password and a key pair are two ways in: flags win over variables, then keys over a password.
    fn with_one_way_in(mut self, flags: &Flags) -> Self {
        let keys_flagged = flags.access_key_file.is_some() || flags.secret_key_file.is_some();
        if flags.password_file.is_some() && !keys_flagged {
            (self.access_key, self.secret_key) = (None, None);
        }
        self
    }
}

fn check(
    text: Option<&str>,
    flag: &str,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<(), Failure> {
    match text.map(check) {
        Some(Err(expected)) => Err(refused(flag, expected)),
        _ => Ok(()),
    }
}

fn refused(flag: &str, why: &str) -> Failure {
    Failure::new(
        Code::Usage,
        format!("{flag}: {why}"),
        format!("correct {flag}"),
    )
}

pub(super) fn is_word(text: &str) -> Result<(), &'static str> {
    flaw_of_word(text).map_or(Ok(()), Err)
}

pub(super) fn is_address(text: &str) -> Result<(), &'static str> {
    let (name, host) = text.split_once('@').unwrap_or((text, ""));
    if text.contains(char::is_whitespace) {
        Err("an e-mail address, please: it holds a space")
    } else if host.is_empty() {
        Err("an e-mail address, please: it has no @ with a domain")
    } else if name.is_empty() {
        Err("an e-mail address, please: it has no name before the @")
    } else if !host.contains('.') {
        Err("an e-mail address, please: its domain has no dot")
    } else {
        Ok(())
    }
}

/// Takes everything as it is; names all that is missing at once.
pub(super) fn without_asking(known: &Known) -> Result<Answers, Failure> {
    let mut missing = Vec::new();
    let mut need = |is_missing: bool, flag: &'static str| {
        if is_missing {
            missing.push(flag);
        }
    };
    let has_keys = known.access_key.is_some() || known.secret_key.is_some();
    let is_client = known.api == Some(Api::V2);
    need(known.data.is_none(), "--data-dir");
    need(!is_client && known.app_id.is_none(), "--app-id");
    need(!is_client && known.app_key.is_none(), "--app-key-file");
    if is_client {
        need(known.client_id.is_none(), "--client-id");
        need(known.client_secret.is_none(), "--client-secret-file");
    } else if has_keys {
        need(known.access_key.is_none(), "--access-key-file");
        need(known.secret_key.is_none(), "--secret-key-file");
        need(
            known.base_url.is_none() && known.email.is_none() && known.saved_base_url.is_none(),
            "--base-url or --email",
        );
    } else {
        need(known.email.is_none(), "--email");
        need(known.password.is_none(), "--password-file");
    }
    if !missing.is_empty() {
        let what = format!("missing without questions: {}", missing.join(", "));
        let remedy = "give them, or leave --no-input away; secrets can also come from MIMECAST_… \
                      variables";
        return Err(Failure::new(Code::Usage, what, remedy));
    }
    complete(known).ok_or_else(|| Failure::new(Code::Bug, "an answer got lost", "report it"))
}

fn complete(known: &Known) -> Option<Answers> {
    let app = || {
        Some(App {
            id: known.app_id.clone()?,
            key: known.app_key.clone()?,
        })
    };
    let who = match (&known.access_key, &known.secret_key) {
        _ if known.api == Some(Api::V2) => Who::Client {
            id: known.client_id.clone()?,
            secret: known.client_secret.clone()?,
        },
        (Some(access_key), Some(secret_key)) => Who::Keys {
            app: app()?,
            email: known.email.clone(),
            access_key: access_key.clone(),
            secret_key: secret_key.clone(),
        },
        _ => Who::LogIn {
            app: app()?,
            email: known.email.clone()?,
            password: known.password.clone()?,
            auth_type: known.auth_type,
        },
    };
    Some(Answers {
        data: known.data.clone()?,
        who,
        base_url: known.base_url.clone(),
        discovery_url: known.discovery_url.clone(),
    })
}

/// The generation that the flags speak of.
fn generation(flags: &Flags) -> Option<Api> {
    let is_old = flags.email.is_some() || flags.access_key_file.is_some() || flags.app_id.is_some();
    match flags.api.as_deref() {
        Some("2.0") => Some(Api::V2),
        Some(_) => Some(Api::V1),
        None if flags.client_id.is_some() => Some(Api::V2),
        None => is_old.then_some(Api::V1),
    }
}

/// Standard input holds one secret, not two.
fn refuse_two_from_input(setup: &Setup) -> Result<(), Failure> {
    let flags = &setup.flags;
    let files = [
        &flags.password_file,
        &flags.app_key_file,
        &flags.access_key_file,
        &flags.secret_key_file,
        &flags.client_secret_file,
    ];
    let from_input = files
        .iter()
        .filter(|file| file.as_deref() == Some(Path::new("-")))
        .count();
    if from_input > 1 {
        let what = "more than one secret is to come from standard input";
        return Err(Failure::new(
            Code::Usage,
            what,
            "use files or variables for the others",
        ));
    }
    Ok(())
}

/// The content of a secret's file without the line break at its end.
fn read_secret(file: &Path, setup: &Setup) -> Result<SecretString, Failure> {
    let refused = |why: String| {
        let what = format!("cannot read the secret in {}: {why}", file.display());
        Failure::new(
            Code::Usage,
            what,
            "name a file with the secret and nothing else",
        )
    };
    let bytes = if file == Path::new("-") {
        let _terminal = Terminal::guard(&setup.clock, &setup.output); // no signal ends this read
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(SECRET_LIMIT)
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    } else {
        durable::read_named(file, SECRET_LIMIT)
    };
    let text = bytes.and_then(decode);
    let text = SecretString::from(text.map_err(|error| refused(error.to_string()))?);
    let trimmed = text.expose_secret().trim_end_matches(['\r', '\n']);
    if trimmed.is_empty() {
        return Err(refused("it is empty".to_owned()));
    }
    Ok(trimmed.into())
}
