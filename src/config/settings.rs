//! Looks up each key in the given file, then in the example, and refuses unknown keys.

use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::destination;
use super::edit::is_filled_in;
use super::toml_file::{Key, TomlFile, is_placeholder, meant, shown};
use super::value::{Origin, Setting};

/// Keys of secrets. The message about one names the right file instead of the nearest known key.
const SECRETS: [&str; 5] = [
    "app_key",
    "access_key",
    "secret_key",
    "password",
    "client_secret",
];

/// The given file with the example below it, which holds the default of every key.
pub(super) struct Settings<'a> {
    given: &'a TomlFile<'a>,
    example: &'a TomlFile<'a>,
    stage: Stage,
}

/// The required completeness of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before setup: the values that setup fills in may be missing.
    Draft,
    /// After setup.
    Complete,
}

impl<'a> Settings<'a> {
    /// Returns the settings, after a check that all keys are known.
    ///
    /// # Errors
    /// A section or a key is not in the example.
    pub(super) fn new(
        given: &'a TomlFile<'a>,
        example: &'a TomlFile<'a>,
        stage: Stage,
    ) -> Result<Self, ConfigError> {
        let settings = Self {
            given,
            example,
            stage,
        };
        settings.refuse_unknown()?;
        Ok(settings)
    }

    /// Returns the setting of a key that has a default.
    pub(super) fn get(&self, section: &'static str, name: &str) -> Setting<'a> {
        self.find(Origin::Given, section, name)
            .or_else(|| self.find(Origin::Default, section, name))
            .expect("the example lists every key that is asked for")
    }

    /// Returns the setting of a key that does not have a default.
    ///
    /// # Errors
    /// The file does not give the key.
    pub(super) fn given(
        &self,
        section: &'static str,
        name: &str,
    ) -> Result<Setting<'a>, ConfigError> {
        self.find(Origin::Given, section, name).ok_or_else(|| {
            let what = format!("{name} in [{section}] is missing");
            self.given
                .refuse_all(what)
                .with_remedy("run authentication_setup")
        })
    }

    /// True if the file gives a value for the key. In a draft, a blank or a placeholder does not count for a
    /// key that setup fills in.
    pub(super) fn is_given(&self, section: &'static str, name: &str) -> bool {
        self.find(Origin::Given, section, name).is_some()
    }

    /// Returns the given file.
    pub(super) fn file(&self) -> &'a TomlFile<'a> {
        self.given
    }

    /// True while setup has not completed the file.
    pub(super) fn is_draft(&self) -> bool {
        self.stage == Stage::Draft
    }

    fn find(&self, origin: Origin, section: &'static str, name: &str) -> Option<Setting<'a>> {
        let found = self.look_up(origin, section, name)?;
        let is_blank = |text: &str| text.trim().is_empty() || is_placeholder(text);
        let is_unfinished = origin == Origin::Given
            && self.is_draft()
            && is_filled_in(section, name)
            && found.item.as_str().is_some_and(is_blank);
        (!is_unfinished).then_some(found)
    }

    fn look_up(&self, origin: Origin, section: &'static str, name: &str) -> Option<Setting<'a>> {
        let file = match origin {
            Origin::Given => self.given,
            Origin::Default => self.example,
        };
        let table = file.table().get(section)?.get_ref().as_table()?;
        let (key, item) = table.get_key_value(name)?;
        Some(Setting {
            file: self.given,
            origin,
            section,
            key,
            item: item.get_ref(),
        })
    }

    fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let known = self.example.table();
        for (key, item) in self.given.table() {
            let section = key.get_ref();
            if *section == destination::KEY {
                continue; // checked with the keys of its type
            }
            let known_keys = known.get(key).and_then(|known| known.get_ref().as_table());
            let Some(known_keys) = known_keys else {
                return Err(self.refuse_section(key, item.get_ref()));
            };
            let Some(table) = item.get_ref().as_table() else {
                let what = format!("{section} is a section: expected [{section}] on its own line");
                return Err(self.given.refuse(key, what));
            };
            let mut keys = table.keys();
            if let Some(key) = keys.find(|key| !known_keys.contains_key(*key)) {
                let name = key.get_ref();
                let hint = self.hint(name, known_keys);
                let what = format!("unknown key{} in [{section}]{hint}", shown(name));
                return Err(self.given.refuse(key, what));
            }
        }
        Ok(())
    }

    fn refuse_section(&self, key: &Key<'_>, item: &DeValue<'_>) -> ConfigError {
        let name = key.get_ref();
        let is_table = |item: &DeValue<'_>| item.is_table();
        let mut items = item.as_array().into_iter().flatten();
        let what = if is_table(item) || items.any(|item| is_table(item.get_ref())) {
            let hint = meant(name, names(self.example.table()));
            format!("unknown section{}{hint}", shown(name))
        } else {
            let hint = self.hint(name, &DeTable::new());
            format!("unknown key{} outside of any section{hint}", shown(name))
        };
        self.given.refuse(key, what)
    }

    /// Returns a hint at the place of an unknown key, or at the key that was probably meant.
    fn hint(&self, name: &str, siblings: &DeTable<'_>) -> String {
        if SECRETS.contains(&name) {
            return ": secrets belong in credentials.toml".to_owned();
        }
        for (section, item) in self.example.table() {
            let table = item.get_ref().as_table();
            if table.is_some_and(|table| table.contains_key(name)) {
                return format!(": it belongs in [{}]", section.get_ref());
            }
        }
        meant(name, names(siblings))
    }
}

fn names<'a>(table: &'a DeTable<'_>) -> impl Iterator<Item = &'a str> {
    table.keys().map(|key| &**key.get_ref())
}
