//! What the next run does about the last one: finish what was committed, sweep what was not.
//!
//! Every step may be repeated and interrupted again.

use std::path::Path;

use super::SpoolError;
use super::checkpoint::Checkpoint;
use super::record::Record;
use super::scratch::Staging;
use super::store::{Placed, Trust, place, sync_both};
use crate::durable::{Disk, Kind, is_held};

/// What opening a spool found and mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Committed files that an interrupted run had not published, and that are now.
    pub finished: u64,
    /// Sentences for the operator about damage; the run ends with 65 when there are any.
    pub warnings: Vec<String>,
    /// The state was lost: collection starts again from the earliest that Mimecast still has.
    pub lost: bool,
}

/// Publishes what the record says was committed. When a file is in neither place, the whole batch
/// is asked for again.
pub(super) fn finish_pending(
    disk: &dyn Disk,
    staging: &Path,
    published: &Path,
    checkpoint: &mut Checkpoint,
    recovery: &mut Recovery,
) -> Result<(), SpoolError> {
    let pending = checkpoint.record().pending.clone();
    if pending.is_empty() {
        return Ok(());
    }
    checkpoint.confirm()?; // nothing is shown before the decision to show it is durable
    let mut missing = 0_u64;
    for moved in &pending {
        match place(disk, staging, published, moved, Trust::Verify)
            .map_err(|error| SpoolError::disk("publish into", published, error))?
        {
            Placed::Moved => recovery.finished += 1,
            Placed::Numbered(name) => {
                recovery.finished += 1;
                recovery.warnings.push(format!(
                    "the name {} belongs to other content: a file was published as {name}",
                    moved.name
                ));
            }
            Placed::Known => {}
            Placed::Missing => missing += 1,
        }
    }
    // also when every file was in place: a killed run's renames may not have reached the disk
    sync_both(disk, staging, published)?;
    if missing == 0 {
        return Ok(());
    }
    recovery.warnings.push(format!(
        "{missing} of {} committed files had vanished before they were published: \
         their batch is collected again",
        pending.len()
    ));
    checkpoint.replace(Record::go_back)
}

/// Deletes this stream's leftovers in the staging folder; other names are not touched.
pub(super) fn sweep(staging: &Staging) -> Result<(), SpoolError> {
    let listed = staging.disk.list(&staging.folder);
    for entry in listed.map_err(|error| SpoolError::disk("list", &staging.folder, error))? {
        if entry.kind == Kind::File && staging.owns(&entry.name) {
            let path = staging.folder.join(&entry.name);
            match staging.disk.remove(&path) {
                Err(error) if is_held(&error) => {} // a later run sweeps it
                done => done.map_err(|error| SpoolError::disk("remove", &path, error))?,
            }
        }
    }
    Ok(())
}
