//! Tests of the origins of secrets, of refused ones, and that no output shows one.

mod a_file;
mod a_value;
mod origins;
#[cfg(unix)]
mod permissions;

use std::fs;

use super::*;

const COMPLETE: &str =
    "app_key = \"app-canary\"\naccess_key = \"access-canary\"\nsecret_key = \"Y2FuYXJ5IQ==\"\n";

/// A folder for a configuration, with or without credentials.
struct Installation {
    folder: tempfile::TempDir,
    environment: Environment,
}

impl Installation {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            environment: Environment::default(),
        }
    }

    fn with(content: &str) -> Self {
        let installation = Self::empty();
        durable::replace_secret(&installation.file(), content.as_bytes()).unwrap();
        installation
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn load(&self) -> Result<Credentials, CredentialsError> {
        Credentials::load(&self.config(), &self.environment)
    }

    fn refusal(&self) -> String {
        self.load().unwrap_err().message
    }
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn new(app: &str, access: &str, key: &str) -> Result<Credentials, CredentialsError> {
    Credentials::new(&secret(app), &secret(access), &secret(key))
}
