//! `replay`: fetches the events of a range again, into a folder of their own. The live positions and files
//! stay as they are.
//!
//! A replay is a run of the collector whose data and state folders are below `--into`. Its state makes it
//! resumable.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::collector::Collector;
use super::prepare::disk_failure;
use crate::config::{Config, Environment, normalized, unfit_for_data};
use crate::durable::{self, Mode, SystemDisk};
use crate::event_time::TimeRange;
use crate::failure::{Code, Failure};
use crate::logs;
use crate::run::arguments::Expected;
use crate::spool::Lock;

/// The folder of the replay's state, below `--into`.
const STATE: &str = "checkpoint";
/// The age of the youngest events of a range, by the clock of the host. They must be in Mimecast's index.
const SETTLING: TimeDelta = TimeDelta::minutes(3);
/// The time before the end of Mimecast's memory at which a range may begin, because requests take time.
const MARGIN: TimeDelta = TimeDelta::minutes(15);
/// The largest description of a replay, in bytes.
const ORDER_LIMIT: u64 = 64 << 10;

/// What to fetch again, and where to put it.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// The time of the first events, in UTC: 2026-11-20 or 2026-11-20T16:30Z
    #[arg(long, value_name = "TIME", value_parser = utc_time)]
    from: DateTime<Utc>,
    /// The time of the last events, in UTC
    #[arg(long, value_name = "TIME", value_parser = utc_time)]
    to: DateTime<Utc>,
    /// An empty folder, or the folder of the same replay, which then continues
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
}

/// What a folder of a replay holds: one file for each collector, in its state folder.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    account: String,
    range: TimeRange,
}

/// A replay that may run. While it exists, no other one runs in its folder.
pub struct Replay {
    /// The events to fetch.
    pub range: TimeRange,
    _lock: Lock,
}

/// Prepares a replay: checks the range and the folder, and makes the configuration use that folder.
///
/// # Errors
/// 64 for a range or folder that cannot be; 74 if the disk refuses; 75 if a replay is active in the folder.
pub fn prepare(
    flags: &Flags,
    collector: &Collector,
    config: &mut Config,
    now: DateTime<Utc>,
) -> Result<Replay, Failure> {
    let into = std::path::absolute(&flags.into)
        .map_err(|error| disk_failure("find the folder", &flags.into, &error))?;
    let into = normalized(&into);
    check_folder(&into, config)?;
    let order = Order {
        account: config.mimecast.account_code.clone(),
        range: ordered(flags, now)?,
    };
    let state = into.join(STATE);
    let file = state.join(format!("{}.replay.json", collector.program.name));
    // what Mimecast no longer keeps of a replay that continues becomes a gap
    let mut is_new = !continues(&file, &order, &into)?;
    if is_new {
        check_retention(order.range, collector.kept(config), now)?;
        if !is_empty_for(collector, &into)? {
            let what = format!("the folder {} is not empty", into.display());
            return Err(usage(&what, "name an empty folder with --into"));
        }
    }
    let make = |folder: &Path, mode| {
        durable::make_folder(folder, mode)
            .map_err(|error| disk_failure("make the folder", folder, &error))
    };
    make(&into, config.folders.folder_mode)?;
    make(&state, Mode::PRIVATE_FOLDER)?;
    let lock = Lock::take(&state, &format!("{}.replay", collector.program.name))?;
    is_new = is_new && !continues(&file, &order, &into)?;
    if is_new {
        // written first, so that a replay that ends here continues
        let text = serde_json::to_vec(&order).expect("an order is plain data");
        durable::replace(&SystemDisk, &file, &text, Mode::PRIVATE)
            .map_err(|error| disk_failure("write", &file, &error))?;
    }
    for name in [logs::STAGING, collector.folder] {
        make(&into.join(name), config.folders.folder_mode)?;
    }
    config.destinations.clear(); // a person asked for files
    config.folders.data = into;
    config.folders.state = state;
    Ok(Replay {
        range: order.range,
        _lock: lock,
    })
}

/// Returns a failure whose remedy fits a replay, which no scheduled run continues.
pub fn to_be_continued(mut failure: Failure) -> Failure {
    let is_stopped = matches!(
        failure.code,
        Code::Later | Code::Interrupted | Code::Terminated
    );
    if is_stopped || failure.is_out_of_time() {
        failure.remedy = "start the same command again: the replay continues".to_owned();
    }
    failure
}

/// Returns the range, if it is one and has passed.
fn ordered(flags: &Flags, now: DateTime<Utc>) -> Result<TimeRange, Failure> {
    let (from, to) = (flags.from, flags.to);
    if from >= to {
        return Err(usage("--from is not before --to", "exchange them"));
    }
    if to > now - SETTLING {
        let latest = shown(now - SETTLING);
        let what = "--to is in the future, or less than three minutes ago";
        return Err(usage(what, &format!("end at --to {latest}, or earlier")));
    }
    Ok(TimeRange { from, to })
}

