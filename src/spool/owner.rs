//! The marker in a data folder. It names the installation that owns the folder, and its newest state.
//!
//! The marker is a small file. It names the state that publishes there, and the record's sequence number at
//! the end of the last run. Therefore a second installation cannot mix its files with those of the first.
//! The collector also recognises a state that the operator restored from a backup.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Settings, SpoolError};
use crate::durable::{self, Disk, Mode};

/// The folder of the markers, below the data folder.
pub(crate) const FOLDER: &str = ".collector";
const SIZE_LIMIT: u64 = 64 << 10;

/// The content of a marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    /// The id in the state record.
    id: String,
    /// The state folder.
    state: PathBuf,
    /// The sequence number of the record.
    sequence: u64,
}

/// Says if the run may adopt a data folder of another installation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adopt {
    /// The run refuses the folder.
    #[default]
    No,
    /// The operator asked to adopt it.
    Yes,
}

/// The identity of our own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnState<'a> {
    /// The id in the record. Empty if the record has none.
    pub(super) id: &'a str,
    pub(super) sequence: u64,
}

/// The result of comparing a marker with our own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The folder is ours, or it has no marker.
    Ours,
    /// The folder is ours, but a newer state than this one published there.
    Older,
    /// The folder belongs to another state.
    Foreign(PathBuf),
}

/// Compares a marker with our own state. `is_alive` is true if a state folder still holds a record
/// of this stream.
fn compare(
    owner: Option<&Owner>,
    state: &Path,
    ours: &OwnState<'_>,
    is_alive: impl Fn(&Path) -> bool,
) -> Verdict {
    let Some(owner) = owner else {
        return Verdict::Ours;
    };
    let is_older = owner.sequence > ours.sequence;
    let (same_id, same_place) = (owner.id == ours.id, owner.state == state);
    // a lost state and a state of version 0.1.0 have no id
    match (same_id || ours.id.is_empty(), same_place) {
        (true, true) if is_older => Verdict::Older,
        (true, true) => Verdict::Ours,
        // the folder moved together with its state; a copy would leave the original behind
        (_, false) if same_id && !is_alive(&owner.state) => match is_older {
            true => Verdict::Older,
            false => Verdict::Ours,
        },
        _ => Verdict::Foreign(owner.state.clone()),
    }
}

/// True if the error shows that the folder has no marker. After any other error the run must stop, because
/// it could give the state another id than the marker has.
const fn is_no_marker(error: io::ErrorKind) -> bool {
    use io::ErrorKind::{FileTooLarge, InvalidInput, NotADirectory, NotFound};
    matches!(
        error,
        NotFound | NotADirectory | InvalidInput | FileTooLarge
    )
}

/// The marker of one stream.
#[derive(Debug)]
pub(super) struct Marker {
    path: PathBuf,
    state: PathBuf,
    written: Option<Owner>,
    newest: u64,
}

impl Marker {
    /// Reads the marker and compares it with our own state. A malformed marker counts as missing.
    pub(super) fn read(
        settings: &Settings,
        ours: &OwnState<'_>,
    ) -> Result<(Self, Verdict), SpoolError> {
        let disk = &*settings.disk;
        let path = settings.data.join(FOLDER).join(&settings.stream);
        let content = match durable::read(disk, &path, SIZE_LIMIT) {
            Ok(content) => Some(content),
            Err(error) if is_no_marker(error.kind()) => None,
            Err(error) => return Err(SpoolError::disk("read", &path, error)),
        };
        let written: Option<Owner> =
            content.and_then(|content| serde_json::from_slice(&content).ok());
        let is_alive = |state: &Path| {
            let record = state.join(format!("{}.state", settings.stream));
            matches!(disk.entry(&record), Ok(Some(_)) | Err(_))
        };
        let verdict = compare(written.as_ref(), &settings.state, ours, is_alive);
        let marker = Self {
            path,
            state: settings.state.clone(),
            newest: written.as_ref().map_or(0, |owner| owner.sequence),
            written,
        };
        Ok((marker, verdict))
    }

    /// True if a state has published here before. A first run that was killed leaves a marker with
    /// the sequence number 0.
    pub(super) const fn has_published(&self) -> bool {
        self.newest > 0
    }

    /// Returns the id of the folder's own state, or a new one if the folder belongs to another installation.
    pub(super) fn id_for(&self, verdict: &Verdict) -> String {
        let is_ours = !matches!(verdict, Verdict::Foreign(_));
        let known = self
            .written
            .as_ref()
            .filter(|owner| is_ours && !owner.id.is_empty());
        let new = || Uuid::new_v4().simple().to_string();
        known.map_or_else(new, |owner| owner.id.clone())
    }

    /// Returns the sequence number of the newest state that has published here, as read at the start.
    pub(super) const fn newest(&self) -> u64 {
        self.newest
    }

    /// Writes our own state into the marker, so that other installations refuse the folder. Keeps the newest
    /// sequence number, so that an interrupted run does not hide that the state is older.
    pub(super) fn claim(&mut self, disk: &dyn Disk, ours: &OwnState<'_>) -> Result<(), SpoolError> {
        let is_ours = |owner: &Owner| owner.id == ours.id && owner.state == self.state;
        if self.written.as_ref().is_some_and(is_ours) {
            return Ok(());
        }
        let newest = self.written.as_ref().map_or(0, |owner| owner.sequence);
        let sequence = ours.sequence.max(newest);
        self.write(disk, &OwnState { sequence, ..*ours })
    }

    /// Writes the marker unless it is up to date. It need not survive a power cut: with an older
    /// marker, or none, the collector only recognises less.
    pub(super) fn write(&mut self, disk: &dyn Disk, ours: &OwnState<'_>) -> Result<(), SpoolError> {
        let owner = Owner {
            id: ours.id.to_owned(),
            state: self.state.clone(),
            sequence: ours.sequence,
        };
        if self.written.as_ref() == Some(&owner) {
            return Ok(());
        }
        let text = serde_json::to_vec(&owner).expect("plain data");
        disk.ensure_folder(durable::folder_of(&self.path), Mode::PRIVATE_FOLDER)
            .and_then(|()| durable::replace_lightly(disk, &self.path, &text, Mode::PRIVATE))
            .map_err(|error| SpoolError::disk("write", &self.path, error))?;
        self.written = Some(owner);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
