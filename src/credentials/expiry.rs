//! When the keys of API 1.0 expire. Mimecast says it at the log-in alone, so the setup keeps it in the state folder.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::durable::{self, Disk as _, Mode, SystemDisk};

/// The file in the state folder. It holds one time and no secret.
const FILE: &str = "keys_expire_at";
const SIZE_LIMIT: u64 = 64;

/// Keeps the time at which the saved keys expire. `None` if Mimecast did not say it.
///
/// # Errors
/// The error of the disk.
pub fn save(state: &Path, expires: Option<DateTime<Utc>>) -> io::Result<()> {
    let path = path(state);
    match expires {
        Some(time) => {
            let text = time.to_rfc3339_opts(SecondsFormat::Secs, true) + "\n";
            durable::replace(&SystemDisk, &path, text.as_bytes(), Mode::PRIVATE)
        }
        None => match SystemDisk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// Returns when the saved keys expire. `None` if it is not known.
pub fn load(state: &Path) -> Option<DateTime<Utc>> {
    let text = durable::read(&SystemDisk, &path(state), SIZE_LIMIT).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}

fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_kept_until_other_keys_replace_it() {
        let folder = tempfile::tempdir().unwrap();
        let time = "2026-12-24T18:00:00Z".parse().ok();
        assert_eq!(load(folder.path()), None);
        save(folder.path(), time).unwrap();
        assert_eq!(load(folder.path()), time);
        save(folder.path(), None).unwrap();
        assert_eq!(load(folder.path()), None);
        save(folder.path(), None).unwrap();
    }
}
