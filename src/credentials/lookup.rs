//! Looks up secrets in variables, in systemd's folder and in the file beside the configuration.

use std::path::Path;
use std::{fs, io};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::{CLIENT_SECRET, CredentialsError, FILE, KEYS, destination, path_beside};
use crate::config::guard::refuse_open_to_others;
use crate::config::toml_file::{self, TomlFile, meant, shown};
use crate::config::{ConfigError, Environment};

/// The protection of a file from other users.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// systemd or a container's runtime protects the file, with permissions of its own kind.
    Platform,
    /// The file's permissions protect it.
    OwnerOnly,
}

/// A value, and the name of its origin for messages.
pub(super) type Found = (SecretString, String);

/// Returns all values, each from its variable, else from the first file that gives it.
pub(super) fn gather<const N: usize>(
    config: &Path,
    environment: &Environment,
    keys: [&str; N],
    variables: [(&Option<SecretString>, &str); N],
) -> Result<[Found; N], CredentialsError> {
    let mut found = variables.map(|(value, name)| Some((value.clone()?, name.to_owned())));
    if let Some(folder) = &environment.credentials_folder {
        fill(&mut found, &keys, &folder.join(FILE), Protection::Platform)?;
    }
    let beside = path_beside(config);
    fill(&mut found, &keys, &beside, Protection::OwnerOnly)?;
    let missing = keys.iter().zip(&found).filter(|(_, value)| value.is_none());
    let missing: Vec<&str> = missing.map(|(key, _)| *key).collect();
    if missing.is_empty() {
        return Ok(found.map(|value| value.expect("none is missing")));
    }
    let message = format!(
        "no {} in {} or the environment",
        missing.join(" and "),
        beside.display()
    );
    Err(ConfigError::new(message, "run authentication_setup"))
}

/// Fills in the missing values from a file, if it exists. Keys of the other generation are skipped.
fn fill(
    found: &mut [Option<Found>],
    keys: &[&str],
    path: &Path,
    protection: Protection,
) -> Result<(), CredentialsError> {
    if found.iter().all(Option::is_some) {
        return Ok(());
    }
    let Some(text) = read(path, protection)? else {
        return Ok(());
    };
    let source = TomlFile::parse(path, &text)?;
    let known = || KEYS.into_iter().chain([CLIENT_SECRET]);
    for (key, item) in source.table() {
        let name = &**key.get_ref();
        if name == destination::SECTION {
            continue; // read where it is needed
        }
        if !known().any(|known| known == name) {
            let hint = meant(name, known());
            return Err(source.refuse(key, format_args!("unknown key{}{hint}", shown(name))));
        }
        let value = item.get_ref().as_str();
        let value = value
            .ok_or_else(|| source.refuse(key, format_args!("{name}: expected text in quotes")))?;
        let Some(index) = keys.iter().position(|wanted| *wanted == name) else {
            continue;
        };
        if found[index].is_none() && !value.trim().is_empty() {
            found[index] = Some((value.into(), format!("{name} in {}", path.display())));
        }
    }
    Ok(())
}

/// Returns the text of a file, or `None` if it does not exist.
pub(super) fn read(
    path: &Path,
    protection: Protection,
) -> Result<Option<Zeroizing<String>>, CredentialsError> {
    let found = match protection {
        Protection::Platform => fs::metadata(path), // a container's runtime puts links here
        Protection::OwnerOnly => fs::symlink_metadata(path),
    };
    let metadata = match found {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ConfigError::reading(path, &error)),
    };
    if protection == Protection::OwnerOnly {
        if metadata.is_symlink() {
            let message = format!(
                "{} is a link, whose target others may control",
                path.display()
            );
            return Err(ConfigError::new(message, "put the file itself there"));
        }
        if metadata.is_file() {
            refuse_open_to_others(path)?;
        }
    }
    let text = fs::canonicalize(path).and_then(|file| toml_file::read(&file));
    text.map(|text| Some(Zeroizing::new(text)))
        .map_err(|error| ConfigError::reading(path, &error))
}
