//! One table of `[[destination]]`, with the defaults of its type below it.

use toml::de::DeTable;

use super::super::ConfigError;
use super::super::toml_file::{Key, TomlFile, meant, shown};
use super::super::value::{Origin, Setting};
use super::KEY;

/// Keys of secrets, which have no place in this file.
const SECRETS: [&str; 5] = ["token", "api_key", "username", "password", "headers"];

/// A table with the defaults of its type.
pub(super) struct Section<'a> {
    file: &'a TomlFile<'a>,
    given: &'a DeTable<'a>,
    every: &'a DeTable<'a>,
    own: &'a DeTable<'a>,
    /// The type, as the file spells it.
    pub(super) kind: &'a str,
}

impl<'a> Section<'a> {
    /// Returns the section, after a check that its type and all its keys are known.
    pub(super) fn new(
        file: &'a TomlFile<'a>,
        (key, given): (&'a Key<'a>, &'a DeTable<'a>),
        defaults: &'a TomlFile<'a>,
    ) -> Result<Self, ConfigError> {
        let table = |name: &str| {
            let table = defaults.table().get(name)?.get_ref();
            table.as_table()
        };
        let every = table("every").expect("the defaults have it");
        let kinds = || {
            let names = defaults.table().keys().map(|key| &**key.get_ref());
            names.filter(|name| *name != "every")
        };
        let Some((at, kind)) = given.get_key_value("type") else {
            let kinds: Vec<_> = kinds().collect();
            let what = format!(
                "a destination has no type: expected one of {}",
                kinds.join(", ")
            );
            return Err(file.refuse(key, what));
        };
        let kind = kind.get_ref().as_str().unwrap_or_default();
        let Some(own) = table(kind).filter(|_| kind != "every") else {
            let hint = meant(kind, kinds());
            let kinds: Vec<_> = kinds().collect();
            let what = format!(
                "type in [[{KEY}]]: unknown type{}{hint}: expected one of {}",
                shown(kind),
                kinds.join(", ")
            );
            return Err(file.refuse(at, what));
        };
        let section = Self {
            file,
            given,
            every,
            own,
            kind,
        };
        section.refuse_unknown()?;
        Ok(section)
    }

    fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let is_known = |name: &str| self.every.contains_key(name) || self.own.contains_key(name);
        let known = || {
            let tables = [self.every, self.own].into_iter();
            tables.flat_map(|table| table.keys().map(|key| &**key.get_ref()))
        };
        for key in self.given.keys() {
            let name = &**key.get_ref();
            if is_known(name) {
                continue;
            }
            let what = if SECRETS.contains(&name) {
                format!(
                    "\"{name}\" is a secret: it belongs in credentials.toml, under [destination.<name>]"
                )
            } else {
                let kind = self.kind;
                let hint = meant(name, known());
                format!(
                    "unknown key{} in [[{KEY}]] of type {kind}{hint}",
                    shown(name)
                )
            };
            return Err(self.file.refuse(key, what));
        }
        Ok(())
    }

    /// Returns the setting of a key.
    ///
    /// # Panics
    /// If the type does not have the key.
    pub(super) fn get(&self, name: &'static str) -> Setting<'a> {
        self.find(name).expect("the defaults of the type have it")
    }

    /// Returns the default of a key that only this type has.
    ///
    /// # Panics
    /// If the type does not have the key.
    pub(super) fn default(&self, name: &'static str) -> Setting<'a> {
        let (key, item) = self.own.get_key_value(name).expect("the type has it");
        Setting {
            file: self.file,
            origin: Origin::Default,
            section: "[destination]",
            key,
            item: item.get_ref(),
        }
    }

    /// Returns the setting of a key, or `None` if this type does not have it.
    pub(super) fn find(&self, name: &'static str) -> Option<Setting<'a>> {
        let look_up = |table: &'a DeTable<'a>, origin| {
            let (key, item) = table.get_key_value(name)?;
            Some(Setting {
                file: self.file,
                origin,
                section: "[destination]",
                key,
                item: item.get_ref(),
            })
        };
        look_up(self.given, Origin::Given)
            .or_else(|| look_up(self.own, Origin::Default))
            .or_else(|| look_up(self.every, Origin::Default))
    }
}
