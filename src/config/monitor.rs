//! Reads `[monitor]`.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::Url;

use super::folders::{is_published, normalized};
use super::settings::Settings;
use super::{Config, ConfigError, Monitor};

/// Reads the section. Relative paths start at `folder`.
///
/// # Errors
/// A value of the wrong type, or an address that is neither https nor on this host.
pub(super) fn read(settings: &Settings<'_>, folder: &Path) -> Result<Monitor, ConfigError> {
    let file = |key| settings.get("monitor", key).path(folder);
    let check = |key| -> Result<Option<Url>, ConfigError> {
        let setting = settings.get("monitor", key);
        let text = setting.text()?.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let url = Url::parse(text).ok().filter(is_allowed);
        let expected = "expected an https URL such as https://checks.example.com/your-check";
        Ok(Some(url.ok_or_else(|| setting.refuse(expected))?))
    };
    Ok(Monitor {
        metrics_file: file("metrics_file")?,
        report: file("report")?,
        ping_url_siem: check("ping_url_siem")?,
        ping_url_audit: check("ping_url_audit")?,
    })
}

/// Refuses files that a run must not replace.
///
/// # Errors
/// The first of them.
pub(super) fn refuse_unfit_files(
    settings: &Settings<'_>,
    config: &Config,
) -> Result<(), ConfigError> {
    let Monitor {
        metrics_file,
        report,
        ..
    } = &config.monitor;
    let files = [("metrics_file", metrics_file), ("report", report)];
    for (key, path) in files {
        let reason = path
            .as_ref()
            .and_then(|path| config.unfit_for_a_report(path));
        if let Some(reason) = reason {
            let what = format!("{reason}: expected a file outside");
            return Err(settings.get("monitor", key).refuse(what));
        }
    }
    if let (Some(metrics), Some(report)) = (metrics_file, report)
        && place(metrics) == place(report)
    {
        let what = "is the same file as metrics_file";
        return Err(settings.get("monitor", "report").refuse(what));
    }
    Ok(())
}

impl Config {
    /// Returns the reason why a page or metrics must not replace this file, or `None` if they may.
    pub fn unfit_for_a_report(&self, path: &Path) -> Option<&'static str> {
        let folders = &self.folders;
        let own = self.path.parent().unwrap_or(Path::new(""));
        let files = [
            Some(self.path.clone()),
            Some(own.join("credentials.toml")),
            self.network.ca_file.clone(),
        ];
        let given = place(path);
        if files.iter().flatten().any(|file| place(file) == given) {
            return Some("is a file of the configuration");
        }
        if is_published(path, &folders.data) || is_published(&given, &real(&folders.data)) {
            return Some("is inside mta, audit or tmp of the data folder");
        }
        let marker = folders.data.join(".collector");
        let inside = |folder: &Path| given.starts_with(real(folder));
        if inside(&folders.state) || inside(&folders.log) || inside(&marker) {
            return Some("is inside the state or log folder, or beside the collectors' marker");
        }
        None
    }
}

/// Returns the path by which two names of one file are equal. A link in the place of the file counts as
/// itself, because the file is replaced by a rename.
fn place(file: &Path) -> PathBuf {
    let file = normalized(file);
    match (file.parent(), file.file_name()) {
        (Some(folder), Some(name)) => real(folder).join(name),
        _ => file,
    }
}

/// Returns the path of a folder with all links resolved, as far as it exists.
fn real(folder: &Path) -> PathBuf {
    let folder = normalized(folder);
    let resolved = folder.ancestors().find_map(|above| {
        let rest = folder.strip_prefix(above).ok()?;
        Some(fs::canonicalize(above).ok()?.join(rest))
    });
    resolved.unwrap_or(folder)
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
