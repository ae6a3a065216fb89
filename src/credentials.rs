//! The secrets of both API generations. They cannot be printed, and their file is owner-only.
//!
//! Each one comes from its `MIMECAST_…` variable, else from `credentials.toml` in systemd's
//! `CREDENTIALS_DIRECTORY`, else from `credentials.toml` beside the configuration. A dropped value is wiped
//! from memory, but copies inside the parser and the TLS library are not.

mod destination;
pub mod expiry;
mod lookup;

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use toml::Value;

use crate::config::toml_file::{flaw_of_word, is_placeholder};
use crate::config::{ConfigError, Environment};
use crate::durable;
pub use destination::DestinationSecrets;
use lookup::gather;

/// The reason why credentials cannot be used. The exit code is 78, as for a configuration.
pub type CredentialsError = ConfigError;

const FILE: &str = "credentials.toml";
const KEYS: [&str; 3] = ["app_key", "access_key", "secret_key"];
const CLIENT_SECRET: &str = "client_secret";
/// The largest file whose secrets of destinations are kept, in bytes.
const LIMIT_BYTES: u64 = 1 << 20;
const HEADER: &str = "\
# Secrets of the Mimecast collector, written by authentication_setup. Whoever reads them can read
# the account's logs: keep this file owner-only, also in backups.
";

/// Standard base64, with or without its padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys that sign a request of API 1.0.
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
    /// Checks three texts from a log-in or from files. White space around them is dropped.
    ///
    /// # Errors
    /// A text is empty, a placeholder or not fit for a header, or the secret key is not base64. The message
    /// names the key and never the value.
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

    /// Collects the three values from variables and files. It reads a file only if a value is still missing.
    ///
    /// # Errors
    /// A value is missing or malformed, or other users can read the file beside the configuration.
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

    /// Replaces the file at `path` in one step, except for the secrets of destinations. The file is owner-only
    /// from its first moment.
    ///
    /// # Errors
    /// As [`durable::replace`]; the old file then stays.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let secret_key = Zeroizing::new(STANDARD.encode(self.secret_key.expose_secret()));
        let values = [
            self.app_key.expose_secret(),
            self.access_key.expose_secret(),
            &secret_key,
        ];
        write(path, &KEYS, &values)
    }

    /// Returns the key of the registered application. It is part of each signature and never sent.
    pub fn app_key(&self) -> &SecretString {
        &self.app_key
    }

    /// Returns the public half of the key pair, which is sent.
    pub fn access_key(&self) -> &SecretString {
        &self.access_key
    }

    /// Returns the private half of the key pair, which signs.
    pub fn secret_key(&self) -> &SecretKey {
        &self.secret_key
    }
}

/// The secret with which an application of API 2.0 gets a token.
#[derive(Clone, Debug)]
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// Checks a text from a person or a file. White space around it is dropped.
    ///
    /// # Errors
    /// The text is empty, a placeholder or not fit for a header.
    pub fn new(text: &SecretString) -> Result<Self, CredentialsError> {
        word(text, CLIENT_SECRET).map(Self)
    }

    /// Reads the secret from `MIMECAST_CLIENT_SECRET` or from a file.
    ///
    /// # Errors
    /// As [`Credentials::load`].
    pub fn load(config: &Path, environment: &Environment) -> Result<Self, CredentialsError> {
        let variable = [(&environment.client_secret, "MIMECAST_CLIENT_SECRET")];
        let [(secret, origin)] = gather(config, environment, [CLIENT_SECRET], variable)?;
        word(&secret, &origin).map(Self)
    }

    /// Replaces the file at `path` in one step, except for the secrets of destinations. The file is owner-only
    /// from its first moment.
    ///
    /// # Errors
    /// As [`durable::replace`]; the old file then stays.
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
    if let Ok(older) = durable::read(&durable::SystemDisk, path, LIMIT_BYTES) {
        let older = Zeroizing::new(String::from_utf8_lossy(&older).into_owned());
        let kept = destination::with_those_of(&text, &older);
        text = kept.map_or(text, Zeroizing::new);
    }
    durable::replace_secret(path, text.as_bytes())
}

/// Returns the path of the credentials beside a configuration.
pub fn path_beside(config: &Path) -> PathBuf {
    config.with_file_name(FILE)
}

impl SecretKey {
    fn parse(text: &SecretString, name: &str) -> Result<Self, CredentialsError> {
        let text = word(text, name)?;
        // the decoder's error would repeat a part of the key
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

/// Returns the text without white space around it, if it fits into a header.
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
