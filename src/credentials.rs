//! The secrets of both API generations: read with care, kept unprintable, saved owner-only.
//!
//! Each one comes from its `MIMECAST_…` variable, else from `credentials.toml` in systemd's
//! `CREDENTIALS_DIRECTORY`, else from `credentials.toml` beside the configuration. Memory is wiped
//! when a value is dropped; copies that the parser or the TLS library made are not.

use std::path::{Path, PathBuf};
use std::{fs, io};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use toml::Value;

use crate::config::guard::refuse_open_to_others;
use crate::config::toml_file::{self, Source, flaw_of_word, is_placeholder, meant, shown};
use crate::config::{ConfigError, Environment};
use crate::durable;

/// Why there are no usable credentials: like an unusable configuration, exit code 78.
pub type CredentialsError = ConfigError;

const FILE: &str = "credentials.toml";
const KEYS: [&str; 3] = ["app_key", "access_key", "secret_key"];
const CLIENT_SECRET: &str = "client_secret";
const HEADER: &str = "\
# Secrets of the Mimecast collector, written by authentication_setup. Whoever reads them can read
# the account's logs: keep this file owner-only, also in backups.
";

/// Standard base64 whose padding may have been lost on the way.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What signs a request, complete and well-formed.
#[derive(Clone, Debug)]
pub struct Credentials {
    app_key: SecretString,
    access_key: SecretString,
    secret_key: SecretKey,
}

/// The key of the signature, decoded.
#[derive(Clone, Debug)]
pub struct SecretKey(SecretSlice<u8>);

impl Credentials {
    /// From three texts, as a log-in or files of the user give them; white space around is dropped.
    ///
    /// # Errors
    /// When one is empty, a placeholder or could not stand in a header, or the secret key is not
    /// base64. The message names the key and never the value.
    pub fn new(
        app_key: &SecretString,
        access_key: &SecretString,
        secret_key: &SecretString,
    ) -> Result<Self, CredentialsError> {
        Ok(Self {
            app_key: word(app_key, KEYS[0])?,
            access_key: word(access_key, KEYS[1])?,
            secret_key: SecretKey::parse(secret_key, KEYS[2])?,
        })
    }

    /// Collects the three values from variables and files; a file that is not needed is not read.
    ///
    /// # Errors
    /// When one is missing or malformed, or when others can read the file beside the configuration.
    pub fn load(config: &Path, environment: &Environment) -> Result<Self, CredentialsError> {
        let variables = [
            (&environment.app_key, "MIMECAST_APP_KEY"),
            (&environment.access_key, "MIMECAST_ACCESS_KEY"),
            (&environment.secret_key, "MIMECAST_SECRET_KEY"),
        ];
        let [app_key, access_key, secret_key] = gather(config, environment, KEYS, variables)?;
        Ok(Self {
            app_key: word(&app_key.0, &app_key.1)?,
            access_key: word(&access_key.0, &access_key.1)?,
            secret_key: SecretKey::parse(&secret_key.0, &secret_key.1)?,
        })
    }

    /// Writes `path` in one step, owner-only from its first moment.
    ///
    /// # Errors
    /// As [`durable::replace`]; the old file is then still there.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let secret_key = Zeroizing::new(STANDARD.encode(self.secret_key.expose_secret()));
        let values = [
            self.app_key.expose_secret(),
            self.access_key.expose_secret(),
            &secret_key,
        ];
        write(path, &KEYS, &values)
    }

    /// The key of the registered application, to be signed along and never sent.
    pub fn app_key(&self) -> &SecretString {
        &self.app_key
    }

    /// The public half of the key pair, to be sent.
    pub fn access_key(&self) -> &SecretString {
        &self.access_key
    }

    /// The private half of the key pair, to sign with.
    pub fn secret_key(&self) -> &SecretKey {
        &self.secret_key
    }
}

