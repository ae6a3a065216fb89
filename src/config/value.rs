//! One value of the file, on its way to a type: kinds, ranges and modes are checked here, once.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml_edit::{Item, Key, TableLike};

use super::ConfigError;
use super::edit::is_filled_in;
use super::toml_file::{Source, flaw_of_word, is_placeholder, meant, shown};
use crate::durable::Mode;

/// What looks like a secret gets a better answer than the nearest known key.
const SECRETS: [&str; 5] = [
    "app_key",
    "access_key",
    "secret_key",
    "password",
    "client_secret",
];

/// The given file above the example, which holds the default of every key.
pub(super) struct Settings<'a> {
    given: &'a Source<'a>,
    example: &'a Source<'a>,
    stage: Stage,
}

/// How complete a file has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before setup: what setup fills in may be missing.
    Draft,
    /// After setup.
    Complete,
}

/// A key with its value, given or by default.
pub(super) struct Setting<'a> {
    /// The given file, which complaints are about even where the value is a default.
    file: &'a Source<'a>,
    origin: Origin,
    section: &'static str,
    key: &'a Key,
    item: &'a Item,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Given,
    Default,
}

impl<'a> Settings<'a> {
    /// A file whose keys are all known.
    ///
    /// # Errors
    /// A section or key that the example does not list.
    pub(super) fn new(
        given: &'a Source<'a>,
        example: &'a Source<'a>,
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

    /// A key that has a default.
    pub(super) fn get(&self, section: &'static str, name: &str) -> Setting<'a> {
        self.find(Origin::Given, section, name)
            .or_else(|| self.find(Origin::Default, section, name))
            .expect("the example lists every key that is asked for")
    }

    /// A key that has none.
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

    /// True if the file gives a value for that key. In a draft, a key that setup fills in counts
    /// only with a value that setup can continue.
    pub(super) fn is_given(&self, section: &'static str, name: &str) -> bool {
        self.find(Origin::Given, section, name).is_some()
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
        let source = match origin {
            Origin::Given => self.given,
            Origin::Default => self.example,
        };
        let table = source.table().get(section)?.as_table_like()?;
        let (key, item) = table.get_key_value(name)?;
        Some(Setting {
            file: self.given,
            origin,
            section,
            key,
            item,
        })
    }

    fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let known = self.example.table();
        for (section, item) in self.given.table() {
            let key = key_of(self.given.table(), section);
            let Some(known_keys) = known.get(section).and_then(Item::as_table_like) else {
                return Err(self.refuse_section(key, section, item));
            };
            let Some(table) = item.as_table_like() else {
                let what = format!("{section} is a section: expected [{section}] on its own line");
                return Err(self.given.refuse(key, what));
            };
            let mut names = table.iter().map(|(name, _)| name);
            if let Some(name) = names.find(|name| !known_keys.contains_key(name)) {
                let key = key_of(table, name);
                let hint = self.hint(name, known_keys);
                let what = format!("unknown key{} in [{section}]{hint}", shown(name));
                return Err(self.given.refuse(key, what));
            }
        }
        Ok(())
    }

    fn refuse_section(&self, key: &Key, name: &str, item: &Item) -> ConfigError {
        let sections = self.example.table();
        let what = if item.is_table_like() || item.is_array_of_tables() {
            let hint = meant(name, sections.iter().map(|(known, _)| known));
            format!("unknown section{}{hint}", shown(name))
        } else {
            let hint = self.hint(name, &toml_edit::Table::new());
            format!("unknown key{} outside of any section{hint}", shown(name))
        };
        self.given.refuse(key, what)
    }

    /// Where an unknown key belongs, or what was meant.
    fn hint(&self, name: &str, siblings: &dyn TableLike) -> String {
        if SECRETS.contains(&name) {
            return ": secrets belong into credentials.toml".to_owned();
        }
        for (section, item) in self.example.table() {
            if item
                .as_table_like()
                .is_some_and(|table| table.contains_key(name))
            {
                return format!(": it belongs into [{section}]");
            }
        }
        meant(name, siblings.iter().map(|(known, _)| known))
    }
}

impl<'a> Setting<'a> {
    /// A complaint about this key.
    pub(super) fn refuse(&self, what: impl Display) -> ConfigError {
        let (key, section) = (self.key.get(), self.section);
        let what = format_args!("{key} in [{section}]: {what}");
        match self.origin {
            Origin::Given => self.file.refuse(self.key, what),
            Origin::Default => self.file.refuse_all(what),
        }
    }

