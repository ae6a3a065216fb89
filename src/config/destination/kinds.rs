//! The protocols of destinations, with their settings.

use reqwest::Url;

use super::super::toml_file::shown;
use super::super::value::Setting;
use super::super::{ConfigError, is_on_this_host};
use super::section::Section;
use super::syslog::{self, Protocol, Syslog};
use super::{ByFolder, Confirm};
use crate::logs;

/// The protocol of a destination, with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A syslog receiver.
    Syslog(Syslog),
    /// An HTTP source of Sumo Logic. Its URL is a secret.
    Sumo(Sumo),
    /// An HTTP event collector of Splunk.
    SplunkHec(SplunkHec),
    /// The bulk call of Elasticsearch or OpenSearch.
    Elastic(Elastic),
    /// Any service that takes JSON lines or text lines.
    Webhook(Webhook),
}

/// An HTTP source of Sumo Logic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sumo {
    /// The source category; empty: that of the source.
    pub category: ByFolder,
}

/// An HTTP event collector of Splunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplunkHec {
    /// The collector, without a path.
    pub url: Url,
    /// The index; empty: that of the token.
    pub index: ByFolder,
    /// The source type.
    pub sourcetype: ByFolder,
    /// When an event counts as delivered.
    pub ack: Ack,
}

/// When an event counts as delivered to Splunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// When it is indexed, if the token asks for acknowledgements; else when it is received.
    Auto,
    /// When it is indexed.
    Always,
    /// When it is received.
    Never,
}

/// The bulk call of Elasticsearch or OpenSearch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elastic {
    /// The cluster.
    pub url: Url,
    /// The index or data stream.
    pub index: ByFolder,
}

/// Any service that takes JSON lines or text lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The address. `None` if it is a secret, and so in the credentials.
    pub url: Option<Url>,
}

impl Kind {
    pub(super) fn caveat(&self) -> Option<&'static str> {
        let Self::Syslog(syslog) = self else {
            return None;
        };
        match (syslog.protocol, syslog.confirm) {
            (Protocol::Udp, _) => {
                Some("UDP promises nothing: lost events stay unknown, and they are not encrypted")
            }
            (Protocol::Tcp, Confirm::None) => Some(
                "events that the receiver has not read are lost when it stops, and they are not encrypted",
            ),
            (Protocol::Tls, Confirm::None) => {
                Some("events that the receiver has not read are lost when it stops")
            }
            (Protocol::Tcp | Protocol::Relp, _) => Some("events are not encrypted on the way"),
            (Protocol::Tls | Protocol::RelpTls, _) => None,
        }
    }

    /// Returns the name of the type in the file.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Syslog(_) => "syslog",
            Self::Sumo(_) => "sumo",
            Self::SplunkHec(_) => "splunk_hec",
            Self::Elastic(_) => "elastic",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// Reads the settings of the section's own type.
pub(super) fn read(section: &Section<'_>) -> Result<Kind, ConfigError> {
    let get = |key| section.get(key);
    Ok(match section.kind {
        "syslog" => Kind::Syslog(syslog::read(section)?),
        "sumo" => Kind::Sumo(Sumo {
            category: by_folder(section, "category")?,
        }),
        "splunk_hec" => Kind::SplunkHec(SplunkHec {
            url: required_url(&get("url"))?,
            index: by_folder(section, "index")?,
            sourcetype: by_folder(section, "sourcetype")?,
            ack: get("ack").one_of(&[
                ("auto", Ack::Auto),
                ("always", Ack::Always),
                ("never", Ack::Never),
            ])?,
        }),
        "elastic" => {
            let (setting, index) = (get("index"), by_folder(section, "index")?);
            if index.texts().any(str::is_empty) {
                return Err(setting.refuse("expected the name of an index for each stream"));
            }
            let url = required_url(&get("url"))?;
            Kind::Elastic(Elastic { url, index })
        }
        "webhook" => Kind::Webhook(Webhook {
            url: url(&get("url"))?,
        }),
        other => unreachable!("the defaults do not list {other}"),
    })
}

/// Reads a text for all folders, or a table with a text for some. The others keep their default.
fn by_folder(section: &Section<'_>, name: &'static str) -> Result<ByFolder, ConfigError> {
    let mut texts = ByFolder::default();
    for setting in [section.default(name), section.get(name)] {
        let Some(table) = setting.item.as_table() else {
            let text = setting.word()?;
            for folder in logs::PUBLISHED {
                texts.0.insert(folder, text.replace("{folder}", folder));
            }
            continue;
        };
        for (key, item) in table {
            let name = &**key.get_ref();
            let Some(folder) = logs::PUBLISHED.into_iter().find(|folder| *folder == name) else {
                let what = format!("unknown stream{}", shown(name));
                return Err(setting.refuse(what));
            };
            let text = Setting {
                item: item.get_ref(),
                ..setting
            };
            let text = text.word()?;
            texts.0.insert(folder, text.replace("{folder}", folder));
        }
    }
    Ok(texts)
}

/// Reads an address that must be given.
fn required_url(setting: &Setting<'_>) -> Result<Url, ConfigError> {
    url(setting)?.ok_or_else(|| setting.refuse("is empty: expected the https URL of the service"))
}

/// Reads an address: https, or http on this host. `None` if it is empty.
fn url(setting: &Setting<'_>) -> Result<Option<Url>, ConfigError> {
    let text = setting.text()?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(text).ok().filter(is_allowed);
    let expected = "expected an https URL such as https://siem.example.com:8088, without a user name; \
                    http is for this host alone";
    Ok(Some(url.ok_or_else(|| setting.refuse(expected))?))
}

/// True for https, and for http on this host, without a user name and a fragment.
pub fn is_allowed(url: &Url) -> bool {
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_on_this_host(url);
    is_safe && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}
