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

/// An address of the API: scheme, host and port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why an address is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// The text does not follow the syntax.
    #[error("not a URL: expected one such as https://us-api.mimecast.com")]
    Syntax,
    /// Anyone on the way could read along.
    #[error("not https: expected https://, or http:// for a loopback host alone")]
    Scheme,
    /// Credentials have their own file.
    #[error("holds a user name or password: expected none")]
    UserInfo,
    /// Someone else's host.
    #[error(
        "host {0} is not Mimecast's: expected one of mimecast.com or mimecast-pscom-us.com, \
         or a loopback host"
    )]
    Host(String),
    /// The right owner, the wrong interface.
    #[error("host {0} serves API 2.0: API 1.0 expects a regional host such as us-api.mimecast.com")]
    Later(String),
    /// The other way round.
    #[error(
        "host {0} serves API 1.0: API 2.0 expects api.services.mimecast.com or its us- and uk- twins"
    )]
    Earlier(String),
    /// Paths are the program's own.
    #[error("goes on after the host: expected no path, query or fragment")]
    Tail,
}

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// Whatever is not plainly a host of Mimecast or a loopback host; no message repeats user-info.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text).map_err(|_| BaseUrlError::Syntax)?;
        let host = url.host_str().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::UserInfo);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            _ => return Err(BaseUrlError::Scheme),
        }
        if !is_loopback(host) && !DOMAINS.iter().any(|domain| is_within(host, domain)) {
            return Err(BaseUrlError::Host(host.to_owned()));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Tail);
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
                matches!(BaseUrl::parse(text), Err(BaseUrlError::Host(_))),
                "{text}"
            );
        }
        assert_eq!(
            refusal("https://example.com"),
            "host example.com is not Mimecast's: expected one of mimecast.com or \
             mimecast-pscom-us.com, or a loopback host"
        );
    }

    #[test]
    fn plain_http_is_refused_except_on_loopback() {
        let expected = "not https: expected https://, or http:// for a loopback host alone";
        assert_eq!(refusal("http://us-api.mimecast.com"), expected);
        assert_eq!(refusal("ftp://localhost"), expected);
        assert_eq!(refusal("us-api.mimecast.com:443"), expected);
    }

    #[test]
    fn a_name_without_scheme_is_not_a_url() {
        let expected = "not a URL: expected one such as https://us-api.mimecast.com";
        assert_eq!(refusal("us-api.mimecast.com"), expected);
        assert_eq!(refusal("https://"), expected);
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
             such as us-api.mimecast.com"
        );
        assert_eq!(
            serving(earlier, Api::V2).unwrap_err().to_string(),
            "host us-api.mimecast.com serves API 1.0: API 2.0 expects api.services.mimecast.com \
             or its us- and uk- twins"
        );
        assert!(serving("http://127.0.0.1:1", Api::V2).is_ok());
    }

    #[test]
    fn a_path_query_or_fragment_is_refused() {
        for tail in ["/api", "?", "/#x", "//"] {
            let text = format!("https://us-api.mimecast.com{tail}");
            assert_eq!(
                refusal(&text),
                "goes on after the host: expected no path, query or fragment"
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
