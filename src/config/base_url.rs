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
    #[must_use]
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
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether the host is this very machine, as in a rehearsal.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    /// The address of an endpoint; whatever `path` holds, the host stays.
    #[must_use]
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
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        BaseUrl::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn hosts_of_mimecast_are_accepted_and_shown_without_a_slash() {
        for text in [
            "https://us-api.mimecast.com",
            "https://mimecast.com",
            "https://uspcom-api.mimecast-pscom-us.com",
        ] {
            let url = BaseUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), text);
            assert!(!url.is_loopback());
        }
        let url = BaseUrl::parse("https://US-API.Mimecast.com:443/").unwrap();
        assert_eq!(url.to_string(), "https://us-api.mimecast.com");
        assert_eq!(url.host(), "us-api.mimecast.com");
    }

    #[test]
    fn loopback_hosts_are_accepted_with_and_without_tls() {
        for text in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://localhost:80",
            "https://localhost",
            "http://127.1",
        ] {
            assert!(BaseUrl::parse(text).unwrap().is_loopback(), "{text}");
        }
    }

    #[test]
    fn other_hosts_are_refused_however_they_are_dressed_up() {
        for text in [
            "https://mimecast.com.example.com",
            "https://notmimecast.com",
            "https://example.com\\@us-api.mimecast.com",
            "https://us-api.mimecast.com.",
            "https://10.0.0.1",
            "https://[::ffff:127.0.0.1]",
            "https://localhost.example.com",
            "https://0.0.0.0",
        ] {
            assert!(
                matches!(BaseUrl::parse(text), Err(BaseUrlError::Host { .. })),
                "{text}"
            );
        }
        assert_eq!(
            refusal("https://example.com"),
            "host example.com is not Mimecast's: expected one below mimecast.com or \
             mimecast-pscom-us.com, such as https://us-api.mimecast.com, or a loopback host"
        );
    }

    #[test]
    fn plain_http_is_refused_except_on_loopback() {
        let expected = |example| {
            format!(
                "not https: expected https://, or http:// for a loopback host alone, such as {example}"
            )
        };
        let us = "https://us-api.mimecast.com";
        assert_eq!(refusal("http://us-api.mimecast.com"), expected(us));
        assert_eq!(refusal("us-api.mimecast.com:443"), expected(us));
        assert_eq!(refusal("ftp://localhost"), expected("https://localhost"));
    }

    /// Whatever is typed, the message shows an address that the next check accepts.
    #[test]
    fn the_example_in_a_message_is_accepted_by_the_check_that_shows_it() {
        const US: &str = "https://us-api.mimecast.com";
        const GLOBAL: &str = "https://api.services.mimecast.com";
        for (text, api, expected) in [
            ("us-api.mimecast.com", Api::V1, US),
            ("us-api.mimecast.com/", Api::V1, US),
            ("us-api.mimecast.com:443", Api::V1, US),
            ("http://us-api.mimecast.com/api", Api::V1, US),
            ("https://us-api.mimecast.com/api?x#y", Api::V1, US),
            (
                "https://de-api.mimecast.com/x",
                Api::V1,
                "https://de-api.mimecast.com",
            ),
            ("api.services.mimecast.com", Api::V1, US),
            ("https://api.services.mimecast.com", Api::V1, US),
            ("api.services.mimecast.com", Api::V2, GLOBAL),
            (
                "uk-api.services.mimecast.com",
                Api::V2,
                "https://uk-api.services.mimecast.com",
            ),
            ("us-api.mimecast.com", Api::V2, GLOBAL),
            ("https://us-api.mimecast.com", Api::V2, GLOBAL),
            ("https://example.com", Api::V2, GLOBAL),
            ("http://127.0.0.1:8080/x", Api::V2, "http://127.0.0.1:8080"),
            ("127.0.0.1:8080", Api::V1, "https://127.0.0.1:8080"),
            ("", Api::V1, US),
            ("https://", Api::V2, GLOBAL),
            ("canary@us-api.mimecast.com", Api::V1, US),
        ] {
            let said = BaseUrl::parse_for(text, api).unwrap_err().to_string();
            assert!(
                said.contains(expected) && !said.contains("canary"),
                "{text}: {said}"
            );
            BaseUrl::parse_for(expected, api).unwrap();
        }
        for api in [Api::V1, Api::V2] {
            BaseUrl::usual(api).serving(api).unwrap();
        }
    }

    #[test]
    fn user_info_is_refused_and_not_repeated() {
        let text = "https://canary:canary@us-api.mimecast.com";
        assert_eq!(
            refusal(text),
            "holds a user name or password: expected none"
        );
    }

    #[test]
    fn the_host_of_the_other_generation_is_named_as_such() {
        let serving = |text, api| BaseUrl::parse(text).unwrap().serving(api);
        let (later, earlier) = (
            "https://us-api.services.mimecast.com",
            "https://us-api.mimecast.com",
        );
        assert!(serving(later, Api::V2).is_ok() && serving(earlier, Api::V1).is_ok());
        assert_eq!(
            serving(later, Api::V1).unwrap_err().to_string(),
            "host us-api.services.mimecast.com serves API 2.0: API 1.0 expects a regional host \
             such as https://us-api.mimecast.com"
        );
        assert_eq!(
            serving(earlier, Api::V2).unwrap_err().to_string(),
            "host us-api.mimecast.com serves API 1.0: API 2.0 expects one such as \
             https://api.services.mimecast.com"
        );
        assert!(serving("http://127.0.0.1:1", Api::V2).is_ok());
    }

    #[test]
    fn a_path_query_or_fragment_is_refused() {
        for tail in ["/api", "?", "/#x", "//"] {
            let text = format!("https://us-api.mimecast.com{tail}");
            assert_eq!(
                refusal(&text),
                "goes on after the host: expected no path, query or fragment, such as \
                 https://us-api.mimecast.com"
            );
        }
    }

    #[test]
    fn joining_keeps_the_host_whatever_the_path() {
        let url = BaseUrl::parse("https://us-api.mimecast.com").unwrap();
        let joined = url.join("/api/audit/get-siem-logs");
        assert_eq!(
            joined.as_str(),
            "https://us-api.mimecast.com/api/audit/get-siem-logs"
        );
        for path in [
            "//example.com/x",
            "https://example.com",
            "?a#b",
            "\\\\example.com",
        ] {
            assert_eq!(url.join(path).host_str(), Some("us-api.mimecast.com"));
        }
    }
}
