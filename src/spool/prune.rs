//! Pruning: the collector deletes its own files that are older than their retention.
//!
//! A plan is a list of names. Carrying it out touches only regular files directly in one folder.

use std::ops::Add;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::SpoolError;
use crate::durable::{Disk, Entry, Kind};

/// The most deletions in one run: far more than a week's files, and a bound for a foreign folder.
const PER_RUN: usize = 20_000;
/// The distance between a corrected file time and `now`. While the collector prunes, the earliest
/// and the latest plausible time differ by less.
const MARGIN: TimeDelta = TimeDelta::minutes(10);

/// The result of pruning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The number of deleted files.
    pub removed: u64,
    /// The number of files that could not be deleted, for instance because an agent has them open.
    pub kept: u64,
}

impl Add for Pruned {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            removed: self.removed + other.removed,
            kept: self.kept + other.kept,
        }
    }
}

/// Returns the names to delete: regular files that `ours` accepts and that are older than `days`.
pub fn plan(
    entries: &[Entry],
    now: DateTime<Utc>,
    days: u32,
    ours: impl Fn(&str) -> bool,
) -> Vec<&str> {
    let Some(horizon) = now.checked_sub_signed(TimeDelta::days(i64::from(days))) else {
        return Vec::new(); // before the first date that chrono knows
    };
    entries
        .iter()
        .filter(|entry| entry.kind == Kind::File && ours(&entry.name))
        .filter(|entry| {
            entry
                .modified
                .is_some_and(|time| DateTime::<Utc>::from(time) < horizon)
        })
        .map(|entry| entry.name.as_str())
        .take(PER_RUN)
        .collect()
}

/// Returns our files with a time more than a day in the future. The clock of their run was wrong,
/// so they would never expire.
fn from_the_future<'a>(
    entries: &'a [Entry],
    now: DateTime<Utc>,
    ours: &impl Fn(&str) -> bool,
) -> impl Iterator<Item = &'a Entry> {
    let horizon = now + TimeDelta::days(1);
    entries.iter().filter(move |entry| {
        let modified = entry.modified.map(DateTime::<Utc>::from);
        entry.kind == Kind::File && modified.is_some_and(|time| time > horizon) && ours(&entry.name)
    })
}

/// Plans and deletes in one folder. Counts a file that cannot be deleted, and leaves it for a later run.
///
/// # Errors
/// [`SpoolError::Disk`] if the disk cannot list the folder.
pub fn prune(
    disk: &dyn Disk,
    folder: &Path,
    now: DateTime<Utc>,
    days: u32,
    ours: impl Fn(&str) -> bool,
) -> Result<Pruned, SpoolError> {
    let entries = disk
        .list(folder)
        .map_err(|error| SpoolError::disk("list", folder, error))?;
    for entry in from_the_future(&entries, now, &ours) {
        let opened = disk.append(&folder.join(&entry.name));
        // if an agent has it open or has removed it, a later run does this
        let _ = opened.and_then(|mut file| file.set_modified((now + MARGIN).into()));
    }
    let mut pruned = Pruned::default();
    for name in plan(&entries, now, days, ours) {
        match disk.discard(&folder.join(name)) {
            Ok(()) => pruned.removed += 1,
            Err(_) => pruned.kept += 1,
        }
    }
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::durable::Mode;
    use crate::durable::model::{Fault, Model, Renames};
    use crate::spool::FileName;
    use proptest::prelude::*;

    fn entry(name: &str, kind: Kind, age_days: i64, now: DateTime<Utc>) -> Entry {
        let modified = Some((now - TimeDelta::days(age_days)).into());
        Entry {
            name: name.to_owned(),
            kind,
            size: 1,
            modified,
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap()
    }

    const OURS: &str = "receipt_20261120000000000_0123456789abcdef.siem";

    #[test]
    fn only_own_old_regular_files_are_planned() {
        let entries = [
            entry(OURS, Kind::File, 8, now()),
            entry(&OURS.replace("receipt", "process"), Kind::File, 6, now()),
            entry(&OURS.replace("receipt", "linked"), Kind::Other, 8, now()),
            entry(&OURS.replace("receipt", "folder"), Kind::Folder, 8, now()),
            entry("notes.txt", Kind::File, 800, now()),
            entry("receipt_20261120000000000.siem", Kind::File, 800, now()),
        ];
        assert_eq!(
            plan(&entries, now(), 7, |name| FileName::parse(name).is_some()),
            [OURS]
        );
    }

    #[test]
    fn a_file_goes_when_it_is_older_by_a_second_and_not_before() {
        let aged = |seconds: i64| {
            let mut file = entry(OURS, Kind::File, 7, now());
            file.modified = Some((now() - TimeDelta::seconds(7 * 24 * 3_600 + seconds)).into());
            plan(&[file], now(), 7, |_| true).len()
        };
        assert_eq!([-1, 0, 1].map(aged), [0, 0, 1]);
    }

    #[test]
    fn a_file_without_a_time_or_from_the_future_stays() {
        let mut timeless = entry(OURS, Kind::File, 8, now());
        timeless.modified = None;
        let future = entry(OURS, Kind::File, -8, now());
        assert!(plan(&[timeless, future], now(), 7, |_| true).is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_deleted_is_counted_and_left_for_later() {
        let folder = Path::new("/mta");
        let disk = Model::new(&[folder], Renames::Atomic);
        disk.set_time((now() - TimeDelta::days(8)).into());
        let names = [OURS.to_owned(), OURS.replace("receipt", "process")];
        for name in &names {
            disk.create(&folder.join(name), Mode::PRIVATE).unwrap();
        }
        // the first call lists, the second deletes
        disk.plan(Some(Fault::FailCall(1, ErrorKind::PermissionDenied)));
        let ours = |name: &str| FileName::parse(name).is_some();
        let pruned = prune(&disk, folder, now(), 7, ours).unwrap();
        assert_eq!((pruned.removed, pruned.kept), (1, 1));
        let pruned = prune(&disk, folder, now(), 7, ours).unwrap();
        assert_eq!((pruned.removed, pruned.kept), (1, 0));
    }

    proptest! {
        #[test]
        fn a_plan_names_nothing_but_what_is_ours(
            names in prop::collection::vec(("[a-z]{1,8}(_[0-9a-f]{16})?\\.(siem|txt)", 0_i64..30), 0..20)
        ) {
            let entries: Vec<Entry> =
                names.iter().map(|(name, age)| entry(name, Kind::File, *age, now())).collect();
            for name in plan(&entries, now(), 7, |name| FileName::parse(name).is_some()) {
                prop_assert!(FileName::parse(name).is_some());
            }
        }
    }
}
