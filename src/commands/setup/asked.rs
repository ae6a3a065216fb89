//! Asks a person at the terminal, and checks each answer at once.

use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};

use dialoguer::{Input, Password};
use secrecy::SecretString;

use super::again::Doubt;
use super::given::Known;
use super::questions::{DATA_FOLDER, EMAIL, PASSWORD, Question, Respondent};
use super::terminal::{Terminal, wait_for_the_end};
use super::{PROGRAM, Setup, folders};
use crate::config::{Api, BaseUrl, BaseUrlError, User};
use crate::failure::{Code, Failure};

const INTRODUCTION: &str = "\
This connects a Mimecast account, so that siem_collection and audit_collection
can read its logs.
You need the results of docs/prepare-mimecast.md: the application and, for
API 1.0, the user.
Enter accepts the suggestion in brackets. Secrets do not show while you type or
paste them. Ctrl-C at any question ends the program and changes nothing.
";

/// The number of times that one refused answer is asked for again.
const REPEATS: u32 = 3;

/// The questions at the terminal. A known answer is the suggestion.
pub struct Wizard<'a> {
    setup: &'a Setup,
    known: &'a Known,
    /// The number of times that each answer was asked for again.
    repeats: BTreeMap<Doubt, u32>,
}

impl<'a> Wizard<'a> {
    /// Prints the introduction.
    ///
    /// # Errors
    /// [`Code::Usage`] if standard input or standard error is not a terminal.
    pub fn begin(setup: &'a Setup, known: &'a Known) -> Result<Self, Failure> {
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            let what = "there is no terminal for questions";
            let remedy = "use --no-input with the flags of authentication_setup --help";
            return Err(Failure::new(Code::Usage, what, remedy));
        }
        setup.output.say(INTRODUCTION);
        Ok(Self {
            setup,
            known,
            repeats: BTreeMap::new(),
        })
    }

    /// Returns the whole path of the data folder that was typed, if it can be used.
    fn usable_folder(&self, typed: &str) -> Result<PathBuf, String> {
        let Setup {
            config,
            environment,
            ..
        } = self.setup;
        let told = |reason: String| format!("it {reason}");
        let folder = folders::whole(Path::new(typed), environment).map_err(told)?;
        folders::check_name(&folder, config, environment).map_err(told)?;
        folders::check_writable(&folder).map_err(|failure| failure.what)?;
        Ok(folder)
    }

    /// Restores the terminal after Ctrl-C, until it is dropped.
    fn guard(&self) -> Terminal {
        Terminal::guard(&self.setup.clock, &self.setup.output)
    }

    fn ask<E: ToString>(
        &self,
        question: &str,
        suggestion: Option<String>,
        check: impl Fn(&str) -> Result<(), E>,
    ) -> Result<String, Failure> {
        let _terminal = self.guard();
        line(question, suggestion, check)
    }

    fn ask_hidden(
        &self,
        prompt: &str,
        empty: Empty,
        question: &Question,
    ) -> Result<Option<SecretString>, Failure> {
        let _terminal = self.guard();
        hidden(prompt, empty, question.check)
    }
}

