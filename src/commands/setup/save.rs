//! Writes credentials, then the configuration, so that a configuration always has its credentials.

use std::path::Path;

use super::{Answers, Connected, Secrets, Setup, folders};
use crate::config::{self, Config, Proxy, Saved};
use crate::credentials::{self, expiry};
use crate::durable::{self, Mode, SystemDisk};
use crate::failure::{Code, Failure};

/// The configuration before it is written.
pub(super) struct Draft {
    text: String,
    /// The configuration that every program reads from the text.
    pub(super) config: Config,
}

/// Returns the configuration of the answers.
pub(super) fn draft(
    setup: &Setup,
    answers: &Answers,
    connected: &Connected,
) -> Result<Draft, Failure> {
    let (path, own) = (&setup.path, folders::own(setup)?);
    let text = config::rewrite(
        setup.existing.as_deref(),
        &Saved {
            api: answers.api(),
            base_url: connected.client.base(),
            account_code: &connected.account_code,
            // keep the saved values of the other API generation
            email: answers.email().unwrap_or(&setup.config.mimecast.email),
            app_id: answers
                .app()
                .map_or(&setup.config.mimecast.app_id, |app| &app.id),
            client_id: answers
                .client_id()
                .unwrap_or(&setup.config.mimecast.client_id),
            data: &answers.data,
            state: own.state.as_deref(),
            log: own.log.as_deref(),
        },
    )?;
    let config = Config::parse(&text, path, &setup.environment)?;
    Ok(Draft { text, config })
}

/// Makes the folders of the configuration, the state and the log.
pub(super) fn make_folders(setup: &Setup, draft: &Draft) -> Result<(), Failure> {
    let folder = setup.path.parent().unwrap_or(Path::new("."));
    durable::make_folder(folder, Mode::PRIVATE_FOLDER)
        .map_err(|error| failure("make", folder, &error))?;
    folders::make_state_and_log(&draft.config)
}

/// Writes the credentials, then the configuration. The folders exist.
pub(super) fn write(setup: &Setup, draft: &Draft, connected: &Connected) -> Result<(), Failure> {
    let path = &setup.path;
    let secrets = credentials::path_beside(path);
    match &connected.secrets {
        Secrets::Keys(keys) => keys.save(&secrets),
        Secrets::Client(secret) => secret.save(&secrets),
    }
    .map_err(|error| failure("write", &secrets, &error))?;
    let state = &draft.config.folders.state;
    expiry::save(state, connected.expires).map_err(|error| failure("write in", state, &error))?;
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let text = draft.text.as_bytes();
    match draft.config.network.proxy {
        Proxy::Url(_) => durable::replace_secret(&target, text), // the URL may hold a password
        Proxy::System | Proxy::None => {
            let mode = mode_of(&target).unwrap_or(Mode(0o640));
            durable::replace(&SystemDisk, &target, text, mode)
        }
    }
    .map_err(|error| failure("write", path, &error))
}

/// Returns the mode of an existing file, so that the setup keeps it.
#[cfg(unix)]
fn mode_of(path: &Path) -> Option<Mode> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some(Mode(metadata.permissions().mode() & 0o666))
}

#[cfg(not(unix))]
fn mode_of(_: &Path) -> Option<Mode> {
    None
}

fn failure(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    let what = format!("cannot {action} {}: {error}", path.display());
    Failure::new(
        Code::Disk,
        what,
        "correct its permissions, or name another place with --config",
    )
}
