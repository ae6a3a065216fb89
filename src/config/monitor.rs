//! Reads `[monitor]`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::Url;

use super::folders::is_published;
use super::settings::Settings;
use super::{ConfigError, Monitor};

/// Reads the section. Relative paths start at `folder`. `data` is the data folder.
///
/// # Errors
/// A file in a folder that an agent reads, or an address that is neither https nor on this host.
pub(super) fn read(
    settings: &Settings<'_>,
    folder: &Path,
    data: &Path,
) -> Result<Monitor, ConfigError> {
    let file = |key| -> Result<Option<PathBuf>, ConfigError> {
        let setting = settings.get("monitor", key);
        let path = setting.path(folder)?;
        if path.as_ref().is_some_and(|path| is_published(path, data)) {
            let what = "is inside mta, audit or tmp of the data folder: expected a file outside";
            return Err(setting.refuse(what));
        }
        Ok(path)
    };
    let setting = settings.get("monitor", "ping_url");
    let ping_url = match setting.text()?.trim() {
        "" => None,
        text => {
            let url = Url::parse(text).ok().filter(is_allowed);
            let expected = "expected an https URL such as https://hc-ping.example.com/your-check";
            Some(url.ok_or_else(|| setting.refuse(expected))?)
        }
    };
    Ok(Monitor {
        metrics_file: file("metrics_file")?,
        report: file("report")?,
        ping_url,
    })
}

/// True for https, and for http on this host. A query or a fragment leaves no place for the exit code.
fn is_allowed(url: &Url) -> bool {
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_plain && (url.scheme() == "https" || url.scheme() == "http" && is_on_this_host(url))
}

/// True if the host is an address of this host.
pub(crate) fn is_on_this_host(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
