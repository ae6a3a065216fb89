//! Finds the configuration file, and the place of a new one.
//!
//! The current folder is not a place: under cron it is the home folder, under Task Scheduler System32.

use std::path::{Path, PathBuf};

use super::toml_file::TomlFile;
use super::{ConfigError, EXAMPLE, Environment, User};

const FILE: &str = "config.toml";

/// Returns the path of the configuration file: the first that exists. Files are not merged.
///
/// The order is `explicit` (`--config`), `$MIMECAST_CONFIG`, beside the executable, in the folder above it,
/// in the user's configuration folder, in the machine's. A `config.toml` of another program beside or above
/// the executable is skipped, such as that of cargo above `~/.cargo/bin`.
///
/// # Errors
/// A named file does not exist. Or there is no file in any place; the message then lists the places.
pub fn find(explicit: Option<&Path>, environment: &Environment) -> Result<PathBuf, ConfigError> {
    if let Some((path, origin)) = named(explicit, environment) {
        let path = absolute(path)?;
        return match path.try_exists() {
            Ok(true) => Ok(path),
            Ok(false) => Err(ConfigError::new(
                format!("{}, named by {origin}, does not exist", path.display()),
                format!("correct {origin}, or run authentication_setup"),
            )),
            Err(error) => Err(ConfigError::reading(&path, &error)),
        };
    }
    let mut tried = Vec::new();
    for (path, owner) in places(environment) {
        match path.try_exists() {
            Ok(true) if owner == Owner::Anyone && is_foreign(&path) => {
                tried.push(format!("{} (not the collector's)", path.display()));
            }
            Ok(true) => return absolute(&path),
            Ok(false) => tried.push(path.display().to_string()),
            Err(error) => tried.push(format!("{} ({error})", path.display())),
        }
    }
    Err(ConfigError::new(
        format!("no configuration found, looked for {}", tried.join(", ")),
        "run authentication_setup, or name the file with --config",
    ))
}

/// Returns the path of a new file, if [`find`] finds none: the named one, else in
/// `/etc/mimecast-collector` for root, else in the user's configuration folder.
///
/// The folder of the executable is not a place, because an update may replace it. `%ProgramData%` is not
/// one, because every user can read its folders unless an administrator forbids it.
///
/// # Errors
/// The user does not have a configuration folder, such as a service account without a home.
pub fn default_path(
    explicit: Option<&Path>,
    environment: &Environment,
) -> Result<PathBuf, ConfigError> {
    if let Some((path, _)) = named(explicit, environment) {
        return absolute(path);
    }
    let folder = match environment.user {
        User::Root => &environment.system_folder,
        User::Ordinary => &environment.user_folder,
    };
    folder
        .as_ref()
        .map(|folder| folder.join(FILE))
        .ok_or_else(|| {
            ConfigError::new(
                "this user does not have a configuration folder",
                "name the file with --config or MIMECAST_CONFIG",
            )
        })
}

/// True if a program without `--config` finds this file. `is_same_user` is false for a program that another
/// user starts, whose own folder and variables are not known.
pub fn is_default(path: &Path, environment: &Environment, is_same_user: bool) -> bool {
    let mut alone = environment.clone();
    if !is_same_user {
        (alone.config, alone.user_folder) = (None, None);
    }
    let found = find(None, &alone).or_else(|_| default_path(None, &alone));
    found.is_ok_and(|found| found == path)
}

fn named<'a>(
    explicit: Option<&'a Path>,
    environment: &'a Environment,
) -> Option<(&'a Path, &'static str)> {
    let variable = environment
        .config
        .as_deref()
        .map(|path| (path, "MIMECAST_CONFIG"));
    explicit.map(|path| (path, "--config")).or(variable)
}

/// The programs that write into a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The collector alone: the folder bears its name.
    Collector,
    /// Other programs, too.
    Anyone,
}

/// True if a file is valid TOML without a section of the collector. A file that cannot be read or is not
/// TOML counts as the collector's, so that its error is reported.
fn is_foreign(path: &Path) -> bool {
    let Ok(text) = super::read(path) else {
        return false;
    };
    let (Ok(file), Ok(example)) = (TomlFile::parse(path, &text), TomlFile::parse(path, EXAMPLE))
    else {
        return false;
    };
    let mut sections = example.table().keys();
    !sections.any(|section| file.table().contains_key(section))
}

fn places(environment: &Environment) -> impl Iterator<Item = (PathBuf, Owner)> {
    let beside = environment.executable.as_deref().and_then(Path::parent);
    let above = beside.and_then(Path::parent);
    let user = environment.user_folder.as_deref();
    let system = environment.system_folder.as_deref();
    let places = [
        (beside, Owner::Anyone),
        (above, Owner::Anyone),
        (user, Owner::Collector),
        (system, Owner::Collector),
    ];
    let places = places.into_iter();
    places.filter_map(|(folder, owner)| Some((folder?.join(FILE), owner)))
}

/// Returns an absolute path; a relative `path` starts at the current folder.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, ConfigError> {
    std::path::absolute(path).map_err(|error| ConfigError::reading(path, &error))
}

#[cfg(test)]
mod tests;
