//! Reads `[network]`.

use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::settings::Settings;
use super::value::Setting;
use super::{ConfigError, Network, PrivateStores, Proxy, SECOND};

/// The setting that names the certificate of a proxy, for messages.
pub(crate) const CA_FILE_LINE: &str = "ca_file = \"/path/of/certificate.pem\"";

/// Reads the section. Relative paths start at `folder`.
///
/// # Errors
/// A value of the wrong type or out of range.
pub(super) fn read(settings: &Settings<'_>, folder: &Path) -> Result<Network, ConfigError> {
    let get = |key| settings.get("network", key);
    let seconds = |key, most| get(key).number(1..=most).map(|seconds| SECOND * seconds);
    let private_stores = get("private_stores");
    Ok(Network {
        proxy: proxy(&get("proxy"))?,
        ca_file: get("ca_file").path(folder)?,
        private_stores: PrivateStores::parse(private_stores.text()?)
            .map_err(|why| private_stores.refuse(why))?,
        connect_timeout: seconds("connect_timeout_seconds", 300)?,
        idle_timeout: seconds("idle_timeout_seconds", 600)?,
        request_timeout: seconds("request_timeout_seconds", 3600)?,
        retries: get("retries").number(0..=10)?,
        retry_wait: Duration::from_millis(get("retry_wait_ms").number(1..=60_000)?.into()),
    })
}

pub(super) fn proxy(setting: &Setting<'_>) -> Result<Proxy, ConfigError> {
    let text = setting.text()?.trim();
    match text {
        "" => return Ok(Proxy::System),
        "none" => return Ok(Proxy::None),
        _ => {}
    }
    let is_proxy = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if !is_proxy {
        return Err(setting.refuse("expected a URL such as http://proxy.example.com:3128"));
    }
    Ok(Proxy::Url(SecretString::from(text)))
}

impl Proxy {
    /// True if the URL holds a user name or a password.
    pub(super) fn holds_a_secret(&self) -> bool {
        let Self::Url(url) = self else {
            return false;
        };
        Url::parse(url.expose_secret())
            .is_ok_and(|url| !url.username().is_empty() || url.password().is_some())
    }
}
