//! Connects an account once: asks, logs in, fetches the account's code, and saves.
//!
//! The order and the words follow the administrator's guide for the Python scripts, so that its readers
//! recognise each step. The setup saves nothing before the account has answered.

mod again;
mod asked;
mod beside;
mod connecting;
mod flags;
pub(super) mod folders;
mod given;
mod import;
mod permissions;
mod questions;
mod save;
mod terminal;
mod unattended;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::clock::Clock;
use crate::config::{self, Config, EXAMPLE, Environment, Given};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::run::arguments;
use crate::run::invocation::Invocation;
use crate::run::output::Output;
use crate::run::{self, guarded, log, process};

use again::{Doubt, Refused};
use asked::Wizard;
use connecting::{Connected, Secrets};
use tracing::{info, warn};

use flags::{Command, Flags};
use given::Known;
use questions::{Answers, Respondent};
use unattended::Unattended;
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
    let mut output = Output::new(PROGRAM, flags.common.quiet, flags.common.json);
    let import = match &flags.command {
        Some(Command::Import(flags)) => Some(flags.clone()),
        Some(command) => return beside::run(command, &flags.common, &output),
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
        match &done {
            Ok(()) => info!("the setup ends"),
            Err(failure) => warn!(
                error = failure.what,
                code = failure.code as u8,
                "the setup ends early"
            ),
        }
        (report, output) = (setup.report, setup.output);
        done
    });
    match failure {
        None if !output.is_for_machines() => Code::Done.into(), // the setup has printed everything
        failure => output.end(&report, failure.as_ref()).into(),
    }
}

/// Starts the log. The folder is known once a setup has finished; before, a person gets the lines.
fn begin_log(
    config: &Config,
    is_installed: bool,
    verbose: u8,
    (clock, output): (&Clock, &mut Output),
) {
    let run_id = output.run_id().to_owned();
    let begun = (is_installed && config.folders.log.is_dir())
        .then(|| log::begin(config, log::SETUP, &run_id, verbose, clock.now()));
    match begun {
        Some(Ok(path)) => output.log_is_at(path),
        _ => log::begin_on_stderr(&run_id, verbose),
    }
}

/// Connects an account.
fn connect(setup: &mut Setup) -> Result<(), Failure> {
    folders::check_own(setup)?;
    let known = Known::of(setup)?;
    let signed_in = setup.answer(&known, |answers, respondent| {
        setup.sign_in(answers, respondent)
    });
    let (answers, connected) = signed_in?;
    setup.report.notes.extend(connected.note.clone());
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
        Invocation::of(&path, &environment).refuse_root(PROGRAM)?;
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
        let mut output = output;
        begin_log(
            &config,
            existing.is_some(),
            flags.common.verbose,
            (&clock, &mut output),
        );
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

    /// Gets the answers from the flags or from a person, and works with them.
    ///
    /// # Errors
    /// [`Code::Usage`] if an answer is missing and there is no terminal; the failure of the work.
    fn answer<T>(
        &self,
        known: &Known,
        work: impl FnOnce(Answers, &mut dyn Respondent) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.flags.no_input {
            let answers = unattended::answers(known)?;
            folders::check_writable(&answers.data)?;
            let mut nobody = Unattended::new(known, answers.api());
            return work(answers, &mut nobody);
        }
        let mut wizard = Wizard::begin(self, known)?;
        let answers = Answers::ask(&mut wizard, known)?;
        work(answers, &mut wizard)
    }

    /// Connects with the answers and creates the data folders. Asks again for an answer that is refused.
    ///
    /// # Errors
    /// The last refusal.
    fn sign_in(
        &self,
        mut answers: Answers,
        respondent: &mut dyn Respondent,
    ) -> Result<(Answers, Connected), Failure> {
        let connected = loop {
            match self.connect(&answers) {
                Ok(connected) => break connected,
                Err(refused) => answers.ask_again(respondent, refused)?,
            }
        };
        self.make_data_folders(&mut answers, respondent)?;
        Ok((answers, connected))
    }

    /// Creates the data folders after the log-in, so that a refused one leaves none. Asks again for a folder
    /// that cannot be used.
    ///
    /// # Errors
    /// The last refusal.
    fn make_data_folders(
        &self,
        answers: &mut Answers,
        respondent: &mut dyn Respondent,
    ) -> Result<(), Failure> {
        while let Err(failure) = folders::prepare(&answers.data, &self.config) {
            answers.ask_again(respondent, Refused::of(Doubt::Folder, failure))?;
        }
        Ok(())
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