impl Respondent for Wizard<'_> {
    /// Asks for the generation unless the flags decide it. The saved one is the suggestion.
    fn api(&mut self) -> Result<Api, Failure> {
        let (setup, known) = (self.setup, self.known);
        if let (Some(api), true) = (known.api, !setup.given.api || setup.flags.api.is_some()) {
            return Ok(api);
        }
        let suggestion = known.api.unwrap_or(Api::V2).name().to_owned();
        let question = "API generation (2.0; or 1.0 for an application that exists already)";
        let answer = self.ask(question, Some(suggestion), |text| match text {
            "1.0" | "1" | "2.0" | "2" => Ok(()),
            _ => Err("enter 2.0 or 1.0"),
        })?;
        Ok(match answer.as_str() {
            "1.0" | "1" => Api::V1,
            _ => Api::V2,
        })
    }

    /// Asks until the folder can be used. The setup creates it after the log-in.
    fn data_folder(&mut self) -> Result<PathBuf, Failure> {
        let suggestion = self.known.data.clone();
        let suggestion = suggestion.or_else(|| suggested_folder(self.setup));
        let suggestion = suggestion.map(|folder| folder.display().to_string());
        let check = |text: &str| self.usable_folder(text).map(drop);
        let typed = self.ask(DATA_FOLDER.prompt, suggestion, check)?;
        let folder = self
            .usable_folder(&typed)
            .map_err(|why| Failure::new(Code::Disk, why, "choose another folder"))?;
        if folder != Path::new(&typed) {
            self.setup
                .output
                .say(&format!("  The whole path is {}", folder.display()));
        }
        Ok(folder)
    }

    fn line(&mut self, question: &Question, known: Option<&String>) -> Result<String, Failure> {
        self.ask(question.prompt, known.cloned(), question.check)
    }

    /// Asks for a secret. An empty answer keeps the known one.
    fn secret(
        &mut self,
        question: &Question,
        known: Option<&SecretString>,
    ) -> Result<SecretString, Failure> {
        let Some(known) = known else {
            let answer = self.ask_hidden(question.prompt, Empty::Refused, question)?;
            return Ok(answer.unwrap_or_default());
        };
        let prompt = format!("{} (empty: keep the present one)", question.prompt);
        let answer = self.ask_hidden(&prompt, Empty::Allowed, question)?;
        Ok(answer.unwrap_or_else(|| known.clone()))
    }

    /// Asks for the address unless keys and host are known, because only a log-in needs it then.
    fn email(&mut self) -> Result<Option<String>, Failure> {
        let known = self.known;
        if known.has_pair() && known.base_url.is_some() {
            return Ok(known.email.clone());
        }
        self.line(&EMAIL, self.known.email.as_ref()).map(Some)
    }

    fn password(&mut self) -> Result<Option<SecretString>, Failure> {
        let known = self.known;
        if known.has_pair() {
            return Ok(None);
        }
        match &known.password {
            Some(password) => Ok(Some(password.clone())),
            None => self.ask_hidden(PASSWORD.prompt, Empty::Allowed, &PASSWORD),
        }
    }

    /// Asks for the API host: the global one, or one that keeps the data in a region.
    fn host(&mut self, last: Option<&BaseUrl>) -> Result<Option<BaseUrl>, Failure> {
        if let Some(base_url) = &self.known.base_url {
            return Ok(Some(base_url.clone()));
        }
        let parse = |text: &str| BaseUrl::parse_for(text, Api::V2);
        let suggestion = last.cloned();
        let suggestion = suggestion.unwrap_or_else(|| self.setup.global_host());
        let suggestion = Some(suggestion.to_string());
        let text = self.ask("API host", suggestion, |text| parse(text).map(drop))?;
        let refused =
            |error: BaseUrlError| Failure::new(Code::Usage, error.to_string(), "correct it");
        parse(&text).map(Some).map_err(refused)
    }

    fn again(&mut self, doubt: Doubt, why: Failure) -> Result<(), Failure> {
        let repeats = self.repeats.entry(doubt).or_default();
        let is_fixed = doubt == Doubt::Host && self.known.base_url.is_some();
        if *repeats == REPEATS || is_fixed {
            return Err(why);
        }
        *repeats += 1;
        let hint = match doubt {
            Doubt::Host => "check the host, the network, the firewall and the proxy",
            _ => &why.remedy,
        };
        self.setup.output.refuse(&why.what, hint);
        Ok(())
    }
}

/// Returns the folder that the documents use, if this user may create it; else one in the user's home.
fn suggested_folder(setup: &Setup) -> Option<PathBuf> {
    let usual = Path::new("/var/spool/mimecast");
    if cfg!(unix)
        && (setup.environment.user == User::Root || folders::check_writable(usual).is_ok())
    {
        return Some(usual.to_owned());
    }
    let home = setup.environment.home.as_ref()?;
    Some(home.join("mimecast-data"))
}

fn line<E: ToString>(
    question: &str,
    suggestion: Option<String>,
    check: impl Fn(&str) -> Result<(), E>,
) -> Result<String, Failure> {
    let mut input = Input::<String>::new()
        .with_prompt(question)
        .validate_with(|text: &String| check(text.trim()));
    if let Some(suggestion) = suggestion {
        input = input.default(suggestion);
    }
    Ok(answered(input.interact_text())?.trim().to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    Allowed,
    Refused,
}

fn hidden(
    question: &str,
    empty: Empty,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<Option<SecretString>, Failure> {
    let prompt = Password::new()
        .with_prompt(question)
        .allow_empty_password(empty == Empty::Allowed)
        .validate_with(|text: &String| match text.trim() {
            "" if empty == Empty::Allowed => Ok(()),
            text => check(text),
        });
    let text = answered(prompt.interact())?;
    Ok(Some(text)
        .filter(|text| !text.trim().is_empty())
        .map(SecretString::from))
}

/// Returns the answer. After Ctrl-C it waits, because another thread ends the program.
fn answered(answer: dialoguer::Result<String>) -> Result<String, Failure> {
    match answer {
        Ok(text) => Ok(text),
        Err(dialoguer::Error::IO(error)) if error.kind() == ErrorKind::Interrupted => {
            wait_for_the_end()
        }
        Err(dialoguer::Error::IO(error)) => {
            let what = format!("cannot read from the terminal: {error}");
            let remedy = format!("use {PROGRAM} --no-input");
            Err(Failure::new(Code::Usage, what, remedy))
        }
    }
}
