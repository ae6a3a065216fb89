//! What the installation weighs, what its runs cost, and how old its files become.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

use super::DAY;
use crate::harness::Installation;
use crate::stream::Stream;
use crate::tally::Tally;

/// The most of each kind in each week.
#[derive(Default)]
pub(super) struct Weights(BTreeMap<(String, u32), u64>);

/// What must not grow for ever.
const FOLDERS: [&str; 4] = ["data", "checkpoint", "checkpoint/quarantine", "log"];
/// What the state still gains in a third week, in kilobytes: up to a hundred gaps in both copies of the
/// record, and digests of eight days, which are forgotten some days at a time.
const MEMORY: u64 = 200;
const WEEK: u32 = 7 * DAY;

impl Weights {
    /// Weighs all folders after a run that began at `began` by this machine's clock. Files that got
    /// their time from this machine get it from the host of the run, whose clock said `host`; a time
    /// that the program has chosen stays.
    pub(super) fn look(
        &mut self,
        place: &Installation,
        run: u32,
        began: SystemTime,
        host: DateTime<Utc>,
    ) {
        for folder in FOLDERS {
            let mut weight = (0, 0);
            walk(&place.path(folder), (began, host.into()), &mut weight);
            self.weigh(&format!("files in {folder}/"), run, weight.0);
            self.weigh(&format!("kilobytes in {folder}/"), run, weight.1 / 1024);
        }
    }

    /// What a run cost, as its process left it.
    pub(super) fn cost(&mut self, run: u32, costs: &Path) {
        let text = fs::read_to_string(costs).unwrap_or_default();
        let values = text.split(' ').filter_map(|value| value.parse().ok());
        for (name, value) in ["kilobytes of memory", "open files at the end"]
            .iter()
            .zip(values)
        {
            self.weigh(name, run, value);
        }
        drop(fs::remove_file(costs)); // a run that is killed leaves none
    }

    fn weigh(&mut self, what: &str, run: u32, value: u64) {
        let key = (what.to_owned(), run / WEEK + 1);
        let most = self.0.entry(key).or_default();
        *most = value.max(*most);
    }

    /// With a retention of a week the third week weighs what the second did.
    pub(super) fn assert_flat(&self) {
        for ((what, week), third) in &self.0 {
            let Some(second) = self.0.get(&(what.clone(), 2)).filter(|_| *week == 3) else {
                continue;
            };
            let room = match what.as_str() {
                "kilobytes in checkpoint/" => MEMORY,
                _ => 8,
            };
            assert!(
                *third <= second + second / 4 + room,
                "{what}: {second}, then {third}"
            );
        }
    }

    pub(super) fn tell(self, stream: Stream, tally: &mut Tally) {
        for ((what, week), most) in self.0 {
            let stream = stream.name();
            tally.most(&format!("{stream}: {what}, the most in week {week}"), most);
        }
    }
}

/// Adds up files and bytes; what was written since `began` gets the time `host`.
fn walk(folder: &Path, (began, host): (SystemTime, SystemTime), weight: &mut (u64, u64)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, metadata) = (entry.path(), entry.metadata().expect("it is there"));
        if metadata.is_dir() {
            walk(&path, (began, host), weight);
            continue;
        }
        *weight = (weight.0 + 1, weight.1 + metadata.len());
        let modified = metadata.modified().expect("files have times here");
        if began <= modified && modified <= SystemTime::now() {
            set_time(&path, host);
        }
    }
}

fn set_time(path: &Path, time: SystemTime) {
    let file = File::options().append(true).open(path);
    let set = file.expect("our own file").set_modified(time);
    set.expect("the owner may");
}

/// When each published file appeared, whatever any clock said then.
pub(super) struct Ages {
    folder: PathBuf,
    appeared: HashMap<String, DateTime<Utc>>,
    deleted: u64,
}

/// `data_days`, less what rounding can take.
const KEPT: TimeDelta = TimeDelta::minutes(7 * 24 * 60 - 1);

impl Ages {
    pub(super) fn of(place: &Installation, stream: Stream) -> Self {
        Self {
            folder: place.path("data").join(stream.folder()),
            appeared: HashMap::new(),
            deleted: 0,
        }
    }

    /// After a run at the true time `now`: what is gone was deleted by it, and had to be old.
    pub(super) fn after_run(&mut self, now: DateTime<Utc>) {
        let there = self.names();
        let mut early = None;
        self.appeared.retain(|name, appeared| {
            let is_there = there.contains(name);
            if !is_there && now - *appeared < KEPT {
                early = Some((name.clone(), now - *appeared));
            }
            self.deleted += u64::from(!is_there);
            is_there
        });
        for name in there {
            self.appeared.entry(name).or_insert(now);
        }
        if let Some((name, age)) = early {
            panic!("{name} was deleted after {} hours", age.num_hours());
        }
    }

    /// What is gone now was taken by the agent.
    pub(super) fn after_agent(&mut self) {
        let there = self.names();
        self.appeared.retain(|name, _| there.contains(name));
    }

    /// How many files were deleted because of their age.
    pub(super) const fn deleted(&self) -> u64 {
        self.deleted
    }

    fn names(&self) -> HashSet<String> {
        let listed = fs::read_dir(&self.folder).expect("the folder is there");
        let names = listed.map(|entry| entry.expect("an entry").file_name());
        names
            .map(|name| name.into_string().expect("names are UTF-8"))
            .collect()
    }
}
