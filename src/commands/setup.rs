//! Connects an account once: asks, logs in, fetches the account's code, and saves.
//!
//! The order and the words follow the administrator's guide for the Python scripts, so that its readers
//! recognise each step. The setup saves nothing before the account has answered.

mod asked;
mod connecting;
mod flags;
pub(super) mod folders;
mod given;
mod import;
mod permissions;
mod questions;
mod save;
mod terminal;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::api::Identity;
use crate::api::login;
use crate::clock::Clock;
use crate::commands::{agent_config, check, describe, schedule};
use crate::config::{self, Api, BaseUrl, BaseUrlError, Config, EXAMPLE, Environment, Given};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::run::arguments::{self, Common};
use crate::run::output::Output;
use crate::run::{self, guarded, log, process};

use asked::Wizard;
use connecting::{Connected, Secrets};
use flags::{Command, Flags};
use given::{Known, Unattended};
use questions::Answers;
use words::{replace_next_run, with_preparation_step, with_remedy_of_setup};

const PROGRAM: &str = "authentication_setup";
const ABOUT: &str = "Connects a Mimecast account, once; asks questions unless --no-input is given";

/// One run of the setup.
pub struct Setup {
    flags: Flags,
    environment: Environment,
    /// The path of the configuration file, which may not exist yet.
    path: PathBuf,
    /// The existing configuration, else the example.
    config: Config,
    existing: Option<String>,
    /// The values that the existing file gives.
    given: Given,
    clock: Clock,
    output: Output,
    report: Report,
}

/// Runs `authentication_setup`.
pub fn run() -> ExitCode {
    process::protect_secrets();
    let flags = match arguments::parse::<Flags>(PROGRAM, ABOUT) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let output = Output::new(PROGRAM, flags.common.quiet, flags.common.json);
    let import = match &flags.command {
        Some(Command::Import(flags)) => Some(flags.clone()),
        Some(command) => return run_command(command, &flags.common, &output),
        None => None,
    };
    let mut report = Report::default();
    let failure = guarded(|| {
        let flags = match &import {
            Some(import) => import.of_setup(flags)?,
            None => flags,
        };
        let mut setup = Setup::new(flags, output.clone()).map_err(replace_next_run)?;
        let done = match &import {
            Some(import) => import::import(&mut setup, &import.dir),
            None => connect(&mut setup),
        };
        let done = done.map_err(|failure| with_remedy_of_setup(failure, &setup));
        report = setup.report;
        done
    });
    match failure {
        None if !output.is_for_machines() => Code::Done.into(), // the setup has printed everything
        failure => output.end(&report, failure.as_ref()).into(),
    }
}

/// Runs a command instead of the setup.
fn run_command(command: &Command, common: &Common, output: &Output) -> ExitCode {
    let mut code = Code::Done;
    let failure = guarded(|| {
        let line = arguments::command::<Flags>(PROGRAM, ABOUT);
        let mut text = Vec::new();
        let described = match command {
            Command::Import(_) => unreachable!("it is a setup"),
            Command::Check => {
                code = check::run(PROGRAM, common, output)?;
                return Ok(());
            }
            Command::Schedule(flags) => {
                let (config, environment) = load(common)?;
                return schedule::run(flags, &config, &environment, output);
            }
            Command::AgentConfig { agent } => {
                let (config, _) = load(common)?;
                let settings = agent_config::settings(agent, &config.folders.data);
                text.extend(settings.unwrap_or_default().into_bytes());
                Ok(())
            }
            Command::Completions { shell } => describe::completions(*shell, line, &mut text),
            Command::Man { program } => describe::man(program, line, &mut text),
        };
        described.expect("memory takes all");
        output.print(&text);
        Ok(())
    });
    match failure {
        None => code.into(),
        Some(failure) => output.end(&Report::default(), Some(&failure)).into(),
    }
}

/// Returns the configuration that a command needs, and the environment.
fn load(common: &Common) -> Result<(Config, Environment), Failure> {
    let environment = Environment::of_process();
    let path = config::find(common.config.as_deref(), &environment)?;
    Ok((Config::load(&path, &environment)?, environment))
}

/// Connects an account.
fn connect(setup: &mut Setup) -> Result<(), Failure> {
    let answers = setup.ask()?;
    setup.prepare_folders(&answers)?;
    let region = setup.region(&answers)?;
    let connected = setup.connect(&answers, &region)?;
    setup.save(&answers, &connected)?;
    setup.verify(&connected)
}

