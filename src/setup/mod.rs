//! Connecting an account, once: what is asked, proved, fetched and saved.
//!
//! The order and the words are those of the administrator's guide for the scripts that this program
//! replaces. Nothing is saved before the account has answered.

mod answers;
mod check;
mod flags;
mod folders;
mod save;
mod terminal;
mod wizard;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::api::answer::Denial;
use crate::api::login::{self, KeyPair};
use crate::api::{ApiError, Client, Identity};
use crate::clock::Clock;
use crate::config::{self, BaseUrl, Config, EXAMPLE, Environment};
use crate::credentials::Credentials;
use crate::report::{Code, Failure, Report};
use crate::run::arguments;
use crate::run::speak::Speaker;
use crate::run::{guarded, harden};

pub use answers::{Answers, Who};
use flags::Flags;

const PROGRAM: &str = "authentication_setup";
const ABOUT: &str = "Connects a Mimecast account, once; without --no-input it asks what it needs";

/// One run of the setup.
pub struct Setup {
    flags: Flags,
    environment: Environment,
    /// Where the configuration will be.
    path: PathBuf,
    /// What is there already, else the example.
    config: Config,
    existing: Option<String>,
    clock: Clock,
    speaker: Speaker,
}

/// What an account answered with.
pub struct Connected {
    client: Client,
    credentials: Credentials,
    account_code: String,
}

/// Runs the setup: everything around its story.
pub fn run(story: impl FnOnce(&mut Setup) -> anyhow::Result<()>) -> ExitCode {
    harden::process();
    let flags = match arguments::parse::<Flags>(PROGRAM, ABOUT) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let speaker = Speaker::new(PROGRAM, &flags.common);
    let failure = guarded(|| {
        let mut setup = Setup::new(flags)?;
        story(&mut setup)
    });
    speaker.end(&Report::default(), failure.as_ref()).into()
}

impl Setup {
    fn new(flags: Flags) -> anyhow::Result<Self> {
        let clock = Clock::start().context("cannot listen to signals")?;
        let environment = Environment::of_process();
        let explicit = flags.common.config.as_deref();
        let found = config::default_place(explicit, &environment);
        // an installation that exists is continued, wherever it was found
        let path = match config::find(explicit, &environment) {
            Ok(path) => path,
            Err(_) => found?,
        };
        let existing = match path.exists() {
            true => Some(config::read(&path)?),
            false => None,
        };
        let config = match &existing {
            Some(text) => Config::parse(text, &path, &environment)?,
            None => Config::parse(EXAMPLE, &path, &environment)?,
        };
        let speaker = Speaker::new(PROGRAM, &flags.common);
        Ok(Self {
            flags,
            environment,
            path,
            config,
            existing,
            clock,
            speaker,
        })
    }

    /// Everything that a person or the command line has to say.
    ///
    /// # Errors
    /// [`Code::Usage`] when something is missing and nobody can be asked.
    pub fn ask(&self) -> anyhow::Result<Answers> {
        let known = answers::Known::of(self)?;
        if self.flags.no_input {
            answers::without_asking(&known)
        } else {
            wizard::ask(self, known)
        }
    }

    /// Makes the folders and proves that files can be written, renamed and deleted there.
    ///
    /// # Errors
    /// [`Code::Disk`].
    pub fn prepare_folders(&self, answers: &Answers) -> anyhow::Result<()> {
        folders::prepare(&answers.data, &self.config)
    }

    /// The host of the account's region: as given, or found by the e-mail address.
    ///
    /// # Errors
    /// [`ApiError`], with the preparation step to revisit.
    pub fn region(&self, answers: &Answers) -> anyhow::Result<BaseUrl> {
        let email = match (&answers.base_url, answers.email()) {
            (Some(base_url), _) => return Ok(base_url.clone()),
            (None, Some(email)) => email,
            (None, None) => return Ok(self.config.mimecast.base_url.clone()),
        };
        let client = self.client(&answers.discovery_url, answers, Identity::Application)?;
        let region = login::discover(&client, email).map_err(revisit)?;
        self.speaker.say(&format!("Region found: {region}"));
        Ok(region)
    }

