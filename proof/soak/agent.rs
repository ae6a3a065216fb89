//! What an agent has read, and what the installation weighs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::DAY;
use crate::harness::Place;
use crate::scene::Scene;
use crate::tally::Tally;

/// Reads each published file once, when it appears, and never forgets.
pub(super) struct Agent {
    scene: Scene,
    /// Names, and whether they are still there.
    names: HashMap<String, bool>,
    lines: HashSet<Vec<u8>>,
    /// The time that each file was given.
    times: HashMap<PathBuf, SystemTime>,
    /// The most of each kind in each week.
    weights: BTreeMap<(String, u32), u64>,
}

/// What must not grow for ever.
const FOLDERS: [&str; 4] = ["data", "checkpoint", "checkpoint/quarantine", "log"];
const WEEK: u32 = 7 * DAY;

impl Agent {
    pub(super) fn new(scene: Scene) -> Self {
        Self {
            scene,
            names: HashMap::new(),
            lines: HashSet::new(),
            times: HashMap::new(),
            weights: BTreeMap::new(),
        }
    }

    /// Reads what is new, and sets the time of new files to the simulated one: retention goes by it.
    pub(super) fn look(&mut self, place: &Place, run: u32, now: DateTime<Utc>) {
        for folder in FOLDERS {
            let mut weight = (0, 0);
            self.walk(&place.path(folder), now.into(), &mut weight);
            self.weigh(&format!("files in {folder}/"), run, weight.0);
            self.weigh(&format!("kilobytes in {folder}/"), run, weight.1 / 1024);
        }
        self.scene.assert_whole(place);
        let published = place.files(self.scene.folder());
        for (name, there) in &mut self.names {
            let was = std::mem::replace(there, published.contains_key(name));
            assert!(was || !*there, "P2: {name} is published again");
        }
        for (name, content) in published {
            if self.names.insert(name, true).is_none() {
                self.read(&content);
            }
        }
    }

    fn read(&mut self, content: &[u8]) {
        let lines = content.split(|byte| *byte == b'\n');
        for line in lines.filter(|line| !line.is_empty()) {
            let known = match self.scene {
                Scene::Siem1 | Scene::Siem2 => line.to_vec(),
                Scene::Audit1 | Scene::Audit2 => id(line),
            };
            let text = String::from_utf8_lossy(&known[..known.len().min(200)]).into_owned();
            assert!(self.lines.insert(known), "P2: read twice: {text}");
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

    /// Adds up files and bytes, and gives files that were written since the last look their time.
    fn walk(&mut self, folder: &Path, time: SystemTime, weight: &mut (u64, u64)) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().expect("it is there"));
            if metadata.is_dir() {
                self.walk(&path, time, weight);
                continue;
            }
            *weight = (weight.0 + 1, weight.1 + metadata.len());
            if self.times.get(&path) != metadata.modified().ok().as_ref() {
                let file = File::options()
                    .append(true)
                    .open(&path)
                    .expect("our own file");
                file.set_modified(time).expect("the owner may");
                self.times.insert(path, time);
            }
        }
    }

    fn weigh(&mut self, what: &str, run: u32, value: u64) {
        let key = (what.to_owned(), run / WEEK + 1);
        let most = self.weights.entry(key).or_default();
        *most = value.max(*most);
    }

    /// P1: all that the service had was there to be read.
    pub(super) fn assert_has_read_all(&self, place: &Place) {
        let sandbox = &place.sandbox;
        let expected: Vec<Vec<u8>> = match self.scene {
            Scene::Siem1 => sandbox.siem_lines(),
            Scene::Siem2 => sandbox.all_object_lines(),
            Scene::Audit1 | Scene::Audit2 => sandbox
                .audit_ids()
                .into_iter()
                .map(String::into_bytes)
                .collect(),
        };
        let lost = expected.iter().find(|line| !self.lines.contains(*line));
        let lost = lost.map(|line| String::from_utf8_lossy(line));
        assert!(lost.is_none(), "P1: lost {lost:?}");
        assert_eq!(self.lines.len(), expected.len(), "read and had");
    }

    /// With a retention of a week the third week weighs what the second did.
    pub(super) fn assert_flat(&self) {
        for ((what, week), third) in &self.weights {
            let Some(second) = self.weights.get(&(what.clone(), 2)).filter(|_| *week == 3) else {
                continue;
            };
            assert!(
                *third <= second + second / 4 + 8,
                "{what}: {second}, then {third}"
            );
        }
    }

    pub(super) fn tell(self, tally: &mut Tally) {
        let scene = self.scene.name();
        tally.count(&format!("{scene}: events read"), self.lines.len() as u64);
        for ((what, week), most) in self.weights {
            tally.most(&format!("{scene}: {what}, the most in week {week}"), most);
        }
    }
}

fn id(line: &[u8]) -> Vec<u8> {
    let event: Value = serde_json::from_slice(line).expect("a JSON line");
    event["id"].as_str().expect("an id").as_bytes().to_vec()
}
