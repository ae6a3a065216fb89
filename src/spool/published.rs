//! The files in the published folder and in the quarantine, and their pruning.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::publish::sha256;
use super::{FileName, Spool, SpoolError, prune, quarantine};
use crate::durable::{Disk, Kind};

impl Spool {
    /// Returns the names of this program's files in the published folder.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn published_names(&self) -> Result<Vec<FileName>, SpoolError> {
        own_names(&*self.settings.disk, &self.settings.published)
    }

    /// Opens a published file for reading. Returns `None` if an agent has removed it.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn read_published(
        &self,
        name: &FileName,
    ) -> Result<Option<impl io::Read + use<>>, SpoolError> {
        let path = self.settings.published.join(name.as_str());
        match self.settings.disk.open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SpoolError::disk("read", &path, error)),
        }
    }

    /// Reads the regular files in the published folder whose names `is_wanted` accepts, in the order of
    /// their names. They belong to another program. Leaves out a file that an agent removes meanwhile.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the folder or a file cannot be read.
    pub fn read_foreign(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        mut each: impl FnMut(&mut dyn io::Read) -> io::Result<()>,
    ) -> Result<(), SpoolError> {
        let (disk, folder) = (&*self.settings.disk, &self.settings.published);
        let listed = disk.list(folder);
        let mut listed = listed.map_err(|error| SpoolError::disk("list", folder, error))?;
        listed.retain(|entry| entry.kind == Kind::File && is_wanted(&entry.name));
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        for entry in listed {
            let path = folder.join(&entry.name);
            match disk.open(&path).and_then(|mut file| each(&mut file)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                read => read.map_err(|error| SpoolError::disk("read", &path, error))?,
            }
        }
        Ok(())
    }

    /// Returns the error of a published file that cannot be read.
    pub(crate) fn failed_to_read(&self, name: &FileName, error: io::Error) -> SpoolError {
        let path = self.settings.published.join(name.as_str());
        SpoolError::disk("read", &path, error)
    }

    /// Returns the names of the files that this run has published. This run never deletes them.
    pub fn published_now(&self) -> impl Iterator<Item = &String> {
        self.published.iter()
    }

    /// Deletes files of any stream in the published folder that are older than `days`. Spares the
    /// names in `spared`.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the disk cannot list the folder.
    pub fn prune_published(
        &self,
        now: DateTime<Utc>,
        days: u32,
        spared: &HashSet<String>,
    ) -> Result<prune::Pruned, SpoolError> {
        let pending = &self.checkpoint.record().pending;
        let ours = |name: &str| {
            FileName::parse(name).is_some()
                && !spared.contains(name)
                && !pending.iter().any(|moved| moved.name == name)
        };
        let (disk, folder) = (&*self.settings.disk, &self.settings.published);
        prune::prune(disk, folder, now, days, ours)
    }

    /// Deletes this stream's files in the quarantine that are older than `days`.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the disk cannot list the folder.
    pub fn prune_quarantine(
        &self,
        now: DateTime<Utc>,
        days: u32,
    ) -> Result<prune::Pruned, SpoolError> {
        let ours = |name: &str| quarantine::is_ours(name, &self.settings.stream);
        let folder = quarantine::folder(&self.settings);
        prune::prune(&*self.settings.disk, &folder, now, days, ours)
    }
}

/// What a file in the published folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The SHA-256 of its content, in lower-case hex. The name is one that the collector makes.
    Content(String),
    /// Not a regular file, or its name is not one that the collector makes.
    Foreign,
    /// A regular file that cannot be read. The text says why.
    Unreadable(String),
}

/// Reads every file in a published folder, in the order of the names. Leaves out files that an agent
/// takes meanwhile, and names that are not UTF-8.
///
/// # Errors
/// [`SpoolError::Disk`] if the folder cannot be listed.
pub fn check_published(
    disk: &dyn Disk,
    folder: &Path,
    mut each: impl FnMut(&str, Check),
) -> Result<(), SpoolError> {
    let mut listed = disk
        .list(folder)
        .map_err(|error| SpoolError::disk("list", folder, error))?;
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    for entry in listed {
        if entry.kind != Kind::File || FileName::parse(&entry.name).is_none() {
            each(&entry.name, Check::Foreign);
            continue;
        }
        let opened = disk.open(&folder.join(&entry.name));
        match opened.and_then(|mut file| sha256(&mut file)) {
            Ok(sha256) => each(&entry.name, Check::Content(sha256)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => each(&entry.name, Check::Unreadable(error.to_string())),
        }
    }
    Ok(())
}

/// True if the name holds the first digits of this SHA-256.
pub fn is_named_after(name: &str, sha256: &str) -> bool {
    FileName::parse(name).is_some_and(|name| sha256.starts_with(name.digest()))
}

pub(super) fn own_names(disk: &dyn Disk, folder: &Path) -> Result<Vec<FileName>, SpoolError> {
    let listed = disk
        .list(folder)
        .map_err(|error| SpoolError::disk("list", folder, error))?;
    let files = listed.iter().filter(|entry| entry.kind == Kind::File);
    Ok(files
        .filter_map(|entry| FileName::parse(&entry.name))
        .collect())
}
