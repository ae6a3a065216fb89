//! The calls of the setup: from an e-mail address to a key pair and an account.
//!
//! Vendor pages:
//! <https://integrations.mimecast.com/documentation/api-overview/authentication-scripts-server-apps/>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::answer::Denial;
use super::endpoints::{self, Call};
use super::{ApiError, Client, Identity, NoSink, Reply};
use crate::config::{Api, BaseUrl};

/// The directory that checks a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AuthType {
    /// Mimecast's own password.
    #[default]
    Cloud,
    /// The password of the customer's directory.
    Domain,
}

/// The result of a log-in.
#[derive(Debug)]
pub struct KeyPair {
    /// The key that is sent with every request.
    pub access_key: SecretString,
    /// The key that signs every request.
    pub secret_key: SecretString,
    /// Seconds until the pair expires, if Mimecast says so.
    pub lifetime_seconds: Option<u64>,
}

impl AuthType {
    /// Returns the identity of a log-in.
    pub fn identity(self, email: &str, password: &SecretString) -> Identity {
        let scheme = match self {
            Self::Cloud => "Basic-Cloud",
            Self::Domain => "Basic-AD",
        };
        let pair = SecretString::from(format!("{email}:{}", password.expose_secret()));
        let encoded = SecretString::from(STANDARD.encode(pair.expose_secret()));
        Identity::Basic(format!("{scheme} {}", encoded.expose_secret()).into())
    }
}

/// Returns the API host of the region of an e-mail address.
///
/// # Errors
/// [`Denial::UnknownAddress`] if no region knows the address. [`ApiError::NotUnderstood`] if the
/// host is not Mimecast's, or if another host names this one.
pub fn discover(client: &Client, email: &str) -> Result<BaseUrl, ApiError> {
    let first = first(client, Call::Discover, &endpoints::discover(email))?;
    let host = first
        .as_ref()
        .and_then(|first| first.pointer("/region/api")?.as_str());
    let host = host.ok_or(ApiError::Denied(Denial::UnknownAddress))?;
    let text = if host.contains("://") {
        host.to_owned()
    } else {
        format!("https://{host}")
    };
    let refused = |why: String| {
        let what = format!("Mimecast named an API host that is not allowed: {why}");
        ApiError::NotUnderstood(what)
    };
    let region = BaseUrl::parse_for(&text, Api::V1).map_err(|error| refused(error.to_string()))?;
    is_within_reach(client.base(), &region)
        .then_some(region)
        .ok_or_else(|| refused("a loopback host".to_owned()))
}

/// True if the collector may use the region. A host on the internet must not name this host, because a
/// local user could listen there for the password.
fn is_within_reach(asked: &BaseUrl, region: &BaseUrl) -> bool {
    asked.is_loopback() || !region.is_loopback()
}

/// Exchanges a password for a key pair.
///
/// # Errors
/// [`Denial::Login`], or an error of [`Client::call`].
pub fn log_in(client: &Client, email: &str) -> Result<KeyPair, ApiError> {
    let first = first(client, Call::Login, &endpoints::login(email))?.unwrap_or_default();
    let key = |name: &str| {
        first
            .get(name)
            .and_then(Value::as_str)
            .map(SecretString::from)
    };
    match (key("accessKey"), key("secretKey")) {
        (Some(access_key), Some(secret_key)) => Ok(KeyPair {
            access_key,
            secret_key,
            lifetime_seconds: first
                .get("duration")
                .and_then(Value::as_u64)
                .map(|ms| ms / 1_000),
        }),
        _ => Err(ApiError::NotUnderstood(
            "a log-in without keys (is two-step authentication on for this user?)".to_owned(),
        )),
    }
}

/// Returns the code of the account that the keys belong to.
///
/// # Errors
/// An error of [`Client::call`].
pub fn account_code(client: &Client) -> Result<String, ApiError> {
    let first = first(client, Call::Account, &endpoints::account())?.unwrap_or_default();
    let code = first
        .get("accountCode")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let is_code = |code: &str| {
        (1..=40).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    is_code(code)
        .then(|| code.to_owned())
        .ok_or_else(|| ApiError::NotUnderstood("an account without a code".to_owned()))
}

/// Returns the first item of `data`.
fn first(client: &Client, call: Call, body: &Value) -> Result<Option<Value>, ApiError> {
    let Reply::Json(text) = client.call(call, body, &mut NoSink)? else {
        return Err(ApiError::NotUnderstood(
            "an archive where JSON was expected".to_owned(),
        ));
    };
    if text.len() > super::ANSWER_LIMIT {
        return Err(ApiError::too_large());
    }
    let mut envelope: Value = serde_json::from_str(&text)
        .map_err(|error| ApiError::NotUnderstood(format!("JSON: {error}")))?;
    let first = envelope
        .get_mut("data")
        .and_then(|data| data.get_mut(0))
        .map(Value::take);
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_discovery_on_this_host_may_name_this_host() {
        let url = |text| BaseUrl::parse(text).unwrap();
        let (mimecast, loopback) = ("https://api.mimecast.com", "http://127.0.0.1:8425");
        for (asked, region, expected) in [
            (mimecast, "https://us-api.mimecast.com", true),
            (mimecast, loopback, false),
            (mimecast, "https://localhost", false),
            (mimecast, "http://[::1]:1", false),
            (loopback, loopback, true),
            (loopback, "https://us-api.mimecast.com", true),
        ] {
            let found = is_within_reach(&url(asked), &url(region));
            assert_eq!(found, expected, "{asked} names {region}");
        }
    }
}
