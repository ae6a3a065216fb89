//! Reads `[[destination]]`: the places to which a run delivers the published files.
//!
//! `destination/defaults.toml` lists the keys of each type and their defaults. Secrets of a destination are in
//! `credentials.toml`, under `[destination.<name>]`.

mod kinds;
mod section;
mod syslog;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::toml_file::{TomlFile, meant, shown};
use super::{ConfigError, DAY, Network};
use crate::logs;
pub use kinds::{Ack, Elastic, Kind, SplunkHec, Sumo, is_allowed};
use section::Section;
pub use syslog::{Confirm, Format as SyslogFormat, Framing, Protocol, Syslog};

/// The key of the array of tables.
pub(super) const KEY: &str = "destination";
const DEFAULTS: &str = include_str!("destination/defaults.toml");
/// The longest name, in bytes. The name is part of file names and of exit messages.
const NAME_LIMIT: usize = 32;
/// The most destinations of one installation. Each one holds a second name of every file.
const COUNT_LIMIT: usize = 16;

/// A place to which a run delivers the published files.
#[derive(Clone, Debug)]
pub struct Destination {
    /// `[a-z0-9_-]`, unique within the installation.
    pub name: String,
    /// The protocol, with its settings.
    pub kind: Kind,
    /// The folders whose files go there.
    pub folders: Vec<&'static str>,
    /// What a new destination gets of the files that are published already.
    pub begin: Begin,
    /// The age at which a file that could not be delivered is given up.
    pub hold: Duration,
    /// The bytes above which the oldest files are given up. `None`: no limit.
    pub hold_bytes: Option<u64>,
    /// The way to the destination, with its certificates.
    pub network: Network,
    /// The certificate of this client and its key, if the destination asks for one.
    pub client: Option<ClientCertificate>,
}

/// What a new destination gets of the files that are published already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// All that are still there.
    Oldest,
    /// None.
    Now,
}

/// PEM files that prove to a destination who this client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificates, the client's own first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A text for each folder. The collector replaces `{folder}` in it by the name of the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByFolder(BTreeMap<&'static str, String>);

impl ByFolder {
    /// Returns the text for the files of a folder. It may be empty.
    pub fn of(&self, folder: &str) -> &str {
        self.0.get(folder).map_or("", String::as_str)
    }

    /// Returns the texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

/// Reads all destinations. Relative paths start at `folder`. What a destination does not set about the way there
/// is as in `network`.
///
/// # Errors
/// The first mistake: an unknown type or key, a name that is missing, odd or used twice, or a value of the wrong
/// kind.
pub(super) fn read(
    file: &TomlFile<'_>,
    folder: &Path,
    network: &Network,
) -> Result<Vec<Destination>, ConfigError> {
    let Some((key, item)) = file.table().get_key_value(KEY) else {
        return Ok(Vec::new());
    };
    let tables = item.get_ref().as_array().map(|items| {
        let tables = items.iter().map(|item| item.get_ref().as_table());
        tables.collect::<Option<Vec<_>>>()
    });
    let Some(Some(tables)) = tables else {
        let what = "expected [[destination]], in double brackets, on its own line";
        return Err(file.refuse(key, what));
    };
    if tables.len() > COUNT_LIMIT {
        let what = format!("more than {COUNT_LIMIT} destinations");
        return Err(file.refuse(key, what));
    }
    let defaults = TomlFile::parse(Path::new("defaults.toml"), DEFAULTS)?;
    let mut found: Vec<Destination> = Vec::new();
    for table in tables {
        let section = Section::new(file, (key, table), &defaults)?;
        let destination = read_one(&section, folder, network)?;
        if found.iter().any(|other| other.name == destination.name) {
            return Err(section
                .get("name")
                .refuse("another destination has this name"));
        }
        found.push(destination);
    }
    Ok(found)
}

fn read_one(
    section: &Section<'_>,
    folder: &Path,
    network: &Network,
) -> Result<Destination, ConfigError> {
    let get = |key| section.get(key);
    let name = get("name");
    let text = name.word()?;
    let fits = |letter: u8| letter.is_ascii_lowercase() || b"0123456789_-".contains(&letter);
    if text.is_empty() || text.len() > NAME_LIMIT || !text.bytes().all(fits) {
        let what = format!("expected 1 to {NAME_LIMIT} of a-z, 0-9, _ and -, such as \"soc\"");
        return Err(name.refuse(what));
    }
    let path = |key| get(key).path(folder);
    let client = match (path("client_cert")?, path("client_key")?) {
        (Some(cert), Some(key)) => Some(ClientCertificate { cert, key }),
        (None, None) => None,
        (Some(_), None) => {
            return Err(get("client_cert").refuse("client_key is missing beside it"));
        }
        (None, Some(_)) => {
            return Err(get("client_key").refuse("client_cert is missing beside it"));
        }
    };
    let mut network = network.clone();
    network.ca_file = path("ca_file")?.or(network.ca_file);
    let proxy = section.find("proxy");
    if let Some(setting) = proxy.filter(|setting| setting.item.as_str() != Some("")) {
        network.proxy = super::network::proxy(&setting)?;
    }
    let folders = folders(section)?;
    Ok(Destination {
        name: text,
        kind: kinds::read(section)?,
        folders,
        begin: get("begin").one_of(&[("oldest", Begin::Oldest), ("now", Begin::Now)])?,
        hold: DAY * get("hold_days").number(1..=3650)?,
        hold_bytes: Some(get("hold_bytes").bytes()?).filter(|bytes| *bytes > 0),
        network,
        client,
    })
}

/// Returns the folders whose files go to a destination.
fn folders(section: &Section<'_>) -> Result<Vec<&'static str>, ConfigError> {
    let setting = section.get("streams");
    let Some(names) = setting.texts() else {
        let expected = "expected \"all\", or a list such as [\"mta\", \"audit\"]";
        return Err(setting.refuse(expected));
    };
    if names == ["all"] {
        return Ok(logs::PUBLISHED.to_vec());
    }
    let known = logs::PUBLISHED;
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let hint = meant(name, known.into_iter());
        let what = format!(
            "unknown stream{}{hint}: expected all, or some of: {}",
            shown(name),
            known.join(", ")
        );
        return Err(setting.refuse(what));
    }
    let chosen: Vec<_> = known
        .into_iter()
        .filter(|known| names.contains(known))
        .collect();
    match chosen.is_empty() {
        true => Err(setting.refuse("is empty: no file would go there")),
        false => Ok(chosen),
    }
}

impl Destination {
    /// Returns the text by which two states of the configuration are compared: another one leads elsewhere.
    pub fn fingerprint(&self) -> String {
        format!("{:?}", self.kind)
    }

    /// Returns a remark about what the protocol does not promise, or `None`.
    pub fn caveat(&self) -> Option<&'static str> {
        self.kind.caveat()
    }
}
