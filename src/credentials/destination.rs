//! The secrets of destinations: `[destination.<name>]` in `credentials.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;
use toml::de::{DeTable, DeValue};
use toml_edit::DocumentMut;

use super::lookup::{Protection, read};
use super::{CredentialsError, FILE, path_beside};
use crate::config::Environment;
use crate::config::toml_file::{TomlFile, flaw_of_word, is_placeholder, meant, shown};

/// The section that holds a table for each destination.
pub(super) const SECTION: &str = "destination";
const HEADERS: &str = "headers";
const KEYS: [&str; 5] = ["url", "token", "api_key", "username", "password"];

/// The secrets of one destination. Each one may be missing.
#[derive(Clone, Debug, Default)]
pub struct DestinationSecrets {
    texts: BTreeMap<&'static str, SecretString>,
    /// Headers of each request, by name.
    pub headers: BTreeMap<String, SecretString>,
}

impl DestinationSecrets {
    /// Reads the secrets of a destination. A file of systemd's `CREDENTIALS_DIRECTORY` comes before the one
    /// beside the configuration.
    ///
    /// # Errors
    /// A file cannot be read, other users can read it, or it holds an unknown key or a text that does not fit
    /// into a header.
    pub fn load(
        config: &Path,
        environment: &Environment,
        name: &str,
    ) -> Result<Self, CredentialsError> {
        let mut secrets = Self::default();
        if let Some(folder) = &environment.credentials_folder {
            secrets.fill(&folder.join(FILE), Protection::Platform, name)?;
        }
        secrets.fill(&path_beside(config), Protection::OwnerOnly, name)?;
        Ok(secrets)
    }

    /// Returns a secret, or `None` if it is not given.
    pub fn get(&self, key: &str) -> Option<&SecretString> {
        self.texts.get(key)
    }

    fn fill(
        &mut self,
        path: &Path,
        protection: Protection,
        name: &str,
    ) -> Result<(), CredentialsError> {
        let Some(text) = read(path, protection)? else {
            return Ok(());
        };
        let source = TomlFile::parse(path, &text)?;
        let Some((key, item)) = source.table().get_key_value(SECTION) else {
            return Ok(());
        };
        let Some(tables) = item.get_ref().as_table() else {
            let what = format!("expected [{SECTION}.<name>] on its own line");
            return Err(source.refuse(key, what));
        };
        let Some((key, item)) = tables.get_key_value(name) else {
            return Ok(());
        };
        match item.get_ref().as_table() {
            Some(table) => self.take(&source, table),
            None => Err(source.refuse(key, format!("expected [{SECTION}.{name}] on its own line"))),
        }
    }

    fn take(&mut self, source: &TomlFile<'_>, table: &DeTable<'_>) -> Result<(), CredentialsError> {
        for (key, item) in table {
            let name = &**key.get_ref();
            let refuse = |what: &str| source.refuse(key, format_args!("{name}: {what}"));
            if name == HEADERS {
                let headers = item.get_ref().as_table();
                let headers = headers.ok_or_else(|| refuse("expected a table of headers"))?;
                for (header, item) in headers {
                    let value = text(item.get_ref()).map_err(refuse)?;
                    let header = header.get_ref().to_lowercase();
                    self.headers.entry(header).or_insert(value);
                }
                continue;
            }
            let Some(known) = KEYS.into_iter().find(|known| *known == name) else {
                let hint = meant(name, KEYS.into_iter().chain([HEADERS]));
                return Err(source.refuse(key, format_args!("unknown key{}{hint}", shown(name))));
            };
            let value = text(item.get_ref()).map_err(refuse)?;
            self.texts.entry(known).or_insert(value);
        }
        Ok(())
    }
}

/// Returns a text that fits into a header. It may hold spaces.
fn text(item: &DeValue<'_>) -> Result<SecretString, &'static str> {
    let text = item.as_str().ok_or("expected text in quotes")?.trim();
    if is_placeholder(text) {
        return Err("still holds a placeholder");
    }
    let without_spaces: String = text.split(' ').collect();
    match flaw_of_word(&without_spaces) {
        Some(flaw) => Err(flaw),
        None => Ok(text.into()),
    }
}

/// Returns the text of a credentials file together with the secrets of destinations that an older text holds.
/// An older text that is not valid TOML has none.
pub(super) fn with_those_of(text: &str, older: &str) -> Option<String> {
    let older: DocumentMut = older.parse().ok()?;
    let kept = older.get(SECTION)?.clone();
    let mut document: DocumentMut = text.parse().ok()?;
    document.insert(SECTION, kept);
    Some(document.to_string())
}
