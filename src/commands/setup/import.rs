//! Takes over from the retired Python scripts: keys, data folder and positions.
//!
//! The scripts' files are only read. The records of the positions are written first, then the credentials,
//! and the configuration last. Without a configuration no collector runs, so an interrupted import loses
//! and repeats no event, and a second one completes it.

mod checkpoints;
mod notes;
mod scripts;

use std::path::Path;

use super::again::{Doubt, Refused};
use super::connecting::Connected;
use super::given::Known;
use super::questions::{Access, Answers, EMAIL, PASSWORD_AGAIN, Respondent};
use super::{Setup, folders, save};
use crate::config::Api;
use crate::durable::SystemDisk;
use crate::failure::{Code, Failure};
use crate::logs::{ARCHIVES, AUDIT};
use crate::spool::{self, Lock, SpoolError, Takeover};
use crate::windowed;

use checkpoints::Checkpoints;
use scripts::Scripts;

/// Takes over from the scripts in a folder.
pub(super) fn import(setup: &mut Setup, dir: &Path) -> Result<(), Failure> {
    let now = setup.clock.now();
    let scripts = Scripts::read(dir)?;
    let checkpoints = Checkpoints::read(&scripts.checkpoint, now)?;
    let state = folders::own(setup)?.state;
    refuse_used(state.as_deref().unwrap_or(&setup.config.folders.state))?;
    setup.output.say(&notes::found(&scripts, &checkpoints));
    let known = known(setup, &scripts)?;
    folders::check_own(setup)?;
    let (answers, connected) = connect(setup, &known)?;
    if connected.account_code != scripts.account_code {
        let what = format!(
            "the application belongs to account {}, and the scripts collected account {}",
            connected.account_code, scripts.account_code
        );
        let remedy = "use an application of that account, because the positions belong to it";
        return Err(Failure::new(Code::Config, what, remedy));
    }
    setup.report.notes.extend(connected.note.clone());
    save(setup, &scripts, &checkpoints, &answers, &connected)?;
    setup.output.say("Config saved successfully");
    setup.verify(&connected)
}

/// Returns the answers that are known before the first question: those of the setup, and the scripts'.
fn known(setup: &Setup, scripts: &Scripts) -> Result<Known, Failure> {
    let mut known = Known::of(setup)?;
    known.api = Some(Api::V1);
    known
        .base_url
        .get_or_insert_with(|| scripts.base_url.clone());
    known.access_key = Some(scripts.access_key.clone());
    known.secret_key = Some(scripts.secret_key.clone());
    if setup.flags.data_dir.is_some() {
        return Ok(known);
    }
    let folder = scripts.data_folder();
    let folder = folder.and_then(|folder| {
        folders::check_name(&folder, &setup.config, &setup.environment).map(|()| folder)
    });
    known.data = match folder {
        Ok(folder) => Some(folder),
        Err(reason) => {
            let what = format!("the scripts' data folder {} {reason}", scripts.data.shown());
            if setup.flags.no_input {
                let remedy = "name the data folder with --data-dir";
                return Err(Failure::new(Code::Usage, what, remedy));
            }
            setup.output.say(&format!("Note: {what}\n"));
            None
        }
    };
    Ok(known)
}

/// Connects with the scripts' keys or, if Mimecast refuses them, with new keys. Keys belong to the
/// application that made them, which may be another one than the customer's own.
fn connect(setup: &Setup, known: &Known) -> Result<(Answers, Connected), Failure> {
    setup.answer(known, |mut answers, respondent| {
        let mut is_asked = setup.flags.no_input;
        let connected = loop {
            match setup.connect(&answers) {
                Ok(connected) => break connected,
                // a mistyped application key makes the scripts' keys look wrong
                Err(Refused {
                    failure,
                    doubt: Some(Doubt::Keys),
                }) if !std::mem::replace(&mut is_asked, true) => {
                    answers.ask_again(respondent, Refused::of(Doubt::App, *failure))?;
                }
                Err(Refused {
                    failure,
                    doubt: Some(Doubt::Keys),
                }) => return log_in(setup, known, answers, respondent, &failure),
                Err(refused) => answers.ask_again(respondent, refused)?,
            }
        };
        setup.make_data_folders(&mut answers, respondent)?;
        Ok((answers, connected))
    })
}

