//! Creates the folders, and proves that the collectors can work in them.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Setup;
use crate::config::{Config, Environment, unfit_for_data};
use crate::durable::{self, Disk as _, Mode, SystemDisk};
use crate::failure::{Code, Failure};
use crate::logs;

/// The name of an empty test file. No agent or collector looks for it.
const PROBE: &str = ".setup.probe";

/// Returns every folder below the data folder.
fn subfolders(data: &Path) -> impl Iterator<Item = PathBuf> {
    let names = logs::PUBLISHED.into_iter().chain([logs::STAGING]);
    names.map(|name| data.join(name))
}

/// Returns the whole path of a folder that a person names: `~` is the home folder, and a relative path
/// starts at the current folder.
///
/// # Errors
/// The reason why there is no whole path, as a clause without a subject.
pub(super) fn whole(typed: &Path, environment: &Environment) -> Result<PathBuf, String> {
    let mut parts = typed.components();
    let first = parts.next().map(|part| part.as_os_str().to_owned());
    let first = first.unwrap_or_default();
    if first == "~" {
        let home = environment.home.as_ref();
        let home = home.ok_or("starts in a home folder, which this user does not have")?;
        return Ok(home.join(parts.as_path()));
    }
    if first.to_string_lossy().starts_with('~') {
        return Err(
            "starts in the home folder of another user: expected the whole path".to_owned(),
        );
    }
    std::path::absolute(typed).map_err(|error| format!("has no whole path: {error}"))
}

/// Checks the name of a data folder.
///
/// # Errors
/// The reason against it: a clause without a subject, such as "is a home folder: …".
pub(super) fn check_name(
    data: &Path,
    config: &Config,
    environment: &Environment,
) -> Result<(), String> {
    if data.to_str().is_none() {
        return Err("has a name that is not UTF-8: expected another folder".to_owned());
    }
    let unfit = unfit_for_data(data, environment.home.as_deref(), &config.folders.state);
    unfit.map_or(Ok(()), |reason| Err(reason.to_owned()))
}

/// Checks where the collectors' own files will be: configuration, state and log. Leaves no file behind.
pub(super) fn check_own(setup: &Setup) -> Result<(), Failure> {
    let (own, folders) = (own(setup)?, &setup.config.folders);
    let configuration = setup.path.parent().unwrap_or(&setup.path);
    let state = own.state.as_deref().unwrap_or(&folders.state);
    let log = own.log.as_deref().unwrap_or(&folders.log);
    [configuration, state, log]
        .into_iter()
        .try_for_each(check_can_create)
}

/// Checks that files can be published where the data folders are, or will be. Leaves no file behind.
pub(super) fn check_writable(data: &Path) -> Result<(), Failure> {
    subfolders(data).try_for_each(|folder| check_can_create(&folder))?;
    let staging = data.join(logs::STAGING);
    let published = logs::PUBLISHED.map(|name| data.join(name));
    let existing = published.iter().filter(|folder| folder.exists());
    let mut existing = existing.filter(|_| staging.exists());
    existing.try_for_each(|folder| can_publish(&staging, folder))
}

/// Checks that a file can be created in a folder or, if it does not exist, in the nearest one above it.
pub(in crate::commands) fn check_can_create(folder: &Path) -> Result<(), Failure> {
    let existing = folder.ancestors().find(|above| above.exists());
    let existing = existing.unwrap_or(folder);
    if existing.exists() && !existing.is_dir() {
        let what = format!(
            "cannot make {}: {} is a file",
            folder.display(),
            existing.display()
        );
        return Err(disk_failure(what));
    }
    let probe = existing.join(PROBE);
    drop(SystemDisk.remove(&probe)); // left by a setup that was killed here
    let tried = SystemDisk
        .create(&probe, Mode::PRIVATE)
        .and_then(|_| SystemDisk.remove(&probe));
    match tried {
        // another setup tries the same folder at this moment
        Err(error)
            if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound)
                && existing.is_dir() =>
        {
            Ok(())
        }
        tried => tried.map_err(|error| failure("write in", existing, &error)),
    }
}

/// Creates the data folder and those below it, if they are missing, and tests them.
pub(super) fn prepare(data: &Path, config: &Config) -> Result<(), Failure> {
    for folder in subfolders(data) {
        durable::make_folder(&folder, config.folders.folder_mode)
            .map_err(|error| failure("make", &folder, &error))?;
    }
    for published in logs::PUBLISHED.map(|name| data.join(name)) {
        can_publish(&data.join(logs::STAGING), &published)?;
    }
    Ok(())
}

fn can_publish(staging: &Path, published: &Path) -> Result<(), Failure> {
    test_publication(staging, published).map_err(|error| disk_failure(format!("cannot {error:#}")))
}

/// The folders of the collectors' own files, as the flags name them, absolute.
pub(super) struct Own {
    pub(super) state: Option<PathBuf>,
    pub(super) log: Option<PathBuf>,
}

/// Returns the folders that the flags name.
///
/// # Errors
/// [`Code::Usage`] for a path that cannot be made whole.
pub(super) fn own(setup: &Setup) -> Result<Own, Failure> {
    let absolute = |flag: &str, folder: &Option<PathBuf>| {
        let folder = folder.as_ref();
        let folder = folder.map(|folder| whole(folder, &setup.environment));
        folder.transpose().map_err(|reason| {
            let what = format!("{flag}: {reason}");
            Failure::new(Code::Usage, what, "name an absolute folder")
        })
    };
    Ok(Own {
        state: absolute("--state-dir", &setup.flags.state_dir)?,
        log: absolute("--log-dir", &setup.flags.log_dir)?,
    })
}

/// Creates the folders of state and log, which only the collectors use.
pub(super) fn make_state_and_log(config: &Config) -> Result<(), Failure> {
    let folders = &config.folders;
    for (folder, mode) in [
        (&folders.state, Mode::PRIVATE_FOLDER),
        (&folders.log, folders.folder_mode),
    ] {
        durable::make_folder(folder, mode).map_err(|error| failure("make", folder, &error))?;
    }
    Ok(())
}

/// Writes, renames, syncs and deletes an empty file, as the collectors do with every file.
pub(in crate::commands) fn test_publication(
    staging: &Path,
    published: &Path,
) -> anyhow::Result<()> {
    let (from, to) = (staging.join(PROBE), published.join(PROBE));
    drop((SystemDisk.remove(&from), SystemDisk.remove(&to))); // left by a setup that was killed here
    let file = SystemDisk.create(&from, Mode::PRIVATE);
    file.and_then(|mut file| file.sync())
        .with_context(|| format!("write a file in {}", staging.display()))?;
    SystemDisk
        .rename(&from, &to)
        .inspect_err(|_| drop(SystemDisk.remove(&from)))
        .with_context(|| format!("rename a file into {}", published.display()))?;
    SystemDisk
        .sync_folder(published)
        .with_context(|| format!("sync the folder {}", published.display()))?;
    SystemDisk
        .remove(&to)
        .with_context(|| format!("delete a file in {}", published.display()))
}

fn failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    disk_failure(format!("cannot {action} {}: {error}", path.display()))
}

fn disk_failure(what: String) -> Failure {
    let remedy = "choose another folder, or correct its permissions";
    Failure::new(Code::Disk, what, remedy)
}
