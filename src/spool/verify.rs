//! A check of the last published files, on platforms that cannot sync folders.
//!
//! There a power cut may undo the last renames. Only the order of the journal ties a rename to the
//! commit before it, and no vendor promises that order. After an interrupted run the collector
//! therefore moves the files of the batch before the pending one again, if necessary. It also
//! compares the newest files with the digests in their names.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use super::checkpoint::Checkpoint;
use super::name::FileName;
use super::publish::{FileOutcome, Trust, publish_one, sha256};
use super::recover::Recovery;
use super::settings::Stems;
use super::{Settings, SpoolError};
use crate::durable::{Disk, Entry, Kind, is_held};

/// The number of newest files to check. A power cut undoes only the last seconds.
const NEWEST: usize = 16;

/// Checks the files of the last batches if the last run was interrupted.
pub(super) fn check_newest_files(
    settings: &Settings,
    checkpoint: &mut Checkpoint,
    recovery: &mut Recovery,
) -> Result<(), SpoolError> {
    let disk = &*settings.disk;
    let previous = checkpoint.take_previous();
    if disk.syncs_folders() || (previous.is_none() && checkpoint.record().pending.is_empty()) {
        return Ok(());
    }
    let published = &settings.published;
    let failed = |error| SpoolError::disk("check files in", published, error);
    let mut damaged = damaged_names(disk, published, &settings.stems).map_err(failed)?;
    for moved in &checkpoint.record().pending {
        damaged.remove(&moved.name); // the recovery of pending files handles this one
    }
    let Some(previous) = previous else {
        recovery
            .warnings
            .extend(damaged.iter().map(|name| damaged_file_warning(name)));
        return Ok(());
    };
    let trust = Trust::Verify(settings.now.into());
    let mut is_back = false;
    for moved in &previous.pending {
        match publish_one(disk, &settings.staging, published, moved, trust).map_err(failed)? {
            FileOutcome::Moved | FileOutcome::Numbered(_) => recovery.finished += 1,
            FileOutcome::AlreadyThere(_) => {}
            // if the file is gone, an agent removed it; if it exists with other content, it is damaged
            FileOutcome::Missing => {
                damaged.remove(&moved.name);
                let there = disk.entry(&published.join(&moved.name)).map_err(failed)?;
                is_back |= there.is_some();
            }
        }
    }
    recovery
        .warnings
        .extend(damaged.iter().map(|name| damaged_file_warning(name)));
    if !is_back {
        return Ok(());
    }
    recovery.warnings.push(
        "published files of the last batch but one are damaged: collection repeats that batch"
            .to_owned(),
    );
    let warnings = std::mem::take(&mut recovery.warnings);
    checkpoint.replace(|record| {
        record.undo_two_batches(*previous);
        record.warn_all(&warnings, settings.now);
    })?;
    recovery.warnings = warnings;
    Ok(())
}

/// Returns the names of the newest files of a stream whose content does not match the name.
fn damaged_names(disk: &dyn Disk, folder: &Path, stems: &Stems) -> io::Result<HashSet<String>> {
    let mut files: Vec<(FileName, Entry)> = disk
        .list(folder)?
        .into_iter()
        .filter(|entry| entry.kind == Kind::File && stems.owns(&entry.name))
        .filter_map(|entry| Some((FileName::parse(&entry.name)?, entry)))
        .collect();
    files.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.modified));
    let mut damaged = HashSet::new();
    for (name, _) in files.into_iter().take(NEWEST) {
        let mut file = match disk.open(&folder.join(name.as_str())) {
            // an agent has just removed it, or has it open, so the file was complete
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_held(&error) => continue,
            opened => opened?,
        };
        let content = sha256(&mut file)?;
        if !content.starts_with(name.digest()) {
            damaged.insert(name.to_string());
        }
    }
    Ok(damaged)
}

fn damaged_file_warning(name: &str) -> String {
    format!("the published file {name} is damaged: some of its events may be missing")
}
