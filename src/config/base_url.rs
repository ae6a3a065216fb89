//! The host that requests are sent to: Mimecast's, or this very machine.
//!
//! A signature or password that goes to a wrong host is lost, so the rule holds for a configured
//! address as for one that Mimecast's discovery names. It is checked on the parsed URL, which is
//! also what the request uses: no second reading of the text could come to another result.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::Api;

/// Domains that are Mimecast's; the second serves the public sector of the USA.
const DOMAINS: [&str; 2] = ["mimecast.com", "mimecast-pscom-us.com"];

/// Below this one, API 2.0 answers.
const API_2_DOMAIN: &str = "services.mimecast.com";

/// A regional host of API 1.0.
const V1_EXAMPLE: &str = "https://us-api.mimecast.com";

/// The host of API 2.0 that serves every region.
const V2_EXAMPLE: &str = "https://api.services.mimecast.com";

/// An address of the API: scheme, host and port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why an address is not used. Each `example` is an address that is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// The text does not follow the syntax.
    #[error("not a URL: expected one such as {example}")]
    Syntax {
        /// What was probably meant.
        example: String,
    },
    /// Anyone on the way could read along.
    #[error(
        "not https: expected https://, or http:// for a loopback host alone, such as {example}"
    )]
    Scheme {
        /// What was probably meant.
        example: String,
    },
    /// Credentials have their own file.
    #[error("holds a user name or password: expected none")]
    UserInfo,
    /// Someone else's host.
    #[error(
        "host {host} is not Mimecast's: expected one below mimecast.com or mimecast-pscom-us.com, \
         such as {example}, or a loopback host"
    )]
    Host {
        /// The host that was named.
        host: String,
        /// A host of Mimecast's.
        example: String,
    },
    /// The right owner, the wrong interface.
    #[error("host {0} serves API 2.0: API 1.0 expects a regional host such as {V1_EXAMPLE}")]
    Later(String),
    /// The other way round.
    #[error("host {0} serves API 1.0: API 2.0 expects one such as {V2_EXAMPLE}")]
    Earlier(String),
    /// Paths are the program's own.
    #[error("goes on after the host: expected no path, query or fragment, such as {example}")]
    Tail {
        /// The same address without them.
        example: String,
    },
}

/// What is wrong with the text of an address.
enum Flaw {
    Syntax,
    Scheme,
    UserInfo,
    Host(String),
    Tail,
}

impl BaseUrl {
    /// Reads an address, whatever generation it serves.
    ///
    /// # Errors
    /// Whatever is not plainly a host of Mimecast or a loopback host; no message repeats user-info.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        Self::read(text).map_err(|flaw| flaw.explained(text, None))
    }

    /// Reads an address that has to serve this generation.
    ///
    /// # Errors
    /// As [`BaseUrl::parse`] and [`BaseUrl::serving`].
    pub fn parse_for(text: &str, api: Api) -> Result<Self, BaseUrlError> {
        let url = Self::read(text).map_err(|flaw| flaw.explained(text, Some(api)))?;
        url.serving(api)
    }

    /// Returns the host that most accounts use.
    pub fn usual(api: Api) -> Self {
        Self::parse(usual(api)).expect("a host of Mimecast's")
    }

    fn read(text: &str) -> Result<Self, Flaw> {
        let url = Url::parse(text).map_err(|_| Flaw::Syntax)?;
        let host = url.host_str().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Flaw::UserInfo);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            _ => return Err(Flaw::Scheme),
        }
        if !is_loopback(host) && !DOMAINS.iter().any(|domain| is_within(host, domain)) {
            return Err(Flaw::Host(host.to_owned()));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(Flaw::Tail);
        }
        Ok(Self(url))
    }

    /// The same address, if it serves that generation.
    ///
    /// # Errors
    /// [`BaseUrlError::Later`] or [`BaseUrlError::Earlier`].
    pub fn serving(self, api: Api) -> Result<Self, BaseUrlError> {
        let host = self.host().to_owned();
        match (api, is_within(&host, API_2_DOMAIN)) {
            _ if self.is_loopback() => Ok(self),
            (Api::V1, true) => Err(BaseUrlError::Later(host)),
            (Api::V2, false) => Err(BaseUrlError::Earlier(host)),
            _ => Ok(self),
        }
    }

    /// The host's name or address.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether the host is this very machine, as in a rehearsal.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    /// The address of an endpoint; whatever `path` holds, the host stays.
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }
}

impl Flaw {
    fn explained(self, text: &str, api: Option<Api>) -> BaseUrlError {
        let example = example(text, api);
        match self {
            Self::Syntax => BaseUrlError::Syntax { example },
            Self::Scheme => BaseUrlError::Scheme { example },
            Self::UserInfo => BaseUrlError::UserInfo,
            Self::Host(host) => BaseUrlError::Host { host, example },
            Self::Tail => BaseUrlError::Tail { example },
        }
    }
}

/// Returns an address that is accepted: the one that `text` probably means, else the usual one.
fn example(text: &str, api: Option<Api>) -> String {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let accepted = |scheme: &str| {
        let url = BaseUrl::read(&format!("{scheme}://{}", &rest[..end])).ok()?;
        match api {
            Some(api) => url.serving(api).ok(),
            None => Some(url),
        }
    };
    let meant = accepted(scheme).or_else(|| accepted("https"));
    meant.map_or_else(
        || usual(api.unwrap_or(Api::V1)).to_owned(),
        |url| url.to_string(),
    )
}

const fn usual(api: Api) -> &'static str {
    match api {
        Api::V1 => V1_EXAMPLE,
        Api::V2 => V2_EXAMPLE,
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The parser has brought every spelling of an address (`127.1`, `0x7f.1`) into its usual form.
fn is_loopback(host: &str) -> bool {
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
