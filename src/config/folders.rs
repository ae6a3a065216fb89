//! Refuses folders that must not be mixed, because the collectors delete old files in the data folder.

use std::path::{Component, Path, PathBuf};

use super::settings::Settings;
use super::{ConfigError, Environment, Folders};
use crate::logs;

/// Folders that cannot be the data folder, though a folder below them can.
const SHARED: &str = "
    /applications /dev /dev/shm /etc /home /library /media /mnt /opt /private /root /run /srv /tmp
    /users /usr /usr/local /usr/share /var /var/cache /var/lib /var/log /var/spool /var/tmp /volumes
    /programdata";
/// The same, for names with a space.
const SHARED_WITH_SPACE: [&str; 2] = ["/program files", "/program files (x86)"];

/// Folders of the operating system. They and all folders below cannot be the data folder.
const SYSTEM: &str = "
    /bin /boot /lib /lib32 /lib64 /proc /sbin /sys /system /usr/bin /usr/lib /usr/lib64 /usr/sbin
    /windows";

/// Reads `[folders]`.
///
/// # Errors
/// A path or mode that is not valid, or folders that must not be mixed.
pub(super) fn read(
    settings: &Settings<'_>,
    folder: &Path,
    environment: &Environment,
) -> Result<Folders, ConfigError> {
    let setting = |key| settings.get("folders", key);
    let place = |key, systemd: &Option<PathBuf>, default: &str| {
        let given = setting(key).path(folder)?;
        let other = || systemd.clone().unwrap_or_else(|| folder.join(default));
        Ok(given.unwrap_or_else(other))
    };
    let data = setting("data");
    let data = data.path(folder)?.ok_or_else(|| data.empty())?;
    let state = place("state", &environment.state_folder, "checkpoint")?;
    let log = place("log", &environment.log_folder, "log")?;
    if let Some(reason) = unfit_for_data(&data, environment.home.as_deref(), &state) {
        return Err(setting("data").refuse(reason));
    }
    for (key, path) in [("state", &state), ("log", &log)] {
        if is_published(path, &data) {
            let what = "is inside mta, audit or tmp of the data folder: expected a folder outside";
            return Err(setting(key).refuse(what));
        }
    }
    Ok(Folders {
        data,
        state,
        log,
        file_mode: setting("file_mode").mode(0o600)?,
        folder_mode: setting("folder_mode").mode(0o700)?,
    })
}

/// Returns the reason why `data` cannot be the data folder, or `None` if it can.
pub(crate) fn unfit_for_data(
    data: &Path,
    home: Option<&Path>,
    state: &Path,
) -> Option<&'static str> {
    let data = normalized(data);
    let name = lower_case_path(&data);
    if name.is_empty() {
        return Some("is the root of a file system: expected a folder of its own");
    }
    if home.is_some_and(|home| normalized(home) == data) {
        return Some("is a home folder: expected a folder of its own");
    }
    let is_shared = SHARED
        .split_whitespace()
        .chain(SHARED_WITH_SPACE)
        .any(|path| path == name);
    let is_system = |path| Path::new(&name).starts_with(path);
    if is_shared || SYSTEM.split_whitespace().any(is_system) {
        return Some("is a folder of the system: expected a folder of its own");
    }
    if data.starts_with(normalized(state)) {
        return Some("is inside the state folder: expected a folder outside");
    }
    None
}

/// True if `folder` is in a folder of published or staged files.
pub(super) fn is_published(folder: &Path, data: &Path) -> bool {
    let (folder, data) = (normalized(folder), normalized(data));
    let mut ours = logs::PUBLISHED.iter().chain([&logs::STAGING]);
    ours.any(|ours| folder.starts_with(data.join(ours)))
}

/// Returns the path without `.` and `..`. It does not follow links, because the folder may not exist yet.
pub(crate) fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normalized.pop()),
            other => normalized.push(other),
        }
    }
    normalized
}

/// Returns the path below the root in lower case with `/`, the same on all systems.
fn lower_case_path(normalized: &Path) -> String {
    let parts = normalized
        .components()
        .filter_map(|component| match component {
            Component::Normal(part) => Some(format!("/{}", part.to_string_lossy().to_lowercase())),
            _ => None,
        });
    parts.collect()
}
