//! Opening a stream: the collector checks the data folder and the state, and finishes an interrupted run.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::checkpoint::{Checkpoint, Found};
use super::known::Older;
use super::owner::{Marker, OwnState, Verdict};
use super::published::own_names;
use super::recall::damaged_ids_warning;
use super::record::Record;
use super::settings::{staging_prefix, state_path};
use super::staging::Staging;
use super::{Adopt, Lock, Recovery, Settings, Spool, SpoolError, recover, verify};

impl Spool {
    /// Reads the state, claims the data folder, publishes the committed files of an interrupted run and
    /// sweeps the uncommitted ones.
    ///
    /// # Errors
    /// [`SpoolError::Unusable`] for a state that must not change. [`SpoolError::Foreign`] for a
    /// data folder of another installation. [`SpoolError::Interfered`] if another process changes the
    /// state meanwhile. [`SpoolError::Disk`] in every other case.
    pub fn open(settings: Settings, lock: Lock) -> Result<(Self, Recovery), SpoolError> {
        let disk = Arc::clone(&settings.disk);
        let path = state_path(&settings);
        let first = Record::first(&settings.stream, &settings.account);
        let now = settings.now;
        let (mut checkpoint, found) =
            Checkpoint::load(Arc::clone(&disk), path.clone(), first, now.timestamp())?;
        let mut recovery = Recovery::default();
        let marker = claim_data_folder(&settings, &mut checkpoint, &found, &mut recovery)?;
        report_state(&settings, &found, &marker, &mut recovery)?;
        let staging = Staging {
            disk: Arc::clone(&disk),
            folder: settings.staging.clone(),
            prefix: staging_prefix(&settings),
        };
        // the check comes first, because it may undo the pending batch
        verify::check_newest_files(&settings, &mut checkpoint, &mut recovery)?;
        let missing = recover::finish_pending(&settings, &checkpoint, &mut recovery)?;
        let undamaged_ids = check_older_ids(&settings, &checkpoint, &mut recovery)?;
        let is_resumed = recovery.lost || recovery.older;
        // each finding has its warning, so without warnings there is no change to save
        if missing > 0 || !recovery.warnings.is_empty() {
            checkpoint.replace(|record| {
                if missing > 0 {
                    record.undo_batch();
                }
                if is_resumed {
                    record.resumed = true;
                    // takes over the marker's number, so that the next run does not find its own
                    // state too old again
                    record.sequence = record.sequence.max(marker.newest());
                }
                record.older = undamaged_ids.or_else(|| record.older.take());
                record.warn_all(&recovery.warnings, now);
            })?;
        }
        recover::sweep(&staging)?;
        let spool = Self {
            settings,
            staging,
            is_resumed: checkpoint.record().resumed,
            checkpoint,
            marker,
            known: RefCell::default(),
            undamaged_ids: RefCell::default(),
            unsaved: RefCell::default(),
            published: recovery.names.iter().cloned().collect(),
            recovered: recovery.names.clone(),
            unknown_until: None,
            commit_failed: false,
            lock,
        };
        Ok((spool, recovery))
    }
}

