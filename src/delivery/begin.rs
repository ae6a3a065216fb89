//! The first delivery to a destination: it gets the files that are published already, or none of them.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::config::destination::Begin;
use crate::config::{Config, Destination};
use crate::durable::{self, Disk, Entry, Kind, Mode};
use crate::spool::{FileName, Queued, SpoolError};

/// The file in an outbox that shows that the destination has begun.
const MARK: &str = ".begun";
/// The stream in the names of files that no commit has put into the outbox.
pub const BY_HAND: &str = "published";

/// Makes the outbox if it is missing, readable by its owner only.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn make_outbox(
    disk: &dyn Disk,
    config: &Config,
    destination: &Destination,
) -> Result<(), SpoolError> {
    let folder = config.outbox(&destination.name);
    disk.ensure_folder(&folder, Mode::PRIVATE_FOLDER)
        .map_err(|error| SpoolError::disk("make the folder", &folder, error))
}

/// True if the destination has begun.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn has_begun(disk: &dyn Disk, outbox: &Path) -> Result<bool, SpoolError> {
    let mark = outbox.join(MARK);
    let entry = disk.entry(&mark);
    let entry = entry.map_err(|error| SpoolError::disk("read", &mark, error))?;
    Ok(entry.is_some())
}

/// Puts the published files into the outbox if the destination wants them. A call that was interrupted can be
/// repeated.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn fill(disk: &dyn Disk, config: &Config, destination: &Destination) -> Result<(), SpoolError> {
    let outbox = config.outbox(&destination.name);
    if destination.begin == Begin::Oldest {
        for folder in &destination.folders {
            let published = published(disk, config, folder)?;
            // listed after the published files: a file gets its name in the outbox before it is published
            let queued = in_outbox(disk, &outbox)?;
            let is_missing =
                |entry: &&Entry| !queued.contains(&(folder.to_string(), entry.name.clone()));
            let missing: Vec<&Entry> = published.iter().filter(is_missing).collect();
            add(disk, config, (folder, &outbox), &missing, None)?;
        }
    }
    Ok(())
}

/// Notes in the outbox that the destination has begun.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn mark(disk: &dyn Disk, outbox: &Path) -> Result<(), SpoolError> {
    let mark = outbox.join(MARK);
    durable::replace(disk, &mark, b"", Mode::PRIVATE)
        .map_err(|error| SpoolError::disk("write", &mark, error))
}

/// Lists the published files of a folder, oldest first.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn published(disk: &dyn Disk, config: &Config, folder: &str) -> Result<Vec<Entry>, SpoolError> {
    let folder = config.folders.data.join(folder);
    let listed = match disk.list(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        listed => listed.map_err(|error| SpoolError::disk("list", &folder, error))?,
    };
    let is_ours =
        |entry: &Entry| entry.kind == Kind::File && FileName::parse(&entry.name).is_some();
    let mut files: Vec<_> = listed.into_iter().filter(is_ours).collect();
    files.sort_by(|one, other| (one.modified, &one.name).cmp(&(other.modified, &other.name)));
    Ok(files)
}

/// Puts published files into an outbox under a number, or numbered by their age. Skips a file that an agent takes
/// meanwhile.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn add(
    disk: &dyn Disk,
    config: &Config,
    (folder, outbox): (&str, &Path),
    files: &[&Entry],
    number: Option<u64>,
) -> Result<(), SpoolError> {
    for (index, entry) in files.iter().enumerate() {
        let age = entry
            .modified
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let millis = age.map_or(0, |age| age.as_millis());
        let Some(name) = FileName::parse(&entry.name) else {
            continue;
        };
        let queued = Queued {
            number: number.unwrap_or_else(|| u64::try_from(millis).unwrap_or_default()),
            index: u32::try_from(index).unwrap_or(u32::MAX),
            folder: folder.to_owned(),
            stream: BY_HAND.to_owned(),
            name,
        };
        let from = config.folders.data.join(folder).join(&entry.name);
        let to = outbox.join(queued.file_name());
        let failed = |error| SpoolError::disk("fill", outbox, error);
        if disk.entry(&to).map_err(failed)?.is_some() {
            continue;
        }
        match disk.link(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            linked => linked.map_err(failed)?,
        }
    }
    let synced = disk.sync_folder(outbox);
    synced.map_err(|error| SpoolError::disk("sync", outbox, error))
}

/// Returns folder and name of each file in an outbox.
fn in_outbox(disk: &dyn Disk, outbox: &Path) -> Result<BTreeSet<(String, String)>, SpoolError> {
    let files = super::queue::list(disk, outbox)?;
    let names = files.into_iter().map(|(queued, _)| queued);
    Ok(names
        .map(|queued| (queued.folder, queued.name.to_string()))
        .collect())
}
