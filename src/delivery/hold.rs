//! The limits of an outbox: what cannot be delivered for too long is given up, oldest first.

use chrono::{DateTime, TimeDelta, Utc};

use super::queue::{Queue, list};
use crate::config::{Config, Destination};
use crate::durable::Disk;
use crate::spool::{Queued, SpoolError};

/// Returns the files to give up: those that are too old, and the oldest of those that are too large together.
pub fn plan(
    files: &[(Queued, u64)],
    now: DateTime<Utc>,
    hold: std::time::Duration,
    most_bytes: Option<u64>,
) -> Vec<Queued> {
    let hold = TimeDelta::from_std(hold).unwrap_or(TimeDelta::MAX);
    let horizon = now.checked_sub_signed(hold).unwrap_or_default();
    let horizon = u64::try_from(horizon.timestamp_millis()).unwrap_or_default();
    let mut bytes: u64 = files.iter().map(|(_, size)| size).sum();
    let is_over = |(queued, size): &&(Queued, u64)| {
        let is_over = queued.number < horizon || most_bytes.is_some_and(|most| bytes > most);
        bytes -= size;
        is_over
    };
    files
        .iter()
        .take_while(is_over)
        .map(|(queued, _)| queued.clone())
        .collect()
}

/// Gives up the files above the limits. Returns a sentence about them, or `None` if there are none.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn enforce(
    disk: &dyn Disk,
    config: &Config,
    destination: &Destination,
    now: DateTime<Utc>,
) -> Result<Option<String>, SpoolError> {
    let folder = config.outbox(&destination.name);
    let files = list(disk, &folder)?;
    let given_up = plan(&files, now, destination.hold, destination.hold_bytes);
    let (Some(first), Some(last)) = (given_up.first(), given_up.last()) else {
        return Ok(None);
    };
    let text = format!(
        "{}: gave up {} files that could not be delivered, committed from {} to {}: they were above the \
         limits of the outbox (hold_days, hold_bytes)",
        destination.name,
        given_up.len(),
        shown(first.number),
        shown(last.number)
    );
    let queue = Queue::of(disk, folder);
    for queued in &given_up {
        queue.remove(&queued.file_name())?;
    }
    queue.sync()?;
    Ok(Some(text))
}

/// Returns the time of a commit, for a person.
fn shown(number: u64) -> String {
    let time = i64::try_from(number).ok();
    let time = time.and_then(DateTime::from_timestamp_millis);
    time.unwrap_or_default()
        .format("%Y-%m-%d %H:%M UTC")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::FileName;
    use std::time::Duration;

    const DAY: u64 = 24 * 60 * 60;

    /// A file of so many days before the present, of ten bytes.
    fn file(days: u64) -> (Queued, u64) {
        let queued = Queued {
            number: (100 - days) * DAY * 1_000,
            index: 0,
            folder: "mta".to_owned(),
            stream: "siem".to_owned(),
            name: FileName::parse("receipt_0123456789abcdef.siem").unwrap(),
        };
        (queued, 10)
    }

    #[test]
    fn the_oldest_go_and_only_above_a_limit() {
        let now = DateTime::from_timestamp((100 * DAY) as i64, 0).unwrap();
        let files = [file(31), file(30), file(3), file(0)];
        for (hold, most, gone) in [
            (30, None, 1),
            (31, None, 0),
            (2, None, 3),
            (30, Some(40), 1),
            (40, Some(40), 0),
            (40, Some(39), 1),
            (40, Some(11), 3),
            (40, Some(1), 4),
        ] {
            let plan = plan(&files, now, Duration::from_secs(hold * DAY), most);
            assert_eq!(plan.len(), gone, "{hold} {most:?}");
        }
    }
}
