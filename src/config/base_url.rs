//! Checks the host of the API: it must be Mimecast's, or this machine.
//!
//! A wrong host would learn a password, so the check applies to configured addresses and to those that
//! Mimecast's discovery names. It examines the parsed URL, because the request uses the same URL: a second
//! parser could read the text in another way.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::Api;

/// The domains of Mimecast. The second one serves the public sector of the USA.
const DOMAINS: [&str; 2] = ["mimecast.com", "mimecast-pscom-us.com"];

/// The domain of API 2.0.
const API_2_DOMAIN: &str = "services.mimecast.com";

/// A regional host of API 1.0.
const V1_EXAMPLE: &str = "https://us-api.mimecast.com";

/// The host of API 2.0 that serves every region.
const V2_EXAMPLE: &str = "https://api.services.mimecast.com";

/// An address of the API: scheme, host and port only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// The reason against an address. Each `example` is an address that the check accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// The text does not follow the syntax.
    #[error("not a URL: expected one such as {example}")]
    Syntax {
        /// The address that was probably meant.
        example: String,
    },
    /// Others could read the traffic on its way.
    #[error("not https: expected https://, or http:// for a loopback host only, such as {example}")]
    Scheme {
        /// The address that was probably meant.
        example: String,
    },
    /// Credentials do not belong in a URL, because they have their own file.
    #[error("holds a user name or password: expected none")]
    UserInfo,
    /// The host is not Mimecast's.
    #[error(
        "host {host} is not Mimecast's: expected one below mimecast.com or mimecast-pscom-us.com, \
         such as {example}, or a loopback host"
    )]
    Host {
        /// The refused host.
        host: String,
        /// A host of Mimecast's.
        example: String,
    },
    /// The host serves API 2.0 instead of 1.0.
    #[error("host {0} serves API 2.0: API 1.0 expects a regional host such as {V1_EXAMPLE}")]
    ServesApi2(String),
    /// The host serves API 1.0 instead of 2.0.
    #[error("host {0} serves API 1.0: API 2.0 expects one such as {V2_EXAMPLE}")]
    ServesApi1(String),
    /// The address has a path, a query or a fragment, but the program sets these itself.
    #[error("has a path, query or fragment: expected none, such as {example}")]
    Tail {
        /// The same address without them.
        example: String,
    },
}

/// The reason against an address, without the example that [`BaseUrlError`] adds.
enum Flaw {
    Syntax,
    Scheme,
    UserInfo,
    Host(String),
    Tail,
}

impl BaseUrl {
    /// Reads an address of either generation.
    ///
    /// # Errors
    /// The host is not plainly Mimecast's or a loopback host. A message never repeats user name or password.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        Self::read(text).map_err(|flaw| flaw.explained(text, None))
    }

    /// Reads an address that must serve this generation.
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

    /// Returns the address itself, if it serves this generation.
    ///
    /// # Errors
    /// [`BaseUrlError::ServesApi2`] or [`BaseUrlError::ServesApi1`].
    pub fn serving(self, api: Api) -> Result<Self, BaseUrlError> {
        let host = self.host().to_owned();
        match (api, is_within(&host, API_2_DOMAIN)) {
            _ if self.is_loopback() => Ok(self),
            (Api::V1, true) => Err(BaseUrlError::ServesApi2(host)),
            (Api::V2, false) => Err(BaseUrlError::ServesApi1(host)),
            _ => Ok(self),
        }
    }

    /// Returns the host's name or IP address.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// True if the host speaks TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// True if the host is this machine, as in a rehearsal.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    /// Returns the URL of an endpoint. No `path` can change the host.
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

/// Returns an address that the check accepts: the one that `text` probably means, else the usual one.
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

/// True for this machine. The URL parser has normalised every spelling (`127.1`, `0x7f.1`).
fn is_loopback(host: &str) -> bool {
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
