//! Finds, reads and changes the configuration file.
//!
//! `config.example.toml` is the template of a new file, the list of the known keys and the home of every
//! default, so that these three always agree. The values of a [`Config`] are typed and in range, so that
//! their users need no further check. Messages name file, line and key. They never repeat a value, because
//! a value may be a misplaced secret.

mod account;
mod base_url;
pub(crate) mod destination;
mod edit;
mod environment;
mod error;
mod folders;
pub(crate) mod guard;
mod locate;
mod monitor;
mod network;
mod private_stores;
mod scope;
mod sections;
mod settings;
pub(crate) mod toml_file;
mod value;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;

pub use account::Account;
pub use base_url::{BaseUrl, BaseUrlError};
pub use destination::Destination;
pub use edit::{Saved, rewrite};
pub use environment::{Environment, User};
pub use error::{ConfigError, NEXT_RUN};
pub use locate::{default_path, find, is_default};
pub use private_stores::PrivateStores;
pub use sections::{
    Aliases, Api, Audit, Folders, Format, Mimecast, Monitor, Network, Proxy, Retention, Run, Siem,
};

use crate::logs;
pub(crate) use folders::{normalized, unfit_for_data};
pub(crate) use monitor::is_on_this_host;
pub(crate) use network::CA_FILE_LINE;
pub(crate) use scope::Scope;
use settings::{Settings, Stage};
use toml_file::TomlFile;

/// The commented file with every key at its default.
pub const EXAMPLE: &str = include_str!("../config.example.toml");

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Mimecast keeps e-mail logs for this long. A shorter retention can delete files before an agent reads
/// them.
const ADVISED_DATA_DAYS: u32 = 7;

const LEVELS: &[(&str, tracing::Level)] = &[
    ("error", tracing::Level::ERROR),
    ("warn", tracing::Level::WARN),
    ("info", tracing::Level::INFO),
    ("debug", tracing::Level::DEBUG),
];

/// The content of one file, with its sections and keys.
#[derive(Clone, Debug)]
pub struct Config {
    /// The path of the file; absolute after [`Config::load`].
    pub path: PathBuf,
    /// The account and its host.
    pub mimecast: Mimecast,
    /// The folders and their permissions.
    pub folders: Folders,
    /// The e-mail logs.
    pub siem: Siem,
    /// The audit events.
    pub audit: Audit,
    /// The age at which files are deleted.
    pub retention: Retention,
    /// The limits of a run.
    pub run: Run,
    /// Files and calls that show how the collectors are doing.
    pub monitor: Monitor,
    /// The way to Mimecast.
    pub network: Network,
    /// The places to which a run delivers the published files.
    pub destinations: Vec<Destination>,
}

/// The values that a file gives, of those that setup fills in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// True if the file gives the API generation, by its name or by a host.
    pub api: bool,
    /// True if the file gives the host.
    pub base_url: bool,
    /// True if the file gives the data folder, or if setup has completed the file with the default folder.
    pub data: bool,
}