/// Logs in for keys of the customer's own application.
fn log_in(
    setup: &Setup,
    known: &Known,
    answers: Answers,
    respondent: &mut dyn Respondent,
    denial: &Failure,
) -> Result<(Answers, Connected), Failure> {
    let what = format!(
        "Mimecast refuses the scripts' keys with this application: {}",
        denial.what
    );
    if setup.flags.no_input && (known.email.is_none() || known.password.is_none()) {
        let remedy = "correct --app-id and --app-key-file; or give --email and --password-file, and the \
                      import gets new keys";
        return Err(Failure::new(Code::Denied, what, remedy));
    }
    setup.output.say(&format!(
        "{what}\nKeys belong to the application that made them. Log in to get keys for your application.\n"
    ));
    let access = Access::LogIn {
        app: answers.app().cloned().expect("API 1.0 has an application"),
        email: respondent.line(&EMAIL, known.email.as_ref())?,
        password: match &known.password {
            Some(password) => password.clone(),
            None => respondent.secret(&PASSWORD_AGAIN, None)?,
        },
        auth_type: known.auth_type,
    };
    setup.sign_in(Answers { access, ..answers }, respondent)
}

/// Writes positions, credentials and configuration, in this order, while no collector runs.
fn save(
    setup: &mut Setup,
    scripts: &Scripts,
    checkpoints: &Checkpoints,
    answers: &Answers,
    connected: &Connected,
) -> Result<(), Failure> {
    let draft = save::draft(setup, answers, connected)?;
    save::make_folders(setup, &draft)?;
    let state = &draft.config.folders.state;
    let lock = |stream| Lock::take(state, stream).map_err(not_locked);
    let (audit_lock, siem_lock) = (lock(AUDIT.name)?, lock(ARCHIVES.name)?);
    refuse_used(state)?;
    if Checkpoints::read(&scripts.checkpoint, setup.clock.now())? != *checkpoints {
        let what = format!(
            "the scripts have run meanwhile: {} has changed",
            scripts.checkpoint.display()
        );
        let remedy = "stop their schedule, then run the import again";
        return Err(Failure::new(Code::Config, what, remedy));
    }
    let siem = Takeover {
        stream: ARCHIVES.name,
        account: &connected.account_code,
        position: checkpoints.token().map(str::to_owned),
        may_repeat: false,
    };
    siem.begin(&SystemDisk, state, &siem_lock)?;
    let audit = Takeover {
        stream: AUDIT.name,
        account: &connected.account_code,
        position: checkpoints.audit_end().map(windowed::position_after),
        may_repeat: true,
    };
    audit.begin(&SystemDisk, state, &audit_lock)?;
    save::write(setup, &draft, connected)?;
    let notes = notes::after(scripts, checkpoints, &draft.config);
    setup.report.notes.extend(notes);
    Ok(())
}

/// Returns the failure of a lock. A collector that holds it begins a position of its own.
fn not_locked(error: SpoolError) -> Failure {
    match error {
        SpoolError::Busy { .. } => {
            let remedy = "stop the schedule of the collectors, then run the import again";
            Failure::new(Code::Config, error.to_string(), remedy)
        }
        error => error.into(),
    }
}

/// Refuses a state folder with a position that a collector has used.
fn refuse_used(state: &Path) -> Result<(), Failure> {
    let Some(path) = spool::used_state(&SystemDisk, state)? else {
        return Ok(());
    };
    let what = format!(
        "{} holds a position of this installation, which an import would overwrite",
        path.display()
    );
    let remedy = "nothing to do if the collectors run already; else name another folder with --state-dir, \
                  or move the state folder away";
    Err(Failure::new(Code::Config, what, remedy))
}
