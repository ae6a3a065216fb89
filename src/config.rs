//! The configuration file: where it is, what it says, and what setup changes in it.
//!
//! `config.example.toml` is at the same time the template of a new file, the list of the known keys
//! and the place of every default, so these cannot come apart. What leaves this module is typed and
//! in range; whoever uses a value checks nothing again. Messages name file, line and key, and never
//! repeat a value: it could be a secret in the wrong place.

mod base_url;
pub(crate) mod document;
mod environment;
mod folders;
mod places;
mod rewrite;
mod sections;
mod setting;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use reqwest::Url;
use secrecy::SecretString;

pub use base_url::{BaseUrl, BaseUrlError};
pub use environment::{Environment, User};
pub use places::{default_place, find};
pub use rewrite::{Saved, rewrite};
pub use sections::{
    Aliases, Api, Audit, CLOUD_GATEWAY_TYPES, CLOUD_INTEGRATED_TYPES, Folders, Format, Mimecast,
    Network, Proxy, Retention, Run, Siem,
};

use document::Source;
pub(crate) use folders::unfit_for_data;
use setting::{Setting, Settings};

/// The commented file with every key at its default.
pub const EXAMPLE: &str = include_str!("../config.example.toml");

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// As long as Mimecast keeps e-mail logs; shorter retention can lose what an agent has not read.
const ADVISED_DATA_DAYS: u32 = 7;

const LEVELS: &[(&str, tracing::Level)] = &[
    ("error", tracing::Level::ERROR),
    ("warn", tracing::Level::WARN),
    ("info", tracing::Level::INFO),
    ("debug", tracing::Level::DEBUG),
];

/// What one file says; the sections and keys are the file's own.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file, absolute when it was loaded.
    pub path: PathBuf,
    /// Whom to ask.
    pub mimecast: Mimecast,
    /// Where things are kept.
    pub folders: Folders,
    /// E-mail logs.
    pub siem: Siem,
    /// Audit events.
    pub audit: Audit,
    /// When old files are deleted.
    pub retention: Retention,
    /// The frame of a run.
    pub run: Run,
    /// How Mimecast is reached.
    pub network: Network,
}

/// Why the configuration or the credentials cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// What is wrong, where.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Whether disk or host failed, and the file may be good: nothing is to be corrected in it.
    pub is_of_the_host: bool,
}