    /// Logs in if need be, and fetches the account's code with the keys.
    ///
    /// # Errors
    /// [`ApiError`], with the preparation step to revisit.
    pub fn connect(&self, answers: &Answers, region: &BaseUrl) -> anyhow::Result<Connected> {
        let pair = match &answers.who {
            Who::Keys {
                access_key,
                secret_key,
                ..
            } => KeyPair {
                access_key: access_key.clone(),
                secret_key: secret_key.clone(),
                lifetime_seconds: None,
            },
            Who::LogIn {
                email,
                password,
                auth_type,
            } => {
                let identity = auth_type.identity(email, password);
                let client = self.client(region, answers, identity)?;
                let pair = login::log_in(&client, email).map_err(revisit)?;
                self.speaker.say("Log in successful");
                self.warn_of_expiry(pair.lifetime_seconds);
                pair
            }
        };
        self.speaker.say("Getting account code and saving config");
        let credentials = Credentials::new(&answers.app_key, &pair.access_key, &pair.secret_key)?;
        let client = self.client(region, answers, Identity::Keys(credentials.clone()))?;
        let account_code = login::account_code(&client).map_err(revisit)?;
        Ok(Connected {
            client,
            credentials,
            account_code,
        })
    }

    /// Saves credentials and configuration; comments and other settings of an existing file survive.
    ///
    /// # Errors
    /// [`Code::Disk`], or a [`config::ConfigError`] when the existing file cannot be continued.
    pub fn save(&self, answers: &Answers, connected: &Connected) -> anyhow::Result<()> {
        save::save(self, answers, connected)?;
        self.speaker.say("Config saved successfully");
        Ok(())
    }

    /// Makes one harmless call for each collector and reports each permission.
    ///
    /// # Errors
    /// The first refusal, after all have been tried.
    pub fn verify(&self, connected: &Connected) -> anyhow::Result<()> {
        check::permissions(self, connected)?;
        check::next_steps(self);
        Ok(())
    }

    fn client(
        &self,
        base: &BaseUrl,
        answers: &Answers,
        identity: Identity,
    ) -> Result<Client, ApiError> {
        let (network, clock) = (&self.config.network, self.clock.clone());
        Client::new(base.clone(), &answers.app_id, identity, network, clock)
    }

    fn warn_of_expiry(&self, lifetime_seconds: Option<u64>) {
        const YEAR: u64 = 365 * 24 * 3_600;
        let Some(seconds @ 1..YEAR) = lifetime_seconds else {
            return;
        };
        let life = match (seconds / 86_400, seconds / 3_600) {
            (0, hours) => format!("{hours} hours"),
            (days, _) => format!("{days} days"),
        };
        self.speaker.say(&format!(
            "Note: these keys expire in {life}. Set the Authentication Cache TTL to \"Never \
             Expires\" (README, preparation step 4) and run this again, or collection will stop then"
        ));
    }
}

/// Adds which part of the preparation a refusal points at.
fn revisit(error: ApiError) -> anyhow::Error {
    let step = match &error {
        ApiError::Denied(denial) => match denial {
            Denial::Login => "step 1 (user and password; two-step authentication off), step 4",
            Denial::UnknownAddress => "step 1 (user)",
            Denial::Permission(_) => "step 2 (role)",
            Denial::Expired => "step 4 (authentication profile)",
            Denial::ApplicationId => "step 7 (application id)",
            Denial::Keys => "step 7 (application key), or the key pair",
            Denial::Client | Denial::Token => "step 7 (client id and secret)",
            Denial::Clock(_) => "nothing, but set this host's clock",
            Denial::Region => "the base URL",
        },
        _ => return error.into(),
    };
    let what = error.to_string();
    Failure::new(
        Code::Denied,
        what,
        format!("check preparation {step} in the README"),
    )
    .into()
}
