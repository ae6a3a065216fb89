//! Batch → staged → committed → published: each step needs the receipt of the step before.

use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::batch::{Batch, Size};
use super::gap::{Gap, Warning};
use super::name::FileName;
use super::record::{Move, hex};
use super::seen::Digest;
use super::{Settings, SpoolError, outbox};
use crate::durable::{Disk, Kind};

/// The number of names that the collector tries for one content.
const VARIANTS: u32 = 100;
const COPY_BYTES: usize = 64 << 10;

/// A receipt: every file of a batch is on the disk, and so is its staged name.
#[must_use = "staged files are swept unless the checkpoint takes them"]
pub(super) struct Staged {
    pub(super) moves: Vec<Move>,
    pub(super) ids: Vec<Digest>,
    pub(super) gaps: Vec<Gap>,
    pub(super) warnings: Vec<Warning>,
    pub(super) size: Size,
    pub(super) repeated: u64,
}

/// A receipt: the state record names these files, so the collector may publish them.
#[must_use = "committed files have to be published"]
pub(super) struct Committed {
    pub(super) moves: Vec<Move>,
    /// The number of the commit in the outboxes.
    pub(super) number: u64,
    pub(super) size: Size,
    /// The number of skipped files, whose content was already published.
    pub(super) repeated: u64,
}

/// The result of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The files, lines and bytes of the batch.
    pub size: Size,
    /// The number of files that already existed with the same content.
    pub repeated: u64,
    /// The number of files that the batch skipped, because their content was already published.
    pub left_out: u64,
    /// Names with a number, because other content already has the name.
    pub renamed: Vec<String>,
    /// The files that the commit published.
    pub files: Vec<PublishedFile>,
}

/// A file in the published folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// The name, without a folder.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// The number of lines, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// Lower-case hex.
    pub sha256: String,
}

/// Makes the staged names durable. [`Batch::add`] has already made the contents durable.
pub(super) fn stage(mut batch: Batch) -> Result<Staged, SpoolError> {
    if !batch.moves.is_empty() {
        let folder = &batch.staging.folder;
        batch
            .staging
            .disk
            .sync_folder(folder)
            .map_err(|error| SpoolError::disk("sync", folder, error))?;
    }
    Ok(Staged {
        moves: std::mem::take(&mut batch.moves),
        ids: std::mem::take(&mut batch.ids),
        gaps: std::mem::take(&mut batch.gaps),
        warnings: std::mem::take(&mut batch.warnings),
        size: batch.size,
        repeated: batch.repeated,
    })
}

/// Adds every committed file to the outboxes, and moves it into the watched folder.
pub(super) fn publish(settings: &Settings, committed: Committed) -> Result<Stored, SpoolError> {
    let (disk, staging, published) = (&*settings.disk, &*settings.staging, &*settings.published);
    outbox::fill(
        settings,
        &committed.moves,
        committed.number,
        Trust::JustWritten,
    )?;
    let mut stored = Stored {
        size: committed.size,
        left_out: committed.repeated,
        ..Stored::default()
    };
    for moved in &committed.moves {
        match publish_one(disk, staging, published, moved, Trust::JustWritten)
            .map_err(|error| SpoolError::disk("publish into", published, error))?
        {
            FileOutcome::Moved => stored.files.push(moved.published_as(&moved.name)),
            FileOutcome::AlreadyThere(_) => stored.repeated += 1,
            FileOutcome::Numbered(name) => {
                stored.files.push(moved.published_as(name.as_str()));
                stored.renamed.push(name.to_string());
            }
            FileOutcome::Missing => {
                let gone = io::Error::new(io::ErrorKind::NotFound, "a staged file has vanished");
                return Err(SpoolError::disk("publish from", staging, gone));
            }
        }
    }
    if !committed.moves.is_empty() {
        sync_both(disk, staging, published)?;
    }
    Ok(stored)
}

/// Makes moves durable. Syncs the new names first, so that a power cut never loses both names.
pub(super) fn sync_both(
    disk: &dyn Disk,
    staging: &Path,
    published: &Path,
) -> Result<(), SpoolError> {
    for folder in [published, staging] {
        disk.sync_folder(folder)
            .map_err(|error| SpoolError::disk("sync", folder, error))?;
    }
    Ok(())
}

/// The result of publishing one committed file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileOutcome {
    /// Moved to its own name.
    Moved,
    /// The same content already exists under this name.
    AlreadyThere(FileName),
    /// Other content has its name, so the file got a number.
    Numbered(FileName),
    /// The file is neither staged nor published.
    Missing,
}

/// Says if the collector must read a staged file again before it publishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// This process wrote and synced it.
    JustWritten,
    /// An earlier process wrote it and was interrupted. The age of the file counts from this time.
    Verify(SystemTime),
}

/// Sets the time of a file, from which its age counts, unless it is later already. After a power
/// cut the age may count from staging again.
pub(super) fn raise_modified_time(
    disk: &dyn Disk,
    path: &Path,
    time: SystemTime,
) -> io::Result<()> {
    let modified = disk.entry(path)?.and_then(|entry| entry.modified);
    if modified.is_some_and(|modified| modified >= time) {
        return Ok(());
    }
    disk.append(path)?.set_modified(time)
}

/// Moves one file unless its content is already published. A caller may repeat this at any time.
pub(super) fn publish_one(
    disk: &dyn Disk,
    staging: &Path,
    published: &Path,
    moved: &Move,
    trust: Trust,
) -> io::Result<FileOutcome> {
    let staged = staging.join(&moved.staged);
    let is_staged = match trust {
        Trust::JustWritten => disk.entry(&staged)?.is_some(),
        Trust::Verify(_) => has_same_content(disk, &staged, moved)?,
    };
    let first = FileName::parse(&moved.name).ok_or(io::ErrorKind::InvalidInput)?;
    for count in 1..=VARIANTS {
        let name = first.variant(count);
        let target = published.join(name.as_str());
        if has_same_content(disk, &target, moved)? {
            if is_staged {
                disk.remove(&staged)?;
            }
            return Ok(FileOutcome::AlreadyThere(name));
        }
        if is_staged && disk.entry(&target)?.is_none() {
            if let Trust::Verify(published_at) = trust {
                raise_modified_time(disk, &staged, published_at)?;
            }
            // the lock makes this process the only writer, so the name is still free
            disk.rename(&staged, &target)?;
            return Ok(if count == 1 {
                FileOutcome::Moved
            } else {
                FileOutcome::Numbered(name)
            });
        }
    }
    if !is_staged {
        return Ok(FileOutcome::Missing);
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("all variants of the name {first} are in use"),
    ))
}

/// True if the path leads to a regular file with exactly this content.
pub(super) fn has_same_content(disk: &dyn Disk, path: &Path, moved: &Move) -> io::Result<bool> {
    match disk.entry(path)? {
        Some(entry) if entry.kind == Kind::File && entry.size == moved.size => {
            Ok(sha256(&mut disk.open(path)?)? == moved.sha256)
        }
        _ => Ok(false),
    }
}

/// Returns the SHA-256 of a stream up to its end, in lower-case hex.
pub(super) fn sha256(source: &mut dyn Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}