/// Refuses a range that begins before the events that Mimecast keeps.
fn check_retention(range: TimeRange, kept: TimeDelta, now: DateTime<Utc>) -> Result<(), Failure> {
    let oldest = now - kept + MARGIN;
    if range.from >= oldest {
        return Ok(());
    }
    let what = format!(
        "--from is longer ago than Mimecast keeps these events, which is {} days",
        kept.num_days()
    );
    let earliest = shown(oldest + MARGIN);
    Err(usage(&what, &format!("begin at --from {earliest}")))
}

fn shown(time: DateTime<Utc>) -> impl std::fmt::Display {
    time.format("%Y-%m-%dT%H:%MZ")
}

/// Refuses the folders of the installation, and folders that contain them.
fn check_folder(into: &Path, config: &Config) -> Result<(), Failure> {
    let home = Environment::of_process().home;
    if let Some(reason) = unfit_for_data(into, home.as_deref(), &config.folders.state) {
        let what = format!("the folder {} {reason}", into.display());
        return Err(usage(&what, "name another folder with --into"));
    }
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let existing = into.ancestors().find(|above| above.exists());
    let place = existing.map_or(into.to_owned(), whole);
    let folders = &config.folders;
    for folder in [&folders.data, &folders.state, &folders.log] {
        let ours = whole(folder);
        let is_new = existing != Some(into);
        if place.starts_with(&ours) || (!is_new && ours.starts_with(&place)) {
            let what = format!(
                "the folder {} belongs to the collector: {} is its own",
                into.display(),
                folder.display()
            );
            return Err(usage(&what, "name a folder outside with --into"));
        }
    }
    Ok(())
}

/// True if the folder holds the same replay. An error if it holds another.
fn continues(file: &Path, order: &Order, into: &Path) -> Result<bool, Failure> {
    let text = match durable::read(&SystemDisk, file, ORDER_LIMIT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(disk_failure("read", file, &error)),
    };
    match serde_json::from_slice::<Order>(&text) {
        Ok(there) if there == *order => Ok(true),
        Ok(there) if there.account == order.account => {
            let what = format!(
                "the folder {} holds the replay from {} to {}",
                into.display(),
                there.range.from.format("%Y-%m-%dT%H:%M:%SZ"),
                there.range.to.format("%Y-%m-%dT%H:%M:%SZ"),
            );
            Err(usage(&what, "name these times, or another folder"))
        }
        _ => {
            let what = format!("the folder {} holds another replay", into.display());
            Err(usage(&what, "name an empty folder with --into"))
        }
    }
}

/// True if the folder is missing or empty, but for the replay of the other collector.
fn is_empty_for(collector: &Collector, into: &Path) -> Result<bool, Failure> {
    let listed = match std::fs::read_dir(into) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(disk_failure("list", into, &error)),
    };
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry.map_err(|error| disk_failure("list", into, &error))?;
        names.push(entry.file_name());
    }
    let is_replay = into.join(STATE).is_dir();
    let of_other = |name: &std::ffi::OsString| {
        let other = logs::PUBLISHED
            .iter()
            .find(|folder| **folder != collector.folder);
        let known = [Some(&STATE), Some(&logs::STAGING), other];
        is_replay && known.iter().flatten().any(|known| name == **known)
            || name.to_string_lossy().starts_with('.')
    };
    Ok(names.iter().all(of_other))
}

fn usage(what: &str, remedy: &str) -> Failure {
    Failure::new(Code::Usage, what, remedy)
}

/// Reads a day or a time in UTC. The error says in one clause what is expected.
pub(super) fn utc_time(text: &str) -> Result<DateTime<Utc>, Expected> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    let in_utc = text.strip_suffix(['Z', 'z']).and_then(|time| {
        let read = |form| NaiveDateTime::parse_from_str(time, form).ok();
        forms.into_iter().find_map(read)
    });
    in_utc.map(|time| time.and_utc()).ok_or_else(|| {
        Expected(match DateTime::parse_from_rfc3339(text).ok() {
            Some(time) => format!(
                "expected a time in UTC: {}",
                time.to_utc().format("%Y-%m-%dT%H:%M:%SZ")
            ),
            None => "expected a day or a time in UTC, such as 2026-11-20T16:30Z".to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_utc_and_says_so() {
        for (text, expected) in [
            ("2026-11-20", Ok("2026-11-20T00:00:00Z")),
            ("2026-11-20T16:30Z", Ok("2026-11-20T16:30:00Z")),
            ("2026-11-20T16:30:05Z", Ok("2026-11-20T16:30:05Z")),
            (
                "2026-11-20T16:30:05+01:00",
                Err("expected a time in UTC: 2026-11-20T15:30:05Z"),
            ),
            ("2026-11-20T16:30", Err("expected a day or")),
            ("yesterday", Err("expected a day or")),
            ("2026-02-30", Err("expected a day or")),
            ("", Err("expected a day or")),
        ] {
            match (utc_time(text), expected) {
                (Ok(time), Ok(expected)) => {
                    assert_eq!(time, expected.parse::<DateTime<Utc>>().unwrap(), "{text}");
                }
                (Err(Expected(why)), Err(expected)) => {
                    assert!(why.starts_with(expected), "{text}: {why}")
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