    /// The complaint about a value that must not be empty.
    pub(super) fn empty(&self) -> ConfigError {
        self.refuse("is empty")
            .with_remedy("run authentication_setup")
    }

    /// Text on one line, possibly empty.
    pub(super) fn text(&self) -> Result<&'a str, ConfigError> {
        let text = self
            .item
            .as_str()
            .ok_or_else(|| self.refuse("expected text in quotes"))?;
        if text.chars().any(char::is_control) {
            return Err(self.refuse("holds a line break or another control character"));
        }
        if is_placeholder(text) {
            let refusal = self.refuse("still holds a placeholder");
            return Err(match is_filled_in(self.section, self.key.get()) {
                true => refusal.with_remedy("run authentication_setup"),
                false => refusal,
            });
        }
        Ok(text)
    }

    /// Text that may go into a header and a log line as it is, possibly empty.
    pub(super) fn word(&self) -> Result<String, ConfigError> {
        let text = self.text()?;
        match flaw_of_word(text).filter(|_| !text.is_empty()) {
            Some(flaw) => {
                let expected = "expected letters, digits and signs without spaces";
                Err(self.refuse(format_args!("{flaw}: {expected}")))
            }
            None => Ok(text.to_owned()),
        }
    }

    /// Text that may not be empty.
    pub(super) fn filled(&self) -> Result<&'a str, ConfigError> {
        let text = self.text()?.trim();
        if text.is_empty() {
            return Err(self.empty());
        }
        Ok(text)
    }

    pub(super) fn number(&self, range: RangeInclusive<u32>) -> Result<u32, ConfigError> {
        let number = self
            .item
            .as_integer()
            .and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (least, most) = range.into_inner();
                self.refuse(format_args!(
                    "expected a whole number from {least} to {most}"
                ))
            })
    }

    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let text = self.text()?;
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let names: Vec<_> = choices
                    .iter()
                    .map(|(name, _)| format!("\"{name}\""))
                    .collect();
                Err(self.refuse(format_args!("expected {}", names.join(" or "))))
            }
        }
    }

    /// A list of the choices, all of them or none; empty only as `none`.
    pub(super) fn some_of(
        &self,
        choices: &[&'static str],
    ) -> Result<Vec<&'static str>, ConfigError> {
        match self.text()?.trim() {
            "all" => return Ok(choices.to_vec()),
            "none" => return Ok(Vec::new()),
            _ => {}
        }
        let names = self.text()?.split(',').map(str::trim);
        let known = names.map(|name| choices.iter().find(|choice| **choice == name).copied());
        let known: Vec<_> = known.collect::<Option<_>>().ok_or_else(|| {
            let list = choices.join(", ");
            self.refuse(format_args!("expected all, none, or some of: {list}"))
        })?;
        let asked = choices.iter().filter(|choice| known.contains(choice));
        Ok(asked.copied().collect())
    }

    /// Permissions that keep what the owner `needs`, and that nobody may use to change our files.
    pub(super) fn mode(&self, needs: u32) -> Result<Mode, ConfigError> {
        let text = self.text()?;
        let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let mode = u32::from_str_radix(text, 8)
            .ok()
            .filter(|mode| is_octal && *mode <= 0o777);
        let Some(mode) = mode else {
            let usual = needs | (needs & 0o500) >> 3; // the group may read
            return Err(self.refuse(format_args!("expected octal text such as \"{usual:04o}\"")));
        };
        if mode & needs != needs {
            return Err(self.refuse(format_args!("the owner needs at least \"{needs:04o}\"")));
        }
        if mode & 0o002 != 0 {
            return Err(self.refuse("everybody could change what was collected"));
        }
        Ok(Mode(mode))
    }

    /// A path, relative to the file's own folder; nothing when empty.
    pub(super) fn path(&self, folder: &Path) -> Result<Option<PathBuf>, ConfigError> {
        let text = self.text()?.trim();
        if text.starts_with('~') {
            return Err(self.refuse("~ is not understood: expected the whole path"));
        }
        Ok((!text.is_empty()).then(|| folder.join(text)))
    }
}

fn key_of<'a>(table: &'a dyn TableLike, name: &str) -> &'a Key {
    table.key(name).expect("the name comes from this table")
}
