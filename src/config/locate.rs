//! Where the configuration file is looked for, and where setup puts a new one.
//!
//! Never in the current folder: under cron that is the home folder, under Task Scheduler System32.

use std::path::{Path, PathBuf};

use super::toml_file::Source;
use super::{ConfigError, EXAMPLE, Environment, User};

const FILE: &str = "config.toml";

/// The configuration file to use: the first that exists, nothing is merged.
///
/// A `config.toml` beside the executable or above it is passed over if it is another program's, such
/// as that of cargo above `~/.cargo/bin`.
///
/// In this order: `explicit` (`--config`), `$MIMECAST_CONFIG`, beside the executable, in the folder
/// above it, in the user's configuration folder, in the machine's.
///
/// # Errors
/// One that was named but does not exist is refused at once. When none is found, the message lists
/// every place.
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

/// Where setup writes a new file when [`find`] finds none: the one that was named, else in
/// `/etc/mimecast-collector` for root, else in the user's configuration folder.
///
/// Not beside the executable: what is installed belongs to whoever installs updates. Not in
/// `%ProgramData%`: its folders can be read by every user unless an administrator sees to it.
///
/// # Errors
/// When the user has no configuration folder, as with a service account without a home.
pub fn default_place(
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
                "this user has no folder for configuration",
                "name the file with --config or MIMECAST_CONFIG",
            )
        })
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

/// Who puts files into a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The folder bears the collector's name.
    Collector,
    /// Other programs may be there too.
    Anyone,
}

/// True if a file is valid TOML without a section of ours. A file that cannot be read, or is not
/// TOML, is taken for ours, so that its error is told.
fn is_foreign(path: &Path) -> bool {
    let Ok(text) = super::read(path) else {
        return false;
    };
    let (Ok(file), Ok(example)) = (Source::parse(path, &text), Source::parse(path, EXAMPLE)) else {
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

/// `path` as seen from the current folder.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, ConfigError> {
    std::path::absolute(path).map_err(|error| ConfigError::reading(path, &error))
}

#[cfg(test)]
mod tests;
