//! The questions, in the order of the administrator's guide; each answer is checked on the spot.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use dialoguer::{Input, Password};
use secrecy::SecretString;

use super::answers::{Answers, Known, Who};
use super::terminal::Terminal;
use super::{Setup, folders};
use crate::report::{Code, Failure};

const INTRODUCTION: &str = "\
This connects a Mimecast account, so that siem_collection and audit_collection can read its logs.
You need the user, password and application of the preparation steps in the README.
Ctrl-C at any question leaves everything as it was.
";

/// Asks for everything that is not known yet; what is known stands as the suggestion.
pub(super) fn ask(setup: &Setup, known: Known) -> anyhow::Result<Answers> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        let what = "there is no terminal to ask questions in";
        let remedy = "use --no-input with the flags of authentication_setup --help";
        return Err(Failure::new(Code::Usage, what, remedy).into());
    }
    let _terminal = Terminal::guard()?;
    setup.speaker.say(INTRODUCTION);
    let suggestion = known.data.clone().or_else(|| suggested_folder(setup));
    let data = data_folder(setup, suggestion)?;
    let app_id = line("Application id", known.app_id, is_word)?;
    let app_key = secret("Application key", known.app_key)?;
    let email = line("E-mail address", known.email, is_address)?;
    let password = match known.password {
        Some(password) => Some(password),
        None => hidden(
            "Password (empty: enter an existing key pair)",
            Empty::Allowed,
        )?,
    };
    let who = match password {
        Some(password) => Who::LogIn {
            email,
            password,
            auth_type: known.auth_type,
        },
        None => Who::Keys {
            email: Some(email),
            access_key: secret("Access key", known.access_key)?,
            secret_key: secret("Secret key", known.secret_key)?,
        },
    };
    let (base_url, discovery_url) = (known.base_url, known.discovery_url);
    Ok(Answers {
        data,
        app_id,
        app_key,
        who,
        base_url,
        discovery_url,
    })
}

fn suggested_folder(setup: &Setup) -> Option<PathBuf> {
    let home = setup.environment.home.as_ref()?;
    Some(home.join("mimecast-data"))
}

/// Asks until there is a folder in which files can be written, renamed and deleted.
fn data_folder(setup: &Setup, suggestion: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let mut suggestion = suggestion.map(|folder| folder.display().to_string());
    loop {
        let text = line(
            "Data directory",
            suggestion.clone(),
            |text| match Path::new(text).is_absolute() {
                true => Ok(()),
                false => Err("the whole path, please: cron starts elsewhere"),
            },
        )?;
        let folder = PathBuf::from(&text);
        match folders::prepare(&folder, &setup.config) {
            Ok(()) => return Ok(folder),
            Err(error) => setup.speaker.aside(&format!("{error:#}")),
        }
        suggestion = Some(text);
    }
}

fn line(
    question: &str,
    suggestion: Option<String>,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> anyhow::Result<String> {
    let mut input = Input::<String>::new()
        .with_prompt(question)
        .validate_with(|text: &String| check(text.trim()));
    if let Some(suggestion) = suggestion {
        input = input.default(suggestion);
    }
    Ok(input.interact_text()?.trim().to_owned())
}

/// Asks for a secret; Enter keeps the one that is known.
fn secret(question: &str, known: Option<SecretString>) -> anyhow::Result<SecretString> {
    match known {
        Some(known) => {
            let question = format!("{question} (empty: keep the present one)");
            Ok(hidden(&question, Empty::Allowed)?.unwrap_or(known))
        }
        None => Ok(hidden(question, Empty::Refused)?.unwrap_or_default()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    Allowed,
    Refused,
}

fn hidden(question: &str, empty: Empty) -> anyhow::Result<Option<SecretString>> {
    let prompt = Password::new()
        .with_prompt(question)
        .allow_empty_password(empty == Empty::Allowed);
    let text = prompt.interact()?;
    Ok(Some(text)
        .filter(|text| !text.trim().is_empty())
        .map(SecretString::from))
}

fn is_word(text: &str) -> Result<(), &'static str> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err("one word of letters, digits and dashes, please"),
    }
}

fn is_address(text: &str) -> Result<(), &'static str> {
    let parts = text.split_once('@');
    match parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.')) {
        true if !text.contains(char::is_whitespace) => Ok(()),
        _ => Err("an e-mail address, please"),
    }
}
