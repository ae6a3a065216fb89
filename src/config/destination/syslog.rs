//! The settings of a syslog receiver.

use reqwest::Url;

use super::super::ConfigError;
use super::section::Section;

/// The longest host name in a syslog message, in bytes: RFC 5424, 6.
const HOST_NAME_LIMIT: usize = 255;

/// A syslog receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// How frames travel.
    pub protocol: Protocol,
    /// The name or the address of the receiver.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The `HOSTNAME` of each message; empty: this host.
    pub hostname: String,
    /// The shape of a message.
    pub format: Format,
    /// What separates messages on a stream.
    pub framing: Framing,
    /// How the receiver confirms on TCP and TLS.
    pub confirm: Confirm,
    /// The size to which longer messages are cut, in bytes. `None`: no limit.
    pub max_bytes: Option<u32>,
    /// The structured data of each message, with its brackets; empty: none.
    pub structured_data: String,
}

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One datagram for each message.
    Udp,
    /// A stream without confirmation of its own: RFC 6587.
    Tcp,
    /// The same over TLS: RFC 5425.
    Tls,
    /// The protocol of rsyslog that confirms each message.
    Relp,
    /// The same over TLS.
    RelpTls,
}

/// The shape of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 5424.
    Rfc5424,
    /// RFC 3164, for old receivers.
    Rfc3164,
}

/// What separates messages on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each message ends with a line feed.
    Newline,
    /// Each message begins with its length.
    Counted,
}

/// How a receiver on TCP or TLS confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// It closes the connection after it has read everything.
    Close,
    /// Not at all.
    None,
}

impl Protocol {
    /// The schemes of addresses, each with the usual port.
    const SCHEMES: [(&str, Self, u16); 5] = [
        ("udp", Self::Udp, 514),
        ("tcp", Self::Tcp, 514),
        ("tls", Self::Tls, 6514),
        ("relp", Self::Relp, 2514),
        ("relp+tls", Self::RelpTls, 2514),
    ];

    /// True if the connection is encrypted.
    pub const fn has_tls(self) -> bool {
        matches!(self, Self::Tls | Self::RelpTls)
    }
}

/// Reads the settings.
pub(super) fn read(section: &Section<'_>) -> Result<Syslog, ConfigError> {
    let get = |key| section.get(key);
    let (protocol, host, port) = address(section)?;
    let framing = get("framing").one_of(&[
        ("auto", None),
        ("newline", Some(Framing::Newline)),
        ("octet-count", Some(Framing::Counted)),
    ])?;
    let usual = match protocol {
        Protocol::Tls => Framing::Counted, // RFC 5425, 4.3
        _ => Framing::Newline,
    };
    let max_bytes = get("max_bytes");
    let number = max_bytes.number(0..=16 << 20)?;
    if (1..480).contains(&number) {
        return Err(max_bytes.refuse("expected 0 for no limit, or at least 480"));
    }
    Ok(Syslog {
        protocol,
        host,
        port,
        hostname: host_name(section)?,
        format: get("format")
            .one_of(&[("rfc5424", Format::Rfc5424), ("rfc3164", Format::Rfc3164)])?,
        framing: framing.unwrap_or(usual),
        confirm: get("confirm").one_of(&[("close", Confirm::Close), ("none", Confirm::None)])?,
        max_bytes: Some(number).filter(|number| *number > 0),
        structured_data: structured_data(section)?,
    })
}

fn address(section: &Section<'_>) -> Result<(Protocol, String, u16), ConfigError> {
    let setting = section.get("address");
    let expected = "expected an address such as relp+tls://siem.example.com:2514, with udp, tcp, tls, relp or \
                    relp+tls in front";
    let refused = || setting.refuse(expected);
    let url = Url::parse(setting.text()?.trim()).map_err(|_| refused())?;
    let schemes = Protocol::SCHEMES.iter();
    let known = schemes
        .filter(|(name, ..)| *name == url.scheme())
        .map(|(_, protocol, port)| (*protocol, *port))
        .next();
    let (protocol, port) = known.ok_or_else(refused)?;
    let is_bare =
        matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
    let host = url.host_str().filter(|host| is_bare && !host.is_empty());
    let host = host.ok_or_else(refused)?;
    Ok((protocol, host.to_owned(), url.port().unwrap_or(port)))
}

fn host_name(section: &Section<'_>) -> Result<String, ConfigError> {
    let setting = section.get("hostname");
    let text = setting.word()?;
    if text.len() > HOST_NAME_LIMIT {
        let what = format!("is longer than {HOST_NAME_LIMIT} letters");
        return Err(setting.refuse(what));
    }
    Ok(text)
}

fn structured_data(section: &Section<'_>) -> Result<String, ConfigError> {
    let setting = section.get("structured_data");
    let text = setting.text()?.trim();
    let is_bracketed = text.starts_with('[') && text.ends_with(']');
    if !text.is_empty() && !is_bracketed {
        let expected = "expected text in square brackets, such as [example@32473 team=\"mail\"]";
        return Err(setting.refuse(expected));
    }
    Ok(text.to_owned())
}