/// Checks that the data folder belongs to this installation, and marks it. Warns if the state is older than
/// the marker says, or if the run adopts the folder. Gives a record without an id its id.
fn claim_data_folder(
    settings: &Settings,
    checkpoint: &mut Checkpoint,
    found: &Found,
    recovery: &mut Recovery,
) -> Result<Marker, SpoolError> {
    let record = checkpoint.record();
    let sequence = record.sequence;
    let (id, is_nameless) = (&*record.id, record.id.is_empty());
    let (mut marker, verdict) = Marker::read(settings, &OwnState { id, sequence })?;
    if is_nameless {
        checkpoint.set_id(marker.id_for(&verdict));
    }
    match verdict {
        Verdict::Ours => {}
        Verdict::Older if *found == Found::Current => {
            recovery.older = true;
            recovery.warnings.push(format!(
                "the state {} is older than the published files, as after restoring a backup: \
                 collection continues from it, and may publish some events again",
                state_path(settings).display()
            ));
        }
        Verdict::Older => {} // the newest record is damaged or missing: `report_state` warns
        Verdict::Foreign(state) if settings.adopt == Adopt::No => {
            return Err(SpoolError::Foreign {
                data: settings.data.clone(),
                is_exchanged: state == settings.state,
                state,
            });
        }
        Verdict::Foreign(state) if state == settings.state => recovery.warnings.push(format!(
            "adopted the data folder {} for the state of another installation: events that this state \
             counts as collected may be missing there, and the collector may publish others again",
            settings.data.display()
        )),
        Verdict::Foreign(state) => recovery.warnings.push(format!(
            "adopted the data folder {} from the installation whose state is in {}: the collector may \
             publish events again that the other installation has published",
            settings.data.display(),
            state.display()
        )),
    }
    // this excludes other installations from the first moment of the run
    let id = &*checkpoint.record().id;
    if let Err(error) = marker.claim(&*settings.disk, &OwnState { id, sequence }) {
        // the end of the run tries again, and reports an error
        tracing::warn!(%error, "could not mark the data folder: the end of the run tries again");
    }
    Ok(marker)
}

/// Warns if the state is damaged, or if it is missing although an earlier run has published here. Sets
/// `lost` if no record is usable.
fn report_state(
    settings: &Settings,
    found: &Found,
    marker: &Marker,
    recovery: &mut Recovery,
) -> Result<(), SpoolError> {
    let path = state_path(settings);
    match found {
        Found::Current => {}
        Found::Previous(why) => recovery.warnings.push(format!(
            "the state {} is not usable ({why}): collection continues from its copy",
            path.display()
        )),
        Found::Unreadable(why) => {
            recovery.lost = true;
            recovery.warnings.push(lost_state_warning(&path, why));
        }
        Found::Missing => {
            if marker.has_published() || has_files(settings)? || was_set_aside(settings)? {
                recovery.lost = true;
                recovery
                    .warnings
                    .push(lost_state_warning(&path, "it is missing"));
            }
        }
    }
    Ok(())
}

/// Warns if ids beside the record are missing, and returns their undamaged part. Returns `None` if they are
/// complete, or if the record names none.
fn check_older_ids(
    settings: &Settings,
    checkpoint: &Checkpoint,
    recovery: &mut Recovery,
) -> Result<Option<Older>, SpoolError> {
    let (path, disk) = (state_path(settings), &*settings.disk);
    let Some(older) = &checkpoint.record().older else {
        return Ok(None);
    };
    let failed = |error| SpoolError::disk("check the ids beside", &path, error);
    if older.is_there(disk, &path).map_err(failed)? {
        return Ok(None);
    }
    recovery.warnings.push(damaged_ids_warning(&path));
    older.sound(disk, &path).map(Some).map_err(failed)
}

/// True if an earlier run renamed a damaged state of the stream to `.bad-…`.
fn was_set_aside(settings: &Settings) -> Result<bool, SpoolError> {
    let folder = &settings.state;
    let listed = settings.disk.list(folder);
    let listed = listed.map_err(|error| SpoolError::disk("list", folder, error))?;
    let prefix = format!("{}.state", settings.stream);
    Ok(listed.iter().any(|entry| {
        let rest = entry.name.strip_prefix(&prefix);
        rest.is_some_and(|rest| rest.contains(".bad-"))
    }))
}

/// True if the published folder holds a file of the stream.
fn has_files(settings: &Settings) -> Result<bool, SpoolError> {
    let names = own_names(&*settings.disk, &settings.published)?;
    Ok(names.iter().any(|name| settings.stems.owns(name.as_str())))
}

fn lost_state_warning(path: &Path, why: &str) -> String {
    format!(
        "the state {} was lost ({why}): collection starts again, early enough to miss no event, and \
         does not write existing files twice",
        path.display()
    )
}
