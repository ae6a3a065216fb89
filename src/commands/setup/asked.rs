//! The questions, in the order of the administrator's guide; each answer is checked on the spot.

use std::io::{ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};

use dialoguer::{Input, Password};
use secrecy::SecretString;

use super::given::{Answers, App, Known, Who, is_address, is_word};
use super::terminal::{Terminal, wait_for_the_end};
use super::{PROGRAM, Setup, folders};
use crate::config::{Api, BaseUrl, BaseUrlError, User};
use crate::failure::{Code, Failure};

const INTRODUCTION: &str = "\
This connects a Mimecast account, so that siem_collection and audit_collection can read its logs.
You need what docs/prepare-mimecast.md leads to: the application, for API 1.0 also the user.
Enter takes the suggestion in brackets; secrets do not show while you type or paste them.
Ctrl-C at any question leaves everything as it was.
";
const PASSWORD: &str = "Password (empty: enter a key pair instead)";

/// Asks for everything that is not known yet; what is known stands as the suggestion.
pub(super) fn ask(setup: &Setup, known: &Known) -> Result<Answers, Failure> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        let what = "there is no terminal to ask questions in";
        let remedy = "use --no-input with the flags of authentication_setup --help";
        return Err(Failure::new(Code::Usage, what, remedy));
    }
    let _terminal = Terminal::guard(&setup.clock, &setup.output);
    setup.output.say(INTRODUCTION);
    let api = api(setup, known)?;
    let data = data_folder(setup, known.data.clone())?;
    let (who, base_url) = match api {
        Api::V2 => (client(known)?, Some(host(setup, known)?)),
        Api::V1 => (administrator(known)?, known.base_url.clone()),
    };
    Ok(Answers {
        data,
        who,
        base_url,
        discovery_url: known.discovery_url.clone(),
    })
}

/// Which generation, unless a flag has said it; what is there already is the suggestion.
fn api(setup: &Setup, known: &Known) -> Result<Api, Failure> {
    if let (Some(api), true) = (known.api, !setup.given.api || setup.flags.api.is_some()) {
        return Ok(api);
    }
    let suggestion = known.api.unwrap_or(Api::V2).name().to_owned();
    let question = "API generation (2.0; or 1.0 for an application that exists already)";
    let answer = line(question, Some(suggestion), |text| match text {
        "1.0" | "2.0" => Ok(()),
        _ => Err("2.0 or 1.0, please"),
    })?;
    Ok(if answer == "1.0" { Api::V1 } else { Api::V2 })
}

/// An application of API 2.0.
fn client(known: &Known) -> Result<Who, Failure> {
    Ok(Who::Client {
        id: line("Client id", known.client_id.clone(), is_word)?,
        secret: secret("Client secret", known.client_secret.clone())?,
    })
}

/// The API 2.0 host: the global one, or one that keeps the data in a region.
fn host(setup: &Setup, known: &Known) -> Result<BaseUrl, Failure> {
    if let Some(base_url) = &known.base_url {
        return Ok(base_url.clone());
    }
    let parse = |text: &str| BaseUrl::parse_for(text, Api::V2);
    let suggestion = setup.global_host().to_string();
    let text = line("API host", Some(suggestion), |text| parse(text).map(drop))?;
    let refused = |error: BaseUrlError| Failure::new(Code::Usage, error.to_string(), "correct it");
    parse(&text).map_err(refused)
}

/// An administrator and the application of API 1.0.
fn administrator(known: &Known) -> Result<Who, Failure> {
    let app = App {
        id: line("Application id", known.app_id.clone(), is_word)?,
        key: secret("Application key", known.app_key.clone())?,
    };
    let email = line("E-mail address", known.email.clone(), is_address)?;
    who(known, app, email)
}

/// The password, or the key pair that was given or is entered instead of it.
fn who(known: &Known, app: App, email: String) -> Result<Who, Failure> {
    if let (Some(access_key), Some(secret_key)) = (&known.access_key, &known.secret_key) {
        return Ok(Who::Keys {
            app,
            email: Some(email),
            access_key: access_key.clone(),
            secret_key: secret_key.clone(),
        });
    }
    let password = match &known.password {
        Some(password) => Some(password.clone()),
        None => hidden(PASSWORD, Empty::Allowed, |_| Ok(()))?,
    };
    Ok(match password {
        Some(password) => Who::LogIn {
            app,
            email,
            password,
            auth_type: known.auth_type,
        },
        None => Who::Keys {
            app,
            email: Some(email),
            access_key: secret("Access key", known.access_key.clone())?,
            secret_key: secret("Secret key", known.secret_key.clone())?,
        },
    })
}

/// The place that `README.md` and `docs/` use where its user may make it, else one that surely can be made.
fn suggested_folder(setup: &Setup) -> Option<PathBuf> {
    let usual = Path::new("/var/spool/mimecast");
    if cfg!(unix) && (setup.environment.user == User::Root || folders::can_hold(usual).is_ok()) {
        return Some(usual.to_owned());
    }
    let home = setup.environment.home.as_ref()?;
    Some(home.join("mimecast-data"))
}

/// Asks until there is a folder that can be used; it is made once all questions are answered.
fn data_folder(setup: &Setup, known: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let suggestion = known.or_else(|| suggested_folder(setup));
    let suggestion = suggestion.map(|folder| folder.display().to_string());
    let check = |text: &str| {
        let folder = Path::new(text);
        if !folder.is_absolute() {
            return Err("the whole path, please: cron starts elsewhere".to_owned());
        }
        folders::fit(folder, &setup.config, &setup.environment)
            .map_err(|reason| format!("it {reason}"))
            .and_then(|()| folders::can_hold(folder).map_err(|failure| failure.what))
    };
    Ok(PathBuf::from(line("Data directory", suggestion, check)?))
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

/// Asks for a key; Enter keeps the one that is known.
fn secret(question: &str, known: Option<SecretString>) -> Result<SecretString, Failure> {
    match known {
        Some(known) => {
            let question = format!("{question} (empty: keep the present one)");
            Ok(hidden(&question, Empty::Allowed, is_word)?.unwrap_or(known))
        }
        None => Ok(hidden(question, Empty::Refused, is_word)?.unwrap_or_default()),
    }
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

/// An answer; Ctrl-C in the middle of one ends the program elsewhere.
fn answered(answer: dialoguer::Result<String>) -> Result<String, Failure> {
    match answer {
        Ok(text) => Ok(text),
        Err(dialoguer::Error::IO(error)) if error.kind() == ErrorKind::Interrupted => {
            wait_for_the_end()
        }
        Err(dialoguer::Error::IO(error)) => {
            let what = format!("the terminal does not answer: {error}");
            let remedy = format!("use {PROGRAM} --no-input");
            Err(Failure::new(Code::Usage, what, remedy))
        }
    }
}