impl Setup {
    fn new(flags: Flags, output: Output) -> Result<Self, Failure> {
        let clock = run::start_clock()?;
        let environment = Environment::of_process();
        let explicit = flags.common.config.as_deref();
        let found = config::default_path(explicit, &environment);
        // the setup continues an existing installation, wherever it is
        let path = match config::find(explicit, &environment) {
            Ok(path) => path,
            Err(_) => found?,
        };
        let existing = match path.exists() {
            true => Some(config::read(&path)?),
            false => None,
        };
        let (config, given) = match &existing {
            Some(text) => Config::parse_draft(text, &path, &environment)?,
            None => (
                Config::parse(EXAMPLE, &path, &environment)?,
                Given::default(),
            ),
        };
        // on Windows the setup itself is the remedy, because it makes the file owner-only
        if existing.is_some() && cfg!(not(windows)) {
            config.refuse_open_secret()?;
        }
        log::begin_on_stderr(output.run_id(), flags.common.verbose);
        Ok(Self {
            flags,
            environment,
            path,
            config,
            existing,
            given,
            clock,
            output,
            report: Report::default(),
        })
    }

    /// Returns the answers of a person at the terminal, or those of the command line.
    ///
    /// # Errors
    /// [`Code::Usage`] if an answer is missing and there is no terminal to ask at.
    pub fn ask(&self) -> Result<Answers, Failure> {
        self.ask_what_is_unknown(&Known::of(self)?)
    }

    /// Does the same with these known answers.
    fn ask_what_is_unknown(&self, known: &Known) -> Result<Answers, Failure> {
        match self.flags.no_input {
            true => Answers::ask(&mut Unattended::new(known), known),
            false => Answers::ask(&mut Wizard::begin(self, known)?, known),
        }
    }

    /// Creates the folders and proves that files can be written, renamed and deleted there.
    ///
    /// # Errors
    /// [`Code::Disk`].
    pub fn prepare_folders(&self, answers: &Answers) -> Result<(), Failure> {
        // checked before the log-in, because each log-in creates keys, and they must be saved
        folders::check_can_create(self.path.parent().unwrap_or(&self.path))?;
        folders::prepare(&answers.data, &self.config)
    }

    /// Returns the host of the account's region, as given or as Mimecast names it for the e-mail address.
    ///
    /// # Errors
    /// [`Code::Usage`] for a wrong `--base-url`; else an API error, with the preparation step to revisit.
    pub fn region(&self, answers: &Answers) -> Result<BaseUrl, Failure> {
        let email = match (&answers.base_url, answers.email()) {
            (Some(base_url), _) => {
                let refused = |error: BaseUrlError| {
                    Failure::new(
                        Code::Usage,
                        format!("--base-url: {error}"),
                        "correct --base-url",
                    )
                };
                return base_url.clone().serving(answers.api()).map_err(refused);
            }
            (None, None) if answers.api() == Api::V2 => {
                return Ok(self.global_host());
            }
            (None, Some(email)) => email,
            (None, None) => return Ok(self.config.mimecast.base_url.clone()),
        };
        let client = self.client(&answers.discovery_url, answers, Identity::Application)?;
        let region = login::discover(&client, email).map_err(with_preparation_step)?;
        self.output.say(&format!(
            "The account's region is served by {}",
            region.host()
        ));
        Ok(region)
    }

    /// Returns the host of API 2.0 to suggest: that of an earlier setup, else the global one.
    fn global_host(&self) -> BaseUrl {
        let saved = &self.config.mimecast;
        match saved.api {
            Api::V2 if self.given.base_url => saved.base_url.clone(),
            _ => BaseUrl::usual(Api::V2),
        }
    }

    /// Saves credentials and configuration. Comments and other settings of an existing file survive.
    ///
    /// # Errors
    /// [`Code::Disk`], or a [`config::ConfigError`] if the setup cannot change the existing file.
    pub fn save(&self, answers: &Answers, connected: &Connected) -> Result<(), Failure> {
        let draft = save::draft(self, answers, connected)?;
        save::make_folders(self, &draft)?;
        save::write(self, &draft, connected)?;
        self.output.say("Config saved successfully");
        Ok(())
    }

    /// Makes one harmless call for each log and prints each permission.
    ///
    /// # Errors
    /// The refusals, after all calls.
    pub fn verify(&mut self, connected: &Connected) -> Result<(), Failure> {
        let checked = permissions::check_permissions(self, connected);
        for note in &self.report.notes {
            self.output.say(&format!("\nNote: {note}"));
        }
        checked?;
        permissions::next_steps(self);
        Ok(())
    }
}
