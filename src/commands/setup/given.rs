//! Gathers the answers from flags, files, environment and an earlier setup.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::flags::Flags;
use super::questions::{
    ACCESS_KEY, APP_ID, APP_KEY, CLIENT_ID, CLIENT_SECRET, EMAIL, Question, SECRET_KEY,
};
use super::terminal::Terminal;
use super::{Setup, folders};
use crate::api::login::AuthType;
use crate::config::toml_file::decode;
use crate::config::{Api, BaseUrl};
use crate::credentials::{ClientSecret, Credentials};
use crate::durable;
use crate::failure::{Code, Failure};

/// The largest file of a secret, in bytes.
const SECRET_LIMIT: u64 = 64 << 10;

/// The answers that are known before the first question.
pub struct Known {
    /// The generation, if flags or an earlier setup decide it.
    pub api: Option<Api>,
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    pub data: Option<PathBuf>,
    pub app_id: Option<String>,
    pub app_key: Option<SecretString>,
    pub email: Option<String>,
    pub password: Option<SecretString>,
    pub access_key: Option<SecretString>,
    pub secret_key: Option<SecretString>,
    pub auth_type: AuthType,
    pub base_url: Option<BaseUrl>,
    /// The host that an earlier setup saved. The setup uses it if no e-mail address is
    /// known, because a search for the region needs one.
    pub saved_base_url: Option<BaseUrl>,
    pub discovery_url: BaseUrl,
}

impl Known {
    /// Gathers the answers: flags first, then environment, then an earlier setup.
    pub fn of(setup: &Setup) -> Result<Self, Failure> {
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
                let folder = folders::whole(folder, environment)
                    .map_err(|reason| refused("--data-dir", &reason))?;
                folders::check_name(&folder, &setup.config, environment)
                    .map_err(|reason| refused("--data-dir", &reason))?;
                Some(folder)
            }
            None => given.data.then(|| config.folders.data.clone()),
        };
        let kept_app_key = setup.existing.as_ref().and_then(|_| {
            Credentials::load(&setup.path, environment)
                .ok()
                .map(|kept| kept.app_key().clone())
        });
        let kept_client_secret = setup.existing.as_ref().and_then(|_| {
            let kept = ClientSecret::load(&setup.path, environment).ok()?;
            Some(SecretString::from(kept.expose_secret()))
        });
        let known = Self {
            api,
            client_id: text(&flags.client_id, &config.mimecast.client_id),
            client_secret: secret(&flags.client_secret_file, &environment.client_secret)?
                .or(kept_client_secret),
            data,
            app_id: text(&flags.app_id, &config.mimecast.app_id),
            app_key: secret(&flags.app_key_file, &environment.app_key)?.or(kept_app_key),
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
        known.check(flags)?;
        Ok(known.drop_unflagged_keys(flags))
    }

    /// True if both keys of a pair are known.
    pub const fn has_pair(&self) -> bool {
        self.access_key.is_some() && self.secret_key.is_some()
    }

    /// Refuses a secret or a flag that cannot be right.
    fn check(&self, flags: &Flags) -> Result<(), Failure> {
        for (key, question) in [
            (&self.client_secret, CLIENT_SECRET),
            (&self.app_key, APP_KEY),
            (&self.access_key, ACCESS_KEY),
            (&self.secret_key, SECRET_KEY),
        ] {
            let key = key.as_ref().map(|key| key.expose_secret().trim());
            check(key, &question)?;
        }
        check(flags.client_id.as_deref(), &CLIENT_ID)?;
        check(flags.app_id.as_deref(), &APP_ID)?;
        check(flags.email.as_deref(), &EMAIL)
    }

    /// Removes the keys of the environment if a flag gives a password and no flag gives a key.
    /// Otherwise a key pair takes precedence over a password.
    fn drop_unflagged_keys(mut self, flags: &Flags) -> Self {
        let keys_flagged = flags.access_key_file.is_some() || flags.secret_key_file.is_some();
        if flags.password_file.is_some() && !keys_flagged {
            (self.access_key, self.secret_key) = (None, None);
        }
        self
    }
}

fn check(text: Option<&str>, question: &Question) -> Result<(), Failure> {
    match text.map(question.check) {
        Some(Err(expected)) => Err(refused(question.flag, expected)),
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

/// Returns the generation that the flags belong to.
fn generation(flags: &Flags) -> Option<Api> {
    let is_old = flags.email.is_some() || flags.access_key_file.is_some() || flags.app_id.is_some();
    match flags.api.as_deref() {
        Some("2.0" | "2") => Some(Api::V2),
        Some(_) => Some(Api::V1),
        None if flags.client_id.is_some() => Some(Api::V2),
        None => is_old.then_some(Api::V1),
    }
}

/// Refuses flags that read two secrets from standard input, because it holds one.
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
        let what = "more than one secret would come from standard input";
        return Err(Failure::new(
            Code::Usage,
            what,
            "use files or variables for the others",
        ));
    }
    Ok(())
}

/// Returns the content of a secret's file without the line break at its end.
fn read_secret(file: &Path, setup: &Setup) -> Result<SecretString, Failure> {
    let refused = |why: String| {
        let what = format!("cannot read the secret in {}: {why}", file.display());
        Failure::new(Code::Usage, what, "name a file that holds only the secret")
    };
    let bytes = if file == Path::new("-") {
        let _terminal = Terminal::guard(&setup.clock, &setup.output); // a signal does not interrupt this read, so the guard ends the program
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
