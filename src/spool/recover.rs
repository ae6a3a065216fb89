//! What the next run does about the last one: finish what was committed, sweep what was not.
//!
//! Every step may be repeated and interrupted again.

use std::io;

use super::checkpoint::Checkpoint;
use super::name::FileName;
use super::publish::{Placed, Trust, place, sync_both};
use super::staging::Staging;
use super::{Settings, SpoolError};
use crate::durable::{Kind, is_held};

/// What opening a spool found and mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Committed files that an interrupted run had not published, and that are now.
    pub finished: u64,
    /// Sentences for the operator about damage; a run that ends with 65 tells them.
    pub warnings: Vec<String>,
    /// The state was lost: collection starts again from the earliest that Mimecast still has.
    pub lost: bool,
    /// The state is older than what was published, as after the restoration of a backup.
    pub older: bool,
    /// Names of the files that were published.
    pub(super) names: Vec<String>,
}

/// Publishes what the record says was committed; returns how many files are in neither place.
pub(super) fn finish_pending(
    settings: &Settings,
    checkpoint: &Checkpoint,
    recovery: &mut Recovery,
) -> Result<u64, SpoolError> {
    let pending = &checkpoint.record().pending;
    if pending.is_empty() {
        return Ok(0);
    }
    checkpoint.confirm()?; // nothing is shown before the decision to show it is durable
    let (disk, staging, published) = (&*settings.disk, &settings.staging, &settings.published);
    let trust = Trust::Verify(settings.now.max(checkpoint.latest_known()).into());
    let mut missing = 0_u64;
    for moved in pending {
        let taken = |name: &FileName| {
            format!(
                "the name {} belongs to other content: a file was published as {name}",
                moved.name
            )
        };
        match place(disk, staging, published, moved, trust)
            .map_err(|error| SpoolError::disk("publish into", published, error))?
        {
            Placed::Moved => {
                recovery.finished += 1;
                recovery.names.push(moved.name.clone());
            }
            Placed::Numbered(name) => {
                recovery.finished += 1;
                recovery.warnings.push(taken(&name));
                recovery.names.push(name.to_string());
            }
            // numbered by the run that was interrupted
            Placed::Known(name) if name.as_str() != moved.name => {
                recovery.warnings.push(taken(&name));
            }
            Placed::Known(_) => {}
            Placed::Missing => missing += 1,
        }
    }
    // also when every file was in place: a killed run's renames may not have reached the disk
    sync_both(disk, staging, published)?;
    if missing > 0 {
        recovery.warnings.push(format!(
            "{missing} of {} committed files had vanished before they were published: \
             their batch is collected again",
            pending.len()
        ));
    }
    Ok(missing)
}

/// Deletes this stream's leftovers in the staging folder; other names are not touched.
pub(super) fn sweep(staging: &Staging) -> Result<(), SpoolError> {
    let listed = staging.disk.list(&staging.folder);
    for entry in listed.map_err(|error| SpoolError::disk("list", &staging.folder, error))? {
        if entry.kind == Kind::File && staging.owns(&entry.name) {
            let path = staging.folder.join(&entry.name);
            match staging.disk.remove(&path) {
                Err(error) if is_held(&error) => {} // a later run sweeps it
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // its run did it
                done => done.map_err(|error| SpoolError::disk("remove", &path, error))?,
            }
        }
    }
    Ok(())
}
