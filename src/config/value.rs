//! Converts one value of the file into its type, and checks kind, range and mode.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::de::{DeInteger, DeValue};

use super::ConfigError;
use super::edit::is_filled_in;
use super::toml_file::{Key, TomlFile, flaw_of_word, is_placeholder};
use crate::durable::Mode;

/// A key with its value from the given file or from the example.
pub(super) struct Setting<'a> {
    /// The given file. Errors name it, even if the value is a default.
    pub(super) file: &'a TomlFile<'a>,
    pub(super) origin: Origin,
    pub(super) section: &'static str,
    pub(super) key: &'a Key<'a>,
    pub(super) item: &'a DeValue<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Given,
    Default,
}

impl<'a> Setting<'a> {
    /// Returns an error about this key.
    pub(super) fn refuse(&self, what: impl Display) -> ConfigError {
        let (key, section) = (self.key.get_ref(), self.section);
        let what = format_args!("{key} in [{section}]: {what}");
        match self.origin {
            Origin::Given => self.file.refuse(self.key, what),
            Origin::Default => self.file.refuse_all(what),
        }
    }

    /// Returns the error about an empty value.
    pub(super) fn empty(&self) -> ConfigError {
        self.refuse("is empty")
            .with_remedy("run authentication_setup")
    }

    /// Returns text on one line. It may be empty.
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
            return Err(match is_filled_in(self.section, self.key.get_ref()) {
                true => refusal.with_remedy("run authentication_setup"),
                false => refusal,
            });
        }
        Ok(text)
    }

    /// Returns one word of printable ASCII, which is safe in a header and in a log line. It may be empty.
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

    /// Returns text on one line that is not empty.
    pub(super) fn filled(&self) -> Result<&'a str, ConfigError> {
        let text = self.text()?.trim();
        if text.is_empty() {
            return Err(self.empty());
        }
        Ok(text)
    }

    pub(super) fn number(&self, range: RangeInclusive<u32>) -> Result<u32, ConfigError> {
        let number = |number: &DeInteger<'_>| u32::from_str_radix(number.as_str(), number.radix());
        let number = self.item.as_integer().and_then(|text| number(text).ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (least, most) = range.into_inner();
                self.refuse(format_args!(
                    "expected a whole number from {least} to {most}"
                ))
            })
    }

    /// Returns a number of bytes.
    pub(super) fn bytes(&self) -> Result<u64, ConfigError> {
        let number = self.item.as_integer();
        let number = number
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| i64::try_from(*number).is_ok());
        number.ok_or_else(|| self.refuse("expected a whole number of bytes"))
    }

    /// Returns the texts of a list, or of a text with commas between them. `None` for anything else.
    pub(super) fn texts(&self) -> Option<Vec<&'a str>> {
        if let Some(text) = self.item.as_str() {
            let texts = text.split(',').map(str::trim);
            return Some(texts.filter(|text| !text.is_empty()).collect());
        }
        let items = self.item.as_array()?.iter();
        items.map(|item| item.get_ref().as_str()).collect()
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

    /// Returns the selected choices: `all`, `none`, or names with commas between them. An empty text is an
    /// error, so that only `none` selects no choice.
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

    /// Returns permissions. The owner must keep the bits of `needs`, and other users must not write.
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
            return Err(self.refuse("other users could change published files"));
        }
        Ok(Mode(mode))
    }

    /// Returns a path, or `None` if the text is empty. A relative path starts at `folder`.
    pub(super) fn path(&self, folder: &Path) -> Result<Option<PathBuf>, ConfigError> {
        let text = self.text()?.trim();
        if text.starts_with('~') {
            return Err(self.refuse("~ is not supported: expected the whole path"));
        }
        Ok((!text.is_empty()).then(|| folder.join(text)))
    }
}