impl Config {
    /// Reads and checks a file; a link to one is followed, but relative paths start at the link.
    ///
    /// # Errors
    /// When it cannot be read, or as [`Config::parse`].
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let path = places::absolute(path)?;
        Self::parse(&read(&path)?, &path, environment)
    }

    /// Checks a file's text; `path` says where relative paths start and how messages call the file.
    ///
    /// # Errors
    /// A syntax error, an unknown key, a value of the wrong type or out of range, a base URL that is
    /// not Mimecast's, folders that must not be mixed.
    pub fn parse(text: &str, path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let example = Source::parse(Path::new("config.example.toml"), EXAMPLE)?;
        let given = Source::parse(path, text)?;
        let settings = Settings::new(&given, &example)?;
        let get = |section, key| settings.get(section, key);
        let format = |section| get(section, "format").one_of(Format::NAMES);
        let days = |key| {
            get("retention", key)
                .number(1..=3650)
                .map(|days| DAY * days)
        };
        let seconds = |key, most| {
            get("network", key)
                .number(1..=most)
                .map(|seconds| SECOND * seconds)
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let api = get("mimecast", "api").one_of(Api::NAMES)?;
        Ok(Self {
            path: path.to_owned(),
            mimecast: Mimecast {
                api,
                base_url: base_url(&settings.given("mimecast", "base_url")?, api)?,
                account_code: get("mimecast", "account_code").word()?,
                email: get("mimecast", "email").text()?.to_owned(),
                app_id: get("mimecast", "app_id").word()?,
                client_id: get("mimecast", "client_id").word()?,
            },
            folders: folders::read(&settings, folder, environment)?,
            siem: Siem {
                format: format("siem")?,
                cloud_gateway_types: get("siem", "cloud_gateway_types")
                    .some_of(&CLOUD_GATEWAY_TYPES)?,
                cloud_integrated_types: get("siem", "cloud_integrated_types")
                    .some_of(&CLOUD_INTEGRATED_TYPES)?,
                aliases: get("siem", "aliases").one_of(Aliases::NAMES)?,
            },
            audit: Audit {
                format: format("audit")?,
                overlap: MINUTE * get("audit", "overlap_minutes").number(1..=720)?,
                first_look_back: DAY * get("audit", "first_look_back_days").number(1..=60)?,
            },
            retention: Retention {
                data: days("data_days")?,
                log: days("log_days")?,
                quarantine: days("quarantine_days")?,
            },
            run: Run {
                budget: MINUTE * get("run", "budget_minutes").number(1..=1440)?,
                log_level: get("run", "log_level").one_of(LEVELS)?,
            },
            network: Network {
                proxy: proxy(&get("network", "proxy"))?,
                ca_file: get("network", "ca_file").path(folder)?,
                connect_timeout: seconds("connect_timeout_seconds", 300)?,
                idle_timeout: seconds("idle_timeout_seconds", 600)?,
                request_timeout: seconds("request_timeout_seconds", 3600)?,
                retries: get("network", "retries").number(0..=10)?,
                retry_wait: Duration::from_millis(
                    get("network", "retry_wait_ms").number(1..=60_000)?.into(),
                ),
            },
        })
    }

    /// What is allowed but should be known, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.retention.data < DAY * ADVISED_DATA_DAYS {
            warnings.push(format!(
                "data_days in [retention] is below {ADVISED_DATA_DAYS}: events are deleted \
                 before an agent that stood still for longer has read them"
            ));
        }
        warnings
    }

    /// What a collector needs beyond a file without errors: that setup has filled it in.
    ///
    /// # Errors
    /// When the id of the application is empty.
    pub fn require_setup(&self) -> Result<(), ConfigError> {
        let (key, id) = match self.mimecast.api {
            Api::V1 => ("app_id", &self.mimecast.app_id),
            Api::V2 => ("client_id", &self.mimecast.client_id),
        };
        if id.is_empty() {
            let message = format!("{key} in [mimecast] of {} is empty", self.path.display());
            return Err(ConfigError::new(message, "run authentication_setup"));
        }
        Ok(())
    }
}

/// The text of a configuration file, as [`rewrite()`] takes it.
///
/// # Errors
/// When there is no such file, it may not be read, is larger than 1 MiB or not UTF-8.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    let text = fs::canonicalize(path).and_then(|file| document::read(&file));
    text.map_err(|error| ConfigError::reading(path, &error))
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: remedy.into(),
            is_of_the_host: false,
        }
    }

    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind::{
            InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        };
        let path = path.display();
        let (remedy, is_of_the_host) = match error.kind() {
            NotFound => ("run authentication_setup".to_owned(), false),
            PermissionDenied => (format!("run as a user who may read {path}"), false),
            IsADirectory | NotADirectory | InvalidFilename | InvalidInput => {
                (format!("correct {path}"), false)
            }
            _ if error.raw_os_error().is_none() => (format!("correct {path}"), false),
            _ => {
                let remedy = "see to the disk or the limits of this host; the next run goes on";
                (remedy.to_owned(), true)
            }
        };
        Self {
            message: format!("cannot read {path}: {error}"),
            remedy,
            is_of_the_host,
        }
    }

    fn with_remedy(mut self, remedy: &str) -> Self {
        remedy.clone_into(&mut self.remedy);
        self
    }
}

fn base_url(setting: &Setting<'_>, api: Api) -> Result<BaseUrl, ConfigError> {
    BaseUrl::parse(setting.filled()?)
        .and_then(|url| url.serving(api))
        .map_err(|error| setting.refuse(error))
}

fn proxy(setting: &Setting<'_>) -> Result<Proxy, ConfigError> {
    let text = setting.text()?.trim();
    match text {
        "" => return Ok(Proxy::System),
        "none" => return Ok(Proxy::None),
        _ => {}
    }
    let is_proxy = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if !is_proxy {
        return Err(setting.refuse("expected a URL such as http://proxy.example.com:3128"));
    }
    Ok(Proxy::Url(SecretString::from(text)))
}