impl Config {
    /// Reads and checks a file. It may be a link; relative paths then start at the folder of the link.
    ///
    /// # Errors
    /// The file cannot be read, or other users can read a proxy's password in it. Else as [`Config::parse`].
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let path = locate::absolute(path)?;
        let config = Self::parse(&read(&path)?, &path, environment)?;
        config.refuse_open_secret()?;
        Ok(config)
    }

    /// Refuses a file that holds a proxy's password and that other users may open.
    ///
    /// # Errors
    /// Other users may open such a file, or its access rights cannot be read.
    pub fn refuse_open_secret(&self) -> Result<(), ConfigError> {
        let of_destinations = self.destinations.iter().map(|to| &to.network);
        let mut networks = of_destinations.chain([&self.network]);
        if !networks.any(|network| network.proxy.holds_a_secret()) {
            return Ok(());
        }
        let target = match self.path.is_symlink() {
            true => fs::canonicalize(&self.path),
            false => Ok(self.path.clone()),
        };
        let target = target.map_err(|error| ConfigError::reading(&self.path, &error))?;
        guard::refuse_open_to_others(&target).map_err(|mut refused| {
            refused
                .message
                .push_str(" and holds the password of a proxy");
            refused
        })
    }

    /// Checks a file's text. Relative paths start at the folder of `path`, and messages name its file.
    ///
    /// # Errors
    /// A syntax error, an unknown key, a value of the wrong type or out of range, a base URL that is not
    /// Mimecast's, or folders that must not be mixed.
    pub fn parse(text: &str, path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let example = TomlFile::parse(Path::new("config.example.toml"), EXAMPLE)?;
        let given = TomlFile::parse(path, text)?;
        let settings = Settings::new(&given, &example, Stage::Complete)?;
        Self::of(&settings, path, environment)
    }

    /// Checks the text of a file that setup has not completed. A missing value that setup fills in gets its
    /// default. Also returns which of these values the file gives.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn parse_draft(
        text: &str,
        path: &Path,
        environment: &Environment,
    ) -> Result<(Self, Given), ConfigError> {
        let example = TomlFile::parse(Path::new("config.example.toml"), EXAMPLE)?;
        let source = TomlFile::parse(path, text)?;
        let settings = Settings::new(&source, &example, Stage::Draft)?;
        let config = Self::of(&settings, path, environment)?;
        let base_url = settings.is_given("mimecast", "base_url");
        let given = Given {
            api: base_url || settings.is_given("mimecast", "api"),
            base_url,
            data: base_url || settings.is_given("folders", "data"),
        };
        Ok((config, given))
    }

    fn of(
        settings: &Settings<'_>,
        path: &Path,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let get = |section, key| settings.get(section, key);
        let format = |section| get(section, "format").one_of(Format::NAMES);
        let days = |key| {
            get("retention", key)
                .number(1..=3650)
                .map(|days| DAY * days)
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let network = network::read(settings, folder)?;
        let api = get("mimecast", "api").one_of(Api::NAMES)?;
        let config = Self {
            path: path.to_owned(),
            mimecast: Mimecast {
                api,
                base_url: base_url(settings, api)?,
                account_code: get("mimecast", "account_code").word()?,
                email: get("mimecast", "email").text()?.to_owned(),
                app_id: get("mimecast", "app_id").word()?,
                client_id: get("mimecast", "client_id").word()?,
            },
            monitor: monitor::read(settings, folder)?,
            folders: folders::read(settings, folder, environment)?,
            siem: Siem {
                format: format("siem")?,
                cloud_gateway_types: get("siem", "cloud_gateway_types")
                    .some_of(logs::CLOUD_GATEWAY.types)?,
                cloud_integrated_types: get("siem", "cloud_integrated_types")
                    .some_of(logs::CLOUD_INTEGRATED.types)?,
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
                retry_for: MINUTE * get("run", "retry_minutes").number(0..=15)?,
                alarm_after: TimeDelta::hours(
                    get("run", "alarm_after_hours").number(1..=168)?.into(),
                ),
                log_level: get("run", "log_level").one_of(LEVELS)?,
            },
            destinations: destination::read(settings.file(), folder, &network)?,
            network,
        };
        monitor::refuse_unfit_files(settings, &config)?;
        Ok(config)
    }

    /// Returns the folder of files that wait for a destination.
    pub fn outbox(&self, destination: &str) -> PathBuf {
        self.folders.data.join(logs::OUTBOX).join(destination)
    }

    /// Returns the outboxes of all destinations that get the files of a folder.
    pub fn outboxes(&self, folder: &str) -> Vec<PathBuf> {
        let wanted = self.destinations.iter();
        let wanted = wanted.filter(|destination| destination.folders.contains(&folder));
        wanted.map(|to| self.outbox(&to.name)).collect()
    }

    /// Returns a warning for each setting that is allowed but risky.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.retention.data < DAY * ADVISED_DATA_DAYS {
            warnings.push(format!(
                "data_days in [retention] is below {ADVISED_DATA_DAYS}: if an agent \
                 stops for longer, files are deleted before it reads them"
            ));
        }
        warnings
    }

    /// Refuses a file that setup has not filled in.
    ///
    /// # Errors
    /// The id of the application is empty.
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

/// Returns the text of a configuration file, for [`rewrite()`].
///
/// # Errors
/// The file does not exist, may not be read, is larger than 1 MiB or is not UTF-8.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    let text = fs::canonicalize(path).and_then(|file| toml_file::read(&file));
    text.map_err(|error| ConfigError::reading(path, &error))
}

fn base_url(settings: &Settings<'_>, api: Api) -> Result<BaseUrl, ConfigError> {
    match settings.given("mimecast", "base_url") {
        Err(_) if settings.is_draft() => Ok(BaseUrl::usual(api)),
        Err(missing) => Err(missing),
        Ok(setting) => {
            BaseUrl::parse_for(setting.filled()?, api).map_err(|error| setting.refuse(error))
        }
    }
}
