//! Recovery after the last run: publish the committed files, and sweep the uncommitted ones.
//!
//! Every step may be interrupted and repeated.

use std::io;

use super::checkpoint::Checkpoint;
use super::name::FileName;
use super::publish::{FileOutcome, PublishedFile, Trust, publish_one, sync_both};
use super::staging::Staging;
use super::{Settings, SpoolError, outbox};
use crate::durable::{Kind, is_held};

/// The findings and repairs of opening a spool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The number of files that an interrupted run committed and this run published.
    pub finished: u64,
    /// Sentences for the operator about damage. The run that reports them ends with exit code 65.
    pub warnings: Vec<String>,
    /// True if the state was lost. The collector then starts with the earliest data that Mimecast
    /// still holds.
    pub lost: bool,
    /// True if the state is older than the published files, as after restoring a backup.
    pub older: bool,
    /// The names of the files that this run published.
    pub(super) names: Vec<String>,
    /// The files of the interrupted run's last commit, whichever run published them.
    pub files: Vec<PublishedFile>,
}

/// Publishes the pending files of the record. Returns the number of files that are neither staged
/// nor published.
pub(super) fn finish_pending(
    settings: &Settings,
    checkpoint: &Checkpoint,
    recovery: &mut Recovery,
) -> Result<u64, SpoolError> {
    let pending = &checkpoint.record().pending;
    if pending.is_empty() {
        return Ok(0);
    }
    checkpoint.confirm()?; // the commit must be durable before the files become visible
    let (disk, staging, published) = (&*settings.disk, &settings.staging, &settings.published);
    let trust = Trust::Verify(settings.now.max(checkpoint.latest_known()).into());
    let number = checkpoint.record().commit;
    outbox::fill(settings, pending, number, trust)?;
    let mut missing = 0_u64;
    for (index, moved) in pending.iter().enumerate() {
        let taken = |name: &FileName| {
            format!(
                "other content already uses the name {}: the file is published as {name}",
                moved.name
            )
        };
        match publish_one(disk, staging, published, moved, trust)
            .map_err(|error| SpoolError::disk("publish into", published, error))?
        {
            FileOutcome::Moved => {
                recovery.finished += 1;
                recovery.names.push(moved.name.clone());
                recovery.files.push(moved.published_as(&moved.name));
            }
            FileOutcome::Numbered(name) => {
                recovery.finished += 1;
                recovery.files.push(moved.published_as(name.as_str()));
                recovery.warnings.push(taken(&name));
                recovery.names.push(name.to_string());
            }
            FileOutcome::AlreadyThere(name) => {
                recovery.files.push(moved.published_as(name.as_str()));
                // the interrupted run added the number
                if name.as_str() != moved.name {
                    recovery.warnings.push(taken(&name));
                }
            }
            FileOutcome::Missing => {
                let is_taken = outbox::holds(settings, (number, index, moved));
                // it was published before an agent removed it
                let is_taken =
                    is_taken.map_err(|error| SpoolError::disk("read", staging, error))?;
                missing += u64::from(!is_taken);
            }
        }
    }
    // even if every file was in place: the renames of a killed run may not have reached the disk
    sync_both(disk, staging, published)?;
    if missing > 0 {
        recovery.warnings.push(format!(
            "{missing} of {} committed files vanished before publishing: \
             their batch is collected again",
            pending.len()
        ));
    }
    Ok(missing)
}

/// Deletes this stream's leftovers in the staging folder. Touches no other name.
pub(super) fn sweep(staging: &Staging) -> Result<(), SpoolError> {
    let listed = staging.disk.list(&staging.folder);
    for entry in listed.map_err(|error| SpoolError::disk("list", &staging.folder, error))? {
        if entry.kind == Kind::File && staging.owns(&entry.name) {
            let path = staging.folder.join(&entry.name);
            match staging.disk.remove(&path) {
                Err(error) if is_held(&error) => {} // a later run sweeps it
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // another run has removed it
                done => done.map_err(|error| SpoolError::disk("remove", &path, error))?,
            }
        }
    }
    Ok(())
}