/// What an application of API 2.0 shows to get a token.
#[derive(Clone, Debug)]
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// From a text, as a person or a file gives it; white space around is dropped.
    ///
    /// # Errors
    /// When it is empty, a placeholder or not printable.
    pub fn new(text: &SecretString) -> Result<Self, CredentialsError> {
        word(text, CLIENT_SECRET).map(Self)
    }

    /// Takes it from `MIMECAST_CLIENT_SECRET` or a file.
    ///
    /// # Errors
    /// As [`Credentials::load`].
    pub fn load(config: &Path, environment: &Environment) -> Result<Self, CredentialsError> {
        let variable = [(&environment.client_secret, "MIMECAST_CLIENT_SECRET")];
        let [(secret, origin)] = gather(config, environment, [CLIENT_SECRET], variable)?;
        word(&secret, &origin).map(Self)
    }

    /// Writes `path` in one step, owner-only from its first moment.
    ///
    /// # Errors
    /// As [`durable::replace`]; the old file is then still there.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        write(path, &[CLIENT_SECRET], &[self.0.expose_secret()])
    }
}

impl ExposeSecret<str> for ClientSecret {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

fn write(path: &Path, keys: &[&str], values: &[&str]) -> io::Result<()> {
    let mut text = Zeroizing::new(HEADER.to_owned());
    for (key, value) in keys.iter().zip(values) {
        text.push_str(&format!("{key} = {}\n", Value::from(*value)));
    }
    durable::replace_secret(path, text.as_bytes())
}

/// Where the credentials of a configuration are kept.
pub fn place(config: &Path) -> PathBuf {
    config.with_file_name(FILE)
}

impl SecretKey {
    fn parse(text: &SecretString, name: &str) -> Result<Self, CredentialsError> {
        let text = word(text, name)?;
        // the decoder's own error repeats a part of the key
        match LENIENT.decode(text.expose_secret()) {
            Ok(bytes) => Ok(Self(bytes.into())),
            Err(_) => Err(unusable(name, "is not base64")),
        }
    }
}

impl ExposeSecret<[u8]> for SecretKey {
    fn expose_secret(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

/// Who keeps others from reading a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// systemd or a container's runtime, with permissions of their own kind.
    Platform,
    /// The file's permissions.
    OwnerOnly,
}

/// A value, and how a message calls its origin.
type Found = (SecretString, String);

/// All values, each from its variable or else from the first file that has it.
fn gather<const N: usize>(
    config: &Path,
    environment: &Environment,
    keys: [&str; N],
    variables: [(&Option<SecretString>, &str); N],
) -> Result<[Found; N], CredentialsError> {
    let mut found = variables.map(|(value, name)| Some((value.clone()?, name.to_owned())));
    if let Some(folder) = &environment.credentials_folder {
        fill(&mut found, &keys, &folder.join(FILE), Guard::Platform)?;
    }
    let beside = place(config);
    fill(&mut found, &keys, &beside, Guard::OwnerOnly)?;
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

/// Takes what is still missing from a file, if there is one; keys of the other generation may stay.
fn fill(
    found: &mut [Option<Found>],
    keys: &[&str],
    path: &Path,
    guard: Guard,
) -> Result<(), CredentialsError> {
    if found.iter().all(Option::is_some) {
        return Ok(());
    }
    let Some(text) = read(path, guard)? else {
        return Ok(());
    };
    let source = Source::parse(path, &text)?;
    let known = || KEYS.into_iter().chain([CLIENT_SECRET]);
    for (key, item) in source.table() {
        let name = &**key.get_ref();
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

fn read(path: &Path, guard: Guard) -> Result<Option<Zeroizing<String>>, CredentialsError> {
    let found = match guard {
        Guard::Platform => fs::metadata(path), // a container's runtime puts links here
        Guard::OwnerOnly => fs::symlink_metadata(path),
    };
    let metadata = match found {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ConfigError::reading(path, &error)),
    };
    if guard == Guard::OwnerOnly {
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

/// Text that can stand in a header.
fn word(text: &SecretString, name: &str) -> Result<SecretString, CredentialsError> {
    let text = text.expose_secret().trim();
    if is_placeholder(text) {
        return Err(unusable(name, "still holds a placeholder"));
    }
    match flaw_of_word(text) {
        Some(flaw) => Err(unusable(name, flaw)),
        None => Ok(text.into()),
    }
}

fn unusable(name: &str, what: &str) -> CredentialsError {
    ConfigError::new(format!("{name} {what}"), "run authentication_setup")
}

#[cfg(test)]
mod tests;
