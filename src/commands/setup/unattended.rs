//! Answers without questions, for `--no-input`.

use std::path::PathBuf;

use secrecy::SecretString;

use super::again::Doubt;
use super::given::Known;
use super::questions::{Answers, DATA_FOLDER, EMAIL, PASSWORD, Question, Respondent};
use crate::config::{Api, BaseUrl};
use crate::failure::{Code, Failure};

/// Returns the answers of flags, files, environment and an earlier setup.
///
/// # Errors
/// [`Code::Usage`] if an answer is missing. It names all that are missing. If nothing decides the API
/// generation, it names those of both.
pub fn answers(known: &Known) -> Result<Answers, Failure> {
    let ask = |api| {
        let mut respondent = Unattended::new(known, api);
        let answers = Answers::ask(&mut respondent, known);
        (answers, respondent.missing)
    };
    if let Some(api) = known.api {
        let (answers, missing) = ask(api);
        return match missing[..] {
            [] => answers,
            _ => Err(missing_answers(&missing.join(", "))),
        };
    }
    let (new, missing_new) = ask(Api::V2);
    let (old, missing_old) = ask(Api::V1);
    match (&missing_new[..], &missing_old[..]) {
        (_, []) => old,
        ([], _) => new,
        _ => Err(missing_answers(&format!(
            "API 2.0 needs {}; API 1.0 needs {}",
            missing_new.join(", "),
            missing_old.join(", ")
        ))),
    }
}

fn missing_answers(missing: &str) -> Failure {
    Failure::new(
        Code::Usage,
        format!("missing answers: {missing}"),
        "give these flags, or omit --no-input to be asked",
    )
}

/// The known answers without questions. It notes all missing ones.
pub struct Unattended<'a> {
    known: &'a Known,
    api: Api,
    missing: Vec<String>,
}

impl<'a> Unattended<'a> {
    pub fn new(known: &'a Known, api: Api) -> Self {
        let missing = Vec::new();
        Self {
            known,
            api,
            missing,
        }
    }

    /// Returns the answer. If it is missing, notes its flag and returns an empty answer.
    fn require<T: Clone + Default>(&mut self, known: Option<&T>, question: &Question) -> T {
        if known.is_none() {
            self.missing.push(match question.variable {
                Some(variable) => format!("{} (or {variable})", question.flag),
                None => question.flag.to_owned(),
            });
        }
        known.cloned().unwrap_or_default()
    }

    fn has_keys(&self) -> bool {
        self.known.access_key.is_some() || self.known.secret_key.is_some()
    }
}

impl Respondent for Unattended<'_> {
    fn api(&mut self) -> Result<Api, Failure> {
        Ok(self.api)
    }

    fn data_folder(&mut self) -> Result<PathBuf, Failure> {
        Ok(self.require(self.known.data.as_ref(), &DATA_FOLDER))
    }

    fn line(&mut self, question: &Question, known: Option<&String>) -> Result<String, Failure> {
        Ok(self.require(known, question))
    }

    fn secret(
        &mut self,
        question: &Question,
        known: Option<&SecretString>,
    ) -> Result<SecretString, Failure> {
        Ok(self.require(known, question))
    }

    fn email(&mut self) -> Result<Option<String>, Failure> {
        let known = self.known;
        let has_region = known.base_url.is_some() || known.saved_base_url.is_some();
        let flag = match self.has_keys() {
            true if has_region => return Ok(known.email.clone()),
            true => "--base-url or --email",
            false => EMAIL.flag,
        };
        let question = Question { flag, ..EMAIL };
        Ok(Some(self.require(known.email.as_ref(), &question)))
    }

    fn password(&mut self) -> Result<Option<SecretString>, Failure> {
        match self.has_keys() {
            true => Ok(None),
            false => Ok(Some(self.require(self.known.password.as_ref(), &PASSWORD))),
        }
    }

    fn host(&mut self, _: Option<&BaseUrl>) -> Result<Option<BaseUrl>, Failure> {
        Ok(self.known.base_url.clone())
    }

    fn again(&mut self, _: Doubt, why: Failure) -> Result<(), Failure> {
        Err(why)
    }
}
