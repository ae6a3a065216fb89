//! What an operator does to an outbox.

use chrono::{DateTime, Utc};

use super::begin;
use super::queue::{self, Queue, backlog};
use crate::config::{Config, Destination};
use crate::durable::{Disk as _, Kind, SystemDisk};
use crate::event_time::{TimeRange, event_time};
use crate::logs;
use crate::spool::{Lock, SpoolError};

/// Puts the published files with an event of a range into the outbox of a destination. Returns their number.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn queue_again(
    config: &Config,
    destination: &Destination,
    range: TimeRange,
    now: DateTime<Utc>,
) -> Result<u64, SpoolError> {
    let outbox = config.outbox(&destination.name);
    let number = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    let mut queued = 0;
    for folder in &destination.folders {
        let published = begin::published(&SystemDisk, config, folder)?;
        let mut wanted = Vec::new();
        for entry in &published {
            let path = config.folders.data.join(folder).join(&entry.name);
            let has_event = queue::has_line(&SystemDisk, &path, |line| {
                event_time(line).is_some_and(|time| range.from <= time && time <= range.to)
            });
            if has_event.map_err(|error| SpoolError::disk("read", &path, error))? {
                wanted.push(entry);
            }
        }
        // a number of its own: the destination may have confirmed these files under another
        begin::add(
            &SystemDisk,
            config,
            (folder, &outbox),
            &wanted,
            Some(number),
        )?;
        queued += wanted.len() as u64;
    }
    Ok(queued)
}

/// Returns each outbox with files whose destination is not configured: its name and the number of its files.
pub fn abandoned(config: &Config) -> Vec<(String, u64)> {
    let folder = config.folders.data.join(logs::OUTBOX);
    let listed = SystemDisk.list(&folder).unwrap_or_default();
    let is_configured = |name: &str| config.destinations.iter().any(|known| known.name == name);
    let unknown = listed
        .into_iter()
        .filter(|entry| entry.kind == Kind::Folder && !is_configured(&entry.name));
    let counted = unknown.filter_map(|entry| {
        let backlog = backlog(&SystemDisk, &folder.join(&entry.name)).ok()?;
        (backlog.files > 0).then_some((entry.name, backlog.files))
    });
    counted.collect()
}

/// Deletes the files of an outbox. Returns their number, or `None` if there is no such outbox.
///
/// # Errors
/// [`SpoolError::Busy`] if another run delivers there. [`SpoolError::Disk`].
pub fn drop_outbox(config: &Config, name: &str) -> Result<Option<u64>, SpoolError> {
    let folder = config.folders.data.join(logs::OUTBOX);
    let listed = SystemDisk.list(&folder).unwrap_or_default();
    if !listed
        .iter()
        .any(|entry| entry.name == name && entry.kind == Kind::Folder)
    {
        return Ok(None);
    }
    let _lock = Lock::take(&config.folders.state, &format!("deliver_{name}"))?;
    let folder = folder.join(name);
    let files = queue::list(&SystemDisk, &folder)?;
    let queue = Queue::of(&SystemDisk, folder);
    for (queued, _) in &files {
        queue.remove(&queued.file_name())?;
    }
    queue.sync()?;
    Ok(Some(files.len() as u64))
}
